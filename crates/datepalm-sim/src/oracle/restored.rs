//! What a restore excuses, and what must hold all the same (R30).
//!
//! Excused is what only the lost data knew: payments, sessions, operations and marks from after the copy, and the numbers
//! that they had. Not excused: a second effect of whatever the copy held, money that moves before somebody has looked, a
//! number that is given out twice, and a movement that nobody can explain and no person is asked about.

use super::{Broken, Oracle, Seen, hold, told, unreadable};
use crate::world::World;
use crate::world::restore::{Loss, at_stake};
use datepalm::domain::attention::{AttentionReason, Point};
use datepalm::domain::operation::{Operation, OperationKind, OperationState};
use datepalm::domain::payment::{Payment, Session};
use datepalm::domain::recovery::epoch;
use datepalm::ids::PaymentId;
use datepalm::store::events::Logged;
use datepalm::store::{payments, unknown_orders};
use std::collections::BTreeSet;

impl Oracle {
    /// After a restore the oracle goes on from what the service knows now.
    pub(super) fn follow_restore(&mut self, world: &mut World) -> Result<u64, Broken> {
        let Some(loss) = world.loss.as_ref() else {
            return Ok(0);
        };
        if loss.restores == self.restores {
            return Ok(0);
        }
        self.restores = loss.restores;
        // The numbers of events leap once; a reader that had seen newer ones goes on with the first of the new epoch.
        self.leap_to = Some(epoch(loss.restored_at_ms) + 1);
        let held = &loss.held;
        let mut checks = 0;
        let known = std::mem::take(&mut world.known);
        for id in held.keys() {
            let look = world.places.database.look(|tx| payments::look(tx, id));
            let payment = look.map_err(unreadable)?.ok_or_else(|| Broken {
                name: "a_restore_keeps_what_the_copy_held",
                what: id.to_string(),
            })?;
            let given_out = known.get(id).map_or(0, |before| before.version);
            hold(
                payment.version > given_out,
                "a_new_epoch_lifts_versions",
                || format!("{id}: {given_out} was given out, now {}", payment.version),
            )?;
            world.known.insert(id.clone(), payment);
            checks += 1;
        }
        // What persons said after the copy was made is forgotten: they may say otherwise now.
        let mut ended = BTreeSet::new();
        for operation in held.values().flat_map(|payment| &payment.operations) {
            if operation.ended_by_person() {
                ended.insert(operation.id.to_string());
            }
        }
        let said = &mut world.causes.said_by_persons;
        said.retain(|id, _| ended.contains(id));
        self.versions.clear();
        self.payment_of.retain(|_, id| held.contains_key(id));
        self.told.retain(|id, _| held.contains_key(id));
        // An event of the new epoch has a version that no event had before.
        for version in self.told.values_mut() {
            *version += 1;
        }
        // Who won, if the copy did not know it, is decided again among the sessions that it held (R13): the one that was
        // shown as paid may then be released like any other.
        let sessions = |id: &PaymentId| {
            let payment = held.get(id).into_iter();
            payment.flat_map(|payment| &payment.sessions)
        };
        let of_copy = |id: &PaymentId, shown: &BTreeSet<String>| {
            sessions(id).any(|session| shown.contains(session.id.as_str()))
        };
        let (shown_paid, paid_for) = (&mut self.shown_paid, &mut self.paid_for);
        // What was paid under a reference is forgotten with the session that was paid: only a notification can tell of it.
        paid_for.retain(|_, id| shown_paid.get(id).is_some_and(|shown| of_copy(id, shown)));
        shown_paid.retain(|id, shown| {
            let winner = held.get(id).and_then(|payment| payment.winner.as_ref());
            shown.retain(|session| winner.is_some_and(|winner| winner.as_str() == session));
            !shown.is_empty()
        });
        Ok(checks)
    }

    /// Whether the number of an event is the next one, or the first after a restore.
    pub(super) fn is_next(&mut self, seq: i64) -> bool {
        if self.leap_to == Some(seq) && seq > self.last_seq {
            self.leap_to = None;
            return true;
        }
        seq == self.last_seq + 1
    }
}

