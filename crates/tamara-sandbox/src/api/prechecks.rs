//! What a shop asks before checkout: payment types, options, eligibility (endpoints 2.2 to 2.5).
//!
//! Nothing here changes the world. Invariant: what is offered here is accepted by `POST /checkout`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::answers::money;
use super::error::ApiError;
use super::fields::read_body;
use super::phone;
use crate::choices::{PaymentTypesShape, UnsupportedPair};
use crate::money::{BadAmount, Currency, WireMoney, parse_minor};
use crate::rules::is_decline_phone;
use crate::world::{Account, Plan, Status, World};
use crate::{Choices, Sandbox};

#[derive(Serialize)]
pub(super) struct PaymentType {
    name: &'static str,
    description: &'static str,
    description_ar: &'static str,
    min_limit: WireMoney,
    max_limit: WireMoney,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_instalments: Option<Vec<Split>>,
}

#[derive(Serialize)]
struct Split {
    instalments: i64,
    min_limit: WireMoney,
    max_limit: WireMoney,
}

/// The shape is the choice's (endpoints 2.2).
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum PaymentTypes {
    List(Vec<PaymentType>),
    Object { payment_types: Vec<PaymentType> },
}

fn shaped(choices: Choices, payment_types: Vec<PaymentType>) -> Json<PaymentTypes> {
    Json(match choices.payment_types {
        PaymentTypesShape::List => PaymentTypes::List(payment_types),
        PaymentTypesShape::Object => PaymentTypes::Object { payment_types },
    })
}

/// A total outside the limits gives an empty list, an unsupported pair what the choice says; a
/// country that Tamara does not know is refused.
pub(super) async fn payment_types(
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Json<PaymentTypes>, ApiError> {
    let country = query.get("country").map_or("", String::as_str);
    let home = Currency::of_country(country).ok_or_else(ApiError::unsupported_country)?;
    let code = query.get("currency").map_or(home.code(), String::as_str);
    if code != home.code() || home != account.currency {
        return unsupported_pair(&account, choices);
    }
    let total_minor = query.get("order_value").map(|value| {
        let minor = parse_minor(value, home).map_err(BadAmount::problem);
        minor.and_then(|minor| at_least_a_tenth(minor, home))
    });
    let total_minor = total_minor.transpose().map_err(|problem| {
        let message = format!("order_value: {problem}");
        ApiError::bare(StatusCode::BAD_REQUEST, &message)
    })?;
    Ok(shaped(choices, types_for(&account, total_minor)))
}

fn at_least_a_tenth(minor: i64, currency: Currency) -> Result<i64, &'static str> {
    if minor * 10 < currency.unit() {
        Err("less than 0.1")
    } else {
        Ok(minor)
    }
}

fn unsupported_pair(account: &Account, choices: Choices) -> Result<Json<PaymentTypes>, ApiError> {
    match choices.unsupported_pair {
        UnsupportedPair::EmptyList => Ok(shaped(choices, Vec::new())),
        UnsupportedPair::ZeroLimits => {
            let mut types = types_for(account, None);
            types.iter_mut().for_each(PaymentType::clear_limits);
            Ok(shaped(choices, types))
        }
        UnsupportedPair::Refused => Err(ApiError::unsupported_pair()),
    }
}

impl PaymentType {
    fn clear_limits(&mut self) {
        let splits = self.supported_instalments.iter_mut().flatten();
        let limits = splits.flat_map(|split| [&mut split.min_limit, &mut split.max_limit]);
        for limit in limits.chain([&mut self.min_limit, &mut self.max_limit]) {
            limit.minor = 0;
        }
    }
}

/// The ways to pay that are offered, for any total or for this one.
fn types_for(account: &Account, total_minor: Option<i64>) -> Vec<PaymentType> {
    let merchant = &account.merchant;
    let limits = |plan: Plan| {
        let limits = merchant.limits(plan)?;
        let fits = total_minor.is_none_or(|minor| limits.contains(&minor));
        fits.then_some(limits)
    };
    let money = |minor| money(account.currency, minor);
    let split = |plan: Plan| {
        let limits = limits(plan)?;
        Some(Split {
            instalments: plan.parts(),
            min_limit: money(*limits.start()),
            max_limit: money(*limits.end()),
        })
    };
    let splits = [Plan::Two, Plan::Three, Plan::Four].into_iter();
    let splits: Vec<_> = splits.filter_map(split).collect();
    let mins = splits.iter().map(|split| split.min_limit.minor);
    let maxs = splits.iter().map(|split| split.max_limit.minor);
    let mut types = Vec::new();
    if let (Some(min_minor), Some(max_minor)) = (mins.min(), maxs.max()) {
        types.push(PaymentType {
            name: "PAY_BY_INSTALMENTS",
            description: "Split in up to 4 payments",
            description_ar: "قسّم على 4 دفعات كحد أقصى",
            min_limit: money(min_minor),
            max_limit: money(max_minor),
            supported_instalments: Some(splits),
        });
    }
    if let Some(limits) = limits(Plan::Full) {
        types.push(PaymentType {
            name: "PAY_NOW",
            description: "Pay in full",
            description_ar: "ادفع كامل المبلغ",
            min_limit: money(*limits.start()),
            max_limit: money(*limits.end()),
            supported_instalments: None,
        });
    }
    types
}

