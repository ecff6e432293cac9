//! Capture, refund and partial cancel asked for by the merchant: decide and write the intent in one transaction, then
//! carry it out (R3, R16, R17, R26).

use super::advance::{Env, save_and_plan};
use super::portion;
use super::recover::{hurried, recovering, refund_of_lost_row, unknown_effect};
use super::send::{Grant, send};
use crate::app::{Account, App};
use crate::domain::decide::{Command, Decision, Refused, decide};
use crate::domain::guard::{Guard, stands};
use crate::domain::intend::{self, Wanted};
use crate::domain::observe::refresh;
use crate::domain::operation::{Lease, OperationKind};
use crate::domain::payment::{Payment, Policy};
use crate::domain::plan::refundable;
use crate::domain::portion::{Named, Portion};
use crate::domain::settle;
use crate::error::{Code, Error, Refusal, Result, Upstream, refused};
use crate::ids::{OperationId, PaymentId};
use crate::store::tx::Tx;
use crate::store::{operations, payments};
use std::sync::Arc;
use tamara::money::Money;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whose payment.
    pub payment: PaymentId,
    /// What to do. With items its amount is what they add up to, whatever stands here.
    pub command: Command,
    /// The items that the request names, and what goes with them.
    pub named: Option<Named>,
    /// The caller's key.
    pub key: String,
    /// What else the call says, as JSON.
    pub details: serde_json::Map<String, serde_json::Value>,
    /// The wished `shipped_at`, seconds since the epoch.
    pub shipped_at_s: Option<i64>,
}

impl Asked {
    /// A cancel of what is left, without anything else to say.
    pub fn cancel(payment: PaymentId, key: String) -> Self {
        Self {
            payment,
            command: Command::Cancel,
            named: None,
            key,
            details: serde_json::Map::new(),
            shipped_at_s: None,
        }
    }

    /// The keyed hash of what is asked for: of its meaning, not of how its JSON was written (R26).
    pub fn fingerprint(&self, app: &App) -> String {
        let (verb, amount_minor) = match self.command {
            Command::Capture(amount) => ("capture", amount),
            Command::Refund(amount) => ("refund", amount),
            Command::Cancel => ("cancel", None),
            Command::CancelPart(amount) => ("cancel", Some(amount)),
        };
        let amount_minor = amount_minor.filter(|_| self.named.is_none());
        let meaning = serde_json::json!({
            "payment": self.payment.as_str(),
            "verb": verb,
            "amount_minor": amount_minor,
            "named": self.named.as_ref().map(portion::meaning),
            "details": self.details,
            "shipped_at_s": self.shipped_at_s,
        });
        app.fingerprint(&meaning.to_string())
    }
}

/// What came of it.
pub struct Outcome {
    /// The payment.
    pub payment: PaymentId,
    /// The operation.
    pub operation: OperationId,
    /// The key had been used before.
    pub replayed: bool,
    /// What Tamara said when it refused.
    pub upstream: Option<Upstream>,
}

enum Written {
    New(OperationId),
    Replay(OperationId),
}

/// Carries out a command that is one operation.
pub async fn request_operation(
    app: &Arc<App>,
    account: &Arc<Account>,
    asked: Asked,
) -> Result<Outcome> {
    let env = Env::now(app, account);
    let grant = Grant::new(app);
    let (lease, fingerprint) = (grant.lease.clone(), asked.fingerprint(app));
    let payment = asked.payment.clone();
    let written = app
        .store
        .write("request operation", move |tx| {
            write_intent(tx, &env, &asked, &fingerprint, &lease)
        })
        .await;
    let written = hurried(app, &payment, written).await?;
    match written {
        Written::Replay(operation) => Ok(Outcome {
            payment,
            operation,
            replayed: true,
            upstream: None,
        }),
        Written::New(operation) => {
            let upstream = send(app, &payment, &operation, grant).await?;
            Ok(Outcome {
                payment,
                operation,
                replayed: false,
                upstream,
            })
        }
    }
}

/// The kind of operation that a command asks for.
pub fn kind_of(command: Command) -> OperationKind {
    match command {
        Command::Capture(_) => OperationKind::Capture,
        Command::Refund(_) => OperationKind::Refund,
        Command::Cancel | Command::CancelPart(_) => OperationKind::Cancel,
    }
}

