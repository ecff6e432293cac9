//! A closure on its way to a database thread, and the queue it waits in.

use super::Counter;
use super::tx::Tx;
use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Work for a database thread. `run` may be called more than once; `answer` once, after the commit.
pub(super) trait Job: Send {
    /// Writes nothing: wants one snapshot, no locks.
    fn reads_only(&self) -> bool;
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    fn answer(self: Box<Self>, result: Result<()>);
}

struct Work<F, T> {
    reads_only: bool,
    closure: F,
    value: Option<T>,
    reply: oneshot::Sender<Result<T>>,
    counter: Arc<Counter>,
}

impl<F, T> Job for Work<F, T>
where
    F: Fn(&mut Tx<'_>) -> Result<T> + Send,
    T: Send,
{
    fn reads_only(&self) -> bool {
        self.reads_only
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.value = None;
        self.value = Some((self.closure)(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<()>) {
        let Self {
            value,
            reply,
            counter,
            ..
        } = *self;
        let value =
            result.and_then(|()| value.ok_or_else(|| Error::Database("no value".to_owned())));
        // The caller may have gone away; its write stands all the same.
        let _ = reply.send(value);
        counter.answered();
    }
}

/// A queue that threads take from. Closed when the store is dropped.
#[derive(Clone)]
pub(super) struct Queue {
    inner: Arc<(Mutex<Waiting>, Condvar)>,
    counter: Arc<Counter>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
}

impl Queue {
    pub fn new(counter: &Arc<Counter>) -> Self {
        Self {
            inner: Arc::new((Mutex::default(), Condvar::new())),
            counter: counter.clone(),
        }
    }

    /// Queues a closure; the receiver gets its value after the commit.
    pub fn push<F, T>(&self, reads_only: bool, closure: F) -> oneshot::Receiver<Result<T>>
    where
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, receiver) = oneshot::channel();
        let (mutex, condvar) = &*self.inner;
        let mut waiting = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.closed {
            waiting.jobs.push_back(Box::new(Work {
                reads_only,
                closure,
                value: None,
                reply,
                counter: self.counter.clone(),
            }));
            self.counter.asked();
        }
        drop(waiting);
        condvar.notify_one();
        receiver
    }

    /// Waits for work and takes up to `most` of it; `None` once the queue is closed and empty.
    pub fn next(&self, most: usize) -> Option<Vec<Box<dyn Job>>> {
        let (mutex, condvar) = &*self.inner;
        let mut waiting = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.jobs.is_empty() && !waiting.closed {
            waiting = condvar
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let count = waiting.jobs.len().min(most);
        (count > 0).then(|| waiting.jobs.drain(..count).collect())
    }

    /// No more work comes; what waits is still done.
    pub fn close(&self) {
        let (mutex, condvar) = &*self.inner;
        mutex.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        condvar.notify_all();
    }
}
