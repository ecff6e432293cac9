//! A backup that is put back (R30): the database forgets what came after the copy, while Tamara goes on, customers keep
//! their pages, and merchants ask again for all that they ever asked for, with the same keys.
//!
//! What the old data knew is kept here for the oracle, which must know what a restore excuses, and no more.

use super::merchants::Buyer;
use super::{NODES, World};
use crate::drive::{Stand, finish};
use crate::plan::{Kind, Step};
use crate::rng::Rng;
use crate::wire::fate::Route;
use datepalm::actions::recover;
use datepalm::clock::Clock as _;
use datepalm::domain::operation::{Operation, OperationKind, OperationState};
use datepalm::domain::payment::{Payment, Session};
use datepalm::ids::{OperationId, PaymentId, SessionId};
use datepalm::store::Store;
use datepalm::store::in_line::Copied;
use datepalm::store::payments;
use std::collections::{BTreeMap, BTreeSet};
use tamara_sandbox::{Book, Captured, Status};

/// A backup is made at a moment that is interesting; so many steps it waits for one.
const PATIENCE: u64 = 60;

/// Between the death of the nodes and their start on the copy, milliseconds: files are moved, and two clocks that differ
/// agree on what came first.
const MOVING_MS: [i64; 3] = [11_000, 60_000, 600_000];

/// Whether the world of a seed has a restore: few do, because payments that wait for a person leave less to break.
pub fn happens(seed: u64) -> bool {
    seed % 5 == 3
}

/// Puts backup and restore into the plan of a seed: one copy that is put back once or twice, or two copies.
pub fn put_into(plan: &mut [Step], seed: u64) {
    if !happens(seed) || plan.is_empty() {
        return;
    }
    let mut chance = Rng::new(seed ^ 0x0bac_0bac);
    let kinds: &[Kind] = match chance.below(4) {
        0 => &[Kind::Backup, Kind::Restore, Kind::Restore],
        1 => &[Kind::Backup, Kind::Restore, Kind::Backup, Kind::Restore],
        _ => &[Kind::Backup, Kind::Restore],
    };
    let mut at = chance.index(plan.len() / 2);
    for kind in kinds {
        let Some(step) = plan.get_mut(at) else { return };
        step.kind = *kind;
        at += 1 + chance.index(plan.len() / 4);
    }
}

/// A backup that is wanted, or was made.
#[derive(Default)]
pub(super) struct Backup {
    copy: Option<Copied>,
    /// Steps until it is made, whatever happens.
    wanted: Option<u64>,
}

/// What the restores of a history have lost.
#[derive(Default)]
pub struct Loss {
    /// How many there were.
    pub restores: u64,
    /// When the last one was written down, on the clock of the node that did it.
    pub restored_at_ms: i64,
    /// The payments as the last copy held them.
    pub held: BTreeMap<PaymentId, Payment>,
    /// Orders that a restored copy did not know, and the session in it, if there was one, whose create had made them.
    pub orders: BTreeMap<String, Option<SessionId>>,
    /// What stood in the books at a restore, or came of calls that had left before it.
    pub entries: BTreeSet<String>,
    /// Of those: what the copy's facts did not hold and no operation in the copy can have made, with its payment.
    pub unexplained: BTreeMap<String, PaymentId>,
    /// Operations that had been sent and that the copy did not hold.
    pub operations: BTreeMap<OperationId, Operation>,
    /// Operations of which the copy knew less than that they had been sent.
    pub sent: BTreeSet<OperationId>,
    /// How often each operation had been sent when its payment was told of the last restore.
    pub attempts: BTreeMap<OperationId, i64>,
    /// Orders with money in them that Tamara has named to the service since the last restore.
    pub named: BTreeSet<String>,
    /// Something was named that a worker has not looked for.
    news: bool,
}

