//! A rejected operation never has an effect, a succeeded one has exactly one, and no effect of ours lacks its intent.

use super::items::{is_made_here, tells_the_company};
use super::{Broken, Seen, hold, told};
use crate::world::restore::is_of;
use datepalm::domain::operation::{Operation, OperationKind, OperationState};
use datepalm::domain::payment::Session;
use std::collections::BTreeSet;
use tamara_sandbox::{Book, Captured, Status};

impl Seen<'_> {
    fn ours(&self, session: &Session, kind: OperationKind) -> Vec<&Operation> {
        self.payment
            .operations
            .iter()
            .filter(|operation| operation.session == session.id && operation.kind == kind)
            .collect()
    }

    pub(super) fn effects_belong_to_intents(
        &self,
        session: &Session,
        book: &Book,
    ) -> Result<u64, Broken> {
        Ok(self.captures(session, book)?
            + self.refunds(session, book)?
            + self.cancels(session, book)?
            + self.authorises(session, book)?)
    }

    fn captures(&self, session: &Session, book: &Book) -> Result<u64, Broken> {
        let ours = self.ours(session, OperationKind::Capture);
        let mut checks = 1;
        for operation in &ours {
            let of = |c: &&Captured| is_of(c, operation) && self.may_be_of(&c.id, operation);
            let alike = book.captures.iter().filter(of);
            let (made, theirs): (Vec<_>, Vec<_>) = alike.partition(|capture| is_made_here(capture));
            // A person who captured the same amount in the same second is not told from us (R20).
            let taken = made.is_empty() && operation.state == OperationState::Succeeded;
            let found = made.len() + usize::from(taken && !theirs.is_empty());
            checks += self.one_effect(operation, found, book)?;
            for capture in made {
                checks += tells_the_company(operation, capture)?;
            }
        }
        let foreign = book.captures.iter().filter(|capture| {
            is_made_here(capture)
                && !ours.iter().any(|o| is_of(capture, o))
                && !self.may_be_lost(&capture.id)
        });
        hold(foreign.count() == 0, "no_effect_without_intent", || {
            told(book)
        })?;
        Ok(checks)
    }

    fn refunds(&self, session: &Session, book: &Book) -> Result<u64, Broken> {
        let ours = self.ours(session, OperationKind::Refund);
        let mut checks = 1;
        let is_of = |id: Option<&str>, operation: &Operation| id == Some(operation.id.as_str());
        for operation in &ours {
            let entries = book
                .refunds
                .iter()
                .filter(|refund| is_of(refund.merchant_refund_id.as_deref(), operation));
            checks += self.one_effect(operation, entries.count(), book)?;
        }
        let foreign = book.refunds.iter().filter(|refund| {
            refund.merchant_refund_id.is_some()
                && !self.may_be_lost(&refund.id)
                && !ours
                    .iter()
                    .any(|o| is_of(refund.merchant_refund_id.as_deref(), o))
        });
        hold(foreign.count() == 0, "no_effect_without_intent", || {
            told(book)
        })?;
        Ok(checks)
    }

    /// Nothing in a cancel says whose it is; those of the portal are known to the simulator. Cancels of one amount are
    /// counted against the operations of that amount.
    fn cancels(&self, session: &Session, book: &Book) -> Result<u64, Broken> {
        let ours = self.ours(session, OperationKind::Cancel);
        let portal = &self.world.causes.portal_entries;
        let amounts: BTreeSet<i64> = ours
            .iter()
            .map(|operation| operation.amount_minor)
            .chain(book.cancels.iter().map(|cancel| cancel.minor))
            .collect();
        for amount in &amounts {
            let entries = book.cancels.iter().filter(|cancel| cancel.minor == *amount);
            let (theirs, made): (Vec<_>, Vec<_>) = entries.partition(|c| portal.contains(&c.id));
            let of_amount = ours.iter().filter(|o| o.amount_minor == *amount);
            let (mut sent, mut possible, mut succeeded) = (0, 0, 0);
            for operation in of_amount {
                let tried = self.was_sent(operation);
                sent += usize::from(tried);
                let mistaken = self.is_mistaken(operation);
                let done = operation.state == OperationState::Succeeded;
                possible += usize::from(tried && (may_have(operation) || mistaken));
                // A plan asks again when a person called a cancel of everything applied before a read showed it: then the
                // second has reached its goal by the first one's effect (R20).
                let person = |o: &&Operation| o.reason.as_deref() == Some("applied_by_person");
                let by_another = operation.everything_left
                    && operation.tamara_id.is_none()
                    && ours
                        .iter()
                        .any(|other| person(other) && other.id != operation.id);
                // Or by a person's in the portal, in parts: the order reads as canceled, which is what was asked for.
                let by_portal = operation.everything_left
                    && operation.tamara_id.is_none()
                    && book.status == Status::Canceled
                    && book.cancels.iter().any(|c| portal.contains(&c.id));
                succeeded += usize::from(done && !mistaken && !by_another && !by_portal);
            }
            let say = || format!("{amount}: {} by us, {ours:?}, {}", made.len(), told(book));
            // As many as there were operations that a restore has lost, and no more, may be theirs.
            let lost = made.iter().filter(|cancel| self.may_be_lost(&cancel.id));
            let sent_before = self.lost_operations(session, OperationKind::Cancel, *amount);
            let kept = made.len() - lost.count().min(sent_before);
            hold(kept <= sent, "no_effect_without_intent", say)?;
            hold(kept <= possible, "a_rejection_has_no_effect", say)?;
            // A person's cancel of the same amount may have been taken for ours (R20), never for nothing.
            let seen = made.len() + theirs.len();
            hold(succeeded <= seen, "a_success_has_one_effect", say)?;
        }
        Ok(3 * u64::try_from(amounts.len()).unwrap_or(0))
    }

    /// Tamara authorises an order once; who was refused did not do it.
    fn authorises(&self, session: &Session, book: &Book) -> Result<u64, Broken> {
        let ours = self.ours(session, OperationKind::Authorise);
        let done = self
            .world
            .places
            .wire
            .ledger(|ledger| ledger.authorised.get(&book.order_id).copied().unwrap_or(0));
        let say = || format!("{done} authorised by us: {ours:?}, {}", told(book));
        hold(done <= 1, "at_most_one_effect_per_intent", say)?;
        let (mut possible, mut succeeded) = (0, 0);
        let total = self.payment.total.minor();
        if self.lost_operations(session, OperationKind::Authorise, total) > 0 {
            possible += 1;
        }
        for operation in &ours {
            let mistaken = self.is_mistaken(operation);
            let done = operation.state == OperationState::Succeeded;
            possible += u64::from(self.was_sent(operation) && (may_have(operation) || mistaken));
            succeeded += u64::from(done && !mistaken);
        }
        // An order that ran out before any read showed it as authorised does not prove that it ever was.
        let ran_out = book.status == Status::Expired;
        let known = done <= possible || ran_out;
        hold(known, "a_rejection_has_no_effect", say)?;
        hold(
            succeeded == 0 || super::was_authorised(book),
            "a_success_has_one_effect",
            say,
        )?;
        Ok(3)
    }

    fn one_effect(&self, operation: &Operation, found: usize, book: &Book) -> Result<u64, Broken> {
        let say = || format!("{operation:?} has {found} effects: {}", told(book));
        hold(found <= 1, "at_most_one_effect_per_intent", say)?;
        if self.is_mistaken(operation) {
            return Ok(1);
        }
        match operation.state {
            OperationState::Succeeded | OperationState::Accepted => {
                hold(found == 1, "a_success_has_one_effect", say)?;
            }
            OperationState::Rejected => hold(found == 0, "a_rejection_has_no_effect", say)?,
            OperationState::Intent if operation.attempt == 0 => {
                hold(found == 0, "no_effect_before_sending", say)?;
            }
            OperationState::Intent | OperationState::Sending | OperationState::Unknown => {}
        }
        Ok(2)
    }
}

/// Whether nothing denies its effect.
fn may_have(operation: &Operation) -> bool {
    operation.state != OperationState::Rejected
}
