//! What merchants hear, and what they must never hear: another operation under the same key, a success that turns back,
//! a payment that is gone, a page of a payment that is being canceled, an error of ours.

use super::World;
use super::tasks::Told;
use crate::oracle::Broken;
use serde_json::Value;

impl World {
    pub(super) fn must(&mut self, holds: bool, name: &'static str, what: impl FnOnce() -> String) {
        self.counts.checks += 1;
        if !holds {
            self.saw(Broken { name, what: what() });
        }
    }

    /// A create is answered.
    pub(super) fn created(
        &mut self,
        (buyer, number): (usize, usize),
        status: u16,
        body: &Value,
        told_before: Told,
    ) {
        let code = body["code"].as_str().unwrap_or_default();
        let word = body["status"].as_str().unwrap_or_default();
        let key = self.buyers[buyer].creates[number].key.clone();
        self.say(|| format!("{key} -> {status} {code} {word} {}", body["id"]));
        self.must(status != 500, "no_error_of_ours", || body.to_string());
        self.take_page(buyer, body);
        let create = &mut self.buyers[buyer].creates[number];
        create.under_way -= 1;
        let good = status < 300;
        if create.abuse {
            create.answered = true;
            return self.must(
                code == "idempotency_key_reused",
                "a_key_is_one_request",
                || format!("{key}: {status} {body}"),
            );
        }
        create.answered = (good && status != 202) || (status >= 400 && body["retryable"] != true);
        create.bound |= status == 201;
        if let Some(id) = body["id"].as_str().filter(|_| good) {
            create.payment = Some(id.to_owned());
        }
        let after = create.payment.clone();
        let Some(before) = told_before.payment else {
            return;
        };
        self.must(
            after.as_ref() == Some(&before),
            "same_key_same_payment",
            || format!("{key}: {before}, then {after:?}"),
        );
        self.must(
            code != "idempotency_key_reused",
            "a_replay_is_no_other_request",
            || format!("{key}: {body}"),
        );
    }

    /// Something that was asked of a payment is answered.
    pub(super) fn answered(
        &mut self,
        (buyer, number): (usize, usize),
        status: u16,
        body: &Value,
        told_before: Told,
    ) {
        let payment = if body["object"] == "payment" {
            body
        } else {
            &body["payment"]
        };
        let state = body["state"].as_str().unwrap_or_default().to_owned();
        let code = body["code"].as_str().unwrap_or_default();
        let key = self.buyers[buyer].asks[number].key.clone();
        self.say(|| format!("{key} -> {status} {code} {state} {}", payment["status"]));
        self.must(status != 500, "no_error_of_ours", || body.to_string());
        self.must(code != "payment_not_found", "a_2xx_is_durable", || {
            format!("{key}: {body}")
        });
        self.take_page(buyer, payment);
        let ask = &mut self.buyers[buyer].asks[number];
        ask.under_way -= 1;
        if ask.abuse {
            ask.answered = true;
            return self.must(
                code == "idempotency_key_reused",
                "a_key_is_one_request",
                || format!("{key}: {status} {body}"),
            );
        }
        let retryable = body["retryable"] == true;
        ask.answered |= status == 200 || (status >= 400 && !retryable);
        let id = if body["object"] == "operation" {
            body["id"].as_str()
        } else {
            body["operation_id"].as_str()
        };
        if let Some(id) = id.filter(|_| status < 300) {
            ask.operation = Some((id.to_owned(), state));
        }
        let Some((was_id, was_state)) = told_before.operation else {
            return;
        };
        self.must(
            code != "idempotency_key_reused",
            "a_replay_is_no_other_request",
            || format!("{key}: {body}"),
        );
        let Some((id, state)) = self.buyers[buyer].asks[number].operation.clone() else {
            return;
        };
        self.must(id == was_id, "same_key_same_operation", || {
            format!("{key}: {was_id}, then {id}")
        });
        let done = was_state == "succeeded";
        self.must(
            !done || (state == "succeeded" && status == 200),
            "what_was_told_as_done_stays_done",
            || format!("{key}: {was_state}, then {status} {body}"),
        );
    }

    /// A page that the merchant was given for the customer.
    fn take_page(&mut self, buyer: usize, payment: &Value) {
        let Some(url) = payment["checkout_url"].as_str() else {
            return;
        };
        let stands = matches!(
            payment["cancel"]["state"].as_str(),
            Some("accepted" | "done")
        );
        self.must(!stands, "no_page_of_what_is_being_canceled", || {
            payment.to_string()
        });
        let id = url
            .rsplit('/')
            .next()
            .and_then(|last| last.split('?').next())
            .unwrap_or_default()
            .to_owned();
        let sessions = payment["sessions"].as_array();
        let known = sessions
            .into_iter()
            .flatten()
            .any(|session| session["checkout_id"] == id.as_str());
        self.must(known, "a_page_is_recorded_before_it_is_given_out", || {
            payment.to_string()
        });
        let pages = &mut self.buyers[buyer].handed_out;
        if !pages.contains(&id) {
            pages.push(id);
        }
    }
}
