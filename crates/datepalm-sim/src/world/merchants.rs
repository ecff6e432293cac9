//! The merchants of the simulated world: they create payments, ask things of them, repeat with the same key whatever
//! was not answered for good, and now and then misuse a key.

use super::setting::{AMOUNTS, SHOPS, Shop, order};
use super::tasks::{Outcome, Purpose, Told};
use super::{NODES, World, items, restore};
use crate::rng::Rng;
use axum::body::Body;
use axum::http::Request;
use datepalm::domain::payment::Payment;
use datepalm::domain::status::Status;
use datepalm::ids::PaymentId;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// One thing that a merchant asked of a payment, repeated with its key until it is answered for good.
pub(super) struct Ask {
    pub(super) payment: String,
    verb: &'static str,
    pub(super) key: String,
    pub(super) body: Value,
    /// It has the key of an earlier ask and another body: nothing may come of it.
    pub(super) abuse: bool,
    pub(super) answered: bool,
    pub(super) under_way: u64,
    /// The operation that a 2xx named, and the state that was told last.
    pub(super) operation: Option<(String, String)>,
}

/// One create, repeated with its key until it is answered for good.
pub(super) struct Create {
    pub(super) key: String,
    variant: i64,
    /// It has the key of an earlier create and another body.
    pub(super) abuse: bool,
    pub(super) answered: bool,
    pub(super) under_way: u64,
    /// The payment that a 2xx named.
    pub(super) payment: Option<String>,
    /// It made a payment: its key is bound (R26).
    pub(super) bound: bool,
}

/// One wish to be paid: a merchant reference.
pub(super) struct Buyer {
    pub(super) shop: &'static Shop,
    pub(super) reference: String,
    automatic: bool,
    /// Pages for the customer, the newest last.
    pub(super) handed_out: Vec<String>,
    pub(super) creates: Vec<Create>,
    pub(super) asks: Vec<Ask>,
}

impl Buyer {
    fn newest_payment(&self) -> Option<&String> {
        self.creates
            .iter()
            .rev()
            .find_map(|create| create.payment.as_ref())
    }
}

/// Payments that merchants are busy with at once; the others are asked about now and then.
const BUSY: usize = 6;

impl World {
    pub(super) fn create(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let reference = format!("S-{}", self.buyers.len() + 1);
        let buyer = Buyer {
            shop: if chance.below(8) == 0 {
                &SHOPS[1]
            } else {
                &SHOPS[0]
            },
            reference,
            automatic: chance.below(8) == 0,
            handed_out: Vec::new(),
            creates: Vec::new(),
            asks: Vec::new(),
        };
        self.buyers.push(buyer);
        self.counts.payments += 1;
        let buyer = self.buyers.len() - 1;
        self.ask_new_create(buyer, 0, chance)
    }

    fn ask_new_create(
        &mut self,
        buyer: usize,
        variant: i64,
        chance: &mut Rng,
    ) -> anyhow::Result<()> {
        let who = &mut self.buyers[buyer];
        let number = who.creates.len();
        who.creates.push(Create {
            key: format!("{}/create {number}", who.reference),
            variant,
            abuse: false,
            answered: false,
            under_way: 0,
            payment: None,
            bound: false,
        });
        self.send_create(buyer, number, chance)
    }

    fn send_create(&mut self, buyer: usize, number: usize, chance: &mut Rng) -> anyhow::Result<()> {
        let who = &mut self.buyers[buyer];
        let create = &mut who.creates[number];
        self.counts.duplicates += u64::from(create.under_way > 0 || create.answered);
        create.under_way += 1;
        let key = create.key.clone();
        let several = self.setting.several_items;
        let body = order(
            who.shop,
            &who.reference,
            create.variant,
            who.automatic,
            several,
        );
        let purpose = Purpose::Create(buyer, number);
        self.request(purpose, "/v1/payments".to_owned(), key, &body, chance)
    }

    /// Somebody to act for: mostly one of those that merchants are busy with.
    fn somebody(&self, chance: &mut Rng) -> Option<usize> {
        if self.buyers.is_empty() {
            return None;
        }
        let busy = if chance.percent(80) { BUSY } else { usize::MAX };
        let first = self.buyers.len().saturating_sub(busy);
        Some(first + chance.index(self.buyers.len() - first))
    }

