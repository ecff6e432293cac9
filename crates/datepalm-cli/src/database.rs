//! Opening the database for a command: what keeps it from opening, and what to do about it.

use crate::failure::{Failure, Result};
use datepalm::error::{Error, Trouble};
use datepalm::store::{Database, Store};
use std::io::ErrorKind;

/// What must be so where SQLite is.
const WRITABLE: &str = "Datepalm writes the database, its -wal and -shm files and its lock there: let its user write to the file and \
                        to the folder around it";

/// Opens the database and brings its schema up to date.
pub fn open(database: &Database) -> Result<Store> {
    Store::open(database).map_err(|error| {
        let advice = match &error {
            Error::Unavailable { trouble, .. } => Some(match trouble {
                Trouble::Full => "make space on that disk, then start again",
                Trouble::ReadOnly => WRITABLE,
                Trouble::Locked => {
                    "another program has it open and locked: close that one, then start again"
                }
                Trouble::Disk => "look at the disk and at the rights of the file and its folder",
                Trouble::Unreachable => {
                    "start the database server, or mend `database` in the configuration"
                }
            }),
            _ => None,
        };
        let failure = Failure::from(error);
        match advice {
            Some(advice) => failure.hint(advice),
            None => failure,
        }
    })
}

/// Says what to do when a file beside the database cannot be written.
pub fn explained(failure: Failure, kind: ErrorKind) -> Failure {
    match kind {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => failure.hint(WRITABLE),
        ErrorKind::StorageFull => failure.hint("make space on that disk, then start again"),
        _ => failure,
    }
}
