//! What is shown of a payment: derived from facts, never stored as truth (R8-R12).

use super::facts::{Facts, OrderRank};
use super::guard::{Guard, stands};
use super::operation::{OperationKind, OperationState};
use super::payment::{CancelState, Payment, Session};

/// Our status of a payment or a session (R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Asked for; Tamara has not answered yet.
    Created,
    /// A session is open and nobody has paid.
    Pending,
    /// The customer has paid; Datepalm has not authorised yet.
    Approved,
    /// Authorised: safe to fulfil.
    Authorised,
    /// Captured in part.
    PartiallyCaptured,
    /// Captured.
    Captured,
    /// Refunded in part.
    PartiallyRefunded,
    /// All that was captured is refunded.
    Refunded,
    /// Canceled before anything was captured.
    Canceled,
    /// Tamara refused the customer.
    Declined,
    /// Nobody paid, or nobody authorised, in time.
    Expired,
    /// Tamara refused every session.
    Failed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::Pending,
        Self::Approved,
        Self::Authorised,
        Self::PartiallyCaptured,
        Self::Captured,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::Canceled,
        Self::Declined,
        Self::Expired,
        Self::Failed,
    ];

    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Authorised => "authorised",
            Self::PartiallyCaptured => "partially_captured",
            Self::Captured => "captured",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Canceled => "canceled",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// Sums over the winner's facts, minor units (R12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Authorised by Tamara.
    pub authorised_minor: i64,
    /// Canceled before capture.
    pub canceled_minor: i64,
    /// Captured.
    pub captured_minor: i64,
    /// Refunded.
    pub refunded_minor: i64,
}

/// The status of one order by its facts.
pub fn of_facts(facts: &Facts, total_minor: i64) -> Status {
    let (captured, refunded) = (facts.captured(), facts.refunded());
    if captured > 0 {
        return match () {
            () if refunded >= captured => Status::Refunded,
            () if refunded > 0 => Status::PartiallyRefunded,
            () if captured.saturating_add(facts.canceled(total_minor)) >= total_minor => {
                Status::Captured
            }
            () => Status::PartiallyCaptured,
        };
    }
    match facts.rank {
        OrderRank::New => Status::Pending,
        OrderRank::Declined => Status::Declined,
        OrderRank::Approved => Status::Approved,
        OrderRank::Authorised if facts.canceled(total_minor) >= total_minor => Status::Canceled,
        OrderRank::Authorised => Status::Authorised,
        OrderRank::Expired => Status::Expired,
        OrderRank::Canceled => Status::Canceled,
    }
}

/// Sums over one order's facts.
pub fn amounts_of(facts: &Facts, total_minor: i64) -> Amounts {
    Amounts {
        authorised_minor: if facts.was_authorised() {
            total_minor
        } else {
            0
        },
        canceled_minor: facts.canceled(total_minor),
        captured_minor: facts.captured(),
        refunded_minor: facts.refunded(),
    }
}

/// Whether a session ended before it was worth anything: a winner dies only so (R13).
pub fn session_dead(session: &Session) -> bool {
    matches!(session.facts.rank, OrderRank::Declined | OrderRank::Expired)
        && !session.facts.was_authorised()
}

/// Whether a session was approved beside the winner, or although its payment could not take the reference (R7, R14).
pub fn approved_in_vain(payment: &Payment, session: &Session) -> bool {
    let beside = payment
        .winner
        .as_ref()
        .is_some_and(|winner| *winner != session.id);
    session.facts.was_approved() && !session_dead(session) && (session.unwanted || beside)
}

/// Whether nothing can happen to a session any more by itself (R10). A session without an order is over when its
/// create is; one that is refunded, when nothing of it is left to capture either.
pub fn session_terminal(payment: &Payment, session: &Session) -> bool {
    if session.order.is_none() {
        return !payment.operations.iter().any(|operation| {
            operation.session == session.id
                && operation.kind == OperationKind::CreateSession
                && operation.in_flight()
        });
    }
    match of_facts(&session.facts, payment.total.minor()) {
        Status::Declined | Status::Expired | Status::Canceled | Status::Failed => true,
        Status::Refunded => session.facts.uncaptured(payment.total.minor()) == 0,
        Status::Created
        | Status::Pending
        | Status::Approved
        | Status::Authorised
        | Status::PartiallyCaptured
        | Status::Captured
        | Status::PartiallyRefunded => false,
    }
}

