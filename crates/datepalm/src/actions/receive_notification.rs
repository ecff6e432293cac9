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
        .map_err(|why| refused(&why))?;
    let parsed = notification::parse(&body).ok();
    let now_ms = app.clock.now_ms();
    let notification = Notification {
        id: InboxId::new(now_ms, app.ids.as_ref()),
        account: account.config.name.clone(),
        order_id: parsed.as_ref().map(|parsed| parsed.order_id.clone()),
        word: parsed.map_or_else(
            || "unreadable".to_owned(),
            |parsed| match parsed.word {
                Word::Event(event) => event,
                Word::Status(status) => format!("order_status={}", status.as_str()),
            },
        ),
        received_at_ms: now_ms,
        done_at_ms: None,
    };
    let raw = String::from_utf8_lossy(&body).replace('\0', "");
    app.store
        .write("keep a notification", move |tx| {
            inbox::insert(tx, &notification, &raw)
        })
        .await?;
    app.nudges.work.notify_one();
    Ok(())
}

/// What the sender may know: the reason, and what an operator should look at.
fn refused(why: &NotificationError) -> Refusal {
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
