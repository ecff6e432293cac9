//! What must hold after every step, each with its name. Written from `docs/payment-model.md` and the invariants of the
//! design: it compares Tamara's books, our rows and what was shown, and never asks the core why.

use crate::book::{By, Line, Order, TOTAL};
use crate::step::{Age, Step};
use crate::world::World;
use datepalm::actions::show_payment::checkout_url;
use datepalm::domain::facts::{EntryKind, OrderRank};
use datepalm::domain::operation::{Operation, OperationKind, OperationState, Origin};
use datepalm::domain::payment::{CancelState, Payment};
use datepalm::domain::plan;
use datepalm::domain::status::Status;
use datepalm::ids::OperationId;

/// A property, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// A rejected operation never has an effect.
    RejectedHasNoEffect,
    /// A succeeded operation has exactly one effect.
    SucceededHasOneEffect,
    /// An intent has at most one effect.
    OneEffectPerIntent,
    /// The operations of one key have at most one effect.
    OneEffectPerKey,
    /// What is shown as paid is authorised at Tamara.
    PaidIsTrue,
    /// What was asked back in full is not shown as paid.
    PaidIsNotAskedBack,
    /// Nothing is paid while a cancel mark stands.
    NoPaidWhileCancelStands,
    /// What was shown as paid is never released by us, nor the only money.
    PaidIsNotReleased,
    /// A version that was given out is not given out for anything else, a restore between or not.
    VersionsGoOn,
    /// Paid does not flicker.
    PaidDoesNotFlicker,
    /// A cancel that promised to give the money back is never refused.
    CancelIsNotDefeated,
    /// The refunds that were asked for and not refused are together not more than what was captured.
    RefundsFitCaptures,
    /// Final means that nothing is planned.
    FinalMeansNothingPlanned,
    /// One open payment per reference.
    OneOpenPayment,
    /// Facts are a subset of Tamara's history.
    FactsAreASubset,
    /// A session's status never falls in rank.
    StatusNeverFalls,
    /// No capture of ours has its effect while a cancel mark stands.
    NoCaptureBesideCancel,
    /// Who is not final is looked at by itself.
    SomebodyLooks,
    /// Without new faults, everything comes to rest.
    ComesToRest,
    /// Nothing is unknown for ever without attention.
    NothingUnknownForEver,
    /// At rest, our books are Tamara's.
    BooksAgree,
    /// Every approved order ends authorised, released or expired.
    ApprovedEnds,
    /// A cancel ends, and what it promised to give back is given back.
    CancelEnds,
    /// What does not win is given back.
    LosersGoBack,
    /// Plans are carried out.
    PlansFinish,
}

/// A property that does not hold, and why.
pub type Broken = (Property, String);

/// Checks what one step did.
pub fn check(before: &World, step: Step, after: &World) -> Result<(), Broken> {
    for (index, payment) in after.payments.iter().enumerate() {
        for operation in &payment.operations {
            effects(after, payment, operation)?;
        }
        refunds_fit(payment)?;
        shown(after, index, payment)?;
        facts(after, payment)?;
        // A restore is what takes our side back; Tamara's side it does not touch.
        let known = before.payments.get(index);
        if let Some(known) = known.filter(|_| step != Step::Restore) {
            moved(before, index, known, after, step)?;
        }
    }
    released(before, after)?;
    one_open_payment(after)
}

fn broken<T>(property: Property, what: impl Into<String>) -> Result<T, Broken> {
    Err((property, what.into()))
}

