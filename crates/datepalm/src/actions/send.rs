//! Carrying out an operation: lease and `sending` committed, then the call, then its answer committed (R16-R18, R21).

use super::advance::{Env, save_and_plan};
use super::call::{About, Call, codes};
use super::content::{self, Content, People, ReturnUrls};
use super::portion;
use super::read_order::read_order;
use super::wire::{self, Begun};
use crate::app::{Account, App};
use crate::domain::guard::{Guard, stands};
use crate::domain::journal::{Answer, begin_sending, expire_lease, record};
use crate::domain::operation::{Lease, Operation, OperationKind, OperationState};
use crate::domain::payment::{Order, Payment};
use crate::error::{Error, Result, Upstream};
use crate::ids::{self, OperationId, PaymentId};
use crate::store::attempts::Attempt;
use crate::store::payments::Wish;
use crate::store::{attempts, inbox, payments};
use std::sync::Arc;
use tamara::money::Money;
use tamara::payments::{CancelRequest, CaptureRequest, RefundRequest, ShippingInfoRequest};

/// A lease that begins now. `started_ms` is the monotonic reading from before its commit (R18).
#[derive(Clone, Debug)]
pub struct Grant {
    /// What is written down.
    pub lease: Lease,
    started_ms: i64,
}

impl Grant {
    /// A new lease of this process.
    pub fn new(app: &App) -> Self {
        let until_ms = app.clock.now_ms().saturating_add(app.policy.lease_ms);
        let lease = Lease {
            token: ids::token(app.ids.as_ref()),
            until_ms,
        };
        Self {
            lease,
            started_ms: app.clock.monotonic_ms(),
        }
    }

    /// Whether the lease outlives a call that starts now, on the clock that cannot be set back (R18).
    fn outlives_a_call(&self, app: &App) -> bool {
        app.policy
            .lease_outlives_a_call(self.started_ms, app.clock.monotonic_ms())
    }
}

/// What the sender needs, read in the transaction that made the operation its own.
struct Prepared {
    payment: Payment,
    operation: Operation,
    order: Option<Order>,
    attempt: i64,
    wish: Wish,
    people: String,
}

/// Sends an operation if it is ours to send. Answers what Tamara said when it refused.
pub async fn send(
    app: &Arc<App>,
    payment: &PaymentId,
    id: &OperationId,
    grant: Grant,
) -> Result<Option<Upstream>> {
    let Some(prepared) = begin(app, payment, id, &grant).await? else {
        app.changed(payment);
        return Ok(None);
    };
    let account = app.account(&prepared.payment.account)?;
    let (answer, error, calls) = carry_out(app, &account, &prepared, &grant).await?;
    let read_wanted = needs_read(&prepared.operation, &answer);
    let env = Env::now(app, &account);
    let (payment_id, id, number, token) = (
        payment.clone(),
        id.clone(),
        prepared.attempt,
        grant.lease.token,
    );
    app.store
        .write("record an answer", move |tx| {
            for call in &calls {
                attempts::insert(tx, call)?;
            }
            let before = payments::load_known(tx, &payment_id)?;
            let mut payment = before.clone();
            let context = env.context(tx, &payment)?;
            record(&mut payment, &id, number, &token, answer.clone(), &context);
            if let Answer::Applied {
                order: Some(order), ..
            } = &answer
            {
                // What came for this order before its create settled is looked at again (R6).
                inbox::rematch(tx, &payment.account, &order.order_id)?;
            }
            save_and_plan(tx, Some(&before), &mut payment, &env)
        })
        .await?;
    app.changed(payment);
    if read_wanted {
        read_order(app, payment, &prepared.operation.session).await?;
    }
    let refusal = error.as_ref().and_then(tamara::Error::refusal);
    Ok(refusal.map(|refusal| Upstream {
        status: refusal.status,
        codes: codes(refusal),
    }))
}

