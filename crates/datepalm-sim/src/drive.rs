//! Drives one future until it ends or parks; never two at once. The only thing it waits for meanwhile is the store's
//! thread, so one plan gives one history although there are threads.

use datepalm::store::Progress;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use tokio::sync::watch;

/// Where a drive ended.
pub enum Drove<T> {
    /// The future is done.
    Done(T),
    /// It waits for the schedule: its call to Tamara is parked.
    AtCall,
    /// A transaction of it was committed, and it has not heard of it yet.
    AtCommit,
    /// It waits for another future of its process: both want to read one order (R25).
    Waits,
}

#[derive(Default)]
struct Signal(AtomicBool);

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Waits until the store's threads have answered everything that was asked of them.
fn store_rests(progress: &watch::Receiver<Progress>) {
    let resting = |progress: &Progress| progress.asked == progress.answered;
    while !resting(&progress.borrow()) {
        std::thread::yield_now();
    }
}

/// Drives `future`. `parked` tells, after a poll, whether it parked at a call. `stop_after_commits`: stop when that
/// many more transactions are committed, before the future hears of the last one.
pub fn drive<T>(
    mut future: Pin<&mut (dyn Future<Output = T> + '_)>,
    parked: &dyn Fn() -> bool,
    progress: &watch::Receiver<Progress>,
    stop_after_commits: Option<u64>,
) -> Drove<T> {
    let signal = Arc::new(Signal::default());
    let waker = Waker::from(signal.clone());
    let mut context = Context::from_waker(&waker);
    let stop_at = stop_after_commits.map(|more| progress.borrow().commits + more);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Drove::Done(value);
        }
        if parked() {
            return Drove::AtCall;
        }
        store_rests(progress);
        if stop_at.is_some_and(|stop_at| progress.borrow().commits >= stop_at) {
            return Drove::AtCommit;
        }
        // The store has answered everything, and an answer wakes before it is counted: nothing but another future can.
        if !signal.0.swap(false, Ordering::SeqCst) {
            return Drove::Waits;
        }
    }
}

/// Drives a future that never parks.
pub fn finish<T>(future: impl Future<Output = T>, progress: &watch::Receiver<Progress>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        match drive(future.as_mut(), &|| false, progress, None) {
            Drove::Done(value) => return value,
            // A store that is being opened does not count its answers yet.
            Drove::Waits => std::thread::yield_now(),
            Drove::AtCall | Drove::AtCommit => unreachable!("it was told not to park"),
        }
    }
}
