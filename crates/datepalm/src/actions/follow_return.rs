//! The customer comes back (`GET /r/{token}`): a hint to look, never a fact (R1). The server decides what is shown.

use super::content::{self, ReturnUrls};
use super::read_order::read_order;
use crate::app::App;
use crate::domain::payment::Payment;
use crate::domain::status::Status;
use crate::error::{Code, Result, refused};
use crate::ids::{PaymentId, SessionId};
use crate::store::payments::{self, Wish};
use crate::store::sessions;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// How long the page waits for an authorise that is under way.
const PATIENCE: Duration = Duration::from_secs(3);

/// A page that reloads reads the order at most this often, milliseconds.
const READ_AGAIN_MS: i64 = 1_500;

/// What the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Not known yet.
    Confirming,
    /// Paid.
    Paid,
    /// Tamara refused.
    Declined,
    /// Nobody paid in time.
    Expired,
    /// The customer left, or the merchant canceled.
    Canceled,
    /// Given back.
    Refunded,
}

/// What came of following a return link.
pub struct Followed {
    /// What to show.
    pub shown: Shown,
    /// The payment.
    pub payment: Payment,
    /// Its texts.
    pub wish: Wish,
    /// Where to go on.
    pub next_url: String,
}

/// Follows a return link. `hint` is `paymentStatus` of the query.
pub async fn follow_return(app: &Arc<App>, token: &str, hint: Option<&str>) -> Result<Followed> {
    let token = token.to_owned();
    let found = app
        .store
        .read("find return", move |tx| {
            sessions::by_return_token(tx, &token)
        })
        .await?;
    let Some((id, session)) = found else {
        return refused(
            Code::ReturnLinkUnknown,
            "this link belongs to no payment here",
        );
    };
    let canceled = matches!(hint, Some("canceled" | "cancelled"));
    let (payment_id, session_id) = (id.clone(), session.clone());
    let payment = app
        .store
        .read("look at return", move |tx| payments::look(tx, &payment_id))
        .await?;
    let known = payment
        .as_ref()
        .and_then(|p| p.session(&session_id))
        .is_some_and(|s| s.customer_canceled);
    if canceled && !known {
        remember_hint(app, &id, &session).await?;
    }
    if payment
        .as_ref()
        .is_some_and(|payment| worth_reading(payment, &session, app.clock.now_ms()))
    {
        let changes = app.nudges.changed.subscribe();
        read_order(app, &id, &session).await?;
        let authorising = wait_for_authorise(app, &id, changes);
        // Out of patience is no error: the page says "confirming" and comes back by itself.
        if let Ok(waited) = tokio::time::timeout(PATIENCE, authorising).await {
            waited?;
        }
    }
    let payment_id = id.clone();
    let (payment, wish) = app
        .store
        .read("look after return", move |tx| {
            Ok((
                payments::look(tx, &payment_id)?,
                payments::wish(tx, &payment_id)?,
            ))
        })
        .await?;
    let Some(payment) = payment else {
        return refused(
            Code::ReturnLinkUnknown,
            "this link belongs to no payment here",
        );
    };
    let shown = shown(&payment);
    let next_url = next_url(&payment, &wish, shown)?;
    Ok(Followed {
        shown,
        payment,
        wish,
        next_url,
    })
}

/// Whether the outcome is open and was not asked for just now: a page that reloads must not become a flood of reads.
fn worth_reading(payment: &Payment, session: &SessionId, now_ms: i64) -> bool {
    let trusted = payment
        .session(session)
        .and_then(|session| session.facts.trusted_at_ms);
    let fresh = trusted.is_some_and(|at_ms| at_ms > now_ms.saturating_sub(READ_AGAIN_MS));
    shown(payment) == Shown::Confirming && !fresh
}

/// An approved order is being authorised by a worker: the customer sees the result at once if that is quick.
async fn wait_for_authorise(
    app: &Arc<App>,
    id: &PaymentId,
    mut changes: Receiver<PaymentId>,
) -> Result<()> {
    loop {
        let wanted = id.clone();
        let payment = app
            .store
            .read("look while authorising", move |tx| {
                payments::look(tx, &wanted)
            })
            .await?;
        let authorising = payment.is_some_and(|payment| {
            payment.status() == Status::Approved && payment.money_in_flight().is_some()
        });
        if !authorising || changes.recv().await == Err(RecvError::Closed) {
            return Ok(());
        }
    }
}

async fn remember_hint(app: &Arc<App>, id: &PaymentId, session: &SessionId) -> Result<()> {
    let (id, session, stamp) = (id.clone(), session.clone(), app.stamp());
    app.store
        .write("remember return hint", move |tx| {
            let before = payments::load_known(tx, &id)?;
            let mut payment = before.clone();
            if let Some(session) = payment.session_mut(&session) {
                session.customer_canceled = true;
            }
            payments::save(tx, Some(&before), &mut payment, &stamp)
        })
        .await
}

/// Never "paid" before Tamara said so and the payment is safe to fulfil (R9).
fn shown(payment: &Payment) -> Shown {
    match payment.status() {
        _ if payment.paid() => Shown::Paid,
        _ if payment.cancel_stands() => Shown::Canceled,
        Status::Declined | Status::Failed => Shown::Declined,
        Status::Expired
            if payment
                .newest_session()
                .is_some_and(|s| s.customer_canceled) =>
        {
            Shown::Canceled
        }
        Status::Expired => Shown::Expired,
        Status::Canceled => Shown::Canceled,
        Status::Refunded | Status::PartiallyRefunded => Shown::Refunded,
        Status::Created
        | Status::Pending
        | Status::Approved
        | Status::Authorised
        | Status::PartiallyCaptured
        | Status::Captured => Shown::Confirming,
    }
}

/// The merchant's URL for the outcome, with `payment_id` and `merchant_reference` in its query.
fn next_url(payment: &Payment, wish: &Wish, shown: Shown) -> Result<String> {
    let urls: ReturnUrls = content::stored(&wish.return_urls)?;
    let base = match shown {
        Shown::Paid | Shown::Confirming | Shown::Refunded => urls.success,
        Shown::Declined | Shown::Expired => urls.failure,
        Shown::Canceled => urls.cancel,
    };
    let mut url =
        url::Url::parse(&base).map_err(|error| anyhow::anyhow!("stored return URL: {error}"))?;
    url.query_pairs_mut()
        .append_pair("payment_id", payment.id.as_str())
        .append_pair("merchant_reference", &payment.merchant_reference);
    Ok(url.into())
}
