//! What was decided becomes part of the payment: a request's operation, a cancel mark, the next step of a plan. The
//! transaction that decided saves it (R3, R16).
//!
//! Invariant: nothing here decides whether something may be done; an operation that is made here has not been sent.

use super::context::Context;
use super::decide::unique_shipped_at_s;
use super::facts::Facts;
use super::observe::refresh;
use super::operation::{Intent, Lease, Operation, OperationKind, Origin};
use super::payment::{CancelMark, Payment, Session};
use super::plan::{self, Step};
use crate::ids::{Ids, OperationId, SessionId};

/// An operation that was decided on, whoever asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whose order.
    pub session: SessionId,
    /// What is called.
    pub kind: OperationKind,
    /// Minor units.
    pub amount_minor: i64,
    /// All that is left (R19).
    pub everything_left: bool,
}

/// What a request gives to its operation.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The caller's key (R26).
    pub key: String,
    /// Keyed hash of the request (R26).
    pub fingerprint: String,
    /// The lease of the request that asks (R17).
    pub lease: Lease,
    /// The wished `shipped_at`, seconds since the epoch.
    pub shipped_at_s: Option<i64>,
    /// Captures only: the items' reference ids (R20).
    pub item_refs: String,
    /// What else the call says, as JSON.
    pub details: String,
}

/// What a new session is made with.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Which one it is (`Payment::next_session_number`).
    pub number: i64,
    /// The reference that Tamara shall know it by (R6).
    pub order_reference_id: String,
    /// The secret in the return URL.
    pub return_token: String,
    /// Key and fingerprint of the request (R26); none for a fresh session under a key that already has its row.
    pub key: Option<(String, String)>,
    /// The lease of the request that asks.
    pub lease: Lease,
}

/// The id of an operation: a refund's is derived from its key, so that the same wish carries the same
/// `merchant_refund_id` even when our own row was lost (R20).
pub fn operation_id(
    payment: &Payment,
    kind: OperationKind,
    key: &str,
    now_ms: i64,
    ids: &dyn Ids,
) -> OperationId {
    match kind {
        OperationKind::Refund => OperationId::of_refund(&payment.account, key),
        OperationKind::CreateSession
        | OperationKind::Authorise
        | OperationKind::Capture
        | OperationKind::Cancel
        | OperationKind::UpdateReference => OperationId::with_prefix(kind.id_prefix(), now_ms, ids),
    }
}

/// Adds a session and its create, and takes the hold of the merchant reference (R7).
pub fn session(
    payment: &mut Payment,
    opening: Opening,
    context: &Context<'_>,
    ids: &dyn Ids,
) -> OperationId {
    let id = SessionId::new(context.now_ms, ids);
    let (key, fingerprint) = opening.key.unwrap_or_else(|| {
        let own = format!("{id}/create_session");
        (own.clone(), own)
    });
    let kind = OperationKind::CreateSession;
    let create = operation_id(payment, kind, &key, context.now_ms, ids);
    payment.held = true;
    payment.sessions.push(Session {
        id: id.clone(),
        number: opening.number,
        order_reference_id: opening.order_reference_id,
        return_token: opening.return_token,
        created_at_ms: context.now_ms,
        order: None,
        customer_canceled: false,
        unwanted: false,
        warned: None,
        facts: Facts::default(),
        restored: None,
    });
    let intent = Intent {
        id: create.clone(),
        session: id,
        kind,
        key,
        fingerprint,
        origin: Origin::Request,
        amount_minor: payment.total.minor(),
        everything_left: false,
        shipped_at_s: None,
        item_refs: String::new(),
        details: "{}".to_owned(),
        lease: Some(opening.lease),
    };
    insert(payment, intent, context);
    create
}

/// Adds the operation that a request asked for, with an id from `operation_id`.
pub fn request(
    payment: &mut Payment,
    id: OperationId,
    wanted: Wanted,
    asked: Asked,
    context: &Context<'_>,
) {
    let wished_s = asked.shipped_at_s.unwrap_or(context.now_ms / 1_000);
    let intent = Intent {
        id,
        key: asked.key,
        fingerprint: asked.fingerprint,
        origin: Origin::Request,
        shipped_at_s: shipped_at_s(payment, wanted.kind, wished_s),
        item_refs: asked.item_refs,
        details: asked.details,
        lease: Some(asked.lease),
        session: wanted.session,
        kind: wanted.kind,
        amount_minor: wanted.amount_minor,
        everything_left: wanted.everything_left,
    };
    insert(payment, intent, context);
}

/// Adds a change of the order's reference (R6).
pub fn reference(
    payment: &mut Payment,
    id: OperationId,
    (wanted, reference): (Wanted, &str),
    asked: Asked,
    context: &Context<'_>,
) {
    request(payment, id, wanted, asked, context);
    if let Some(operation) = payment.operations.last_mut() {
        operation.reference = Some(reference.to_owned());
    }
}

/// Sets a cancel mark (R23).
pub fn mark(payment: &mut Payment, mark: CancelMark, context: &Context<'_>) {
    payment.cancel = Some(mark);
    payment.check_step = 0;
    refresh(payment, context);
}

/// Adds the operation of a plan's next step, for the caller to fill in its details. One that is not due yet is found
/// again by a look at the payment when it is (R19).
pub fn step<'a>(
    payment: &'a mut Payment,
    step: &Step,
    context: &Context<'_>,
    ids: &dyn Ids,
) -> Option<&'a mut Operation> {
    let due_ms = plan::not_before_ms(payment, step, context.policy.retry_ms);
    if due_ms > context.now_ms {
        let look_ms = payment
            .next_check_at_ms
            .map_or(due_ms, |at_ms| at_ms.min(due_ms));
        payment.next_check_at_ms = Some(look_ms);
        return None;
    }
    let key = step.key();
    let intent = Intent {
        id: operation_id(payment, step.kind, &key, context.now_ms, ids),
        session: step.session.clone(),
        kind: step.kind,
        fingerprint: key.clone(),
        key,
        origin: Origin::Plan,
        amount_minor: step.amount_minor,
        everything_left: step.everything_left,
        shipped_at_s: shipped_at_s(payment, step.kind, context.now_ms / 1_000),
        item_refs: String::new(),
        details: "{}".to_owned(),
        lease: None,
    };
    insert(payment, intent, context);
    payment.operations.last_mut()
}

fn shipped_at_s(payment: &Payment, kind: OperationKind, wished_s: i64) -> Option<i64> {
    (kind == OperationKind::Capture).then(|| unique_shipped_at_s(payment, wished_s))
}

fn insert(payment: &mut Payment, intent: Intent, context: &Context<'_>) {
    payment
        .operations
        .push(Operation::new(intent, context.now_ms));
    refresh(payment, context);
}
