//! Tamara's merchant API, one file per endpoint family.
//!
//! Parses, calls the rules and answers in Tamara's shapes; decides nothing about orders. Every
//! route goes through one middleware, [`admit`], which knows the merchant. Invariant: no handler
//! sees an order of another merchant.

mod answers;
mod checkout;
mod error;
mod fields;
mod items;
mod orders;
mod payments;
pub(crate) mod phone;
mod prechecks;
mod webhooks;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post, put};

use crate::Sandbox;
use crate::rules::Refusal;
use crate::world::{Account, Order, World};
use error::ApiError;

pub(crate) fn router(sandbox: Sandbox) -> Router {
    let webhook = get(webhooks::show)
        .put(webhooks::replace)
        .delete(webhooks::remove);
    Router::new()
        .route("/checkout", post(checkout::create))
        .route("/checkout/payment-types", get(prechecks::payment_types))
        .route("/pre-checkout/v1/eligibility", post(prechecks::eligibility))
        .route("/orders/{order_id}", get(orders::show))
        .route("/merchants/orders/{order_id}", get(orders::show))
        .route(
            "/merchants/orders/reference-id/{reference}",
            get(orders::show_by_reference),
        )
        .route("/orders/{order_id}/authorise", post(orders::authorise))
        .route("/orders/{order_id}/cancel", post(orders::cancel))
        .route(
            "/orders/{order_id}/reference-id",
            put(orders::change_reference),
        )
        .route("/payments/capture", post(payments::capture))
        .route(
            "/payments/simplified-refund/{order_id}",
            post(payments::refund),
        )
        .route("/webhooks", get(webhooks::list).post(webhooks::register))
        .route("/webhooks/list", get(webhooks::list))
        .route("/webhooks/{webhook_id}", webhook)
        .layer(from_fn_with_state(sandbox.clone(), admit))
        .with_state(sandbox)
}

/// Lets a request in with the merchant whose token it carries.
async fn admit(
    State(sandbox): State<Sandbox>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let header = request.headers().get(header::AUTHORIZATION);
    let token = header
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(ApiError::unauthorised)?;
    let account = sandbox.read(|world, _| world.account_by_token(token.trim()).cloned());
    let account = account.ok_or_else(ApiError::unauthorised)?;
    request.extensions_mut().insert(account);
    Ok(next.run(request).await)
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
