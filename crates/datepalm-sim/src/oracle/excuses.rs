//! Attention explains only what has a cause: each point for a person must follow from something that this history did.

use super::passage::has_foreign;
use super::{Broken, Seen, hold};
use datepalm::domain::attention::{AttentionReason, Point};
use datepalm::domain::facts::EntryKind;
use datepalm::domain::operation::{OperationKind, OperationState, Origin};
use datepalm::domain::payment::Session;

/// A person is asked about an order that nobody authorised when 83 % of its 72 hours have passed.
const WARNED_AFTER_MS: i64 = 72 * 3_600_000 / 100 * 83;

/// A person is asked about an operation that has not ended for a day.
const ASKED_AFTER_MS: i64 = 24 * 3_600_000;

/// How far the clocks of two nodes may be apart (R19).
const CLOCKS_DIFFER_MS: i64 = 10_000;

impl Seen<'_> {
    /// Checks the cause of every open point.
    pub(super) fn attention_has_a_cause(&self) -> Result<u64, Broken> {
        let mut checks = 0;
        for open in self.payment.open_points() {
            hold(self.has_cause(open), "attention_has_a_cause", || {
                format!("{} {open:?}", self.payment.id)
            })?;
            checks += 1;
        }
        Ok(checks)
    }

    fn any_order(&self, holds: impl Fn(&Session, &str) -> bool) -> bool {
        self.payment.sessions.iter().any(|session| {
            let order = session.order.as_ref();
            order.is_some_and(|order| holds(session, &order.order_id))
        })
    }

    fn has_cause(&self, point: &Point) -> bool {
        let world = self.world;
        match point.reason {
            AttentionReason::OrderNotFound => self.any_order(|_, order| {
                world
                    .places
                    .wire
                    .ledger(|ledger| ledger.not_found.contains(order))
            }),
            AttentionReason::UnknownStatus => self.any_order(|_, order| {
                world
                    .places
                    .wire
                    .ledger(|ledger| ledger.odd.contains(order))
            }),
            // An entry that nobody here asked for, or an echo that no longer says whose it is.
            AttentionReason::CannotAttribute => {
                world.setting.drops_refund_id
                    || self.somebody_was_mistaken()
                    || self.any_order(|session, order| {
                        world.causes.portal_orders.contains(order)
                            || has_foreign(session, EntryKind::Capture)
                            || self.lost_its_operation(session)
                    })
            }
            AttentionReason::TamaraRefusesAccess => self.turned_away() >= 3,
            AttentionReason::PlanRefused => self.a_plan_was_refused_for_a_reason(),
            AttentionReason::DuplicateApproval => {
                self.approvals() >= 2 || self.lost_its_reference()
            }
            AttentionReason::AuthoriseDeadline => self.any_order(|session, _| {
                let approved_ms = self.book(session).and_then(|book| book.approved_at_ms);
                approved_ms.is_some_and(|at_ms| {
                    world.now_ms() >= at_ms + WARNED_AFTER_MS - CLOCKS_DIFFER_MS
                })
            }),
            AttentionReason::OperationStillOpen => {
                let id = point.operation.as_ref();
                let operation = id.and_then(|id| self.payment.operation(id.as_str()));
                operation.is_some_and(|o| {
                    point.since_ms >= o.created_at_ms + ASKED_AFTER_MS - CLOCKS_DIFFER_MS
                })
            }
            AttentionReason::OrderMismatch => {
                let mixed_up = |_: &Session, order: &str| {
                    let wire = &world.places.wire;
                    wire.ledger(|ledger| ledger.mixed_up.contains(order))
                };
                self.any_order(mixed_up)
            }
            // Nothing that is simulated makes Tamara contradict itself.
            AttentionReason::BooksDiffer => false,
            AttentionReason::RestoredUnknownEffect => self.restore_explains(point),
        }
    }

    /// The row of what asked for it was lost in a restore: it looks like whatever was denied before (R30).
    fn lost_its_operation(&self, session: &Session) -> bool {
        let kinds = [EntryKind::Cancel, EntryKind::Refund];
        let foreign = kinds.into_iter().any(|kind| has_foreign(session, kind));
        let known = self.payment.operations.iter().any(|operation| {
            operation.session == session.id
                && operation.kind == OperationKind::Authorise
                && operation.state == OperationState::Succeeded
        });
        let authorised = session.facts.was_authorised() && !known;
        self.world.loss.is_some() && (foreign || authorised)
    }

    /// Calls about this payment that were turned away.
    fn turned_away(&self) -> u64 {
        self.world.places.wire.ledger(|ledger| {
            let of = |about: &str| ledger.turned_away.get(about).copied().unwrap_or(0);
            let sessions = self.payment.sessions.iter();
            sessions
                .map(|session| {
                    let order = session.order.as_ref();
                    of(&session.order_reference_id) + order.map_or(0, |order| of(&order.order_id))
                })
                .sum()
        })
    }

    /// Three refusals, each with something that went wrong on the way or in the portal.
    fn a_plan_was_refused_for_a_reason(&self) -> bool {
        let refused = self.payment.operations.iter().filter(|operation| {
            operation.origin == Origin::Plan && operation.state == OperationState::Rejected
        });
        let causes = &self.world.causes;
        refused.count() >= 3
            && (self.somebody_denied()
                || self.any_order(|_, order| {
                    causes.portal_orders.contains(order)
                        || causes.faults.get(order).copied().unwrap_or(0) >= 3
                }))
    }

    /// An approval came after another payment had taken the reference (R7).
    fn lost_its_reference(&self) -> bool {
        let payment = self.payment;
        let unwanted = payment.sessions.iter().any(|session| session.unwanted);
        let mut others = self.world.known.values();
        unwanted
            && others.any(|other| {
                other.id != payment.id && other.merchant_reference == payment.merchant_reference
            })
    }

    /// Orders of this merchant's reference that a customer paid.
    fn approvals(&self) -> usize {
        let reference = &self.payment.merchant_reference;
        let orders = self.world.places.wire.ledger(|ledger| {
            let of_reference = ledger.orders.iter().filter(|(_, about)| {
                about == reference || about.starts_with(&format!("{reference}-"))
            });
            of_reference.map(|(id, _)| id.clone()).collect::<Vec<_>>()
        });
        let books = orders.iter().filter_map(|id| self.world.sandbox.book(id));
        books.filter(|book| book.approved_at_ms.is_some()).count()
    }

    /// Whether a person is asked about something that keeps this payment from going on.
    pub(super) fn waits_for_a_person(&self) -> bool {
        [
            AttentionReason::CannotAttribute,
            AttentionReason::PlanRefused,
            AttentionReason::RestoredUnknownEffect,
        ]
        .into_iter()
        .any(|reason| self.payment.asks_for(reason))
    }
}