impl Loss {
    fn lose_order(&mut self, id: &str, reference: &str) {
        let mut sessions = self.held.values().flat_map(|payment| &payment.sessions);
        // One that has an order of its own has not made this one: that was a wish of a time that is lost.
        let session = sessions.find(|session| {
            let own = session
                .order
                .as_ref()
                .is_none_or(|order| order.order_id == id);
            session.order_reference_id == reference && own
        });
        // Nor has one session made two: another call of before an earlier restore had the same reference.
        let session = session.map(|session| session.id.clone());
        let session = session.filter(|session| {
            let mut others = self.orders.iter().filter(|(order, _)| *order != id);
            !others.any(|(_, made_for)| made_for.as_ref() == Some(session))
        });
        self.orders.entry(id.to_owned()).or_insert(session);
    }

    /// Operations of a session that were sent before a restore and are lost with it.
    pub fn lost_of<'a>(
        &'a self,
        session: &'a Session,
        kind: OperationKind,
    ) -> impl Iterator<Item = &'a Operation> {
        self.operations
            .values()
            .filter(move |lost| lost.session == session.id && lost.kind == kind)
    }
}

impl World {
    /// A backup is wanted.
    pub(super) fn back_up(&mut self) {
        self.backup.wanted = Some(PATIENCE);
    }

    /// Makes the backup that is wanted, once a call that changes something is under way: what the copy then holds is an
    /// intent, or something that is being sent, of which Tamara may know more.
    pub(super) fn make_backup(&mut self) -> anyhow::Result<()> {
        let Some(left) = self.backup.wanted else {
            return Ok(());
        };
        let changing = self.tasks.iter().any(|task| match task.at {
            Some(Stand::Call(call)) => {
                let parked = self.places.wire.parked(call);
                parked.is_some_and(|parked| parked.route != Route::Read)
            }
            Some(Stand::Write(point)) => point.transaction == "begin sending",
            Some(Stand::Line) | None => false,
        });
        if !changing && left > 0 {
            self.backup.wanted = Some(left - 1);
            return Ok(());
        }
        self.backup.wanted = None;
        self.backup.copy = Some(self.places.database.copy()?);
        self.say(|| format!("a backup is made, a call is under way: {changing}"));
        Ok(())
    }

    /// All nodes die, the database becomes the copy, and one node starts with `--recover`, then the others.
    pub(super) fn restore(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let Some(copy) = self.backup.copy.take() else {
            return self.work(chance);
        };
        for task in std::mem::take(&mut self.tasks) {
            self.die(&task);
        }
        let before = self.all_payments()?;
        self.places.database.put_back(&copy)?;
        self.backup.copy = Some(copy);
        self.places.wire.restored();
        let held = self.all_payments()?;
        self.remember_loss(&before, held);
        self.merchants_ask_again();
        self.say(|| "a backup is put back".to_owned());
        self.pass(*chance.pick(&MOVING_MS));
        let now_ms = self.next_clock().now_ms();
        let store = Store::open(&self.config.database)?;
        finish(recover::begin(&store, now_ms), &self.places)?;
        self.loss_mut().restored_at_ms = now_ms;
        self.nodes.clear();
        for _ in 0..NODES {
            let node = self.open_node()?;
            self.nodes.push(node);
        }
        let told = self.all_payments()?;
        let operations = told.into_values().flat_map(|payment| payment.operations);
        let attempts = operations.map(|operation| (operation.id, operation.attempt));
        self.loss_mut().attempts = attempts.collect();
        self.counts.restores += 1;
        Ok(())
    }

    fn loss_mut(&mut self) -> &mut Loss {
        self.loss.get_or_insert_default()
    }

    fn all_payments(&self) -> anyhow::Result<BTreeMap<PaymentId, Payment>> {
        let database = &self.places.database;
        let mut all = BTreeMap::new();
        for (id, _) in database.versions()? {
            if let Some(payment) = database.look(|tx| payments::look(tx, &id))? {
                all.insert(id, payment);
            }
        }
        Ok(all)
    }

