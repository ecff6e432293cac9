//! A payment on a desk: builders for its parts, and the few steps that transactions make around the core. After every
//! step the desk checks what must hold always.

use super::said::{Body, body, entry, live, lost};
use crate::domain::attention::{ResolveRefused, resolve};
use crate::domain::context::Context;
use crate::domain::decide::{Command, Decision, Refused, decide};
use crate::domain::ending::{EndRefused, Outcome, end_by_person};
use crate::domain::facts::{Entry, EntryKind, Observation, OrderRank, Source, Word};
use crate::domain::intend::{self, Asked, Opening};
use crate::domain::journal::{Answer, begin_sending, expire_lease, record, wake};
use crate::domain::observe::{observe, refresh};
use crate::domain::operation::{Lease, Operation, OperationKind, OperationState};
use crate::domain::payment::{AttentionReason, CancelState, CaptureMode, Order, Payment, Policy};
use crate::domain::plan;
use crate::domain::recovery::recover;
use crate::domain::references::{ReferenceRefused, decide_reference};
use crate::ids::{OperationId, PaymentId, SeededIds, SessionId};
use tamara::money::{Country, Currency, Money};

/// What the customer pays, minor units: three pieces of 100.
pub const TOTAL: i64 = 300;
pub const SECOND: i64 = 1_000;
pub const HOUR: i64 = 3_600 * SECOND;
const START: i64 = 1_700_000_000_000;

/// The payment, its clock, and the rest of what the core is given.
#[derive(Clone, Debug)]
pub struct Desk {
    pub payment: Payment,
    pub policy: Policy,
    pub now_ms: i64,
    pub can_hold: bool,
    made: usize,
}

impl Desk {
    /// A payment without a session.
    pub fn empty() -> Self {
        let payment = Payment {
            id: PaymentId("pay_1".to_owned()),
            account: "shop".to_owned(),
            merchant_reference: "A-1".to_owned(),
            total: Money::new(TOTAL, Currency::Sar),
            country: Country::Sa,
            capture_mode: CaptureMode::Manual,
            created_at_ms: START,
            version: 1,
            held: true,
            ever_paid: false,
            winner: None,
            cancel: None,
            check_step: 0,
            next_check_at_ms: None,
            sessions: Vec::new(),
            operations: Vec::new(),
            points: Vec::new(),
        };
        Self {
            payment,
            policy: Policy::default(),
            now_ms: START,
            can_hold: true,
            made: 0,
        }
    }

    /// One open session, nothing known of its order.
    pub fn pending() -> Self {
        let mut desk = Self::empty();
        desk.open_session();
        desk
    }

    /// Approved, and seen so.
    pub fn approved() -> Self {
        let mut desk = Self::pending();
        desk.read(0, &body(OrderRank::Approved));
        desk
    }

    /// Authorised by us.
    pub fn authorised() -> Self {
        let mut desk = Self::approved();
        let authorise = desk.plan().expect("an approved winner is authorised");
        desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
        desk
    }

    /// Authorised, and all of it captured by a request.
    pub fn captured() -> Self {
        let mut desk = Self::authorised();
        let capture = desk.ask(Command::Capture(None)).expect("capture");
        let echo = live().capture_of("c1", desk.operation(&capture));
        desk.send_applied(&capture, desk.own_entry(&capture, "c1"));
        desk.read(0, &echo);
        desk
    }

    /// Two sessions, both approved; the first is the winner and authorised.
    pub fn twice_approved() -> Self {
        let mut desk = Self::pending();
        desk.open_session();
        desk.read(0, &body(OrderRank::Approved));
        desk.read(1, &body(OrderRank::Approved));
        let authorise = desk.plan().expect("the winner is authorised first");
        assert_eq!(desk.operation(&authorise).session, desk.session_id(0));
        desk.send_applied(&authorise, desk.answer_word(OrderRank::Authorised));
        desk
    }

    pub fn automatic(mut self) -> Self {
        self.payment.capture_mode = CaptureMode::Automatic;
        self
    }

