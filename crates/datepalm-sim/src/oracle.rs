//! What must hold after every step, and what must be true in the end: our books against Tamara's.
//!
//! The oracle reads both sides itself and shares no code with what it checks except the loading of rows.

use crate::world::World;
use datepalm::domain::facts::EntryKind;
use datepalm::domain::operation::{Operation, OperationKind, OperationState};
use datepalm::domain::payment::{Payment, Session};
use datepalm::store::payments::{self, Filter};
use serde_json::Value;
use std::collections::BTreeMap;

/// A broken invariant: its name and what broke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The invariant.
    pub name: &'static str,
    /// What was seen.
    pub what: String,
}

type Checked = Result<(), Broken>;

fn hold(condition: bool, name: &'static str, what: impl FnOnce() -> String) -> Checked {
    if condition {
        Ok(())
    } else {
        Err(Broken { name, what: what() })
    }
}

/// Tamara's order, as its books say.
struct Book<'a>(&'a Value);

impl Book<'_> {
    fn minor(&self, name: &str) -> i64 {
        self.0[name].as_i64().unwrap_or(0)
    }
    fn status(&self) -> &str {
        self.0["status"].as_str().unwrap_or_default()
    }
    fn entries(&self, name: &str) -> &[Value] {
        self.0[name].as_array().map_or(&[], Vec::as_slice)
    }
    fn was_authorised(&self) -> bool {
        !self.0["authorised_at_ms"].is_null() || self.minor("captured_minor") > 0
    }
    /// Money of the customer that the merchant holds or may take.
    fn held(&self) -> i64 {
        let live = matches!(
            self.status(),
            "approved"
                | "authorised"
                | "updated"
                | "partially_captured"
                | "fully_captured"
                | "partially_refunded"
                | "fully_refunded"
        );
        if live {
            self.minor("total_minor") - self.minor("canceled_minor") - self.minor("refunded_minor")
        } else {
            0
        }
    }
    fn text(&self) -> String {
        let reference = self.0["order_reference_id"].as_str().unwrap_or_default();
        format!(
            "order {reference} {} captured {} refunded {} canceled {}",
            self.status(),
            self.minor("captured_minor"),
            self.minor("refunded_minor"),
            self.minor("canceled_minor")
        )
    }
}

/// Everything that the oracle looks at.
pub struct Seen {
    payments: Vec<Payment>,
    orders: BTreeMap<String, Value>,
}

/// Reads both sides.
pub fn see(world: &World) -> anyhow::Result<Seen> {
    let read = world.app().store.read("oracle", |tx| {
        let ids = payments::list(tx, "sim", &Filter::default(), 1_000)?;
        ids.iter()
            .filter_map(|id| payments::look(tx, id).transpose())
            .collect::<Result<Vec<_>, _>>()
    });
    let payments = world.look(read)?;
    let state = world.sandbox.state();
    let orders = state["orders"].as_array().cloned().unwrap_or_default();
    let by_id = |order: Value| {
        (
            order["order_id"].as_str().unwrap_or_default().to_owned(),
            order,
        )
    };
    Ok(Seen {
        payments,
        orders: orders.into_iter().map(by_id).collect(),
    })
}

