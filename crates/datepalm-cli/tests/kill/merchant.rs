//! A merchant's backend as it should be: every request that changes something is repeated with the same
//! `Idempotency-Key` until a definite answer came, and a new key is used only when the answer says so.

use crate::plan::{Plan, Step, TOTAL};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Tries of one request, and looks at one payment, before something hangs.
const TRIES_MAX: usize = 300;

/// A payment, and what is to become of it.
#[derive(Debug)]
pub struct Order {
    pub id: String,
    pub reference: String,
    pub plan: &'static Plan,
}

/// A write that the service acknowledged with a 2xx: whatever dies afterwards, it stands.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// The status: 200 or 201 says done, 202 says written down.
    pub status: u16,
    /// The payment.
    pub payment: String,
    /// The operation, if it was one that was asked for.
    pub operation: Option<String>,
}

/// All clients of the service share it.
pub struct Merchant {
    pub http: reqwest::Client,
    /// Where the service answers.
    pub service: String,
    tamara: String,
    /// The secret key.
    pub key: String,
    answers: watch::Sender<u64>,
    starts: watch::Sender<u64>,
    acknowledged: Mutex<Vec<Acknowledged>>,
    /// Answers that said "not now".
    pub unavailable: watch::Sender<u64>,
    /// Requests without an answer.
    pub lost: AtomicU64,
    open: AtomicU64,
    not_applied: AtomicU64,
}

impl fmt::Display for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        let (answers, lost) = (*self.answers.borrow(), count(&self.lost));
        let (open, not_applied) = (count(&self.open), count(&self.not_applied));
        let unavailable = *self.unavailable.borrow();
        write!(
            f,
            "{answers} answers, retries: {lost} without an answer, {unavailable} not now, {open} still open, \
             {not_applied} not applied"
        )
    }
}

impl Merchant {
    pub fn new(service: String, tamara: String, key: String) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(15));
        Self {
            http: http.build().unwrap(),
            service,
            tamara,
            key,
            answers: watch::Sender::new(0),
            starts: watch::Sender::new(0),
            acknowledged: Mutex::default(),
            unavailable: watch::Sender::new(0),
            lost: AtomicU64::new(0),
            open: AtomicU64::new(0),
            not_applied: AtomicU64::new(0),
        }
    }

    /// Resolves after so many more answers.
    pub async fn answers(&self, more: u64) {
        let mut answers = self.answers.subscribe();
        let until = *answers.borrow() + more;
        answers.wait_for(|count| *count >= until).await.unwrap();
    }

    /// All that the service acknowledged until now.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Says that a killed process is back.
    pub fn back(&self) {
        self.starts.send_modify(|starts| *starts += 1);
    }

    /// The life of one payment, from the cart to what its plan wants.
    pub async fn sell(&self, number: usize, plan: &'static Plan) -> Order {
        let reference = format!("K-{number}");
        let (id, checkout) = self.create(&reference).await;
        let order = Order {
            id,
            reference,
            plan,
        };
        if plan.canceled_first {
            self.ask_to_cancel(&order).await;
            self.approve(&checkout).await;
        } else {
            self.approve(&checkout).await;
            self.until(&order, |payment| payment["paid"] == true).await;
        }
        for (number, step) in plan.steps.iter().enumerate() {
            self.carry_out(&order, number, *step).await;
        }
        order
    }

    /// Asks for the payment until there is a session to pay in. Answers the ids of both.
    async fn create(&self, reference: &str) -> (String, String) {
        for _ in 0..TRIES_MAX {
            let (status, payment) = self.post("/v1/payments", reference, &cart(reference)).await;
            match (status, payment["code"].as_str()) {
                (200 | 201, _) => return (text(&payment["id"]), checkout(&payment)),
                (202, _) | (409, Some("operation_in_progress")) => self.wait_a_little().await,
                _ => panic!("create {reference}: {status} {payment:#}"),
            }
        }
        panic!("{reference} is never created");
    }

    async fn approve(&self, checkout: &str) {
        let url = format!("{}/_sandbox/sessions/{checkout}/approve", self.tamara);
        let (status, answer) = self.ask(|| self.http.post(&url)).await;
        // 409: it was approved already, and the answer got lost.
        assert!(matches!(status, 200 | 409), "approve: {status} {answer:#}");
    }

    /// Cancels a payment that nobody has approved yet; how it ends is seen later, with the same key.
    async fn ask_to_cancel(&self, order: &Order) {
        let path = format!("/v1/payments/{}/cancel", order.id);
        let key = key(order, 0, "cancel", 0);
        let (status, answer) = self.post(&path, &key, &json!({})).await;
        assert_eq!(status, 202, "cancel {}: {answer:#}", order.reference);
    }

    /// Asks until it is done. What provably did not happen is asked for again under a new key, as the problem says.
    async fn carry_out(&self, order: &Order, number: usize, step: Step) {
        let (mut keys, mut version) = (0, 0);
        for _ in 0..TRIES_MAX {
            let asked = asked(order, number, step, keys);
            let (status, answer) = self.post(&asked.path, &asked.key, &asked.body).await;
            match (status, answer["code"].as_str()) {
                (200, _) => return,
                (202, _) | (409, Some("operation_in_progress")) => {
                    self.open.fetch_add(1, Ordering::SeqCst);
                    version = self.newer(&order.id, version).await["version"]
                        .as_i64()
                        .unwrap();
                }
                (409, Some("not_applied")) => {
                    self.not_applied.fetch_add(1, Ordering::SeqCst);
                    keys += 1;
                }
                _ => panic!(
                    "{}: {status} {answer:#}\n{:#}",
                    asked.key,
                    self.newer(&order.id, 0).await
                ),
            }
        }
        panic!("{step:?} never ends: {:#}", self.newer(&order.id, 0).await);
    }

    /// Waits until nothing about a payment is under way or in doubt.
    pub async fn comes_to_rest(&self, order: &Order) {
        let rests = |payment: &Value| {
            let operations = payment["operations"].as_array().unwrap();
            let ended = |operation: &Value| {
                matches!(operation["state"].as_str(), Some("succeeded" | "rejected"))
            };
            payment["in_doubt"] == false && operations.iter().all(ended)
        };
        self.until(order, rests).await;
    }

    pub async fn until(&self, order: &Order, reached: impl Fn(&Value) -> bool) {
        let mut version = 0;
        for _ in 0..TRIES_MAX {
            let payment = self.newer(&order.id, version).await;
            if reached(&payment) {
                return;
            }
            version = payment["version"].as_i64().unwrap();
        }
        panic!("never reached: {:#}", self.newer(&order.id, 0).await);
    }

    /// The payment as soon as it is newer than `version`, or as it is after two seconds.
    async fn newer(&self, id: &str, version: i64) -> Value {
        self.get(&format!("/v1/payments/{id}?wait=2&since={version}"))
            .await
    }

    /// A read of the service's API.
    pub async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.service);
        let (status, answer) = self
            .ask(|| self.http.get(&url).bearer_auth(&self.key))
            .await;
        assert_eq!(status, 200, "GET {path}: {answer:#}");
        answer
    }

    /// The books of the offline Tamara.
    pub async fn tamaras_books(&self) -> Value {
        let url = format!("{}/_sandbox/state", self.tamara);
        self.ask(|| self.http.get(&url)).await.1
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let (status, answer) = self.ask(|| self.write(path, key, body)).await;
        if (200..300).contains(&status) {
            let (id, of) = (
                answer["id"].as_str().unwrap(),
                answer["payment_id"].as_str(),
            );
            self.acknowledged.lock().unwrap().push(Acknowledged {
                status,
                payment: of.unwrap_or(id).to_owned(),
                operation: of.map(|_| id.to_owned()),
            });
        }
        (status, answer)
    }

    /// A request that changes something, not sent yet.
    pub fn write(&self, path: &str, key: &str, body: &Value) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.service));
        let request = request.bearer_auth(&self.key);
        let request = request
            .header("idempotency-key", key)
            .header("content-type", "application/json");
        request.body(body.to_string())
    }

    /// Sends a request until an answer comes that is not "not now".
    async fn ask(&self, request: impl Fn() -> RequestBuilder) -> (u16, Value) {
        for _ in 0..TRIES_MAX {
            if let Some((status, answer)) = self.try_once(request()).await {
                self.answers.send_modify(|answers| *answers += 1);
                if status != 503 {
                    return (status, answer);
                }
                assert_eq!(answer["retryable"], true, "{answer:#}");
                self.unavailable.send_modify(|count| *count += 1);
            } else {
                self.lost.fetch_add(1, Ordering::SeqCst);
            }
            self.wait_a_little().await;
        }
        panic!("no answer: {:?}", request().build().unwrap().url());
    }

    /// A whole answer, if one came.
    pub async fn try_once(&self, request: RequestBuilder) -> Option<(u16, Value)> {
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.ok()?;
        Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// Until a killed process is back, at most a quarter of a second: a client that could not get through tries again
    /// soon, but not without pause, and what it waits for may be no process but a lease.
    pub async fn wait_a_little(&self) {
        let mut starts = self.starts.subscribe();
        let _ = tokio::time::timeout(Duration::from_millis(250), starts.changed()).await;
    }
}

