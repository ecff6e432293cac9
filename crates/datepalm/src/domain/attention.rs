//! What a person should look at: points, each with the marks that tell one contradiction, refusal or doubt from the next.
//!
//! Invariant: a point that a person resolved stays resolved until its condition changes: what raises a point is a mark,
//! and a mark that stands in a point of the same subject, open or resolved, raises nothing (decision 0003).

use super::context::Context;
use super::facts::CONTRADICTIONS_MAX;
use super::journal::TURNED_AWAY_MAX;
use super::observe::refresh;
use super::operation::{Operation, OperationKind, OperationState};
use super::payment::{Payment, Session};
use super::plan;
use super::status::{approved_in_vain, session_terminal};
use crate::ids::{AttentionId, OperationId, SessionId};
use std::collections::BTreeSet;
use tamara::money::Money;

/// Why a person should look at a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttentionReason {
    /// A read showed another order, total, currency or reference (R4).
    OrderMismatch,
    /// Tamara does not know an order that we created (R4).
    OrderNotFound,
    /// Tamara used a status that we don't know (R5).
    UnknownStatus,
    /// Facts contradict each other (R2).
    BooksDiffer,
    /// An entry may or may not be ours (R19, R20).
    CannotAttribute,
    /// Calls are refused for lack of rights, or limited, three times in a row (R21).
    TamaraRefusesAccess,
    /// A plan was refused three times (R19).
    PlanRefused,
    /// More than one session of the payment was approved (R14).
    DuplicateApproval,
    /// An approved order could not be authorised, and will soon expire (R15).
    AuthoriseDeadline,
    /// After a restore, an effect that nobody here asked for: nothing is sent until a person cleared it (R30).
    RestoredUnknownEffect,
    /// An operation has not ended for longer than the setting allows: unsent, in doubt, or accepted (R17, R20).
    OperationStillOpen,
}

impl AttentionReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OrderMismatch,
        Self::OrderNotFound,
        Self::UnknownStatus,
        Self::BooksDiffer,
        Self::CannotAttribute,
        Self::TamaraRefusesAccess,
        Self::PlanRefused,
        Self::DuplicateApproval,
        Self::AuthoriseDeadline,
        Self::RestoredUnknownEffect,
        Self::OperationStillOpen,
    ];

    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrderMismatch => "order_mismatch",
            Self::OrderNotFound => "order_not_found",
            Self::UnknownStatus => "unknown_status",
            Self::BooksDiffer => "books_differ",
            Self::CannotAttribute => "cannot_attribute",
            Self::TamaraRefusesAccess => "tamara_refuses_access",
            Self::PlanRefused => "plan_refused",
            Self::DuplicateApproval => "duplicate_approval",
            Self::AuthoriseDeadline => "authorise_deadline",
            Self::RestoredUnknownEffect => "restored_unknown_effect",
            Self::OperationStillOpen => "operation_still_open",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// Whether its mark names the time since when it is so, so that an older mark never comes back.
    fn marks_a_time(self) -> bool {
        match self {
            Self::OrderMismatch | Self::OrderNotFound | Self::UnknownStatus => true,
            Self::BooksDiffer
            | Self::CannotAttribute
            | Self::TamaraRefusesAccess
            | Self::PlanRefused
            | Self::DuplicateApproval
            | Self::AuthoriseDeadline
            | Self::RestoredUnknownEffect
            | Self::OperationStillOpen => false,
        }
    }
}

/// A point for a person, open or resolved. What the person wrote about it is no business of the core's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// Our id.
    pub id: AttentionId,
    /// Why.
    pub reason: AttentionReason,
    /// The session whose order it is about.
    pub session: Option<SessionId>,
    /// The operation that it is about.
    pub operation: Option<OperationId>,
    /// Since when.
    pub since_ms: i64,
    /// When a person resolved it.
    pub resolved_at_ms: Option<i64>,
    /// What was there to see: all of it was looked at when the point was resolved.
    pub marks: BTreeSet<String>,
}

/// What raises a point. `mark` tells it from what a person looked at before; session and operation are its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concern {
    reason: AttentionReason,
    session: Option<SessionId>,
    operation: Option<OperationId>,
    mark: String,
}

impl Concern {
    /// A concern about an order.
    pub fn of_session(
        reason: AttentionReason,
        session: &SessionId,
        mark: impl Into<String>,
    ) -> Self {
        Self {
            reason,
            session: Some(session.clone()),
            operation: None,
            mark: mark.into(),
        }
    }

    /// A concern about an operation.
    pub fn of_operation(
        reason: AttentionReason,
        operation: &Operation,
        mark: impl Into<String>,
    ) -> Self {
        Self {
            operation: Some(operation.id.clone()),
            ..Self::of_session(reason, &operation.session, mark)
        }
    }

