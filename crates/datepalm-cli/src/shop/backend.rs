//! The shop's client of `/v1`: the few calls that a shop needs, and nothing that it does not.
//!
//! Invariant: keys leave this file only in the `Authorization` header; nothing here is logged but status and code.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::OrderNumber;
use super::catalog::Store;

/// How long one read may be held open by the service, in seconds.
const WAIT_S: u32 = 25;

/// Datepalm, as this shop sees it.
pub(super) struct Backend {
    http: reqwest::Client,
    api_url: String,
    key_sar: String,
    key_kwd: String,
}

/// A payment's status, in Datepalm's words.
#[derive(Deserialize, Copy, Clone, Eq, PartialEq, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Created,
    Pending,
    Approved,
    Authorised,
    PartiallyCaptured,
    Captured,
    PartiallyRefunded,
    Refunded,
    Canceled,
    Declined,
    Expired,
    Failed,
}

impl Status {
    /// The word as `/v1` spells it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Authorised => "authorised",
            Self::PartiallyCaptured => "partially_captured",
            Self::Captured => "captured",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Canceled => "canceled",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

/// The parts of a payment that the shop uses.
#[derive(Deserialize, Clone, Debug)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) merchant_reference: String,
    pub(super) status: Status,
    pub(super) paid: bool,
    pub(super) in_doubt: bool,
    pub(super) version: i64,
    pub(super) amounts: Amounts,
    pub(super) checkout_url: Option<String>,
    pub(super) expired_reason: Option<String>,
    pub(super) cancel: Option<CancelMark>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) created_at: String,
}

#[derive(Deserialize, Clone, Debug)]
pub(super) struct Amounts {
    pub(super) total: Amount,
    pub(super) authorised: Amount,
    pub(super) canceled: Amount,
    pub(super) captured: Amount,
    pub(super) refunded: Amount,
}

/// Money as `/v1` writes it; the amount is in minor units of the store's currency.
#[derive(Deserialize, Clone, Debug)]
pub(super) struct Amount {
    #[serde(rename = "amount")]
    pub(super) minor: i64,
}

#[derive(Deserialize, Clone, Debug)]
pub(super) struct CancelMark {
    pub(super) state: String,
}

/// One line of what happened to a payment.
#[derive(Deserialize, Debug)]
pub(super) struct Happening {
    pub(super) at: String,
    pub(super) kind: String,
    pub(super) title: String,
}

#[derive(Deserialize)]
struct List<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

/// What the shop may ask of a payment once it exists.
#[derive(Deserialize, Copy, Clone, Eq, PartialEq, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    Capture,
    Refund,
    Cancel,
}

impl Action {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
        }
    }
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The service answered with a problem document.
    Refused(Problem),
    /// No answer, or one that makes no sense. Whatever was asked may have happened.
    NoAnswer,
}

/// The parts of a problem document (RFC 9457) that a person or the shop can use.
#[derive(Deserialize, Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) title: String,
    pub(super) detail: Option<String>,
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) retryable: bool,
}

impl Failure {
    /// One sentence for the person in front of the page.
    pub(super) fn sentence(&self) -> String {
        let text = match self {
            Self::NoAnswer => {
                "The payment service did not answer. Nothing is lost: try again in a moment."
            }
            Self::Refused(problem) => problem.detail.as_deref().unwrap_or(&problem.title),
        };
        let text = text.trim();
        let mut letters = text.chars();
        let Some(first) = letters.next() else {
            return "The payment service refused this.".to_owned();
        };
        let stop = if text.ends_with(['.', '!', '?']) {
            ""
        } else {
            "."
        };
        // A sentence that begins with the name of a field keeps it as it is spelt.
        let word = text.split(' ').next().unwrap_or_default();
        if word.contains(['.', '_', '[']) {
            return format!("{text}{stop}");
        }
        first
            .to_uppercase()
            .chain(letters)
            .chain(stop.chars())
            .collect()
    }

    /// The stable code of the problem, for developers; empty without one.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::NoAnswer => "",
            Self::Refused(problem) => &problem.code,
        }
    }

    /// Asking again with the same idempotency key is safe and may succeed.
    pub(super) fn may_be_repeated(&self) -> bool {
        match self {
            Self::NoAnswer => true,
            Self::Refused(problem) => problem.retryable || problem.status >= 500,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoAnswer => StatusCode::BAD_GATEWAY,
            Self::Refused(problem) => {
                StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
        }
    }
}

