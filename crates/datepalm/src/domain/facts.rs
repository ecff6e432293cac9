//! What is known of one Tamara order, and how news is merged into it (R2).
//!
//! Invariant: `merge` is commutative, associative and idempotent. Every field is a join (minimum, maximum, or, set
//! union), so that late, doubled and reordered news is harmless. Captures, refunds and cancels are sets keyed by
//! Tamara's ids; amounts are sums over them.

use super::guard::{Guard, stands};
use crate::ids::OperationId;
use std::collections::{BTreeMap, BTreeSet};

/// Tamara's order status, reduced to the chain of R2. Captured and refunded words are `Authorised` here: the
/// entries say the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderRank {
    /// `new`
    #[default]
    New,
    /// `declined`
    Declined,
    /// `approved`
    Approved,
    /// `authorised`, `updated`, and every captured or refunded word.
    Authorised,
    /// `expired`
    Expired,
    /// `canceled`
    Canceled,
}

impl OrderRank {
    /// All of them, lowest first.
    pub const ALL: [Self; 6] = [
        Self::New,
        Self::Declined,
        Self::Approved,
        Self::Authorised,
        Self::Expired,
        Self::Canceled,
    ];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Declined => "declined",
            Self::Approved => "approved",
            Self::Authorised => "authorised",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
        }
    }

    /// From the word in tables.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rank| rank.as_str() == word)
    }
}

/// The three sets of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// `transactions.captures[]`
    Capture,
    /// `transactions.refunds[]`
    Refund,
    /// `transactions.cancels[]`
    Cancel,
}

impl EntryKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Capture, Self::Refund, Self::Cancel];

    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// `refund_status`, merged by rank (R2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefundRank {
    /// Any other word, or none.
    #[default]
    Other,
    /// A word that the setting names as a failure.
    Failed,
    /// `success`
    Success,
}

impl RefundRank {
    /// As a number in tables.
    pub fn number(self) -> i64 {
        match self {
            Self::Other => 0,
            Self::Failed => 1,
            Self::Success => 2,
        }
    }

    /// From the number.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Other, Self::Failed, Self::Success]
            .into_iter()
            .find(|rank| rank.number() == number)
    }
}

/// One capture, refund or cancel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Which set.
    pub kind: EntryKind,
    /// Tamara's id.
    pub id: String,
    /// Minor units.
    pub amount_minor: i64,
    /// The begin of the earliest read, or call, that brought it.
    pub seen_at_ms: i64,
    /// The payment's version when its facts first held this (R20); `i64::MAX` until they do. Nodes agree on it although
    /// their clocks differ, and a read that begins before a send may come back with what the send did.
    pub seen_version: i64,
    /// Refunds only.
    pub refund: RefundRank,
    /// Refunds only: the id that we, or the portal, gave it.
    pub merchant_refund_id: Option<String>,
    /// Captures only: `shipping_info.shipped_at`, cut to the second.
    pub shipped_at_s: Option<i64>,
    /// Captures only: the items' reference ids, sorted and joined by a newline; empty when there are none.
    pub item_refs: String,
    /// The operation whose answer or attribution it is (R20).
    pub operation: Option<OperationId>,
}

impl Entry {
    /// Whether its money counts.
    pub fn counts(&self) -> bool {
        self.kind != EntryKind::Refund || self.refund == RefundRank::Success
    }

    /// Whether it is that refund of ours: by the id that we gave it, or because its answer said so (R20).
    pub fn is_refund_of(&self, operation: &OperationId) -> bool {
        self.kind == EntryKind::Refund
            && (self.merchant_refund_id.as_deref() == Some(operation.as_str())
                || self.operation.as_ref() == Some(operation))
    }
}

/// Why a read was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// A status that we don't know (R5).
    UnknownStatus,
    /// Another order, total, currency or reference (R4).
    Mismatch,
}

