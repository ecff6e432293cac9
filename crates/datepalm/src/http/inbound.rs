//! Tamara's notifications come in here.

use super::problem::Problem;
use crate::actions::receive_notification::{BODY_BYTES_MAX, receive_notification};
use crate::app::App;
use crate::error::{Code, Refusal};
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde::Deserialize;
use std::sync::Arc;

/// The token's second place (fact book, webhooks 6.1).
#[derive(Deserialize)]
pub struct Token {
    #[serde(rename = "tamaraToken")]
    tamara_token: Option<String>,
}

/// `POST /hooks/tamara/{account}`
pub async fn receive(
    State(app): State<Arc<App>>,
    name: Result<Path<String>, PathRejection>,
    token: Result<Query<Token>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<&'static str, Problem> {
    let account = name.ok().and_then(|Path(name)| app.accounts.get(&name));
    let Some(account) = account.cloned() else {
        return Err(Refusal::new(
            Code::AccountNotFound,
            "no account of that name is configured here",
        )
        .into());
    };
    let Query(token) = token.map_err(|_| {
        Refusal::new(
            Code::NotificationRefused,
            "notification token refused: send tamaraToken at most once",
        )
    })?;
    let too_large = || {
        Refusal::new(
            Code::BodyTooLarge,
            format!("a notification is at most {BODY_BYTES_MAX} bytes"),
        )
    };
    let body = body.map_err(|_| too_large())?;
    if body.len() > BODY_BYTES_MAX {
        return Err(too_large().into());
    }
    let authorization = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    receive_notification(
        &app,
        &account,
        authorization,
        token.tamara_token.as_deref(),
        body.into(),
    )
    .await?;
    Ok("{\"received\":true}")
}
