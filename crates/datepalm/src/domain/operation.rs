//! An operation: one intended call that changes something at Tamara, and the states of its journal row (R16).

use super::facts::EntryKind;
use crate::ids::{OperationId, SessionId};

/// Why an operation ended: reads showed that it never had an effect (R19).
pub const NOT_APPLIED: &str = "not_applied";
/// Why an operation ended: a person said that it had its effect (R17).
pub const APPLIED_BY_PERSON: &str = "applied_by_person";
/// Why an operation ended: a person said that it had none (R17).
pub const NOT_APPLIED_BY_PERSON: &str = "not_applied_by_person";

/// What is to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationKind {
    /// `POST /checkout`.
    CreateSession,
    /// `POST /orders/{id}/authorise`.
    Authorise,
    /// `POST /payments/capture`.
    Capture,
    /// `POST /orders/{id}/cancel`.
    Cancel,
    /// `POST /payments/simplified-refund/{id}`.
    Refund,
    /// `PUT /orders/{id}/reference-id`.
    UpdateReference,
}

impl OperationKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CreateSession,
        Self::Authorise,
        Self::Capture,
        Self::Cancel,
        Self::Refund,
        Self::UpdateReference,
    ];

    /// A money operation: at most one of these may be in flight per payment (R17).
    pub fn moves_money(self) -> bool {
        !matches!(self, Self::CreateSession | Self::UpdateReference)
    }

    /// Whether it changes an order that there is already, so that a read of it tells what became of the call.
    pub fn changes_order(self) -> bool {
        self != Self::CreateSession
    }

    /// The entry that its effect leaves in the order, if it leaves one.
    pub fn makes(self) -> Option<EntryKind> {
        match self {
            Self::Capture => Some(EntryKind::Capture),
            Self::Cancel => Some(EntryKind::Cancel),
            Self::Refund => Some(EntryKind::Refund),
            Self::CreateSession | Self::Authorise | Self::UpdateReference => None,
        }
    }

    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateSession => "create_session",
            Self::Authorise => "authorise",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
            Self::UpdateReference => "update_reference",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The prefix of its ids. A refund's id is derived, not made from this.
    pub fn id_prefix(self) -> &'static str {
        match self {
            Self::CreateSession | Self::Authorise | Self::UpdateReference => "op",
            Self::Capture => "cap",
            Self::Cancel => "can",
            Self::Refund => "re",
        }
    }
}

/// Where an operation stands (R16, R20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// Written down; no byte has left.
    Intent,
    /// Somebody owns it and may be sending it.
    Sending,
    /// It had its effect, once.
    Succeeded,
    /// It had no effect and will have none.
    Rejected,
    /// It may have had its effect; settled by reading (R19).
    Unknown,
    /// A refund that Tamara took but has not called a success yet (R20).
    Accepted,
}

impl OperationState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Intent,
        Self::Sending,
        Self::Succeeded,
        Self::Rejected,
        Self::Unknown,
        Self::Accepted,
    ];

    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Sending => "sending",
            Self::Succeeded => "succeeded",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Not sent yet, or being sent.
    pub fn is_intent_or_sending(self) -> bool {
        matches!(self, Self::Intent | Self::Sending)
    }
}

/// Who asked for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A request of the merchant.
    Request,
    /// A plan: authorise, automatic capture, release, cancel.
    Plan,
}

impl Origin {
    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Plan => "plan",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Request, Self::Plan]
            .into_iter()
            .find(|origin| origin.as_str() == word)
    }
}

/// The right to send an operation, until a time (R18).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Who owns it; random, so that a sleeper's old lease is recognised.
    pub token: String,
    /// Until when, on the Clock.
    pub until_ms: i64,
}