    fn remember_loss(
        &mut self,
        before: &BTreeMap<PaymentId, Payment>,
        held: BTreeMap<PaymentId, Payment>,
    ) {
        let orders = self.places.wire.ledger(|ledger| ledger.orders.clone());
        let mut loss = self.loss.take().unwrap_or_default();
        loss.restores += 1;
        loss.named.clear();
        let known: BTreeSet<&String> = held.values().flat_map(orders_of).collect();
        let lost = orders.iter().filter(|(id, _)| !known.contains(id));
        let lost: Vec<_> = lost.collect();
        let operations = held.values().flat_map(|payment| &payment.operations);
        let attempts: BTreeMap<&OperationId, i64> = operations
            .map(|operation| (&operation.id, operation.attempt))
            .collect();
        let sent = before.values().flat_map(|payment| &payment.operations);
        for operation in sent.filter(|operation| operation.attempt > 0) {
            match attempts.get(&operation.id) {
                None => {
                    loss.operations
                        .insert(operation.id.clone(), operation.clone());
                }
                Some(0) => {
                    loss.sent.insert(operation.id.clone());
                }
                Some(_) => {}
            }
        }
        loss.held = held;
        for (id, reference) in lost {
            loss.lose_order(id, reference);
        }
        for book in orders.iter().filter_map(|(id, _)| self.sandbox.book(id)) {
            note_entries(&mut loss, &book);
        }
        self.loss = Some(loss);
    }

    /// The books of orders at which calls from before a restore may still arrive.
    pub(super) fn expect_from_before(&self) -> Vec<String> {
        if self.loss.is_none() {
            return Vec::new();
        }
        self.places.wire.late_from_before()
    }

    /// What came of calls from before a restore, at those orders.
    pub(super) fn note_from_before(&mut self, orders: &[String], before: &[Option<Book>]) {
        let Some(mut loss) = self.loss.take() else {
            return;
        };
        let made = self
            .places
            .wire
            .ledger(|ledger| std::mem::take(&mut ledger.orders_from_before));
        for (id, reference) in made {
            loss.lose_order(&id, &reference);
        }
        for (id, before) in orders.iter().zip(before) {
            let now = self.sandbox.book(id);
            if let Some(now) = now.filter(|now| Some(now) != before.as_ref()) {
                note_entries(&mut loss, &now);
            }
        }
        self.loss = Some(loss);
    }

    /// Tamara has named an order to the service.
    pub(super) fn was_named(&mut self, body: &str) {
        let Some(loss) = &mut self.loss else { return };
        let told: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let id = told["order_id"].as_str().unwrap_or_default();
        loss.news = true;
        if self.sandbox.book(id).as_ref().is_some_and(at_stake) {
            loss.named.insert(id.to_owned());
        }
    }

    /// Whether a worker has something to look for since the last time this was asked.
    pub(super) fn take_news(&mut self) -> bool {
        let loss = self.loss.as_mut();
        loss.is_some_and(|loss| std::mem::take(&mut loss.news))
    }

    /// Merchants forget what only the lost data had promised, and send everything again. A key that was misused is a good
    /// one where its first use is lost, so those who misused one take another.
    fn merchants_ask_again(&mut self) {
        let mut buyers = std::mem::take(&mut self.buyers);
        let held = &self.loss_mut().held;
        for buyer in &mut buyers {
            ask_again(buyer, held);
        }
        self.buyers = buyers;
    }
}

/// Whether Tamara holds money in an order for the merchant, or would.
pub fn at_stake(book: &Book) -> bool {
    match book.status {
        Status::New
        | Status::Declined
        | Status::Expired
        | Status::Canceled
        | Status::FullyRefunded => false,
        Status::Approved
        | Status::Authorised
        | Status::Updated
        | Status::PartiallyCaptured
        | Status::FullyCaptured
        | Status::PartiallyRefunded => true,
    }
}

