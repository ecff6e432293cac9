//! The test world: one service, one offline Tamara, one clock, and the faults between them.
//!
//! Nothing here mocks the service: requests go through its router, calls through its client, and what is lost is lost
//! on the way. A world that is dropped without `finish` fails its test: finishing asserts that no work is left.

use axum::body::Body;
use axum::http::Request as HttpRequest;
use datepalm::app::{App, Seams};
use datepalm::clock::Clock;
use datepalm::config::{self, Config};
use datepalm::ids::{SeededIds, sha256_hex};
use datepalm::store::Database;
use datepalm::store::accounts::{self, KeyRow};
use datepalm::store::in_line::InLine;
use datepalm::workers;
use http_body_util::BodyExt as _;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tamara::transport::{Request, Response, Transport, TransportError, TransportFuture};
use tamara_sandbox::{Merchant, Options, Sandbox};
use tower::ServiceExt as _;

/// The secret key of the Saudi account of every world.
pub const KEY: &str = "sk_test_of_this_world";
/// The secret key of the Kuwaiti account.
pub const KEY_KW: &str = "sk_test_of_this_world_kw";
/// What Tamara signs with, for the Saudi account.
pub const NOTIFICATION_TOKEN: &str = "notify-sa-0123456789abcdef0123456789abcdef";

