//! A small world: payments as the service holds them, Tamara's orders, calls and reads on their way, and what may still
//! go wrong. Time stands still at `NOW`: a tick moves every moment one tick into the past, so that worlds repeat.

use crate::book::{Order, TOTAL};
use crate::restore::{Copy, Wish};
use crate::step::Age;
use datepalm::domain::context::Context;
use datepalm::domain::decide::Command;
use datepalm::domain::facts::OrderRank;
use datepalm::domain::intend::{self, Opening};
use datepalm::domain::journal;
use datepalm::domain::operation::{Lease, Operation};
use datepalm::domain::payment::{self, CaptureMode, Payment, Policy};
use datepalm::domain::plan;
use datepalm::ids::{Ids, OperationId, PaymentId, SessionId};
use std::sync::atomic::{AtomicU64, Ordering};
use tamara::money::{Country, Currency, Money};

/// One tick, milliseconds.
pub const TICK: i64 = 10_000;
/// The present.
pub const NOW: i64 = 1_000_000_000;
/// A call that is given up is given up one tick after its first byte.
pub const TIMEOUT_TICKS: i64 = 1;
/// An effect comes at most this many ticks after the first byte.
pub const LATE_TICKS: i64 = 2;
/// A lease. A first byte leaves at most one tick after `sending` was committed, so an effect comes at most three after.
pub const LEASE_TICKS: i64 = 2;

/// What Tamara does for this merchant without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merchant {
    /// Nothing.
    Plain,
    /// *Authorise* captures.
    AutoCapture,
    /// An approval is authorised and captured.
    AutoAuthorise,
}

/// How an odd answer to a read looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// A status that nobody knows (R5).
    UnknownWord,
    /// The body of another order, which is authorised (R4).
    OtherOrder,
    /// 404 (R4).
    NotFound,
    /// No read at all: a forged notification says that the order is authorised (R1).
    Forged,
}

/// What stays the same in one exploration.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name in tables.
    pub name: String,
    /// What Tamara does by itself.
    pub merchant: Merchant,
    /// Who captures.
    pub capture_mode: CaptureMode,
    /// Sessions that are open in the beginning.
    pub sessions: usize,
    /// What the merchant may ask for.
    pub commands: Vec<Command>,
    /// The odd answers that reads may get.
    pub odd: Vec<Odd>,
    /// Reads may show what was true at the begin of the tick.
    pub stale_reads: bool,
    /// Refunds may read as pending for a while.
    pub pending_refunds: bool,
    /// The merchant may change references.
    pub references: bool,
    /// Creates are calls too: the merchant posts, and posts again.
    pub creates: bool,
    /// It begins with a customer who has paid: what is open is authorised, and we have read so.
    pub authorised: bool,
    /// It begins with a copy of our side, as it is then.
    pub copied: bool,
    /// What may happen, each so many times.
    pub left: Left,
    /// Durations.
    pub policy: Policy,
}

/// How often something may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Left {
    /// Requests of the merchant.
    pub requests: u8,
    /// Calls lost, answers lost, senders that die or sleep, slow reads.
    pub faults: u8,
    /// Actions in Tamara's portal.
    pub portal: u8,
    /// Captures after 21 days, and authorised orders that expire.
    pub timer: u8,
    /// Odd answers to reads.
    pub odd: u8,
    /// Refusals and calls turned away.
    pub refusals: u8,
    /// Restores of a copy (R30).
    pub restores: u8,
}

/// Where the sender of a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// Its request wrote the intent; it is about to begin.
    Ready,
    /// It committed `sending` and sleeps before its first byte.
    Asleep,
    /// It waits for the answer.
    Waiting,
    /// It died, or gave up.
    Gone,
}

/// Where the call itself is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// No byte has left.
    Unsent,
    /// Tamara may still take it.
    OnItsWay,
    /// Tamara took it, or it was lost.
    Over,
}

/// What Tamara answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Said {
    /// The order was made.
    Opened(String),
    /// Authorised, and perhaps captured at once.
    Authorised(Option<String>),
    /// The reference is changed.
    Renamed,
    /// Captured, canceled or refunded: Tamara's id.
    Done(String),
    /// 409.
    Conflict,
    /// A definite no.
    Refused,
    /// 401, 403 or 429: nothing happened.
    TurnedAway,
    /// Not Tamara's word: the sender did not send, because its lease was too short (R18).
    TooLate,
}

