//! Another attempt at a payment: a session with the next free reference, and the intent to create it (R6, R22).

use crate::domain::operation::{Intent, Lease, Operation, OperationKind, Origin};
use crate::domain::payment::{Payment, Session};
use crate::error::Result;
use crate::ids::{self, OperationId, SessionId};
use crate::store::sessions;
use crate::store::stamp::Stamp;
use crate::store::tx::Tx;

/// Adds a session and its create to `payment`, leased to the request that asks. `key` = key and fingerprint of the
/// request (R26); none for a fresh session under a key that already has its row.
pub fn open_session(
    tx: &mut Tx<'_>,
    payment: &mut Payment,
    key: Option<(String, String)>,
    lease: Lease,
    stamp: &Stamp,
) -> Result<OperationId> {
    let number = payment
        .sessions
        .iter()
        .map(|session| session.number)
        .max()
        .unwrap_or(0)
        + 1;
    let session = Session {
        id: SessionId::new(stamp.now_ms, stamp.ids.as_ref()),
        number,
        order_reference_id: free_reference(tx, payment, number)?,
        return_token: ids::token(stamp.ids.as_ref()),
        created_at_ms: stamp.now_ms,
        order: None,
        customer_canceled: false,
        unwanted: false,
        facts: crate::domain::facts::Facts::default(),
    };
    let (key, fingerprint) = key.unwrap_or_else(|| {
        let own = format!("{}/create_session", session.id);
        (own.clone(), own)
    });
    let kind = OperationKind::CreateSession;
    let intent = Intent {
        id: OperationId::with_prefix(kind.id_prefix(), stamp.now_ms, stamp.ids.as_ref()),
        session: session.id.clone(),
        kind,
        key,
        fingerprint,
        origin: Origin::Request,
        amount_minor: payment.total.minor(),
        everything_left: false,
        shipped_at_s: None,
        details: "{}".to_owned(),
        lease: Some(lease),
    };
    let id = intent.id.clone();
    payment.sessions.push(session);
    payment
        .operations
        .push(Operation::new(intent, stamp.now_ms));
    payment.held = true;
    Ok(id)
}

/// The merchant's reference for the first session, `-2`, `-3` ... for later ones; taken ones are skipped (R6).
fn free_reference(tx: &mut Tx<'_>, payment: &Payment, number: i64) -> Result<String> {
    let reference = &payment.merchant_reference;
    if number == 1 && !sessions::reference_taken(tx, &payment.account, reference)? {
        return Ok(reference.clone());
    }
    let mut suffix = number.max(2);
    loop {
        let candidate = format!("{reference}-{suffix}");
        if !sessions::reference_taken(tx, &payment.account, &candidate)? {
            return Ok(candidate);
        }
        suffix += 1;
    }
}