fn effects(world: &World, payment: &Payment, operation: &Operation) -> Result<(), Broken> {
    let effects = world.effects(&operation.id);
    let name = format!("{} of {}", operation.kind.as_str(), operation.amount_minor);
    if effects > 1 {
        return broken(
            Property::OneEffectPerIntent,
            format!("the {name} had {effects} effects"),
        );
    }
    let lost = world.lost.iter().map(|(_, lost)| lost);
    let known = payment.operations.iter().chain(lost);
    let same_key = known.filter(|other| other.key == operation.key);
    let of_key: usize = same_key.map(|other| world.effects(&other.id)).sum();
    if of_key > 1 {
        return broken(
            Property::OneEffectPerKey,
            format!("the {name} was asked for once, and done twice"),
        );
    }
    match operation.state {
        OperationState::Rejected if effects > 0 => broken(
            Property::RejectedHasNoEffect,
            format!("the {name} is called rejected, and had its effect"),
        ),
        OperationState::Succeeded if !succeeded(world, operation, effects) => broken(
            Property::SucceededHasOneEffect,
            format!("the {name} is called succeeded, and had no effect"),
        ),
        OperationState::Intent
        | OperationState::Sending
        | OperationState::Succeeded
        | OperationState::Rejected
        | OperationState::Unknown
        | OperationState::Accepted => Ok(()),
    }
}

/// An authorise or a cancel in doubt has succeeded when the order is as it wanted it, whoever did it (R20).
fn succeeded(world: &World, operation: &Operation, effects: usize) -> bool {
    let Some(order) = world.order_of(&operation.session) else {
        return false;
    };
    let same = |line: &&Line| {
        line.kind == EntryKind::Cancel
            && line.amount == operation.amount_minor
            && line.by == By::Portal
    };
    effects == 1
        || match operation.kind {
            OperationKind::CreateSession => true,
            OperationKind::Authorise => order.was_authorised,
            OperationKind::Cancel => {
                order.book.lines.iter().any(|line| same(&line))
                    || order.book.status == OrderRank::Canceled
            }
            OperationKind::UpdateReference | OperationKind::Capture | OperationKind::Refund => {
                false
            }
        }
}

fn refunds_fit(payment: &Payment) -> Result<(), Broken> {
    for session in &payment.sessions {
        let asked = payment.operations.iter().filter(|operation| {
            operation.session == session.id
                && operation.kind == OperationKind::Refund
                && operation.state != OperationState::Rejected
        });
        let asked: i64 = asked.map(|operation| operation.amount_minor).sum();
        let captured = session.facts.captured();
        if asked > captured {
            return broken(
                Property::RefundsFitCaptures,
                format!("{asked} was asked back of an order of which {captured} was captured"),
            );
        }
    }
    Ok(())
}

fn shown(world: &World, index: usize, payment: &Payment) -> Result<(), Broken> {
    if world.memory[index].version_again {
        return broken(
            Property::VersionsGoOn,
            "a restored payment goes on at versions that were given out already",
        );
    }
    let winner = payment.winner.as_ref().and_then(|id| world.order_of(id));
    let mark = payment.cancel.as_ref().map(|mark| mark.state);
    if payment.paid() {
        if !winner.is_some_and(|order| order.was_authorised) {
            return broken(
                Property::PaidIsTrue,
                "it is shown as paid, and Tamara never authorised its order",
            );
        }
        if matches!(mark, Some(CancelState::Accepted | CancelState::Done)) {
            return broken(
                Property::NoPaidWhileCancelStands,
                "it is shown as paid while a cancel mark stands",
            );
        }
    }
    if payment.paid() && asked_back(payment) >= TOTAL {
        return broken(
            Property::PaidIsNotAskedBack,
            "it is shown as paid, and all its money left or was asked back",
        );
    }
    if world.memory[index].promised && mark == Some(CancelState::Refused) {
        return broken(
            Property::CancelIsNotDefeated,
            "a cancel that came before the authorisation was known is refused",
        );
    }
    let open = payment.operations.iter().any(Operation::pending);
    let planned = plan::next_step(payment).is_some();
    if payment.is_final() && (open || planned || mark == Some(CancelState::Accepted)) {
        return broken(
            Property::FinalMeansNothingPlanned,
            "it is called final, and something of it is planned or in flight",
        );
    }
    let handled = payment.operations.iter().any(|operation| {
        operation.state.is_intent_or_sending()
            || (operation.state == OperationState::Unknown && operation.may_repeat)
    });
    // R30: a person looks for an order that nobody here can read.
    let asked = payment.stopped_after_restore()
        && payment
            .sessions
            .iter()
            .all(|session| session.order.is_none());
    let looked_at = payment.next_check_at_ms.is_some() || handled || planned || asked;
    if !payment.is_final() && !looked_at {
        return broken(
            Property::SomebodyLooks,
            "it is not final, and nobody will look at it by himself",
        );
    }
    Ok(())
}

