//! The way between service and Tamara: every call parks before Tamara sees it and before its answer comes back, and
//! the schedule says what becomes of it.
//!
//! The faults keep within what R19 assumes: a request is effective at most `LATENESS_MS` after its sender's time-out,
//! and a read is at most `STALENESS_MS` old.

use axum::body::Body;
use http_body_util::BodyExt as _;
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use tamara::transport::{Request, Response, Transport, TransportError, TransportFuture};
use tamara_sandbox::{Clock, Sandbox};
use tower::ServiceExt as _;

/// After its sender gave up, a request may still take effect this long.
pub const LATENESS_MS: i64 = 300_000;
/// A stale read is at most this old.
pub const STALENESS_MS: i64 = 300_000;
/// The client's total time-out: nobody waits longer for an answer.
pub const TIMEOUT_MS: i64 = 30_000;

/// What becomes of a request that is about to reach Tamara.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Tamara sees it.
    Arrives,
    /// No byte left.
    NotSent,
    /// Lost on the way.
    Lost,
    /// The sender gives up; Tamara sees it later.
    Late,
    /// A gateway answers 503 with a page, and Tamara never saw it.
    Gateway,
    /// 401 in Tamara's envelope.
    Unauthorised,
    /// 429 in Tamara's envelope.
    TooMany,
    /// Reads: an answer from a while ago.
    Stale,
}

/// Where a call is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    /// Tamara has not seen it.
    Before,
    /// Tamara has answered.
    After,
}

/// One parked call.
pub struct Call {
    /// `METHOD path`.
    pub name: String,
    /// Where it is.
    pub at: Parked,
    /// When it began, on the clock.
    pub begun_ms: i64,
    fate: Option<Fate>,
    answer_arrives: Option<bool>,
}

/// A request as it would go over the wire.
#[derive(Clone)]
struct Wired {
    method: &'static str,
    path: String,
    token: String,
    body: Option<String>,
}

#[derive(Default)]
struct Shared {
    calls: BTreeMap<u64, Call>,
    next: u64,
    just_parked: Option<u64>,
    late: Vec<(i64, Wired)>,
    seen: BTreeMap<String, Vec<(i64, Vec<u8>)>>,
    delivered: u64,
}

/// The wire of all nodes.
#[derive(Clone)]
pub struct Wire {
    shared: Arc<Mutex<Shared>>,
    sandbox: Sandbox,
    clock: Clock,
}