    /// What comes next in the life of a payment.
    pub(super) fn proceed(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let Some(buyer) = self.somebody(chance) else {
            return self.create(chance);
        };
        if chance.percent(70) && self.resume_of(buyer, chance)? {
            return Ok(());
        }
        let who = &self.buyers[buyer];
        let newest = who.creates.len() - 1;
        let Some(payment) = who.newest_payment().cloned() else {
            return self.send_create(buyer, newest, chance);
        };
        let known = self.known.get(&PaymentId(payment.clone()));
        match known.map(Payment::status) {
            None | Some(Status::Created) => self.send_create(buyer, newest, chance),
            Some(Status::Pending) if who.handed_out.is_empty() => {
                self.send_create(buyer, newest, chance)
            }
            Some(Status::Pending) if chance.percent(60) => self.customer_of(buyer, chance),
            Some(Status::Pending | Status::Approved) => self.notify(chance),
            Some(_) if chance.percent(25) => self.notify(chance),
            Some(_) => {
                let who = &self.buyers[buyer];
                match who.asks.iter().position(|ask| !ask.answered) {
                    Some(number) if chance.percent(60) => self.send_ask(buyer, number, chance),
                    _ => self.new_wish(buyer, &payment, chance),
                }
            }
        }
    }

    pub(super) fn ask(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let Some(buyer) = self.somebody(chance) else {
            return self.create(chance);
        };
        let who = &self.buyers[buyer];
        let Some(payment) = who.newest_payment().cloned() else {
            return self.send_create(buyer, who.creates.len() - 1, chance);
        };
        let open_create = who.creates.iter().rposition(|create| !create.answered);
        if let Some(number) = open_create.filter(|_| chance.percent(50)) {
            return self.send_create(buyer, number, chance);
        }
        let waiting = who.asks.iter().position(|ask| !ask.answered);
        if let Some(number) = waiting.filter(|_| chance.percent(75)) {
            // Some callers repeat while their first request is still under way, with the same key.
            if who.asks[number].under_way == 0 || chance.percent(35) {
                return self.send_ask(buyer, number, chance);
            }
        }
        self.new_wish(buyer, &payment, chance)
    }

    fn new_wish(&mut self, buyer: usize, payment: &str, chance: &mut Rng) -> anyhow::Result<()> {
        let Some(known) = self.known.get(&PaymentId(payment.to_owned())).cloned() else {
            return self.work(chance);
        };
        let ended = matches!(
            known.status(),
            Status::Declined | Status::Expired | Status::Failed | Status::Canceled
        );
        if chance.percent(if ended { 50 } else { 4 }) {
            let variant = i64::from(chance.percent(30));
            return self.ask_new_create(buyer, variant, chance);
        }
        if chance.percent(3) {
            return self.abuse_a_key(buyer, chance);
        }
        if chance.percent(4) {
            let number = chance.index(self.buyers[buyer].creates.len());
            return self.send_create(buyer, number, chance);
        }
        let Some((verb, body)) = self.wish(buyer, &known, chance) else {
            return self.work(chance);
        };
        let who = &mut self.buyers[buyer];
        let number = who.asks.len();
        who.asks.push(Ask {
            payment: payment.to_owned(),
            verb,
            key: format!("{}/ask {number}", who.reference),
            body,
            abuse: false,
            answered: false,
            under_way: 0,
            operation: None,
        });
        self.send_ask(buyer, number, chance)
    }

    /// What a merchant asks for: mostly money, now and then another reference; some name items.
    fn wish(
        &self,
        buyer: usize,
        known: &Payment,
        chance: &mut Rng,
    ) -> Option<(&'static str, Value)> {
        // A copy does not know of a change made after it: such an order waits for a person for ever (R4).
        if chance.percent(3) && !restore::happens(self.seed) {
            return Some(("reference", self.other_reference(buyer, chance)));
        }
        let shop = self.buyers[buyer].shop;
        let (verb, mut body) = wish(known, shop, chance)?;
        let part = matches!(verb, "capture" | "cancel") && body["amount"].is_object();
        if part && self.setting.several_items && chance.percent(30) {
            items::name(&mut body, shop, chance);
        }
        Some((verb, body))
    }

    /// The key of something that was answered, with another body: it must be refused, and nothing may come of it.
    fn abuse_a_key(&mut self, buyer: usize, chance: &mut Rng) -> anyhow::Result<()> {
        let who = &mut self.buyers[buyer];
        let bound = who
            .asks
            .iter()
            .find(|ask| ask.operation.is_some() && !ask.abuse);
        if let Some(ask) = bound.filter(|_| chance.percent(60)) {
            let amount = json!({ "amount": 7, "currency": who.shop.currency });
            let body = match ask.verb {
                "reference" => json!({ "order_reference_id": format!("{}/other", who.reference) }),
                _ => json!({ "amount": amount }),
            };
            let abuse = Ask {
                payment: ask.payment.clone(),
                verb: ask.verb,
                key: ask.key.clone(),
                body,
                abuse: true,
                answered: false,
                under_way: 0,
                operation: None,
            };
            who.asks.push(abuse);
            let number = who.asks.len() - 1;
            return self.send_ask(buyer, number, chance);
        }
        let bound = who
            .creates
            .iter()
            .find(|create| create.bound && !create.abuse);
        let Some(create) = bound else {
            return self.work(chance);
        };
        let abuse = Create {
            key: create.key.clone(),
            variant: create.variant + 5,
            abuse: true,
            answered: false,
            under_way: 0,
            payment: None,
            bound: false,
        };
        who.creates.push(abuse);
        let number = who.creates.len() - 1;
        self.send_create(buyer, number, chance)
    }

