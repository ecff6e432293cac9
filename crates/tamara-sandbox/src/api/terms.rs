//! What depends on the merchant's agreement: country, currency and limits (errors 3.2).
//!
//! The same for every way to open a session. Invariant: an order that passes can be paid by at
//! least one plan.

use axum::http::StatusCode;

use super::error::{ApiError, Question};
use crate::Choices;
use crate::rules::is_decline_phone;
use crate::world::{Account, Order, Plan, World};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(super) fn check(
    world: &World,
    account: &Account,
    order: &Order,
    now_ms: i64,
) -> Result<(), ApiError> {
    if account.merchant.disabled {
        let message = "Tamara is currently unavailable for this merchant";
        return Err(unrecorded(message, "tamara_disabled"));
    }
    if order.currency.country() != order.country || order.currency != account.currency {
        return Err(ApiError::unsupported_pair());
    }
    check_limits(account, order)?;
    check_day(world, account, order, now_ms)?;
    let declined = is_decline_phone(&order.consumer.phone_number);
    if declined && world.choices.refuse_declined_phone {
        let message = "Tamara is unable to approve this order";
        return Err(unrecorded(message, "order_not_created"));
    }
    Ok(())
}

fn unrecorded(message: &str, error_code: &'static str) -> ApiError {
    ApiError::refused(message, error_code).asking(Question::Unrecorded)
}

/// A total that no plan is for is outside Tamara's limit; one that only the plan that was asked for
/// excludes is above or below that plan's.
fn check_limits(account: &Account, order: &Order) -> Result<(), ApiError> {
    let merchant = &account.merchant;
    let total_minor = order.total_minor;
    if merchant.plans_for(total_minor).is_empty() {
        let message = "The total amount is outside the merchant's limits";
        return Err(unrecorded(message, "total_amount_invalid_limit"));
    }
    let Some(limits) = asked_plan(order).and_then(|plan| merchant.limits(plan)) else {
        return Ok(());
    };
    if total_minor > *limits.end() {
        let message = "The amount is higher than the maximum limit";
        return Err(unrecorded(message, "amount_is_higher_than_max_limit"));
    }
    if total_minor < *limits.start() {
        let message = "The amount is lower than the minimum limit";
        return Err(unrecorded(message, "amount_is_lower_than_min_limit"));
    }
    Ok(())
}

/// The plan that the shop named, if it named one.
fn asked_plan(order: &Order) -> Option<Plan> {
    match order.payment_type.as_str() {
        "PAY_NOW" => Some(Plan::Full),
        "PAY_BY_INSTALMENTS" => {
            let mut plans = Plan::ALL.into_iter();
            plans.find(|plan| *plan != Plan::Full && Some(plan.parts()) == order.instalments)
        }
        _ => None,
    }
}

/// What customers have bought within 24 hours, this order included.
fn check_day(world: &World, account: &Account, order: &Order, now_ms: i64) -> Result<(), ApiError> {
    let Some(max_minor) = account.merchant.daily_max_minor else {
        return Ok(());
    };
    let own = world
        .orders()
        .filter(|other| other.merchant_id == account.merchant_id);
    let bought = own.filter(|other| other.approved_at_ms.is_some_and(|at| at > now_ms - DAY_MS));
    let totals = bought.map(|other| other.total_minor);
    if totals.fold(order.total_minor, i64::saturating_add) > max_minor {
        let message = "The merchant's volume limit of 24 hours is reached. Please try again later";
        return Err(unrecorded(message, "total_amount_invalid_limit_24hrs_gmv"));
    }
    Ok(())
}

/// Items, tax, shipping and discount give the total, or the choice does not mind.
pub(super) fn check_sum(order: &Order, choices: Choices) -> Result<(), ApiError> {
    let parts_minor = order.tax_minor + order.shipping_minor - order.discount.minor;
    if order.items_minor().checked_add(parts_minor) == Some(order.total_minor) {
        return Ok(());
    }
    if choices.refuse_wrong_sums {
        let message = "Your order information is invalid";
        let status = StatusCode::BAD_REQUEST;
        return Err(ApiError::coded(status, message, "amount_mismatch"));
    }
    // Tamara's own samples do not add up, so this is no reason to refuse (emulator-notes 6).
    tracing::debug!("items, tax, shipping and discount do not add up to the total");
    Ok(())
}