impl Wire {
    /// A wire to one Tamara.
    pub fn new(sandbox: Sandbox, clock: Clock) -> Self {
        Self {
            shared: Arc::default(),
            sandbox,
            clock,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call that the future parked at since the last time this was asked.
    pub fn take_parked(&self) -> Option<u64> {
        self.lock().just_parked.take()
    }

    /// Whether a future has parked and nobody asked yet.
    pub fn has_parked(&self) -> bool {
        self.lock().just_parked.is_some()
    }

    /// What a parked call is, and where.
    pub fn parked(&self, id: u64) -> Option<(String, Parked, i64)> {
        self.lock()
            .calls
            .get(&id)
            .map(|call| (call.name.clone(), call.at, call.begun_ms))
    }

    /// Decides on a request that Tamara has not seen.
    pub fn decide(&self, id: u64, fate: Fate) {
        if let Some(call) = self.lock().calls.get_mut(&id) {
            call.fate = Some(fate);
        }
    }

    /// Decides whether an answer comes back.
    pub fn answer(&self, id: u64, arrives: bool) {
        if let Some(call) = self.lock().calls.get_mut(&id) {
            call.answer_arrives = Some(arrives);
        }
    }

    /// How many requests Tamara saw.
    pub fn delivered(&self) -> u64 {
        self.lock().delivered
    }

    /// Requests that may still arrive late.
    pub fn late_count(&self) -> usize {
        self.lock().late.len()
    }

    /// Takes late requests that must arrive before `until_ms`, or the one chosen.
    fn take_late(&self, chosen: Option<usize>, until_ms: i64) -> Vec<Wired> {
        let mut shared = self.lock();
        let all = std::mem::take(&mut shared.late);
        let mut taken = Vec::new();
        for (index, (deadline_ms, wired)) in all.into_iter().enumerate() {
            if chosen == Some(index) || deadline_ms <= until_ms {
                taken.push(wired);
            } else {
                shared.late.push((deadline_ms, wired));
            }
        }
        taken
    }

    /// Lets late requests arrive: the one chosen, and all whose time runs out before `until_ms`.
    pub async fn arrive_late(&self, chosen: Option<usize>, until_ms: i64) -> Vec<String> {
        let mut names = Vec::new();
        for wired in self.take_late(chosen, until_ms) {
            names.push(format!("{} {}", wired.method, wired.path));
            self.deliver(&wired).await;
        }
        names
    }

    async fn deliver(&self, wired: &Wired) -> (u16, Vec<u8>) {
        let request = axum::http::Request::builder()
            .method(wired.method)
            .uri(&wired.path)
            .header("authorization", format!("Bearer {}", wired.token))
            .header("content-type", "application/json")
            .body(wired.body.clone().map_or_else(Body::empty, Body::from))
            .expect("the client makes valid requests");
        self.lock().delivered += 1;
        let answer = self
            .sandbox
            .router()
            .oneshot(request)
            .await
            .unwrap_or_else(|error| match error {});
        let status = answer.status().as_u16();
        let body = answer
            .into_body()
            .collect()
            .await
            .map(|body| body.to_bytes().to_vec())
            .unwrap_or_default();
        if wired.method == "GET" && status == 200 {
            let now_ms = self.clock.now_ms();
            self.lock()
                .seen
                .entry(wired.path.clone())
                .or_default()
                .push((now_ms, body.clone()));
        }
        (status, body)
    }

    /// The oldest answer to that read that is not too old.
    fn stale(&self, path: &str) -> Option<Vec<u8>> {
        let oldest_ms = self.clock.now_ms() - STALENESS_MS;
        let shared = self.lock();
        let seen = shared.seen.get(path)?;
        seen.iter()
            .find(|(at_ms, _)| *at_ms >= oldest_ms)
            .map(|(_, body)| body.clone())
    }

    fn park(&self, name: String) -> u64 {
        let mut shared = self.lock();
        shared.next += 1;
        let id = shared.next;
        let begun_ms = self.clock.now_ms();
        shared.calls.insert(
            id,
            Call {
                name,
                at: Parked::Before,
                begun_ms,
                fate: None,
                answer_arrives: None,
            },
        );
        id
    }

    async fn fate_of(&self, id: u64) -> Fate {
        std::future::poll_fn(|_| {
            let mut shared = self.lock();
            let fate = shared.calls.get_mut(&id).and_then(|call| call.fate.take());
            if fate.is_none() {
                shared.just_parked = Some(id);
            }
            fate.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    async fn answer_of(&self, id: u64) -> bool {
        if let Some(call) = self.lock().calls.get_mut(&id) {
            call.at = Parked::After;
        }
        std::future::poll_fn(|_| {
            let mut shared = self.lock();
            let arrives = shared
                .calls
                .get_mut(&id)
                .and_then(|call| call.answer_arrives.take());
            if arrives.is_none() {
                shared.just_parked = Some(id);
            }
            arrives.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    async fn carry(&self, request: Request) -> Result<Response, TransportError> {
        let wired = Wired {
            method: request.method.as_str(),
            path: request.path.clone(),
            token: request.token.expose_secret().to_owned(),
            body: request.body.clone(),
        };
        let id = self.park(format!("{} {}", wired.method, wired.path));
        let unknown = |why: &str| Err(TransportError::OutcomeUnknown(why.to_owned()));
        let envelope = |status: u16| {
            let body =
                br#"{"message":"refused","errors":[{"error_code":"refused"}],"data":{}}"#.to_vec();
            Ok(Response {
                status,
                headers: Vec::new(),
                body,
            })
        };
        let fate = self.fate_of(id).await;
        match fate {
            Fate::NotSent => return Err(TransportError::NotSent("connection refused".to_owned())),
            Fate::Lost => return unknown("lost"),
            Fate::Gateway => {
                return Ok(Response {
                    status: 503,
                    headers: Vec::new(),
                    body: b"<html>503</html>".to_vec(),
                });
            }
            Fate::Unauthorised => return envelope(401),
            Fate::TooMany => return envelope(429),
            Fate::Late => {
                let deadline_ms = self.clock.now_ms() + LATENESS_MS;
                self.lock().late.push((deadline_ms, wired));
                return unknown("timed out");
            }
            Fate::Arrives | Fate::Stale => {}
        }
        let stale = if fate == Fate::Stale {
            self.stale(&wired.path)
        } else {
            None
        };
        let (status, body) = match stale {
            Some(body) => (200, body),
            None => self.deliver(&wired).await,
        };
        if self.answer_of(id).await {
            Ok(Response {
                status,
                headers: Vec::new(),
                body,
            })
        } else {
            unknown("answer lost")
        }
    }
}

impl Transport for Wire {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(self.carry(request))
    }
}