    fn send_ask(&mut self, buyer: usize, number: usize, chance: &mut Rng) -> anyhow::Result<()> {
        let asked = &mut self.buyers[buyer].asks[number];
        self.counts.duplicates += u64::from(asked.under_way > 0 || asked.operation.is_some());
        asked.under_way += 1;
        let path = format!("/v1/payments/{}/{}", asked.payment, asked.verb);
        let (key, body) = (asked.key.clone(), asked.body.clone());
        self.request(Purpose::Ask(buyer, number), path, key, &body, chance)
    }

    fn request(
        &mut self,
        purpose: Purpose,
        path: String,
        key: String,
        body: &Value,
        chance: &mut Rng,
    ) -> anyhow::Result<()> {
        let (shop, told_before) = match purpose {
            Purpose::Create(buyer, number) => {
                let who = &self.buyers[buyer];
                let create = &who.creates[number];
                // A key under which an open payment was found made no row, and binds nothing (R26).
                let payment = create.payment.clone().filter(|_| create.bound);
                let operation = None;
                (who.shop, Told { payment, operation })
            }
            Purpose::Ask(buyer, number) => {
                let who = &self.buyers[buyer];
                let operation = who.asks[number].operation.clone();
                let payment = None;
                (who.shop, Told { payment, operation })
            }
            Purpose::Person(_) | Purpose::Work(_) => {
                unreachable!("no merchant asks in their name")
            }
        };
        let node = chance.index(NODES);
        self.say(|| {
            format!(
                "POST {path} key {key} {} {} on {node}",
                body["amount"]["amount"], body["items"]
            )
        });
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", shop.key))
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .expect("the simulator makes valid requests");
        let router = self.nodes[node].router.clone();
        let future = Box::pin(async move {
            let (status, body) = answer_of(router, request).await;
            Outcome::Answer {
                status,
                body,
                told_before,
            }
        });
        self.begin(node, purpose, future, chance)
    }
}

/// Sends a request to a node and reads its answer.
pub(super) async fn answer_of(router: axum::Router, request: Request<Body>) -> (u16, Value) {
    let answer = router
        .oneshot(request)
        .await
        .unwrap_or_else(|error| match error {});
    let status = answer.status().as_u16();
    let body = answer
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// What a merchant asks for who has looked at the payment; sometimes one who has not.
fn wish(payment: &Payment, shop: &Shop, chance: &mut Rng) -> Option<(&'static str, Value)> {
    let amount = json!({ "amount": chance.pick(&AMOUNTS), "currency": shop.currency });
    let mut part = json!({ "amount": amount });
    let whole = json!({});
    let draw = chance.below(100);
    let capture = |mut body: Value, chance: &mut Rng| {
        items::ship(&mut body, chance);
        Some(("capture", body))
    };
    match payment.status() {
        Status::Created | Status::Pending => match draw {
            0..7 => Some(("cancel", whole)),
            7..9 => Some(("capture", whole)),
            9..10 => Some(("refund", whole)),
            _ => None,
        },
        Status::Approved => match draw {
            0..12 => Some(("cancel", whole)),
            12..15 => Some(("capture", whole)),
            _ => None,
        },
        Status::Authorised => match draw {
            0..35 => capture(part, chance),
            35..65 => capture(whole, chance),
            65..76 => Some(("cancel", whole)),
            76..88 => Some(("cancel", part)),
            88..90 => Some(("refund", whole)),
            _ => None,
        },
        Status::PartiallyCaptured => match draw {
            0..25 => capture(part, chance),
            25..45 => capture(whole, chance),
            45..65 => Some(("refund", part)),
            65..75 => Some(("cancel", whole)),
            75..82 => Some(("cancel", part)),
            82..88 => Some(("refund", whole)),
            _ => None,
        },
        Status::Captured | Status::PartiallyRefunded => match draw {
            0..30 => {
                part["comment"] = json!("too small");
                Some(("refund", part))
            }
            30..45 => Some(("refund", whole)),
            45..49 => Some(("cancel", whole)),
            49..53 => capture(part, chance),
            _ => None,
        },
        Status::Refunded
        | Status::Canceled
        | Status::Declined
        | Status::Expired
        | Status::Failed => match draw {
            0..4 => Some(("refund", part)),
            4..6 => Some(("cancel", whole)),
            6..8 => Some(("capture", whole)),
            _ => None,
        },
    }
}
