//! `kill -9` while money moves: the service and the offline Tamara run as two processes of the built program, both are
//! killed again and again by the count of answers that clients got, and in the end the books of the two must agree.
//!
//! Not for single steps: what happens when the service dies after a given commit or around a given call stands in the
//! service's own tests, where one seed gives one history. Here processes, sockets, files and locks are real, and a
//! seed only repeats when the kills come, not what they hit. Invariant: nothing here waits for a time; a client waits
//! for news of its payment or for a process to be back, and the killer for answers.
//!
//! To run it longer, raise `SERVICE_KILLS` and `SANDBOX_KILLS`: clients go on with new payments until the last kill is
//! over. `cargo nextest run -p datepalm-cli --test kill --no-capture` shows the seed and what happened.

#![expect(
    clippy::unwrap_used,
    reason = "also the helpers of tests may fail a test"
)]

mod books;
mod merchant;
mod plan;
mod processes;

use datepalm::ids::{Ids, SeededIds, SystemIds};
use merchant::{Merchant, Order};
use plan::PLANS;
use processes::Processes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Payments at least; more when the kills take longer.
const PAYMENTS: usize = 64;
const CLIENTS: usize = 8;
const SERVICE_KILLS: usize = 24;
const SANDBOX_KILLS: usize = 4;
/// Answers between two kills.
const GAP_MIN: u8 = 6;
const GAP_MAX: u8 = 28;
/// A run takes 10 to 30 seconds, by what else the machine does; one that takes this long hangs.
const PATIENCE: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_the_books_agree() {
    let seed = seed();
    println!("seed {seed}");
    let (mut processes, merchant) = Processes::start().await;
    let merchant = Arc::new(merchant);
    let kills_over = Arc::new(AtomicBool::new(false));
    let run = async {
        let killing = async {
            kill(&mut processes, &merchant, seed).await;
            kills_over.store(true, Ordering::SeqCst);
        };
        let (orders, ()) = tokio::join!(trade(&merchant, &kills_over), killing);
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
    println!("{} payments, {processes}, {merchant}", orders.len());
    books::agree(&merchant, &orders).await;
    let errors = processes.stop();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    let in_doubt = books::database_is_sound(&processes.database());
    println!("had been in doubt: {in_doubt}");
}

/// Another in each run, so that many runs see more than one.
fn seed() -> u64 {
    let mut bytes = [0; 8];
    SystemIds::default().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Kills one of the two processes after every so many answers, and starts it again at once.
async fn kill(processes: &mut Processes, merchant: &Merchant, seed: u64) {
    let dice = SeededIds::new(seed);
    let kills = SERVICE_KILLS + SANDBOX_KILLS;
    let each = kills / SANDBOX_KILLS;
    for number in 0..kills {
        let mut throw = [0];
        dice.fill(&mut throw);
        let gap = GAP_MIN + throw[0] % (GAP_MAX - GAP_MIN + 1);
        merchant.answers(u64::from(gap)).await;
        if number % each == each / 2 {
            processes.restart_sandbox(merchant).await;
        } else {
            processes.restart_service(merchant).await;
        }
    }
}

/// Clients side by side, each with one payment after the other.
async fn trade(merchant: &Arc<Merchant>, kills_over: &Arc<AtomicBool>) -> Vec<Order> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (merchant, kills_over, next) = (merchant.clone(), kills_over.clone(), next.clone());
        clients.spawn(async move {
            let mut orders = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= PAYMENTS && kills_over.load(Ordering::SeqCst) {
                    return orders;
                }
                orders.push(merchant.sell(number, &PLANS[number % PLANS.len()]).await);
            }
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}
