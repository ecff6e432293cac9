//! Who else acts: customers on pages that were handed out, Tamara's notifications, forgers, a person in Tamara's portal.

use super::merchants::answer_of;
use super::setting::AMOUNTS;
use super::{NODES, World};
use crate::drive::finish;
use crate::oracle::Broken;
use crate::rng::Rng;
use axum::body::Body;
use axum::http::Request;
use datepalm::domain::payment::Payment;
use tamara_sandbox::{Book, DeclinedOrder, Delivery, Plan, Status};

/// What is wrong with a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgery {
    /// Nothing.
    None,
    /// Its token is not Tamara's.
    Token,
    /// Its token is good, replayed by somebody who writes another status into the body.
    Body(&'static str),
}

/// Words that a liar writes.
const LIES: [&str; 6] = [
    "approved",
    "authorised",
    "fully_captured",
    "fully_refunded",
    "canceled",
    "expired",
];

impl World {
    /// A customer acts on a page whose address was handed out: nobody has another.
    pub(super) fn customer(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let late = chance.percent(25);
        let busy = if late { usize::MAX } else { 6 };
        let first = self.buyers.len().saturating_sub(busy);
        let pages: Vec<&String> = self.buyers[first..]
            .iter()
            .flat_map(|buyer| buyer.handed_out.iter())
            .collect();
        if pages.is_empty() {
            return self.work(chance);
        }
        let page = (*chance.pick(&pages)).clone();
        self.act_on_page(&page, chance)
    }

    /// The customer of a buyer acts, on the page that came last, or on an older one.
    pub(super) fn customer_of(&mut self, buyer: usize, chance: &mut Rng) -> anyhow::Result<()> {
        let pages = &self.buyers[buyer].handed_out;
        if pages.len() > 1 && chance.percent(25) {
            self.all_are_approved(buyer);
            return Ok(());
        }
        let index = if chance.percent(60) {
            pages.len() - 1
        } else {
            chance.index(pages.len())
        };
        let page = pages[index].clone();
        self.act_on_page(&page, chance)
    }

    /// A customer who has several pages open pays on each that lets him: only one of the orders may be kept (R14).
    fn all_are_approved(&mut self, buyer: usize) {
        for page in self.buyers[buyer].handed_out.clone() {
            let done = self.sandbox.customer(&page).approve(Plan::Three).is_ok();
            self.say(|| format!("customer approves on {page}, one of several: {done}"));
        }
    }

    fn act_on_page(&mut self, page: &str, chance: &mut Rng) -> anyhow::Result<()> {
        let customer = self.sandbox.customer(page);
        // Where a refusal may be taken back, more are refused: several orders of one payment are approved then.
        let draw = match self.setting.choices.declined_order {
            DeclinedOrder::StaysDeclined => chance.below(20),
            DeclinedOrder::MayBeApproved => *chance.pick(&[0, 0, 0, 0, 15, 15, 15, 15, 15, 17]),
        };
        let (what, done) = match draw {
            0..15 => ("approves", customer.approve(Plan::Three).is_ok()),
            15..17 => ("is declined", customer.decline().is_ok()),
            17..19 => ("leaves", customer.cancel().is_ok()),
            _ => ("waits", true),
        };
        self.say(|| format!("customer {what} on {page}: {done}"));
        if done { Ok(()) } else { self.notify(chance) }
    }

    pub(super) fn notify(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        self.post.extend(self.sandbox.take_due());
        if self.post.is_empty() {
            return self.work(chance);
        }
        let delivery = self.post.swap_remove(chance.index(self.post.len()));
        let node = chance.index(NODES);
        match chance.below(20) {
            0..2 => {
                self.counts.faults += 1;
                self.sandbox.delivered(delivery.id, Err("lost".to_owned()));
                self.say(|| format!("notification {} is lost", delivery.id));
            }
            2 => {
                self.post_notification(&delivery, node, Forgery::Token);
                self.post.push(delivery);
            }
            3 => {
                let lie = Forgery::Body(LIES[chance.index(LIES.len())]);
                self.post_notification(&delivery, node, lie);
                self.post.push(delivery);
            }
            4..6 => {
                self.counts.duplicates += 1;
                self.post_notification(&delivery, node, Forgery::None);
                self.post.push(delivery);
            }
            _ => self.post_and_tell(&delivery, node),
        }
        Ok(())
    }