fn write_intent(
    tx: &mut Tx<'_>,
    env: &Env,
    asked: &Asked,
    fingerprint: &str,
    lease: &Lease,
) -> Result<Written> {
    let account = &env.account.config.name;
    // The payment's row is locked first, so that a caller at the same moment with the same key is a replay.
    let before = load_own(tx, account, &asked.payment)?;
    if let Some(operation) = replay(tx, account, kind_of(asked.command), &asked.key, fingerprint)? {
        return Ok(Written::Replay(operation));
    }
    if kind_of(asked.command) == OperationKind::Cancel
        && payments::by_cancel_key(tx, account, &asked.key)?.is_some()
    {
        return refused(
            Code::IdempotencyKeyReused,
            "this Idempotency-Key was used to cancel a whole payment; use a new key",
        );
    }
    let (wanted, portion) = if let Some(wanted) = refund_of_lost_row(&before, asked)? {
        (wanted, None)
    } else {
        let (command, portion) = command_of(tx, &before, asked, env)?;
        (decided(&before, command, env)?, portion)
    };
    let kind = wanted.kind;
    let mut details = asked.details.clone();
    if kind == OperationKind::Capture {
        require_shipping_company(env, &details)?;
    }
    let (now_ms, ids) = (env.stamp.now_ms, env.stamp.ids.as_ref());
    let id = intend::operation_id(&before, kind, &asked.key, now_ms, ids);
    if kind == OperationKind::Refund {
        details
            .entry("comment")
            .or_insert_with(|| format!("refund {id}").into());
    }
    if let Some(portion) = &portion {
        details.insert("portion".to_owned(), portion::to_details(portion));
    }
    let item_refs = portion.filter(|_| kind == OperationKind::Capture);
    let own = intend::Asked {
        key: asked.key.clone(),
        fingerprint: fingerprint.to_owned(),
        lease: lease.clone(),
        shipped_at_s: asked.shipped_at_s,
        item_refs: item_refs.map_or_else(String::new, |portion| portion.item_refs()),
        details: serde_json::Value::Object(details).to_string(),
    };
    let mut payment = before.clone();
    let context = env.context(tx, &payment)?;
    intend::request(&mut payment, id.clone(), wanted, own, &context);
    let own = payment.operations.len() - 1;
    if settle::already_there(&mut payment, own, &context) {
        refresh(&mut payment, &context);
    }
    save_and_plan(tx, Some(&before), &mut payment, env)?;
    Ok(Written::New(id))
}

/// The command with its amount: what the items add up to, when the request names some. Whether anything of the kind is
/// possible comes before what is wrong with the list.
pub fn command_of(
    tx: &mut Tx<'_>,
    payment: &Payment,
    asked: &Asked,
    env: &Env,
) -> Result<(Command, Option<Portion>)> {
    let Some(named) = &asked.named else {
        return Ok((asked.command, None));
    };
    let least = match asked.command {
        Command::Capture(_) => Command::Capture(None),
        Command::Refund(_) => Command::Refund(None),
        Command::Cancel | Command::CancelPart(_) => Command::CancelPart(1),
    };
    decide(payment, least, env.stamp.now_ms)
        .map_err(|why| refusal(payment, least, &why, &env.policy))?;
    let portion = portion::take_named(tx, payment, named)?;
    let amount_minor = portion.amount_minor;
    let command = match asked.command {
        Command::Capture(_) => Command::Capture(Some(amount_minor)),
        Command::Refund(_) => Command::Refund(Some(amount_minor)),
        Command::Cancel | Command::CancelPart(_) => Command::CancelPart(amount_minor),
    };
    Ok((command, Some(portion)))
}

fn decided(before: &Payment, command: Command, env: &Env) -> Result<Wanted> {
    match decide(before, command, env.stamp.now_ms) {
        Ok(Decision::Operation(wanted)) => Ok(wanted),
        Ok(Decision::Mark(_) | Decision::AlreadyCanceled) => {
            Err(anyhow::anyhow!("a command of one operation was decided as a mark").into())
        }
        Err(why) => Err(refusal(before, command, &why, &env.policy)),
    }
}

fn require_shipping_company(
    env: &Env,
    details: &serde_json::Map<String, serde_json::Value>,
) -> Result<()> {
    if details.contains_key("shipping_company") || env.account.config.shipping_company.is_some() {
        return Ok(());
    }
    let detail = "a capture names the shipping company: send shipping_info.shipping_company, or set shipping_company \
                  in the account's configuration";
    Err(Refusal::new(Code::ShippingInfoMissing, detail)
        .param("shipping_info.shipping_company")
        .into())
}

