//! The calls of Tamara's merchant API, one method each.
//!
//! It builds requests and reads answers; sending is the [`Transport`]'s part, and deciding whether
//! to call again is the caller's. Invariant: one method call sends at most one request.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::checkout::{
    CheckoutRequest, CheckoutSession, Eligibility, EligibilityRequest, PaymentType,
    PaymentTypeList, PaymentTypesQuery,
};
use crate::error::{self, Effect, Error};
use crate::orders::Order;
use crate::payments::{
    Authorisation, CancelAnswer, CancelRequest, CaptureAnswer, CaptureRequest, RefundAnswer,
    RefundRequest,
};
use crate::transport::{Method, Request, Transport};
use crate::webhooks::{Webhook, WebhookRegistration, WebhookUpdate};

/// A client of one merchant account in one environment. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    token: SecretString,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client with the account's API token. Spaces around a pasted token are taken off, because
    /// Tamara would answer 401.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the untrimmed secret ends its life here"
    )]
    pub fn new(transport: Arc<dyn Transport>, token: SecretString) -> Self {
        let token = SecretString::from(token.expose_secret().trim());
        Self { transport, token }
    }

    /// Creates a checkout session (endpoints 2.1). Every call makes another one.
    pub async fn create_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<CheckoutSession, Error> {
        self.change(Method::Post, "/checkout".to_owned(), Some(body(request)))
            .await
    }

    /// The payment types on offer (endpoints 2.2); an unsupported pair of country and currency
    /// gives an empty list or [`Error::Rejected`].
    pub async fn payment_types(
        &self,
        query: &PaymentTypesQuery,
    ) -> Result<Vec<PaymentType>, Error> {
        let mut path = format!("/checkout/payment-types?country={}", query.country.code());
        if let Some(currency) = query.currency {
            push(&mut path, "&currency=", currency.code());
        }
        if let Some(order_value) = query.order_value {
            push(&mut path, "&order_value=", &order_value.decimal());
        }
        if let Some(phone) = &query.phone {
            push(&mut path, "&phone=", phone);
        }
        let answer = self
            .exchange(Effect::Reads, Method::Get, path, None)
            .await?;
        if answer.trim_ascii_start().starts_with(b"[") {
            error::decode(Effect::Reads, &answer)
        } else {
            let list: PaymentTypeList = error::decode(Effect::Reads, &answer)?;
            Ok(list.payment_types)
        }
    }

    /// Whether the customer may use Tamara (endpoints 2.5). On any error a shop should show Tamara
    /// as usual.
    pub async fn eligibility(&self, request: &EligibilityRequest) -> Result<bool, Error> {
        let path = "/pre-checkout/v1/eligibility".to_owned();
        let answer: Eligibility = self
            .read(Method::Post, path, Some(body(&request.wire())))
            .await?;
        Ok(answer.is_eligible)
    }

    /// An order by Tamara's id (endpoints 2.7).
    pub async fn order(&self, order_id: &str) -> Result<Order, Error> {
        let path = format!("/orders/{}", segment(order_id)?);
        self.read(Method::Get, path, None).await
    }

    /// An order by the merchant's reference (endpoints 2.8). Which one, when several share the
    /// reference, is not documented.
    pub async fn order_by_reference(&self, order_reference_id: &str) -> Result<Order, Error> {
        let path = format!(
            "/merchants/orders/reference-id/{}",
            segment(order_reference_id)?
        );
        self.read(Method::Get, path, None).await
    }

    /// Acknowledges an approved order (endpoints 2.9). A repeat is [`Error::Conflict`].
    pub async fn authorise(&self, order_id: &str) -> Result<Authorisation, Error> {
        let path = format!("/orders/{}/authorise", segment(order_id)?);
        self.change(Method::Post, path, None).await
    }

    /// Captures all or a part (endpoints 2.11). A repeat captures again while money remains.
    pub async fn capture(&self, request: &CaptureRequest) -> Result<CaptureAnswer, Error> {
        self.change(
            Method::Post,
            "/payments/capture".to_owned(),
            Some(body(request)),
        )
        .await
    }

    /// Cancels all or a part of what is not captured (endpoints 2.10).
    pub async fn cancel(
        &self,
        order_id: &str,
        request: &CancelRequest,
    ) -> Result<CancelAnswer, Error> {
        let path = format!("/orders/{}/cancel", segment(order_id)?);
        self.change(Method::Post, path, Some(body(request))).await
    }

    /// Refunds all or a part by the simplified refund (endpoints 2.12). A repeat refunds again
    /// while money remains.
    pub async fn refund(
        &self,
        order_id: &str,
        request: &RefundRequest,
    ) -> Result<RefundAnswer, Error> {
        let path = format!("/payments/simplified-refund/{}", segment(order_id)?);
        self.change(Method::Post, path, Some(body(request))).await
    }

    /// Changes the merchant's reference of an order (endpoints 2.14).
    pub async fn update_reference(
        &self,
        order_id: &str,
        order_reference_id: &str,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Reference<'a> {
            order_reference_id: &'a str,
        }
        let path = format!("/orders/{}/reference-id", segment(order_id)?);
        self.acknowledged(
            Method::Put,
            path,
            Some(body(&Reference { order_reference_id })),
        )
        .await
    }

    /// Registers a webhook (endpoints 2.15). See [`Error::already_registered`].
    pub async fn register_webhook(&self, request: &WebhookRegistration) -> Result<Webhook, Error> {
        self.change(Method::Post, "/webhooks".to_owned(), Some(body(request)))
            .await
    }

    /// A registered webhook.
    pub async fn webhook(&self, webhook_id: &str) -> Result<Webhook, Error> {
        self.read(
            Method::Get,
            format!("/webhooks/{}", segment(webhook_id)?),
            None,
        )
        .await
    }

    /// Replaces URL, events and headers of a webhook.
    pub async fn update_webhook(
        &self,
        webhook_id: &str,
        request: &WebhookUpdate,
    ) -> Result<Webhook, Error> {
        let path = format!("/webhooks/{}", segment(webhook_id)?);
        self.change(Method::Put, path, Some(body(request))).await
    }

    /// Removes a webhook. What a repeat gives is not documented.
    pub async fn remove_webhook(&self, webhook_id: &str) -> Result<(), Error> {
        let path = format!("/webhooks/{}", segment(webhook_id)?);
        self.acknowledged(Method::Delete, path, None).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: Option<String>,
    ) -> Result<T, Error> {
        let answer = self.exchange(Effect::Reads, method, path, body).await?;
        error::decode(Effect::Reads, &answer)
    }

    async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: Option<String>,
    ) -> Result<T, Error> {
        let answer = self.exchange(Effect::Changes, method, path, body).await?;
        error::decode(Effect::Changes, &answer)
    }

    /// A change whose answer holds only a message for people, or nothing (endpoints 2.15).
    async fn acknowledged(
        &self,
        method: Method,
        path: String,
        body: Option<String>,
    ) -> Result<(), Error> {
        let answer = self.exchange(Effect::Changes, method, path, body).await?;
        if answer.trim_ascii().is_empty() {
            return Ok(());
        }
        error::decode::<IgnoredAny>(Effect::Changes, &answer).map(|_| ())
    }

    async fn exchange(
        &self,
        effect: Effect,
        method: Method,
        path: String,
        body: Option<String>,
    ) -> Result<Vec<u8>, Error> {
        let request = Request {
            method,
            path,
            token: self.token.clone(),
            body,
        };
        let loggable_path = request.path_without_query().to_owned();
        let method = method.as_str();
        let response = self.transport.send(request).await.inspect_err(|error| {
            tracing::debug!(method, path = loggable_path, %error, "call to Tamara failed");
        })?;
        let status = response.status;
        tracing::debug!(method, path = loggable_path, status, "Tamara answered");
        error::judge(effect, response)
    }
}

/// A body in JSON.
fn body(request: &impl Serialize) -> String {
    let text = serde_json::to_string(request);
    text.expect("requests are texts, numbers, lists and maps with text keys")
}

/// One segment of a path. An empty one, or one of dots only, would name another resource, and
/// percent-encoding does not help against that.
fn segment(id: &str) -> Result<String, Error> {
    if matches!(id, "" | "." | "..") {
        return Err(Error::NotSent {
            reason: "id does not fit a path".to_owned(),
        });
    }
    let mut encoded = String::new();
    push(&mut encoded, "", id);
    Ok(encoded)
}

/// Appends a prefix as it is and a value percent-encoded.
fn push(path: &mut String, prefix: &str, value: &str) {
    path.push_str(prefix);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
}
