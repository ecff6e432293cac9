//! The references under which Tamara knows orders, against what merchants asked for.

use super::{Broken, Seen, hold, told};
use datepalm::domain::operation::{Operation, OperationKind, OperationState};
use datepalm::domain::payment::Session;
use tamara_sandbox::Book;

impl Seen<'_> {
    fn changes<'a>(&'a self, session: &'a Session) -> impl Iterator<Item = &'a Operation> {
        self.payment.operations.iter().filter(|operation| {
            operation.session == session.id && operation.kind == OperationKind::UpdateReference
        })
    }

    /// What succeeded was taken by Tamara, what was refused was not.
    pub(super) fn references_follow(&self, session: &Session, book: &Book) -> Result<u64, Broken> {
        let mut checks = 0;
        for change in self.changes(session).filter(|o| !self.is_mistaken(o)) {
            let reference = change.reference.as_deref().unwrap_or_default();
            let wire = &self.world.places.wire;
            let taken = wire.ledger(|ledger| ledger.had(&book.order_id, reference));
            let say = || format!("{change:?}, Tamara took it: {taken}");
            match change.state {
                OperationState::Succeeded => hold(taken, "a_success_has_one_effect", say)?,
                OperationState::Rejected => hold(!taken, "a_rejection_has_no_effect", say)?,
                OperationState::Intent if change.attempt == 0 => {
                    hold(!taken, "no_effect_before_sending", say)?;
                }
                OperationState::Intent
                | OperationState::Sending
                | OperationState::Unknown
                | OperationState::Accepted => {}
            }
            checks += 1;
        }
        Ok(checks)
    }

    /// In the end, the merchant is shown the reference that Tamara has.
    pub(super) fn references_agree(&self, session: &Session, book: &Book) -> Result<u64, Broken> {
        let unclear = |change: &Operation| change.pending() || self.is_mistaken(change);
        if self.changes(session).any(unclear) {
            return Ok(0);
        }
        let ours = self.payment.reference_of(session);
        hold(
            ours == book.order_reference_id,
            "the_reference_is_tamaras_in_the_end",
            || format!("{} {ours}, {}", self.payment.id, told(book)),
        )?;
        Ok(1)
    }
}