impl Seen {
    fn book(&self, session: &Session) -> Option<Book<'_>> {
        session
            .order
            .as_ref()
            .and_then(|order| self.orders.get(&order.order_id))
            .map(Book)
    }

    /// What must hold at any moment. Answers how many things were checked.
    pub fn at_any_moment(&self) -> Result<u64, Broken> {
        let mut checks = 0;
        for order in self.orders.values().map(Book) {
            let (captured, canceled) =
                (order.minor("captured_minor"), order.minor("canceled_minor"));
            hold(
                captured + canceled <= order.minor("total_minor"),
                "tamara_conserves_money",
                || order.text(),
            )?;
            hold(
                order.minor("refunded_minor") <= captured,
                "tamara_conserves_money",
                || order.text(),
            )?;
            checks += 2;
        }
        let mut references = BTreeMap::new();
        for payment in &self.payments {
            if payment.held {
                let other = references.insert(&payment.merchant_reference, &payment.id);
                hold(other.is_none(), "one_holder_per_reference", || {
                    payment.id.to_string()
                })?;
            }
            for session in &payment.sessions {
                if let Some(book) = self.book(session) {
                    checks += facts_are_a_subset(session, &book)?;
                    checks += effects_belong_to_intents(payment, session, &book)?;
                }
            }
            checks += self.paid_is_true(payment)?;
        }
        Ok(checks)
    }

    fn paid_is_true(&self, payment: &Payment) -> Result<u64, Broken> {
        if !payment.paid() {
            return Ok(1);
        }
        hold(
            !payment.cancel_stands(),
            "never_paid_while_canceled",
            || payment.id.to_string(),
        )?;
        let winner = payment.winner().and_then(|winner| self.book(winner));
        let authorised = winner.as_ref().is_some_and(Book::was_authorised);
        hold(authorised, "never_paid_before_tamara_authorised", || {
            format!("{} {:?}", payment.id, winner.map(|book| book.text()))
        })?;
        Ok(2)
    }

    /// What must be true once everything has come to rest.
    pub fn in_the_end(&self) -> Result<u64, Broken> {
        let mut checks = 0;
        for payment in &self.payments {
            let explained = !payment.points.is_empty();
            let waiting: Vec<_> = payment
                .operations
                .iter()
                .filter(|operation| operation.pending())
                .collect();
            hold(
                waiting.is_empty() || explained,
                "nothing_waits_for_ever",
                || {
                    format!(
                        "{} next check {:?}: {waiting:?}",
                        payment.id, payment.next_check_at_ms
                    )
                },
            )?;
            let mut holding = 0;
            for session in &payment.sessions {
                let Some(book) = self.book(session) else {
                    continue;
                };
                checks += books_agree(payment, session, &book)?;
                hold(
                    book.status() != "approved" || explained,
                    "an_approved_order_is_never_forgotten",
                    || book.text(),
                )?;
                holding += u64::from(book.held() > 0);
                let canceled = payment.cancel_stands();
                let kept = payment.winner.as_ref() == Some(&session.id) && !canceled;
                hold(
                    book.held() == 0 || kept || explained,
                    "what_is_not_kept_is_given_back",
                    || format!("{} {} cancel {:?}", payment.id, book.text(), payment.cancel),
                )?;
            }
            hold(
                holding <= 1 || explained,
                "one_payment_takes_money_once",
                || payment.id.to_string(),
            )?;
            checks += 4;
        }
        Ok(checks)
    }
}

/// Facts only grow, and never beyond what Tamara has.
fn facts_are_a_subset(session: &Session, book: &Book<'_>) -> Result<u64, Broken> {
    let facts = &session.facts;
    let pairs = [
        (EntryKind::Capture, "captured_minor", facts.captured()),
        (EntryKind::Refund, "refunded_minor", facts.refunded()),
    ];
    for (kind, name, ours) in pairs {
        hold(
            ours <= book.minor(name),
            "our_facts_are_a_subset_of_tamaras",
            || format!("{kind:?} {ours} of {}", book.text()),
        )?;
    }
    let listed: i64 = facts
        .entries_of(EntryKind::Cancel)
        .map(|entry| entry.amount_minor)
        .sum();
    hold(
        listed <= book.minor("canceled_minor"),
        "our_facts_are_a_subset_of_tamaras",
        || book.text(),
    )?;
    hold(
        !facts.was_authorised() || book.was_authorised(),
        "our_facts_are_a_subset_of_tamaras",
        || book.text(),
    )?;
    Ok(4)
}

