//! What a merchant may ask for now (R3): `decide` answers with the operation or the mark to write down, or with the
//! refusal. Pure; called inside the transaction that writes it.

use super::guard::{Guard, stands};
use super::intend::Wanted;
use super::operation::OperationKind;
use super::payment::{CancelMark, CancelPromise, CancelState, Payment};
use super::plan;
use super::status::Status;
use crate::ids::OperationId;

/// What a merchant can ask of a payment. Amounts in minor units; none = all that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Capture.
    Capture(Option<i64>),
    /// Refund what was captured.
    Refund(Option<i64>),
    /// Cancel the whole payment (R23).
    Cancel,
    /// Cancel a part of what is not captured.
    CancelPart(i64),
}

/// What to write down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// An operation of the winner's order.
    Operation(Wanted),
    /// A cancel mark (R23).
    Mark(CancelMark),
    /// A cancel that is accepted or done already: nothing to write.
    AlreadyCanceled,
}

/// Why not, with what the caller needs to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another money operation is in flight (R17); retryable.
    OperationInProgress(OperationId),
    /// The order is not in a state for it.
    WrongStatus(Status),
    /// More than there is.
    AmountAboveRest {
        /// Asked for, minor units.
        asked_minor: i64,
        /// There is, minor units.
        rest_minor: i64,
    },
    /// Zero or less.
    AmountNotPositive,
    /// Captured in full: a refund gives the money back (R23).
    UseRefund {
        /// Refundable, minor units.
        refundable_minor: i64,
    },
    /// Not captured: a cancel gives the money back.
    UseCancel {
        /// Cancelable, minor units.
        cancelable_minor: i64,
    },
    /// A cancel is accepted and not ended (R24); retryable.
    CancelRequested,
    /// Automation stands still: the order needs a person (R2, R4, R5).
    NeedsAttention,
    /// Restored from an old copy and not read since (R30); retryable.
    Recovering,
    /// A restore showed an effect that nobody here asked for: a person must clear it first (R30).
    RestoredUnknownEffect,
}

/// Decides on a command.
pub fn decide(payment: &Payment, command: Command, now_ms: i64) -> Result<Decision, Refused> {
    if payment.recovering() {
        return Err(Refused::Recovering);
    }
    if payment.stopped_after_restore() {
        return Err(Refused::RestoredUnknownEffect);
    }
    match command {
        Command::Capture(amount) => capture(payment, amount),
        Command::Refund(amount) => refund(payment, amount),
        Command::Cancel => cancel(payment, now_ms),
        Command::CancelPart(amount) => cancel_part(payment, Some(amount)),
    }
}

/// What every money operation needs: nothing in flight, nothing in doubt about the order itself.
fn free_to_act(payment: &Payment) -> Result<(), Refused> {
    if let Some(operation) = payment.money_in_flight()
        && stands(Guard::OneAtATime)
    {
        return Err(Refused::OperationInProgress(operation.id.clone()));
    }
    if payment.blocked() {
        Err(Refused::NeedsAttention)
    } else {
        Ok(())
    }
}

fn amount_within(amount: Option<i64>, rest_minor: i64) -> Result<i64, Refused> {
    match amount {
        Some(asked) if asked <= 0 => Err(Refused::AmountNotPositive),
        Some(asked_minor) if asked_minor > rest_minor => Err(Refused::AmountAboveRest {
            asked_minor,
            rest_minor,
        }),
        Some(asked) => Ok(asked),
        None => Ok(rest_minor),
    }
}

/// A cancel that is not ended may yet be refused (R23), so asking again later may help; after one that is done, never.
fn beside_cancel(payment: &Payment) -> Refused {
    if payment.cancel_running() {
        Refused::CancelRequested
    } else {
        Refused::WrongStatus(payment.status())
    }
}

fn capture(payment: &Payment, amount: Option<i64>) -> Result<Decision, Refused> {
    if payment.cancel_stands() && stands(Guard::NoCaptureBesideCancel) {
        return Err(beside_cancel(payment));
    }
    free_to_act(payment)?;
    let Some(winner) = payment.winner() else {
        return Err(Refused::WrongStatus(payment.status()));
    };
    let rest = winner.facts.uncaptured(payment.total.minor());
    if !winner.facts.live() || plan::to_release(payment, winner) {
        return Err(Refused::WrongStatus(payment.status()));
    }
    if rest == 0 {
        return Err(match amount {
            Some(asked_minor) => Refused::AmountAboveRest {
                asked_minor,
                rest_minor: 0,
            },
            None => Refused::WrongStatus(payment.status()),
        });
    }
    let amount_minor = amount_within(amount, rest)?;
    Ok(Decision::Operation(Wanted {
        session: winner.id.clone(),
        kind: OperationKind::Capture,
        amount_minor,
        everything_left: amount_minor == rest,
    }))
}

