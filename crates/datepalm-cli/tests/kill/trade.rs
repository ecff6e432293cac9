//! Many clients of one merchant, each with one payment after the other.

use crate::merchant::{Merchant, Order};
use crate::plan::PLANS;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::task::JoinSet;

const CLIENTS: usize = 8;

/// Trades until at least so many payments came to their end and `over` says that no more are needed.
pub async fn trade(
    merchant: &Arc<Merchant>,
    at_least: usize,
    over: &Arc<AtomicBool>,
) -> Vec<Order> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (merchant, over, next) = (merchant.clone(), over.clone(), next.clone());
        clients.spawn(async move {
            let mut orders = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= at_least && over.load(Ordering::SeqCst) {
                    return orders;
                }
                orders.push(merchant.sell(number, &PLANS[number % PLANS.len()]).await);
            }
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}
