//! All books as one document, to be put back later or elsewhere.
//!
//! Holds what the journal holds: persons' data and the values of webhook headers, but no token.
//! Invariant: what is put back gives the same answers, clock and ids as when it was taken.

use serde::{Deserialize, Serialize};

use crate::Sandbox;
use crate::rules::Refusal;
use crate::world::{Counters, Entry};

/// Everything that happened up to a moment. Merchants, choices and faults are not in it.
#[derive(Serialize, Deserialize)]
pub struct Snapshot {
    now_ms: i64,
    counters: Counters,
    entries: Vec<Entry>,
}

impl Sandbox {
    /// The books as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let clock = self.clock();
        self.read(|world, now_ms| Snapshot {
            now_ms,
            counters: world.counters(clock.offset_ms()),
            entries: world.entries(),
        })
    }

    /// Puts books in place of those that are here. The clock goes back, or forward, with them.
    pub fn restore(&self, snapshot: Snapshot) -> Result<(), Refusal> {
        let mut books = self.lock();
        books.world.clear();
        books.world.forget_past();
        for entry in snapshot.entries {
            books.world.replay(entry);
        }
        books.world.replay(Entry::Counters(snapshot.counters));
        books.world.ids.return_to(snapshot.counters.ids_drawn);
        let clock = self.clock();
        clock.return_to_ms(snapshot.now_ms);
        let books = &mut *books;
        if let Some(journal) = &mut books.journal {
            let counters = books.world.counters(clock.offset_ms());
            let written = journal.replace(&books.world, counters);
            written.map_err(|_| Refusal::Storage)?;
        }
        self.wake().notify_one();
        Ok(())
    }
}