/// Makes the operation ours, or ends a lease that has passed.
async fn begin(
    app: &Arc<App>,
    payment: &PaymentId,
    id: &OperationId,
    grant: &Grant,
) -> Result<Option<Prepared>> {
    let (payment, id, lease) = (payment.clone(), id.clone(), grant.lease.clone());
    let stamp = app.stamp();
    let (policy, accounts) = (app.policy.clone(), app.accounts.clone());
    app.store
        .write("begin sending", move |tx| {
            let before = payments::load_known(tx, &payment)?;
            let Some(account) = accounts.get(&before.account).cloned() else {
                return Err(Error::Internal(anyhow::anyhow!(
                    "account {} is not configured",
                    before.account
                )));
            };
            let env = Env {
                stamp: stamp.clone(),
                policy: policy.clone(),
                account,
            };
            let mut after = before.clone();
            let context = env.context(tx, &after)?;
            expire_lease(&mut after, &id, &context);
            let attempt = begin_sending(&mut after, &id, &lease, &context);
            if stands(Guard::IntentFirst) {
                save_and_plan(tx, Some(&before), &mut after, &env)?;
            }
            let (Some(attempt), Some(operation)) = (attempt, after.operation(id.as_str()).cloned())
            else {
                return Ok(None);
            };
            let order = after
                .session(&operation.session)
                .and_then(|session| session.order.clone());
            let wish = payments::wish(tx, &payment)?;
            // Nothing else names the customer: money moves although the personal data was erased.
            let people = match operation.kind {
                OperationKind::CreateSession => payments::people(tx, &payment)?,
                _ => String::new(),
            };
            Ok(Some(Prepared {
                payment: after,
                operation,
                order,
                attempt,
                wish,
                people,
            }))
        })
        .await
}

/// Refunds are a success only when a read says so (R20); a 409 and an unknown outcome end in a read (R21).
fn needs_read(operation: &Operation, answer: &Answer) -> bool {
    match answer {
        Answer::Applied { .. } => operation.kind == OperationKind::Refund,
        Answer::Conflict | Answer::Unknown { .. } | Answer::Refused { .. } => {
            operation.kind.changes_order()
        }
        Answer::TurnedAway { .. } | Answer::NotSent { .. } => false,
    }
}

/// Calls Tamara while the lease lasts: once, or with each of the account's tokens until it knows one (R28). Answers what
/// came of it, and the rows of the calls.
async fn carry_out(
    app: &App,
    account: &Account,
    prepared: &Prepared,
    grant: &Grant,
) -> Result<(Answer, Option<tamara::Error>, Vec<Attempt>)> {
    let operation = &prepared.operation;
    let about = About {
        payment: &prepared.payment.id,
        session: &operation.session,
        operation: Some((&operation.id, prepared.attempt)),
        kind: operation.kind.as_str(),
    };
    let mut calls = Vec::new();
    loop {
        let call = Call::new(app, account);
        let (answer, error) = if grant.outlives_a_call(app) || !stands(Guard::LeaseOutlivesTheCall)
        {
            perform(app, account, &call, prepared).await?
        } else {
            let reason = "lease_too_short".to_owned();
            let error = tamara::Error::NotSent {
                reason: reason.clone(),
            };
            (Answer::NotSent { reason }, Some(error))
        };
        calls.push(call.attempt(app, &account.config.name, &about, error.as_ref()));
        let again = call.heed(app, account, error.as_ref());
        if !again || calls.len() >= account.api_tokens.count() {
            return Ok((answer, error, calls));
        }
    }
}

async fn perform(
    app: &App,
    account: &Account,
    call: &Call,
    prepared: &Prepared,
) -> Result<(Answer, Option<tamara::Error>)> {
    let begun = Begun {
        at_ms: call.started_at_ms(),
        version: prepared.payment.version,
    };
    let operation = &prepared.operation;
    let order = prepared.order.as_ref();
    let order_id = order
        .map(|order| order.order_id.as_str())
        .unwrap_or_default();
    let amount = Money::new(operation.amount_minor, prepared.payment.total.currency());
    let client = &call.client;
    let answer = match operation.kind {
        OperationKind::CreateSession => {
            let request = create_request(app, account, prepared)?;
            let opened = client.create_checkout(&request).await;
            opened.map(|session| wire::opened(session, app.clock.now_ms()))
        }
        OperationKind::Authorise => client
            .authorise(order_id)
            .await
            .map(|a| wire::authorised(&a, &prepared.payment, order, begun)),
        OperationKind::Capture => {
            let request = capture_request(account, prepared, order_id, amount)?;
            client
                .capture(&request)
                .await
                .map(|a| wire::captured(&a, operation, amount, order, begun))
        }
        OperationKind::Cancel => {
            let request = cancel_request(prepared, amount)?;
            client
                .cancel(order_id, &request)
                .await
                .map(|a| wire::canceled(&a, operation, amount, order, begun))
        }
        OperationKind::Refund => {
            let request = refund_request(operation, amount)?;
            client
                .refund(order_id, &request)
                .await
                .map(|a| wire::refunded(&a, order, begun))
        }
        OperationKind::UpdateReference => {
            let reference = operation.reference.as_deref().unwrap_or_default();
            let changed = client.update_reference(order_id, reference).await;
            changed.map(|()| wire::acknowledged())
        }
    };
    Ok(match answer {
        Ok(answer) => (answer, None),
        Err(error) => (wire::failed(&error), Some(error)),
    })
}