/// A request that moves money, as it is sent again and again.
pub struct Asked {
    pub path: String,
    pub key: String,
    pub body: Value,
}

/// The request of a step; `keys` earlier ones provably did not happen.
pub fn asked(order: &Order, number: usize, step: Step, keys: usize) -> Asked {
    let (verb, amount) = match step {
        Step::Capture(amount) => ("capture", amount),
        Step::Refund(amount) => ("refund", Some(amount)),
        Step::Cancel(amount) => ("cancel", amount),
    };
    Asked {
        path: format!("/v1/payments/{}/{verb}", order.id),
        key: key(order, number, verb, keys),
        body: amount.map_or_else(|| json!({}), |minor| json!({ "amount": sar(minor) })),
    }
}

fn key(order: &Order, step: usize, verb: &str, keys: usize) -> String {
    format!("{}/{step}/{verb}/{keys}", order.reference)
}

fn checkout(payment: &Value) -> String {
    let sessions = payment["sessions"].as_array().unwrap();
    let newest = sessions
        .iter()
        .rev()
        .find_map(|session| session["checkout_id"].as_str());
    newest
        .unwrap_or_else(|| panic!("no session: {payment:#}"))
        .to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn sar(minor: i64) -> Value {
    json!({ "amount": minor, "currency": "SAR" })
}

pub fn cart(reference: &str) -> Value {
    json!({
        "merchant_reference": reference,
        "total_amount": sar(TOTAL),
        "shipping_amount": sar(12),
        "items": [
            { "reference_id": "lamp", "name": "Desk lamp", "sku": "LAMP-1", "quantity": 2, "unit_price": sar(15_000) },
        ],
        "customer": { "first_name": "Noura", "last_name": "Alharbi", "phone_number": "544337866" },
        "shipping_address": { "line1": "12 Olaya St", "city": "Riyadh" },
        "return_urls": {
            "success": "https://shop.test/ok", "failure": "https://shop.test/no", "cancel": "https://shop.test/back",
        },
    })
}
