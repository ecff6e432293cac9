//! A disk of a few megabytes: a tmpfs in a mount namespace of its own, so that it ends with the test whatever happens.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Holds the namespace as long as it lives.
pub struct SmallDisk {
    holder: Child,
    mount_point: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts it.
    pub fn of_megabytes(megabytes: u32) -> Self {
        let mount_point = tempfile::tempdir().unwrap();
        // `cat` ends when the test does, whose end of the pipe it reads.
        let mount = "mount -t tmpfs -o size=\"$1\" none \"$2\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", mount, "sh"])
            .arg(format!("{megabytes}m"))
            .arg(mount_point.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare of util-linux runs");
        let mut line = String::new();
        let output = holder.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(
            line, "mounted\n",
            "not run: a small disk needs root and the right to mount"
        );
        Self {
            holder,
            mount_point,
        }
    }

    /// What stands before a command that shall see this disk.
    pub fn before(&self) -> Vec<String> {
        let namespace = format!("--mount=/proc/{}/ns/mnt", self.holder.id());
        ["nsenter", &namespace, "--"].map(str::to_owned).into()
    }

    /// A file on it, as a command sees it that runs there.
    pub fn inside(&self, name: &str) -> PathBuf {
        self.mount_point.path().join(name)
    }

    /// A file on it, as it is seen from here.
    pub fn outside(&self, name: &str) -> PathBuf {
        let inside = self.inside(name);
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(inside.strip_prefix("/").unwrap())
    }

    /// Takes all the space that is left.
    pub fn fill(&self) {
        let mut ballast = File::options()
            .create(true)
            .append(true)
            .open(self.outside("ballast"))
            .unwrap();
        for size in [64 * 1024, 4096, 1] {
            let block = vec![0; size];
            let error =
                std::iter::from_fn(|| Some(ballast.write_all(&block))).find_map(Result::err);
            assert_eq!(error.unwrap().kind(), ErrorKind::StorageFull);
        }
    }

    /// Gives it back.
    pub fn free(&self) {
        std::fs::remove_file(self.outside("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
