//! The two processes under test: started, killed with SIGKILL, and started again on the same data and address.

use crate::merchant::Merchant;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

/// A process says that it is ready within a second; one that takes this long hangs.
const START_MAX: Duration = Duration::from_mins(1);

/// The lines in which a process told of an error.
type Errors = Arc<Mutex<Vec<String>>>;

/// Both processes and the folder of their data.
pub struct Processes {
    service: Process,
    sandbox: Process,
    folder: tempfile::TempDir,
}

impl Processes {
    /// Starts both, with durations in seconds where a service has minutes, and a merchant who has a key.
    pub async fn start() -> (Self, Merchant) {
        let folder = tempfile::tempdir().unwrap();
        let [service_at, sandbox_at] = free_addresses();
        let tamara = format!("http://{sandbox_at}");
        let config = folder.path().join("datepalm.toml");
        std::fs::write(&config, settings(&service_at, &tamara)).unwrap();
        let config = text(&config);
        let data = text(&folder.path().join("sandbox"));
        let sandbox = [
            "sandbox",
            "--listen",
            &sandbox_at,
            "--data",
            &data,
            "--country",
            "SA",
        ];
        let key = key(&config);
        let processes = Self {
            sandbox: Process::start(&sandbox, Says::OnStdout).await,
            service: Process::start(&["serve", "--config", &config], Says::OnStderr).await,
            folder,
        };
        (
            processes,
            Merchant::new(format!("http://{service_at}"), tamara, key),
        )
    }

    /// Kills the service and starts it again.
    pub async fn restart_service(&mut self, merchant: &Merchant) {
        self.service.restart().await;
        merchant.back();
    }

    /// Kills the offline Tamara and starts it again.
    pub async fn restart_sandbox(&mut self, merchant: &Merchant) {
        self.sandbox.restart().await;
        merchant.back();
    }

    /// Kills both for good, and gives the errors that the service told of.
    pub fn stop(&mut self) -> Vec<String> {
        self.service.kill();
        self.sandbox.kill();
        std::mem::take(&mut self.service.errors.lock().unwrap())
    }

    /// The service's database.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("datepalm.db")
    }
}

impl fmt::Display for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, sandbox) = (self.service.kills, self.sandbox.kills);
        write!(
            f,
            "{service} kills of the service, {sandbox} of the sandbox"
        )
    }
}

/// Where a process says that it is ready.
#[derive(Clone, Copy)]
enum Says {
    OnStdout,
    OnStderr,
}

struct Process {
    arguments: Vec<String>,
    says: Says,
    child: Child,
    kills: usize,
    errors: Errors,
}

impl Process {
    async fn start(arguments: &[&str], says: Says) -> Self {
        let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
        let errors = Errors::default();
        let child = spawn(&arguments, says, &errors).await;
        Self {
            arguments,
            says,
            child,
            kills: 0,
            errors,
        }
    }

    async fn restart(&mut self) {
        self.kill();
        self.kills += 1;
        self.child = spawn(&self.arguments, self.says, &self.errors).await;
    }

    fn kill(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended by itself: {:#?}", self.errors);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn spawn(arguments: &[String], says: Says, errors: &Errors) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_datepalm"));
    command.args(arguments).stdin(Stdio::null());
    let (mut child, output): (_, Box<dyn Read + Send>) = match says {
        Says::OnStdout => {
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            let output = child.stdout.take().unwrap();
            (child, Box::new(output))
        }
        Says::OnStderr => {
            let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
            let output = child.stderr.take().unwrap();
            (child, Box::new(output))
        }
    };
    let ready = listen(output, errors.clone());
    if !matches!(tokio::time::timeout(START_MAX, ready).await, Ok(Ok(()))) {
        let _ = child.kill();
        panic!("{arguments:?} is not ready: {:#?}", errors.lock().unwrap());
    }
    child
}

/// Reads all that a process writes, so that it never waits for a reader. Resolves when it says that it is ready.
fn listen(output: Box<dyn Read + Send>, errors: Errors) -> oneshot::Receiver<()> {
    let (sender, ready) = oneshot::channel();
    std::thread::spawn(move || {
        let mut sender = Some(sender);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.is_some() && line.contains("ready") {
                // Nobody waits any more when the start was given up.
                let _ = sender.take().unwrap().send(());
            } else if ["error:", "\"ERROR\"", "panicked"]
                .iter()
                .any(|word| line.contains(word))
            {
                errors.lock().unwrap().push(line);
            }
        }
    });
    ready
}

/// Two free addresses outside the range from which systems take the ports of outgoing connections: while a killed
/// process is away, a connection could take its port otherwise, or connect to itself.
fn free_addresses() -> [String; 2] {
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    let mut candidates = (0..10_000).map(|step| 20_000 + (first + step) % 10_000);
    let mut free = || {
        candidates
            .find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
            .unwrap()
    };
    // Both are held before either is given back, so that they differ.
    let held = [free(), free()];
    held.map(|listener| listener.local_addr().unwrap().to_string())
}

/// Seconds for minutes; the settle window is the least that R19 allows.
fn settings(service_at: &str, tamara: &str) -> String {
    format!(
        r#"
        listen = "{service_at}"
        public_url = "http://{service_at}"
        [durations]
        lease = 2
        connect_timeout = 1
        total_timeout = 1
        settle_window = 5
        assumed_effect_lateness = 1
        assumed_read_staleness = 1
        clock_difference = 0
        retry = 1
        polling = [1, 1, 2, 2]
        worker_poll = 1
        [accounts.shop_sa]
        country = "SA"
        environment = "{tamara}"
        api_token = "sandbox-sa"
        notification_token = "sandbox-sa-notification"
        return_url_prefixes = ["https://shop.test"]
        shipping_company = "Aramex"
        "#
    )
}

fn key(config: &str) -> String {
    let program = env!("CARGO_BIN_EXE_datepalm");
    let arguments = ["keys", "create", "--config", config, "--account", "shop_sa"];
    let made = Command::new(program).args(arguments).output().unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
