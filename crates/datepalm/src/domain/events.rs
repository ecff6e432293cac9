//! The facts that others hear of: what changed between two values of one payment, as events.
//!
//! Derived from the values, never from the call that changed them, so that every path tells the same story.

use super::attention::Point;
use super::operation::OperationState;
use super::payment::{CancelState, Payment};
use super::status::{Status, approved_in_vain};

/// One event: its type and what it is about. Holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `payment.captured`, `capture.succeeded`, ...
    pub kind: String,
    /// The operation, reason or session it is about.
    pub about: Option<String>,
    /// Minor units, where an amount is part of it.
    pub amount_minor: Option<i64>,
    /// When what it announces will happen.
    pub at_ms: Option<i64>,
}

fn event(kind: impl Into<String>) -> Event {
    Event {
        kind: kind.into(),
        about: None,
        amount_minor: None,
        at_ms: None,
    }
}

/// What happened between `before` (`None`: it did not exist) and `after`.
pub fn between(before: Option<&Payment>, after: &Payment) -> Vec<Event> {
    let mut events = Vec::new();
    if before.is_none() {
        events.push(event("payment.created"));
    }
    let status = after.status();
    let was = before.map(Payment::status);
    if status != Status::Created && was != Some(status) {
        events.push(event(format!("payment.{}", status.as_str())));
    }
    for session in &after.sessions {
        let known = before.and_then(|b| b.session(&session.id).map(|s| approved_in_vain(b, s)));
        if approved_in_vain(after, session) && known != Some(true) {
            events.push(Event {
                about: Some(session.id.to_string()),
                ..event("payment.duplicate_approval")
            });
        }
    }
    warnings(before, after, &mut events);
    operations(before, after, &mut events);
    entries(before, after, &mut events);
    if let Some(mark) = &after.cancel
        && before.and_then(|b| b.cancel.as_ref()).map(|m| m.state) != Some(mark.state)
    {
        let word = match mark.state {
            CancelState::Accepted => "payment.cancel_requested",
            CancelState::Done => "payment.cancel_done",
            CancelState::Refused => "payment.cancel_refused",
        };
        events.push(event(word));
    }
    points(before, after, &mut events);
    events
}

/// Points that were raised, and points that a person resolved; what the person wrote is not for others.
fn points(before: Option<&Payment>, after: &Payment, events: &mut Vec<Event>) {
    for point in &after.points {
        let known = before.and_then(|b| b.points.iter().find(|known| known.id == point.id));
        let mut told = |kind: &str| {
            events.push(Event {
                about: Some(point.reason.as_str().to_owned()),
                ..event(kind)
            });
        };
        if known.is_none() {
            told("payment.attention");
        }
        if !point.is_open() && known.is_none_or(Point::is_open) {
            told("payment.attention_resolved");
        }
    }
}

fn warnings(before: Option<&Payment>, after: &Payment, events: &mut Vec<Event>) {
    for session in &after.sessions {
        let known = before.and_then(|b| b.session(&session.id)?.warned);
        if let Some(warned) = session.warned.filter(|warned| known != Some(*warned)) {
            events.push(Event {
                about: Some(warned.kind.as_str().to_owned()),
                at_ms: Some(warned.deadline_ms),
                ..event("payment.deadline_approaching")
            });
        }
    }
}

fn operations(before: Option<&Payment>, after: &Payment, events: &mut Vec<Event>) {
    for operation in &after.operations {
        let was = before
            .and_then(|b| b.operation(operation.id.as_str()))
            .map(|o| o.state);
        let told = matches!(
            operation.state,
            OperationState::Succeeded
                | OperationState::Rejected
                | OperationState::Unknown
                | OperationState::Accepted
        );
        if told && was != Some(operation.state) {
            events.push(Event {
                about: Some(operation.id.to_string()),
                amount_minor: operation
                    .kind
                    .moves_money()
                    .then_some(operation.amount_minor),
                ..event(format!(
                    "{}.{}",
                    operation.kind.as_str(),
                    operation.state.as_str()
                ))
            });
            if operation.ended_by_person() {
                events.push(Event {
                    about: Some(operation.id.to_string()),
                    ..event(format!("{}.ended_by_person", operation.kind.as_str()))
                });
            }
        }
    }
}

/// Entries that nobody here asked for: a person in the portal, or Tamara's own capture (R20). Told once that is certain: a
/// read may show the effect of our own call before its answer comes.
fn entries(before: Option<&Payment>, after: &Payment, events: &mut Vec<Event>) {
    for session in &after.sessions {
        let known = before.and_then(|b| b.session(&session.id));
        for (key, entry) in &session.facts.entries {
            let told = before.zip(known).is_some_and(|(before, known)| {
                let entry = known.facts.entries.get(key);
                entry.is_some_and(|entry| before.nobody_asked_for(known, entry))
            });
            if !told && after.nobody_asked_for(session, entry) {
                events.push(Event {
                    about: Some(entry.id.clone()),
                    amount_minor: Some(entry.amount_minor),
                    ..event(format!("{}.observed", entry.kind.as_str()))
                });
            }
        }
    }
}
