//! `datepalm reconcile` as a person and cron use it: beside a running service, without one, and where it cannot run.

#![expect(
    clippy::unwrap_used,
    reason = "also the helpers of tests may fail a test"
)]

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn datepalm(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_datepalm"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A process that goes on until it is told to end, and the lines that it printed until it was ready.
struct Running {
    child: Child,
    head: String,
    _rest: Box<dyn Read>,
}

impl Running {
    fn sandbox() -> Self {
        let mut command = datepalm(&["sandbox", "--listen", "127.0.0.1:0", "--country", "sa"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        Self::ready(child, stdout)
    }

    fn serve(config: &str) -> Self {
        let mut command = datepalm(&["serve", "--config", config]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        Self::ready(child, stderr)
    }

    fn ready(child: Child, output: impl Read + 'static) -> Self {
        let mut lines = BufReader::new(output);
        let mut head = String::new();
        while !head.contains("ready") {
            assert!(lines.read_line(&mut head).unwrap() > 0, "it ended: {head}");
        }
        Self {
            child,
            head,
            _rest: Box::new(lines),
        }
    }

    /// The word after a name at the start of a line.
    fn told(&self, name: &str) -> String {
        let mut lines = self.head.lines();
        let line = lines.find_map(|line| line.trim().strip_prefix(name));
        line.unwrap().split_whitespace().next().unwrap().to_owned()
    }

    fn stop(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn call(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body = answer.bytes().await.unwrap();
    assert!(status.is_success(), "{status} {body:?}");
    serde_json::from_slice(&body).unwrap()
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn post(url: &str, body: &Value) -> reqwest::RequestBuilder {
    let request = http().post(url).header("content-type", "application/json");
    request.body(body.to_string())
}

/// A service's settings. Notifications lead nowhere, and nothing is looked at by itself while a test lasts.
fn configured(folder: &Path, tamara: &str) -> String {
    let settings = format!(
        "listen = \"127.0.0.1:0\"\npublic_url = \"http://127.0.0.1:9\"\n\
         [durations]\npolling = [86400]\n[reconciliation]\nat = \"off\"\n\
         [accounts.shop_sa]\ncountry = \"SA\"\nenvironment = \"{tamara}\"\n\
         api_token = \"sandbox-sa\"\nnotification_token = \"sandbox-sa-notification\"\n\
         return_url_prefixes = [\"https://shop.test\"]\n"
    );
    let path = folder.join("datepalm.toml");
    std::fs::write(&path, settings).unwrap();
    path.to_str().unwrap().to_owned()
}

fn order() -> Value {
    let sar = |minor: i64| json!({ "amount": minor, "currency": "SAR" });
    json!({
        "merchant_reference": "A-1",
        "total_amount": sar(30_000),
        "items": [{ "reference_id": "lamp", "name": "Lamp", "sku": "L", "quantity": 1, "unit_price": sar(30_000) }],
        "customer": { "first_name": "Noura", "last_name": "Alharbi", "phone_number": "544337866", "email": "n@example.com" },
        "shipping_address": { "line1": "12 Olaya St", "city": "Riyadh" },
        "return_urls": { "success": "https://shop.test/1", "failure": "https://shop.test/2", "cancel": "https://shop.test/3" },
    })
}

fn reconcile(config: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let arguments = [&["reconcile", "--config", config][..], more].concat();
    let Output {
        status,
        stdout,
        stderr,
    } = datepalm(&arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[tokio::test]
async fn it_works_beside_a_service_and_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Running::sandbox();
    let tamara = sandbox.told("Base URL");
    let config = configured(folder.path(), &tamara);
    let service = Running::serve(&config);
    let log: Value = serde_json::from_str(service.head.lines().last().unwrap()).unwrap();
    let api = format!("http://{}/v1", log["listen"].as_str().unwrap());
    let create = [
        "keys",
        "create",
        "--account",
        "shop_sa",
        "--config",
        &config,
    ];
    let created = datepalm(&create).output().unwrap();
    let key = String::from_utf8(created.stdout).unwrap();
    let key = key.trim_end();

    let request = post(&format!("{api}/payments"), &order());
    let payment = call(request.bearer_auth(key).header("idempotency-key", "k")).await;
    let id = payment["id"].as_str().unwrap();
    assert_eq!(reconcile(&config, &[]).0, Some(0), "it waits to be paid");
    let session = payment["sessions"][0]["checkout_id"].as_str().unwrap();
    let approve = format!("{tamara}/_sandbox/sessions/{session}/approve");
    call(post(&approve, &json!({}))).await;

    // The service carries it out: the file is its own. What follows is done there as well.
    let (code, told, said) = reconcile(&config, &["--account", "shop_sa"]);
    assert_eq!((code, said.as_str()), (Some(1), ""), "{told}");
    assert!(
        told.starts_with("shop_sa: 1 difference, of 1 payment\n"),
        "{told}"
    );
    let line = format!(
        "  {id} (A-1) order_status: pending here, approved at Tamara; recorded, authorise planned"
    );
    assert!(told.contains(&line), "{told}");
    let read = http()
        .get(format!("{api}/payments/{id}?wait=30"))
        .bearer_auth(key);
    assert_eq!(call(read).await["paid"], true);
    let (code, told, said) = reconcile(&config, &[]);
    assert_eq!(
        (code, told.as_str(), said.as_str()),
        (Some(0), "shop_sa: agreed, 1 payment read\n", "")
    );
    service.stop();

    // Nobody else works on the file now: the command does it itself.
    let order = payment["sessions"][0]["order_id"].as_str().unwrap();
    let capture = format!("{tamara}/_sandbox/orders/{order}/capture");
    call(post(&capture, &json!({ "amount": "100.00" }))).await;
    let (code, told, _) = reconcile(&config, &["--json"]);
    let reports: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (code, &reports[0]["result"]),
        (Some(1), &json!("differences")),
        "{reports:#}"
    );
    let found = &reports[0]["differences"][0];
    assert_eq!(
        (&found["what"], &found["tamaras"], &found["payment_id"]),
        (&json!("capture"), &json!("captured 100.00 SAR"), &json!(id))
    );
    assert_eq!(reconcile(&config, &[]).0, Some(0));
}

#[test]
fn where_it_cannot_run_it_says_so_with_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), "http://127.0.0.1:9");
    let missing = folder.path().join("none.toml");
    let cases: [(&str, &[&str], &str); 4] = [
        (&config, &[], "there is no database"),
        (&config, &["--account", "nobody"], "these are: shop_sa"),
        (
            missing.to_str().unwrap(),
            &[],
            "there is no configuration file",
        ),
        (&config, &["--nonsense"], "--nonsense"),
    ];
    for (config, more, says) in cases {
        let (code, told, said) = reconcile(config, more);
        assert_eq!((code, told.as_str()), (Some(2), ""), "{more:?}: {said}");
        assert!(said.contains(says), "{more:?}: {said}");
    }
    assert!(!folder.path().join("datepalm.db").exists(), "it made one");
    let help = datepalm(&["reconcile", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("Exit status: 0"), "{help}");
}
