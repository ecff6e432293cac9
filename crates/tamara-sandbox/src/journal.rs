//! Keeps the world in a directory: one append-only file of JSON lines.
//!
//! One line is one change, the whole changed objects, written before the answer leaves; so a
//! killed process loses nothing that anybody was told. (The file is synced only when it is
//! compacted: a power cut may cost the last lines.) Invariant: every line that ends in a newline
//! parses; what follows the last newline is a torn write and never happened.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::world::{Counters, Entry, World};
use crate::{Clock, Error};

const FILE: &str = "journal.jsonl";
const COMPACTED: &str = "journal.jsonl.new";

pub(crate) struct Journal {
    directory: PathBuf,
    file: File,
    length_bytes: u64,
    written: Counters,
}

impl Journal {
    /// Replays what is in `directory` into `world` and `clock`, then writes it anew without its history.
    pub(crate) fn open(directory: &Path, world: &mut World, clock: &Clock) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(|e| failed(directory, &e))?;
        let path = directory.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => replay(&path, &text, world, clock)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(failed(&path, &e)),
        }
        let counters = world.counters(clock.offset_ms());
        compact(directory, world, counters).map_err(|e| failed(&path, &e))
    }

    /// Forgets the history and begins with `world`.
    pub(crate) fn replace(&mut self, world: &World, counters: Counters) -> io::Result<()> {
        *self = compact(&self.directory, world, counters)?;
        Ok(())
    }

    /// Writes one change. On an error the file is as it was before.
    pub(crate) fn append(&mut self, mut entries: Vec<Entry>, counters: Counters) -> io::Result<()> {
        if counters != self.written {
            entries.push(Entry::Counters(counters));
        }
        if entries.is_empty() {
            return Ok(());
        }
        let line = line(&entries)?;
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.length_bytes)?;
            return Err(error);
        }
        self.length_bytes += line.len() as u64;
        self.written = counters;
        Ok(())
    }
}

fn replay(path: &Path, text: &str, world: &mut World, clock: &Clock) -> Result<(), Error> {
    let Some((complete, _torn)) = text.rsplit_once('\n') else {
        return Ok(());
    };
    for (index, line) in complete.lines().enumerate() {
        let entries: Vec<Entry> = serde_json::from_str(line).map_err(|e| {
            let path = path.display();
            let line = index + 1;
            Error::Journal(format!("{path} line {line} is damaged: {e}"))
        })?;
        for entry in entries {
            if let Entry::Counters(counters) = &entry {
                clock.restore_offset_ms(counters.clock_offset_ms);
            }
            world.replay(entry);
        }
    }
    Ok(())
}

fn compact(directory: &Path, world: &World, counters: Counters) -> io::Result<Journal> {
    let path = directory.join(FILE);
    let compacted = directory.join(COMPACTED);
    let mut text = line(&[Entry::Counters(counters)])?;
    for entry in world.entries() {
        text.extend(line(&[entry])?);
    }
    let mut new = File::create(&compacted)?;
    new.write_all(&text)?;
    new.sync_all()?;
    fs::rename(&compacted, &path)?;
    Ok(Journal {
        directory: directory.to_owned(),
        file: OpenOptions::new().append(true).open(path)?,
        length_bytes: text.len() as u64,
        written: counters,
    })
}

fn line(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entries)?;
    line.push(b'\n');
    Ok(line)
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::Journal(format!("{}: {error}", path.display()))
}
