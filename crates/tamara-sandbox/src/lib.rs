//! Tamara, offline: the merchant API, the hosted checkout page, signed webhooks and a clock.
//!
//! For whoever integrates Tamara, in any language. It shares no code with any client of Tamara,
//! so that a shared mistake cannot hide. Invariant: what was answered is in the books, and with a
//! data directory in the journal, before the answer leaves.

mod api;
mod book;
mod choices;
mod clock;
mod control;
mod dates;
mod faults;
pub mod fidelity;
mod hosted;
mod ids;
mod journal;
mod listening;
mod merchant;
mod money;
mod notifier;
mod people;
mod request_log;
mod rules;
mod seed;
mod snapshot;
mod state;
mod world;

pub use book::{Book, Canceled, Captured, Refunded};
pub use choices::{
    Choices, CustomerCancel, DeclinedOrder, IdStep, OrderExpiryTime, PartialCancelEvent,
    PaymentTypesShape, RefusalStatus, RepeatedAuthorise, RunOutRedirect, SecondWebhookDelete,
    Uncaptured, UnsupportedPair, WrongEnvironmentStatus,
};
pub use clock::Clock;
pub use faults::{Fault, Severed};
pub use listening::Running;
pub use merchant::{Merchant, Options, PlanTerms, RequestLog, TokenTime};
pub use notifier::Delivery;
pub use people::{Customer, Portal};
pub use rules::{Refusal, Verdict};
pub use seed::Seed;
pub use snapshot::Snapshot;
pub use world::{DisputeStatus, Plan, Status};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::middleware::from_fn_with_state;
use tokio::sync::Notify;

use faults::Faults;
use ids::Ids;
use journal::Journal;
use notifier::Outcome;
use world::{Attempt, Entry, World};

/// Why a sandbox could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A merchant or the base address is unusable.
    #[error("{0}")]
    Options(String),
    /// The journal could not be read or written.
    #[error("journal: {0}")]
    Journal(String),
    /// No port of this machine could be taken.
    #[error("cannot listen: {0}")]
    Listen(String),
}

/// Tamara, offline. Clones share one state.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    base_url: String,
    clock: Clock,
    token_time: TokenTime,
    request_log: Option<RequestLog>,
    books: Mutex<Books>,
    faults: Mutex<Faults>,
    wake: Notify,
    refusal: Notify,
}

struct Books {
    world: World,
    journal: Option<Journal>,
    /// Notifications taken and not yet reported. Forgotten by a restart, which makes them due again.
    /// With the fault that struck the attempt.
    in_flight: BTreeMap<u64, Option<String>>,
}

