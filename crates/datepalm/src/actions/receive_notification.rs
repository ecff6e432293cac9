//! `POST /hooks/tamara/{account}`: verify the token, keep the bytes, answer. The body is evidence, never a fact (R1).

use crate::app::{Account, App};
use crate::error::{Code, Refusal, Result};
use crate::ids::InboxId;
use crate::store::inbox::{self, Notification};
use std::sync::Arc;
use tamara::notification::{self, NotificationError, Word};

/// The largest body that is kept, bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Stores a notification whose token verified. A body that names no order is kept and shown all the same: its sender is
/// Tamara, and refusing it would only bring it back.
pub async fn receive_notification(
    app: &Arc<App>,
    account: &Arc<Account>,
    authorization: Option<&str>,
    tamara_token: Option<&str>,
    body: Vec<u8>,
) -> Result<()> {
    let now_s = app.clock.now_ms().div_euclid(1_000);
    account
        .verifier
        .verify(authorization, tamara_token, now_s)
        .map_err(refused)?;
    let now_ms = app.clock.now_ms();
    let (order_id, word) = said(&body);
    let notification = Notification {
        id: InboxId::new(now_ms, app.ids.as_ref()),
        account: account.config.name.clone(),
        order_id,
        word,
        received_at_ms: now_ms,
        done_at_ms: None,
    };
    #[cfg(feature = "mutations")]
    let env = super::advance::Env::now(app, account);
    let raw = String::from_utf8_lossy(&body).replace('\0', "");
    app.store
        .write("keep a notification", move |tx| {
            #[cfg(feature = "mutations")]
            super::mutants::believe_notification(tx, &notification, &env)?;
            inbox::insert(tx, &notification, &raw)
        })
        .await?;
    app.nudges.work.notify_one();
    Ok(())
}

/// The longest order id that can be one; Tamara's are UUIDs. It becomes part of an index, which longer texts break.
const ORDER_ID_BYTES_MAX: usize = 255;

/// The longest word that is shown.
const WORD_CHARS_MAX: usize = 100;

/// The order that a body names, and its word as it may be stored and shown.
fn said(body: &[u8]) -> (Option<String>, String) {
    let fits = |id: &str| id.len() <= ORDER_ID_BYTES_MAX && !id.chars().any(char::is_control);
    let parsed = notification::parse(body).ok();
    let Some(parsed) = parsed.filter(|parsed| fits(&parsed.order_id)) else {
        return (None, "unreadable".to_owned());
    };
    let word = match parsed.word {
        Word::Event(event) => event,
        Word::Status(status) => format!("order_status={}", status.as_str()),
    };
    let shown = word.chars().filter(|c| !c.is_control());
    (Some(parsed.order_id), shown.take(WORD_CHARS_MAX).collect())
}

/// What the sender may know: the reason, and what an operator should look at.
fn refused(why: NotificationError) -> Refusal {
    let next = match why {
        NotificationError::Missing => "send it as Authorization: Bearer, or as ?tamaraToken=",
        NotificationError::BadSignature => {
            "if this is Tamara, the account's notification_token is not the one that Tamara signs with"
        }
        NotificationError::Expired => "if this is Tamara, check this machine's clock",
        NotificationError::Malformed
        | NotificationError::WrongAlgorithm
        | NotificationError::WrongIssuer
        | NotificationError::Disagree => "Tamara signs with HS256 and names itself as issuer",
    };
    Refusal::new(
        Code::NotificationRefused,
        format!("notification token refused: {why}; {next}"),
    )
}
