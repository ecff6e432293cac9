//! The built program, as a person and a script use it. Every child is ended by its handle; nothing waits but for a
//! line that the child prints, or for its end.

#![expect(
    clippy::unwrap_used,
    reason = "also the helpers of tests may fail a test"
)]

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn datepalm(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_datepalm"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    datepalm(arguments).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A process that goes on until it is told to end.
struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<Box<dyn Read>>>,
    head: String,
}

impl Running {
    /// Starts the program and reads what it prints up to a line with `ready`.
    fn start(arguments: &[&str], reads_stdout: bool) -> Self {
        let mut command = datepalm(arguments);
        let mut child = if reads_stdout {
            command.stdout(Stdio::piped()).spawn().unwrap()
        } else {
            command.stderr(Stdio::piped()).spawn().unwrap()
        };
        let read: Box<dyn Read> = match (child.stdout.take(), child.stderr.take()) {
            (Some(stdout), _) => Box::new(stdout),
            (None, Some(stderr)) => Box::new(stderr),
            (None, None) => unreachable!("one of them is piped"),
        };
        let lines = BufReader::new(read).lines();
        let mut running = Self {
            child,
            lines,
            head: String::new(),
        };
        running.head = running.read_to("ready");
        running
    }

    fn demo(data: &Path) -> Self {
        let data = data.to_str().unwrap();
        let free = "127.0.0.1:0";
        let arguments = ["demo", "--listen", free, "--sandbox-listen", free];
        Self::start(&[&arguments[..], &["--data", data]].concat(), true)
    }

    /// The lines up to and with the one that holds `word`.
    fn read_to(&mut self, word: &str) -> String {
        let mut read = String::new();
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            read.push_str(&line);
            read.push('\n');
            if line.contains(word) {
                return read;
            }
        }
        panic!("it ended without {word:?}:\n{read}");
    }

    /// The word after a name at the start of a line.
    fn told(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|l| l.trim().strip_prefix(name));
        line.unwrap().split_whitespace().next().unwrap()
    }

    /// Asks it to end, as a service manager does, and gives its exit code.
    #[cfg(unix)]
    fn terminate(mut self) -> Option<i32> {
        let kill = format!("kill {}", self.child.id());
        let asked = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn get(url: &str, key: &str) -> (u16, Value) {
    let answer = http().get(url).bearer_auth(key).send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Does what the curl command of the demo's banner does, read from the banner itself.
async fn paste_curl(demo: &Running) -> Value {
    let (_, curl) = demo.head.split_once("curl ").unwrap();
    let (url, rest) = curl.split_once(" \\\n").unwrap();
    let (headers, rest) = rest.split_once("-d '").unwrap();
    let (body, _) = rest.split_once("\n  }'").unwrap();
    let mut request = http().post(url).body(format!("{body}}}"));
    for header in headers.split('\'').skip(1).step_by(2) {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[test]
fn help_goes_to_stdout_and_wrong_use_exits_2() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in ["demo", "serve", "sandbox", "keys"] {
        assert!(stdout(&help).contains(command), "{command}");
        let help = run(&[command, "--help"]);
        assert!(stdout(&help).contains("Usage: datepalm"), "{command}");
    }
    for wrong in [
        &[][..],
        &["nonsense"],
        &["demo", "--nonsense"],
        &["demo", "--log", "=,"],
    ] {
        let refused = run(wrong);
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
        assert_eq!(stdout(&refused), "", "{wrong:?}");
    }
}

#[tokio::test]
async fn the_demo_takes_a_payment_and_a_kill_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Running::demo(folder.path());
    let payment = paste_curl(&demo).await;
    let tamara = demo.told("Tamara").trim_end_matches("/_sandbox").to_owned();
    let checkout = payment["checkout_url"].as_str().unwrap();
    assert!(checkout.starts_with(&tamara), "{checkout}");
    let created = demo.read_to("payment.created");
    assert!(created.contains("300.12 SAR"), "{created}");

    // Pasted again, the same payment comes back.
    assert_eq!(paste_curl(&demo).await["id"], payment["id"]);
    let session = payment["sessions"][0]["checkout_id"].as_str().unwrap();
    let approve = format!("{tamara}/_sandbox/sessions/{session}/approve");
    assert!(
        http()
            .post(approve)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let id = payment["id"].as_str().unwrap();
    let url = format!("{}/payments/{id}", demo.told("API"));
    let (_, paid) = get(&format!("{url}?wait=30"), "sk_test_demo").await;
    assert_eq!(
        (&paid["paid"], &paid["status"]),
        (&true.into(), &"authorised".into())
    );
    demo.read_to("payment.authorised");

    drop(demo);
    let mut demo = Running::demo(folder.path());
    let url = format!("{}/payments/{id}", demo.told("API"));
    let (_, after) = get(&url, "sk_test_demo").await;
    assert_eq!(after["version"], paid["version"]);
    // The next thing told is new: what was told before is not told again.
    paste_curl(&demo).await;
    assert!(!demo.read_to("payment.created").contains("authorised"));
}

#[tokio::test]
async fn the_demo_answers_its_shop_and_unknown_paths() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Running::demo(folder.path());
    let shop = demo.told("Shop");
    assert_eq!(get(shop, "").await.0, 200);
    for path in ["/nothing", "/v1/nothing"] {
        let (status, problem) = get(&format!("{shop}{path}"), "").await;
        assert_eq!((status, &problem["code"]), (404, &"no_such_route".into()));
    }
}

/// A terminal may be paused, and a pipe may be left unread: the lines wait, the service does not.
#[tokio::test]
async fn the_demo_goes_on_when_nobody_reads_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Running::demo(folder.path());
    let hook = format!("{}/hooks/tamara/demo_sa", demo.told("Shop"));
    let (http, word) = (http(), "x".repeat(64));
    let body = format!(r#"{{"order_reference_id":"{word}","order_status":"{word}"}}"#);
    // A line of more than 128 characters for each: far more than a pipe holds.
    for _ in 0..1_000 {
        let request = http.post(&hook).body(body.clone());
        let request = request.timeout(std::time::Duration::from_secs(20));
        assert_eq!(request.send().await.unwrap().status().as_u16(), 401);
    }
}

#[test]
fn data_in_use_and_demo_keys_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Running::demo(folder.path());
    let data = folder.path().to_str().unwrap();
    let config = folder.path().join("datepalm.toml");
    std::fs::write(&config, settings("http://127.0.0.1:9")).unwrap();
    let serve = ["serve", "--config", config.to_str().unwrap()];
    let sandbox_data = folder.path().join("sandbox");
    let second = ["demo", "--listen", "127.0.0.1:0", "--data", data];
    let sandbox = ["sandbox", "--data", sandbox_data.to_str().unwrap()];
    for arguments in [&second[..], &serve, &sandbox] {
        let refused = run(arguments);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        let said = stderr(&refused);
        assert!(
            said.starts_with("error: another datepalm process"),
            "{said}"
        );
        assert!(said.contains("\nhint: "), "{said}");
    }
    drop(demo);
    let refused = run(&serve);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("sk_test_demo"),
        "{}",
        stderr(&refused)
    );
}

