//! The live page: orders with their timelines, callbacks with their bodies, faults, the clock.
//!
//! Rendered here, complete without script; the script fetches it again every second and sends the
//! forms without leaving the page. Loads nothing from elsewhere.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;

use super::timeline;
use crate::Sandbox;
use crate::dates::readable;
use crate::faults::CATALOGUE;
use crate::faults::deliveries::event;
use crate::rules;
use crate::state::delivery_state;
use crate::world::{Attempt, Notification, Order, Status, World};

/// The page shows this many of the newest orders and deliveries.
const ROWS_MAX: usize = 50;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

#[derive(Template)]
#[template(path = "control.html")]
struct ControlPage {
    now: String,
    frozen: bool,
    manual: bool,
    merchants: String,
    orders: Vec<OrderCard>,
    orders_more: usize,
    deliveries: Vec<DeliveryCard>,
    request_faults: Vec<Switch>,
    webhook_faults: Vec<Switch>,
    active: Vec<Active>,
    refusing: bool,
}

struct OrderCard {
    reference: String,
    order_id: String,
    checkout_id: String,
    merchant: String,
    status: &'static str,
    tone: &'static str,
    total: String,
    sums: Vec<(&'static str, String)>,
    moves_at: String,
    customer: bool,
    work: Vec<&'static str>,
    timeline: Vec<(String, String)>,
}

struct DeliveryCard {
    id: u64,
    what: String,
    reference: String,
    url: String,
    state: &'static str,
    tone: &'static str,
    next: String,
    held_by: String,
    body: String,
    attempts: Vec<AttemptLine>,
}

struct AttemptLine {
    at: String,
    result: String,
    fault: String,
    answer: String,
}

/// A fault that can be put in force; `id` is that of the first one in force.
struct Switch {
    name: &'static str,
    what: &'static str,
    id: Option<u64>,
}

struct Active {
    id: u64,
    name: String,
    scope: String,
    struck: u64,
}

pub(super) async fn show(State(sandbox): State<Sandbox>) -> Response {
    let reports = sandbox.faults().report();
    let refusing = sandbox.refuses();
    let clock = sandbox.clock();
    // A rule that has struck often enough is off.
    let reports: Vec<_> = reports
        .into_iter()
        .filter(|r| r["used_up"] == false)
        .collect();
    let page = sandbox.read(|world, now_ms| {
        let orders = world.orders_by_creation();
        let notifications: Vec<_> = world.notifications().collect();
        let newest = orders.iter().rev().take(ROWS_MAX);
        let latest = notifications.into_iter().rev().take(ROWS_MAX);
        let merchants = world.accounts().iter().map(|a| a.merchant.name.as_str());
        ControlPage {
            now: readable(now_ms),
            frozen: clock.is_frozen(),
            manual: clock.is_manual(),
            merchants: merchants.collect::<Vec<_>>().join(", "),
            orders: newest.map(|order| order_card(world, order)).collect(),
            orders_more: orders.len().saturating_sub(ROWS_MAX),
            deliveries: latest.map(|n| delivery_card(&sandbox, world, n)).collect(),
            request_faults: switches(&reports, |name| {
                !name.starts_with("webhook-") && name != "refuse"
            }),
            webhook_faults: switches(&reports, |name| name.starts_with("webhook-")),
            active: reports.iter().map(active).collect(),
            refusing,
        }
    });
    let body = page.render().expect("writing to a text cannot fail");
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(body)).into_response()
}

