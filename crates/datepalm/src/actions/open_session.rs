//! Another attempt at a payment: a session with the next free reference, and the intent to create it (R6, R22).

use super::advance::Env;
use crate::domain::intend::{self, Opening};
use crate::domain::operation::Lease;
use crate::domain::payment::Payment;
use crate::error::Result;
use crate::ids::{self, OperationId};
use crate::store::sessions;
use crate::store::tx::Tx;

/// Adds a session and its create to `payment`, leased to the request that asks. `key` = key and fingerprint of the
/// request (R26); none for a fresh session under a key that already has its row.
pub fn open_session(
    tx: &mut Tx<'_>,
    payment: &mut Payment,
    key: Option<(String, String)>,
    lease: Lease,
    env: &Env,
) -> Result<OperationId> {
    let ids = env.stamp.ids.as_ref();
    let number = payment.next_session_number();
    let opening = Opening {
        number,
        order_reference_id: free_reference(tx, payment, number)?,
        return_token: ids::token(ids),
        key,
        lease,
    };
    payment.held = true;
    let context = env.context(tx, payment)?;
    Ok(intend::session(payment, opening, &context, ids))
}

/// The merchant's reference for the first session, `-2`, `-3` ... for later ones; taken ones are skipped (R6).
fn free_reference(tx: &mut Tx<'_>, payment: &Payment, number: i64) -> Result<String> {
    let reference = &payment.merchant_reference;
    if number == 1 && sessions::by_reference(tx, &payment.account, reference)?.is_none() {
        return Ok(reference.clone());
    }
    let mut suffix = number.max(2);
    loop {
        let candidate = format!("{reference}-{suffix}");
        if sessions::by_reference(tx, &payment.account, &candidate)?.is_none() {
            return Ok(candidate);
        }
        suffix += 1;
    }
}