fn refund(payment: &Payment, amount: Option<i64>) -> Result<Decision, Refused> {
    free_to_act(payment)?;
    let Some(winner) = payment.winner() else {
        return Err(Refused::WrongStatus(payment.status()));
    };
    if winner.facts.captured() == 0 {
        let cancelable_minor = winner.facts.uncaptured(payment.total.minor());
        return Err(if cancelable_minor > 0 {
            Refused::UseCancel { cancelable_minor }
        } else {
            Refused::WrongStatus(payment.status())
        });
    }
    let rest = plan::refundable(payment, winner);
    if rest <= 0 {
        return Err(match amount {
            Some(asked_minor) => Refused::AmountAboveRest {
                asked_minor,
                rest_minor: 0,
            },
            None => Refused::WrongStatus(payment.status()),
        });
    }
    let amount_minor = amount_within(amount, rest)?;
    Ok(Decision::Operation(Wanted {
        session: winner.id.clone(),
        kind: OperationKind::Refund,
        amount_minor,
        everything_left: false,
    }))
}

/// Cancel of the whole payment: a mark first (R23). Accepted while an authorise or a create is in flight (R17).
fn cancel(payment: &Payment, now_ms: i64) -> Result<Decision, Refused> {
    if payment.cancel_stands() {
        return Ok(Decision::AlreadyCanceled);
    }
    if let Some(operation) = payment.money_in_flight()
        && operation.kind != OperationKind::Authorise
    {
        return Err(Refused::OperationInProgress(operation.id.clone()));
    }
    let mark = |promise| {
        Decision::Mark(CancelMark {
            state: CancelState::Accepted,
            promise,
            accepted_at_ms: now_ms,
        })
    };
    match payment.status() {
        Status::Created | Status::Pending | Status::Approved => Ok(mark(CancelPromise::GiveBack)),
        Status::Authorised => Ok(mark(CancelPromise::WhatIsLeft)),
        Status::PartiallyCaptured | Status::PartiallyRefunded | Status::Refunded => {
            cancel_part(payment, None)
        }
        Status::Captured => {
            let refundable = payment
                .winner()
                .map_or(0, |winner| plan::refundable(payment, winner));
            Err(Refused::UseRefund {
                refundable_minor: refundable,
            })
        }
        status @ (Status::Canceled | Status::Declined | Status::Expired | Status::Failed) => {
            Err(Refused::WrongStatus(status))
        }
    }
}

/// A cancel with an amount, or of the rest of an order captured in part: a plain operation without a mark (R23).
fn cancel_part(payment: &Payment, amount: Option<i64>) -> Result<Decision, Refused> {
    if payment.cancel_stands() {
        return Err(beside_cancel(payment));
    }
    free_to_act(payment)?;
    let Some(winner) = payment.winner() else {
        return Err(Refused::WrongStatus(payment.status()));
    };
    let rest = winner.facts.uncaptured(payment.total.minor());
    if rest == 0 {
        let refundable_minor = plan::refundable(payment, winner);
        return Err(if refundable_minor > 0 {
            Refused::UseRefund { refundable_minor }
        } else {
            Refused::WrongStatus(payment.status())
        });
    }
    let amount_minor = amount_within(amount, rest)?;
    Ok(Decision::Operation(Wanted {
        session: winner.id.clone(),
        kind: OperationKind::Cancel,
        amount_minor,
        everything_left: amount_minor == rest,
    }))
}

/// The second for `shipping_info.shipped_at`: the wished one, or the next that no capture of the payment uses, be it one
/// whose row was lost in a restore (R20, R30).
pub fn unique_shipped_at_s(payment: &Payment, wished_s: i64) -> i64 {
    let asked = |second| {
        let mut operations = payment.operations.iter();
        operations.any(|operation| operation.shipped_at_s == Some(second))
    };
    let shown = |second| {
        let sessions = payment.sessions.iter();
        let mut entries = sessions.flat_map(|session| session.facts.entries.values());
        entries.any(|entry| entry.shipped_at_s == Some(second))
    };
    let used = |second: i64| asked(second) || shown(second);
    let mut second = wished_s;
    while used(second) && stands(Guard::ShippedAtIsUnique) {
        second = second.saturating_add(1);
    }
    second
}
