//! What each button of the page does to the session.
//!
//! Functions of the world, the input and the moment. Invariant: a step only moves a session that
//! stands on it; a button of an old tab moves nothing.

use super::cards::{Bank, Filled, Mistake, TypedCard, judge};
use super::identity;
use crate::api::phone;
use crate::dates::day;
use crate::rules::{self, Refusal};
use crate::world::{Checkout, Order, Plan, Status, Step, World};

/// Where the customer is after a button.
pub(crate) enum Outcome {
    /// On the page, at whatever step the session stands.
    Page,
    /// On the same step, told what was wrong, with what need not be typed again.
    Mistaken(Mistake, Typed),
    /// At the screen that tells how it ended.
    Ended,
    /// Away, at the merchant's address.
    Away(String),
}

/// What a form holds when it is shown again.
#[derive(Clone, Default)]
pub(crate) enum Typed {
    #[default]
    Nothing,
    Phone(String),
    Card(Filled),
}

fn mistaken(mistake: Mistake) -> Outcome {
    Outcome::Mistaken(mistake, Typed::Nothing)
}

/// The session and its order, if the session is still open.
pub(super) fn open_session(
    world: &World,
    checkout_id: &str,
) -> Result<Option<(Checkout, Order)>, Refusal> {
    let checkout = world
        .checkout(checkout_id)
        .ok_or(Refusal::CheckoutNotFound)?;
    let order = world
        .order(&checkout.order_id)
        .ok_or(Refusal::OrderNotFound)?;
    let open = order.status == Status::New;
    Ok(open.then(|| (checkout.clone(), order.clone())))
}

pub(super) fn move_to(world: &mut World, mut checkout: Checkout, step: Step) -> Outcome {
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
        let typed = Typed::Phone(phone.to_owned());
        return Ok(Outcome::Mistaken(Mistake::Phone, typed));
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
    let Some((mut checkout, order)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    let Step::Otp { code } = &checkout.step else {
        return Ok(Outcome::Page);
    };
    if typed.trim() != code {
        return Ok(mistaken(Mistake::Code));
    }
    checkout.asks_id = identity::asks(world, &order.country, &checkout.phone);
    let step = if checkout.asks_id {
        identity::first_step(&order.country)
    } else {
        Step::Plan
    };
    Ok(move_to(world, checkout, step))
}

pub(crate) fn choose_plan(
    world: &mut World,
    checkout_id: &str,
    plan: &str,
) -> Result<Outcome, Refusal> {
    let Some((checkout, order)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    if checkout.step != Step::Plan {
        return Ok(Outcome::Page);
    }
    let offered = offered_plans(world, &order);
    Ok(
        match Plan::parse(plan).filter(|plan| offered.contains(plan)) {
            Some(plan) => move_to(world, checkout, Step::Card { plan }),
            None => mistaken(Mistake::Plan),
        },
    )
}

/// The plans on the page. A total that none is for came through a change of the merchant's terms;
/// its customer may still pay in full.
pub(super) fn offered_plans(world: &World, order: &Order) -> Vec<Plan> {
    let account = world.account(&order.merchant_id);
    let plans = account.map(|account| account.merchant.plans_for(order.total_minor));
    plans
        .filter(|plans| !plans.is_empty())
        .unwrap_or_else(|| vec![Plan::Full])
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
    match judge(card, &order.country, day(now_ms)) {
        Ok(Bank::AsksPassword) => Ok(move_to(world, checkout, Step::ThreeDs { plan })),
        Ok(Bank::Approves) => {
            rules::approve(world, checkout_id, plan, now_ms)?;
            Ok(Outcome::Ended)
        }
        Err(Mistake::Refused) if world.choices.failing_card_declines => {
            rules::decline(world, checkout_id, now_ms)?;
            Ok(Outcome::Ended)
        }
        Err(mistake) => {
            let typed = Typed::Card(Filled::again(card, mistake));
            Ok(Outcome::Mistaken(mistake, typed))
        }
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
        return Ok(mistaken(Mistake::Password));
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
        Step::Phone | Step::Otp { .. } | Step::Terms | Step::Nafath { .. } | Step::Kyc { .. } => {
            Step::Phone
        }
        Step::Plan | Step::Card { .. } => Step::Plan,
        Step::ThreeDs { plan } => Step::Card { plan },
    };
    Ok(move_to(world, checkout, step))
}

pub(crate) fn leave(world: &mut World, checkout_id: &str, now_ms: i64) -> Result<Outcome, Refusal> {
    let Some((checkout, _)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    let away = rules::cancel_session(world, checkout_id, now_ms)?;
    // In a shop there is nowhere to go back to.
    Ok(if checkout.cancel_url.is_empty() {
        Outcome::Page
    } else {
        Outcome::Away(away)
    })
}