/// A service's settings beside whose database a demo may have been.
fn settings(tamara: &str) -> String {
    format!(
        "listen = \"127.0.0.1:0\"\npublic_url = \"http://127.0.0.1:9\"\n\
         [accounts.shop_sa]\ncountry = \"SA\"\nenvironment = \"{tamara}\"\n\
         api_token = \"sandbox-sa\"\nnotification_token = \"sandbox-sa-notification\"\n"
    )
}

#[tokio::test]
async fn a_created_key_works_in_the_service_that_runs_already() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("datepalm.toml");
    std::fs::write(&config, settings("http://127.0.0.1:9")).unwrap();
    let config = config.to_str().unwrap();
    let service = Running::start(&["serve", "--config", config], false);
    let log: Value = serde_json::from_str(service.head.lines().last().unwrap()).unwrap();
    let url = format!("http://{}/v1/payments", log["listen"].as_str().unwrap());

    let create = ["keys", "create", "--config", config, "--account"];
    let created = run(&[&create[..], &["shop_sa"]].concat());
    assert!(created.status.success(), "{}", stderr(&created));
    assert!(stderr(&created).starts_with("warning: "));
    let key = stdout(&created).trim_end();
    assert!(
        key.starts_with("sk_test_") && key.len() == 51,
        "{}",
        key.len()
    );
    assert_eq!(get(&url, key).await.0, 200);
    assert_eq!(get(&url, "sk_test_demo").await.0, 401);

    let publishable = run(&[&create[..], &["shop_sa", "--publishable"]].concat());
    assert!(stdout(&publishable).starts_with("pk_test_"));
    let unknown = run(&[&create[..], &["nobody"]].concat());
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("hint: these are: shop_sa"));
}

