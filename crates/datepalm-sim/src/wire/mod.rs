//! The way between service and Tamara: every call parks before Tamara sees it and before its answer comes back, and
//! the schedule says what becomes of it.
//!
//! The faults keep within what R19 assumes: a request is effective at most `LATENESS_MS` after its sender's time-out,
//! and a read is at most `STALENESS_MS` old.

pub mod echo;
pub mod fate;
mod ledger;
mod parts;

use crate::world::setting::Setting;
use axum::body::Body;
use fate::{Fate, Route};
use http_body_util::BodyExt as _;
pub use ledger::Ledger;
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use tamara::transport::{Request, Response, Transport, TransportError, TransportFuture};
use tamara_sandbox::{Clock, Fault, Sandbox};
use tower::ServiceExt as _;

/// After its sender gave up, a request may still take effect this long.
pub const LATENESS_MS: i64 = 300_000;
/// The client's total time-out: nobody waits longer for an answer.
pub const TIMEOUT_MS: i64 = 30_000;

/// Where a call is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Tamara has not seen it.
    Before,
    /// Tamara has answered.
    After,
}

/// A call that waits for the schedule.
#[derive(Clone, Debug)]
pub struct Parked {
    /// The endpoint.
    pub route: Route,
    /// The order, or the reference of a new one.
    pub about: String,
    /// Where it is.
    pub side: Side,
    /// When it began, on the clock.
    pub begun_ms: i64,
}

struct Call {
    parked: Parked,
    wired: Wired,
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
    route: Route,
    about: String,
    /// It left before a backup was put back.
    from_before: bool,
}

#[derive(Default)]
struct Shared {
    calls: BTreeMap<u64, Call>,
    next: u64,
    just_parked: Option<u64>,
    open: bool,
    late: Vec<(i64, Wired)>,
    ledger: Ledger,
}

/// The wire of all nodes.
#[derive(Clone)]
pub struct Wire {
    shared: Arc<Mutex<Shared>>,
    router: axum::Router,
    clock: Clock,
    setting: Setting,
}