    /// Tamara's answer about this order was not believed (R4, R5). One that fits in between makes the next a new one.
    pub fn of_doubtful_read(reason: AttentionReason, session: &Session) -> Self {
        let since = session.facts.trusted_at_ms;
        let mark = since.map_or_else(
            || "never fitted".to_owned(),
            |at_ms| format!("fitted at {at_ms}"),
        );
        Self::of_session(reason, &session.id, mark)
    }

    fn is_about(&self, point: &Point) -> bool {
        point.reason == self.reason
            && point.session == self.session
            && point.operation == self.operation
    }
}

/// Why a point cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolveRefused {
    /// The payment has no such point.
    Unknown,
    /// A person was faster; when.
    Resolved(i64),
    /// The operation is still in doubt: ending it resolves the point (R17).
    StillInDoubt(OperationId),
}

impl Payment {
    /// Raises a point for a person, unless this is what an open point says already, or what a person has looked at.
    pub fn raise(&mut self, concern: Concern, now_ms: i64) {
        let about = |point: &&mut Point| concern.is_about(point);
        if self
            .points
            .iter_mut()
            .filter(about)
            .any(|point| point.marks.contains(&concern.mark))
        {
            return;
        }
        let open = self.points.iter_mut().filter(about).find(|p| p.is_open());
        if let Some(open) = open {
            if concern.reason.marks_a_time() {
                open.marks.clear();
            }
            open.marks.insert(concern.mark);
            return;
        }
        self.points.push(Point {
            id: AttentionId::of_point(&self.id, self.points.len(), now_ms),
            reason: concern.reason,
            session: concern.session,
            operation: concern.operation,
            since_ms: now_ms,
            resolved_at_ms: None,
            marks: BTreeSet::from([concern.mark]),
        });
    }

    /// The points that wait for a person, oldest first.
    pub fn open_points(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| point.is_open())
    }

    /// Whether a point of this reason waits for a person.
    pub fn asks_for(&self, reason: AttentionReason) -> bool {
        self.open_points().any(|point| point.reason == reason)
    }

    /// Whether a person has looked at this mark of a session.
    pub fn looked_at(&self, reason: AttentionReason, session: &SessionId, mark: &str) -> bool {
        self.points.iter().any(|point| {
            !point.is_open()
                && point.reason == reason
                && point.session.as_ref() == Some(session)
                && point.marks.contains(mark)
        })
    }

    /// Whether the facts of an order contradict each other in a way that nobody has looked at (R2).
    pub fn books_differ(&self, session: &Session) -> bool {
        let new = |mark: &String| {
            let reason = AttentionReason::BooksDiffer;
            !self.looked_at(reason, &session.id, mark)
        };
        let contradictions = session.facts.contradictions(self.total.minor());
        session.facts.contradicted.len() >= CONTRADICTIONS_MAX || contradictions.iter().any(new)
    }
}

impl Point {
    /// Whether it waits for a person.
    pub fn is_open(&self) -> bool {
        self.resolved_at_ms.is_none()
    }
}

/// Raises what the facts, the operations and the clock show by themselves. Idempotent.
pub(super) fn raise_standing(payment: &mut Payment, context: &Context<'_>) {
    let mut concerns = Vec::new();
    for session in &payment.sessions {
        for mark in session.facts.contradictions(payment.total.minor()) {
            let reason = AttentionReason::BooksDiffer;
            concerns.push(Concern::of_session(reason, &session.id, mark));
        }
        if plan::gave_up(payment, session) {
            for refused in plan::refusals(payment, &session.id) {
                let (reason, mark) = (AttentionReason::PlanRefused, refused.id.as_str());
                concerns.push(Concern::of_session(reason, &session.id, mark));
            }
        }
        if approved_in_vain(payment, session) && !session_terminal(payment, session) {
            let reason = AttentionReason::DuplicateApproval;
            concerns.push(Concern::of_session(reason, &session.id, "approved"));
        }
    }
    let waited = |operation: &&Operation| {
        let over_ms = operation
            .created_at_ms
            .saturating_add(context.policy.ask_after_ms);
        operation.kind != OperationKind::CreateSession
            && operation.pending()
            && over_ms <= context.now_ms
    };
    for operation in payment.operations.iter().filter(waited) {
        let mark = operation.state.as_str();
        let reason = AttentionReason::OperationStillOpen;
        concerns.push(Concern::of_operation(reason, operation, mark));
    }
    for concern in concerns {
        payment.raise(concern, context.now_ms);
    }
}

