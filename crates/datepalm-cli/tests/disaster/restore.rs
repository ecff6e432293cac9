//! A backup that was taken under load is put back (R30), while Tamara keeps all that happened since.
//!
//! Every payment had come to its end before: whatever moves money afterwards moves it twice.

use crate::books::{Movement, database_is_sound, ours, sums_agree, tamaras};
use crate::merchant::{Merchant, Order, asked, cart};
use crate::plan::PLANS;
use crate::processes::{Processes, Stage};
use crate::trade::trade;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Payments at least; some end before the backup, some after it.
const PAYMENTS: usize = 32;
/// Answers before the backup: some of the payments are under way then.
const ANSWERS: u64 = 120;
/// A run takes half a minute, by what else the machine does; one that takes this long hangs.
const PATIENCE: Duration = Duration::from_mins(3);

/// What was moved at Tamara, by order.
type Books = BTreeMap<String, Vec<Movement>>;

async fn tamaras_orders(merchant: &Merchant) -> Vec<Value> {
    let books = merchant.tamaras_books().await;
    books["orders"].as_array().unwrap().clone()
}

fn moved(orders: &[Value]) -> Books {
    let moved = orders
        .iter()
        .filter(|order| !order["approved_at_ms"].is_null());
    moved
        .map(|order| {
            let mut movements = tamaras(order);
            movements.sort();
            (order["order_id"].to_string(), movements)
        })
        .collect()
}

/// The payment of an order, if the service knows one.
async fn known(merchant: &Merchant, order: &Order) -> Option<Value> {
    let path = format!("/v1/payments?merchant_reference={}", order.reference);
    let list = merchant.get(&path).await;
    let found = list["data"].as_array().unwrap();
    found
        .iter()
        .find(|payment| payment["id"] == order.id.as_str())
        .cloned()
}

/// Sends all that the merchant ever asked for once more, with the same keys, as a backend does that is not sure.
async fn everything_again(merchant: &Merchant, order: &Order) {
    let mut again = vec![merchant.write("/v1/payments", &order.reference, &cart(&order.reference))];
    for (number, step) in order.plan.steps.iter().enumerate() {
        let asked = asked(order, number, *step, 0);
        again.push(merchant.write(&asked.path, &asked.key, &asked.body));
    }
    for request in again {
        let (status, answer) = merchant
            .try_once(request)
            .await
            .expect("there is no answer");
        let fits = match status {
            200..=202 => true,
            409 | 422 | 503 => answer["code"].is_string(),
            _ => false,
        };
        assert!(fits, "{}: {status} {answer:#}", order.reference);
    }
}

/// What the restored service says of a payment is what Tamara holds; what it cannot explain, a person is asked about.
/// Answers how many movements it cannot explain; nothing when the whole order is newer than the copy.
fn agrees(payment: &Value, all: &[Value], order: &Order) -> Option<usize> {
    let paid = all.iter().find(|at_tamara| {
        at_tamara["order_number"] == order.reference.as_str()
            && !at_tamara["approved_at_ms"].is_null()
    });
    let paid = paid.unwrap_or_else(|| panic!("{} was paid once", order.reference));
    let mut sessions = payment["sessions"].as_array().unwrap().iter();
    if !sessions.any(|session| session["order_id"] == paid["order_id"]) {
        // The copy was made before the answer to its creation; only a notification could tell of it.
        assert_eq!(payment["paid"], false, "{payment:#}");
        return None;
    }
    sums_agree(payment, paid);
    let mut unexplained = tamaras(paid);
    for our in ours(payment) {
        let at = unexplained.iter().position(|theirs| *theirs == our);
        drop(
            unexplained.remove(at.unwrap_or_else(|| panic!("{our:?} is not at Tamara: {paid:#}"))),
        );
    }
    let mut attention = payment["attention"].as_array().unwrap().iter();
    let asks = attention.any(|open| open["reason"] == "restored_unknown_effect");
    // A refund that came after the backup is known by its id when it is asked for again, without a call; the person who
    // was asked about it meanwhile still is.
    let mut operations = payment["operations"].as_array().unwrap().iter();
    let known_again = operations.any(|o| o["kind"] == "refund" && o["attempts"] == 0);
    let without_reason = asks && unexplained.is_empty() && !known_again;
    assert!(
        (unexplained.is_empty() || asks) && !without_reason,
        "{unexplained:?}: {payment:#}"
    );
    Some(unexplained.len())
}

/// Makes a copy of the database as it is in use.
fn back_up(database: &Path, copy: &Path) {
    let connection = rusqlite::Connection::open(database).unwrap();
    let copy = copy.to_str().unwrap();
    connection.execute("vacuum into ?1", [copy]).unwrap();
}

fn put_back(copy: &Path, database: &Path) {
    for ending in ["db-wal", "db-shm"] {
        std::fs::remove_file(database.with_extension(ending)).unwrap();
    }
    std::fs::copy(copy, database).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_put_back_moves_no_money_twice() {
    let stage = Stage::plain();
    let copy = stage.folder.path().join("backup.db");
    let (mut processes, merchant) = Processes::start(stage).await;
    let merchant = Arc::new(merchant);
    let run = async {
        let over = Arc::new(AtomicBool::new(false));
        let backing_up = async {
            merchant.answers(ANSWERS).await;
            back_up(processes.database(), &copy);
            merchant.answers(ANSWERS / 4).await;
            over.store(true, Ordering::SeqCst);
        };
        let (orders, ()) = tokio::join!(trade(&merchant, PAYMENTS, &over), backing_up);
        let before = moved(&tamaras_orders(&merchant).await);
        processes.kill_service();
        put_back(&copy, processes.database());
        processes.start_service(&merchant, &["--recover"]).await;
        let mut held = Vec::new();
        for order in &orders {
            if known(&merchant, order).await.is_some() {
                // While it stands still, and once more when it does not.
                everything_again(&merchant, order).await;
                held.push(order);
            }
        }
        for order in &held {
            merchant
                .until(order, |payment| payment["recovering"] == false)
                .await;
            merchant.comes_to_rest(order).await;
            everything_again(&merchant, order).await;
            merchant.comes_to_rest(order).await;
        }
        // New business goes on.
        merchant.sell(10_000, &PLANS[0]).await;
        processes.restart_service(&merchant).await;
        let all = tamaras_orders(&merchant).await;
        let mut differences = Vec::new();
        let mut newer = 0;
        for order in &held {
            let payment = known(&merchant, order).await.unwrap();
            match agrees(&payment, &all, order) {
                Some(0) => {}
                Some(unexplained) => differences.push(unexplained),
                None => newer += 1,
            }
        }
        let after = moved(&all);
        for (order, movements) in &before {
            assert_eq!(&after[order], movements, "something moved twice: {order}");
        }
        let moved: usize = before.values().map(Vec::len).sum();
        ([orders.len(), held.len(), newer, moved], differences)
    };
    let done = tokio::time::timeout(PATIENCE, run).await;
    let ([all, held, newer, moved], differences) = done.expect("the run hangs");
    assert!(held < all, "the backup holds everything");
    assert!(!differences.is_empty(), "nothing happened after the backup");
    let panics = processes.stop();
    assert!(
        !panics.iter().any(|line| line.contains("panicked")),
        "{panics:#?}"
    );
    let in_doubt = database_is_sound(processes.database());
    println!(
        "{all} payments, the backup held {held}, {newer} of them without their order; {} differ by {} movements of money, each in \
         attention; {moved} movements at Tamara before, none twice after",
        differences.len(),
        differences.iter().sum::<usize>()
    );
    println!("integrity_check: ok; had been in doubt: {in_doubt}");
}