impl Seen<'_> {
    fn loss(&self) -> Option<&Loss> {
        self.world.loss.as_ref()
    }

    /// Whether the last copy held this operation.
    fn held(&self, operation: &Operation) -> bool {
        let held = self.loss().and_then(|loss| loss.held.get(&self.payment.id));
        held.is_some_and(|held| held.operation(operation.id.as_str()).is_some())
    }

    /// Whether an entry in the books may be that operation's: what was there before a restore is no effect of an operation
    /// from after it, although a lost one may have had the same second and amount.
    pub(super) fn may_be_of(&self, entry: &str, operation: &Operation) -> bool {
        let before = self.loss().is_some_and(|loss| loss.entries.contains(entry));
        !before || self.held(operation)
    }

    /// Whether an entry in the books may be that of an operation which a restore has lost.
    pub(super) fn may_be_lost(&self, entry: &str) -> bool {
        self.loss().is_some_and(|loss| loss.entries.contains(entry))
    }

    /// Whether an operation was ever sent, as far as the world knows: the copy may know less.
    pub(super) fn was_sent(&self, operation: &Operation) -> bool {
        let before = self
            .loss()
            .is_some_and(|loss| loss.sent.contains(&operation.id));
        operation.attempt > 0 || before
    }

    /// How many operations were sent and are lost, of an amount, whose effects nothing but the amount tells.
    pub(super) fn lost_operations(
        &self,
        session: &Session,
        kind: OperationKind,
        amount_minor: i64,
    ) -> usize {
        self.loss().map_or(0, |loss| {
            let lost = loss.lost_of(session, kind);
            lost.filter(|o| o.amount_minor == amount_minor).count()
        })
    }

    /// Whether an order was made for a wish that a restore has lost, as far as a session from after it is concerned: the
    /// reference is free again, and Tamara does not mind.
    pub(super) fn is_lost_order(&self, session: &Session, order: &str) -> bool {
        let made_for = self.loss().and_then(|loss| loss.orders.get(order));
        made_for.is_some_and(|made_for| made_for.as_ref() != Some(&session.id))
    }

    /// Points of a restore, open or resolved.
    fn asked(&self, mark: &str) -> impl Iterator<Item = &Point> {
        let points = self.payment.points.iter();
        points.filter(move |point| {
            point.reason == AttentionReason::RestoredUnknownEffect && point.marks.contains(mark)
        })
    }

    /// Whether each thing that a person is asked about after a restore has a cause: an entry that the copy did not hold, a
    /// create that was under way in it, or an order that it did not know.
    pub(super) fn restore_explains(&self, point: &Point) -> bool {
        let (Some(loss), Some(session)) = (self.loss(), &point.session) else {
            return false;
        };
        let held = loss.held.get(&self.payment.id);
        let session = held.and_then(|held| held.session(session));
        let Some((held, session)) = held.zip(session) else {
            // A session from after the restore: it can only be told of another order of the same reference.
            // One whose status nobody knows may have money in it, whenever it was made.
            let odd = |mark: &String| {
                let wire = &self.world.places.wire;
                wire.ledger(|ledger| ledger.odd.contains(mark))
            };
            let other = |mark: &String| loss.orders.contains_key(mark) || odd(mark);
            return point.marks.iter().all(other);
        };
        let in_books = |mark: &String| {
            let now = self.payment.session(&session.id);
            let book = now.and_then(|now| self.book(now));
            book.is_some_and(|book| {
                let mut entries = (book.captures.iter().map(|entry| &entry.id))
                    .chain(book.cancels.iter().map(|entry| &entry.id))
                    .chain(book.refunds.iter().map(|entry| &entry.id));
                entries.any(|id| id == mark)
            })
        };
        let news = |mark: &String| {
            let mut known = session.facts.entries.keys();
            // A copy from the middle of an earlier recovery holds what that one had seen and not judged.
            let unjudged = session.restored.is_some() || loss.unexplained.contains_key(mark);
            in_books(mark) && (unjudged || known.all(|(_, id)| id != mark))
        };
        let creating = |mark: &String| {
            let mut creates = held.operations.iter().filter(|operation| {
                operation.session == session.id && operation.kind == OperationKind::CreateSession
            });
            mark == "create_session" && creates.any(Operation::in_flight)
        };
        let before = |mark: &String| held.points.iter().any(|point| point.marks.contains(mark));
        point.marks.iter().all(|mark| {
            news(mark) || creating(mark) || loss.orders.contains_key(mark) || before(mark)
        })
    }

    /// What must hold of a restored payment at any moment.
    pub(super) fn restore_is_safe(&self) -> Result<u64, Broken> {
        let Some(loss) = self.loss() else {
            return Ok(0);
        };
        let payment = self.payment;
        let waits = payment.sessions.iter().any(|s| s.restored.is_some());
        hold(
            !waits || (!payment.paid() && !payment.is_final()),
            "nothing_is_certain_before_it_was_read_again",
            || payment.id.to_string(),
        )?;
        let sent = payment.operations.iter().find(|operation| {
            let before = loss.attempts.get(&operation.id).copied().unwrap_or(0);
            operation.kind.moves_money() && operation.attempt > before
        });
        hold(
            !waits || sent.is_none(),
            "nothing_is_sent_before_it_was_read_again",
            || format!("{} {sent:?}", payment.id),
        )?;
        let mut checks = 2;
        for (entry, _) in loss.unexplained.iter().filter(|(_, of)| **of == payment.id) {
            let resolved = self
                .asked(entry)
                .any(|point| point.resolved_at_ms.is_some());
            hold(
                resolved || sent.is_none(),
                "nothing_is_sent_before_a_person_has_looked",
                || format!("{} {entry} {sent:?}", payment.id),
            )?;
            checks += 1;
        }
        Ok(checks)
    }

    /// What must be true of a restored payment in the end.
    pub(super) fn restore_has_ended(&self) -> Result<u64, Broken> {
        let Some(loss) = self.loss() else {
            return Ok(0);
        };
        let payment = self.payment;
        let waits = payment.sessions.iter().find(|s| s.restored.is_some());
        hold(waits.is_none(), "a_recovery_ends", || {
            format!("{} {waits:?}", payment.id)
        })?;
        let mut checks = 1;
        for (entry, _) in loss.unexplained.iter().filter(|(_, of)| **of == payment.id) {
            hold(
                self.asked(entry).next().is_some() || self.a_person_explained(entry),
                "what_nobody_can_explain_asks_a_person",
                || format!("{} {entry}: {payment:?}", payment.id),
            )?;
            checks += 1;
        }
        Ok(checks + self.lost_creates_ask(loss)?)
    }

    /// Whether a person has said of which operation that entry is.
    fn a_person_explained(&self, entry: &str) -> bool {
        let payment = self.payment;
        let mut entries = payment
            .sessions
            .iter()
            .flat_map(|s| s.facts.entries.values());
        let of = entries
            .find(|known| known.id == entry)
            .and_then(|known| known.operation.as_ref());
        let operation = of.and_then(|id| payment.operation(id.as_str()));
        operation.is_some_and(|o| o.reason.as_deref() == Some("applied_by_person"))
    }

    /// A create that was under way in the copy, and of which nobody heard: its address may be in somebody's hands.
    fn lost_creates_ask(&self, loss: &Loss) -> Result<u64, Broken> {
        let payment = self.payment;
        let held = loss.held.get(&payment.id);
        let creates = held.into_iter().flat_map(|held| &held.operations);
        let mut checks = 0;
        for create in creates.filter(|operation| {
            operation.kind == OperationKind::CreateSession && operation.in_flight()
        }) {
            let now = payment.operation(create.id.as_str());
            let abandoned = now.is_some_and(|now| now.state == OperationState::Rejected);
            hold(
                abandoned && self.asked("create_session").next().is_some(),
                "what_nobody_can_explain_asks_a_person",
                || format!("{} {now:?}", payment.id),
            )?;
            checks += 1;
        }
        Ok(checks)
    }
}

