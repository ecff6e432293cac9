//! Two books side by side: what the service says of each payment, and what the offline Tamara holds.
//!
//! They share no code, so they agree only if it is true.

use crate::merchant::{Acknowledged, Merchant, Order};
use crate::plan::TOTAL;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// A movement of money: its kind, the id that both sides know it by, and minor units.
pub type Movement = (&'static str, String, i64);

/// What the comparison found. Nothing may be lost, and nothing twice.
#[derive(Default)]
pub struct Findings {
    acknowledged: usize,
    movements: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} acknowledged writes, {} lost; {} movements of money, {} effects twice",
            self.acknowledged,
            self.lost.len(),
            self.movements,
            self.doubled.len()
        )
    }
}

/// Asserts that both tell the same of every order, that it is what its merchant wanted, and that all stands that was
/// acknowledged.
pub async fn agree(merchant: &Merchant, orders: &[Order]) -> Findings {
    let books = merchant.tamaras_books().await;
    let all = books["orders"].as_array().unwrap();
    let mut theirs: BTreeMap<&str, Vec<&Value>> = orders
        .iter()
        .map(|order| (order.reference.as_str(), Vec::new()))
        .collect();
    for at_tamara in all {
        let number = at_tamara["order_number"].as_str().unwrap();
        let known = theirs.get_mut(number);
        let known = known.unwrap_or_else(|| panic!("nobody wanted {at_tamara:#}"));
        known.push(at_tamara);
    }
    let mut findings = Findings::default();
    let mut payments = BTreeMap::new();
    for order in orders {
        let path = format!("/v1/payments?merchant_reference={}", order.reference);
        let list = merchant.get(&path).await;
        let [payment] = list["data"].as_array().unwrap().as_slice() else {
            panic!("one payment for a key: {list:#}");
        };
        assert_eq!(payment["id"], order.id.as_str());
        let paid = the_paid_one(payment, &theirs[order.reference.as_str()]);
        compare(payment, paid, &mut findings);
        payments.insert(order.id.as_str(), (order, payment.clone(), paid));
    }
    for write in merchant.acknowledged() {
        findings.acknowledged += 1;
        let payment = payments.get(write.payment.as_str());
        if !payment.is_some_and(|(_, payment, _)| stands(&write, payment)) {
            findings.lost.push(format!("{write:?}"));
        }
    }
    let wrong = [&findings.lost[..], &findings.doubled].concat();
    assert!(wrong.is_empty(), "{findings}:\n{}", wrong.join("\n"));
    for (order, payment, paid) in payments.values() {
        as_planned(order, payment);
        sums_agree(payment, paid);
    }
    findings
}

/// What was done is done for ever; what was only written down is still there.
fn stands(write: &Acknowledged, payment: &Value) -> bool {
    let Some(id) = &write.operation else {
        return true;
    };
    let operations = payment["operations"].as_array().unwrap();
    let found = operations.iter().find(|o| o["id"] == id.as_str());
    found.is_some_and(|found| write.status != 200 || found["state"] == "succeeded")
}

/// Every movement at Tamara is the effect of one operation that succeeded, and of no other.
fn compare(payment: &Value, paid: &Value, findings: &mut Findings) {
    let (mut ours, theirs) = (ours(payment), tamaras(paid));
    findings.movements += theirs.len();
    for movement in theirs {
        match ours.iter().position(|our| *our == movement) {
            Some(at) => drop(ours.remove(at)),
            None => findings.doubled.push(format!("{movement:?} of {paid}")),
        }
    }
    let lost = ours.iter().map(|our| format!("{our:?} of {payment}"));
    findings.lost.extend(lost);
}

pub fn sums_agree(payment: &Value, paid: &Value) {
    for (sum, name) in [
        ("captured_minor", "captured"),
        ("refunded_minor", "refunded"),
        ("canceled_minor", "canceled"),
    ] {
        assert_eq!(
            paid[sum], payment["amounts"][name]["amount"],
            "{sum}: {payment:#}\n{paid:#}"
        );
    }
}