impl Wire {
    /// A wire to one Tamara.
    pub fn new(sandbox: &Sandbox, clock: Clock, setting: Setting) -> Self {
        // A fault that never strikes: from now on the sandbox remembers what orders were, for stale reads.
        let stale = Fault::new("stale").times(0);
        sandbox
            .add_fault(stale)
            .expect("the sandbox knows stale reads");
        Self {
            shared: Arc::default(),
            router: sandbox.router(),
            clock,
            setting,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call that the future parked at since the last time this was asked.
    pub fn take_parked(&self) -> Option<u64> {
        self.lock().just_parked.take()
    }

    /// What a parked call is, and where.
    pub fn parked(&self, id: u64) -> Option<Parked> {
        self.lock().calls.get(&id).map(|call| call.parked.clone())
    }

    /// From now on nothing parks and everything arrives.
    pub fn open(&self) {
        let mut shared = self.lock();
        shared.open = true;
        for call in shared.calls.values_mut() {
            call.fate.get_or_insert(Fate::Arrives);
            call.answer_arrives.get_or_insert(true);
        }
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

    /// Its sender died. What Tamara had not seen had left the machine, or had not.
    pub fn abandon(&self, id: u64) {
        let mut shared = self.lock();
        let Some(call) = shared.calls.remove(&id) else {
            return;
        };
        let deadline_ms = call.parked.begun_ms + TIMEOUT_MS + LATENESS_MS;
        let left = id.is_multiple_of(2) && deadline_ms >= self.clock.now_ms();
        if call.parked.side == Side::Before && call.parked.route != Route::Read && left {
            shared.late.push((deadline_ms, call.wired));
        }
    }

    /// Looks at what is remembered, and may change it.
    pub fn ledger<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        look(&mut self.lock().ledger)
    }

    /// A backup was put back: whatever is still under way is of those whom nobody remembers.
    pub fn restored(&self) {
        for (_, wired) in &mut self.lock().late {
            wired.from_before = true;
        }
    }

    /// What the requests are about that left before a backup was put back and may still arrive.
    pub fn late_from_before(&self) -> Vec<String> {
        let shared = self.lock();
        let late = shared.late.iter().filter(|(_, wired)| wired.from_before);
        late.map(|(_, wired)| wired.about.clone()).collect()
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
    pub async fn arrive_late(
        &self,
        chosen: Option<usize>,
        until_ms: i64,
    ) -> Vec<(Route, String, u16)> {
        let mut arrived = Vec::new();
        for wired in self.take_late(chosen, until_ms) {
            let (status, _) = self.deliver(&wired, None).await;
            arrived.push((wired.route, wired.about, status));
        }
        arrived
    }

    async fn deliver(&self, wired: &Wired, stale_s: Option<u16>) -> (u16, Vec<u8>) {
        let mut request = axum::http::Request::builder()
            .method(wired.method)
            .uri(&wired.path)
            .header("authorization", format!("Bearer {}", wired.token))
            .header("content-type", "application/json");
        if let Some(seconds) = stale_s {
            request = request.header("x-sandbox-fault", format!("stale; seconds={seconds}"));
        }
        let request = request
            .body(wired.body.clone().map_or_else(Body::empty, Body::from))
            .expect("the client makes valid requests");
        let answer = self
            .router
            .clone()
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
        self.remember(wired, status, &body);
        if wired.route == Route::Read && status == 200 && echo::alters(&self.setting) {
            let now_ms = self.clock.now_ms() - i64::from(stale_s.unwrap_or(0)) * 1_000;
            return (status, echo::altered(&body, &self.setting, now_ms));
        }
        (status, body)
    }

    fn remember(&self, wired: &Wired, status: u16, body: &[u8]) {
        let ledger = &mut self.lock().ledger;
        ledger.delivered += 1;
        if wired.route == Route::Checkout && status < 300 {
            let made: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            let id = made["order_id"].as_str().unwrap_or_default().to_owned();
            ledger.takes(&wired.token, &wired.about, &id);
            if wired.from_before {
                ledger
                    .orders_from_before
                    .push((id.clone(), wired.about.clone()));
            }
            ledger.orders.push((id, wired.about.clone()));
        } else if wired.route != Route::Read {
            ledger.touched.insert(wired.about.clone());
        }
        let body = wired.body.as_deref().unwrap_or_default();
        match wired.route {
            Route::Authorise if status < 300 => {
                *ledger.authorised.entry(wired.about.clone()).or_default() += 1;
            }
            Route::Reference if status < 300 => {
                let reference = field(body, "order_reference_id");
                ledger.takes(&wired.token, &reference, &wired.about);
            }
            Route::Capture | Route::Cancel if status < 300 => {
                ledger.misfit = ledger.misfit.take().or_else(|| parts::misfit(body));
            }
            _ => {}
        }
    }

    fn park(&self, wired: &Wired) -> u64 {
        let mut shared = self.lock();
        shared.next += 1;
        let id = shared.next;
        let open = shared.open;
        let parked = Parked {
            route: wired.route,
            about: wired.about.clone(),
            side: Side::Before,
            begun_ms: self.clock.now_ms(),
        };
        shared.calls.insert(
            id,
            Call {
                parked,
                wired: wired.clone(),
                fate: open.then_some(Fate::Arrives),
                answer_arrives: open.then_some(true),
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
            call.parked.side = Side::After;
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

    /// Carries a request to where its fate lets it go.
    async fn carry(&self, request: Request) -> Result<Response, TransportError> {
        let wired = wired(&request);
        let id = self.park(&wired);
        let fate = self.fate_of(id).await;
        if !fate.reaches() {
            return self.stopped(wired, fate, id);
        }
        let stale_s = match fate {
            Fate::Stale(seconds) => Some(seconds),
            _ => None,
        };
        let wired = match fate {
            Fate::OtherOrder => self.mixed_up(wired),
            _ => wired,
        };
        let (status, body) = self.deliver(&wired, stale_s).await;
        let arrives = self.answer_of(id).await;
        self.lock().calls.remove(&id);
        if !arrives {
            return lost("answer lost");
        }
        Ok(match fate {
            Fate::GatewayAfter => plain(503, b"<html>503</html>".to_vec()),
            Fate::Garbled => plain(status, body[..body.len() / 2].to_vec()),
            Fate::AnswerOfAnother => plain(status, echo::of_another(&body)),
            Fate::OddStatus if status == 200 => {
                self.lock().ledger.odd.insert(wired.about.clone());
                plain(200, echo::odd(&body))
            }
            _ => plain(status, body),
        })
    }

    /// The read of another order: the newest that is not the one that was asked for.
    fn mixed_up(&self, wired: Wired) -> Wired {
        let ledger = &mut self.lock().ledger;
        let mut newest = ledger.orders.iter().rev();
        let Some((other, _)) = newest.find(|(id, _)| *id != wired.about) else {
            return wired;
        };
        let path = wired.path.replace(&wired.about, other);
        ledger.mixed_up.insert(wired.about.clone());
        // An order of the other account is none to this one's token.
        ledger.not_found.insert(wired.about.clone());
        Wired { path, ..wired }
    }

    /// What the sender hears of a request that Tamara does not see now.
    fn stopped(&self, wired: Wired, fate: Fate, id: u64) -> Result<Response, TransportError> {
        let mut shared = self.lock();
        let begun_ms = shared
            .calls
            .remove(&id)
            .map_or(0, |call| call.parked.begun_ms);
        match fate {
            Fate::NotSent => Err(TransportError::NotSent("connection refused".to_owned())),
            Fate::Gateway => Ok(plain(503, b"<html>503</html>".to_vec())),
            Fate::Redirected => Ok(plain(302, Vec::new())),
            Fate::TurnedAway(status, retry_after) => {
                *shared.ledger.turned_away.entry(wired.about).or_default() += 1;
                let headers = retry_after
                    .map(|seconds| ("retry-after".to_owned(), seconds.to_string()))
                    .into_iter()
                    .collect();
                Ok(envelope(status, headers))
            }
            Fate::NotFound => {
                shared.ledger.not_found.insert(wired.about);
                Ok(envelope(404, Vec::new()))
            }
            Fate::Late => {
                let deadline_ms = begun_ms + TIMEOUT_MS + LATENESS_MS;
                if deadline_ms >= self.clock.now_ms() {
                    shared.late.push((deadline_ms, wired));
                }
                lost("timed out")
            }
            _ => lost("lost"),
        }
    }
}

fn wired(request: &Request) -> Wired {
    let method = request.method.as_str();
    let route = Route::of(method, &request.path);
    let body = request.body.as_deref().unwrap_or_default();
    let about = match route {
        Route::Checkout => field(body, "order_reference_id"),
        Route::Capture => field(body, "order_id"),
        Route::Read | Route::Authorise | Route::Cancel | Route::Refund | Route::Reference => {
            let parts: Vec<&str> = request.path.split('/').collect();
            let at = if route == Route::Refund { 3 } else { 2 };
            parts.get(at).copied().unwrap_or_default().to_owned()
        }
    };
    Wired {
        method,
        path: request.path.clone(),
        token: request.token.expose_secret().to_owned(),
        body: request.body.clone(),
        route,
        about,
        from_before: false,
    }
}

/// A text of a body: the first field of that name.
fn field(body: &str, name: &str) -> String {
    let at = body.split_once(&format!("\"{name}\":\""));
    at.and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or_default()
        .to_owned()
}

fn plain(status: u16, body: Vec<u8>) -> Response {
    Response {
        status,
        headers: Vec::new(),
        body,
    }
}

fn envelope(status: u16, headers: Vec<(String, String)>) -> Response {
    let body = br#"{"message":"refused","errors":[{"error_code":"refused"}],"data":{}}"#.to_vec();
    Response {
        status,
        headers,
        body,
    }
}

fn lost(why: &str) -> Result<Response, TransportError> {
    Err(TransportError::OutcomeUnknown(why.to_owned()))
}

impl Transport for Wire {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(self.carry(request))
    }
}
