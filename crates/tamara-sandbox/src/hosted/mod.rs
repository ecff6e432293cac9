//! The hosted checkout page: phone, code, plan, card, bank, result (hosted-checkout 7.2).
//!
//! Server-rendered, forms only, works without script and loads nothing from elsewhere. Invariant:
//! the server knows the step; each button is a POST that ends in a redirect or shows a mistake.

mod cards;
mod page;
mod steps;
mod text;

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::Sandbox;
use crate::rules::Refusal;
use crate::world::{Locale, Status, World};
use page::View;
use steps::{Outcome, TypedCard};

/// Nothing but its own inline style. `form-action` stays open: a form may end at the merchant's.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

type Words = BTreeMap<String, String>;

pub(crate) fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/checkout/{checkout_id}", get(show))
        .route("/checkout/{checkout_id}/result", get(result))
        .route("/checkout/{checkout_id}/send-code", post(send_code))
        .route("/checkout/{checkout_id}/verify-otp", post(verify_otp))
        .route("/checkout/{checkout_id}/choose-plan", post(choose_plan))
        .route("/checkout/{checkout_id}/pay", post(pay))
        .route("/checkout/{checkout_id}/confirm-3ds", post(confirm_3ds))
        .route("/checkout/{checkout_id}/back", post(back))
        .route("/checkout/{checkout_id}/cancel-payment", post(cancel))
        .with_state(sandbox)
}

async fn show(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
) -> Response {
    let card = query.get("use").and_then(|index| index.parse().ok());
    sandbox.read(|world, now_ms| {
        let mut view = view(world, &checkout_id, &query);
        view.card = card;
        render(world, &checkout_id, now_ms, view)
    })
}

/// How it ended; then on to the store.
async fn result(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
) -> Response {
    sandbox.read(|world, now_ms| {
        let mut view = view(world, &checkout_id, &query);
        view.result = true;
        render(world, &checkout_id, now_ms, view)
    })
}

async fn send_code(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
    Form(form): Form<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, now_ms| {
        steps::send_code(world, &checkout_id, field(&form, "phone"), now_ms)
    })
}

async fn verify_otp(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
    Form(form): Form<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, _| {
        steps::verify_code(world, &checkout_id, field(&form, "otp"))
    })
}

async fn choose_plan(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
    Form(form): Form<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, _| {
        steps::choose_plan(world, &checkout_id, field(&form, "plan"))
    })
}

async fn pay(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
    Form(form): Form<Words>,
) -> Response {
    let card = TypedCard {
        number: field(&form, "card_number"),
        expiry: field(&form, "card_expiry"),
        cvv: field(&form, "card_cvv"),
    };
    press(&sandbox, &checkout_id, &query, |world, now_ms| {
        steps::pay(world, &checkout_id, &card, now_ms)
    })
}

async fn confirm_3ds(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
    Form(form): Form<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, now_ms| {
        steps::confirm_password(world, &checkout_id, field(&form, "password"), now_ms)
    })
}

async fn back(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, _| {
        steps::back(world, &checkout_id)
    })
}

async fn cancel(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, now_ms| {
        steps::leave(world, &checkout_id, now_ms)
    })
}

fn field<'a>(form: &'a Words, name: &str) -> &'a str {
    form.get(name).map_or("", String::as_str)
}

/// Does what a button does and sends the customer where that leads.
fn press(
    sandbox: &Sandbox,
    checkout_id: &str,
    query: &Words,
    step: impl FnOnce(&mut World, i64) -> Result<Outcome, Refusal>,
) -> Response {
    let locale = sandbox.read(|world, _| view(world, checkout_id, query).locale);
    let path = format!("/checkout/{checkout_id}");
    let code = locale.code();
    match sandbox.change(step) {
        Ok(Outcome::Page) => Redirect::to(&format!("{path}?locale={code}")).into_response(),
        Ok(Outcome::Ended) => Redirect::to(&format!("{path}/result?locale={code}")).into_response(),
        Ok(Outcome::Away(url)) => Redirect::to(&url).into_response(),
        Ok(Outcome::Mistaken(mistake)) => sandbox.read(|world, now_ms| {
            let mut view = view(world, checkout_id, query);
            view.mistake = Some(mistake);
            let page = render(world, checkout_id, now_ms, view);
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }),
        Err(Refusal::Storage) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        // A button of an old tab moves nothing, so a transition is never refused here.
        Err(
            Refusal::CheckoutNotFound
            | Refusal::OrderNotFound
            | Refusal::TransitionNotAllowed { .. }
            | Refusal::AmountExceedsAvailable { .. },
        ) => not_found(locale),
    }
}

/// The language is the address's, else the session's.
fn view(world: &World, checkout_id: &str, query: &Words) -> View {
    let locale = match query.get("locale") {
        Some(locale) => Locale::parse(locale),
        None => world
            .checkout(checkout_id)
            .map_or(Locale::Arabic, |checkout| checkout.locale),
    };
    View {
        locale,
        mistake: None,
        card: None,
        result: false,
    }
}

fn render(world: &World, checkout_id: &str, now_ms: i64, view: View) -> Response {
    let session = world.checkout(checkout_id).and_then(|checkout| {
        let order = world.order(&checkout.order_id)?;
        let account = world.account(&order.merchant_id)?;
        Some((checkout, order, account))
    });
    let Some((checkout, order, account)) = session else {
        return not_found(view.locale);
    };
    if view.result && order.status == Status::New {
        let address = format!("/checkout/{checkout_id}?locale={}", view.locale.code());
        return Redirect::to(&address).into_response();
    }
    let merchant = &account.merchant.name;
    html(&page::page(merchant, order, checkout, now_ms, view))
}

fn not_found(locale: Locale) -> Response {
    (StatusCode::NOT_FOUND, html(&page::unknown(locale))).into_response()
}

fn html(page: &impl Template) -> Response {
    let body = page.render().expect("writing to a text cannot fail");
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(body)).into_response()
}
