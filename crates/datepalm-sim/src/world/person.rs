//! A person at our own side, over the merchant API: looks at what needs attention, resolves it with a note, ends what
//! stays in doubt as the portal shows it (R17), reconciles one payment or all, and asks what a cancel would do.
//!
//! Nothing is ended as not applied before the settle window is over, except to be refused; some persons are now and then
//! wrong, in some worlds.

use super::merchants::answer_of;
use super::setting::{AMOUNTS, SHOPS, Shop};
use super::tasks::{Outcome, Purpose, Told};
use super::{NODES, World, items};
use crate::drive::finish;
use crate::oracle::happened;
use crate::rng::Rng;
use axum::body::Body;
use axum::http::Request;
use datepalm::domain::operation::{Operation, OperationState};
use datepalm::domain::payment::Payment;
use datepalm::ids::PaymentId;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Look,
    Resolve,
    End,
    Reconcile,
}

/// One thing that a person asked for, repeated with its key until it is answered.
struct Deed {
    shop: &'static Shop,
    what: What,
    path: String,
    key: String,
    body: Value,
    /// It has the key of an earlier one and another body.
    abuse: bool,
    answered: bool,
    under_way: u64,
    /// The id that a 2xx named: the key is bound.
    made: Option<String>,
}

/// A point as the list showed it.
struct Listed {
    shop: &'static Shop,
    id: String,
    payment: String,
    operation: Option<String>,
}

/// What a person knows, and is busy with.
#[derive(Default)]
pub(super) struct Person {
    deeds: Vec<Deed>,
    points: Vec<Listed>,
}

impl World {
    /// A person does something.
    pub(super) fn person(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let open = self.person.deeds.iter().rposition(|deed| !deed.answered);
        if let Some(number) = open.filter(|_| chance.percent(50)) {
            return self.send_deed(number, chance);
        }
        if chance.percent(4) {
            return self.abuse_a_decision(chance);
        }
        match chance.below(20) {
            0..5 => self.look_at_attention(chance),
            5..11 => self.act_on_a_point(chance),
            11..14 => self.end_some_operation(chance),
            14..17 => self.reconcile_one(chance),
            17 => {
                let shop = &SHOPS[chance.index(SHOPS.len())];
                self.new_deed(
                    shop,
                    What::Reconcile,
                    "/v1/reconciliations".to_owned(),
                    json!({}),
                    chance,
                )
            }
            _ => self.dry_run(chance),
        }
    }

    fn new_deed(
        &mut self,
        shop: &'static Shop,
        what: What,
        path: String,
        body: Value,
        chance: &mut Rng,
    ) -> anyhow::Result<()> {
        let number = self.person.deeds.len();
        self.person.deeds.push(Deed {
            shop,
            what,
            path,
            key: format!("person/{number}"),
            body,
            abuse: false,
            answered: false,
            under_way: 0,
            made: None,
        });
        self.send_deed(number, chance)
    }

    fn send_deed(&mut self, number: usize, chance: &mut Rng) -> anyhow::Result<()> {
        let deed = &mut self.person.deeds[number];
        self.counts.duplicates += u64::from(deed.under_way > 0 || deed.made.is_some());
        deed.under_way += 1;
        let get = deed.what == What::Look;
        let request = Request::builder()
            .method(if get { "GET" } else { "POST" })
            .uri(&deed.path)
            .header("authorization", format!("Bearer {}", deed.shop.key))
            .header("content-type", "application/json")
            .header("idempotency-key", &deed.key)
            .body(if get {
                Body::empty()
            } else {
                Body::from(deed.body.to_string())
            })
            .expect("the simulator makes valid requests");
        let line = format!(
            "a person: {} {} {}",
            deed.path, deed.key, deed.body["outcome"]
        );
        self.say(|| line);
        let node = chance.index(NODES);
        let router = self.nodes[node].router.clone();
        let future = Box::pin(async move {
            let (status, body) = answer_of(router, request).await;
            Outcome::Answer {
                status,
                body,
                told_before: Told::default(),
            }
        });
        self.begin(node, Purpose::Person(number), future, chance)
    }

    /// The person's node died.
    pub(super) fn person_waits_in_vain(&mut self, number: usize) {
        self.person.deeds[number].under_way -= 1;
    }

    fn look_at_attention(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let shop = &SHOPS[usize::from(chance.below(8) == 0)];
        let order = chance.pick(&["newest", "oldest"]);
        let path = format!("/v1/attention?limit=100&order={order}");
        self.new_deed(shop, What::Look, path, Value::Null, chance)
    }

