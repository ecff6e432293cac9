//! Assertions: a test in any language says what it expects and is told the difference in words.
//!
//! Amounts are major units, as strings or numbers. What is not named is not compared.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json;
use super::people::order_by;
use super::problem::{Problem, differs};
use crate::Sandbox;
use crate::money::{Currency, parse_minor};
use crate::state::delivery_state;
use crate::world::{Order, World};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Expectation {
    /// An id or a reference, of which the newest order is meant.
    order: String,
    status: Option<String>,
    total: Option<Value>,
    captured: Option<Value>,
    canceled: Option<Value>,
    refunded: Option<Value>,
    /// Exactly these, in any order.
    captures: Option<Vec<Part>>,
    cancels: Option<Vec<Part>>,
    refunds: Option<Vec<Part>>,
    /// Callbacks about these events were delivered.
    delivered: Option<Vec<String>>,
    /// So many orders have this reference.
    orders: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    amount: Value,
}

pub(super) async fn check(
    State(sandbox): State<Sandbox>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let expected: Expectation = json(&body)?;
    let differences = sandbox.read(|world, _| differences(world, &expected))?;
    if differences.is_empty() {
        Ok(Json(json!({ "message": "as expected" })))
    } else {
        Err(differs(differences))
    }
}

fn differences(world: &World, expected: &Expectation) -> Result<Vec<String>, Problem> {
    let mut differences = Vec::new();
    if let Some(count) = expected.orders {
        let same = world
            .orders()
            .filter(|o| o.reference == expected.order || o.id == expected.order);
        let found = same.count();
        if found != count {
            differences.push(format!("orders: expected {count}, found {found}"));
        }
        if found == 0 {
            return Ok(differences);
        }
    }
    let order = order_by(world, &expected.order)?;
    if let Some(status) = &expected.status {
        let found = order.status.as_str();
        if found != status {
            differences.push(format!("status: expected {status}, found {found}"));
        }
    }
    let sums = [
        ("total", &expected.total, order.total_minor),
        ("captured", &expected.captured, order.captured_minor()),
        ("canceled", &expected.canceled, order.canceled_minor()),
        ("refunded", &expected.refunded, order.refunded_minor()),
    ];
    for (name, wanted, found_minor) in sums {
        if let Some(wanted) = wanted {
            differences.extend(sum_difference(order.currency, name, wanted, found_minor));
        }
    }
    let captures = order
        .captures
        .iter()
        .map(|c| c.amounts.total_minor)
        .collect();
    let cancels = order
        .cancels
        .iter()
        .map(|c| c.amounts.total_minor)
        .collect();
    let refunds = order
        .refunds
        .iter()
        .map(|r| r.amounts.total_minor)
        .collect();
    let lists = [
        ("captures", &expected.captures, captures),
        ("cancels", &expected.cancels, cancels),
        ("refunds", &expected.refunds, refunds),
    ];
    for (name, wanted, found) in lists {
        if let Some(wanted) = wanted {
            differences.extend(list_difference(order.currency, name, wanted, found));
        }
    }
    differences.extend(undelivered(world, order, expected));
    Ok(differences)
}

/// Minor units of an amount as it was written, or what is wrong with it.
fn minor(currency: Currency, amount: &Value) -> Result<i64, String> {
    let text = match amount {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    parse_minor(&text, currency)
        .map_err(|bad| format!("expected {text}, which is {}", bad.problem()))
}

fn sum_difference(
    currency: Currency,
    name: &str,
    wanted: &Value,
    found_minor: i64,
) -> Option<String> {
    match minor(currency, wanted) {
        Ok(wanted_minor) if wanted_minor == found_minor => None,
        Ok(wanted_minor) => Some(format!(
            "{name}: expected {}, found {} {currency}",
            currency.format(wanted_minor),
            currency.format(found_minor)
        )),
        Err(why) => Some(format!("{name}: {why}")),
    }
}

fn list_difference(
    currency: Currency,
    name: &str,
    wanted: &[Part],
    mut found: Vec<i64>,
) -> Option<String> {
    let wanted: Result<Vec<_>, _> = wanted.iter().map(|p| minor(currency, &p.amount)).collect();
    let mut wanted = match wanted {
        Ok(wanted) => wanted,
        Err(why) => return Some(format!("{name}: {why}")),
    };
    wanted.sort_unstable();
    found.sort_unstable();
    if wanted == found {
        return None;
    }
    let said = |amounts: &[i64]| match amounts {
        [] => "none".to_owned(),
        some => {
            let texts: Vec<_> = some.iter().map(|minor| currency.format(*minor)).collect();
            format!("{} of {}", some.len(), texts.join(" and "))
        }
    };
    let (wanted, found) = (said(&wanted), said(&found));
    Some(format!(
        "{name}: expected {wanted}, found {found} {currency}"
    ))
}

fn undelivered(world: &World, order: &Order, expected: &Expectation) -> Vec<String> {
    let wanted = expected.delivered.iter().flatten();
    let missing = wanted.filter_map(|event| {
        let about = world.notifications().filter(|n| n.order_id == order.id);
        let same = about.filter(|n| crate::faults::deliveries::event(n) == *event);
        let states: Vec<_> = same.map(delivery_state).collect();
        if states.contains(&"delivered") {
            return None;
        }
        let found = match states.last() {
            None => "never queued",
            Some(state) => state,
        };
        Some(format!("delivered: expected {event}, which is {found}"))
    });
    missing.collect()
}
