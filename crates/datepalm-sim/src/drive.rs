//! Drives one future until it ends or parks; never two at once. The only thing it waits for meanwhile is the store's
//! thread, so one plan gives one history although there are threads.

use datepalm::store::Progress;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::sync::watch;

/// A future that waits longer than this, real time, waits for nobody: a deadlock.
const DEADLOCK: Duration = Duration::from_secs(20);

/// Where a drive ended.
pub enum Drove<T> {
    /// The future is done.
    Done(T),
    /// It waits for the schedule: its call to Tamara is parked.
    AtCall,
    /// A transaction of it was committed, and it has not heard of it yet.
    AtCommit,
}

#[derive(Default)]
struct Signal {
    woken: Mutex<bool>,
    condvar: Condvar,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.condvar.notify_one();
    }
}

impl Signal {
    fn take(&self) -> bool {
        std::mem::take(&mut *self.woken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait(&self) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut woken, timeout) = self
            .condvar
            .wait_timeout_while(woken, DEADLOCK, |woken| !*woken)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(
            !timeout.timed_out(),
            "a future waits for nobody: a transaction is open across a call?"
        );
        *woken = false;
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
        if !signal.take() {
            signal.wait();
        }
    }
}

/// Drives a future that never parks.
pub fn finish<T>(future: impl Future<Output = T>, progress: &watch::Receiver<Progress>) -> T {
    let future = std::pin::pin!(future);
    match drive(future, &|| false, progress, None) {
        Drove::Done(value) => value,
        Drove::AtCall | Drove::AtCommit => unreachable!("it was told not to park"),
    }
}
