//! What Tamara says, in the core's words: bodies of reads, and answers to calls.

use crate::domain::facts::{
    Entry, EntryKind, Observation, OrderRank, RefundRank, Source, Sums, Word,
};
use crate::domain::journal::Answer;
use crate::domain::operation::Operation;

/// What a GET-order body says.
#[derive(Clone, Debug)]
pub struct Body {
    word: Word,
    entries: Vec<Entry>,
    mismatch: bool,
    reference: Option<String>,
}

pub fn body(rank: OrderRank) -> Body {
    Body {
        word: Word::Known(rank),
        entries: Vec::new(),
        mismatch: false,
        reference: None,
    }
}

/// An order that is authorised, whatever was captured or refunded of it.
pub fn live() -> Body {
    body(OrderRank::Authorised)
}

pub fn entry(kind: EntryKind, id: &str, amount_minor: i64) -> Entry {
    Entry {
        kind,
        id: id.to_owned(),
        amount_minor,
        seen_at_ms: 0,
        seen_version: 0,
        refund: RefundRank::Other,
        merchant_refund_id: None,
        shipped_at_s: None,
        item_refs: String::new(),
        operation: None,
    }
}

impl Body {
    pub fn unknown(mut self, word: &str) -> Self {
        self.word = Word::Unknown(word.to_owned());
        self
    }

    pub fn mismatch(mut self) -> Self {
        self.mismatch = true;
        self
    }

    /// The reference that the order has.
    pub fn reference(mut self, reference: &str) -> Self {
        self.reference = Some(reference.to_owned());
        self
    }

    /// A capture that nobody here asked for.
    pub fn capture(self, id: &str, amount_minor: i64) -> Self {
        self.with(entry(EntryKind::Capture, id, amount_minor))
    }

    /// A capture that echoes the operation's `shipped_at`.
    pub fn capture_of(self, id: &str, operation: &Operation) -> Self {
        self.with(Entry {
            shipped_at_s: operation.shipped_at_s,
            ..entry(EntryKind::Capture, id, operation.amount_minor)
        })
    }

    pub fn cancel(self, id: &str, amount_minor: i64) -> Self {
        self.with(entry(EntryKind::Cancel, id, amount_minor))
    }

    /// A refund of the portal.
    pub fn refund(self, id: &str, amount_minor: i64, refund: RefundRank) -> Self {
        self.with(Entry {
            refund,
            ..entry(EntryKind::Refund, id, amount_minor)
        })
    }

    /// A refund that echoes the operation's id.
    pub fn refund_of(self, id: &str, operation: &Operation, refund: RefundRank) -> Self {
        self.with(Entry {
            refund,
            merchant_refund_id: Some(operation.id.to_string()),
            ..entry(EntryKind::Refund, id, operation.amount_minor)
        })
    }

    pub fn with(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// As a read that began then, with the sums that its lists make up.
    pub fn read_at(&self, begun_at_ms: i64, begun_version: i64) -> Observation {
        let sum = |kind: EntryKind| {
            let counted = self.entries.iter().filter(|e| e.kind == kind && e.counts());
            counted.map(|e| e.amount_minor).sum()
        };
        let mut entries = self.entries.clone();
        for entry in &mut entries {
            entry.seen_at_ms = begun_at_ms;
        }
        Observation {
            source: Source::Read,
            begun_at_ms,
            begun_version,
            word: Some(self.word.clone()),
            sums: Some(Sums {
                captured_minor: sum(EntryKind::Capture),
                refunded_minor: sum(EntryKind::Refund),
                canceled_minor: sum(EntryKind::Cancel),
            }),
            entries,
            mismatch: self.mismatch,
            reference: self.reference.clone(),
        }
    }
}

pub fn lost() -> Answer {
    Answer::Unknown {
        reason: "outcome_unknown".to_owned(),
    }
}

pub fn refused() -> Answer {
    Answer::Refused {
        reason: "invalid_status".to_owned(),
    }
}

pub fn not_sent() -> Answer {
    Answer::NotSent {
        reason: "not_sent".to_owned(),
    }
}

pub fn turned_away(retry_after_ms: Option<i64>) -> Answer {
    Answer::TurnedAway {
        reason: "unauthorised".to_owned(),
        retry_after_ms,
    }
}