/// One intended call.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Operation {
    /// Our id; of a refund also the `merchant_refund_id`.
    pub id: OperationId,
    /// The session whose order it changes.
    pub session: SessionId,
    /// What is called.
    pub kind: OperationKind,
    /// The caller's `Idempotency-Key`, or a plan's key; unique for ever within account and kind (R26).
    pub key: String,
    /// Keyed hash of what was asked with the key (R26).
    pub fingerprint: String,
    /// Where it stands.
    pub state: OperationState,
    /// Who asked.
    pub origin: Origin,
    /// The amount in minor units; the total for a create and an authorise.
    pub amount_minor: i64,
    /// A capture or cancel of all that was left: Tamara refuses its duplicate (R19).
    pub everything_left: bool,
    /// The second that we put into `shipping_info.shipped_at`, unique within the payment (R20).
    pub shipped_at_s: Option<i64>,
    /// Captures only: the items' reference ids, as in `facts::Entry` (R20).
    pub item_refs: String,
    /// What else the call says (shipping, comment, items), as JSON; no personal data.
    pub details: String,
    /// How many times it was sent, or was about to be.
    pub attempt: i64,
    /// The first attempt that may have had an effect.
    pub doubt_from_attempt: Option<i64>,
    /// A read showed its absence and the rules let it be sent again (R19).
    pub may_repeat: bool,
    /// A repeat was refused: no further one is made (R19).
    pub repeat_refused: bool,
    /// Tries in a row that provably did not happen (R21).
    pub not_sent_in_a_row: i64,
    /// Of these, the ones that Tamara turned away for lack of rights, or of patience (R21).
    pub turned_away_in_a_row: i64,
    /// Good reads begun later than the settle window (R19).
    pub late_reads: i64,
    /// The payment's version with the first `sending`: what was known before it is no effect of this (R20).
    pub first_sent_version: Option<i64>,
    /// When the last `sending` was committed.
    pub last_sent_at_ms: Option<i64>,
    /// The payment's version with the last `sending`: a read that began with it, or later, began after it (R19).
    pub last_sent_version: Option<i64>,
    /// Not tried again before this.
    pub next_try_at_ms: i64,
    /// Who may send it.
    pub lease: Option<Lease>,
    /// Why it ended, or why it waits: a stable word.
    pub reason: Option<String>,
    /// Tamara's id of the capture, refund or cancel.
    pub tamara_id: Option<String>,
    /// Changes of the reference only: the one that was asked for (R6).
    pub reference: Option<String>,
    /// When it was written down.
    pub created_at_ms: i64,
    /// When it ended.
    pub ended_at_ms: Option<i64>,
}

/// What makes a new operation.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Our id.
    pub id: OperationId,
    /// The session whose order it changes.
    pub session: SessionId,
    /// What is called.
    pub kind: OperationKind,
    /// The key (R26).
    pub key: String,
    /// Keyed hash of the request (R26).
    pub fingerprint: String,
    /// Who asked.
    pub origin: Origin,
    /// Minor units.
    pub amount_minor: i64,
    /// All that is left (R19).
    pub everything_left: bool,
    /// Captures only (R20).
    pub shipped_at_s: Option<i64>,
    /// Captures only: the items' reference ids (R20).
    pub item_refs: String,
    /// What else the call says, as JSON.
    pub details: String,
    /// The lease of the request that asks; none for a plan's.
    pub lease: Option<Lease>,
}

impl Operation {
    /// A new operation: intent, not sent.
    pub fn new(intent: Intent, now_ms: i64) -> Self {
        Self {
            id: intent.id,
            session: intent.session,
            kind: intent.kind,
            key: intent.key,
            fingerprint: intent.fingerprint,
            state: OperationState::Intent,
            origin: intent.origin,
            amount_minor: intent.amount_minor,
            everything_left: intent.everything_left,
            shipped_at_s: intent.shipped_at_s,
            item_refs: intent.item_refs,
            details: intent.details,
            attempt: 0,
            doubt_from_attempt: None,
            may_repeat: false,
            repeat_refused: false,
            not_sent_in_a_row: 0,
            turned_away_in_a_row: 0,
            late_reads: 0,
            first_sent_version: None,
            last_sent_at_ms: None,
            last_sent_version: None,
            next_try_at_ms: now_ms,
            lease: intent.lease,
            reason: None,
            tamara_id: None,
            reference: None,
            created_at_ms: now_ms,
            ended_at_ms: None,
        }
    }

    /// Intent, sending or unknown (R17).
    pub fn in_flight(&self) -> bool {
        matches!(
            self.state,
            OperationState::Intent | OperationState::Sending | OperationState::Unknown
        )
    }

    /// Whether its amount may still leave the paid sum: in flight, or accepted (R9).
    pub fn pending(&self) -> bool {
        self.in_flight() || self.state == OperationState::Accepted
    }

    /// Whether the lease has passed, or there is none.
    pub fn lease_free(&self, now_ms: i64) -> bool {
        self.lease
            .as_ref()
            .is_none_or(|lease| lease.until_ms <= now_ms)
    }

    /// Ends it without a call: the facts no longer allow it, or a cancel came first (R3, R24).
    pub fn overtake(&mut self, now_ms: i64) {
        self.end(OperationState::Rejected, Some("overtaken"), now_ms);
    }

    /// Whether it ended without a call.
    pub fn overtaken(&self) -> bool {
        self.reason.as_deref() == Some("overtaken")
    }

    /// Whether a person said that it was applied.
    pub fn told_applied(&self) -> bool {
        self.state == OperationState::Succeeded && self.reason.as_deref() == Some(APPLIED_BY_PERSON)
    }

    /// Whether a person ended it (R17).
    pub fn ended_by_person(&self) -> bool {
        let reason = self.reason.as_deref();
        matches!(reason, Some(APPLIED_BY_PERSON | NOT_APPLIED_BY_PERSON))
    }

    /// Ends it.
    pub fn end(&mut self, state: OperationState, reason: Option<&str>, now_ms: i64) {
        self.state = state;
        self.reason = reason.map(str::to_owned);
        self.ended_at_ms = (state != OperationState::Accepted).then_some(now_ms);
        self.lease = None;
    }
}
