//! One request of any bytes, and what holds of its answer: never a panic, never a 5xx, and every refusal a problem
//! document of a size that follows from the request's.
//!
//! The property tests, the seeds and the fuzzers (`fuzz/`, by `#[path]`) end here.

use crate::world::{On, World};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use datepalm::app::App;
use datepalm::http::{no_such_route, router};
use datepalm::store::Database;
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::cell::RefCell;
use std::sync::Arc;
use std::task::Poll;
use tamara_sandbox::Plan;
use tower::ServiceExt as _;

/// One request, as bytes that fit HTTP: what does not is refused before the router.
#[derive(Clone, Debug)]
pub struct Knock {
    pub method: String,
    pub target: String,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// The headers that the service reads; no other changes an answer.
const HEADERS: [&str; 3] = ["authorization", "content-type", "idempotency-key"];

/// A write to the world in memory yields twice; no request makes a hundred.
const POLLS_MAX: usize = 1_000;

impl Knock {
    /// `METHOD target`, headers as `name: value`, an empty line, and the body; lines end in `\n`.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (head, body) = halves(bytes, b"\n\n")?;
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = std::str::from_utf8(lines.next()?).ok()?;
        let (method, target) = first.split_once(' ')?;
        let header = |line| {
            let (name, value) = halves(line, b": ")?;
            let name = HEADERS.iter().find(|known| known.as_bytes() == name)?;
            HeaderValue::from_bytes(value).ok()?;
            Some((*name, value.to_vec()))
        };
        Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: lines.map(header).collect::<Option<_>>()?,
            body: body.to_vec(),
        })
    }

    /// Sends it and looks at the answer.
    pub async fn end_well(self, app: &Arc<App>) {
        let size = self.target.len() + self.body.len();
        let what = format!("{} {:.200}", self.method, self.target);
        let html = self.target.starts_with("/r/");
        let head = self.method == "HEAD";
        let Ok(mut request) = Request::builder()
            .method(self.method.as_str())
            .uri(&self.target)
            .body(Body::from(self.body))
        else {
            return;
        };
        for (name, value) in self.headers {
            let value = HeaderValue::from_bytes(&value).unwrap();
            request
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
        let service = router(app.clone()).fallback(no_such_route);
        let answer = service.oneshot(request).await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(status < 500, "{what}: {status} {text}");
        assert!(
            headers["x-request-id"]
                .to_str()
                .unwrap()
                .starts_with("req_"),
            "{what}"
        );
        if status >= 400 && !head && !(html && status == 404) {
            is_problem(&what, status, &headers, &text);
            assert!(
                text.len() <= 4 * size + 8_192,
                "{what}: {} bytes for {size}",
                text.len()
            );
        }
    }
}

fn halves<'a>(bytes: &'a [u8], between: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes
        .windows(between.len())
        .position(|window| window == between)?;
    Some((&bytes[..at], &bytes[at + between.len()..]))
}

fn is_problem(what: &str, status: u16, headers: &HeaderMap, text: &str) {
    assert_eq!(
        headers["content-type"], "application/problem+json",
        "{what}: {status} {text}"
    );
    let problem: Value = serde_json::from_str(text).unwrap();
    assert_eq!(problem["status"], status, "{what}: {problem:#}");
    assert!(
        problem["code"].is_string() && problem["detail"].is_string(),
        "{what}: {problem:#}"
    );
}

/// A world in memory with one approved payment.
struct Kept {
    runtime: tokio::runtime::Runtime,
    world: World,
    payment: String,
    operation: String,
    /// What was written before the first request.
    commits: u64,
}

impl Kept {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (world, payment, shown) = runtime.block_on(async {
            let world = World::new(On::InLine).await.left_as_it_stands();
            let (payment, checkout) = world.create("A-1").await;
            let customer = world.sandbox.customer(&checkout);
            customer.approve(Plan::Full).unwrap();
            world.deliver(1).await;
            world.work().await;
            let shown = world.payment(&payment).await;
            (world, payment, shown)
        });
        let commits = commits(&world);
        let operation = shown["operations"][0]["id"].as_str().unwrap().to_owned();
        Self {
            runtime,
            world,
            payment,
            operation,
            commits,
        }
    }

    fn unchanged(&self) -> bool {
        commits(&self.world) == self.commits
    }
}

fn commits(world: &World) -> u64 {
    match &world.config.database {
        Database::InLine(database) => database.commits(),
        Database::Sqlite(_) | Database::Postgres(_) => 0,
    }
}

/// Whether it came to its end. A long poll does not: nothing moves but it, so it is left as if its client had hung up.
async fn unless_it_waits(answering: impl Future<Output = ()>) -> bool {
    let mut answering = std::pin::pin!(answering);
    for _ in 0..POLLS_MAX {
        let once = std::future::poll_fn(|context| Poll::Ready(answering.as_mut().poll(context)));
        if once.await.is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

/// A request as `Knock::read` has it, with `{payment}` and `{operation}` for the world's own, in the same world each time: one that a request has written to is left.
pub fn request(bytes: &[u8]) {
    thread_local! {
        static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }
    let Some(mut knock) = Knock::read(bytes) else {
        return;
    };
    KEPT.with_borrow_mut(|kept| {
        let here = kept.take().unwrap_or_else(Kept::new);
        let target = knock.target.replace("{payment}", &here.payment);
        knock.target = target.replace("{operation}", &here.operation);
        let answering = knock.end_well(&here.world.app);
        let answered = here.runtime.block_on(unless_it_waits(answering));
        if answered && here.unchanged() {
            *kept = Some(here);
        }
    });
}
