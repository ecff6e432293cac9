//! The two processes under test: started, killed with SIGKILL, and started again on the same data and address.

use crate::merchant::Merchant;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// A process says that it is ready within a second; one that takes this long hangs.
const START_MAX: Duration = Duration::from_mins(1);

/// What differs between the runs: where the service keeps its data, and what it is started with.
pub struct Stage {
    /// The service's database.
    pub database: PathBuf,
    /// What stands before the service's own command.
    pub before: Vec<String>,
    /// Environment of the service.
    pub environment: Vec<(&'static str, String)>,
    /// The configuration and the data of the sandbox.
    pub folder: tempfile::TempDir,
}

impl Stage {
    /// A folder of its own, and nothing else.
    pub fn plain() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            database: folder.path().join("datepalm.db"),
            before: Vec::new(),
            environment: Vec::new(),
            folder,
        }
    }

    fn command(&self, arguments: &[&str]) -> Start {
        let service = [env!("CARGO_BIN_EXE_datepalm")];
        let words = self.before.iter().map(String::as_str).chain(service);
        let words = words.chain(arguments.iter().copied());
        Start {
            words: words.map(str::to_owned).collect(),
            environment: self.environment.clone(),
        }
    }
}

/// Both processes and the folder of their data.
pub struct Processes {
    service: Process,
    sandbox: Process,
    stage: Stage,
}

impl Processes {
    /// Starts both, with durations in seconds where a service has minutes, and a merchant who has a key.
    pub async fn start(stage: Stage) -> (Self, Merchant) {
        let [service_at, sandbox_at] = free_addresses();
        let tamara = format!("http://{sandbox_at}");
        let config = stage.folder.path().join("datepalm.toml");
        std::fs::write(&config, settings(&service_at, &tamara, &stage.database)).unwrap();
        let config = text(&config);
        let data = text(&stage.folder.path().join("sandbox"));
        let sandbox = [
            "sandbox",
            "--listen",
            &sandbox_at,
            "--data",
            &data,
            "--country",
            "SA",
        ];
        let key = key(&stage, &config);
        let sandbox = Start {
            words: [&[env!("CARGO_BIN_EXE_datepalm")], &sandbox[..]]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            environment: Vec::new(),
        };
        let log = "warn,datepalm=info,tamara=debug";
        let service = stage.command(&["serve", "--config", &config, "--log", log]);
        let processes = Self {
            sandbox: Process::start(sandbox, Says::OnStdout).await,
            service: Process::start(service, Says::OnStderr).await,
            stage,
        };
        (
            processes,
            Merchant::new(format!("http://{service_at}"), tamara, key),
        )
    }

    /// Resolves after so many more answers of Tamara came to the service: each as soon as it is in the log, and so, as a
    /// rule, before it is in the database.
    pub async fn calls(&self, more: u64) {
        let mut calls = self.service.heard.calls.subscribe();
        let until = *calls.borrow() + more;
        calls.wait_for(|count| *count >= until).await.unwrap();
    }

    /// Kills the service and starts it again.
    pub async fn restart_service(&mut self, merchant: &Merchant) {
        self.kill_service();
        self.start_service(merchant, &[]).await;
    }

    /// Kills the service.
    pub fn kill_service(&mut self) {
        self.service.kill();
        self.service.kills += 1;
    }

    /// Starts the service that was killed, with more words on its command line.
    pub async fn start_service(&mut self, merchant: &Merchant, more: &[&str]) {
        self.service.spawn(more).await;
        merchant.back();
    }

    /// Kills the offline Tamara and starts it again.
    pub async fn restart_sandbox(&mut self, merchant: &Merchant) {
        self.sandbox.kill();
        self.sandbox.kills += 1;
        self.sandbox.spawn(&[]).await;
        merchant.back();
    }

    /// Kills both for good, and gives the errors that the service told of.
    pub fn stop(&mut self) -> Vec<String> {
        self.service.kill();
        self.sandbox.kill();
        std::mem::take(&mut self.service.heard.errors.lock().unwrap())
    }

    /// The service's database.
    pub fn database(&self) -> &Path {
        &self.stage.database
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

/// How a process is started.
struct Start {
    words: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

/// What is heard of a process, over all its lives.
#[derive(Clone)]
struct Heard {
    /// The lines in which it told of an error.
    errors: Arc<Mutex<Vec<String>>>,
    /// Answers of Tamara that it told of.
    calls: watch::Sender<u64>,
}

struct Process {
    start: Start,
    says: Says,
    child: Child,
    kills: usize,
    heard: Heard,
}

impl Process {
    async fn start(start: Start, says: Says) -> Self {
        let heard = Heard {
            errors: Arc::default(),
            calls: watch::Sender::new(0),
        };
        let child = spawn(&start, &[], says, &heard).await;
        Self {
            start,
            says,
            child,
            kills: 0,
            heard,
        }
    }

    async fn spawn(&mut self, more: &[&str]) {
        self.child = spawn(&self.start, more, self.says, &self.heard).await;
    }

    fn kill(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "it ended by itself: {:#?}",
            self.heard.errors
        );
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

async fn spawn(start: &Start, more: &[&str], says: Says, heard: &Heard) -> Child {
    let mut command = Command::new(&start.words[0]);
    command
        .args(&start.words[1..])
        .args(more)
        .stdin(Stdio::null());
    command.envs(start.environment.iter().map(|(name, value)| (name, value)));
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
    let ready = listen(output, heard.clone());
    if !matches!(tokio::time::timeout(START_MAX, ready).await, Ok(Ok(()))) {
        let _ = child.kill();
        panic!(
            "{:?} is not ready: {:#?}",
            start.words,
            heard.errors.lock().unwrap()
        );
    }
    child
}

/// Reads all that a process writes, so that it never waits for a reader. Resolves when it says that it is ready.
fn listen(output: Box<dyn Read + Send>, heard: Heard) -> oneshot::Receiver<()> {
    let (sender, ready) = oneshot::channel();
    std::thread::spawn(move || {
        let mut sender = Some(sender);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if line.contains("\"DEBUG\"") {
                if line.contains("Tamara answered") {
                    heard.calls.send_modify(|calls| *calls += 1);
                }
            } else if sender.is_some() && line.contains("ready") {
                // Nobody waits any more when the start was given up.
                let _ = sender.take().unwrap().send(());
            } else if ["error:", "\"ERROR\"", "panicked"]
                .iter()
                .any(|word| line.contains(word))
            {
                heard.errors.lock().unwrap().push(line);
            }
        }
    });
    ready
}

/// Two free addresses outside the range from which systems take the ports of outgoing connections: while a killed
/// process is away, a connection could take its port otherwise, or connect to itself. Tests that run beside this one
/// have neighbouring process ids and look elsewhere: 7919 has no multiple near 0, modulo 10,000, before the 2,321st.
fn free_addresses() -> [String; 2] {
    let first = u16::try_from(u64::from(std::process::id()) * 7_919 % 10_000).unwrap();
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
fn settings(service_at: &str, tamara: &str, database: &Path) -> String {
    let database = database.display();
    format!(
        r#"
        listen = "{service_at}"
        public_url = "http://{service_at}"
        database = "sqlite:{database}"
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

fn key(stage: &Stage, config: &str) -> String {
    let make = stage.command(&["keys", "create", "--config", config, "--account", "shop_sa"]);
    let mut command = Command::new(&make.words[0]);
    let made = command.args(&make.words[1..]).output().unwrap();
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
