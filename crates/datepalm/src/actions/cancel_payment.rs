//! Cancel of the whole payment: one verb with a plan (R23). The row of its key is the mark (R26).

use super::advance::{Env, save_and_plan};
use super::recover::hurried;
use super::request_operation::{Asked, load_own, refusal, replay, request_operation};
use super::send::{Grant, send};
use crate::app::{Account, App};
use crate::domain::decide::{Command, Decision, decide};
use crate::domain::intend;
use crate::domain::operation::OperationKind;
use crate::error::{Code, Result, refused};
use crate::ids::{OperationId, PaymentId};
use crate::store::payments;
use crate::store::tx::Tx;
use std::sync::Arc;

/// What came of a cancel.
pub enum Canceled {
    /// A mark was accepted (or stands already); the payment tells how it goes on.
    Marked {
        /// The key had been used before.
        replayed: bool,
    },
    /// The rest of an order captured in part: a plain operation.
    Operation(super::request_operation::Outcome),
}

enum Written {
    Mark {
        next: Option<OperationId>,
        replayed: bool,
    },
    Plain,
}

/// Cancels a payment as a whole.
pub async fn cancel_payment(
    app: &Arc<App>,
    account: &Arc<Account>,
    payment: &PaymentId,
    key: String,
) -> Result<Canceled> {
    let env = Env::now(app, account);
    let asked = Asked::cancel(payment.clone(), key.clone());
    let fingerprint = asked.fingerprint(app);
    let id = payment.clone();
    let written = app
        .store
        .write("cancel payment", move |tx| {
            write_mark(tx, &env, &id, &key, &fingerprint)
        })
        .await;
    let written = hurried(app, payment, written).await?;
    match written {
        Written::Plain => Ok(Canceled::Operation(
            request_operation(app, account, asked).await?,
        )),
        Written::Mark { next, replayed } => {
            app.changed(payment);
            // The plan's next step is sent by whoever comes first; here, so that the caller sees its outcome.
            if let Some(operation) = next {
                send(app, payment, &operation, Grant::new(app)).await?;
            }
            Ok(Canceled::Marked { replayed })
        }
    }
}

fn write_mark(
    tx: &mut Tx<'_>,
    env: &Env,
    id: &PaymentId,
    key: &str,
    fingerprint: &str,
) -> Result<Written> {
    let account = &env.account.config.name;
    // The payment's row is locked first, so that a caller at the same moment with the same key is a replay.
    let before = load_own(tx, account, id)?;
    if let Some(known) = payments::by_cancel_key(tx, account, key)? {
        if known != *id {
            return refused(
                Code::IdempotencyKeyReused,
                "this Idempotency-Key was used to cancel another payment; use a new key",
            );
        }
        return Ok(Written::Mark {
            next: None,
            replayed: true,
        });
    }
    if replay(tx, account, OperationKind::Cancel, key, fingerprint)?.is_some() {
        return Ok(Written::Plain);
    }
    match decide(&before, Command::Cancel, env.stamp.now_ms)
        .map_err(|why| refusal(&before, Command::Cancel, &why, &env.policy))?
    {
        Decision::Operation(_) => Ok(Written::Plain),
        Decision::AlreadyCanceled => Ok(Written::Mark {
            next: None,
            replayed: false,
        }),
        Decision::Mark(mark) => {
            let mut payment = before.clone();
            let context = env.context(tx, &payment)?;
            intend::mark(&mut payment, mark, &context);
            save_and_plan(tx, Some(&before), &mut payment, env)?;
            payments::bind_cancel_key(tx, id, key)?;
            let new = payment
                .operations
                .iter()
                .find(|operation| before.operation(operation.id.as_str()).is_none());
            Ok(Written::Mark {
                next: new.map(|operation| operation.id.clone()),
                replayed: false,
            })
        }
    }
}