    fn step<T>(&mut self, change: impl FnOnce(&mut Payment, &Context<'_>) -> T) -> T {
        let before = self.payment.clone();
        let policy = self.policy.clone();
        let context = Context {
            now_ms: self.now_ms,
            policy: &policy,
            can_hold: self.can_hold,
        };
        let answer = change(&mut self.payment, &context);
        // As the end of every transaction does.
        wake(&before, &mut self.payment, &context);
        if self.payment.differs_visibly(&before) {
            self.payment.version = self.payment.version.max(before.version) + 1;
        }
        self.check(&before);
        answer
    }

    /// What holds after every step, whatever the step was.
    fn check(&self, before: &Payment) {
        let payment = &self.payment;
        for session in &payment.sessions {
            let known = before.session(&session.id);
            assert!(
                known.is_none_or(|known| known.facts.rank <= session.facts.rank),
                "R2: rank fell"
            );
        }
        assert!(
            !(payment.paid() && payment.cancel_stands()),
            "R9: paid while a cancel stands"
        );
        let money = |o: &&Operation| o.kind.moves_money() && o.in_flight();
        assert!(
            payment.operations.iter().filter(money).count() <= 1,
            "R17: one at a time"
        );
        let handled = payment.operations.iter().any(|o| {
            o.state.is_intent_or_sending() || (o.state == OperationState::Unknown && o.may_repeat)
        });
        let planned = plan::next_step(payment).is_some();
        // R30: a person looks for an order that nobody here can read.
        let asked = payment.stopped_after_restore()
            && payment
                .sessions
                .iter()
                .all(|session| session.order.is_none());
        let looked_at = payment.next_check_at_ms.is_some() || handled || planned || asked;
        assert!(
            payment.is_final() || looked_at,
            "R10, R25: not final, and nobody will look again: {payment:#?}"
        );
        // What was due already stays due until somebody looks.
        let planned = payment
            .next_check_at_ms
            .filter(|at_ms| before.next_check_at_ms != Some(*at_ms));
        if let Some(at_ms) = planned {
            assert!(at_ms > self.now_ms, "R25: due again at once");
        }
    }

    /// This desk with the payment as it was on `copy`: an old copy of the data was put back, now.
    pub fn restore(&self, copy: &Self) -> Self {
        let mut restored = self.clone();
        restored.payment = copy.payment.clone();
        restored.step(recover);
        restored
    }

    pub fn tick(&mut self, by_ms: i64) {
        self.now_ms += by_ms;
    }

    pub fn session_id(&self, index: usize) -> SessionId {
        self.payment.sessions[index].id.clone()
    }

    pub fn operation(&self, id: &OperationId) -> &Operation {
        self.payment
            .operation(id.as_str())
            .expect("it was made here")
    }

    pub fn state(&self, id: &OperationId) -> OperationState {
        self.operation(id).state
    }

    pub fn asks_for(&self, reason: AttentionReason) -> bool {
        self.payment.asks_for(reason)
    }

    pub fn cancel_state(&self) -> Option<CancelState> {
        self.payment.cancel.as_ref().map(|mark| mark.state)
    }

    fn ids(&mut self) -> SeededIds {
        self.made += 1;
        SeededIds::new(u64::try_from(self.made).expect("few"))
    }

    fn new_id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}_{}", self.made)
    }

    /// The wish for a session: its create is leased to the request that asks.
    pub fn intend_session(&mut self) -> OperationId {
        let number = self.payment.next_session_number();
        let opening = Opening {
            number,
            order_reference_id: format!("A-1-{number}"),
            return_token: String::new(),
            key: None,
            lease: self.lease("request"),
        };
        let ids = self.ids();
        self.step(|payment, context| intend::session(payment, opening, context, &ids))
    }

    pub fn open_session(&mut self) {
        let create = self.intend_session();
        let attempt = self
            .begin_as(&create, "request")
            .expect("the request owns it");
        let answer = self.opened(&create);
        self.answer_as(&create, attempt, "request", answer);
    }

    /// Tamara's answer to a create.
    pub fn opened(&self, create: &OperationId) -> Answer {
        let session = &self.operation(create).session;
        Answer::Applied {
            tamara_id: Some(format!("order_{session}")),
            news: None,
            order: Some(Order {
                order_id: format!("order_{session}"),
                checkout_id: format!("checkout_{session}"),
                checkout_url: format!("https://checkout.example/{session}"),
                opened_at_ms: self.now_ms,
            }),
        }
    }

    fn lease(&self, token: &str) -> Lease {
        Lease {
            token: token.to_owned(),
            until_ms: self.now_ms + self.policy.lease_ms,
        }
    }

    pub fn read(&mut self, session: usize, body: &Body) {
        self.read_begun(session, body, self.now_ms);
    }

    /// A read that began at that time, by the clock of the node that read, on the payment as it is.
    pub fn read_begun(&mut self, session: usize, body: &Body, begun_at_ms: i64) {
        let news = body.read_at(begun_at_ms, self.payment.version);
        self.take_in(session, &news);
    }

    /// A read that began before the operation was sent.
    pub fn read_from_before(&mut self, session: usize, body: &Body, id: &OperationId) {
        let sent = self.operation(id).last_sent_version.expect("it was sent");
        let news = body.read_at(self.now_ms, sent - 1);
        self.take_in(session, &news);
    }

    /// News that was made by hand.
    pub fn take_in(&mut self, session: usize, news: &Observation) {
        let id = self.session_id(session);
        let mut news = news.clone();
        let known = self.payment.session(&id).expect("it was opened here");
        let foreign = |reference: &String| !self.payment.knows_reference(known, reference);
        news.mismatch |= news.reference.as_ref().is_some_and(foreign);
        self.step(|payment, context| observe(payment, &id, &news, context));
    }

    /// Time alone.
    pub fn refresh(&mut self) {
        self.step(refresh);
    }

    /// A person resolves the open point of that reason.
    pub fn resolve(&mut self, reason: AttentionReason) -> Result<(), ResolveRefused> {
        let point = self.payment.open_points().find(|p| p.reason == reason);
        let id = point.expect("such a point is open").id.clone();
        self.step(|payment, context| resolve(payment, &id, context))
    }

    /// A person ends an operation.
    pub fn end(&mut self, id: &OperationId, outcome: Outcome) -> Result<(), EndRefused> {
        self.step(|payment, context| end_by_person(payment, id, outcome, context))
    }

    /// Writes down the next step of our own, as the end of every transaction does, if it is due.
    pub fn plan(&mut self) -> Option<OperationId> {
        let step = plan::next_step(&self.payment)?;
        if plan::not_before_ms(&self.payment, &step, self.policy.retry_ms) > self.now_ms {
            return None;
        }
        let ids = self.ids();
        self.step(|payment, context| {
            intend::step(payment, &step, context, &ids).map(|operation| operation.id.clone())
        })
    }

    /// A merchant asks; a mark answers with the operation that its plan begins with, or with no id.
    pub fn ask(&mut self, command: Command) -> Result<OperationId, Refused> {
        match decide(&self.payment, command, self.now_ms)? {
            Decision::AlreadyCanceled => Ok(OperationId(String::new())),
            Decision::Mark(mark) => {
                self.step(|payment, context| intend::mark(payment, mark, context));
                Ok(self.plan().unwrap_or(OperationId(String::new())))
            }
            Decision::Operation(wanted) => {
                let asked = Asked {
                    key: self.new_id("key"),
                    fingerprint: String::new(),
                    lease: self.lease("worker"),
                    shipped_at_s: None,
                    item_refs: String::new(),
                    details: "{}".to_owned(),
                };
                let (kind, ids) = (wanted.kind, self.ids());
                let id = intend::operation_id(&self.payment, kind, &asked.key, self.now_ms, &ids);
                let made = id.clone();
                self.step(|payment, context| intend::request(payment, id, wanted, asked, context));
                Ok(made)
            }
        }
    }

    /// A merchant asks and names items.
    pub fn ask_with_items(&mut self, command: Command, item_refs: &str) -> OperationId {
        let id = self.ask(command).expect("it is possible");
        let made = self
            .payment
            .operations
            .iter_mut()
            .find(|made| made.id == id);
        item_refs.clone_into(&mut made.expect("it was made here").item_refs);
        id
    }

    /// A merchant asks for another reference of the order.
    pub fn ask_reference(&mut self, reference: &str) -> Result<OperationId, ReferenceRefused> {
        let context = Context {
            now_ms: self.now_ms,
            policy: &self.policy,
            can_hold: self.can_hold,
        };
        let wanted = decide_reference(&self.payment, reference, &context)?;
        let asked = Asked {
            key: self.new_id("key"),
            fingerprint: String::new(),
            lease: self.lease("worker"),
            shipped_at_s: None,
            item_refs: String::new(),
            details: "{}".to_owned(),
        };
        let id = OperationId(self.new_id("op"));
        let made = id.clone();
        self.step(|payment, context| {
            intend::reference(payment, id, (wanted, reference), asked, context);
        });
        Ok(made)
    }

    pub fn begin(&mut self, id: &OperationId) -> Option<i64> {
        self.begin_as(id, "worker")
    }

    pub fn begin_as(&mut self, id: &OperationId, token: &str) -> Option<i64> {
        let lease = self.lease(token);
        self.step(|payment, context| {
            expire_lease(payment, id, context);
            begin_sending(payment, id, &lease, context)
        })
    }

    pub fn answer(&mut self, id: &OperationId, attempt: i64, answer: Answer) {
        self.answer_as(id, attempt, "worker", answer);
    }

    pub fn answer_as(&mut self, id: &OperationId, attempt: i64, token: &str, answer: Answer) {
        self.step(|payment, context| record(payment, id, attempt, token, answer, context));
    }

    /// Sent, and the answer came.
    pub fn send_answered(&mut self, id: &OperationId, answer: Answer) {
        let attempt = self.begin(id).expect("it is due and ours");
        self.answer(id, attempt, answer);
    }

    pub fn send_applied(&mut self, id: &OperationId, news: Observation) {
        let answer = Answer::Applied {
            tamara_id: news.entries.first().map(|entry| entry.id.clone()),
            news: Some(news),
            order: None,
        };
        self.send_answered(id, answer);
    }

    /// Sent, and no answer came.
    pub fn send_lost(&mut self, id: &OperationId) {
        self.send_answered(id, lost());
        self.tick(1);
    }

    /// Two reads that began later than the settle window.
    pub fn two_late_reads(&mut self, session: usize, body: &Body) {
        self.tick(self.policy.settle_window_ms + SECOND);
        self.read(session, body);
        self.tick(SECOND);
        self.read(session, body);
    }

    /// An answer that speaks of the status alone.
    pub fn answer_word(&self, rank: OrderRank) -> Observation {
        Observation {
            source: Source::Answer,
            begun_at_ms: self.now_ms,
            begun_version: self.payment.version,
            word: Some(Word::Known(rank)),
            entries: Vec::new(),
            sums: None,
            mismatch: false,
            reference: None,
        }
    }

    /// An answer that speaks of the operation's own effect.
    pub fn own_entry(&self, id: &OperationId, tamara_id: &str) -> Observation {
        let operation = self.operation(id);
        let kind = match operation.kind {
            OperationKind::Cancel => EntryKind::Cancel,
            OperationKind::Refund => EntryKind::Refund,
            OperationKind::Capture
            | OperationKind::CreateSession
            | OperationKind::Authorise
            | OperationKind::UpdateReference => EntryKind::Capture,
        };
        let own = Entry {
            seen_at_ms: self.now_ms,
            shipped_at_s: operation.shipped_at_s,
            merchant_refund_id: (kind == EntryKind::Refund).then(|| id.to_string()),
            operation: Some(id.clone()),
            ..entry(kind, tamara_id, operation.amount_minor)
        };
        Observation {
            word: None,
            entries: vec![own],
            ..self.answer_word(OrderRank::New)
        }
    }
}
