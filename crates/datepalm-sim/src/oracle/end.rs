//! What must be true once everything has come to rest: nothing waits for ever, nothing is forgotten, the books balance.

use super::restored::named_orders_are_shown;
use super::{Broken, Oracle, Seen, held_minor, hold, told};
use crate::world::World;
use datepalm::domain::operation::Operation;
use datepalm::domain::payment::Session;
use datepalm::ids::PaymentId;
use tamara_sandbox::{Book, Status};

impl Oracle {
    /// Looks at a world at rest. Answers how many things were checked.
    pub fn in_the_end(&mut self, world: &mut World) -> Result<u64, Broken> {
        let mut checks = self.look_at_all(world)?;
        // A refund may be called pending for longer than the end lasted since it was made.
        if waits(world) {
            world.pass(world.setting.refund_pending_ms);
            checks += self.look_at_all(world)?;
        }
        let differing = differing(world)?;
        for id in &differing {
            world.read_again(id).map_err(|error| Broken {
                name: "workers_do_not_fail",
                what: format!("{error:#}"),
            })?;
        }
        checks += self.look_at_all(world)?;
        let due = world
            .places
            .database
            .next_due()
            .map_err(super::unreadable)?;
        hold(
            due.reconciliations_ms.is_none(),
            "a_reconciliation_ends",
            || format!("{due:?}"),
        )?;
        for payment in world.known.values() {
            let seen = Seen { world, payment };
            checks += seen.in_the_end()? + seen.restore_has_ended()?;
        }
        Ok(checks + named_orders_are_shown(world)?)
    }

    /// What keeps the workers busy for ever.
    pub fn busy(&mut self, world: &mut World) -> Broken {
        if let Err(broken) = self.look_at_all(world) {
            return broken;
        }
        let soonest = world
            .known
            .values()
            .filter(|payment| payment.next_check_at_ms.is_some())
            .min_by_key(|payment| payment.next_check_at_ms);
        Broken {
            name: "work_ends",
            what: format!("at {}: {soonest:#?}", world.now_ms()),
        }
    }
}

fn waits(world: &World) -> bool {
    let mut operations = world.known.values().flat_map(|known| &known.operations);
    operations.any(Operation::pending)
}

/// Payments that do not know yet what Tamara did by itself, or a person there, or how an operation ended: they must be due
/// for a look, unless the time of looking is over (R25).
fn differing(world: &World) -> Result<Vec<PaymentId>, Broken> {
    let mut differing = Vec::new();
    for payment in world.known.values() {
        let seen = Seen { world, payment };
        for session in &payment.sessions {
            let Some(book) = seen.book(session) else {
                continue;
            };
            if agrees(&seen, session, &book) {
                continue;
            }
            hold(
                payment.next_check_at_ms.is_some(),
                "what_can_change_is_looked_at",
                || format!("{} {}", payment.id, told(&book)),
            )?;
            differing.push(payment.id.clone());
        }
        // A refund may have been pending at the last look.
        if payment.operations.iter().any(Operation::pending) {
            hold(
                payment.next_check_at_ms.is_some(),
                "what_can_change_is_looked_at",
                || format!("{payment:?}"),
            )?;
            differing.push(payment.id.clone());
        }
    }
    Ok(differing)
}

fn agrees(seen: &Seen<'_>, session: &Session, book: &Book) -> bool {
    let facts = &session.facts;
    let total = seen.payment.total.minor();
    let ours = (facts.captured(), facts.refunded(), facts.canceled(total));
    let theirs = (
        book.captured_minor(),
        book.refunded_minor(),
        book.canceled_minor(),
    );
    // An order that nobody captured may be expired by the time of the first read: that proves no authorisation.
    let authorised =
        book.status == Status::Expired || facts.was_authorised() == super::was_authorised(book);
    ours == theirs && authorised
}

impl Seen<'_> {
    fn in_the_end(&self) -> Result<u64, Broken> {
        let payment = self.payment;
        let explained = self.waits_for_a_person() || self.somebody_was_mistaken();
        self.mistakes_are_told()?;
        let waiting: Vec<_> = payment
            .operations
            .iter()
            .filter(|operation| operation.pending())
            .collect();
        hold(
            waiting.is_empty() || explained,
            "nothing_waits_for_ever",
            || format!("{} operations: {payment:?}", waiting.len()),
        )?;
        hold(
            !payment.cancel_running() || explained,
            "a_cancel_ends",
            || format!("{} {:?}", payment.id, payment.cancel),
        )?;
        let mut holding = 0;
        for session in &payment.sessions {
            let Some(book) = self.book(session) else {
                continue;
            };
            hold(
                agrees(self, session, &book),
                "the_books_agree_in_the_end",
                || format!("{} {:?}, {}", payment.id, session.facts, told(&book)),
            )?;
            hold(
                book.status != Status::Approved || explained,
                "an_approved_order_is_never_forgotten",
                || told(&book),
            )?;
            self.references_agree(session, &book)?;
            holding += u64::from(held_minor(&book) > 0);
            let kept = payment.winner.as_ref() == Some(&session.id) && !payment.cancel_stands();
            hold(
                held_minor(&book) == 0 || kept || explained || self.mark_left_it(session),
                "what_is_not_kept_is_given_back",
                || format!("{} {} cancel {:?}", payment.id, told(&book), payment.cancel),
            )?;
        }
        hold(
            holding <= 1 || explained,
            "one_payment_takes_money_once",
            || payment.id.to_string(),
        )?;
        Ok(4)
    }

    /// A cancel of what was left is done although something was captured beside it: that stays the merchant's (R23).
    fn mark_left_it(&self, session: &Session) -> bool {
        use datepalm::domain::payment::CancelPromise;
        let promise = self.payment.cancel.as_ref().map(|mark| mark.promise);
        promise == Some(CancelPromise::WhatIsLeft) && session.facts.captured() > 0
    }
}
