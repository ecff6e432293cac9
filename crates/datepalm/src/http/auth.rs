//! Who is calling: a secret key, which belongs to exactly one account (R28).

use super::problem::Problem;
use crate::app::{Account, App};
use crate::error::{Code, Refusal};
use crate::ids;
use crate::store::accounts;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::sync::Arc;

/// A merchant's backend, known by its secret key.
pub struct Merchant {
    /// The key's account.
    pub account: Arc<Account>,
    /// The key's id, for what a person decides with it.
    pub key_id: String,
}

impl FromRequestParts<Arc<App>> for Merchant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let header = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let key = header
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim());
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Err(refused(
                "send the account's secret key as Authorization: Bearer sk_...",
            ));
        };
        if key.starts_with("pk_") {
            return Err(refused(
                "this is a publishable key; the merchant API takes the secret key sk_..., from a server only",
            ));
        }
        let hash = ids::sha256_hex(key);
        let found = app
            .store
            .read("find key", move |tx| accounts::by_key_hash(tx, &hash))
            .await?;
        let Some(known) = found else {
            return Err(refused(
                "this key is unknown; datepalm keys create --account NAME makes one",
            ));
        };
        if known.kind != "sk" {
            return Err(refused("the merchant API takes a secret key sk_..."));
        }
        let account = app.account(&known.account)?;
        Ok(Self {
            account,
            key_id: known.id,
        })
    }
}

fn refused(detail: &str) -> Problem {
    Refusal::new(Code::InvalidKey, detail).into()
}
