//! The webhook registry (endpoints 2.15), with its quirks: no headers are `[]`, a known address is
//! an error that names its id, `order_updated` is refused.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::error::{ApiError, Question};
use super::fields::read_body;
use crate::choices::{PartialCancelEvent, SecondWebhookDelete};
use crate::rules::{
    DISPUTE_EVENT_TYPES, EVENT_TYPES, MORE_DISPUTE_EVENT_TYPES, UPDATED_EVENT_TYPE,
};
use crate::world::{Account, Webhook, World};
use crate::{Choices, Sandbox};

const URL_CHARACTERS_MAX: usize = 255;

#[derive(Serialize)]
struct WebhookAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_id: Option<&'a str>,
    webhook_id: &'a str,
    r#type: &'a str,
    url: &'a str,
    events: &'a [String],
    headers: Headers<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Headers<'a> {
    None([(); 0]),
    Some(&'a BTreeMap<String, String>),
}

fn answer(webhook: &Webhook) -> WebhookAnswer<'_> {
    WebhookAnswer {
        merchant_id: None,
        webhook_id: &webhook.id,
        r#type: &webhook.r#type,
        url: &webhook.url,
        events: &webhook.events,
        headers: if webhook.headers.is_empty() {
            Headers::None([])
        } else {
            Headers::Some(&webhook.headers)
        },
    }
}

/// A registration as asked for, checked.
struct Wish {
    r#type: Option<String>,
    url: String,
    events: Vec<String>,
    headers: BTreeMap<String, String>,
}

fn wish(body: &Bytes, choices: Choices, type_before: Option<&str>) -> Result<Wish, ApiError> {
    let wish = read_body(body, choices, |fields| {
        let url = fields.filled_text("url");
        fields.at_most("url", &url, URL_CHARACTERS_MAX);
        if !url.is_empty() && !is_receiver(&url) {
            fields.invalid("url", "neither https nor http on this machine");
        }
        fields.require("events");
        let events = fields.texts("events").unwrap_or_default();
        if fields.has("events") && events.is_empty() {
            fields.invalid("events", "empty");
        }
        let headers = fields.text_map("headers");
        if !headers.iter().all(is_header) {
            fields.invalid("headers", "not HTTP headers");
        }
        Wish {
            r#type: fields.text("type"),
            url,
            events,
            headers,
        }
    })?;
    let r#type = wish.r#type.as_deref().or(type_before).unwrap_or("order");
    if !matches!(r#type, "order" | "dispute") {
        let message = "Invalid webhook type";
        return Err(ApiError::bare(StatusCode::BAD_REQUEST, message));
    }
    let mut events = wish.events.iter();
    let unknown = events.find(|event| !is_known(r#type, event, choices));
    match unknown {
        None => Ok(wish),
        Some(event) => {
            let message = format!("Invalid registered event {event}");
            Err(ApiError::bare(StatusCode::BAD_REQUEST, &message))
        }
    }
}

/// One type per registration, each with its own events (webhooks 6.7 and 6.8).
fn is_known(r#type: &str, event: &str, choices: Choices) -> bool {
    let by_choice = if r#type == "dispute" {
        choices.all_dispute_events && MORE_DISPUTE_EVENT_TYPES.contains(&event)
    } else {
        choices.partial_cancel_event == PartialCancelEvent::OrderUpdated
            && event == UPDATED_EVENT_TYPE
    };
    let documented: &[&str] = if r#type == "dispute" {
        &DISPUTE_EVENT_TYPES
    } else {
        &EVENT_TYPES
    };
    by_choice || documented.contains(&event)
}

/// https anywhere; http only on this machine, as Tamara's sandbox accepts it.
fn is_receiver(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    match url.scheme() {
        "https" => true,
        "http" => matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")),
        _ => false,
    }
}

fn is_header((name, value): (&String, &String)) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok()
}

/// The merchant's webhook at this address, other than `webhook_id`.
fn refuse_known(
    world: &World,
    account: &Account,
    url: &str,
    webhook_id: &str,
) -> Result<(), ApiError> {
    let known = world.webhooks().find(|webhook| {
        webhook.merchant_id == account.merchant_id && webhook.url == url && webhook.id != webhook_id
    });
    match known {
        None => Ok(()),
        Some(webhook) => Err(ApiError::refused(
            "Webhook already registered",
            "webhook_already_registered",
        )
        .asking(Question::Unrecorded)
        .with_data(json!({ "webhook_id": webhook.id }))),
    }
}

pub(super) async fn register(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let wish = wish(&body, choices, None)?;
    let webhook = sandbox.change(|world, _| {
        refuse_known(world, &account, &wish.url, "")?;
        let webhook = Webhook {
            id: world.ids.uuid(),
            merchant_id: account.merchant_id.clone(),
            r#type: wish.r#type.unwrap_or_else(|| "order".to_owned()),
            url: wish.url,
            events: wish.events,
            headers: wish.headers,
        };
        world.put_webhook(webhook.clone());
        Ok::<_, ApiError>(webhook)
    })?;
    let mut answer = answer(&webhook);
    answer.merchant_id = Some(&webhook.merchant_id);
    Ok(Json(answer).into_response())
}

fn owned<'w>(
    world: &'w World,
    account: &Account,
    webhook_id: &str,
) -> Result<&'w Webhook, ApiError> {
    let webhook = world
        .webhook(webhook_id)
        .filter(|webhook| webhook.merchant_id == account.merchant_id);
    webhook.ok_or_else(ApiError::webhook_not_found)
}

/// Probably exists at Tamara; its shape is not published (endpoints 2.15).
pub(super) async fn list(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
) -> Response {
    sandbox.read(|world, _| {
        let own = world
            .webhooks()
            .filter(|webhook| webhook.merchant_id == account.merchant_id);
        Json(own.map(answer).collect::<Vec<_>>()).into_response()
    })
}

pub(super) async fn show(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Path(webhook_id): Path<String>,
) -> Result<Response, ApiError> {
    sandbox.read(|world, _| {
        let webhook = owned(world, &account, &webhook_id)?;
        Ok(Json(answer(webhook)).into_response())
    })
}

pub(super) async fn replace(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Path(webhook_id): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let webhook = sandbox.change(|world, _| {
        let mut webhook = owned(world, &account, &webhook_id)?.clone();
        let wish = wish(&body, choices, Some(&webhook.r#type))?;
        refuse_known(world, &account, &wish.url, &webhook_id)?;
        webhook.url = wish.url;
        webhook.events = wish.events;
        webhook.headers = wish.headers;
        world.put_webhook(webhook.clone());
        Ok::<_, ApiError>(webhook)
    })?;
    Ok(Json(answer(&webhook)).into_response())
}

pub(super) async fn remove(
    State(sandbox): State<Sandbox>,
    Extension(account): Extension<Account>,
    Extension(choices): Extension<Choices>,
    Path(webhook_id): Path<String>,
) -> Result<Response, ApiError> {
    sandbox.change(|world, _| {
        let found = owned(world, &account, &webhook_id).map(|_| ());
        let gone = found.is_err() && world.webhook(&webhook_id).is_none();
        if gone && choices.second_webhook_delete == SecondWebhookDelete::Removed {
            return Ok(());
        }
        found?;
        world.remove_webhook(&webhook_id);
        Ok::<_, ApiError>(())
    })?;
    Ok(Json(json!({ "message": "Webhook was removed successfully" })).into_response())
}
