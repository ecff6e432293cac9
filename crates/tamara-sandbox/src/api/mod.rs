//! Tamara's merchant API, one file per endpoint family.
//!
//! Parses, calls the rules and answers in Tamara's shapes; decides nothing about orders. Every
//! route goes through one middleware, [`admit`], which knows the merchant. Invariant: no handler
//! sees an order of another merchant.

mod answers;
mod buyer;
mod checkout;
mod disputes;
mod error;
mod fields;
mod in_store;
mod items;
mod merchant;
mod orders;
mod payments;
pub(crate) mod phone;
mod prechecks;
mod refunds;
mod risk;
mod terms;
mod webhooks;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};

use crate::Sandbox;
use crate::rules::Refusal;
use crate::world::{Account, Order, World};
pub(crate) use error::INVENTED;
use error::{ApiError, Question};

/// The list in [`crate::fidelity`] says where each of these is documented.
pub(crate) fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .merge(checkouts())
        .merge(orders())
        .merge(merchants())
        .layer(from_fn_with_state(sandbox.clone(), admit))
        .with_state(sandbox)
}

fn checkouts() -> Router<Sandbox> {
    Router::new()
        .route("/checkout", post(checkout::create))
        .route("/checkout/payment-types", get(prechecks::payment_types))
        .route(
            "/checkout/payment-options-pre-check",
            post(prechecks::payment_options),
        )
        .route("/checkout/credit-pre-check", post(prechecks::credit))
        .route("/pre-checkout/v1/eligibility", post(prechecks::eligibility))
        .route("/checkout/in-store-session", post(in_store::link))
        .route("/checkout/in-store", post(in_store::qr))
        .route("/checkout/{checkout_id}/void", post(in_store::void))
}

fn orders() -> Router<Sandbox> {
    Router::new()
        .route("/orders/{order_id}", get(orders::show))
        .route("/merchants/orders/{order_id}", get(orders::show))
        .route(
            "/merchants/orders/reference-id/{reference}",
            get(orders::show_by_reference),
        )
        .route("/orders/{order_id}/authorise", post(orders::authorise))
        .route("/orders/{order_id}/cancel", post(orders::cancel))
        .route("/merchants/orders/{order_id}/cancel", post(orders::cancel))
        .route(
            "/orders/{order_id}/reference-id",
            put(orders::change_reference),
        )
        .route("/payments/capture", post(payments::capture))
        .route(
            "/merchants/orders/{order_id}/capture",
            post(payments::portal_capture),
        )
        .route(
            "/payments/simplified-refund/{order_id}",
            post(refunds::simplified),
        )
        .route("/merchants/orders/{order_id}/refund", post(refunds::portal))
        .route("/payments/refund", post(refunds::legacy))
}

fn merchants() -> Router<Sandbox> {
    let webhook = get(webhooks::show)
        .put(webhooks::replace)
        .delete(webhooks::remove);
    Router::new()
        .route("/merchants/configs", get(merchant::configs))
        .route(
            "/merchants/customer/id-verification-status",
            get(merchant::id_verification).post(merchant::id_verification_by_post),
        )
        .route("/webhooks", get(webhooks::list).post(webhooks::register))
        .route("/webhooks/list", get(webhooks::list))
        .route("/webhooks/{webhook_id}", webhook)
        .route("/external/merchants/orders/disputes/", get(disputes::list))
        .route("/external/merchants/orders/disputes", get(disputes::list))
        .route(
            "/external/merchants/orders/disputes/{dispute_id}",
            post(disputes::answer),
        )
}

/// Lets a request in with the merchant whose token it carries, and the choices of this moment. A name in its path that is
/// no text names nothing.
async fn admit(
    State(sandbox): State<Sandbox>,
    names: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    let token = header
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(|token| token.trim().to_owned());
    let (choices, account) = sandbox.read(|world, _| (world.choices, by_token(world, token)));
    let mut response = match account {
        Err(refused) => refused.into_response(),
        Ok(_)
            if matches!(
                names,
                Err(RawPathParamsRejection::InvalidUtf8InPathParam(_))
            ) =>
        {
            no_such_route().await.into_response()
        }
        Ok(account) => {
            request.extensions_mut().insert(account);
            request.extensions_mut().insert(choices);
            next.run(request).await
        }
    };
    if let Some(question) = response.extensions_mut().remove::<Question>() {
        *response.status_mut() = question.status(&choices);
    }
    response
}

fn by_token(world: &World, token: Option<String>) -> Result<Account, ApiError> {
    let token = token.ok_or_else(ApiError::unauthorised)?;
    if let Some(account) = world.account_by_token(&token) {
        return Ok(account.clone());
    }
    let mut elsewhere = world.accounts().iter().map(|account| &account.merchant);
    Err(
        if elsewhere.any(|merchant| merchant.production_api_tokens.contains(&token)) {
            ApiError::merchant_not_found()
        } else {
            ApiError::unauthorised()
        },
    )
}

pub(crate) async fn no_such_route() -> ApiError {
    ApiError::bare(StatusCode::NOT_FOUND, "Not found")
}

pub(crate) async fn no_such_method() -> ApiError {
    ApiError::bare(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}

/// The merchant's own order; another's does not exist for it.
fn owned<'w>(world: &'w World, account: &Account, order_id: &str) -> Result<&'w Order, ApiError> {
    let order = world
        .order(order_id)
        .filter(|order| order.merchant_id == account.merchant_id);
    order.ok_or_else(|| Refusal::OrderNotFound.into())
}
