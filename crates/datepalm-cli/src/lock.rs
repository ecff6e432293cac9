//! One process per data: a second one on the same files would act twice.
//!
//! The operating system holds the lock and gives it up when the process ends, however it ends. A database server
//! needs none: there, leases decide who works.

use crate::database;
use crate::failure::{Failure, Result};
use anyhow::Context as _;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Held as long as it lives.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as its file is open")] File);

/// Locks a database file, by a file beside it. Its folder is made if it is not there.
pub fn database(path: &Path) -> Result<Lock> {
    hold(&beside(path), path)
}

/// The same, or nothing while another process holds it.
pub fn database_if_free(path: &Path) -> Result<Option<Lock>> {
    try_hold(&beside(path))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-lock");
    path.with_file_name(name)
}

/// Locks a folder of data, by a file in it. The folder is made if it is not there.
pub fn folder(path: &Path) -> Result<Lock> {
    hold(&path.join("lock"), path)
}

/// Makes the folder that a file lies in, if it is not there.
pub fn make_folder_of(file: &Path) -> Result<()> {
    let Some(folder) = file.parent() else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|error| {
        cannot(
            format!("cannot make the folder {}", folder.display()),
            error,
        )
    })
}

fn hold(file: &Path, data: &Path) -> Result<Lock> {
    try_hold(file)?.ok_or_else(|| {
        let message = format!("another datepalm process is using {}", data.display());
        Failure::new(message).hint("stop that process first, or give this one data of its own")
    })
}

fn try_hold(file: &Path) -> Result<Option<Lock>> {
    make_folder_of(file)?;
    let mut options = File::options();
    let opened = options.create(true).truncate(false).write(true).open(file);
    let opened = opened.map_err(|error| {
        cannot(
            format!("cannot open the lock file {}", file.display()),
            error,
        )
    })?;
    match opened.try_lock() {
        Ok(()) => Ok(Some(Lock(opened))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", file.display()))?
        }
    }
}

fn cannot(what: String, error: std::io::Error) -> Failure {
    let kind = error.kind();
    let failure = Failure::from(anyhow::Error::new(error).context(what));
    database::explained(failure, kind)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_second_holder_is_refused_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/datepalm.db");
        let held = super::database(&path).unwrap();
        assert!(super::database(&path).is_err());
        assert!(super::database_if_free(&path).unwrap().is_none());
        drop(held);
        assert!(super::database(&path).is_ok());
    }
}
