//! What must hold of a payment at any moment.

use super::{Broken, Seen, hold, told, was_authorised};
use datepalm::domain::facts::{EntryKind, OrderRank};
use datepalm::domain::operation::{Operation, OperationKind, OperationState, Origin};
use datepalm::domain::payment::{Payment, Session};
use tamara_sandbox::Book;

impl Seen<'_> {
    /// Checks it. Answers how many things were checked.
    pub(super) fn at_any_moment(&self) -> Result<u64, Broken> {
        let mut checks = 0;
        for session in &self.payment.sessions {
            checks += amounts_are_in_order(self.payment, session)?;
            checks += self.one_order_per_session(session)?;
            if let Some(book) = self.book(session) {
                checks += facts_are_a_subset(session, &book)?;
                checks += self.effects_belong_to_intents(session, &book)?;
                checks += self.references_follow(session, &book)?;
            }
        }
        checks += self.items_add_up()?;
        checks += one_at_a_time(self.payment)?;
        checks += self.attention_has_a_cause()?;
        checks += self.paid_is_true()?;
        checks += self.the_only_money_is_not_released()?;
        checks += self.restore_is_safe()?;
        Ok(checks)
    }

    /// An order is given back by a plan of ours only beside another of the payment that was ever authorised (R14).
    fn the_only_money_is_not_released(&self) -> Result<u64, Broken> {
        let payment = self.payment;
        if payment.cancel.is_some() {
            return Ok(0);
        }
        let released = |session: &&Session| {
            let of_plan = |o: &&Operation| o.session == session.id && o.origin == Origin::Plan;
            let gives_back = |o: &Operation| {
                o.attempt > 0 && matches!(o.kind, OperationKind::Cancel | OperationKind::Refund)
            };
            let mut operations = payment.operations.iter().filter(of_plan);
            // One that cannot take the reference is given back whatever becomes of the others (R7).
            !session.unwanted && operations.any(gives_back)
        };
        for loser in payment.sessions.iter().filter(released) {
            let kept = payment.sessions.iter().any(|session| {
                session.id != loser.id && self.book(session).as_ref().is_some_and(was_authorised)
            });
            hold(kept, "the_only_money_is_not_released", || {
                format!("{} {}", payment.id, loser.id)
            })?;
        }
        Ok(1)
    }

    /// Tamara has no idempotency: a create that was sent twice would be two orders.
    fn one_order_per_session(&self, session: &Session) -> Result<u64, Broken> {
        let reference = &session.order_reference_id;
        let made = self.world.places.wire.ledger(|ledger| {
            let of_session = ledger
                .orders
                .iter()
                .filter(|(id, about)| about == reference && !self.is_lost_order(session, id));
            of_session.count()
        });
        hold(made <= 1, "a_session_is_one_order", || {
            format!("{made} orders of {reference}")
        })?;
        let refused = self.payment.operations.iter().any(|operation| {
            operation.session == session.id
                && operation.kind == OperationKind::CreateSession
                && operation.state == OperationState::Rejected
                && operation.reason.as_deref() != Some("abandoned")
        });
        hold(!refused || made == 0, "a_rejection_has_no_effect", || {
            format!("the create of {reference} was refused, and made an order")
        })?;
        Ok(2)
    }

    /// To be asked once every payment was looked at: one may let go and another take hold in one step.
    pub(super) fn one_holder_per_reference(&self) -> Result<u64, Broken> {
        let payment = self.payment;
        if !payment.held {
            return Ok(0);
        }
        let other = self.world.known.values().find(|other| {
            other.id != payment.id
                && other.held
                && other.merchant_reference == payment.merchant_reference
                && other.account == payment.account
        });
        hold(other.is_none(), "one_holder_per_reference", || {
            format!("{} and {:?}", payment.id, other.map(|other| &other.id))
        })?;
        Ok(1)
    }

    fn paid_is_true(&self) -> Result<u64, Broken> {
        let payment = self.payment;
        if !payment.paid() {
            return Ok(1);
        }
        let mark = payment.cancel.as_ref();
        let refused =
            mark.is_none_or(|mark| mark.state == datepalm::domain::payment::CancelState::Refused);
        hold(refused, "never_paid_while_canceled", || {
            payment.id.to_string()
        })?;
        let book = payment.winner().and_then(|winner| self.book(winner));
        let authorised = book.as_ref().is_some_and(was_authorised);
        hold(authorised, "never_paid_before_tamara_authorised", || {
            format!("{} {:?}", payment.id, book.as_ref().map(told))
        })?;
        // What nobody here can know yet (a person in the portal, a timer) is no lie.
        let winner = payment.winner().expect("it is paid");
        let facts = &winner.facts;
        let live = !matches!(facts.rank, OrderRank::Expired | OrderRank::Canceled);
        hold(live, "paid_means_a_live_order", || payment.id.to_string())?;
        let asked: i64 = payment
            .operations
            .iter()
            .filter(|o| o.session == winner.id && o.pending())
            .filter(|o| matches!(o.kind, OperationKind::Cancel | OperationKind::Refund))
            .map(|o| (o.amount_minor - facts.refunded_by(&o.id)).max(0))
            .sum();
        let listed = |kind: EntryKind| {
            let entries = facts.entries_of(kind).filter(|entry| entry.counts());
            entries.map(|entry| entry.amount_minor).sum::<i64>()
        };
        let gone = listed(EntryKind::Cancel) + listed(EntryKind::Refund) + asked;
        hold(
            gone < payment.total.minor(),
            "paid_means_money_is_left",
            || format!("{} {gone} of {} is gone", payment.id, payment.total.minor()),
        )?;
        Ok(4)
    }
}

