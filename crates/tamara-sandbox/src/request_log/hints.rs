//! What a developer should know about a call: where a real Tamara may refuse, and where its
//! sources disagree.
//!
//! One line each, with its place in the fact book. Invariant: a hint never repeats a value that
//! was sent, other than an event's name or an error code.

use serde_json::Value;

use crate::api::INVENTED;
use crate::money::{Currency, parse_minor};

/// A call as far as the hints look at it; `path` is the route's pattern.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) status: u16,
    pub(super) sent: Option<&'a Value>,
    pub(super) answered: Option<&'a Value>,
}

pub(super) fn hints(call: &Call<'_>) -> Vec<String> {
    let nothing = Value::Null;
    let sent = call.sent.unwrap_or(&nothing);
    let answered = call.answered.unwrap_or(&nothing);
    let mut hints: Vec<&str> = match (call.method, call.path) {
        ("POST", "/checkout") => checkout(sent),
        ("POST", "/payments/capture") => capture(sent),
        ("POST", "/payments/simplified-refund/{order_id}") => refund(sent),
        ("POST", "/payments/refund") => {
            vec!["documented till 2025 only; use simplified-refund (endpoints 2.13)"]
        }
        ("POST", "/webhooks") => webhook(sent),
        ("GET", "/merchants/orders/reference-id/{reference}") => {
            vec![
                "which order a shared reference names is undocumented; here it is the newest (idempotency)",
            ]
        }
        _ => Vec::new(),
    };
    if call.status == 401 {
        hints.push("send a merchant's API token as Authorization: Bearer (environments 1.3)");
    }
    if call.status == 409 && call.path.ends_with("/authorise") {
        hints.push("Tamara's plugin knows 409 here, a third party saw 400 with the word already (errors 3.4)");
    }
    if call.path.ends_with("/cancel") && answered["status"] == "updated" {
        hints.push("a partial cancel is told as order_canceled; the sources disagree (order-lifecycle 4.5)");
    }
    let codes = answered["errors"].as_array().into_iter().flatten();
    let codes = codes.filter_map(|error| error["error_code"].as_str());
    let invented = codes.filter(|code| INVENTED.iter().any(|(known, _)| known == code));
    let mut invented: Vec<_> = invented.collect();
    invented.dedup();
    let own = invented.iter().map(|code| {
        format!("{code} is a code of this sandbox; Tamara's is not published (errors 3.5)")
    });
    hints
        .iter()
        .map(|hint| (*hint).to_owned())
        .chain(own)
        .collect()
}

fn checkout(sent: &Value) -> Vec<&'static str> {
    let mut hints = Vec::new();
    if sent["total_amount"]["amount"].is_string() {
        hints.push("an amount as a string is taken here, but eligibility refuses it (gotchas 5)");
    }
    if sum_minor(sent).is_some_and(|(sum, total)| sum != total) {
        hints.push("items, tax, shipping and discount do not give the total; a real account may be strict (emulator-notes 6)");
    }
    if sent.get("payment_type").is_none() {
        hints.push(
            "payment_type is in the docs' required list, but its definition is gone (gotchas 11)",
        );
    }
    if sent["locale"]
        .as_str()
        .is_some_and(|locale| !["ar_SA", "en_US"].contains(&locale))
    {
        hints.push("documented locales are ar_SA and en_US only (gotchas 23)");
    }
    let items = sent["items"].as_array();
    if items.is_some_and(|items| {
        items.is_empty() || items.iter().any(|item| item.get("type").is_none())
    }) {
        hints.push("a real Tamara may refuse no items, or items without type (gotchas 43)");
    }
    if sent["merchant_url"].get("notification").is_some() {
        hints.push("merchant_url.notification is gone from the reference, but Tamara's plugins use it (webhooks 6)");
    }
    if sent.get("expires_in_minutes").is_some() {
        hints.push("expires_in_minutes is ignored unless Tamara has enabled it (endpoints 2.1)");
    }
    hints
}

