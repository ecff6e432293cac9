//! What a cancel would do (R23), shown before anybody asks for it: its plan, played through on a copy of the payment as if
//! Tamara took every step.
//!
//! Invariant: the steps come from the same `decide` and `next_step` that carry a cancel out, so that a preview cannot tell
//! another story; and nothing of it is ever written down.

use super::context::Context;
use super::decide::{Command, Decision, Refused, decide};
use super::facts::{Entry, EntryKind, Observation, OrderRank, RefundRank, Source, Word};
use super::intend::mark;
use super::observe::observe;
use super::operation::{Operation, OperationKind, OperationState};
use super::payment::Payment;
use super::plan::next_step;
use super::status::{Status, of_facts};
use crate::ids::SessionId;

/// More steps than any plan has: authorise, cancel and refund of each session.
const STEPS_MAX: usize = 100;

/// One call that would follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Whose order.
    pub session: SessionId,
    /// What is called.
    pub kind: OperationKind,
    /// Minor units.
    pub amount_minor: i64,
    /// It was decided on before, and is in flight.
    pub under_way: bool,
}

/// What would follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What would be written down.
    pub decision: Decision,
    /// The calls, in their order.
    pub steps: Vec<Foreseen>,
    /// The calls that follow if a customer pays on a page that is still open.
    pub if_paid: Vec<Foreseen>,
    /// Whether such a page is still open.
    pub page_open: bool,
}

/// Decides on a cancel, and plays it through.
pub fn preview(
    payment: &Payment,
    command: Command,
    context: &Context<'_>,
) -> Result<Preview, Refused> {
    let decision = decide(payment, command, context.now_ms)?;
    let mut copy = payment.clone();
    match &decision {
        Decision::Operation(wanted) => {
            let step = Foreseen {
                session: wanted.session.clone(),
                kind: wanted.kind,
                amount_minor: wanted.amount_minor,
                under_way: false,
            };
            return Ok(Preview {
                steps: vec![step],
                decision,
                if_paid: Vec::new(),
                page_open: false,
            });
        }
        Decision::Mark(wanted) => mark(&mut copy, wanted.clone(), context),
        Decision::AlreadyCanceled => {}
    }
    let steps = play(&mut copy, context);
    let open: Vec<SessionId> = copy
        .sessions
        .iter()
        .filter(|session| session.order.is_some())
        .filter(|session| of_facts(&session.facts, copy.total.minor()) == Status::Pending)
        .map(|session| session.id.clone())
        .collect();
    let mut if_paid = Vec::new();
    for session in &open {
        let mut paid = copy.clone();
        let news = news(Some(OrderRank::Approved), None, context);
        observe(&mut paid, session, &news, context);
        if_paid.extend(play(&mut paid, context));
    }
    Ok(Preview {
        decision,
        steps,
        if_paid,
        page_open: !open.is_empty(),
    })
}

/// Plays the plan through; answers its calls.
fn play(payment: &mut Payment, context: &Context<'_>) -> Vec<Foreseen> {
    let mut steps = Vec::new();
    while steps.len() < STEPS_MAX {
        refuse_what_no_longer_fits(payment, context);
        let in_flight = payment.money_in_flight().map(|operation| Foreseen {
            session: operation.session.clone(),
            kind: operation.kind,
            amount_minor: operation.amount_minor,
            under_way: true,
        });
        let planned = || {
            next_step(payment).map(|step| Foreseen {
                session: step.session,
                kind: step.kind,
                amount_minor: step.amount_minor,
                under_way: false,
            })
        };
        let Some(step) = in_flight.or_else(planned) else {
            break;
        };
        for operation in payment.operations.iter_mut().filter(|o| moves(o)) {
            operation.end(OperationState::Succeeded, None, context.now_ms);
        }
        let news = effect(&step, steps.len(), context);
        observe(payment, &step.session, &news, context);
        steps.push(step);
    }
    steps
}

/// What is under way and beyond what is left by now will be refused: the plan goes on as if it had been, or the same money
/// would be foreseen twice.
fn refuse_what_no_longer_fits(payment: &mut Payment, context: &Context<'_>) {
    let total = payment.total.minor();
    for operation in payment.operations.iter_mut().filter(|o| moves(o)) {
        let mut sessions = payment.sessions.iter();
        let Some(session) = sessions.find(|session| session.id == operation.session) else {
            continue;
        };
        let facts = &session.facts;
        let most = match operation.kind {
            OperationKind::Capture | OperationKind::Cancel => facts.uncaptured(total),
            OperationKind::Refund => facts.captured().saturating_sub(facts.refunded()),
            OperationKind::CreateSession
            | OperationKind::Authorise
            | OperationKind::UpdateReference => continue,
        };
        if operation.amount_minor > most {
            operation.end(OperationState::Rejected, Some("conflict"), context.now_ms);
        }
    }
}

fn moves(operation: &Operation) -> bool {
    operation.kind.moves_money() && operation.in_flight()
}

/// What Tamara would answer. The id stands for one that only Tamara can give.
fn effect(step: &Foreseen, number: usize, context: &Context<'_>) -> Observation {
    let kind = match step.kind {
        OperationKind::CreateSession
        | OperationKind::Authorise
        | OperationKind::UpdateReference => {
            return news(Some(OrderRank::Authorised), None, context);
        }
        OperationKind::Capture => EntryKind::Capture,
        OperationKind::Cancel => EntryKind::Cancel,
        OperationKind::Refund => EntryKind::Refund,
    };
    let entry = Entry {
        kind,
        id: format!("foreseen-{number}"),
        amount_minor: step.amount_minor,
        seen_at_ms: context.now_ms,
        seen_version: 0,
        refund: RefundRank::Success,
        merchant_refund_id: None,
        shipped_at_s: None,
        item_refs: String::new(),
        operation: None,
    };
    news(None, Some(entry), context)
}

fn news(rank: Option<OrderRank>, entry: Option<Entry>, context: &Context<'_>) -> Observation {
    Observation {
        source: Source::Answer,
        begun_at_ms: context.now_ms,
        begun_version: 0,
        word: rank.map(Word::Known),
        entries: entry.into_iter().collect(),
        sums: None,
        reference: None,
        mismatch: false,
    }
}