impl Payment {
    /// The payment's status (R8).
    pub fn status(&self) -> Status {
        let total = self.total.minor();
        let canceled = self
            .cancel
            .as_ref()
            .is_some_and(|mark| mark.state == CancelState::Done);
        if let Some(winner) = self.winner() {
            let status = of_facts(&winner.facts, total);
            return if canceled && winner.facts.captured() == 0 {
                Status::Canceled
            } else {
                status
            };
        }
        if canceled {
            return Status::Canceled;
        }
        let open = |session: &Session| session.order.is_some() && !session_terminal(self, session);
        if self.sessions.iter().any(open) {
            return Status::Pending;
        }
        match self
            .sessions
            .iter()
            .rev()
            .find(|session| session.order.is_some())
        {
            _ if self.create_under_way().is_some() || self.create_in_doubt() => Status::Created,
            Some(session) => of_facts(&session.facts, total),
            None if self.operations.is_empty() => Status::Created,
            None => Status::Failed,
        }
    }

    fn create_in_doubt(&self) -> bool {
        self.operations.iter().any(|operation| {
            operation.kind == OperationKind::CreateSession
                && operation.state == OperationState::Unknown
        })
    }

    /// The payment's sums: the winner's (R12).
    pub fn amounts(&self) -> Amounts {
        self.winner().map_or_else(Amounts::default, |winner| {
            amounts_of(&winner.facts, self.total.minor())
        })
    }

    /// Cancels and refunds of the winner that may still take money away, minor units (R9). What the facts already show
    /// of a refund is gone, not pending.
    pub fn pending_out_minor(&self) -> i64 {
        let Some(winner) = self.winner() else {
            return 0;
        };
        let own = |operation: &&super::operation::Operation| {
            operation.session == winner.id
                && matches!(
                    operation.kind,
                    OperationKind::Cancel | OperationKind::Refund
                )
        };
        self.operations
            .iter()
            .filter(own)
            .fold(0, |sum, operation| {
                sum.saturating_add(super::plan::leaving_minor(operation, &winner.facts))
            })
    }

    /// Safe to fulfil (R9), and known to be (R30).
    pub fn paid(&self) -> bool {
        let Some(winner) = self.winner() else {
            return false;
        };
        let ended = self.cancel_stands() && stands(Guard::CancelEndsPaid);
        let by_rank =
            !stands(Guard::PaidNeedsALiveOrder) && winner.facts.rank >= OrderRank::Authorised;
        if ended || self.recovering() || !(winner.facts.live() || by_rank) {
            return false;
        }
        let amounts = self.amounts();
        let leaving = if stands(Guard::PaidCountsWhatLeaves) {
            self.pending_out_minor()
        } else {
            0
        };
        let gone = amounts
            .canceled_minor
            .saturating_add(amounts.refunded_minor)
            .saturating_add(leaving);
        amounts.authorised_minor > gone
    }

    /// Some operation's outcome is unknown (R11).
    pub fn in_doubt(&self) -> bool {
        self.operations
            .iter()
            .any(|operation| operation.state == OperationState::Unknown)
    }

    /// Nothing can change any more without a new request or a person in the portal (R10).
    pub fn is_final(&self) -> bool {
        let quiet = |session: &Session| {
            session_terminal(self, session) || {
                let captured = session.facts.captured();
                captured > 0 && session.facts.uncaptured(self.total.minor()) == 0
            }
        };
        !self.operations.is_empty()
            && !self.recovering()
            && !self.blocked()
            && !self.cancel_running()
            && self.sessions.iter().all(quiet)
            && !self
                .operations
                .iter()
                .any(super::operation::Operation::pending)
            && super::plan::next_step(self).is_none()
    }
}