/// One call to Tamara that changes something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The payment.
    pub payment: usize,
    /// The operation.
    pub operation: OperationId,
    /// Which attempt of it.
    pub attempt: i64,
    /// The sender's lease.
    pub lease: Lease,
    /// When that lease began.
    pub granted_at_ms: i64,
    /// The payment's version when it was sent.
    pub version: i64,
    /// When its first byte left.
    pub left_at_ms: Option<i64>,
    /// The sender.
    pub sender: Sender,
    /// The sender may take longer than a time-out.
    pub slow: bool,
    /// The call.
    pub message: Message,
    /// The answer, on its way back.
    pub answer: Option<Said>,
}

/// A read whose answer has not been taken in yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SlowRead {
    /// The order.
    pub order: usize,
    /// What it shows.
    pub book: crate::book::Book,
    /// When it began.
    pub begun_at_ms: i64,
    /// The payment's version then.
    pub version: i64,
}

/// What the model remembers of a payment beside its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// What is sold: wishes with the same content are the same wish (R7).
    pub content: u8,
    /// The sessions that were the winner while it was shown as paid.
    pub paid: Vec<SessionId>,
    /// A cancel was accepted before any order was known as authorised: the money must go back (R23).
    pub promised: bool,
    /// After a restore, a version that was given out is given out for something else.
    pub version_again: bool,
}

/// A world.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct World {
    /// Our side.
    pub payments: Vec<Payment>,
    /// Tamara's side.
    pub orders: Vec<Order>,
    /// Calls on their way.
    pub calls: Vec<Call>,
    /// Reads on their way.
    pub reads: Vec<SlowRead>,
    /// What may still happen.
    pub left: Left,
    /// How many ids were made.
    pub made: u64,
    /// What was promised, beside each payment.
    pub memory: Vec<Memory>,
    /// A copy of our side, to be put back.
    pub copy: Option<Copy>,
    /// The operations whose rows were lost in a restore, beside their payments.
    pub lost: Vec<(usize, Operation)>,
    /// What the merchant asked for, where a restore may make him repeat it.
    pub wishes: Vec<Wish>,
}

/// Ids in the order in which they were made.
struct Numbers(AtomicU64);

impl Ids for Numbers {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.fill(0);
        for (byte, digit) in bytes.iter_mut().rev().zip(number.iter().rev()) {
            *byte = *digit;
        }
    }
}

impl World {
    /// The beginning: one payment, its sessions open and nobody has paid.
    pub fn new(setting: &Setting) -> Self {
        let mut world = Self {
            payments: Vec::new(),
            orders: Vec::new(),
            calls: Vec::new(),
            reads: Vec::new(),
            left: setting.left,
            made: 0,
            memory: Vec::new(),
            copy: None,
            lost: Vec::new(),
            wishes: Vec::new(),
        };
        if !setting.creates {
            world.add_payment(setting);
        }
        for _ in 0..setting.sessions {
            let create = world.open_session(0, setting);
            world.opened_at_once(0, &create, setting);
        }
        if setting.authorised {
            world.authorised_at_once(setting);
        }
        if setting.copied {
            world.make_copy();
        }
        world
    }

    /// A payment without a session.
    pub fn add_payment(&mut self, setting: &Setting) -> usize {
        let number = self.payments.len();
        self.payments.push(Payment {
            id: PaymentId(format!("pay_{number}")),
            account: "shop".to_owned(),
            merchant_reference: "A".to_owned(),
            total: Money::new(TOTAL, Currency::Sar),
            country: Country::Sa,
            capture_mode: setting.capture_mode,
            created_at_ms: 0,
            version: 0,
            held: false,
            ever_paid: false,
            winner: None,
            cancel: None,
            check_step: 0,
            next_check_at_ms: None,
            sessions: Vec::new(),
            operations: Vec::new(),
            points: Vec::new(),
        });
        self.memory.push(Memory::default());
        number
    }

    /// Adds a session and its create, leased to the request that asks.
    pub fn open_session(&mut self, payment: usize, setting: &Setting) -> OperationId {
        let number = self.payments[payment].next_session_number();
        let opening = Opening {
            number,
            order_reference_id: format!("A-{payment}-{number}"),
            return_token: String::new(),
            key: None,
            lease: request_lease(setting),
        };
        self.transact(payment, setting, |payment, context, ids| {
            intend::session(payment, opening, context, ids)
        })
    }

