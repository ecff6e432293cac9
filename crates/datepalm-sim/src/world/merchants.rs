//! The merchants of the simulated world: they create payments, ask things of them, and repeat with the same key
//! whatever was not answered for good.

use super::{
    AMOUNTS, At, KEY, NODES, Outcome, PAYMENTS_MAX, TOTAL_MINOR, Task, World, answered, index,
};
use crate::drive::finish;
use crate::plan::Step;
use axum::body::Body;
use axum::http::Request;
use datepalm::domain::status::Status;
use datepalm::ids::PaymentId;
use datepalm::store::payments;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One thing that a merchant asked of a payment, repeated with its key until it is answered for good.
pub(super) struct Ask {
    verb: &'static str,
    key: String,
    body: Value,
    answered: bool,
    pub(super) under_way: bool,
}

/// One wish to be paid.
pub(super) struct Buyer {
    reference: String,
    payment: Option<String>,
    pub(super) creating: bool,
    pub(super) handed_out: BTreeSet<String>,
    pub(super) asks: Vec<Ask>,
}

impl World {
    pub(super) fn create(&mut self, step: Step) {
        if self.buyers.len() >= PAYMENTS_MAX {
            return;
        }
        let reference = format!("S-{}", self.buyers.len() + 1);
        let buyer = Buyer {
            reference,
            payment: None,
            creating: false,
            handed_out: BTreeSet::new(),
            asks: Vec::new(),
        };
        self.buyers.push(buyer);
        self.counts.payments += 1;
        self.ask_create(self.buyers.len() - 1, step);
    }

    fn ask_create(&mut self, buyer: usize, step: Step) {
        if std::mem::replace(&mut self.buyers[buyer].creating, true) {
            return;
        }
        let reference = self.buyers[buyer].reference.clone();
        let body = order(&reference);
        self.request(
            (buyer, None),
            "/v1/payments".to_owned(),
            reference,
            &body,
            step,
        );
    }

    pub(super) fn ask(&mut self, step: Step) {
        if self.buyers.is_empty() {
            return;
        }
        let buyer = index(step.a, self.buyers.len());
        let Some(payment) = self.buyers[buyer].payment.clone() else {
            return self.ask_create(buyer, step);
        };
        let waiting = self.buyers[buyer].asks.iter().position(|ask| !ask.answered);
        let ask = match waiting {
            Some(waiting) if !step.b.is_multiple_of(4) => waiting,
            _ => {
                // A declined or expired payment may be asked for again under its reference and content.
                if step.b % 16 == 4 {
                    return self.ask_create(buyer, step);
                }
                let Some((verb, body)) = self.wish(&payment, step.b / 16) else {
                    return;
                };
                let number = self.buyers[buyer].asks.len();
                let key = format!("{}/{number}", self.buyers[buyer].reference);
                self.buyers[buyer].asks.push(Ask {
                    verb,
                    key,
                    body,
                    answered: false,
                    under_way: false,
                });
                number
            }
        };
        let asked = &mut self.buyers[buyer].asks[ask];
        // Some callers repeat while their first request is still under way, with the same key.
        if asked.under_way && !step.b.is_multiple_of(3) {
            return;
        }
        asked.under_way = true;
        let path = format!("/v1/payments/{payment}/{}", asked.verb);
        let (key, body) = (asked.key.clone(), asked.body.clone());
        self.request((buyer, Some(ask)), path, key, &body, step);
    }

    /// What a merchant asks for who has looked at the payment; sometimes one who has not.
    fn wish(&self, payment: &str, chance: u64) -> Option<(&'static str, Value)> {
        let id = PaymentId(payment.to_owned());
        let node = &self.nodes[0];
        let look = node
            .app
            .store
            .read("merchant looks", move |tx| payments::look(tx, &id));
        let status = finish(look, &node.progress)
            .ok()
            .flatten()
            .map(|payment| payment.status())?;
        let amount = AMOUNTS[index(chance / 16, AMOUNTS.len())];
        let part = json!({ "amount": { "amount": amount, "currency": "SAR" } });
        let whole = json!({});
        match (status, chance % 16) {
            (_, 0) => Some(("refund", whole)),
            (_, 1) => Some(("cancel", whole)),
            (Status::Authorised | Status::PartiallyCaptured, 3..=8) => Some(("capture", part)),
            (_, 2) | (Status::Authorised | Status::PartiallyCaptured, 9..=10) => {
                Some(("capture", whole))
            }
            (Status::Authorised, 11..=12) => Some(("cancel", part)),
            (Status::PartiallyCaptured | Status::Captured | Status::PartiallyRefunded, 3..=13) => {
                Some(("refund", part))
            }
            _ => None,
        }
    }

    /// `asker` is the buyer, and which of its asks; none for a create.
    fn request(
        &mut self,
        asker: (usize, Option<usize>),
        path: String,
        key: String,
        body: &Value,
        step: Step,
    ) {
        let (buyer, ask) = asker;
        let node = index(step.b / 7, NODES);
        let label = format!("POST {path} key {key}");
        let request = Request::post(path)
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .expect("the simulator makes valid requests");
        let router = datepalm::http::router(self.nodes[node].app.clone());
        let future = Box::pin(async move {
            let (status, body) = answered(router, request).await;
            Outcome::Answer {
                buyer,
                ask,
                status,
                body,
            }
        });
        self.run(
            Task {
                node,
                label,
                future,
                at: At::Commit,
            },
            step.b,
        );
    }

    pub(super) fn done(&mut self, label: &str, outcome: Outcome) {
        let Outcome::Answer {
            buyer,
            ask,
            status,
            body,
        } = outcome
        else {
            return self.say(format!("{label} ends"));
        };
        let code = body["code"].as_str().unwrap_or_default().to_owned();
        let payment = if body["object"] == "payment" {
            &body
        } else {
            &body["payment"]
        };
        let state = body["state"].as_str().unwrap_or_default();
        let status_word = payment["status"].as_str().unwrap_or_default();
        self.say(format!("{label} -> {status} {code} {state} {status_word}"));
        let buyer = &mut self.buyers[buyer];
        if let Some(url) = payment["checkout_url"].as_str() {
            let id = url
                .rsplit('/')
                .next()
                .and_then(|last| last.split('?').next())
                .unwrap_or_default();
            buyer.handed_out.insert(id.to_owned());
        }
        match ask {
            None => {
                buyer.creating = false;
                if let Some(id) = payment["id"].as_str() {
                    buyer.payment = Some(id.to_owned());
                }
            }
            Some(ask) => {
                let retryable = body["retryable"] == true;
                buyer.asks[ask].under_way = false;
                buyer.asks[ask].answered |= status == 200 || (status >= 400 && !retryable);
            }
        }
    }
}

fn order(reference: &str) -> Value {
    let sar = |minor: i64| json!({ "amount": minor, "currency": "SAR" });
    json!({
        "merchant_reference": reference,
        "total_amount": sar(TOTAL_MINOR),
        "items": [{ "reference_id": "i", "name": "Item", "sku": "I", "quantity": 1, "unit_price": sar(TOTAL_MINOR) }],
        "customer": { "first_name": "A", "last_name": "B", "phone_number": "544337866", "email": "a@example.com" },
        "shipping_address": { "line1": "Street 1", "city": "Riyadh" },
        "return_urls": { "success": "https://shop.sim/", "failure": "https://shop.sim/", "cancel": "https://shop.sim/" },
    })
}
