//! The payment as one value: the wish, its sessions, its operations. Loaded and saved as a whole.
//!
//! Nothing here decides anything; the invariant is that every field is a fact, a wish or a mark, never a
//! conclusion: status, amounts, `paid` and `final` are derived (`status`).

pub use super::attention::AttentionReason;
use super::attention::Point;
use super::deadline::Warned;
use super::facts::{Entry, Facts, OrderRank};
use super::guard::{Guard, stands};
use super::operation::{Operation, OperationKind, OperationState};
use crate::ids::{PaymentId, SessionId};
use tamara::money::{Country, Money};

/// Durations in milliseconds that the rules name, and what else is a setting of the core.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long a sender may own an operation (R18).
    pub lease_ms: i64,
    /// The HTTP client's total time-out.
    pub total_timeout_ms: i64,
    /// After this long an absent effect is believed absent (R19).
    pub settle_window_ms: i64,
    /// The length of a hosted session (fact book, order-lifecycle 4.8).
    pub session_ms: i64,
    /// Tamara expires what nobody authorised for this long.
    pub authorise_within_ms: i64,
    /// Tamara captures by itself after this long.
    pub auto_capture_after_ms: i64,
    /// Gaps between reads while something can happen soon (R25).
    pub polling_ms: Vec<i64>,
    /// First gap between reads of a captured payment; doubles (R25).
    pub captured_polling_ms: i64,
    /// Captured payments are read until this long after the last capture (R25).
    pub captured_polling_until_ms: i64,
    /// An operation that has not ended after this long asks a person.
    pub ask_after_ms: i64,
    /// First gap before a call that did not leave is tried again; doubles up to an hour.
    pub retry_ms: i64,
    /// How much of the time to authorise an approved order has passed when that is told: percents, rising (R15).
    pub warn_authorise_by_percent: Vec<i64>,
    /// The same before Tamara captures by itself.
    pub warn_auto_capture_percent: Vec<i64>,
    /// Words of `refund_status` that mean a failure; Tamara publishes none (R20).
    pub refund_failed_words: Vec<String>,
}

impl Policy {
    /// Whether a lease whose term began at `started_ms` outlives a call that starts at `now_ms`; both on a clock that
    /// cannot be set back (R18).
    pub fn lease_outlives_a_call(&self, started_ms: i64, now_ms: i64) -> bool {
        now_ms.saturating_add(self.total_timeout_ms) <= started_ms.saturating_add(self.lease_ms)
    }
}

impl Default for Policy {
    fn default() -> Self {
        const MINUTE: i64 = 60_000;
        const HOUR: i64 = 60 * MINUTE;
        Self {
            lease_ms: 60_000,
            total_timeout_ms: 30_000,
            settle_window_ms: 15 * MINUTE,
            session_ms: 30 * MINUTE,
            authorise_within_ms: 72 * HOUR,
            auto_capture_after_ms: 21 * 24 * HOUR,
            polling_ms: vec![30_000, 2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR],
            captured_polling_ms: 24 * HOUR,
            captured_polling_until_ms: 180 * 24 * HOUR,
            ask_after_ms: 24 * HOUR,
            retry_ms: 2_000,
            warn_authorise_by_percent: vec![50, 83],
            warn_auto_capture_percent: vec![75, 95],
            refund_failed_words: Vec::new(),
        }
    }
}

/// Whether Datepalm captures by itself once the order is authorised (R24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaptureMode {
    /// The merchant captures when goods leave.
    Manual,
    /// Captured right after authorisation, with the account's default shipping company.
    Automatic,
}

impl CaptureMode {
    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automatic => "automatic",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Manual, Self::Automatic]
            .into_iter()
            .find(|mode| mode.as_str() == word)
    }
}

/// Where a cancel of the whole payment stands (R23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CancelState {
    /// Asked for and being carried out.
    Accepted,
    /// Carried out: nothing of this payment is owed.
    Done,
    /// Tamara had captured already; use a refund.
    Refused,
}

/// What an accepted cancel promised (R23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CancelPromise {
    /// Accepted before the order was known as authorised: always gives the money back, whoever captured it.
    GiveBack,
    /// Accepted on an authorised order: cancels what is left.
    WhatIsLeft,
}

/// A cancel of the whole payment: a mark first, then a plan (R23).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CancelMark {
    /// Where it stands.
    pub state: CancelState,
    /// What was promised.
    pub promise: CancelPromise,
    /// When it was accepted.
    pub accepted_at_ms: i64,
}

/// What Tamara gave us for a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// Tamara's order id.
    pub order_id: String,
    /// Tamara's checkout id.
    pub checkout_id: String,
    /// The hosted page; opaque.
    pub checkout_url: String,
    /// When we recorded it.
    pub opened_at_ms: i64,
}

/// That a session comes from an old copy of the data (R30).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Restored {
    /// When the copy was put back.
    pub at_ms: i64,
    /// The payment's version from then on: what was seen at an earlier one, the copy held.
    pub version: i64,
}

/// One attempt at a payment: one checkout session, one Tamara order.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Session {
    /// Our id.
    pub id: SessionId,
    /// 1 for the first, 2 for the next.
    pub number: i64,
    /// The reference that Tamara knows it by (R6).
    pub order_reference_id: String,
    /// The secret in the return URL.
    pub return_token: String,
    /// When the wish for it was written down.
    pub created_at_ms: i64,
    /// What Tamara answered; `None` until the create succeeded.
    pub order: Option<Order>,
    /// The customer came back by the cancel URL: a hint, never a fact (R8).
    pub customer_canceled: bool,
    /// Approved although its payment could not take the reference: released (R7).
    pub unwanted: bool,
    /// The last warning of a deadline that was told.
    pub warned: Option<Warned>,
    /// What is known of the order.
    pub facts: Facts,
    /// That old data was put back, until a read that is late enough has shown what happened since its copy (R30).
    pub restored: Option<Restored>,
}