    /// The person goes on with a point that the list showed, if it still stands there or not.
    fn act_on_a_point(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        if self.person.points.is_empty() {
            return self.look_at_attention(chance);
        }
        let index = chance.index(self.person.points.len());
        let point = self.person.points.swap_remove(index);
        let payment = self.known.get(&PaymentId(point.payment.clone())).cloned();
        let about = point.operation.as_ref().zip(payment);
        let doubted = about.and_then(|(id, payment)| {
            let operation = payment.operation(id).cloned();
            operation.filter(is_endable).map(|o| (payment, o))
        });
        if let Some((payment, operation)) = doubted.filter(|_| chance.percent(80)) {
            return self.end(&payment, &operation, chance);
        }
        let path = format!("/v1/attention/{}/resolve", point.id);
        let body = json!({ "note": "looked at it" });
        self.new_deed(point.shop, What::Resolve, path, body, chance)
    }

    fn end_some_operation(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        // Now and then one that cannot be ended: it must be refused.
        let any = chance.percent(5);
        let found: Vec<(&Payment, &Operation)> = self
            .known
            .values()
            .flat_map(|payment| payment.operations.iter().map(move |o| (payment, o)))
            .filter(|(_, operation)| any || is_endable(operation))
            .collect();
        if found.is_empty() {
            return self.look_at_attention(chance);
        }
        let (payment, operation) = *chance.pick(&found);
        let (payment, operation) = (payment.clone(), operation.clone());
        self.end(&payment, &operation, chance)
    }

    fn end(
        &mut self,
        payment: &Payment,
        operation: &Operation,
        chance: &mut Rng,
    ) -> anyhow::Result<()> {
        let truth = happened(self, payment, operation);
        let errs = self.setting.person_errs && chance.percent(20);
        let window_ms = self.nodes[0].app.policy.settle_window_ms;
        let sent_ms = operation.last_sent_at_ms.unwrap_or(operation.created_at_ms);
        let early = self.now_ms() <= sent_ms + window_ms;
        let applied = truth != errs;
        if !applied && early && chance.percent(70) {
            // Whoever knows the rules waits until nothing can arrive any more.
            return self.work(chance);
        }
        let shop = shop_of(payment);
        let path = format!(
            "/v1/payments/{}/operations/{}/end",
            payment.id, operation.id
        );
        let outcome = if applied { "applied" } else { "not_applied" };
        let body = json!({ "outcome": outcome, "note": "so says the portal" });
        self.new_deed(shop, What::End, path, body, chance)
    }

    fn some_payment(&self, chance: &mut Rng) -> Option<&Payment> {
        let first = self.known.len().saturating_sub(8);
        let recent: Vec<&Payment> = self.known.values().skip(first).collect();
        (!recent.is_empty()).then(|| *chance.pick(&recent))
    }

    fn reconcile_one(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let Some(payment) = self.some_payment(chance) else {
            return self.work(chance);
        };
        let (shop, path) = (
            shop_of(payment),
            format!("/v1/payments/{}/reconcile", payment.id),
        );
        self.new_deed(shop, What::Reconcile, path, json!({}), chance)
    }

    /// Asks what a cancel would do: nothing may come of it.
    fn dry_run(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let Some(payment) = self.some_payment(chance) else {
            return self.work(chance);
        };
        let shop = shop_of(payment);
        let path = format!("/v1/payments/{}/cancel?dry_run=true", payment.id);
        let mut body = json!({});
        if chance.percent(40) {
            body["amount"] = json!({ "amount": chance.pick(&AMOUNTS), "currency": shop.currency });
            if self.setting.several_items && chance.percent(30) {
                items::name(&mut body, shop, chance);
            }
        }
        let request = Request::post(&path)
            .header("authorization", format!("Bearer {}", shop.key))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .expect("the simulator makes valid requests");
        let router = self.nodes[chance.index(NODES)].router.clone();
        let places = self.places.clone();
        let done = || {
            let calls = places.wire.ledger(|ledger| ledger.delivered);
            (places.database.commits(), calls)
        };
        let before = done();
        let (status, body) = finish(answer_of(router, request), &places);
        let after = done();
        self.say(|| format!("a person: {path} -> {status} {}", body["code"]));
        self.must(status != 500, "no_error_of_ours", || body.to_string());
        self.must(before == after, "a_dry_run_does_nothing", || {
            format!("{path}: {before:?} {after:?}")
        });
        let refused = status >= 400;
        let mut of_session: BTreeMap<&str, i64> = BTreeMap::new();
        for step in body["steps"].as_array().into_iter().flatten() {
            if matches!(step["kind"].as_str(), Some("cancel" | "refund")) {
                let session = step["session"].as_str().unwrap_or_default();
                let amount = step["amount"]["amount"].as_i64().unwrap_or(i64::MAX);
                let sum = of_session.entry(session).or_default();
                *sum = sum.saturating_add(amount);
            }
        }
        // An order gives back what it took, and no more; the sum says so of all of them.
        let total = AMOUNTS[4] + 100;
        let fits = of_session.values().all(|sum| (0..=total).contains(sum))
            && body["gives_back"]["amount"] == of_session.values().sum::<i64>();
        self.must(
            refused || (body["dry_run"] == true && fits),
            "a_dry_run_tells_what_would_be",
            || body.to_string(),
        );
        Ok(())
    }

