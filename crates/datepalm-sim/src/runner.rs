//! Runs many seeds on a few threads, each history on one of them, and hands them back in the order of their seeds.

use crate::history::{History, run};
use crate::plan::generate;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

/// How to run.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Steps of each history.
    pub steps: usize,
    /// Threads.
    pub jobs: usize,
    /// Run each seed twice.
    pub twice: bool,
    /// Keep the log of each history.
    pub logging: bool,
}

/// One seed's outcome: its history, and the same again if it was run twice.
pub struct Told {
    /// The seed.
    pub seed: u64,
    /// Its history.
    pub history: History,
    /// Its history once more.
    pub again: Option<History>,
}

fn tell(seed: u64, manner: Manner) -> anyhow::Result<Told> {
    let plan = generate(seed, manner.steps);
    let logging = manner.logging || manner.twice;
    let history = run(seed, &plan, logging)?;
    let again = manner
        .twice
        .then(|| run(seed, &plan, logging))
        .transpose()?;
    Ok(Told {
        seed,
        history,
        again,
    })
}

/// Runs seeds until there are none, or `each` answers false.
pub fn run_seeds(
    seeds: impl Iterator<Item = u64> + Send,
    manner: Manner,
    mut each: impl FnMut(Told) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let seeds = Mutex::new(seeds.enumerate());
    let over = AtomicBool::new(false);
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..manner.jobs.max(1) {
            let send = send.clone();
            let (seeds, over) = (&seeds, &over);
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    let next = seeds.lock().ok().and_then(|mut seeds| seeds.next());
                    let Some((place, seed)) = next else { return };
                    if send.send((place, tell(seed, manner))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut waiting = BTreeMap::new();
        let mut wanted = 0;
        while let Ok((place, told)) = receive.recv() {
            waiting.insert(place, told);
            while let Some(told) = waiting.remove(&wanted) {
                wanted += 1;
                let go_on = told.and_then(&mut each);
                if !matches!(go_on, Ok(true)) {
                    over.store(true, Ordering::SeqCst);
                    return go_on.map(drop);
                }
            }
        }
        Ok(())
    })
}
