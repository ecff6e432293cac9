//! What a read of an order changed that nobody had told us of, and what stays open: a comparison of two values of one
//! payment, the one from before the read and the one that was saved after it.
//!
//! Invariant: what an operation of ours does is no difference, whether it has ended, is being sent, or was told by its
//! answer; a doubt that the read settled is one.

use super::facts::{Doubt, Entry, EntryKind, Facts, OrderRank, RefundRank};
use super::operation::{Operation, OperationKind, OperationState, Origin};
use super::payment::{AttentionReason, Payment, Session};
use super::status::of_facts;
use crate::ids::SessionId;
use tamara::money::{Currency, Money};

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The order's status moved on.
    OrderStatus,
    /// A capture that nobody here asked for, or one whose amount changed.
    Capture,
    /// A refund that nobody here asked for, or one whose status or amount changed.
    Refund,
    /// A cancel that nobody here asked for, or one whose amount changed.
    Cancel,
    /// An operation of ours was in doubt, or waited, and the read settled it.
    Operation,
    /// What was read needs a person.
    Attention,
    /// The order's facts contradict each other, and no person has looked (R2).
    BooksDiffer,
    /// The answer was not believed (R4, R5).
    NotBelieved,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::OrderStatus,
        Self::Capture,
        Self::Refund,
        Self::Cancel,
        Self::Operation,
        Self::Attention,
        Self::BooksDiffer,
        Self::NotBelieved,
    ];

    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderStatus => "order_status",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
            Self::Operation => "operation",
            Self::Attention => "attention",
            Self::BooksDiffer => "books_differ",
            Self::NotBelieved => "not_believed",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == word)
    }

    fn of_entry(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Capture => Self::Capture,
            EntryKind::Refund => Self::Refund,
            EntryKind::Cancel => Self::Cancel,
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub what: What,
    /// The entry's id at Tamara, the operation, the reason, or nothing.
    pub about: String,
    /// What we knew.
    pub ours: String,
    /// What Tamara says.
    pub tamaras: String,
    /// Minor units, where an amount is part of it.
    pub amount_minor: Option<i64>,
    /// What came of it.
    pub done: String,
}

/// Something that reads alone will not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// `operation`, `attention`, `order` or `cancel`.
    pub what: &'static str,
    /// Its id.
    pub about: String,
    /// Why it is open, in a stable word or two.
    pub why: String,
}

/// What a read of the order of `session` changed, and how the order stands against our books now.
pub fn differences(before: &Payment, after: &Payment, session: &SessionId) -> Vec<Difference> {
    let (Some(was), Some(is)) = (before.session(session), after.session(session)) else {
        return Vec::new();
    };
    let pair = Pair {
        before,
        after,
        was,
        is,
    };
    let mut found = Vec::from_iter(pair.status());
    found.extend(pair.entries());
    found.extend(pair.operations());
    found.extend(pair.points());
    found.extend(pair.standing());
    let planned = pair.planned();
    for difference in &mut found {
        if let Some(operation) = planned {
            let kind = operation.kind.as_str();
            difference.done = format!("{}, {kind} planned", difference.done);
        }
    }
    found
}

struct Pair<'a> {
    before: &'a Payment,
    after: &'a Payment,
    was: &'a Session,
    is: &'a Session,
}

