//! Terms and identity, asked once per phone: Nafath in Saudi Arabia, pictures in the Emirates
//! (hosted-checkout 7.2 no. 3 and 4).
//!
//! Nothing is looked at or kept but that it was done. Invariant: whoever has done it once is not
//! asked again until the sandbox is reset.

use super::steps::{Outcome, move_to, open_session};
use crate::IdStep;
use crate::rules::Refusal;
use crate::world::{Step, World};

/// The card's front, its back and the customer's face; three taps go through it (sandbox-test-data 8.2).
pub(crate) const PICTURES: usize = 3;

/// Whether the page asks the owner of this phone for an identity.
pub(crate) fn asks(world: &World, country: &str, phone: &str) -> bool {
    let wanted = match world.choices.id_step {
        IdStep::Off => false,
        IdStep::FirstTime => true,
    };
    wanted && matches!(country, "SA" | "AE") && !world.is_id_verified(phone)
}

/// Where a customer goes whose identity is asked for. The terms are of the Saudi guide.
pub(crate) fn first_step(country: &str) -> Step {
    if country == "SA" {
        Step::Terms
    } else {
        Step::Kyc { pictures: 0 }
    }
}

pub(crate) fn agree(world: &mut World, checkout_id: &str) -> Result<Outcome, Refusal> {
    let Some((checkout, _)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    if checkout.step != Step::Terms {
        return Ok(Outcome::Page);
    }
    Ok(move_to(world, checkout, Step::Nafath { number: None }))
}

/// "Regenerate ID No.": the number to look for in the app.
pub(crate) fn regenerate(world: &mut World, checkout_id: &str) -> Result<Outcome, Refusal> {
    let Some((checkout, _)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    if !matches!(checkout.step, Step::Nafath { .. }) {
        return Ok(Outcome::Page);
    }
    let number = Some(world.ids.one_time_code()[..2].to_owned());
    Ok(move_to(world, checkout, Step::Nafath { number }))
}

/// What the app would do: it confirms the number, and the page moves on by itself.
pub(crate) fn confirm_nafath(world: &mut World, checkout_id: &str) -> Result<Outcome, Refusal> {
    let Some((checkout, _)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    if !matches!(checkout.step, Step::Nafath { number: Some(_) }) {
        return Ok(Outcome::Page);
    }
    world.verify_id(&checkout.phone);
    Ok(move_to(world, checkout, Step::Plan))
}

pub(crate) fn take_picture(world: &mut World, checkout_id: &str) -> Result<Outcome, Refusal> {
    let Some((checkout, _)) = open_session(world, checkout_id)? else {
        return Ok(Outcome::Page);
    };
    let Step::Kyc { pictures } = checkout.step else {
        return Ok(Outcome::Page);
    };
    let pictures = pictures + 1;
    if pictures < PICTURES {
        return Ok(move_to(world, checkout, Step::Kyc { pictures }));
    }
    world.verify_id(&checkout.phone);
    Ok(move_to(world, checkout, Step::Plan))
}