/// A rejected operation never has an effect, a succeeded one has exactly one, and no effect of ours lacks its intent.
fn effects_belong_to_intents(
    payment: &Payment,
    session: &Session,
    book: &Book<'_>,
) -> Result<u64, Broken> {
    let mut checks = 0;
    let ours = |kind: OperationKind| {
        payment
            .operations
            .iter()
            .filter(move |operation| operation.session == session.id && operation.kind == kind)
    };
    let captures = book.entries("captures");
    for operation in ours(OperationKind::Capture) {
        let found = captures
            .iter()
            .filter(|entry| is_capture_of(entry, operation))
            .count();
        checks += one_effect(operation, found, book)?;
    }
    let foreign = captures.iter().filter(|entry| {
        entry["shipping"]["shipping_company"] == "Ours"
            && !ours(OperationKind::Capture).any(|operation| is_capture_of(entry, operation))
    });
    hold(foreign.count() == 0, "no_effect_without_intent", || {
        book.text()
    })?;
    let refunds = book.entries("refunds");
    for operation in ours(OperationKind::Refund) {
        let found = refunds
            .iter()
            .filter(|entry| entry["merchant_refund_id"] == operation.id.as_str())
            .count();
        checks += one_effect(operation, found, book)?;
    }
    let foreign = refunds.iter().filter(|entry| {
        entry["merchant_refund_id"].as_str().is_some_and(|id| {
            id.starts_with("re_")
                && !ours(OperationKind::Refund).any(|operation| operation.id.as_str() == id)
        })
    });
    hold(foreign.count() == 0, "no_effect_without_intent", || {
        book.text()
    })?;
    for operation in ours(OperationKind::Cancel) {
        let found = operation.tamara_id.as_ref().map(|id| {
            book.entries("cancels")
                .iter()
                .filter(|entry| entry["cancel_id"] == id.as_str())
                .count()
        });
        let seen = found.unwrap_or(1);
        hold(
            operation.state != OperationState::Succeeded || seen == 1,
            "a_success_has_one_effect",
            || format!("{operation:?} {}", book.text()),
        )?;
        checks += 1;
    }
    Ok(checks + 2)
}

fn is_capture_of(entry: &Value, operation: &Operation) -> bool {
    let shipped = operation
        .shipped_at_s
        .map(|second| datepalm::clock::rfc3339(second * 1_000));
    entry["shipping"]["shipping_company"] == "Ours"
        && entry["shipping"]["shipped_at"].as_str() == shipped.as_deref()
        && entry["amounts"]["total_minor"].as_i64() == Some(operation.amount_minor)
}

fn one_effect(operation: &Operation, found: usize, book: &Book<'_>) -> Result<u64, Broken> {
    let say = || format!("{operation:?} has {found} effects: {}", book.text());
    hold(found <= 1, "at_most_one_effect_per_intent", say)?;
    match operation.state {
        OperationState::Succeeded => hold(found == 1, "a_success_has_one_effect", say)?,
        OperationState::Rejected => hold(found == 0, "a_rejection_has_no_effect", say)?,
        OperationState::Intent if operation.attempt == 0 => {
            hold(found == 0, "no_effect_before_sending", say)?;
        }
        OperationState::Intent
        | OperationState::Sending
        | OperationState::Unknown
        | OperationState::Accepted => {}
    }
    Ok(2)
}

/// In the end our facts are Tamara's.
fn books_agree(payment: &Payment, session: &Session, book: &Book<'_>) -> Result<u64, Broken> {
    let total = payment.total.minor();
    let facts = &session.facts;
    let ours = (facts.captured(), facts.refunded(), facts.canceled(total));
    let theirs = (
        book.minor("captured_minor"),
        book.minor("refunded_minor"),
        book.minor("canceled_minor"),
    );
    hold(ours == theirs, "the_books_agree_in_the_end", || {
        format!(
            "{} ours {ours:?}, {} next check {:?}",
            payment.id,
            book.text(),
            payment.next_check_at_ms
        )
    })?;
    Ok(3)
}