fn facts(world: &World, payment: &Payment) -> Result<(), Broken> {
    for session in &payment.sessions {
        let Some(order) = world.order_of(&session.id) else {
            continue;
        };
        let facts = &session.facts;
        let invented = facts.entries.values().find(|entry| {
            !order.book.lines.iter().any(|line| {
                line.kind == entry.kind && line.id == entry.id && line.amount == entry.amount_minor
            })
        });
        if invented.is_some() || !order.was(facts.rank) {
            return broken(
                Property::FactsAreASubset,
                format!(
                    "our facts say {} or hold an entry that Tamara's order never had",
                    facts.rank.as_str()
                ),
            );
        }
    }
    Ok(())
}

/// What may not change from one step to the next.
fn moved(
    before: &World,
    index: usize,
    known: &Payment,
    after: &World,
    step: Step,
) -> Result<(), Broken> {
    let payment = &after.payments[index];
    for session in &known.sessions {
        let now = payment.session(&session.id);
        if now.is_some_and(|now| now.facts.rank < session.facts.rank) {
            return broken(
                Property::StatusNeverFalls,
                format!(
                    "the status of a session falls from {}",
                    session.facts.rank.as_str()
                ),
            );
        }
    }
    let winner = payment.winner.as_ref().and_then(|id| after.order_of(id));
    if known.paid() && !payment.paid() && !may_end(payment, winner) {
        return broken(
            Property::PaidDoesNotFlicker,
            "it was paid and is not any more, and nobody asked for that or did it in the portal",
        );
    }
    let again = !known.paid() && payment.paid() && !before.memory[index].paid.is_empty();
    // What was restored is not called paid before it is known (R30).
    if again && !known.recovering() && !may_come_back(known, payment) {
        return broken(
            Property::PaidDoesNotFlicker,
            "it is paid again, and nothing that was asked for was rejected",
        );
    }
    let fresh = matches!(step, Step::Read(at, Age::Fresh) if Some(&after.orders[at]) == winner);
    if fresh && payment.paid() && winner.is_some_and(|order| order.book.holds() == 0) {
        return broken(
            Property::PaidIsTrue,
            "it is shown as paid after a fresh read of an order that holds no money",
        );
    }
    Ok(())
}

/// Whether money left, or was asked back, so that a payment is not paid any more.
fn may_end(payment: &Payment, winner: Option<&Order>) -> bool {
    let Some(order) = winner else { return false };
    if payment.cancel_stands() || order.book.status == OrderRank::Expired {
        return true;
    }
    let asked = payment.operations.iter().filter(|operation| {
        operation.session == order.session
            && operation.origin == Origin::Request
            && takes(operation.kind)
            && operation.pending()
    });
    // A refund of ours tells its entry by its id. A cancel in doubt counts beside what may be its own entry: nothing
    // identifies that (reading of R9).
    let counted = |line: &&Line| match &line.by {
        By::Us(id) => payment
            .operation(id.as_str())
            .is_none_or(|by| by.kind == OperationKind::Cancel || !by.pending()),
        By::Portal | By::Tamara => true,
    };
    let lines = order.book.lines.iter();
    let gone = lines.filter(|line| line.kind != EntryKind::Capture && counted(line));
    let gone: i64 = gone.map(|line| line.amount).sum();
    let asked: i64 = asked.map(|operation| operation.amount_minor).sum();
    gone + asked >= TOTAL
}