impl Doubt {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownStatus => "unknown_status",
            Self::Mismatch => "mismatch",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::UnknownStatus, Self::Mismatch]
            .into_iter()
            .find(|doubt| doubt.as_str() == word)
    }
}

/// More are not told apart: then nobody can have looked at them all.
pub const CONTRADICTIONS_MAX: usize = 50;

/// What is known of one order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The highest status seen.
    pub rank: OrderRank,
    /// The begin of the earliest read that showed it approved or later.
    pub approved_at_ms: Option<i64>,
    /// The begin of the earliest read that showed it authorised or later.
    pub authorised_at_ms: Option<i64>,
    /// Captures, refunds and cancels by kind and Tamara's id.
    pub entries: BTreeMap<(EntryKind, String), Entry>,
    /// What bodies contradicted in themselves, and which entries came back with another amount: one text for each, so
    /// that a new contradiction can be told from those that a person has looked at. At most `CONTRADICTIONS_MAX`.
    pub contradicted: BTreeSet<String>,
    /// The begin of the latest read that was believed.
    pub trusted_at_ms: Option<i64>,
    /// The begin of the latest read that was not believed, and why.
    pub doubted_at_ms: Option<(i64, Doubt)>,
}

/// The status of one body, before it is reduced to a rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A documented status: its rank, and whether it proves authorisation by itself.
    Known(OrderRank),
    /// Anything else (R5).
    Unknown(String),
}

/// The three sums that stand in the same body as the lists, minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// `captured_amount`
    pub captured_minor: i64,
    /// `refunded_amount`
    pub refunded_minor: i64,
    /// `canceled_amount`
    pub canceled_minor: i64,
}

/// Where a piece of news came from (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A GET of the order: what is absent in it is absent at Tamara, as far as reads are fresh (R19). Only a read lifts
    /// an earlier doubt (R5).
    Read,
    /// The answer to our own call: says nothing about what it does not mention.
    Answer,
}

/// One piece of news about one order: a GET-order body, or the answer to our own call (R1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// A read or an answer.
    pub source: Source,
    /// When the read or the call began, on our Clock.
    pub begun_at_ms: i64,
    /// The payment's version when it began.
    pub begun_version: i64,
    /// The status, when the body has one.
    pub word: Option<Word>,
    /// Captures, refunds and cancels in it.
    pub entries: Vec<Entry>,
    /// The sums in it; answers have none.
    pub sums: Option<Sums>,
    /// It is not this session's order, or not its total or reference (R4).
    pub mismatch: bool,
    /// The reference in it; answers have none.
    pub reference: Option<String>,
}

impl Observation {
    /// Taken in by a payment of that version.
    #[must_use]
    pub fn held_from(mut self, version: i64) -> Self {
        for entry in &mut self.entries {
            entry.seen_version = version;
        }
        self
    }

    /// Why it is not believed, if it is not (R4, R5).
    pub fn doubt(&self) -> Option<Doubt> {
        match (&self.word, self.mismatch) {
            (_, true) => Some(Doubt::Mismatch),
            (Some(Word::Unknown(_)), false) => Some(Doubt::UnknownStatus),
            (Some(Word::Known(_)) | None, false) => None,
        }
    }
}

/// The rank of a word. An unknown one has none: it never gets here, unless the guard of R5 is gone.
fn rank_of(word: &Word) -> Option<OrderRank> {
    match word {
        Word::Known(rank) => Some(*rank),
        Word::Unknown(_) => (!stands(Guard::UnknownWordStops)).then_some(OrderRank::Authorised),
    }
}

/// Whether the rules stop at such a doubt (R4, R5).
fn believed(doubt: Doubt) -> bool {
    stands(match doubt {
        Doubt::Mismatch => Guard::MismatchIsNotMerged,
        Doubt::UnknownStatus => Guard::UnknownWordStops,
    })
}