fn create_request(
    app: &App,
    account: &Account,
    prepared: &Prepared,
) -> Result<tamara::checkout::CheckoutRequest> {
    let content: Content = content::stored(&prepared.wish.content)?;
    let people: People = content::stored(&prepared.people)?;
    let _: ReturnUrls = content::stored(&prepared.wish.return_urls)?;
    let session = prepared
        .payment
        .session(&prepared.operation.session)
        .ok_or_else(|| Error::Corrupt {
            table: "operations",
            id: prepared.operation.id.to_string(),
            why: "no session".to_owned(),
        })?;
    let return_url = format!("{}/r/{}", app.config.public_url, session.return_token);
    let notification = format!(
        "{}/hooks/tamara/{}",
        app.config.public_url, account.config.name
    );
    Ok(content::checkout_request(
        &prepared.payment,
        session,
        &prepared.wish,
        &content,
        people,
        (return_url, notification),
    ))
}

#[derive(serde::Deserialize)]
struct CaptureDetails {
    shipping_company: Option<String>,
    tracking_number: Option<String>,
    tracking_url: Option<String>,
}

fn capture_request(
    account: &Account,
    prepared: &Prepared,
    order_id: &str,
    amount: Money,
) -> Result<CaptureRequest> {
    let operation = &prepared.operation;
    let details: CaptureDetails = content::stored(&operation.details)?;
    let company = details
        .shipping_company
        .or_else(|| account.config.shipping_company.clone());
    let shipped_at_ms = operation
        .shipped_at_s
        .unwrap_or(operation.created_at_ms / 1_000)
        * 1_000;
    let content: Content = content::stored(&prepared.wish.content)?;
    let parts = portion::wire_parts(operation, &content, amount.currency())?;
    Ok(CaptureRequest {
        order_id: order_id.to_owned(),
        total_amount: amount,
        shipping_info: ShippingInfoRequest {
            shipped_at: crate::clock::rfc3339(shipped_at_ms),
            shipping_company: company.unwrap_or_default(),
            tracking_number: details.tracking_number,
            tracking_url: details.tracking_url,
        },
        items: parts.items,
        discount_amount: parts.discount_amount,
        shipping_amount: parts.shipping_amount,
        tax_amount: parts.tax_amount,
    })
}

fn cancel_request(prepared: &Prepared, amount: Money) -> Result<CancelRequest> {
    let content: Content = content::stored(&prepared.wish.content)?;
    let parts = portion::wire_parts(&prepared.operation, &content, amount.currency())?;
    Ok(CancelRequest {
        total_amount: amount,
        shipping_amount: parts.shipping_amount,
        tax_amount: parts.tax_amount,
        discount_amount: parts.discount_amount,
        items: parts.items,
    })
}

#[derive(serde::Deserialize)]
struct RefundDetails {
    comment: String,
}

fn refund_request(operation: &Operation, amount: Money) -> Result<RefundRequest> {
    let details: RefundDetails = content::stored(&operation.details)?;
    Ok(RefundRequest {
        total_amount: amount,
        comment: details.comment,
        merchant_refund_id: Some(operation.id.to_string()),
    })
}

/// Whether an operation still waits for somebody.
pub fn is_open(operation: &Operation) -> bool {
    !matches!(
        operation.state,
        OperationState::Succeeded | OperationState::Rejected
    )
}
