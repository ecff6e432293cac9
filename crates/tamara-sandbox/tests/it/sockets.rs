//! The sandbox on a socket: what a client of any language sees of a fault.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use tamara_sandbox::{Clock, Fault, Merchant, Options, Running, Sandbox};

use crate::shop::{START_MS, order};

async fn running() -> Running {
    let merchants = vec![Merchant::sample("SA")];
    let options = Options {
        clock: Clock::manual(START_MS),
        ..Options::new("", merchants)
    };
    Sandbox::start_with(options).await.unwrap()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn post(
    running: &Running,
    path: &str,
    body: &Value,
    fault: &str,
) -> reqwest::Result<reqwest::Response> {
    let request = client().post(format!("{}{path}", running.base_url()));
    let request = request
        .bearer_auth("sandbox-sa")
        .header("x-sandbox-fault", fault);
    request.body(body.to_string()).send().await
}

/// Everything that comes back on one connection, or how it ended.
async fn raw(running: &Running, fault: &str) -> Result<String, ErrorKind> {
    let address = running
        .base_url()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let body = order().to_string();
    let request = format!(
        "POST /checkout HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer sandbox-sa\r\n\
         X-Sandbox-Fault: {fault}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let read = move || {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let text = String::from_utf8(answer).unwrap();
        ended.map(|_| text.clone()).map_err(|error| {
            if text.is_empty() {
                error.kind()
            } else {
                ErrorKind::UnexpectedEof
            }
        })
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

fn orders(running: &Running) -> usize {
    running.sandbox().state()["orders"]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_cut_connection_is_reset_and_the_answer_lost_after_the_effect() {
    let running = running().await;
    assert!(
        raw(&running, "slow; ms=1")
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    assert_eq!(orders(&running), 1);
    for (fault, effect) in [("reset", 0), ("answer-lost", 1), ("request-lost; ms=1", 0)] {
        let before = orders(&running);
        assert_eq!(
            raw(&running, fault).await,
            Err(ErrorKind::ConnectionReset),
            "{fault}"
        );
        assert_eq!(orders(&running), before + effect, "{fault}");
    }
}

#[tokio::test]
async fn a_truncated_answer_breaks_off_in_its_body() {
    let running = running().await;
    let response = post(&running, "/checkout", &order(), "truncated")
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
    assert_eq!(orders(&running), 1);
}

#[tokio::test]
async fn a_refusing_listener_is_closed_until_its_time_has_passed() {
    let running = running().await;
    let sandbox = running.sandbox();
    sandbox
        .add_fault(Fault {
            seconds: Some(5),
            ..Fault::new("refuse")
        })
        .unwrap();
    // The listener closes in its own task; from then on nobody is let in.
    let state = format!("{}/_sandbox/clock", running.base_url());
    let refused = loop {
        match client().get(&state).send().await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(refused.is_connect() || refused.is_request(), "{refused:?}");
    sandbox.clock().advance_ms(5_000);
    let opened = loop {
        match client().get(&state).send().await {
            Ok(response) => break response.status(),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(opened, 200);
}

#[tokio::test]
async fn a_running_sandbox_tells_callbacks_and_stops_with_its_handle() {
    let receiver = Receiver::start().await;
    let running = Sandbox::start().await.unwrap();
    let hook = json!({ "url": receiver.url, "events": ["order_approved"] });
    let client = client();
    let register = client.post(format!("{}/webhooks", running.base_url()));
    let registered = register
        .bearer_auth("sandbox-sa")
        .body(hook.to_string())
        .send();
    assert_eq!(registered.await.unwrap().status(), 200);
    let made = client
        .post(format!("{}/checkout", running.base_url()))
        .bearer_auth("sandbox-sa");
    let made = made.body(order().to_string()).send().await.unwrap();
    let made: Value = serde_json::from_slice(&made.bytes().await.unwrap()).unwrap();
    assert!(
        made["checkout_url"]
            .as_str()
            .unwrap()
            .starts_with(running.base_url())
    );
    let customer = running
        .sandbox()
        .customer(made["checkout_id"].as_str().unwrap());
    customer.approve(tamara_sandbox::Plan::Full).unwrap();
    let body = receiver.seen().await;
    assert_eq!(body["event_type"], "order_approved");
    // The answer of the receiver is in the log.
    let answer = loop {
        let state = running.sandbox().state();
        let attempt = &state["deliveries"][0]["attempts"][0];
        if attempt["http_status"] == 200 {
            break attempt["answer"].clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(answer, "thanks");
    let base_url = running.base_url().to_owned();
    drop(running);
    while client
        .get(format!("{base_url}/_sandbox/clock"))
        .send()
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
}

/// A merchant's server that says thanks.
struct Receiver {
    url: String,
    bodies: tokio::sync::Mutex<tokio::sync::mpsc::UnboundedReceiver<Value>>,
}

impl Receiver {
    async fn start() -> Self {
        let (sender, bodies) = tokio::sync::mpsc::unbounded_channel();
        let router = axum::Router::new().fallback(move |body: axum::body::Bytes| {
            let sender = sender.clone();
            async move {
                sender.send(serde_json::from_slice(&body).unwrap()).unwrap();
                "thanks"
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            bodies: tokio::sync::Mutex::new(bodies),
        }
    }

    async fn seen(&self) -> Value {
        self.bodies.lock().await.recv().await.unwrap()
    }
}