fn earliest(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Facts {
    /// Merges a piece of news. A read that R4 or R5 refuses leaves nothing but the doubt itself.
    #[must_use]
    pub fn merge(mut self, news: &Observation) -> Self {
        if let Some(doubt) = news.doubt().filter(|doubt| believed(*doubt)) {
            self.doubted_at_ms = self.doubted_at_ms.max(Some((news.begun_at_ms, doubt)));
            return self;
        }
        if news.source == Source::Read {
            self.trusted_at_ms = self.trusted_at_ms.max(Some(news.begun_at_ms));
        }
        if let Some(rank) = news.word.as_ref().and_then(rank_of) {
            self.rank = if stands(Guard::RankNeverFalls) {
                self.rank.max(rank)
            } else {
                rank
            };
            // `canceled` needs an order that was authorised before (fact book 4.2); `expired` proves nothing.
            let authorised = matches!(rank, OrderRank::Authorised | OrderRank::Canceled);
            let approved = authorised || rank == OrderRank::Approved;
            let at = Some(news.begun_at_ms);
            self.approved_at_ms = earliest(self.approved_at_ms, at.filter(|_| approved));
            self.authorised_at_ms = earliest(self.authorised_at_ms, at.filter(|_| authorised));
        }
        for entry in &news.entries {
            self.merge_entry(entry);
            self.approved_at_ms = earliest(self.approved_at_ms, Some(entry.seen_at_ms));
            self.authorised_at_ms = earliest(self.authorised_at_ms, Some(entry.seen_at_ms));
        }
        if let Some(sums) = news.sums
            && !sums_agree(&news.entries, sums)
        {
            self.contradict(lists_against(&news.entries, sums));
        }
        self
    }

    /// The smallest texts stay, so that the order in which they come does not matter (R2).
    fn contradict(&mut self, what: String) {
        self.contradicted.insert(what);
        if self.contradicted.len() > CONTRADICTIONS_MAX {
            self.contradicted.pop_last();
        }
    }

    fn merge_entry(&mut self, news: &Entry) {
        let key = (news.kind, news.id.clone());
        let Some(known) = self.entries.get_mut(&key) else {
            self.entries.insert(key, news.clone());
            return;
        };
        let amounts = [known.amount_minor, news.amount_minor];
        known.amount_minor = known.amount_minor.max(news.amount_minor);
        known.seen_at_ms = known.seen_at_ms.min(news.seen_at_ms);
        known.seen_version = known.seen_version.min(news.seen_version);
        known.refund = known.refund.max(news.refund);
        known.merchant_refund_id = known
            .merchant_refund_id
            .take()
            .max(news.merchant_refund_id.clone());
        known.shipped_at_s = known.shipped_at_s.max(news.shipped_at_s);
        if news.item_refs > known.item_refs {
            known.item_refs.clone_from(&news.item_refs);
        }
        known.operation = known.operation.take().max(news.operation.clone());
        if amounts[0] != amounts[1] {
            for minor in amounts {
                self.contradict(format!("{} {} of {minor}", news.kind.as_str(), news.id));
            }
        }
    }

    /// The entries of one set.
    pub fn entries_of(&self, kind: EntryKind) -> impl Iterator<Item = &Entry> {
        self.entries
            .values()
            .filter(move |entry| entry.kind == kind)
    }

    fn sum(&self, kind: EntryKind) -> i64 {
        let counted = self.entries_of(kind).filter(|entry| entry.counts());
        counted.fold(0, |sum, entry| sum.saturating_add(entry.amount_minor))
    }

    /// Captured so far, minor units.
    pub fn captured(&self) -> i64 {
        self.sum(EntryKind::Capture)
    }

    /// Refunded so far, minor units; only what Tamara calls a success.
    pub fn refunded(&self) -> i64 {
        self.sum(EntryKind::Refund)
    }

    /// Refunded so far by one operation of ours, minor units.
    pub fn refunded_by(&self, operation: &OperationId) -> i64 {
        let own = self
            .entries_of(EntryKind::Refund)
            .filter(|entry| entry.is_refund_of(operation) && entry.counts());
        own.fold(0, |sum, entry| sum.saturating_add(entry.amount_minor))
    }

    /// Canceled so far, minor units. An order that reads as canceled has nothing left, whatever its list says.
    pub fn canceled(&self, total_minor: i64) -> i64 {
        let listed = self.sum(EntryKind::Cancel);
        if self.rank == OrderRank::Canceled {
            listed.max(total_minor.saturating_sub(self.captured()))
        } else {
            listed
        }
    }

    /// What can still be captured or canceled, minor units: zero unless the order is live (R9).
    pub fn uncaptured(&self, total_minor: i64) -> i64 {
        if self.live() {
            let gone = self.captured().saturating_add(self.canceled(total_minor));
            total_minor.saturating_sub(gone).max(0)
        } else {
            0
        }
    }

    /// Authorised now, or captured: never by rank, since `expired` and `canceled` rank higher (R9).
    pub fn live(&self) -> bool {
        self.rank == OrderRank::Authorised || self.captured() > 0
    }

    /// Approved and waiting for us.
    pub fn approved_now(&self) -> bool {
        self.rank == OrderRank::Approved && self.captured() == 0
    }

    /// Whether it was ever authorised (R14).
    pub fn was_authorised(&self) -> bool {
        self.authorised_at_ms.is_some()
    }

    /// Whether it was ever approved, or anything later (R13).
    pub fn was_approved(&self) -> bool {
        self.approved_at_ms.is_some()
    }

    /// Whether the latest read was not believed (R4, R5); a later good read lifts it.
    pub fn doubted(&self) -> bool {
        self.doubted_at_ms
            .is_some_and(|(at, _)| self.trusted_at_ms.is_none_or(|trusted| trusted <= at))
    }

    /// What in the facts contradicts what (R2): one text for each contradiction.
    pub fn contradictions(&self, total_minor: i64) -> BTreeSet<String> {
        let mut found = self.contradicted.clone();
        let captured = self.captured();
        let word = self.rank.as_str();
        if matches!(self.rank, OrderRank::Declined | OrderRank::Expired) && captured > 0 {
            found.insert(format!("{word} beside captures"));
        }
        let canceled = self.sum(EntryKind::Cancel);
        if self.rank == OrderRank::Canceled
            && captured > 0
            && captured.saturating_add(canceled) != total_minor
        {
            found.insert(format!(
                "{word} beside captures of {captured} and cancels of {canceled}"
            ));
        }
        found
    }
}

/// The sum of one list of a body, minor units.
fn listed(entries: &[Entry], kind: EntryKind, all: bool) -> i64 {
    let counted = entries
        .iter()
        .filter(|entry| entry.kind == kind && (all || entry.counts()));
    counted.fold(0, |sum, entry| sum.saturating_add(entry.amount_minor))
}

/// Whether the lists of a body make up its own sums; refunds that are not a success yet may be in or out (R2).
fn sums_agree(entries: &[Entry], sums: Sums) -> bool {
    let refunds =
        listed(entries, EntryKind::Refund, false)..=listed(entries, EntryKind::Refund, true);
    listed(entries, EntryKind::Capture, true) == sums.captured_minor
        && listed(entries, EntryKind::Cancel, true) == sums.canceled_minor
        && refunds.contains(&sums.refunded_minor)
}

fn lists_against(entries: &[Entry], sums: Sums) -> String {
    let of = |kind| listed(entries, kind, true);
    format!(
        "captures of {} called {}, refunds of {} called {}, cancels of {} called {}",
        of(EntryKind::Capture),
        sums.captured_minor,
        of(EntryKind::Refund),
        sums.refunded_minor,
        of(EntryKind::Cancel),
        sums.canceled_minor
    )
}