impl Sandbox {
    /// Opens the sandbox; with `data`, takes up what an earlier run left there, the clock's
    /// offset included.
    pub fn open(options: Options) -> Result<Self, Error> {
        let token_time = options.token_time();
        let accounts = merchant::accounts(&options.merchants)?;
        let mut world = World::new(accounts, Ids::new(options.seed));
        world.choices = options.choices;
        let journal = match &options.data {
            Some(directory) => Some(Journal::open(directory, &mut world, &options.clock)?),
            None => None,
        };
        let books = Books {
            world,
            journal,
            in_flight: BTreeMap::new(),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                base_url: options.base_url.trim_end_matches('/').to_owned(),
                clock: options.clock,
                token_time,
                request_log: options.request_log,
                books: Mutex::new(books),
                faults: Mutex::new(Faults::new(options.seed.unwrap_or(0))),
                wake: Notify::new(),
                refusal: Notify::new(),
            }),
        })
    }

    /// Tamara's API, the hosted page and `/_sandbox`.
    pub fn router(&self) -> axum::Router {
        let api = api::router(self.clone());
        let strike = from_fn_with_state(self.clone(), faults::requests::strike);
        let mut tamara = api.layer(strike).merge(hosted::router(self.clone()));
        if let Some(log) = self.inner.request_log.clone() {
            let state = (self.clone(), log);
            tamara = tamara.layer(from_fn_with_state(state, request_log::record));
        }
        tamara
            .merge(control::router(self.clone()))
            .fallback(api::no_such_route)
            .method_not_allowed_fallback(api::no_such_method)
    }

    /// The clock of [`Options`].
    pub fn clock(&self) -> Clock {
        self.inner.clock.clone()
    }

    /// What it does where Tamara's sources are silent or disagree.
    pub fn choices(&self) -> Choices {
        self.read(|world, _| world.choices)
    }

    /// From the next request on. Not kept in the journal: a restart takes those of [`Options`].
    pub fn set_choices(&self, choices: Choices) {
        self.lock().world.choices = choices;
    }

    /// The books: what `GET /_sandbox/state` answers.
    pub fn state(&self) -> serde_json::Value {
        self.read(state::report)
    }

    /// Fires the timers that are due. Every request does so too.
    pub fn tick(&self) {
        self.read(|_, _| ());
    }

    /// The notifications due now, each signed for this attempt and marked as being sent.
    pub fn take_due(&self) -> Vec<Delivery> {
        notifier::take_due(self)
    }

    /// Records the result of one attempt: the HTTP status, or what went wrong. Anything but a 2xx
    /// is tried again after 5 s, 30 s, 2 min, 10 min and 1 h, then given up.
    pub fn delivered(&self, id: u64, result: Result<u16, String>) {
        let answer = None;
        self.record_outcome(id, Outcome { result, answer });
    }

    pub(crate) fn record_outcome(&self, id: u64, outcome: Outcome) {
        let fault = self.lock().in_flight.get(&id).cloned().flatten();
        let (http_status, error) = match outcome.result {
            Ok(status) => (Some(status), None),
            Err(error) => (None, Some(error)),
        };
        let recorded = self.change(|world, now_ms| {
            if let Some(notification) = world.notification(id) {
                let mut notification = notification.clone();
                let attempt = Attempt {
                    at_ms: now_ms,
                    http_status,
                    error,
                    answer: outcome.answer,
                    fault,
                };
                notifier::record(&mut notification, attempt, now_ms);
                world.put_notification(notification);
            }
            Ok::<_, Refusal>(())
        });
        self.lock().in_flight.remove(&id);
        if let Err(error) = recorded {
            tracing::error!(%error, delivery.id = id, "a delivery's result was not recorded: it will be sent again");
        }
    }

    /// A fault swallowed it: nothing was sent, and nothing will be.
    pub(crate) fn record_dropped(&self, id: u64, fault: String) {
        let recorded = self.change(|world, now_ms| {
            if let Some(notification) = world.notification(id) {
                let mut notification = notification.clone();
                notification.next_at_ms = None;
                notification.attempts.push(Attempt {
                    at_ms: now_ms,
                    http_status: None,
                    error: Some("never sent".to_owned()),
                    answer: None,
                    fault: Some(fault),
                });
                world.put_notification(notification);
            }
            Ok::<_, Refusal>(())
        });
        if let Err(error) = recorded {
            tracing::error!(%error, delivery.id = id, "a dropped delivery was not recorded");
        }
    }

    /// Puts a fault in force; answers its id, or in words what is wrong with it.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, String> {
        let now_ms = self.inner.clock.now_ms();
        let mut faults = self.faults();
        let id = faults.add(fault, now_ms)?;
        let (refuses, looks_back) = (faults.refuses(now_ms), faults.looks_back());
        drop(faults);
        if looks_back {
            self.lock().world.remember_past();
        }
        if refuses {
            self.inner.refusal.notify_one();
        }
        Ok(id)
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.faults().clear();
        self.inner.wake.notify_one();
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        let faults = self.inner.faults.lock();
        faults.expect("nothing panics while it holds the faults")
    }

    /// Whether the listener is to be closed now.
    pub(crate) fn refuses(&self) -> bool {
        self.faults().refuses(self.inner.clock.now_ms())
    }

    /// Resolves when a refusal was asked for.
    pub(crate) async fn refusal_began(&self) {
        self.inner.refusal.notified().await;
    }

    /// Ticks and sends notifications for ever; drop it to stop.
    pub async fn run_notifier(&self) {
        notifier::run(self).await;
    }

    /// A scripted customer, for tests without the page.
    pub fn customer(&self, checkout_id: &str) -> Customer {
        Customer {
            sandbox: self.clone(),
            checkout_id: checkout_id.to_owned(),
        }
    }

    /// A person in Tamara's portal.
    pub fn portal(&self, order_id: &str) -> Portal {
        Portal {
            sandbox: self.clone(),
            order_id: order_id.to_owned(),
        }
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    /// The moment that a token made now is dated with.
    fn token_ms(&self, now_ms: i64) -> i64 {
        match self.inner.token_time {
            TokenTime::Sandbox => now_ms,
            TokenTime::Real => clock::system_ms(),
        }
    }

    pub(crate) fn wake(&self) -> &Notify {
        &self.inner.wake
    }

    /// Looks at the world after the timers that are due have fired.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World, i64) -> T) -> T {
        let books = self.settled_books();
        look(&books.world, self.inner.clock.now_ms())
    }

    /// Changes the world: all of it and in the journal, or nothing.
    pub(crate) fn change<T, E: From<Refusal>>(
        &self,
        change: impl FnOnce(&mut World, i64) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut books = self.settled_books();
        let now_ms = self.inner.clock.now_ms();
        match change(&mut books.world, now_ms) {
            Ok(value) => {
                books.commit(&self.inner.clock)?;
                // Waking it costs more than the change itself: only if there is something to send.
                if books.world.outbox().next().is_some() {
                    self.inner.wake.notify_one();
                }
                Ok(value)
            }
            Err(refused) => {
                books.world.roll_back();
                Err(refused)
            }
        }
    }

    /// Forgets all orders, webhooks and notifications. Merchants, clock and counters stay.
    pub(crate) fn reset(&self) -> Result<(), Refusal> {
        let mut books = self.lock();
        let counters = books.world.counters(self.inner.clock.offset_ms());
        if let Some(journal) = &mut books.journal {
            let written = journal.append(vec![Entry::Reset], counters);
            written.map_err(|_| Refusal::Storage)?;
        }
        books.world.clear();
        books.world.forget_past();
        books.in_flight.clear();
        Ok(())
    }

    /// Fires due timers as a change of their own, so that a refused request does not undo them.
    fn settled_books(&self) -> MutexGuard<'_, Books> {
        let mut books = self.lock();
        rules::fire(&mut books.world, self.inner.clock.now_ms());
        if let Err(error) = books.commit(&self.inner.clock) {
            tracing::error!(%error, "due timers did not fire");
        }
        books
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        let books = self.inner.books.lock();
        books.expect("a change that panics has a bug, and its books are not to be trusted")
    }
}

impl Books {
    fn commit(&mut self, clock: &Clock) -> Result<(), Refusal> {
        if let Some(journal) = &mut self.journal {
            let counters = self.world.counters(clock.offset_ms());
            if let Err(error) = journal.append(self.world.changes(), counters) {
                tracing::error!(%error, "the journal could not be written");
                self.world.roll_back();
                return Err(Refusal::Storage);
            }
        }
        self.world.note_past(clock.now_ms());
        self.world.keep();
        Ok(())
    }
}