/// Exactly one order was ever approved; any other is one whose creation got lost, and nobody has its address.
fn the_paid_one<'a>(payment: &Value, theirs: &[&'a Value]) -> &'a Value {
    let references: BTreeSet<_> = theirs
        .iter()
        .map(|order| order["order_reference_id"].as_str())
        .collect();
    assert_eq!(
        references.len(),
        theirs.len(),
        "a session was created twice: {theirs:#?}"
    );
    let sessions = payment["sessions"].as_array().unwrap();
    for reference in references {
        let ours = sessions
            .iter()
            .any(|session| session["order_reference_id"].as_str() == reference);
        assert!(ours, "{reference:?} is no session of {payment:#}");
    }
    let (paid, orphans): (Vec<&Value>, Vec<&Value>) = theirs
        .iter()
        .partition(|order| !order["approved_at_ms"].is_null());
    let [paid] = paid.as_slice() else {
        panic!("one order is paid: {paid:#?}\n{payment:#}");
    };
    assert!(
        sessions
            .iter()
            .any(|session| session["order_id"] == paid["order_id"]),
        "{payment:#}"
    );
    for orphan in orphans {
        assert!(
            matches!(orphan["status"].as_str(), Some("new" | "expired")),
            "{orphan:#}"
        );
    }
    paid
}

fn as_planned(order: &Order, payment: &Value) {
    let plan = order.plan;
    let amount = |name: &str| payment["amounts"][name]["amount"].as_i64().unwrap();
    assert_eq!(
        (amount("captured"), amount("refunded"), amount("canceled")),
        (plan.captured, plan.refunded, plan.canceled),
        "{payment:#}"
    );
    assert_eq!(
        payment["paid"],
        plan.canceled + plan.refunded < TOTAL,
        "{payment:#}"
    );
    assert_eq!(
        (&payment["attention"], &payment["in_doubt"]),
        (&json!([]), &json!(false)),
        "{payment:#}"
    );
}

/// The movements that operations of the payment made. A refund is known by our id, the others by Tamara's.
pub fn ours(payment: &Value) -> Vec<Movement> {
    let operations = payment["operations"].as_array().unwrap().iter();
    let succeeded = operations.filter(|operation| operation["state"] == "succeeded");
    let movements = succeeded.filter_map(|operation| {
        let (kind, id) = match operation["kind"].as_str().unwrap() {
            "capture" => ("capture", &operation["tamara_id"]),
            "cancel" => ("cancel", &operation["tamara_id"]),
            "refund" => ("refund", &operation["id"]),
            "create_session" | "authorise" => return None,
            kind => panic!("unknown kind {kind}"),
        };
        Some((
            kind,
            id.to_string(),
            operation["amount"]["amount"].as_i64().unwrap(),
        ))
    });
    movements.collect()
}

/// The movements that the order holds.
pub fn tamaras(order: &Value) -> Vec<Movement> {
    let of = |list: &str, kind: &'static str, id: &str| -> Vec<Movement> {
        let entries = order[list].as_array().unwrap().iter();
        entries
            .map(|entry| {
                (
                    kind,
                    entry[id].to_string(),
                    entry["amounts"]["total_minor"].as_i64().unwrap(),
                )
            })
            .collect()
    };
    let captures = of("captures", "capture", "capture_id");
    let cancels = of("cancels", "cancel", "cancel_id");
    let refunds = of("refunds", "refund", "merchant_refund_id");
    [captures, cancels, refunds].concat()
}

/// Asserts that SQLite finds no fault in the file, and tells how many operations were in doubt at some time.
pub fn database_is_sound(path: &Path) -> String {
    let database = rusqlite::Connection::open(path).unwrap();
    let first = |sql: &str| -> String { database.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(first("pragma integrity_check"), "ok");
    first(
        "select coalesce(group_concat(count || ' ' || kind || ' ' || state, ', '), 'none') from (
            select count(*) as count, kind, state from operations
            where doubt_from_attempt is not null group by kind, state)",
    )
}
