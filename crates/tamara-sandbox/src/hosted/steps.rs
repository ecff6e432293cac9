//! What each button of the page does to the session.
//!
//! Functions of the world, the input and the moment. Invariant: a step only moves a session that
//! stands on it; a button of an old tab moves nothing.

use super::cards::{Bank, Mistake, judge};
use crate::api::phone;
use crate::dates::day;
use crate::rules::{self, Refusal};
use crate::world::{Checkout, Order, Plan, Status, Step, World};

/// Where the customer is after a button.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// On the page, at whatever step the session stands.
    Page,
    /// On the same step, told what was wrong.
    Mistaken(Mistake),
    /// At the screen that tells how it ended.
    Ended,
    /// Away, at the merchant's address.
    Away(String),
}

/// The session and its order, if the session is still open.
fn open_session(world: &World, checkout_id: &str) -> Result<Option<(Checkout, Order)>, Refusal> {
    let checkout = world
        .checkout(checkout_id)
        .ok_or(Refusal::CheckoutNotFound)?;
    let order = world
        .order(&checkout.order_id)
        .ok_or(Refusal::OrderNotFound)?;
    let open = order.status == Status::New;
    Ok(open.then(|| (checkout.clone(), order.clone())))
}

fn move_to(world: &mut World, mut checkout: Checkout, step: Step) -> Outcome {
    checkout.step = step;
    world.put_checkout(checkout);
    Outcome::Page
}

pub(crate) fn send_code(
    world: &mut World,
    checkout_id: &str,
    phone: &str,
    now_ms: i64,
) -> Result<Outcome, Refusal> {
    let Some((mut checkout, order)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    if checkout.step != Step::Phone {
        return Ok(Outcome::Page);
    }
    let Some(digits) = phone::normalise(phone, &order.country) else {
        return Ok(Outcome::Mistaken(Mistake::Phone));
    };
    checkout.phone = digits;
    if rules::is_decline_phone(&checkout.phone) {
        world.put_checkout(checkout);
        rules::decline(world, checkout_id, now_ms)?;
        return Ok(Outcome::Ended);
    }
    let code = world.ids.one_time_code();
    Ok(move_to(world, checkout, Step::Otp { code }))
}

pub(crate) fn verify_code(
    world: &mut World,
    checkout_id: &str,
    typed: &str,
) -> Result<Outcome, Refusal> {
    let Some((checkout, _)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    match &checkout.step {
        Step::Otp { code } if typed.trim() == code => Ok(move_to(world, checkout, Step::Plan)),
        Step::Otp { .. } => Ok(Outcome::Mistaken(Mistake::Code)),
        Step::Phone | Step::Plan | Step::Card { .. } | Step::ThreeDs { .. } => Ok(Outcome::Page),
    }
}

pub(crate) fn choose_plan(
    world: &mut World,
    checkout_id: &str,
    plan: &str,
) -> Result<Outcome, Refusal> {
    let Some((checkout, _)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    if checkout.step != Step::Plan {
        return Ok(Outcome::Page);
    }
    Ok(match Plan::parse(plan) {
        Some(plan) => move_to(world, checkout, Step::Card { plan }),
        None => Outcome::Mistaken(Mistake::Plan),
    })
}

/// A card as typed; lives only as long as the request.
pub(crate) struct TypedCard<'a> {
    pub(crate) number: &'a str,
    pub(crate) expiry: &'a str,
    pub(crate) cvv: &'a str,
}

pub(crate) fn pay(
    world: &mut World,
    checkout_id: &str,
    card: &TypedCard<'_>,
    now_ms: i64,
) -> Result<Outcome, Refusal> {
    let Some((checkout, order)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    let Step::Card { plan } = checkout.step else {
        return Ok(Outcome::Page);
    };
    let today = day(now_ms);
    match judge(card.number, card.expiry, card.cvv, &order.country, today) {
        Ok(Bank::AsksPassword) => Ok(move_to(world, checkout, Step::ThreeDs { plan })),
        Ok(Bank::Approves) => {
            rules::approve(world, checkout_id, plan, now_ms)?;
            Ok(Outcome::Ended)
        }
        Err(mistake) => Ok(Outcome::Mistaken(mistake)),
    }
}

/// The real password is not published: any is accepted (sandbox-test-data 8.3).
pub(crate) fn confirm_password(
    world: &mut World,
    checkout_id: &str,
    password: &str,
    now_ms: i64,
) -> Result<Outcome, Refusal> {
    let Some((checkout, _)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    let Step::ThreeDs { plan } = checkout.step else {
        return Ok(Outcome::Page);
    };
    if password.is_empty() {
        return Ok(Outcome::Mistaken(Mistake::Password));
    }
    rules::approve(world, checkout_id, plan, now_ms)?;
    Ok(Outcome::Ended)
}

/// One step back: another phone, plan or card.
pub(crate) fn back(world: &mut World, checkout_id: &str) -> Result<Outcome, Refusal> {
    let Some((checkout, _)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    let step = match checkout.step {
        Step::Phone | Step::Otp { .. } => Step::Phone,
        Step::Plan | Step::Card { .. } => Step::Plan,
        Step::ThreeDs { plan } => Step::Card { plan },
    };
    Ok(move_to(world, checkout, step))
}

pub(crate) fn leave(world: &mut World, checkout_id: &str, now_ms: i64) -> Result<Outcome, Refusal> {
    if open_session(world, checkout_id)?.is_none() {
        return Ok(Outcome::Page);
    }
    rules::cancel_session(world, checkout_id, now_ms).map(Outcome::Away)
}
