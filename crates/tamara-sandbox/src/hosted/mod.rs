//! The hosted checkout page: phone, code, identity, plan, card, bank,
//! result (hosted-checkout 7.2).
//!
//! Server-rendered, forms only, works without script and loads nothing from elsewhere. Invariant:
//! the server knows the step; each button is a POST that ends in a redirect or shows a mistake.

mod cards;
mod identity;
mod page;
mod steps;
mod text;

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::Sandbox;
use crate::rules::Refusal;
use crate::world::{Locale, Status, World};
use cards::{Filled, TypedCard};
use page::{Page, Subject, View};
use steps::{Outcome, Typed};

/// Nothing but its own inline style. `form-action` stays open: a form may end at the merchant's.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// Time to read what happened before the page moves on by itself.
const MOVES_ON_AFTER_S: u32 = 3;

type Words = BTreeMap<String, String>;

pub(crate) fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/checkout/{checkout_id}", get(show))
        .route("/checkout/{checkout_id}/result", get(result))
        .route("/checkout/{checkout_id}/send-code", post(send_code))
        .route("/checkout/{checkout_id}/verify-otp", post(verify_otp))
        .route("/checkout/{checkout_id}/agree", post(agree))
        .route("/checkout/{checkout_id}/regenerate-id", post(regenerate))
        .route("/checkout/{checkout_id}/id-confirmed", get(id_confirmed))
        .route("/checkout/{checkout_id}/take-picture", post(take_picture))
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
    let index = query.get("use").and_then(|index| index.parse().ok());
    sandbox.read(|world, now_ms| {
        let mut view = view(world, &checkout_id, &query);
        view.typed = index
            .and_then(Filled::example)
            .map_or(Typed::Nothing, Typed::Card);
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

async fn agree(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, _| {
        identity::agree(world, &checkout_id)
    })
}

async fn regenerate(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, _| {
        identity::regenerate(world, &checkout_id)
    })
}

/// The one address that moves a step by being opened: the page does so by itself, as with Nafath.
async fn id_confirmed(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, _| {
        identity::confirm_nafath(world, &checkout_id)
    })
}

async fn take_picture(
    State(sandbox): State<Sandbox>,
    Path(checkout_id): Path<String>,
    Query(query): Query<Words>,
) -> Response {
    press(&sandbox, &checkout_id, &query, |world, _| {
        identity::take_picture(world, &checkout_id)
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
        Ok(Outcome::Mistaken(mistake, typed)) => sandbox.read(|world, now_ms| {
            let mut view = view(world, checkout_id, query);
            view.mistake = Some(mistake);
            view.typed = typed;
            let page = render(world, checkout_id, now_ms, view);
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }),
        Err(Refusal::Storage) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        // A button of an old tab moves nothing, so a transition is never refused here.
        Err(
            Refusal::CheckoutNotFound
            | Refusal::OrderNotFound
            | Refusal::CaptureNotFound
            | Refusal::RefundWithoutItems
            | Refusal::ShippingNotInFull
            | Refusal::DisputeNotFound
            | Refusal::DisputeClosed
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
        typed: Typed::Nothing,
        result: false,
    }
}

fn render(world: &World, checkout_id: &str, now_ms: i64, view: View) -> Response {
    let subject = world.checkout(checkout_id).and_then(|checkout| {
        let order = world.order(&checkout.order_id)?;
        Some(Subject {
            world,
            merchant: &world.account(&order.merchant_id)?.merchant.name,
            order,
            checkout,
            now_ms,
        })
    });
    let Some(subject) = subject else {
        return not_found(view.locale);
    };
    let locale = view.locale.code();
    if view.result && subject.order.status == Status::New {
        let address = format!("/checkout/{checkout_id}?locale={locale}");
        return Redirect::to(&address).into_response();
    }
    html(&page::page(&subject, view))
}

fn not_found(locale: Locale) -> Response {
    (StatusCode::NOT_FOUND, html(&page::unknown(locale))).into_response()
}

fn html(page: &Page) -> Response {
    let body = page.render().expect("writing to a text cannot fail");
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let mut response = (headers, Html(body)).into_response();
    if let Some(address) = page.moves_on() {
        let refresh = format!("{MOVES_ON_AFTER_S}; url={address}");
        if let Ok(refresh) = HeaderValue::from_str(&refresh) {
            response.headers_mut().insert(header::REFRESH, refresh);
        }
    }
    response
}