impl Session {
    /// Whether a read that is not stale and began after the session's end said that it is declined: until then an approval
    /// may have overtaken that (R10).
    pub fn declined_for_good(&self, policy: &Policy) -> bool {
        let over_ms = self.order.as_ref().map(|order| {
            let ends_ms = order.opened_at_ms.saturating_add(policy.session_ms);
            ends_ms.saturating_add(policy.settle_window_ms)
        });
        self.facts.rank == OrderRank::Declined && self.facts.trusted_at_ms > over_ms
    }
}

/// A merchant's wish to be paid once for one `merchant_reference`.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Payment {
    /// Our id.
    pub id: PaymentId,
    /// The account it belongs to.
    pub account: String,
    /// The merchant's reference.
    pub merchant_reference: String,
    /// What the customer pays.
    pub total: Money,
    /// The country of the sale.
    pub country: Country,
    /// Who captures.
    pub capture_mode: CaptureMode,
    /// When it was asked for.
    pub created_at_ms: i64,
    /// One more per change.
    pub version: i64,
    /// Whether it holds its merchant reference (R7).
    pub held: bool,
    /// Whether it was ever shown as paid (R7).
    pub ever_paid: bool,
    /// The one session that counts (R13).
    pub winner: Option<SessionId>,
    /// A cancel of the whole payment.
    pub cancel: Option<CancelMark>,
    /// How many reads in a row brought nothing new (R25).
    pub check_step: i64,
    /// When it is looked at next; `None` = never by itself.
    pub next_check_at_ms: Option<i64>,
    /// The attempts at it, oldest first.
    pub sessions: Vec<Session>,
    /// The intended calls, oldest first.
    pub operations: Vec<Operation>,
    /// Points for a person, open and resolved, oldest first.
    pub points: Vec<Point>,
}

impl Payment {
    /// The session of that id.
    pub fn session(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == *id)
    }

    /// The session of that id, to change it.
    pub fn session_mut(&mut self, id: &SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == *id)
    }

    /// The winner, once there is one.
    pub fn winner(&self) -> Option<&Session> {
        self.winner.as_ref().and_then(|id| self.session(id))
    }

    /// The newest session.
    pub fn newest_session(&self) -> Option<&Session> {
        self.sessions.last()
    }

    /// The number of a session that is opened now.
    pub fn next_session_number(&self) -> i64 {
        let numbers = self.sessions.iter().map(|session| session.number);
        numbers.max().unwrap_or(0) + 1
    }

    /// Whether nobody here asked for a capture, refund or cancel, as far as is known: it is attributed to no operation,
    /// and none that is on its way may turn out to have made it (R20).
    pub fn nobody_asked_for(&self, session: &Session, entry: &Entry) -> bool {
        let may_have_made_it = |operation: &Operation| {
            operation.session == session.id
                && operation.kind.makes() == Some(entry.kind)
                && operation.amount_minor == entry.amount_minor
                && matches!(
                    operation.state,
                    OperationState::Sending | OperationState::Unknown
                )
        };
        entry.operation.is_none() && !self.operations.iter().any(may_have_made_it)
    }

    /// The operation of that id.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations
            .iter()
            .find(|operation| operation.id.as_str() == id)
    }

    /// The money operation in flight, of which there is at most one (R17).
    pub fn money_in_flight(&self) -> Option<&Operation> {
        self.operations
            .iter()
            .find(|operation| operation.kind.moves_money() && operation.in_flight())
    }

    /// The create that is intended or being sent, of which there is at most one (R22).
    pub fn create_under_way(&self) -> Option<&Operation> {
        self.operations.iter().find(|operation| {
            operation.kind == OperationKind::CreateSession && operation.state.is_intent_or_sending()
        })
    }

    /// Whether a cancel mark stands: accepted, or done (R23).
    pub fn cancel_stands(&self) -> bool {
        self.cancel.as_ref().is_some_and(|mark| match mark.state {
            CancelState::Accepted => true,
            CancelState::Done => stands(Guard::MarkStands),
            CancelState::Refused => false,
        })
    }

    /// Whether a cancel mark is accepted and not ended.
    pub fn cancel_running(&self) -> bool {
        self.cancel
            .as_ref()
            .is_some_and(|mark| mark.state == CancelState::Accepted)
    }

    /// Whether this differs from `before` in anything that others can see; when it was looked at, and when it will be
    /// looked at again, is nobody's business.
    pub fn differs_visibly(&self, before: &Self) -> bool {
        let mut quiet = self.clone();
        quiet.check_step = before.check_step;
        quiet.next_check_at_ms = before.next_check_at_ms;
        for session in &mut quiet.sessions {
            let known = before.session(&session.id);
            session.facts.trusted_at_ms = known.and_then(|known| known.facts.trusted_at_ms);
            // The same doubt again is no news, or it would be read without growing gaps (R25).
            let doubt = |facts: &Facts| facts.doubted_at_ms.map(|(_, doubt)| doubt);
            if let Some(known) = known.filter(|k| doubt(&k.facts) == doubt(&session.facts)) {
                session.facts.doubted_at_ms = known.facts.doubted_at_ms;
            }
        }
        quiet != *before
    }

    /// Whether automation stands still until a person has looked (R2, R30) or a better read came (R4, R5).
    pub fn blocked(&self) -> bool {
        self.stopped_after_restore()
            || self
                .sessions
                .iter()
                .any(|session| session.facts.doubted() || self.books_differ(session))
    }
}