/// What the parts give and what the total says, minor units; nothing if a part is unreadable.
fn sum_minor(sent: &Value) -> Option<(i64, i64)> {
    let currency = Currency::parse(sent["total_amount"]["currency"].as_str()?)?;
    let minor = |money: &Value| {
        let text = match &money["amount"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null => "0".to_owned(),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        parse_minor(&text, currency).ok()
    };
    let items = sent["items"].as_array()?.iter();
    let items: Option<Vec<_>> = items.map(|item| minor(&item["total_amount"])).collect();
    let plus = [&sent["tax_amount"], &sent["shipping_amount"]];
    let plus: Option<Vec<_>> = plus.into_iter().map(minor).collect();
    let sum = items?.into_iter().chain(plus?).fold(0, i64::saturating_add);
    let discount = minor(&sent["discount"]["amount"])?;
    Some((sum.saturating_sub(discount), minor(&sent["total_amount"])?))
}

fn capture(sent: &Value) -> Vec<&'static str> {
    let mut hints = Vec::new();
    if sent.get("shipping_info").is_none() {
        hints.push("shipping_info is documented as required; a real Tamara takes captures without it (endpoints 2.11)");
    }
    hints
}

fn refund(sent: &Value) -> Vec<&'static str> {
    let mut hints = Vec::new();
    if sent.get("merchant_refund_id").is_none() {
        hints.push("refunds are never deduplicated; merchant_refund_id tells yours apart after a lost answer (idempotency)");
    }
    hints
}

fn webhook(sent: &Value) -> Vec<&'static str> {
    let mut hints = Vec::new();
    if sent["url"]
        .as_str()
        .is_some_and(|url| url.starts_with("http:"))
    {
        hints.push("http is taken on this machine only; the docs ask for https (webhooks 6.1)");
    }
    let events = sent["events"].as_array().into_iter().flatten();
    if events.into_iter().any(|event| event == "order_updated") {
        hints.push(
            "order_updated is in the docs' list, and Tamara's sandbox refuses it (webhooks 6.3)",
        );
    }
    hints
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(method: &str, path: &str, status: u16, sent: &Value, answered: &Value) -> String {
        let call = Call {
            method,
            path,
            status,
            sent: Some(sent),
            answered: Some(answered),
        };
        hints(&call).join("\n")
    }

    #[test]
    fn hints_name_what_a_real_tamara_may_refuse() {
        let sar = |amount: &str| json!({ "amount": amount, "currency": "SAR" });
        let sent = json!({
            "total_amount": sar("10"), "items": [{ "total_amount": sar("9") }],
            "tax_amount": sar("0"), "shipping_amount": sar("0"), "locale": "en-US",
            "merchant_url": { "notification": "https://s.example" },
        });
        let hints = said("POST", "/checkout", 200, &sent, &json!({}));
        for word in [
            "string",
            "do not give the total",
            "payment_type",
            "locales",
            "without type",
            "notification",
        ] {
            assert!(hints.contains(word), "{word}: {hints}");
        }
        let hints = said("POST", "/payments/capture", 200, &json!({}), &json!({}));
        assert!(hints.contains("shipping_info"));
        let hints = said(
            "POST",
            "/orders/{order_id}/authorise",
            409,
            &json!({}),
            &json!({}),
        );
        assert!(hints.contains("409"));
        let refused = json!({ "errors": [{ "error_code": "order_not_found" }] });
        let hints = said("GET", "/orders/{order_id}", 404, &json!({}), &refused);
        assert!(hints.contains("order_not_found is a code of this sandbox"));
    }

    #[test]
    fn a_sound_checkout_has_no_hint() {
        let sar = |amount: i64| json!({ "amount": amount, "currency": "SAR" });
        let sent = json!({
            "total_amount": sar(10), "items": [{ "type": "Physical", "total_amount": sar(9) }],
            "tax_amount": sar(2), "shipping_amount": sar(0), "locale": "en_US",
            "discount": { "amount": sar(1) }, "payment_type": "PAY_NOW", "merchant_url": {},
        });
        assert_eq!(said("POST", "/checkout", 200, &sent, &json!({})), "");
    }
}