/// R30: `serve --recover` says what it does, before it serves; a plain start afterwards does not.
#[tokio::test]
async fn r30_a_recovery_is_announced() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("datepalm.toml");
    std::fs::write(&config, settings("http://127.0.0.1:9")).unwrap();
    let serve = ["serve", "--config", config.to_str().unwrap()];
    let service = Running::start(&[&serve[..], &["--recover"]].concat(), false);
    let said: Vec<Value> = service
        .head
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let announced = said.iter().filter(|line| line["level"] == "WARN");
    let announced: Vec<&str> = announced
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    for word in [
        "an old copy",
        "900 s from now on",
        "restored_unknown_effect",
        "every payment knows of the restore",
    ] {
        assert!(
            announced.iter().any(|line| line.contains(word)),
            "{word}: {announced:#?}"
        );
    }
    drop(service);
    let service = Running::start(&serve, false);
    assert!(!service.head.contains("WARN"), "{}", service.head);
}

#[test]
fn a_service_without_configuration_or_account_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("datepalm.toml");
    let config_text = config.to_str().unwrap();
    for text in [None, Some("public_url = \"https://pay.example.com\"\n")] {
        if let Some(text) = text {
            std::fs::write(&config, text).unwrap();
        }
        let refused = run(&["serve", "--config", config_text]);
        assert_eq!(refused.status.code(), Some(1));
        let said = stderr(&refused);
        assert!(
            said.contains("hint: ") && said.contains("datepalm.example.toml"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn the_sandbox_prints_tokens_that_work() {
    let arguments = ["sandbox", "--listen", "127.0.0.1:0", "--country", "om"];
    let sandbox = Running::start(&arguments, true);
    let url = format!("{}/orders/none", sandbox.told("Base URL"));
    let row = sandbox
        .head
        .lines()
        .find(|line| line.contains("OMR"))
        .unwrap();
    let token = row.split_whitespace().nth(2).unwrap();
    assert_eq!(get(&url, token).await.0, 404);
    assert_eq!(get(&url, "another").await.0, 401);
}

#[tokio::test]
async fn a_seeded_sandbox_begins_with_a_file_and_says_the_same_in_every_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("seed.json");
    let seed = r#"{
        "merchants": [{ "name": "Palm", "country": "AE", "api_token": "palm", "notification_token": "note" }],
        "orders": [{ "reference": "A-1", "total": "300.00", "status": "authorised", "captures": ["100.00"] }]
    }"#;
    std::fs::write(&file, seed).unwrap();
    let file = file.to_str().unwrap();
    let arguments = [
        "sandbox",
        "--listen",
        "127.0.0.1:0",
        "--seed",
        "5",
        "--file",
        file,
    ];
    let mut answers = Vec::new();
    for _ in 0..2 {
        let sandbox = Running::start(&arguments, true);
        assert!(sandbox.head.contains("palm") && !sandbox.head.contains("SAR"));
        let url = sandbox.told("Base URL");
        let path = "/merchants/orders/reference-id/A-1";
        answers.push(get(&format!("{url}{path}"), "palm").await);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].1["status"], "partially_captured");
    assert_eq!(answers[0].1["created_at"], "2026-01-01T00:00:00.000Z");
    std::fs::write(
        file,
        r#"{ "orders": [{ "reference": "A-1", "total": "0" }] }"#,
    )
    .unwrap();
    let refused = run(&arguments);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("order 1"), "{}", stderr(&refused));
}

#[tokio::test]
async fn a_verbose_sandbox_prints_requests_without_their_secrets() {
    let arguments = ["sandbox", "--listen", "127.0.0.1:0", "--verbose"];
    let mut sandbox = Running::start(&arguments, true);
    let url = format!("{}/orders/none", sandbox.told("Base URL"));
    assert_eq!(get(&url, "sandbox-sa").await.0, 404);
    let printed = sandbox.read_to("hint:");
    assert!(
        printed.contains("GET /orders/none") && printed.contains("-> 404"),
        "{printed}"
    );
    assert!(
        printed.contains("Bearer ***") && !printed.contains("sandbox-sa"),
        "{printed}"
    );
}

#[cfg(unix)]
#[test]
fn every_server_ends_well_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Running::demo(folder.path()).terminate(), Some(0));
    let sandbox = Running::start(&["sandbox", "--listen", "127.0.0.1:0"], true);
    assert_eq!(sandbox.terminate(), Some(0));
    let config = folder.path().join("serve.toml");
    let other = settings("http://127.0.0.1:9") + "[durations]\nworker_poll = 60\n";
    std::fs::write(&config, format!("database = \"sqlite:serve.db\"\n{other}")).unwrap();
    let service = Running::start(&["serve", "--config", config.to_str().unwrap()], false);
    assert_eq!(service.terminate(), Some(0));
}