/// captured <= authorised, refunded <= captured, canceled + captured <= total.
fn amounts_are_in_order(payment: &Payment, session: &Session) -> Result<u64, Broken> {
    let total = payment.total.minor();
    let facts = &session.facts;
    let (captured, refunded) = (facts.captured(), facts.refunded());
    let canceled: i64 = facts
        .entries_of(EntryKind::Cancel)
        .map(|entry| entry.amount_minor)
        .sum();
    let what = || {
        format!(
            "{} captured {captured} refunded {refunded} canceled {canceled}",
            payment.id
        )
    };
    hold(captured + canceled <= total, "amounts_are_in_order", what)?;
    hold(refunded <= captured, "amounts_are_in_order", what)?;
    hold(
        captured == 0 || facts.was_authorised(),
        "amounts_are_in_order",
        what,
    )?;
    Ok(3)
}

/// At most one money operation in flight, one create under way, one change of the reference.
fn one_at_a_time(payment: &Payment) -> Result<u64, Broken> {
    let count =
        |holds: fn(&Operation) -> bool| payment.operations.iter().filter(|o| holds(o)).count();
    let money = count(|o| o.kind.moves_money() && o.in_flight());
    let creates =
        count(|o| o.kind == OperationKind::CreateSession && o.state.is_intent_or_sending());
    let changes = count(|o| o.kind == OperationKind::UpdateReference && o.in_flight());
    hold(
        money <= 1 && creates <= 1 && changes <= 1,
        "one_money_operation_at_a_time",
        || {
            let id = &payment.id;
            format!("{id} {money} money operations, {creates} creates, {changes} references")
        },
    )?;
    Ok(3)
}

/// Facts only grow, and never beyond what Tamara has.
fn facts_are_a_subset(session: &Session, book: &Book) -> Result<u64, Broken> {
    let name = "our_facts_are_a_subset_of_tamaras";
    let mut checks = 2;
    for entry in session.facts.entries.values() {
        let minor = match entry.kind {
            EntryKind::Capture => book
                .captures
                .iter()
                .find(|c| c.id == entry.id)
                .map(|c| c.minor),
            EntryKind::Refund => book
                .refunds
                .iter()
                .find(|r| r.id == entry.id)
                .map(|r| r.minor),
            EntryKind::Cancel => book
                .cancels
                .iter()
                .find(|c| c.id == entry.id)
                .map(|c| c.minor),
        };
        hold(minor == Some(entry.amount_minor), name, || {
            format!("{entry:?}, Tamara {minor:?}: {}", told(book))
        })?;
        checks += 1;
    }
    hold(
        !session.facts.was_authorised() || was_authorised(book),
        name,
        || format!("authorised: {}", told(book)),
    )?;
    let approved = book.approved_at_ms.is_some();
    hold(!session.facts.was_approved() || approved, name, || {
        format!("approved: {}", told(book))
    })?;
    hold(rank_was_reached(session, book), name, || {
        format!("{:?}: {}", session.facts.rank, told(book))
    })?;
    Ok(checks + 1)
}

/// Whether Tamara's order ever was where we think it is.
fn rank_was_reached(session: &Session, book: &Book) -> bool {
    use tamara_sandbox::Status;
    match session.facts.rank {
        OrderRank::New => true,
        // A refusal may be taken back.
        OrderRank::Declined => book.status == Status::Declined || book.approved_at_ms.is_some(),
        OrderRank::Approved => book.approved_at_ms.is_some(),
        OrderRank::Authorised => was_authorised(book),
        OrderRank::Expired => book.status == Status::Expired,
        OrderRank::Canceled => book.status == Status::Canceled,
    }
}