fn order_card(world: &World, order: &Order) -> OrderCard {
    let money = |minor| format!("{} {}", order.currency.format(minor), order.currency);
    let sums = [
        ("captured", order.captured_minor()),
        ("cancelled", order.canceled_minor()),
        ("refunded", order.refunded_minor()),
    ];
    let sums = sums.into_iter().filter(|(_, minor)| *minor > 0);
    let account = world.account(&order.merchant_id);
    let timer_ms = rules::timer_ms(order);
    let entries = timeline::of(world, order).into_iter();
    OrderCard {
        reference: order.reference.clone(),
        order_id: order.id.clone(),
        checkout_id: order.checkout_id.clone(),
        merchant: account.map_or_else(String::new, |a| a.merchant.name.clone()),
        status: order.status.as_str(),
        tone: tone(order.status),
        total: money(order.total_minor),
        sums: sums.map(|(name, minor)| (name, money(minor))).collect(),
        moves_at: timer_ms.map(readable).unwrap_or_default(),
        customer: order.status == Status::New,
        work: work(order.status),
        timeline: entries
            .map(|entry| (readable(entry.at_ms), entry.what))
            .collect(),
    }
}

fn tone(status: Status) -> &'static str {
    match status {
        Status::New | Status::Approved => "waiting",
        Status::Authorised
        | Status::Updated
        | Status::PartiallyCaptured
        | Status::FullyCaptured => "good",
        Status::Declined | Status::Expired | Status::Canceled => "ended",
        Status::PartiallyRefunded | Status::FullyRefunded => "back",
    }
}

/// What the portal's buttons can do to all that is left.
fn work(status: Status) -> Vec<&'static str> {
    match status {
        Status::Approved => vec!["authorise"],
        Status::Authorised | Status::Updated => vec!["capture", "cancel"],
        Status::PartiallyCaptured => vec!["capture", "refund"],
        Status::FullyCaptured | Status::PartiallyRefunded => vec!["refund"],
        Status::New
        | Status::Declined
        | Status::Expired
        | Status::Canceled
        | Status::FullyRefunded => Vec::new(),
    }
}

fn delivery_card(sandbox: &Sandbox, world: &World, notification: &Notification) -> DeliveryCard {
    let body: Value = serde_json::from_str(&notification.body).unwrap_or_default();
    let state = delivery_state(notification);
    let order = world.order(&notification.order_id);
    let held_by = sandbox.faults().holder(notification.id).map(str::to_owned);
    DeliveryCard {
        id: notification.id,
        what: event(notification),
        reference: order
            .map(|order| order.reference.clone())
            .unwrap_or_default(),
        url: notification.url.clone(),
        state,
        tone: match state {
            "delivered" => "good",
            "pending" => "waiting",
            _ => "ended",
        },
        next: notification.next_at_ms.map(readable).unwrap_or_default(),
        held_by: held_by.unwrap_or_default(),
        body: format!("{body:#}"),
        attempts: notification.attempts.iter().map(attempt_line).collect(),
    }
}

fn attempt_line(attempt: &Attempt) -> AttemptLine {
    AttemptLine {
        at: readable(attempt.at_ms),
        result: match attempt.http_status {
            Some(status) => status.to_string(),
            None => attempt.error.clone().unwrap_or_default(),
        },
        fault: attempt.fault.clone().unwrap_or_default(),
        answer: attempt.answer.clone().unwrap_or_default(),
    }
}

fn switches(reports: &[Value], which: impl Fn(&str) -> bool) -> Vec<Switch> {
    let entries = CATALOGUE.iter().filter(|(name, ..)| which(name));
    entries
        .map(|(name, what, _)| Switch {
            name,
            what,
            id: reports
                .iter()
                .find(|r| r["fault"] == *name)
                .and_then(|r| r["id"].as_u64()),
        })
        .collect()
}

/// A rule in words: where it strikes and how often.
fn active(report: &Value) -> Active {
    let said = report.as_object().into_iter().flatten();
    let said =
        said.filter(|(name, _)| !["fault", "id", "struck", "used_up"].contains(&name.as_str()));
    let words = said.map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    });
    Active {
        id: report["id"].as_u64().unwrap_or_default(),
        name: report["fault"].as_str().unwrap_or_default().to_owned(),
        scope: words.collect::<Vec<_>>().join(", "),
        struck: report["struck"].as_u64().unwrap_or_default(),
    }
}