/// What goes wrong with one call to Tamara.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The connection is refused: nothing left.
    NotSent,
    /// The request is lost on the way: Tamara never saw it.
    RequestLost,
    /// Tamara did it, and its answer is lost.
    AnswerLost,
    /// Tamara says 503 with a page of HTML.
    GatewayError,
    /// Tamara refuses with this body.
    Refusal(&'static str),
    /// Tamara has had too many calls, and wants us to wait so many seconds.
    TooMany(&'static str),
    /// Tamara did it, and its answer is held back until `let_go`.
    AnswerHeld,
    /// Tamara does not know the order.
    NotFound,
    /// Tamara answers, and says something else than it has in its books.
    Altered(Edit),
}

/// Changes an answer on its way.
pub type Edit = fn(&mut Value);

impl Fault {
    /// What comes back of a call that Tamara never sees.
    fn instead(self) -> Option<Result<Response, TransportError>> {
        let mut headers = Vec::new();
        let (status, body): (_, &[u8]) = match self {
            Self::NotSent => {
                let why = "refused by the test".into();
                return Some(Err(TransportError::NotSent(why)));
            }
            Self::RequestLost => {
                let why = "lost by the test before".into();
                return Some(Err(TransportError::OutcomeUnknown(why)));
            }
            Self::GatewayError => (503, b"<html>Bad gateway</html>"),
            Self::Refusal(body) => (400, body.as_bytes()),
            Self::TooMany(seconds) => {
                headers.push(("retry-after".into(), seconds.into()));
                (429, br#"{"message":"Too many requests","errors":[]}"#)
            }
            Self::NotFound => (
                404,
                br#"{"message":"order not found","errors":[{"error_code":"order_not_found"}]}"#,
            ),
            Self::AnswerLost | Self::AnswerHeld | Self::Altered(_) => {
                return None;
            }
        };
        Some(Ok(Response {
            status,
            headers,
            body: body.to_vec(),
        }))
    }
}

/// The sandbox's clock as the service's; its wall reading may be set back, its second one goes on.
#[derive(Clone)]
struct SharedClock {
    clock: tamara_sandbox::Clock,
    back_ms: Arc<AtomicI64>,
    stand: Arc<Mutex<Option<Stand>>>,
}

/// The process stands still for a while, just before it reads its monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Stand {
    readings_left: u32,
    for_ms: i64,
}

impl Clock for SharedClock {
    fn now_ms(&self) -> i64 {
        self.clock.now_ms() - self.back_ms.load(Ordering::SeqCst)
    }
    fn monotonic_ms(&self) -> i64 {
        let mut stand = self.stand.lock().unwrap();
        if let Some(Stand { readings_left, .. }) = stand.as_mut() {
            *readings_left -= 1;
        }
        if let Some(over) = stand.take_if(|stand| stand.readings_left == 0) {
            self.clock.advance_ms(over.for_ms);
        }
        self.clock.monotonic_ms()
    }
}

/// Faults waiting for their call: `(part of "METHOD path", fault)`, each used once.
type Faults = Arc<Mutex<VecDeque<(String, Fault)>>>;

/// Every call that Tamara saw: `METHOD path`.
type Seen = Arc<Mutex<Vec<String>>>;

/// Stops the process at a chosen point of a call: before Tamara sees it, or before its answer comes back.
#[derive(Default)]
pub struct Halt {
    points: AtomicU64,
    at: AtomicU64,
    halted: tokio::sync::Notify,
}

impl Halt {
    /// Halts at the `at`-th point from now on; 0 never halts.
    pub fn set(&self, at: u64) {
        self.points.store(0, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
    }

    /// Resolves when the halt was reached.
    pub async fn reached(&self) {
        self.halted.notified().await;
    }

    async fn point(&self) {
        let point = self.points.fetch_add(1, Ordering::SeqCst) + 1;
        if point == self.at.load(Ordering::SeqCst) {
            self.halted.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

#[derive(Clone)]
struct InProcess {
    sandbox: Sandbox,
    faults: Faults,
    seen: Seen,
    halt: Arc<Halt>,
    held: Arc<tokio::sync::Notify>,
    let_go: Arc<tokio::sync::Notify>,
}

impl InProcess {
    fn fault_for(&self, call: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let index = faults
            .iter()
            .position(|(part, _)| call.contains(part.as_str()))?;
        faults.remove(index).map(|(_, fault)| fault)
    }

    /// What Tamara answers.
    async fn deliver(&self, request: Request) -> (u16, Vec<u8>) {
        let token = request.token.expose_secret();
        let http = HttpRequest::builder()
            .method(request.method.as_str())
            .uri(&request.path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(request.body.map_or_else(Body::empty, Body::from))
            .unwrap();
        let answer = self.sandbox.router().oneshot(http).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, body.to_vec())
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(async move {
            let call = format!("{} {}", request.method.as_str(), request.path);
            self.halt.point().await;
            let fault = self.fault_for(&call);
            if let Some(answer) = fault.and_then(Fault::instead) {
                return answer;
            }
            self.seen.lock().unwrap().push(call);
            let (status, mut body) = self.deliver(request).await;
            self.halt.point().await;
            if matches!(fault, Some(Fault::AnswerHeld)) {
                self.held.notify_one();
                self.let_go.notified().await;
            }
            if let Some(Fault::Altered(edit)) = fault {
                let mut told = serde_json::from_slice(&body).unwrap();
                edit(&mut told);
                body = told.to_string().into();
            }
            if matches!(fault, Some(Fault::AnswerLost)) {
                return Err(TransportError::OutcomeUnknown(
                    "lost by the test after".into(),
                ));
            }
            Ok(Response {
                status,
                headers: Vec::new(),
                body,
            })
        })
    }
}

/// Which database a world lives on.
#[derive(Clone, Copy, Debug)]
pub enum On {
    Sqlite,
    Postgres,
    /// In memory, on the calling thread.
    InLine,
}

/// How Tamara's account of the world is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    pub auto_authorise: bool,
    pub auto_capture: bool,
}

pub struct World {
    pub sandbox: Sandbox,
    pub clock: tamara_sandbox::Clock,
    pub app: Arc<App>,
    /// What the process reads when it starts.
    pub config: Config,
    pub halt: Arc<Halt>,
    shared: SharedClock,
    wire: InProcess,
    seeds: AtomicU64,
    _folder: tempfile::TempDir,
    finished: bool,
}

impl World {
    pub async fn new(on: On) -> Self {
        Self::with(on, Setup::default()).await
    }

    pub async fn with(on: On, setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = tamara_sandbox::Clock::manual(1_770_000_000_000);
        let sa = Merchant {
            auto_authorise: setup.auto_authorise,
            auto_capture: setup.auto_capture,
            ..Merchant::new("World SA", "SA", "api-sa", NOTIFICATION_TOKEN)
        };
        let kw = Merchant::new(
            "World KW",
            "KW",
            "api-kw",
            "notify-kw-0123456789abcdef0123456789abcdef",
        );
        let sandbox = Sandbox::open(Options {
            clock: clock.clone(),
            seed: Some(7),
            ..Options::new("http://tamara.test", vec![sa, kw])
        })
        .unwrap();
        let database = match on {
            On::Sqlite => Database::Sqlite(folder.path().join("datepalm.db")),
            On::Postgres => Database::Postgres(fresh_postgres().await),
            On::InLine => Database::InLine(InLine::new().unwrap()),
        };
        let config = config_of(folder.path(), database);
        let seeds = AtomicU64::new(1);
        let halt = Arc::new(Halt::default());
        let wire = InProcess {
            sandbox: sandbox.clone(),
            faults: Faults::default(),
            seen: Seen::default(),
            halt: halt.clone(),
            held: Arc::default(),
            let_go: Arc::default(),
        };
        let shared = SharedClock {
            clock: clock.clone(),
            back_ms: Arc::default(),
            stand: Arc::default(),
        };
        let app = open(&config, &shared, &wire, 0).await.unwrap();
        let world = Self {
            sandbox,
            clock,
            app,
            config,
            halt,
            shared,
            wire,
            seeds,
            _folder: folder,
            finished: false,
        };
        world.add_keys().await;
        world
    }

    async fn add_keys(&self) {
        for (account, key) in [("sa", KEY), ("kw", KEY_KW)] {
            let row = KeyRow {
                id: format!("key_{account}"),
                account: account.into(),
                kind: "sk".into(),
                hash: sha256_hex(key),
                hint: "sk_test".into(),
            };
            self.app
                .store
                .write("test key", move |tx| accounts::insert_key(tx, &row, 0))
                .await
                .unwrap();
        }
    }

    /// The process dies and starts again on the same data.
    pub async fn restart(&mut self) {
        let seed = self.seeds.fetch_add(1, Ordering::SeqCst);
        self.app = open(&self.config, &self.shared, &self.wire, seed)
            .await
            .unwrap();
    }

    /// Whether a second start with other settings on the same data would go well; if not, what it says.
    pub async fn refuses_to_start(&self, config: &Config) -> Option<String> {
        let opened = open(config, &self.shared, &self.wire, 99).await;
        opened.err().map(|error| error.to_string())
    }

    /// Sets the service's wall clock back; Tamara's goes on.
    pub fn set_clock_back(&self, by_ms: i64) {
        self.shared.back_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// The process stands still for so long, just before the `reading`-th time from now on that it reads its monotonic
    /// clock. Tamara's time goes on meanwhile.
    pub fn stand_at_reading(&self, reading: u32, for_ms: i64) {
        *self.shared.stand.lock().unwrap() = Some(Stand {
            readings_left: reading,
            for_ms,
        });
    }

    /// Whether the process has still to stand.
    pub fn is_yet_to_stand(&self) -> bool {
        self.shared.stand.lock().unwrap().is_some()
    }

    /// The next call whose `METHOD path` contains `part` goes wrong.
    pub fn fault(&self, part: &str, fault: Fault) {
        self.wire
            .faults
            .lock()
            .unwrap()
            .push_back((part.to_owned(), fault));
    }

    /// How many faults wait for their call.
    pub fn faults_left(&self) -> usize {
        self.wire.faults.lock().unwrap().len()
    }

    /// What would have gone wrong goes well from now on.
    pub fn no_more_faults(&self) {
        self.wire.faults.lock().unwrap().clear();
    }

    /// Resolves when an answer is held back.
    pub async fn held(&self) {
        self.wire.held.notified().await;
    }

    /// Lets an answer that is held back go on.
    pub fn let_go(&self) {
        self.wire.let_go.notify_one();
    }

    /// How many calls Tamara saw whose `METHOD path` contains `part`.
    pub fn calls(&self, part: &str) -> usize {
        self.wire
            .seen
            .lock()
            .unwrap()
            .iter()
            .filter(|call| call.contains(part))
            .count()
    }

    /// The calls that Tamara saw whose `METHOD path` contains `part`, in order.
    pub fn seen(&self, part: &str) -> Vec<String> {
        let seen = self.wire.seen.lock().unwrap();
        seen.iter()
            .filter(|call| call.contains(part))
            .cloned()
            .collect()
    }

    /// One request through the router: status, headers, body.
    pub async fn raw(&self, request: HttpRequest<Body>) -> (u16, axum::http::HeaderMap, String) {
        let answer = datepalm::http::router(self.app.clone())
            .oneshot(request)
            .await
            .unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    /// A request of the merchant's backend with an idempotency key.
    pub async fn post(&self, path: &str, idempotency_key: &str, body: &Value) -> (u16, Value) {
        self.post_as(KEY, path, idempotency_key, &body.to_string())
            .await
    }

    pub async fn post_as(
        &self,
        key: &str,
        path: &str,
        idempotency_key: &str,
        body: &str,
    ) -> (u16, Value) {
        let request = HttpRequest::post(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .header("idempotency-key", idempotency_key)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let (status, _, body) = self.raw(request).await;
        (
            status,
            serde_json::from_str(&body).unwrap_or(Value::String(body)),
        )
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.get_as(KEY, path).await
    }

    pub async fn get_as(&self, key: &str, path: &str) -> (u16, Value) {
        let request = HttpRequest::get(path)
            .header("authorization", format!("Bearer {key}"))
            .body(Body::empty())
            .unwrap();
        let (status, _, body) = self.raw(request).await;
        (
            status,
            serde_json::from_str(&body).unwrap_or(Value::String(body)),
        )
    }

    /// The payment as its merchant sees it.
    pub async fn payment(&self, id: &str) -> Value {
        let (status, payment) = self.get(&format!("/v1/payments/{id}")).await;
        assert_eq!(status, 200, "{payment}");
        payment
    }

    /// Makes a payment of 300.12 SAR; answers its id and checkout id.
    pub async fn create(&self, reference: &str) -> (String, String) {
        let (status, payment) = self
            .post("/v1/payments", reference, &order(reference))
            .await;
        assert_eq!(status, 201, "{payment}");
        ids_of(&payment)
    }

    /// Hands every due notification to the service, `times` times each.
    pub async fn deliver(&self, times: usize) {
        for delivery in self.sandbox.take_due() {
            let path = delivery
                .url
                .strip_prefix("http://datepalm.test")
                .unwrap()
                .to_owned();
            let mut status = 0;
            for _ in 0..times {
                let mut request = HttpRequest::post(&path);
                for (name, value) in &delivery.headers {
                    request = request.header(name, value);
                }
                status = self
                    .raw(request.body(Body::from(delivery.body.clone())).unwrap())
                    .await
                    .0;
            }
            let result = if times == 0 {
                Err("lost".to_owned())
            } else {
                Ok(status)
            };
            self.sandbox.delivered(delivery.id, result);
        }
    }

    /// Runs the workers until nothing is left to do now.
    pub async fn work(&self) {
        for _ in 0..100 {
            if workers::run_all_once(&self.app).await.unwrap().done == 0 {
                return;
            }
        }
        panic!("the workers do not come to rest");
    }

    /// Moves both clocks and lets the workers run, in steps, without any notification.
    pub async fn pass(&self, seconds: i64, steps: i64) {
        for _ in 0..steps {
            self.clock.advance_ms(seconds * 1_000 / steps);
            self.sandbox.tick();
            self.work().await;
        }
    }

    /// Tamara's book of an order, by the payment's first session.
    pub async fn book(&self, payment: &str) -> Value {
        let order_id = self.payment(payment).await["sessions"][0]["order_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let state = self.sandbox.state();
        let orders = state["orders"].as_array().unwrap();
        orders
            .iter()
            .find(|order| order["order_id"] == order_id.as_str())
            .unwrap()
            .clone()
    }

    /// A world that may be left as it stands: for requests that ask for anything, one at a time.
    pub fn left_as_it_stands(mut self) -> Self {
        self.finished = true;
        self
    }

    /// Asserts that no work is left: everything open has an end in sight.
    pub async fn finish(mut self) {
        self.work().await;
        let left = self.app.store.read("leftovers", |tx| {
            let rows = tx.query(
                "-- leftovers\nselect kind, state from operations where state in ('intent', 'sending', 'unknown', 'accepted')",
                datepalm::values![],
            )?;
            rows.into_iter().map(|mut row| Ok(format!("{} {}", row.text()?, row.text()?))).collect::<Result<Vec<_>, _>>()
        });
        assert_eq!(
            left.await.unwrap(),
            Vec::<String>::new(),
            "operations are left over"
        );
        self.finished = true;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(
            self.finished || std::thread::panicking(),
            "call finish() at the end of the test"
        );
    }
}

async fn open(
    config: &Config,
    clock: &SharedClock,
    wire: &InProcess,
    seed: u64,
) -> anyhow::Result<Arc<App>> {
    let transport: Arc<dyn Transport> = Arc::new(wire.clone());
    let seams = Seams {
        clock: Arc::new(clock.clone()),
        ids: Arc::new(SeededIds::new(seed)),
        transport: Box::new(move |_| Ok(transport.clone())),
    };
    App::open(config.clone(), seams).await
}

fn config_of(folder: &Path, database: Database) -> Config {
    let text = format!(
        r#"
        public_url = "http://datepalm.test"
        [accounts.sa]
        country = "SA"
        environment = "http://tamara.test"
        api_token = "api-sa"
        notification_token = "{NOTIFICATION_TOKEN}"
        return_url_prefixes = ["https://shop.test", "myshop://done"]
        shipping_company = "Aramex"
        reads_per_second = 1000
        [accounts.kw]
        country = "KW"
        environment = "http://tamara.test"
        api_token = "api-kw"
        notification_token = "notify-kw-0123456789abcdef0123456789abcdef"
        return_url_prefixes = ["https://shop.test"]
        "#
    );
    Config {
        database,
        // A night that passes in a test reads nothing by itself, unless the test is about that.
        reconcile_at_ms: None,
        ..config::parse(&text, folder).unwrap()
    }
}

/// A database of its own on the PostgreSQL that the test command started.
async fn fresh_postgres() -> String {
    #[expect(clippy::disallowed_methods, reason = "the test command says where its PostgreSQL is")]
    let server = std::env::var("DATEPALM_TEST_POSTGRES")
        .expect("DATEPALM_TEST_POSTGRES is not set: run the tests through ./test, which starts a PostgreSQL");
    let (base, _) = server.rsplit_once('/').unwrap();
    let base = base.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut client = postgres::Client::connect(&server, postgres::NoTls).unwrap();
        let mut random = [0; 8];
        datepalm::ids::Ids::fill(&datepalm::ids::SystemIds::default(), &mut random);
        let name = format!("dp_{}", datepalm::ids::hex(&random));
        client
            .batch_execute(&format!("create database {name}"))
            .unwrap();
        format!("{base}/{name}")
    })
    .await
    .unwrap()
}

/// The ids of a payment and its checkout session.
pub fn ids_of(payment: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (
        text(&payment["id"]),
        text(&payment["sessions"][0]["checkout_id"]),
    )
}

pub fn sar(minor: i64) -> Value {
    json!({ "amount": minor, "currency": "SAR" })
}

/// A valid order of 300.12 SAR.
pub fn order(reference: &str) -> Value {
    json!({
        "merchant_reference": reference,
        "total_amount": sar(30_012),
        "shipping_amount": sar(2_000),
        "tax_amount": sar(0),
        "discount": { "name": "WELCOME", "amount": sar(1_988) },
        "items": [
            { "reference_id": "lamp", "name": "Desk lamp", "sku": "LAMP-1", "quantity": 2, "unit_price": sar(15_000) },
        ],
        "customer": {
            "first_name": "Noura", "last_name": "Alharbi", "phone_number": "544337866", "email": "noura@example.com",
        },
        "shipping_address": { "line1": "12 Olaya St", "city": "Riyadh" },
        "return_urls": {
            "success": "https://shop.test/ok", "failure": "https://shop.test/no", "cancel": "https://shop.test/back",
        },
        "metadata": { "cart": "c-1" },
    })
}

/// Runs a test on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($(async fn $name:ident($on:ident: On) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "each body uses some of them")]
            use super::*;
            async fn body($on: $crate::world::On) $body
            #[tokio::test]
            async fn sqlite() {
                body($crate::world::On::Sqlite).await;
            }
            #[tokio::test]
            async fn postgres() {
                body($crate::world::On::Postgres).await;
            }
        })*
    };
}
