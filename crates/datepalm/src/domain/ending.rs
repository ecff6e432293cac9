//! A person ends an operation that stays in doubt (R17): the one way out when no read can tell.
//!
//! Invariant: a person never makes a fact. What was called applied counts as gone until the facts show it (R9), and what
//! was called not applied and shows itself after all asks a person again.

use super::attention::Concern;
use super::context::Context;
use super::guard::{Guard, stands};
use super::journal::expire_lease;
use super::observe::refresh;
use super::operation::{NOT_APPLIED_BY_PERSON, Operation, OperationKind, OperationState};
use super::payment::{AttentionReason, Payment};
use super::settle;
use crate::ids::OperationId;

/// What a person knows of an operation's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Applied,
    /// It did not, and never will.
    NotApplied,
}

impl Outcome {
    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::NotApplied => "not_applied",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Applied, Self::NotApplied]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }
}

/// Why a person cannot end an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndRefused {
    /// The payment has no such operation.
    Unknown,
    /// A create ends by itself, and nobody has its URL (R22).
    Create,
    /// It has ended; how.
    Ended(OperationState),
    /// It waits to be sent, or is being sent.
    OnItsWay,
    /// Its effect may still arrive, until then (R19).
    TooEarly(i64),
}

/// Ends an operation whose outcome is unknown, or a refund that stays accepted, as a person says (R17). Resolves the
/// points about it.
pub fn end_by_person(
    payment: &mut Payment,
    id: &OperationId,
    outcome: Outcome,
    context: &Context<'_>,
) -> Result<(), EndRefused> {
    expire_lease(payment, id, context);
    let index = payment.operations.iter().position(|o| o.id == *id);
    let index = index.ok_or(EndRefused::Unknown)?;
    endable(&payment.operations[index], outcome, context)?;
    let session = payment.operations[index].session.clone();
    let facts = payment
        .sessions
        .iter_mut()
        .find(|candidate| candidate.id == session)
        .map(|session| &mut session.facts)
        .expect("an operation has a session");
    let operation = &mut payment.operations[index];
    let mut known = Vec::new();
    match outcome {
        Outcome::Applied => settle::apply_by_person(operation, facts, context.now_ms),
        Outcome::NotApplied => {
            let reason = Some(NOT_APPLIED_BY_PERSON);
            operation.end(OperationState::Rejected, reason, context.now_ms);
            // What is there to see already is what the person looked at; only what comes later is news.
            known = settle::effects_after_all(operation, facts, false);
        }
    }
    let reason = AttentionReason::CannotAttribute;
    let concerns: Vec<Concern> = known
        .into_iter()
        .map(|mark| Concern::of_operation(reason, operation, mark))
        .collect();
    for concern in concerns {
        payment.raise(concern, context.now_ms);
    }
    let about = payment
        .points
        .iter_mut()
        .filter(|point| point.is_open() && point.operation.as_ref() == Some(id));
    for point in about {
        point.resolved_at_ms = Some(context.now_ms);
    }
    payment.check_step = 0;
    refresh(payment, context);
    Ok(())
}

fn endable(
    operation: &Operation,
    outcome: Outcome,
    context: &Context<'_>,
) -> Result<(), EndRefused> {
    if operation.kind == OperationKind::CreateSession {
        return Err(EndRefused::Create);
    }
    match operation.state {
        OperationState::Intent | OperationState::Sending => return Err(EndRefused::OnItsWay),
        ended @ (OperationState::Succeeded | OperationState::Rejected) => {
            return Err(EndRefused::Ended(ended));
        }
        OperationState::Accepted | OperationState::Unknown => {}
    }
    // Within the window nobody can know that an effect will not come, a person no more than a read (R19).
    let sent_ms = operation.last_sent_at_ms.unwrap_or(operation.created_at_ms);
    let over_ms = sent_ms.saturating_add(context.policy.settle_window_ms);
    let early = outcome == Outcome::NotApplied
        && operation.state == OperationState::Unknown
        && context.now_ms <= over_ms;
    if early && stands(Guard::AbsenceWaits) {
        return Err(EndRefused::TooEarly(over_ms));
    }
    Ok(())
}
