//! `kill -9` while money moves: the service and the offline Tamara run as two processes of the built program, both are
//! killed again and again by the count of answers that clients got, and in the end the books of the two must agree.
//!
//! Not for single steps: what happens when the service dies after a given commit or around a given call stands in the
//! service's own tests, where one seed gives one history. Here processes, sockets, files and locks are real, and a
//! seed only repeats when the kills come, not what they hit. Invariant: nothing here waits for a time; a client waits
//! for news of its payment or for a process to be back, and the killer for answers: of the service to its clients, or of
//! Tamara to the service, which are killed for as soon as they are in the log, between an effect and its record.
//!
//! `DATEPALM_KILLS=300 cargo nextest run -p datepalm-cli --test kill --no-capture` kills more often than a run of all
//! tests does, and shows the seed and what happened: clients go on with new payments until the last kill is over.

#![expect(
    clippy::unwrap_used,
    reason = "also the helpers of tests may fail a test"
)]

mod books;
mod merchant;
mod plan;
mod processes;
mod trade;

use datepalm::ids::{Ids, SeededIds, SystemIds};
use merchant::Merchant;
use processes::{Processes, Stage};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use trade::trade;

/// Payments at least; more when the kills take longer.
const PAYMENTS: usize = 64;
/// Kills when nobody says how many.
const KILLS: usize = 28;
/// Of so many kills one is the sandbox's.
const SANDBOX_EACH: usize = 7;
/// Answers to clients between two kills, at most; at least one.
const ANSWERS_MAX: u8 = 28;
/// Answers of Tamara between two kills, at most; at least one.
const CALLS_MAX: u8 = 12;
/// A usual run takes 10 to 30 seconds, by what else the machine does; one that takes this long, and this much more for
/// each kill, hangs.
const PATIENCE: Duration = Duration::from_mins(5);
const PATIENCE_EACH: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_the_books_agree() {
    let (seed, kills) = (seed(), kills());
    println!("seed {seed}");
    let (mut processes, merchant) = Processes::start(Stage::plain()).await;
    let merchant = Arc::new(merchant);
    let kills_over = Arc::new(AtomicBool::new(false));
    let run = async {
        let killing = async {
            kill(&mut processes, &merchant, seed, kills).await;
            kills_over.store(true, Ordering::SeqCst);
        };
        let (orders, ()) = tokio::join!(trade(&merchant, PAYMENTS, &kills_over), killing);
        // What is compared is what the disks hold.
        processes.restart_service(&merchant).await;
        processes.restart_sandbox(&merchant).await;
        for order in &orders {
            merchant.comes_to_rest(order).await;
        }
        orders
    };
    let patience = PATIENCE + PATIENCE_EACH * u32::try_from(kills).unwrap();
    let orders = tokio::time::timeout(patience, run).await;
    let orders = orders.expect("the run hangs");
    println!("{} payments, {processes}, {merchant}", orders.len());
    println!("{}", books::agree(&merchant, &orders).await);
    let errors = processes.stop();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    let in_doubt = books::database_is_sound(processes.database());
    println!("integrity_check: ok; had been in doubt: {in_doubt}");
}

/// Another in each run, so that many runs see more than one.
fn seed() -> u64 {
    let mut bytes = [0; 8];
    SystemIds::default().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// As many as `DATEPALM_KILLS` says.
fn kills() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever runs the test says how long"
    )]
    let said = std::env::var("DATEPALM_KILLS").ok();
    said.map_or(KILLS, |number| {
        number.parse().expect("DATEPALM_KILLS is a number")
    })
}

/// Kills one of the two processes again and again, at moments that the seed draws, and starts it again at once.
async fn kill(processes: &mut Processes, merchant: &Merchant, seed: u64, kills: usize) {
    let dice = SeededIds::new(seed);
    for number in 0..kills {
        let mut thrown = [0; 2];
        dice.fill(&mut thrown);
        if thrown[0] % 2 == 0 {
            let answers = 1 + thrown[1] % ANSWERS_MAX;
            merchant.answers(u64::from(answers)).await;
        } else {
            processes.calls(u64::from(1 + thrown[1] % CALLS_MAX)).await;
        }
        if number % SANDBOX_EACH == SANDBOX_EACH / 2 {
            processes.restart_sandbox(merchant).await;
        } else {
            processes.restart_service(merchant).await;
        }
    }
}