    fn opened_at_once(&mut self, index: usize, create: &OperationId, setting: &Setting) {
        let lease = request_lease(setting);
        let session = self.operation(index, create).session.clone();
        let order = self.new_order(index, &session);
        let answer = opened(&order.id);
        self.transact(index, setting, |payment, context, _| {
            journal::begin_sending(payment, create, &lease, context);
            journal::record(payment, create, 1, &lease.token, answer, context);
        });
        self.orders.push(Order {
            url_out: true,
            ..order
        });
    }

    fn authorised_at_once(&mut self, setting: &Setting) {
        for index in 0..self.orders.len() {
            let order = &mut self.orders[index];
            order.move_to(OrderRank::Approved);
            order.move_to(OrderRank::Authorised);
            if setting.merchant != Merchant::Plain {
                order.book.captured_by_tamara();
            }
            order.earlier = order.book.clone();
            let read = self.read(index, Age::Fresh);
            self.take_in(&read, None, setting);
        }
        self.remember();
    }

    /// One transaction of the service about one payment: what changes it, then the next planned step, then the version,
    /// as `actions::advance::save_and_plan` and `store::payments::save` do.
    pub fn transact<T>(
        &mut self,
        index: usize,
        setting: &Setting,
        change: impl FnOnce(&mut Payment, &Context<'_>, &dyn Ids) -> T,
    ) -> T {
        let context = Context {
            now_ms: NOW,
            policy: &setting.policy,
            can_hold: self.payments[index].held || self.holder().is_none(),
        };
        let ids = Numbers(AtomicU64::new(self.made));
        let before = self.payments[index].clone();
        let payment = &mut self.payments[index];
        let answer = change(payment, &context, &ids);
        journal::wake(&before, payment, &context);
        if let Some(step) = plan::next_step(payment) {
            intend::step(payment, &step, &context, &ids);
        }
        if payment.differs_visibly(&before) {
            payment.version = before.version + 1;
        }
        self.made = ids.0.into_inner();
        answer
    }

    /// The payment that holds the merchant's reference (R7).
    pub fn holder(&self) -> Option<usize> {
        self.payments.iter().position(|payment| payment.held)
    }

    /// An operation that exists, or was lost in a restore.
    pub fn operation(&self, payment: usize, id: &OperationId) -> &Operation {
        let lost = || {
            let mut lost = self.lost.iter().map(|(_, lost)| lost);
            lost.find(|lost| lost.id == *id)
        };
        self.payments[payment]
            .operation(id.as_str())
            .or_else(lost)
            .expect("no other way leads to the end of an operation")
    }

    /// The order of a session, if Tamara made one.
    pub fn order_of(&self, session: &SessionId) -> Option<&Order> {
        self.orders.iter().find(|order| order.session == *session)
    }
}

/// The lease of a request, from now.
pub fn request_lease(setting: &Setting) -> Lease {
    Lease {
        token: "request".to_owned(),
        until_ms: NOW + setting.policy.lease_ms,
    }
}

/// Tamara's answer to a create.
pub fn opened(order: &str) -> journal::Answer {
    journal::Answer::Applied {
        tamara_id: Some(order.to_owned()),
        news: None,
        order: Some(payment::Order {
            order_id: order.to_owned(),
            checkout_id: String::new(),
            checkout_url: order.to_owned(),
            opened_at_ms: NOW,
        }),
    }
}

/// Durations of a few ticks. The settle window is the lateness of effects: a stale read shows what was true at the begin
/// of its tick, so a read that begins later than the window shows every effect.
pub fn policy() -> Policy {
    Policy {
        lease_ms: LEASE_TICKS * TICK,
        total_timeout_ms: TIMEOUT_TICKS * TICK,
        settle_window_ms: 3 * TICK,
        session_ms: 2 * TICK,
        authorise_within_ms: 2 * TICK,
        auto_capture_after_ms: 3 * TICK,
        polling_ms: vec![TICK],
        captured_polling_ms: TICK,
        // 180 days are longer than anything that happens here.
        captured_polling_until_ms: NOW,
        retry_ms: 0,
        warn_authorise_by_percent: Vec::new(),
        warn_auto_capture_percent: Vec::new(),
        ..Policy::default()
    }
}