/// What left the winner's order by our facts, and what was asked of it and has not ended.
fn asked_back(payment: &Payment) -> i64 {
    let Some(winner) = payment.winner() else {
        return 0;
    };
    let asked = payment.operations.iter().filter(|operation| {
        operation.session == winner.id && takes(operation.kind) && operation.pending()
    });
    let asked =
        asked.map(|operation| operation.amount_minor - winner.facts.refunded_by(&operation.id));
    winner.facts.canceled(TOTAL) + winner.facts.refunded() + asked.sum::<i64>()
}

fn takes(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Cancel | OperationKind::Refund)
}

/// Whether something that was to take the money away ended in this step without it, or a cancel found its own entry.
fn may_come_back(known: &Payment, payment: &Payment) -> bool {
    let refused = |payment: &Payment| {
        let mark = payment.cancel.as_ref();
        mark.is_some_and(|mark| mark.state == CancelState::Refused)
    };
    let ended = payment.operations.iter().any(|operation| {
        let before = known.operation(operation.id.as_str());
        takes(operation.kind)
            && before.is_some_and(Operation::pending)
            && (operation.state == OperationState::Rejected
                || (operation.kind == OperationKind::Cancel && !operation.pending()))
    });
    ended || (refused(payment) && !refused(known))
}

/// What this step took out of orders, and whether we may.
fn released(before: &World, after: &World) -> Result<(), Broken> {
    for (index, order) in after.orders.iter().enumerate() {
        let known = before.orders.get(index).map_or(0, |o| o.book.lines.len());
        for line in &order.book.lines[known..] {
            let By::Us(id) = &line.by else { continue };
            let Some(operation) = operation(after, order, id) else {
                continue;
            };
            took(after, order, line, operation)?;
        }
    }
    Ok(())
}

fn operation<'a>(world: &'a World, order: &Order, id: &OperationId) -> Option<&'a Operation> {
    world.payments[order.payment].operation(id.as_str())
}

fn took(world: &World, order: &Order, line: &Line, operation: &Operation) -> Result<(), Broken> {
    let payment = &world.payments[order.payment];
    let mark = payment.cancel.as_ref().map(|mark| mark.state);
    let canceling = matches!(mark, Some(CancelState::Accepted | CancelState::Done));
    if line.kind == EntryKind::Capture {
        return if canceling {
            broken(
                Property::NoCaptureBesideCancel,
                "we capture while a cancel mark stands",
            )
        } else {
            Ok(())
        };
    }
    if operation.origin == Origin::Request || canceling {
        return Ok(());
    }
    if world.memory[order.payment].paid.contains(&order.session) {
        return broken(
            Property::PaidIsNotReleased,
            "we take back what was shown as paid",
        );
    }
    let other = world
        .orders
        .iter()
        .any(|other| other.session != order.session && other.was_authorised);
    // The reference was given to another payment too, first or later: an approval that finds it taken goes back (R7).
    let sold_again = world.payments.len() > 1;
    if other || sold_again {
        Ok(())
    } else {
        broken(Property::PaidIsNotReleased, "we take back the only money")
    }
}

fn one_open_payment(world: &World) -> Result<(), Broken> {
    let claims = |payment: &&Payment| {
        let wanted = payment.sessions.iter().any(|session| !session.unwanted);
        let waits = match payment.status() {
            Status::Created => true,
            // A page that is shown to nobody expires.
            Status::Pending => checkout_url(payment).is_some(),
            Status::Approved => wanted,
            Status::Authorised
            | Status::PartiallyCaptured
            | Status::Captured
            | Status::PartiallyRefunded
            | Status::Refunded
            | Status::Canceled
            | Status::Declined
            | Status::Expired
            | Status::Failed => false,
        };
        payment.ever_paid || payment.paid() || waits || payment.cancel_running()
    };
    let claiming = world.payments.iter().filter(claims).count();
    if claiming > 1 {
        return broken(
            Property::OneOpenPayment,
            format!("{claiming} payments with one merchant reference are open or paid"),
        );
    }
    Ok(())
}