/// A person has looked at a point. What that lifts: the stop of contradicting facts (R2) and of effects from before a
/// restore (R30), the end of a plan's tries (R19), the gaps between tries that Tamara turned away (R21). A doubtful read
/// keeps its stop (R4, R5).
pub fn resolve(
    payment: &mut Payment,
    id: &AttentionId,
    context: &Context<'_>,
) -> Result<(), ResolveRefused> {
    let point = payment.points.iter().find(|point| point.id == *id);
    let Some(point) = point.cloned() else {
        return Err(ResolveRefused::Unknown);
    };
    if let Some(at_ms) = point.resolved_at_ms {
        return Err(ResolveRefused::Resolved(at_ms));
    }
    let about = point.operation.as_ref();
    let in_doubt = about
        .and_then(|id| payment.operation(id.as_str()))
        .is_some_and(|operation| operation.state == OperationState::Unknown);
    match point.reason {
        AttentionReason::CannotAttribute | AttentionReason::OperationStillOpen if in_doubt => {
            let operation = about.cloned().expect("an operation is in doubt");
            return Err(ResolveRefused::StillInDoubt(operation));
        }
        AttentionReason::TamaraRefusesAccess => try_again(payment, about, context),
        AttentionReason::OrderMismatch
        | AttentionReason::OrderNotFound
        | AttentionReason::UnknownStatus
        | AttentionReason::BooksDiffer
        | AttentionReason::CannotAttribute
        | AttentionReason::PlanRefused
        | AttentionReason::DuplicateApproval
        | AttentionReason::AuthoriseDeadline
        | AttentionReason::RestoredUnknownEffect
        | AttentionReason::OperationStillOpen => {}
    }
    for point in payment.points.iter_mut().filter(|point| point.id == *id) {
        point.resolved_at_ms = Some(context.now_ms);
    }
    payment.check_step = 0;
    refresh(payment, context);
    Ok(())
}

/// The rights are mended, says a person: the tries begin anew, and so does their count.
fn try_again(payment: &mut Payment, about: Option<&OperationId>, context: &Context<'_>) {
    let turned_away = payment
        .operations
        .iter_mut()
        .filter(|operation| Some(&operation.id) == about && operation.in_flight());
    for operation in turned_away {
        operation.not_sent_in_a_row = 0;
        operation.turned_away_in_a_row = 0;
        operation.next_try_at_ms = context.now_ms;
    }
}

/// Whether what raised a point is so at this moment.
pub fn stands(payment: &Payment, point: &Point) -> bool {
    let session = point.session.as_ref().and_then(|id| payment.session(id));
    let operation = point.operation.as_ref();
    let operation = operation.and_then(|id| payment.operation(id.as_str()));
    match point.reason {
        AttentionReason::OrderMismatch | AttentionReason::UnknownStatus => {
            session.is_some_and(|session| session.facts.doubted())
        }
        // A 404 is no fact (R4); a read that fitted since then is one.
        AttentionReason::OrderNotFound => session.is_some_and(|session| {
            let concern = Concern::of_doubtful_read(point.reason, session);
            point.marks.contains(&concern.mark)
        }),
        AttentionReason::BooksDiffer => {
            session.is_some_and(|session| payment.books_differ(session))
        }
        AttentionReason::CannotAttribute => operation.is_some_and(Operation::in_flight),
        AttentionReason::TamaraRefusesAccess => operation.is_some_and(|operation| {
            operation.in_flight() && operation.turned_away_in_a_row >= TURNED_AWAY_MAX
        }),
        AttentionReason::PlanRefused => {
            session.is_some_and(|session| plan::gave_up(payment, session))
        }
        AttentionReason::DuplicateApproval => session.is_some_and(|session| {
            approved_in_vain(payment, session) && !session_terminal(payment, session)
        }),
        AttentionReason::AuthoriseDeadline => {
            session.is_some_and(|session| session.facts.approved_now())
        }
        AttentionReason::RestoredUnknownEffect => point.is_open(),
        AttentionReason::OperationStillOpen => operation.is_some_and(Operation::pending),
    }
}

/// The money that a point is about, by the facts of this moment: what could be taken twice, kept wrongly, or lost.
pub fn at_risk(payment: &Payment, point: &Point) -> Money {
    let total = payment.total.minor();
    let session = point.session.as_ref().and_then(|id| payment.session(id));
    let held = session.map_or(0, |session| {
        let facts = &session.facts;
        let kept = facts.captured().saturating_sub(facts.refunded());
        kept.max(0).saturating_add(facts.uncaptured(total))
    });
    let minor = match point.reason {
        // Nothing that is said of this order can be relied on: all of it that was not given back.
        AttentionReason::OrderMismatch
        | AttentionReason::OrderNotFound
        | AttentionReason::UnknownStatus
        | AttentionReason::BooksDiffer
        | AttentionReason::RestoredUnknownEffect => session.map_or(total, |session| {
            let facts = &session.facts;
            let back = facts.refunded().saturating_add(facts.canceled(total));
            total.saturating_sub(back).max(0)
        }),
        AttentionReason::CannotAttribute
        | AttentionReason::TamaraRefusesAccess
        | AttentionReason::OperationStillOpen => {
            let operation = point.operation.as_ref();
            let operation = operation.and_then(|id| payment.operation(id.as_str()));
            operation.map_or(held, |operation| operation.amount_minor)
        }
        AttentionReason::PlanRefused => held,
        AttentionReason::DuplicateApproval | AttentionReason::AuthoriseDeadline => {
            let approved = session.is_some_and(|session| session.facts.approved_now());
            if approved { total } else { held }
        }
    };
    Money::new(minor, payment.total.currency())
}