    /// Delivers a notification, and tells Tamara how it went.
    pub(super) fn post_and_tell(&mut self, delivery: &Delivery, node: usize) {
        let status = self.post_notification(delivery, node, Forgery::None);
        self.sandbox.delivered(delivery.id, Ok(status));
    }

    fn post_notification(&mut self, delivery: &Delivery, node: usize, forgery: Forgery) -> u16 {
        let url = &delivery.url;
        let path = url.strip_prefix("http://datepalm.sim").unwrap_or(url);
        let (path, body) = match forgery {
            Forgery::None => (path, delivery.body.clone()),
            Forgery::Token => (
                path.split('?').next().unwrap_or(path),
                delivery.body.clone(),
            ),
            Forgery::Body(word) => (path, lie(&delivery.body, word)),
        };
        let mut request = Request::post(path);
        for (name, value) in &delivery.headers {
            let spoilt = forgery == Forgery::Token && name.eq_ignore_ascii_case("authorization");
            let value = if spoilt {
                format!("{value}x")
            } else {
                value.clone()
            };
            request = request.header(name, value);
        }
        let request = request
            .body(Body::from(body))
            .expect("the sandbox makes valid requests");
        let router = self.nodes[node].router.clone();
        let (status, _) = finish(answer_of(router, request), &self.places);
        self.counts.forgeries += u64::from(forgery != Forgery::None);
        self.say(|| format!("notification {} {forgery:?} -> {status}", delivery.id));
        if forgery == Forgery::None && status == 200 {
            self.was_named(&delivery.body);
        }
        let good = if forgery == Forgery::Token { 401 } else { 200 };
        // One that was held back longer than its token lives is refused as well, and comes again with a fresh one.
        if status != good && status != 401 {
            self.saw(Broken {
                name: "a_notification_is_kept_or_refused",
                what: format!("{forgery:?}: {status}"),
            });
        }
        status
    }

    /// A person in the portal acts on an order; mostly on one of which we are in doubt, and with the same amount.
    pub(super) fn portal(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let doubt = self.in_doubt(chance).filter(|_| chance.percent(60));
        let some = || {
            self.places.wire.ledger(|ledger| {
                let first = ledger.orders.len().saturating_sub(8);
                let recent = &ledger.orders[first..];
                (!recent.is_empty())
                    .then(|| (chance.pick(recent).0.clone(), *chance.pick(&AMOUNTS)))
            })
        };
        let Some((id, amount)) = doubt.or_else(some) else {
            return self.work(chance);
        };
        let Some(book) = self.sandbox.book(&id) else {
            return self.work(chance);
        };
        let (what, done) = self.act_in_portal(&book, amount, chance);
        if done {
            self.causes.portal_orders.insert(id.clone());
        }
        self.say(|| {
            format!(
                "portal {what} {amount} on {}: {done}",
                book.order_reference_id
            )
        });
        Ok(())
    }

    fn act_in_portal(
        &mut self,
        book: &Book,
        amount: i64,
        chance: &mut Rng,
    ) -> (&'static str, bool) {
        let portal = self.sandbox.portal(&book.order_id);
        let (what, made) = match (book.status, chance.below(4)) {
            (Status::Approved, 0..3) => return ("authorises", portal.authorise().is_ok()),
            (Status::Authorised | Status::Updated, 0..2) | (Status::PartiallyCaptured, 2) => {
                ("cancels", portal.cancel(amount))
            }
            (Status::FullyCaptured | Status::PartiallyRefunded, _)
            | (Status::PartiallyCaptured, 0..2) => ("refunds", portal.refund(amount)),
            _ => ("captures", portal.capture(amount)),
        };
        let done = made.is_ok();
        self.causes.portal_entries.extend(made);
        (what, done)
    }

    /// An order of which an operation is in doubt or under way, and that operation's amount.
    fn in_doubt(&self, chance: &mut Rng) -> Option<(String, i64)> {
        let open = |payment: &Payment| {
            let operation = payment.money_in_flight()?;
            let order = payment.session(&operation.session)?.order.as_ref()?;
            Some((order.order_id.clone(), operation.amount_minor))
        };
        let found: Vec<(String, i64)> = self.known.values().filter_map(open).collect();
        (!found.is_empty()).then(|| chance.pick(&found).clone())
    }
}

/// The body of a notification with another status.
fn lie(body: &str, word: &str) -> String {
    let mut told: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    if told["event_type"].is_string() {
        told["event_type"] = format!("order_{word}").into();
    } else {
        told["order_status"] = word.into();
    }
    told.to_string()
}