/// Whether an event stood in the last copy. One that had no number there is numbered, and told, once more: with the id and
/// the version that it had, so that readers know it for an old one.
pub(super) fn was_in_copy(world: &World, event: &Logged) -> bool {
    let held = world
        .loss
        .as_ref()
        .and_then(|loss| loss.held.get(&event.payment));
    held.is_some_and(|held| event.version <= held.version)
}

/// Orders newer than the copy that Tamara has named are listed as long as money is at stake in them, and stop the payment
/// whose reference they carry.
pub(super) fn named_orders_are_shown(world: &World) -> Result<u64, Broken> {
    let Some(loss) = world.loss.as_ref() else {
        return Ok(0);
    };
    let mut listed = Vec::new();
    for shop in &crate::world::setting::SHOPS {
        let database = &world.places.database;
        let rows = database.look(|tx| unknown_orders::list(tx, shop.account, 10_000));
        listed.extend(rows.map_err(unreadable)?);
    }
    let mut checks = 0;
    for id in loss.named.iter().filter(|id| loss.orders.contains_key(*id)) {
        let Some(book) = world.sandbox.book(id).filter(at_stake) else {
            continue;
        };
        let row = listed.iter().find(|order| order.order_id == *id);
        hold(row.is_some(), "an_unknown_order_is_shown", || told(&book))?;
        let payment = row.and_then(|row| row.payment.as_ref());
        let payment: Option<&Payment> = payment.and_then(|id| world.known.get(id));
        if let Some(payment) = payment {
            let asked = Seen { world, payment }.asked(id).next().is_some();
            hold(asked, "an_unknown_order_stops_its_payment", || {
                format!("{} {}", payment.id, told(&book))
            })?;
        }
        checks += 2;
    }
    Ok(checks)
}
