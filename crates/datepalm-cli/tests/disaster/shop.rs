//! Clients that trade while something happens to the service, and what must be true afterwards.

use crate::books;
use crate::merchant::{Merchant, cart};
use crate::processes::{Processes, Stage};
use crate::trade::trade;
use reqwest::RequestBuilder;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Payments at least; more when what happens takes longer.
const PAYMENTS: usize = 24;
/// Looks at something before it hangs.
const LOOKS_MAX: usize = 240;
/// A run takes 10 to 30 seconds, by what else the machine does; one that takes this long hangs.
const PATIENCE: Duration = Duration::from_mins(3);

/// Lets clients trade while `happens` runs, restarts both processes, and holds the books side by side. The database is
/// examined where it is `seen` from here. Answers what was found, in one line.
pub async fn open_while(
    stage: Stage,
    seen: &Path,
    happens: impl AsyncFnOnce(&mut Processes, &Merchant),
) -> String {
    let (mut processes, merchant) = Processes::start(stage).await;
    let (merchant, over) = (Arc::new(merchant), Arc::new(AtomicBool::new(false)));
    let run = async {
        let happening = async {
            happens(&mut processes, &merchant).await;
            over.store(true, Ordering::SeqCst);
        };
        let (orders, ()) = tokio::join!(trade(&merchant, PAYMENTS, &over), happening);
        // What is compared is what the disks hold.
        processes.restart_service(&merchant).await;
        processes.restart_sandbox(&merchant).await;
        for order in &orders {
            merchant.comes_to_rest(order).await;
        }
        orders
    };
    let orders = tokio::time::timeout(PATIENCE, run).await;
    let orders = orders.expect("the run hangs");
    let findings = books::agree(&merchant, &orders).await;
    let panics: Vec<_> = processes.stop();
    let panics: Vec<_> = panics
        .iter()
        .filter(|line| line.contains("panicked"))
        .collect();
    assert!(panics.is_empty(), "{panics:#?}");
    let (_folder, copy) = copy_of(seen);
    let in_doubt = books::database_is_sound(&copy);
    format!(
        "{} payments, {merchant}\n{findings}\nintegrity_check: ok; had been in doubt: {in_doubt}",
        orders.len()
    )
}

/// The database where SQLite can open it by its path, which it follows to the end: out of another namespace.
fn copy_of(database: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(database, &copy).unwrap();
    std::fs::copy(
        database.with_extension("db-wal"),
        copy.with_extension("db-wal"),
    )
    .unwrap();
    (folder, copy)
}

/// Resolves after so many more answers that say "not now".
pub async fn refusals(merchant: &Merchant, more: u64) {
    let mut unavailable = merchant.unavailable.subscribe();
    let until = *unavailable.borrow() + more;
    unavailable.wait_for(|count| *count >= until).await.unwrap();
}

/// Looks until the service says that it is ready, or is not; answers the last problem's sentence.
pub async fn until_ready_is(merchant: &Merchant, ready: bool) -> String {
    for _ in 0..LOOKS_MAX {
        let url = format!("{}/readyz", merchant.service);
        let (status, problem) = answer(merchant, merchant.http.get(url)).await;
        assert!(matches!(status, 200 | 503), "{status} {problem:#}");
        if (status == 200) == ready {
            return sentence(&problem);
        }
        merchant.wait_a_little().await;
    }
    panic!("/readyz never changes");
}

/// One try to make a payment, which must be refused for now; answers the sentence.
pub async fn create_is_refused(merchant: &Merchant, reference: &str) -> String {
    let create = merchant.write("/v1/payments", reference, &cart(reference));
    let (status, problem) = answer(merchant, create).await;
    assert_eq!(
        (status, problem["code"].as_str(), &problem["retryable"]),
        (503, Some("unavailable"), &Value::Bool(true)),
        "{problem:#}"
    );
    sentence(&problem)
}

/// Reads go on although nothing can be written.
pub async fn reads_go_on(merchant: &Merchant) {
    let url = format!("{}/v1/payments?limit=1", merchant.service);
    let read = merchant.http.get(url).bearer_auth(&merchant.key);
    let (status, list) = answer(merchant, read).await;
    assert_eq!((status, &list["object"]), (200, &Value::from("list")));
    let url = format!("{}/healthz", merchant.service);
    assert_eq!(answer(merchant, merchant.http.get(url)).await.0, 200);
}

/// The answer to one request: there must be one.
async fn answer(merchant: &Merchant, request: RequestBuilder) -> (u16, Value) {
    merchant
        .try_once(request)
        .await
        .expect("there is no answer")
}

fn sentence(problem: &Value) -> String {
    problem["detail"].as_str().unwrap_or_default().to_owned()
}
