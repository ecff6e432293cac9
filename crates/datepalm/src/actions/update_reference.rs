//! Changes the reference that Tamara knows the payment's order by: one operation beside the money operations, written
//! down before the call and settled by reading (R4, R6, R16, R26).

use super::advance::{Env, save_and_plan};
use super::request_operation::{Outcome, in_progress, load_own, needs_attention, replay};
use super::send::{Grant, send};
use crate::app::{Account, App};
use crate::clock::rfc3339;
use crate::domain::intend;
use crate::domain::operation::{Lease, OperationKind};
use crate::domain::payment::Payment;
use crate::domain::references::{ReferenceRefused, decide_reference};
use crate::error::{Code, Error, Refusal, Result};
use crate::ids::{OperationId, PaymentId};
use crate::store::sessions;
use crate::store::tx::Tx;
use std::sync::Arc;

const KIND: OperationKind = OperationKind::UpdateReference;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct AskedReference {
    /// Whose order.
    pub payment: PaymentId,
    /// The reference that it should have.
    pub reference: String,
    /// The caller's key.
    pub key: String,
}

/// Carries it out.
pub async fn update_reference(
    app: &Arc<App>,
    account: &Arc<Account>,
    asked: AskedReference,
) -> Result<Outcome> {
    let env = Env::now(app, account);
    let grant = Grant::new(app);
    let lease = grant.lease.clone();
    let fingerprint = app.fingerprint(&format!("{}\n{}", asked.payment, asked.reference));
    let payment = asked.payment.clone();
    let (operation, replayed) = app
        .store
        .write("request a reference", move |tx| {
            write_intent(tx, &env, &asked, &fingerprint, &lease)
        })
        .await?;
    let upstream = if replayed {
        None
    } else {
        send(app, &payment, &operation, grant).await?
    };
    Ok(Outcome {
        payment,
        operation,
        replayed,
        upstream,
    })
}

/// Answers the operation, and whether the key had made it before.
fn write_intent(
    tx: &mut Tx<'_>,
    env: &Env,
    asked: &AskedReference,
    fingerprint: &str,
    lease: &Lease,
) -> Result<(OperationId, bool)> {
    let account = &env.account.config.name;
    // The payment's row is locked first, so that a caller at the same moment with the same key is a replay.
    let before = load_own(tx, account, &asked.payment)?;
    if let Some(operation) = replay(tx, account, KIND, &asked.key, fingerprint)? {
        return Ok((operation, true));
    }
    let now_ms = env.stamp.now_ms;
    let context = env.context(tx, &before)?;
    let wanted = decide_reference(&before, &asked.reference, &context)
        .map_err(|why| refusal(&before, &why))?;
    if !sessions::reserve_reference(tx, account, &asked.reference, &wanted.session)? {
        let detail = "another order of this account has this order_reference_id, or had it; a reference is given to one \
                      order for ever, so choose another";
        return Err(in_use(detail));
    }
    let id = OperationId::with_prefix(KIND.id_prefix(), now_ms, env.stamp.ids.as_ref());
    let own = intend::Asked {
        key: asked.key.clone(),
        fingerprint: fingerprint.to_owned(),
        lease: lease.clone(),
        shipped_at_s: None,
        item_refs: String::new(),
        details: "{}".to_owned(),
    };
    let mut payment = before.clone();
    let wanted = (wanted, asked.reference.as_str());
    intend::reference(&mut payment, id.clone(), wanted, own, &context);
    save_and_plan(tx, Some(&before), &mut payment, env)?;
    Ok((id, false))
}

fn in_use(detail: &str) -> Error {
    Refusal::new(Code::ReferenceInUse, detail)
        .param("order_reference_id")
        .into()
}

/// A refusal of the core in words.
fn refusal(payment: &Payment, why: &ReferenceRefused) -> Error {
    match why {
        ReferenceRefused::NoOrder => {
            let status = payment.status().as_str();
            let detail = format!(
                "the payment is {status}; its reference can be changed once Tamara has opened an order for it"
            );
            Refusal::new(Code::WrongStatus, detail).into()
        }
        ReferenceRefused::NeedsAttention => needs_attention().into(),
        ReferenceRefused::ChangeInProgress(id) => in_progress(id).into(),
        ReferenceRefused::HadBefore => in_use(
            "this order has this order_reference_id, or had it before; choose one that it never had",
        ),
        ReferenceRefused::EarlierMayArrive {
            operation,
            until_ms,
        } => Refusal::new(
            Code::OperationInProgress,
            format!(
                "a call of the earlier change {operation} was lost and may still reach Tamara, where it would undo this \
                 one; try again after {}",
                rfc3339(*until_ms)
            ),
        )
        .operation(operation.as_str())
        .into(),
    }
}
