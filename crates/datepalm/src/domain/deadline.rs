//! What happens at Tamara when nobody acts, and the warnings before it.
//!
//! Our clock expires nothing (R15): a deadline that has passed is a reason to read, and nothing here says what came of
//! it. Each warning is told once: what was told stands in its session.

use super::attention::Concern;
use super::context::Context;
use super::payment::{AttentionReason, Payment, Policy, Session};
use super::status::{Status, of_facts};
use crate::ids::SessionId;

/// What happens at Tamara when nobody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadlineKind {
    /// The hosted session ends.
    SessionExpiry,
    /// An approved order expires.
    AuthoriseBy,
    /// An authorised order is captured.
    AutoCapture,
}

impl DeadlineKind {
    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionExpiry => "session_expiry",
            Self::AuthoriseBy => "authorise_by",
            Self::AutoCapture => "auto_capture",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::SessionExpiry, Self::AuthoriseBy, Self::AutoCapture]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// The last warning of a session that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Warned {
    /// Of what.
    pub kind: DeadlineKind,
    /// How much of the time had passed: one of the settings' percents.
    pub percent: i64,
    /// When it happens.
    pub deadline_ms: i64,
}

/// A deadline of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deadline {
    kind: DeadlineKind,
    from_ms: i64,
    at_ms: i64,
}

impl Deadline {
    fn new(kind: DeadlineKind, from_ms: i64, length_ms: i64) -> Self {
        Self {
            kind,
            from_ms,
            at_ms: from_ms.saturating_add(length_ms),
        }
    }

    /// When that much of the time has passed.
    fn moment_ms(&self, percent: i64) -> i64 {
        let length_ms = self.at_ms.saturating_sub(self.from_ms);
        self.from_ms
            .saturating_add(length_ms.saturating_mul(percent) / 100)
    }
}

fn of_session(payment: &Payment, session: &Session, policy: &Policy) -> Option<Deadline> {
    let order = session.order.as_ref()?;
    let facts = &session.facts;
    match of_facts(facts, payment.total.minor()) {
        Status::Pending => Some(Deadline::new(
            DeadlineKind::SessionExpiry,
            order.opened_at_ms,
            policy.session_ms,
        )),
        Status::Approved => {
            // However late we read it: it was approved while its session lasted.
            let latest_ms = order.opened_at_ms.saturating_add(policy.session_ms);
            let approved_ms = facts.approved_at_ms?.min(latest_ms);
            let within_ms = policy.authorise_within_ms;
            Some(Deadline::new(
                DeadlineKind::AuthoriseBy,
                approved_ms,
                within_ms,
            ))
        }
        Status::Authorised | Status::PartiallyCaptured => Some(Deadline::new(
            DeadlineKind::AutoCapture,
            facts.authorised_at_ms?,
            policy.auto_capture_after_ms,
        )),
        Status::Created
        | Status::Captured
        | Status::PartiallyRefunded
        | Status::Refunded
        | Status::Canceled
        | Status::Declined
        | Status::Expired
        | Status::Failed => None,
    }
}

/// The nearest deadline: `(kind, milliseconds since the epoch)`.
pub fn next_deadline(payment: &Payment, policy: &Policy) -> Option<(DeadlineKind, i64)> {
    payment
        .sessions
        .iter()
        .filter_map(|session| of_session(payment, session, policy))
        .map(|deadline| (deadline.kind, deadline.at_ms))
        .min_by_key(|(_, at_ms)| *at_ms)
}

/// The deadlines that somebody should hear of before they pass. A session that ends unpaid warns nobody; an approved
/// order that is not wanted, or that will be given back, may expire.
fn worth_a_warning<'a>(
    payment: &'a Payment,
    policy: &'a Policy,
) -> impl Iterator<Item = (&'a Session, Deadline, &'a [i64])> {
    payment.sessions.iter().filter_map(move |session| {
        let deadline = of_session(payment, session, policy)?;
        let percents = match deadline.kind {
            DeadlineKind::SessionExpiry => return None,
            DeadlineKind::AuthoriseBy => {
                let wanted =
                    payment.winner.as_ref() == Some(&session.id) && !payment.cancel_stands();
                wanted.then_some(policy.warn_authorise_by_percent.as_slice())?
            }
            DeadlineKind::AutoCapture => policy.warn_auto_capture_percent.as_slice(),
        };
        Some((session, deadline, percents))
    })
}

/// What was told of this deadline already, percent.
fn told_percent(session: &Session, kind: DeadlineKind) -> i64 {
    session
        .warned
        .filter(|warned| warned.kind == kind)
        .map_or(0, |warned| warned.percent)
}

/// When the next warning is due.
pub fn next_warning_ms(payment: &Payment, context: &Context<'_>) -> Option<i64> {
    let moments =
        worth_a_warning(payment, context.policy).flat_map(|(session, deadline, percents)| {
            let told = told_percent(session, deadline.kind);
            let untold = percents.iter().filter(move |percent| **percent > told);
            untold.map(move |percent| deadline.moment_ms(*percent))
        });
    moments.filter(|at_ms| *at_ms > context.now_ms).min()
}

/// Writes down the warnings that are due; the events follow from it. After the last one before an order expires
/// unauthorised, a person is asked. Of several that are due at once, the latest alone is told.
pub fn warn(payment: &mut Payment, context: &Context<'_>) {
    let due: Vec<(SessionId, Warned, bool)> = worth_a_warning(payment, context.policy)
        .filter_map(|(session, deadline, percents)| {
            let told = told_percent(session, deadline.kind);
            let due = |percent: &&i64| {
                **percent > told && deadline.moment_ms(**percent) <= context.now_ms
            };
            let percent = *percents.iter().rfind(due)?;
            let warned = Warned {
                kind: deadline.kind,
                percent,
                deadline_ms: deadline.at_ms,
            };
            let last = percents.last() == Some(&percent);
            Some((session.id.clone(), warned, last))
        })
        .collect();
    for (id, warned, last) in due {
        if let Some(session) = payment.session_mut(&id) {
            session.warned = Some(warned);
        }
        if last && warned.kind == DeadlineKind::AuthoriseBy {
            let (reason, mark) = (AttentionReason::AuthoriseDeadline, warned.deadline_ms);
            let concern = Concern::of_session(reason, &id, mark.to_string());
            payment.raise(concern, context.now_ms);
        }
    }
}