/// Payment types for a concrete cart (endpoints 2.4); everything but the total and the country may
/// be null.
pub(super) async fn credit(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    body: Bytes,
) -> Result<Json<PaymentTypes>, ApiError> {
    let (country, total_minor, phone) = read_body(&body, choices, |fields| {
        fields.set_currency_from("total_amount");
        let consumer = fields.object("consumer");
        let phone = consumer.and_then(|consumer| consumer.text("phone_number"));
        let total_minor = fields.positive_money("total_amount");
        (fields.required_text("country_code"), total_minor, phone)
    })?;
    let home = Currency::of_country(&country).ok_or_else(ApiError::unsupported_country)?;
    if home != account.currency {
        return unsupported_pair(&account, choices);
    }
    let types = if is_eligible(&sandbox, phone, &country) {
        types_for(&account, Some(total_minor))
    } else {
        Vec::new()
    };
    Ok(shaped(choices, types))
}

#[derive(Serialize)]
pub(super) struct OptionsAnswer {
    has_available_payment_options: bool,
    single_checkout_enabled: bool,
    available_payment_labels: Vec<Label>,
}

#[derive(Serialize)]
struct Label {
    payment_type: &'static str,
    /// 0 is the generic label, any other the plan of so many parts.
    instalment: i64,
    description_en: String,
    description_ar: String,
}

/// Whether this customer may pay this total, and how to call it (endpoints 2.3).
pub(super) async fn payment_options(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    body: Bytes,
) -> Result<Json<OptionsAnswer>, ApiError> {
    let (country, total_minor, phone) = read_body(&body, choices, |fields| {
        let currency = fields.set_currency_from("order_value");
        let total_minor = fields.required_money("order_value");
        if currency.is_some_and(|currency| at_least_a_tenth(total_minor, currency).is_err()) {
            fields.invalid("order_value", "less than 0.1");
        }
        let phone = fields.required_text("phone_number");
        (
            fields.required_text("country"),
            (currency, total_minor),
            phone,
        )
    })?;
    let (currency, total_minor) = total_minor;
    if currency.map(Currency::country) != Some(country.as_str())
        || currency != Some(account.currency)
    {
        return Err(ApiError::unsupported_pair());
    }
    let digits = phone::normalise(&phone, &country).ok_or_else(ApiError::invalid_phone)?;
    let plans = if is_eligible(&sandbox, Some(digits), &country) {
        account.merchant.plans_for(total_minor)
    } else {
        Vec::new()
    };
    let single = account.merchant.single_checkout;
    Ok(Json(OptionsAnswer {
        has_available_payment_options: !plans.is_empty(),
        single_checkout_enabled: single,
        available_payment_labels: labels(&plans, single),
    }))
}

fn labels(plans: &[Plan], single: bool) -> Vec<Label> {
    let label = |payment_type, instalment, en: String, ar: String| Label {
        payment_type,
        instalment,
        description_en: en,
        description_ar: ar,
    };
    let splits = plans.iter().filter(|plan| **plan != Plan::Full);
    let mut labels: Vec<_> = if single {
        let generic = || {
            let (en, ar) = ("Monthly payments".to_owned(), "دفعات شهرية".to_owned());
            label("PAY_BY_INSTALMENTS", 0, en, ar)
        };
        splits.take(1).map(|_| generic()).collect()
    } else {
        let specific = |parts| {
            let en = format!("Split in {parts} payments");
            label(
                "PAY_BY_INSTALMENTS",
                parts,
                en,
                format!("قسم على {parts} دفعات"),
            )
        };
        splits.map(|plan| specific(plan.parts())).collect()
    };
    if plans.contains(&Plan::Full) {
        let (en, ar) = ("Pay in full".to_owned(), "ادفع الآن".to_owned());
        labels.push(label("PAY_NOW", 0, en, ar));
    }
    labels
}

/// Stricter than the classic endpoints: the amount must be a JSON number.
#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow)]
    order: Cart<'a>,
    customer: Customer,
}

#[derive(Deserialize)]
struct Cart<'a> {
    #[serde(borrow)]
    amount: &'a RawValue,
    currency: Currency,
}

/// The documentation says `phone`, Tamara's own plugins send `phone_number` (gotchas 15).
#[derive(Deserialize)]
struct Customer {
    phone: Option<String>,
    phone_number: Option<String>,
}

/// This endpoint's short error body.
fn invalid_json() -> Response {
    let body = Json(json!({ "message": "invalid json" }));
    (StatusCode::BAD_REQUEST, body).into_response()
}

/// No for customers with a decline on record and for the phone that is always declined; a
/// customer without phone is eligible (emulator-notes 32).
pub(super) async fn eligibility(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    body: Bytes,
) -> Response {
    let Ok(question) = serde_json::from_slice::<Question<'_>>(&body) else {
        return invalid_json();
    };
    if parse_minor(question.order.amount.get(), question.order.currency).is_err() {
        return invalid_json();
    }
    let customer = question.customer;
    let phone = customer.phone_number.or(customer.phone);
    let is_eligible = is_eligible(&sandbox, phone, &account.merchant.country);
    Json(json!({ "is_eligible": is_eligible })).into_response()
}

fn is_eligible(sandbox: &Sandbox, phone: Option<String>, country: &str) -> bool {
    match phone.and_then(|phone| phone::normalise(&phone, country)) {
        None => true,
        Some(phone) => {
            !is_decline_phone(&phone) && !sandbox.read(|world, _| was_declined(world, &phone))
        }
    }
}

fn was_declined(world: &World, phone: &str) -> bool {
    world
        .orders()
        .any(|order| order.status == Status::Declined && order.consumer.phone_number == phone)
}