fn orders_of(payment: &Payment) -> impl Iterator<Item = &String> {
    let orders = payment.sessions.iter().filter_map(|s| s.order.as_ref());
    orders.map(|order| &order.order_id)
}

/// Whether a capture in the books is that operation's: the second is unique within a payment (R20).
pub fn is_of(entry: &Captured, operation: &Operation) -> bool {
    let shipped = operation
        .shipped_at_s
        .map(|second| datepalm::clock::rfc3339(second * 1_000));
    Some(&entry.shipped_at) == shipped.as_ref() && entry.minor == operation.amount_minor
}

fn note_entries(loss: &mut Loss, book: &Book) {
    let holder = loss
        .held
        .values()
        .find(|payment| orders_of(payment).any(|id| *id == book.order_id));
    let found = holder.and_then(|payment| {
        let of = |session: &&Session| {
            let order = session.order.as_ref();
            order.is_some_and(|order| order.order_id == book.order_id)
        };
        Some((payment, payment.sessions.iter().find(of)?))
    });
    let all = book
        .captures
        .iter()
        .map(|entry| &entry.id)
        .chain(book.cancels.iter().map(|entry| &entry.id))
        .chain(book.refunds.iter().map(|entry| &entry.id));
    let mut unexplained = Vec::new();
    if let Some((payment, session)) = found {
        let ours = |kind: OperationKind| {
            let of_session = payment.operations.iter();
            of_session.filter(move |o| o.session == session.id && o.kind == kind)
        };
        let news = |id: &String| session.facts.entries.keys().all(|(_, known)| known != id);
        let captures = book.captures.iter().filter(|entry| {
            news(&entry.id) && !ours(OperationKind::Capture).any(|o| is_of(entry, o))
        });
        unexplained.extend(captures.map(|entry| (entry.id.clone(), payment.id.clone())));
        // Nothing in a cancel says whose it is: one that the copy has under way may have made it.
        let cancels = book.cancels.iter().filter(|entry| {
            let mut under_way = ours(OperationKind::Cancel)
                .filter(|o| o.in_flight() && o.amount_minor == entry.minor);
            news(&entry.id) && under_way.next().is_none()
        });
        unexplained.extend(cancels.map(|entry| (entry.id.clone(), payment.id.clone())));
        let refunds = book.refunds.iter().filter(|entry| {
            let by = entry.merchant_refund_id.as_deref();
            news(&entry.id) && !ours(OperationKind::Refund).any(|o| by == Some(o.id.as_str()))
        });
        unexplained.extend(refunds.map(|entry| (entry.id.clone(), payment.id.clone())));
    }
    loss.entries.extend(all.cloned());
    loss.unexplained.extend(unexplained);
}

fn ask_again(buyer: &mut Buyer, held: &BTreeMap<PaymentId, Payment>) {
    let operation = |id: &str| held.values().find_map(|payment| payment.operation(id));
    let made_by = |key: &str| {
        let mut operations = held.values().flat_map(|payment| &payment.operations);
        operations.any(|o| o.kind == OperationKind::CreateSession && o.key == key)
    };
    for create in &mut buyer.creates {
        let known = |id: &String| held.contains_key(&PaymentId(id.clone()));
        create.payment = create.payment.take().filter(known);
        create.bound = create.payment.is_some() && create.bound && made_by(&create.key);
        create.answered = false;
        if std::mem::take(&mut create.abuse) {
            create.key.push_str(" anew");
        }
    }
    for ask in &mut buyer.asks {
        // What was told as done stays done only as far as the copy knows that it is.
        ask.operation = ask.operation.take().and_then(|(id, state)| {
            let done = operation(&id)?.state == OperationState::Succeeded;
            Some((id, if done { state } else { String::new() }))
        });
        // Nothing more is asked of a payment that is gone.
        ask.answered = !held.contains_key(&PaymentId(ask.payment.clone()));
        if std::mem::take(&mut ask.abuse) {
            ask.key.push_str(" anew");
        }
    }
}
