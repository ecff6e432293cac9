//! What the API and the command show of a reconciliation. Reads only.

use super::reconcile::Report;
use super::show_payment::money;
use crate::clock::rfc3339;
use crate::domain::payment::Payment;
use crate::domain::reconcile::{Open, open};
use crate::ids::PaymentId;
use crate::store::reconciliations::Finding;
use serde_json::{Value, json};
use tamara::money::{Currency, Money};

/// The reconciliation object. With findings if there is a page of them.
pub fn reconciliation_json(report: &Report, livemode: bool, currency: Currency) -> Value {
    let run = &report.run;
    let of = |not_read: bool| -> Vec<Value> {
        report
            .findings
            .iter()
            .filter(|finding| finding.is_not_read() == not_read)
            .map(|finding| finding_json(finding, currency))
            .collect()
    };
    json!({
        "object": "reconciliation",
        "id": run.id.as_str(),
        "livemode": livemode,
        "account": run.account,
        "payment_id": run.payment.as_ref().map(PaymentId::as_str),
        "state": if run.done { "done" } else { "running" },
        "result": report.result(),
        "payments": run.payments,
        "differences_found": report.differences,
        "payments_not_read": report.not_read,
        "started_at": rfc3339(run.started_at_ms),
        "ended_at": run.ended_at_ms.map(rfc3339),
        "differences": of(false),
        "not_read": of(true),
        "has_more": report.has_more,
        "next_cursor": report.findings.last().filter(|_| report.has_more).map(Finding::cursor),
    })
}

fn finding_json(finding: &Finding, currency: Currency) -> Value {
    let mut value = json!({
        "payment_id": finding.payment.as_str(),
        "merchant_reference": finding.merchant_reference,
        "session": Some(&finding.session).filter(|session| !session.is_empty()),
        "found_at": rfc3339(finding.found_at_ms),
        "done": finding.done,
    });
    if finding.is_not_read() {
        value["why"] = finding.tamaras.clone().into();
        return value;
    }
    let amount = finding
        .amount_minor
        .map(|minor| money(Money::new(minor, currency)));
    value["what"] = finding.what.clone().into();
    value["about"] = Some(&finding.about)
        .filter(|about| !about.is_empty())
        .cloned()
        .into();
    value["ours"] = finding.ours.clone().into();
    value["tamaras"] = finding.tamaras.clone().into();
    value["amount"] = amount.into();
    value
}

/// What stays open of a payment, and why.
pub fn open_json(payment: &Payment) -> Value {
    let one = |open: Open| json!({ "what": open.what, "about": open.about, "why": open.why });
    open(payment).into_iter().map(one).collect()
}
