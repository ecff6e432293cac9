//! All that happened to a payment, in order: decisions, of persons too, calls to Tamara, notifications and events. Reads
//! only.

use super::show_payment::{load, operation_fields};
use crate::app::App;
use crate::clock::rfc3339;
use crate::domain::operation::Operation;
use crate::domain::payment::Payment;
use crate::error::Result;
use crate::ids::PaymentId;
use crate::store::attempts::{self, Attempt};
use crate::store::events::{self, Logged};
use crate::store::inbox::{self, Notification};
use crate::store::interventions::{self, Intervention};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use tamara::money::Money;

/// Where a page begins: at this millisecond, after as many of its entries as the pages before have shown. Several things
/// happen in one millisecond, and what each of them is called is no order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    from_ms: i64,
    shown: i64,
}

/// More entries of one millisecond than any payment has.
const SHOWN_MAX: i64 = 1_000_000;

impl Cursor {
    /// From its text.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let (from_ms, shown) = text.split_once('.')?;
        let (from_ms, shown) = (number(from_ms)?, number(shown)?);
        (1..=SHOWN_MAX)
            .contains(&shown)
            .then_some(Self { from_ms, shown })
    }

    /// After these entries of a page that began here.
    fn after(self, page: &[Entry]) -> Option<Self> {
        let from_ms = page.last()?.ended_at_ms;
        let same = page.iter().filter(|entry| entry.ended_at_ms == from_ms);
        let before = if from_ms == self.from_ms {
            self.shown
        } else {
            0
        };
        Some(Self {
            from_ms,
            shown: before + i64::try_from(same.count()).ok()?,
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.from_ms, self.shown)
    }
}

/// A page of what happened to a payment of an account, oldest first, and where the next one begins, if there is one.
pub async fn timeline(
    app: &Arc<App>,
    account: &str,
    id: &PaymentId,
    cursor: Cursor,
    limit: i64,
) -> Result<(Vec<Value>, Option<Cursor>)> {
    let (account, id) = (account.to_owned(), id.clone());
    // Each kind may fill the page alone, and one entry more says whether there is another page.
    let (from_ms, rows_max) = (cursor.from_ms, cursor.shown + limit + 1);
    let (payment, attempts, notifications, events, interventions) = app
        .store
        .read("timeline", move |tx| {
            let shown = load(tx, &account, &id)?;
            Ok((
                shown.payment,
                attempts::of_payment(tx, &id, from_ms, rows_max)?,
                inbox::of_payment(tx, &id, from_ms, rows_max)?,
                events::of_payment(tx, &id, from_ms, rows_max)?,
                interventions::of_payment(tx, &id, from_ms, rows_max)?,
            ))
        })
        .await?;
    let decisions = payment
        .operations
        .iter()
        .filter(|operation| operation.created_at_ms >= from_ms)
        .map(|operation| decision(&payment, operation));
    let mut entries: Vec<Entry> = decisions
        .chain(attempts.iter().map(call))
        .chain(notifications.iter().map(notification))
        .chain(events.iter().map(event))
        .chain(interventions.iter().map(|one| intervention(&payment, one)))
        .collect();
    entries.sort_by_key(|entry| (entry.ended_at_ms, entry.kind));
    let size = |count: i64| usize::try_from(count).unwrap_or(0);
    entries.drain(..size(cursor.shown).min(entries.len()));
    let has_more = entries.len() > size(limit);
    entries.truncate(size(limit));
    let next = cursor.after(&entries).filter(|_| has_more);
    Ok((entries.into_iter().map(Entry::into_value).collect(), next))
}

/// The kinds, in the order in which they follow each other within one millisecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Operation,
    Intervention,
    Call,
    Notification,
    Event,
}

struct Entry {
    kind: Kind,
    at_ms: i64,
    ended_at_ms: i64,
    value: Value,
}

impl Entry {
    fn new(kind: Kind, at_ms: i64, value: Value) -> Self {
        Self {
            kind,
            at_ms,
            ended_at_ms: at_ms,
            value,
        }
    }

    fn into_value(self) -> Value {
        let mut value = self.value;
        value["kind"] = match self.kind {
            Kind::Operation => "operation",
            Kind::Intervention => "intervention",
            Kind::Call => "call",
            Kind::Notification => "notification",
            Kind::Event => "event",
        }
        .into();
        value["at"] = rfc3339(self.at_ms).into();
        value
    }
}

fn decision(payment: &Payment, operation: &Operation) -> Entry {
    let amount = Money::new(operation.amount_minor, payment.total.currency());
    let mut value = operation_fields(payment, operation);
    let (kind, origin) = (operation.kind.as_str(), operation.origin.as_str());
    value["title"] = match &operation.reference {
        Some(reference) => format!("{kind} to {reference} decided ({origin})").into(),
        None => format!("{kind} of {amount} decided ({origin})").into(),
    };
    Entry::new(Kind::Operation, operation.created_at_ms, value)
}

/// What a person decided, with the person's note.
fn intervention(payment: &Payment, decided: &Intervention) -> Entry {
    let point = payment
        .points
        .iter()
        .find(|point| point.id.as_str() == decided.about);
    let what = point.map_or(decided.about.as_str(), |point| point.reason.as_str());
    let how = match decided.kind {
        interventions::Kind::Resolve => "resolved".to_owned(),
        interventions::Kind::End => {
            format!("ended as {}", decided.outcome.as_deref().unwrap_or("?"))
        }
    };
    let value = json!({
        "title": format!("{what} {how} by a person"),
        "id": decided.id.as_str(),
        "about": decided.about,
        "outcome": decided.outcome,
        "note": decided.note.0,
        "by": decided.by_key,
    });
    Entry::new(Kind::Intervention, decided.at_ms, value)
}

fn call(attempt: &Attempt) -> Entry {
    let value = json!({
        "title": format!("{}: {}", attempt.kind, attempt.outcome),
        "id": attempt.id.as_str(),
        "call": attempt.kind,
        "operation": attempt.operation,
        "session": attempt.session,
        "attempt": attempt.number,
        "outcome": attempt.outcome,
        "http_status": attempt.http_status,
        "codes": attempt.codes,
        "duration_ms": attempt.ended_at_ms - attempt.started_at_ms,
    });
    Entry {
        ended_at_ms: attempt.ended_at_ms,
        ..Entry::new(Kind::Call, attempt.started_at_ms, value)
    }
}

fn notification(notification: &Notification) -> Entry {
    let value = json!({
        "title": format!("notification {}", notification.word),
        "id": notification.id.as_str(),
        "word": notification.word,
        "done_at": notification.done_at_ms.map(rfc3339),
    });
    Entry::new(Kind::Notification, notification.received_at_ms, value)
}

fn event(event: &Logged) -> Entry {
    let value = json!({
        "title": event.kind,
        "id": event.id.as_str(),
        "version": event.version,
        "seq": event.seq,
        "data": serde_json::from_str::<Value>(&event.data).unwrap_or(Value::Null),
    });
    Entry::new(Kind::Event, event.created_at_ms, value)
}