/// The operation that the key made, if the request is the same (R26).
pub fn replay(
    tx: &mut Tx<'_>,
    account: &str,
    kind: OperationKind,
    key: &str,
    fingerprint: &str,
) -> Result<Option<OperationId>> {
    let known = operations::by_key(tx, account, kind, key)?;
    match known.filter(|_| stands(Guard::KeyMakesOne)) {
        None => Ok(None),
        Some((_, operation, known))
            if known == fingerprint || !stands(Guard::FingerprintIsChecked) =>
        {
            Ok(Some(operation))
        }
        Some(_) => refused(
            Code::IdempotencyKeyReused,
            "this Idempotency-Key was used with another request; use a new key for a new operation",
        ),
    }
}

/// Loads a payment of this account to change it; another account's does not exist here.
pub fn load_own(tx: &mut Tx<'_>, account: &str, id: &PaymentId) -> Result<Payment> {
    match payments::load(tx, id)? {
        Some(payment) if payment.account == account => Ok(payment),
        Some(_) | None => refused(
            Code::PaymentNotFound,
            format!("there is no payment {id} in this account"),
        ),
    }
}

/// What a command needs, for a caller that came at the wrong time.
fn needs(command: Command) -> &'static str {
    match command {
        Command::Capture(_) => {
            "a capture needs an authorised payment with something left to capture"
        }
        Command::Refund(_) => {
            "a refund needs an authorised payment of which something is captured and neither refunded nor being refunded"
        }
        Command::Cancel => "nothing is left that a cancel could end",
        Command::CancelPart(_) => {
            "a part can be canceled of an authorised payment only; cancel without an amount ends the payment as a whole"
        }
    }
}

/// Where the rest of the money is, for a caller that asked for more than is left.
fn whereabouts(payment: &Payment, command: Command) -> String {
    let shown = |minor: i64| Money::new(minor, payment.total.currency()).to_string();
    let amounts = payment.amounts();
    let (captured, refunded) = (amounts.captured_minor, amounts.refunded_minor);
    match command {
        Command::Refund(_) => {
            let left = payment
                .winner()
                .map_or(0, |winner| refundable(payment, winner));
            format!(
                "{} captured, {} refunded, {} being refunded",
                shown(captured),
                shown(refunded),
                shown(captured.saturating_sub(refunded).saturating_sub(left))
            )
        }
        Command::Capture(_) | Command::Cancel | Command::CancelPart(_) => format!(
            "of {}, {} captured and {} canceled",
            payment.total,
            shown(captured),
            shown(amounts.canceled_minor)
        ),
    }
}

/// Something else of the payment is under way (R17).
pub fn in_progress(id: &OperationId) -> Refusal {
    let detail =
        format!("operation {id} of this payment is being carried out; try again when it has ended");
    Refusal::new(Code::OperationInProgress, detail).operation(id.as_str())
}

/// Automation stands still (R2, R4, R5).
pub fn needs_attention() -> Refusal {
    Refusal::new(
        Code::NeedsAttention,
        "what Tamara reports about this order does not fit, so nothing is sent: a later answer that fits lifts order_mismatch \
         and unknown_status, and resolving it in /v1/attention lifts books_differ",
    )
}

/// A refusal of the core in words.
pub fn refusal(payment: &Payment, command: Command, why: &Refused, policy: &Policy) -> Error {
    let shown = |minor: i64| Money::new(minor, payment.total.currency()).to_string();
    let status = payment.status().as_str();
    match why {
        Refused::OperationInProgress(id) => in_progress(id),
        Refused::WrongStatus(_) => Refusal::new(
            Code::WrongStatus,
            format!("the payment is {status}; {}", needs(command)),
        ),
        Refused::AmountAboveRest {
            asked_minor,
            rest_minor,
        } => Refusal::new(
            Code::AmountAboveRest,
            format!(
                "{} is more than the {} that is left: {}",
                shown(*asked_minor),
                shown(*rest_minor),
                whereabouts(payment, command)
            ),
        )
        .param("amount"),
        Refused::AmountNotPositive => Refusal::new(
            Code::InvalidRequest,
            "amount must be positive; leave it out for all that is left",
        )
        .param("amount"),
        Refused::UseRefund { refundable_minor } => Refusal::new(
            Code::UseRefund,
            format!(
                "the payment is captured; refund it instead: {} can be refunded",
                shown(*refundable_minor)
            ),
        ),
        Refused::UseCancel { cancelable_minor } => Refusal::new(
            Code::UseCancel,
            format!(
                "nothing is captured yet; cancel instead: {} can be canceled",
                shown(*cancelable_minor)
            ),
        ),
        Refused::CancelRequested => Refusal::new(
            Code::CancelRequested,
            "a cancel of this payment was accepted, so nothing is captured any more",
        ),
        Refused::NeedsAttention => needs_attention(),
        Refused::Recovering => return recovering(payment, policy),
        Refused::RestoredUnknownEffect => unknown_effect(),
    }
    .into()
}
