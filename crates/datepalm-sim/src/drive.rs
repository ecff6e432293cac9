//! Drives one future until it ends or stands at a place where the schedule decides; never two at once, and there are no
//! threads, so one plan gives one history.

use crate::wire::Wire;
use datepalm::store::in_line::{InLine, Point};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Where a future stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Before a transaction, or after its commit.
    Write(Point),
    /// At a call to Tamara.
    Call(u64),
    /// Behind another future of its process: both want to read one order (R25).
    Line,
}

/// Where a drive ended.
pub enum Drove<T> {
    /// The future is done.
    Done(T),
    /// It waits for the schedule.
    At(Stand),
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What futures stand at.
#[derive(Clone)]
pub struct Places {
    /// The database of all nodes.
    pub database: InLine,
    /// The wire of all nodes.
    pub wire: Wire,
}

/// Drives `future` to its end or to the next place where it stands.
pub fn drive<T>(mut future: Pin<&mut (dyn Future<Output = T> + '_)>, places: &Places) -> Drove<T> {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Drove::Done(value);
        }
        if let Some(call) = places.wire.take_parked() {
            return Drove::At(Stand::Call(call));
        }
        if let Some(point) = places.database.take_point() {
            return Drove::At(Stand::Write(point));
        }
        // There are no threads: nothing but another future can wake it.
        if !woken.0.swap(false, Ordering::SeqCst) {
            return Drove::At(Stand::Line);
        }
    }
}

/// Drives a future to its end; at calls it must not stand.
pub fn finish<T>(future: impl Future<Output = T>, places: &Places) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        match drive(future.as_mut(), places) {
            Drove::Done(value) => return value,
            Drove::At(Stand::Write(_)) => {}
            Drove::At(Stand::Call(_)) => unreachable!("the wire is open, or nothing is called"),
            Drove::At(Stand::Line) => unreachable!("a future that is alone waits for nobody"),
        }
    }
}