    /// The key of a decision with another one: it must be refused, and nothing may come of it.
    fn abuse_a_decision(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let bound = self
            .person
            .deeds
            .iter()
            .find(|deed| deed.made.is_some() && matches!(deed.what, What::Resolve | What::End));
        let Some(deed) = bound else {
            return self.look_at_attention(chance);
        };
        let mut body = deed.body.clone();
        body["note"] = "another thing".into();
        let abuse = Deed {
            shop: deed.shop,
            what: deed.what,
            path: deed.path.clone(),
            key: deed.key.clone(),
            body,
            abuse: true,
            answered: false,
            under_way: 0,
            made: None,
        };
        self.person.deeds.push(abuse);
        self.send_deed(self.person.deeds.len() - 1, chance)
    }

    /// A person is answered.
    pub(super) fn person_heard(&mut self, number: usize, status: u16, body: &Value) {
        let deed = &mut self.person.deeds[number];
        deed.under_way -= 1;
        let code = body["code"].as_str().unwrap_or_default();
        let (key, what, shop, abuse) = (deed.key.clone(), deed.what, deed.shop, deed.abuse);
        let was = deed.made.clone();
        // An early ending is not repeated as it stands: the person looks again.
        let later = body["retryable"] == true && code != "too_early";
        deed.answered |= status < 300 || !later;
        self.say(|| format!("a person: {key} -> {status} {code} {}", body["state"]));
        self.must(status != 500, "no_error_of_ours", || body.to_string());
        if abuse {
            // A restore may have lost what the key was used for (R30).
            let lost = self.loss.is_some();
            return self.must(
                lost || code == "idempotency_key_reused",
                "a_key_is_one_request",
                || format!("{key}: {status} {body}"),
            );
        }
        self.must(
            was.is_none() || code != "idempotency_key_reused",
            "a_replay_is_no_other_request",
            || format!("{key}: {body}"),
        );
        if status >= 300 {
            return;
        }
        match what {
            What::Look => return self.take_points(shop, body),
            What::Resolve => self.must(!body["resolved"].is_null(), "a_resolution_stands", || {
                format!("{key}: {body}")
            }),
            What::End => {
                let ended = matches!(body["state"].as_str(), Some("succeeded" | "rejected"));
                self.must(ended, "what_a_person_ended_is_ended", || {
                    format!("{key}: {body}")
                });
            }
            What::Reconcile => {
                let found = |name: &str| body[name].as_array().is_some_and(|list| !list.is_empty());
                let differs = found("differences") || found("not_read");
                self.must(
                    body["result"] != "agreed" || !differs,
                    "agreed_means_that_nothing_differed",
                    || format!("{key}: {body}"),
                );
            }
        }
        let id = body["id"].as_str().map(str::to_owned);
        self.must(was.is_none() || was == id, "same_key_same_decision", || {
            format!("{key}: {was:?}, then {id:?}")
        });
        self.person.deeds[number].made = id;
    }

    fn take_points(&mut self, shop: &'static Shop, body: &Value) {
        let points = body["data"].as_array().cloned().unwrap_or_default();
        let text = |point: &Value, name: &str| point[name].as_str().map(str::to_owned);
        for point in &points {
            let risk = point["money_at_risk"]["amount"].as_i64().unwrap_or(-1);
            let within = (0..=AMOUNTS[4] + 100).contains(&risk);
            let open = point["resolved"].is_null();
            self.must(within && open, "attention_says_what_is_at_risk", || {
                point.to_string()
            });
        }
        self.person.points = points
            .iter()
            .map(|point| Listed {
                shop,
                id: text(point, "id").unwrap_or_default(),
                payment: text(point, "payment_id").unwrap_or_default(),
                operation: text(point, "operation"),
            })
            .collect();
    }
}

fn is_endable(operation: &Operation) -> bool {
    matches!(
        operation.state,
        OperationState::Unknown | OperationState::Accepted
    ) && operation.kind.changes_order()
}

fn shop_of(payment: &Payment) -> &'static Shop {
    let own = SHOPS.iter().find(|shop| shop.account == payment.account);
    own.expect("a payment is in an account of the shop")
}
