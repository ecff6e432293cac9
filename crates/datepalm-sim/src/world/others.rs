//! Who else acts: customers on pages that were handed out, Tamara's notifications, a person in Tamara's portal.

use super::{AMOUNTS, NODES, World, answered, index};
use crate::drive::finish;
use crate::plan::Step;
use axum::body::Body;
use axum::http::Request;
use tamara_sandbox::{Delivery, Plan};

impl World {
    /// A customer acts on a page whose address was handed out: nobody has another.
    pub(super) fn customer(&mut self, step: Step) {
        let pages: Vec<String> = self
            .buyers
            .iter()
            .flat_map(|buyer| buyer.handed_out.iter().cloned())
            .collect();
        if pages.is_empty() {
            return;
        }
        let page = &pages[index(step.a, pages.len())];
        let customer = self.sandbox.customer(page);
        let (what, done) = match step.b % 8 {
            0..=4 => ("approves", customer.approve(Plan::Three).is_ok()),
            5 => ("is declined", customer.decline().is_ok()),
            6 => ("leaves", customer.cancel().is_ok()),
            _ => ("waits", true),
        };
        self.say(format!("customer {what} on {page}: {done}"));
    }

    pub(super) fn notify(&mut self, step: Step) {
        self.post.extend(self.sandbox.take_due());
        if self.post.is_empty() {
            return;
        }
        let delivery = self.post.swap_remove(index(step.a, self.post.len()));
        let manner = step.b % 10;
        if manner == 0 {
            self.counts.faults += 1;
            self.sandbox.delivered(delivery.id, Err("lost".to_owned()));
            return self.say(format!("notification {} is lost", delivery.id));
        }
        let forged = manner == 1;
        let status = self.post_notification(&delivery, index(step.b / 10, NODES), forged);
        self.say(format!(
            "notification {} forged {forged} -> {status}",
            delivery.id
        ));
        if forged || manner == 2 {
            self.counts.duplicates += 1;
            self.post.push(delivery);
        } else {
            self.sandbox.delivered(delivery.id, Ok(status));
        }
    }

    pub(super) fn post_notification(&self, delivery: &Delivery, node: usize, forged: bool) -> u16 {
        let path = delivery
            .url
            .strip_prefix("http://datepalm.sim")
            .unwrap_or(&delivery.url);
        let path = if forged {
            path.split('?').next().unwrap_or(path)
        } else {
            path
        };
        let mut request = Request::post(path);
        for (name, value) in &delivery.headers {
            let value = if forged && name.eq_ignore_ascii_case("authorization") {
                format!("{value}x")
            } else {
                value.clone()
            };
            request = request.header(name, value);
        }
        let request = request
            .body(Body::from(delivery.body.clone()))
            .expect("the sandbox makes valid requests");
        let node = &self.nodes[node];
        finish(
            answered(datepalm::http::router(node.app.clone()), request),
            &node.progress,
        )
        .0
    }

    pub(super) fn portal(&mut self, step: Step) {
        let state = self.sandbox.state();
        let orders = state["orders"].as_array().cloned().unwrap_or_default();
        if orders.is_empty() {
            return;
        }
        let order = &orders[index(step.a, orders.len())];
        let id = order["order_id"].as_str().unwrap_or_default();
        let portal = self.sandbox.portal(id);
        let amount = AMOUNTS[index(step.b / 4, AMOUNTS.len())];
        let (what, done) = match step.b % 4 {
            0 => ("authorises", portal.authorise().is_ok()),
            1 => ("captures", portal.capture(amount).is_ok()),
            2 => ("cancels", portal.cancel(amount).is_ok()),
            _ => ("refunds", portal.refund(amount).is_ok()),
        };
        self.say(format!("portal {what} {amount} on {id}: {done}"));
    }
}