impl Pair<'_> {
    /// Whether an operation of that kind explains what the read shows: it is being sent, or this read settled it.
    fn ours(&self, kind: OperationKind) -> bool {
        let mut own = self
            .before
            .operations
            .iter()
            .filter(|operation| operation.session == self.was.id && operation.kind == kind);
        own.any(|operation| match operation.state {
            OperationState::Sending => true,
            OperationState::Unknown => self
                .after
                .operation(operation.id.as_str())
                .is_some_and(|now| now.state == OperationState::Succeeded),
            OperationState::Intent
            | OperationState::Succeeded
            | OperationState::Rejected
            | OperationState::Accepted => false,
        })
    }

    fn status(&self) -> Option<Difference> {
        let (was, is) = (self.was.facts.rank, self.is.facts.rank);
        let ours = match is {
            OrderRank::Authorised => self.ours(OperationKind::Authorise),
            OrderRank::Canceled => self.ours(OperationKind::Cancel),
            OrderRank::New | OrderRank::Declined | OrderRank::Approved | OrderRank::Expired => {
                false
            }
        };
        let total = self.after.total.minor();
        let word = |facts: &Facts| of_facts(facts, total).as_str().to_owned();
        (was != is && !ours).then(|| Difference {
            what: What::OrderStatus,
            about: String::new(),
            ours: word(&self.was.facts),
            tamaras: word(&self.is.facts),
            amount_minor: None,
            done: "recorded".to_owned(),
        })
    }

    fn entries(&self) -> Vec<Difference> {
        let entries = self.is.facts.entries.iter();
        let differing = entries.filter_map(|(key, entry)| {
            let known = self.was.facts.entries.get(key);
            self.entry(known, entry)
        });
        differing.collect()
    }

    fn entry(&self, known: Option<&Entry>, entry: &Entry) -> Option<Difference> {
        let currency = self.after.total.currency();
        let said = |entry: &Entry| said_of(entry, currency);
        let ours = known.map_or_else(|| "none".to_owned(), said);
        let tamaras = said(entry);
        // What one of our operations did is told by the operation.
        let own = entry.operation.is_some()
            || (entry.kind == EntryKind::Cancel && self.ours(OperationKind::Cancel));
        let changed = known.is_some_and(|known| known.amount_minor != entry.amount_minor);
        if ours == tamaras || (own && !changed) {
            return None;
        }
        Some(Difference {
            what: What::of_entry(entry.kind),
            about: entry.id.clone(),
            ours,
            tamaras,
            amount_minor: Some(entry.amount_minor),
            done: "recorded".to_owned(),
        })
    }

    fn operations(&self) -> Vec<Difference> {
        let own = self.before.operations.iter().filter(|operation| {
            operation.session == self.was.id && operation.kind != OperationKind::CreateSession
        });
        let settled = own.filter_map(|was| {
            let is = self.after.operation(was.id.as_str())?;
            let waited = matches!(
                was.state,
                OperationState::Unknown | OperationState::Accepted
            );
            let moved = was.state != is.state && !is.state.is_intent_or_sending();
            (waited && moved).then(|| Difference {
                what: What::Operation,
                about: was.id.to_string(),
                ours: was.state.as_str().to_owned(),
                tamaras: outcome_of(is),
                amount_minor: Some(was.amount_minor),
                done: "settled".to_owned(),
            })
        });
        settled.collect()
    }

    /// Points that were raised for what the read showed. What was not believed, and what contradicts, stands by itself.
    fn points(&self) -> Vec<Difference> {
        let raised = self.after.points.iter().filter(|point| {
            let by_reading = match point.reason {
                AttentionReason::CannotAttribute
                | AttentionReason::DuplicateApproval
                | AttentionReason::RestoredUnknownEffect => true,
                AttentionReason::OrderMismatch
                | AttentionReason::OrderNotFound
                | AttentionReason::UnknownStatus
                | AttentionReason::BooksDiffer
                | AttentionReason::TamaraRefusesAccess
                | AttentionReason::PlanRefused
                | AttentionReason::AuthoriseDeadline
                | AttentionReason::OperationStillOpen => false,
            };
            let new = !self.before.points.iter().any(|known| known.id == point.id);
            by_reading && new && point.session.as_ref() == Some(&self.is.id)
        });
        let told = raised.map(|point| Difference {
            what: What::Attention,
            about: point.id.to_string(),
            ours: "none".to_owned(),
            tamaras: point.reason.as_str().to_owned(),
            amount_minor: None,
            done: "a person is asked".to_owned(),
        });
        told.collect()
    }

    fn standing(&self) -> Vec<Difference> {
        let facts = &self.is.facts;
        let doubt = facts
            .doubted()
            .then(|| facts.doubted_at_ms.map(|(_, doubt)| doubt))
            .flatten();
        let not_believed = doubt.map(|doubt| Difference {
            what: What::NotBelieved,
            about: String::new(),
            ours: of_facts(facts, self.after.total.minor())
                .as_str()
                .to_owned(),
            tamaras: match doubt {
                Doubt::Mismatch => "another order, total, currency or reference",
                Doubt::UnknownStatus => "a status that is not known",
            }
            .to_owned(),
            amount_minor: None,
            done: "not taken in, nothing is sent, a person is asked".to_owned(),
        });
        let differs = self.after.books_differ(self.is).then(|| Difference {
            what: What::BooksDiffer,
            about: String::new(),
            ours: of_facts(facts, self.after.total.minor())
                .as_str()
                .to_owned(),
            tamaras: facts
                .contradictions(self.after.total.minor())
                .into_iter()
                .collect::<Vec<_>>()
                .join("; "),
            amount_minor: None,
            done: "nothing is sent, a person is asked".to_owned(),
        });
        not_believed.into_iter().chain(differs).collect()
    }

    /// The operation that a plan made because of what was read.
    fn planned(&self) -> Option<&Operation> {
        self.after.operations.iter().find(|operation| {
            operation.origin == Origin::Plan
                && operation.session == self.is.id
                && self.before.operation(operation.id.as_str()).is_none()
        })
    }
}

/// What is said of an entry.
fn said_of(entry: &Entry, currency: Currency) -> String {
    let word = match (entry.kind, entry.refund) {
        (EntryKind::Capture, _) => "captured",
        (EntryKind::Cancel, _) => "canceled",
        (EntryKind::Refund, RefundRank::Success) => "refunded",
        (EntryKind::Refund, RefundRank::Failed) => "refund failed",
        (EntryKind::Refund, RefundRank::Other) => "refund under way",
    };
    format!("{word} {}", Money::new(entry.amount_minor, currency))
}

fn outcome_of(operation: &Operation) -> String {
    let state = operation.state.as_str();
    let reason = operation.reason.as_deref();
    reason.map_or_else(|| state.to_owned(), |reason| format!("{state}: {reason}"))
}

/// What stays open of a payment, and why.
pub fn open(payment: &Payment) -> Vec<Open> {
    let waiting = payment
        .operations
        .iter()
        .filter(|operation| operation.pending());
    let operations = waiting.map(|operation| Open {
        what: "operation",
        about: operation.id.to_string(),
        why: outcome_of(operation),
    });
    let points = payment.open_points().map(|point| Open {
        what: "attention",
        about: point.id.to_string(),
        why: point.reason.as_str().to_owned(),
    });
    let doubted = payment
        .sessions
        .iter()
        .filter(|session| session.facts.doubted());
    let orders = doubted.map(|session| Open {
        what: "order",
        about: session.id.to_string(),
        why: "its last answer was not believed".to_owned(),
    });
    let cancel = payment.cancel_running().then(|| Open {
        what: "cancel",
        about: payment.id.to_string(),
        why: "accepted and not done".to_owned(),
    });
    operations
        .chain(points)
        .chain(orders)
        .chain(cancel)
        .collect()
}