impl Backend {
    pub(super) fn new(api_url: String, key_sar: String, key_kwd: String) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(u64::from(WAIT_S) + 35))
            .build()
            .expect("a client without special settings can be built");
        Self {
            http,
            api_url,
            key_sar,
            key_kwd,
        }
    }

    /// The order number is the idempotency key: a second click on "pay" finds the payment of the first.
    pub(super) async fn create(
        &self,
        order: &OrderNumber,
        body: &serde_json::Value,
    ) -> Result<Payment, Failure> {
        self.post(order.store(), "/v1/payments", order.as_str(), body)
            .await
    }

    /// None when no payment was made for this order.
    pub(super) async fn find(&self, order: &OrderNumber) -> Result<Option<Payment>, Failure> {
        let path = format!("/v1/payments?limit=1&merchant_reference={}", order.as_str());
        let list: List<Payment> = self.get(order.store(), &path).await?;
        Ok(list.data.into_iter().next())
    }

    /// Answers when the payment has a newer version than the given one, or after a while without news.
    pub(super) async fn wait(
        &self,
        store: Store,
        payment_id: &str,
        version: i64,
    ) -> Result<Payment, Failure> {
        self.get(
            store,
            &format!("/v1/payments/{payment_id}?wait={WAIT_S}&since={version}"),
        )
        .await
    }

    /// The newest payments of one store's account.
    pub(super) async fn recent(&self, store: Store) -> Result<Vec<Payment>, Failure> {
        let list: List<Payment> = self.get(store, "/v1/payments?limit=20").await?;
        Ok(list.data)
    }

    pub(super) async fn timeline(
        &self,
        store: Store,
        payment_id: &str,
    ) -> Result<Vec<Happening>, Failure> {
        let path = format!("/v1/payments/{payment_id}/timeline?limit=100");
        let mut page: List<Happening> = self.get(store, &path).await?;
        let mut happenings = page.data;
        while let Some(cursor) = page.next_cursor {
            page = self.get(store, &format!("{path}&cursor={cursor}")).await?;
            happenings.append(&mut page.data);
        }
        Ok(happenings)
    }

    /// Capture, refund or cancel. What became of it is read from the payment afterwards.
    pub(super) async fn act(
        &self,
        store: Store,
        payment_id: &str,
        action: Action,
        key: &str,
        body: &serde_json::Value,
    ) -> Result<(), Failure> {
        let path = format!("/v1/payments/{payment_id}/{}", action.word());
        self.post::<serde_json::Value>(store, &path, key, body)
            .await
            .map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, store: Store, path: &str) -> Result<T, Failure> {
        receive(self.request(Method::GET, store, path)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        store: Store,
        path: &str,
        key: &str,
        body: &serde_json::Value,
    ) -> Result<T, Failure> {
        let request = self.request(Method::POST, store, path);
        let request = request
            .header("idempotency-key", key)
            .header("content-type", "application/json");
        receive(request.body(body.to_string())).await
    }

    fn request(&self, method: Method, store: Store, path: &str) -> reqwest::RequestBuilder {
        let key = match store {
            Store::Saudi => &self.key_sar,
            Store::Kuwait => &self.key_kwd,
        };
        self.http
            .request(method, format!("{}{path}", self.api_url))
            .bearer_auth(key)
    }
}

async fn receive<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, Failure> {
    let Ok(response) = request.send().await else {
        return Err(Failure::NoAnswer);
    };
    let status = response.status();
    let Ok(body) = response.bytes().await else {
        return Err(Failure::NoAnswer);
    };
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| {
            tracing::warn!(%error, "the payment service answered with something unexpected");
            Failure::NoAnswer
        });
    }
    let problem = serde_json::from_slice::<Problem>(&body).map_err(|_| Failure::NoAnswer)?;
    tracing::info!(
        status = problem.status,
        code = problem.code,
        "the payment service refused a call of the shop"
    );
    Err(Failure::Refused(problem))
}
