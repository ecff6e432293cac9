//! What must hold after every step, and what must be true in the end: our books against Tamara's.
//!
//! The oracle reads both sides itself and shares no code with what it checks except the loading of rows. After a step it
//! looks at what changed; in the end at everything.

mod effects;
mod end;
mod excuses;
mod items;
mod moment;
mod passage;
mod persons;
mod references;

pub use persons::happened;
mod restored;

use crate::world::World;
use datepalm::domain::attention::AttentionReason;
use datepalm::domain::payment::{Payment, Session};
use datepalm::ids::PaymentId;
use datepalm::store::{events, payments};
use std::collections::{BTreeMap, BTreeSet};
use tamara_sandbox::{Book, Status};

/// A broken invariant: its name and what broke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The invariant.
    pub name: &'static str,
    /// What was seen.
    pub what: String,
}

type Checked = Result<(), Broken>;

fn hold(condition: bool, name: &'static str, what: impl FnOnce() -> String) -> Checked {
    if condition {
        Ok(())
    } else {
        Err(Broken { name, what: what() })
    }
}

/// What the oracle remembers from one look to the next.
#[derive(Default)]
pub struct Oracle {
    commits: u64,
    /// The payment of each of Tamara's orders.
    payment_of: BTreeMap<String, PaymentId>,
    /// Versions of the payments in `World::known`.
    versions: BTreeMap<PaymentId, i64>,
    /// Payments that were shown as paid, with the session that won then.
    shown_paid: BTreeMap<PaymentId, BTreeSet<String>>,
    /// By account and reference: the payment that was ever paid.
    paid_for: BTreeMap<(String, String), PaymentId>,
    /// The last event that a reader got, and the version of each payment in it.
    last_seq: i64,
    told: BTreeMap<PaymentId, i64>,
    /// Orders that a call reached whose payment is not known yet.
    touched: BTreeSet<String>,
    /// Restores that it has followed, and the number that events go on with after the last one.
    restores: u64,
    leap_to: Option<i64>,
}

impl Oracle {
    /// Looks at what changed since the last look. Answers how many things were checked.
    pub fn look(&mut self, world: &mut World) -> Result<u64, Broken> {
        if let Some(broken) = world.seen_by_merchant.take() {
            return Err(broken);
        }
        what_tamara_took_fits(world)?;
        let mut checks = self.follow_restore(world)?;
        self.touched.extend(
            world
                .places
                .wire
                .ledger(|ledger| std::mem::take(&mut ledger.touched)),
        );
        let commits = world.places.database.commits();
        if commits == self.commits && self.touched.is_empty() {
            return Ok(checks);
        }
        self.commits = commits;
        let mut dirty = self.changed(world)?;
        let touched = std::mem::take(&mut self.touched);
        dirty.extend(
            touched
                .iter()
                .filter_map(|order| self.payment_of.get(order))
                .cloned(),
        );
        // The newest first: what became of an older one may have its cause in a newer one.
        for id in dirty.iter().rev() {
            checks += self.look_at(world, id)?;
        }
        for payment in dirty.iter().filter_map(|id| world.known.get(id)) {
            checks += Seen { world, payment }.one_holder_per_reference()?;
        }
        checks += self.read_events(world)?;
        Ok(checks)
    }

    /// Payments whose version is another than at the last look.
    fn changed(&mut self, world: &World) -> Result<BTreeSet<PaymentId>, Broken> {
        let versions = world.places.database.versions().map_err(unreadable)?;
        hold(
            versions.len() >= self.versions.len(),
            "a_2xx_is_durable",
            || format!("{} payments, then {}", self.versions.len(), versions.len()),
        )?;
        let mut changed = BTreeSet::new();
        for (id, version) in versions {
            if self.versions.get(&id) != Some(&version) {
                self.versions.insert(id.clone(), version);
                changed.insert(id);
            }
        }
        Ok(changed)
    }

    /// Looks at one payment.
    fn look_at(&mut self, world: &mut World, id: &PaymentId) -> Result<u64, Broken> {
        let look = world.places.database.look(|tx| payments::look(tx, id));
        let payment = look.map_err(unreadable)?;
        let payment = payment.ok_or_else(|| Broken {
            name: "a_2xx_is_durable",
            what: format!("{id} is gone"),
        })?;
        for order in payment.sessions.iter().filter_map(|s| s.order.as_ref()) {
            self.payment_of
                .entry(order.order_id.clone())
                .or_insert_with(|| id.clone());
        }
        persons::judge(world, &payment);
        let seen = Seen {
            world,
            payment: &payment,
        };
        let mut checks = seen.at_any_moment()?;
        if let Some(before) = world.known.get(id) {
            checks += passage::from(before, &seen)?;
        }
        checks += self.remember_paid(&seen)?;
        world.known.insert(id.clone(), payment);
        Ok(checks)
    }

    /// What was shown as paid, and for which reference.
    fn remember_paid(&mut self, seen: &Seen<'_>) -> Result<u64, Broken> {
        let payment = seen.payment;
        if let (true, Some(winner)) = (payment.paid(), &payment.winner) {
            self.shown_paid
                .entry(payment.id.clone())
                .or_default()
                .insert(winner.to_string());
            let reference = (payment.account.clone(), payment.merchant_reference.clone());
            let first = self
                .paid_for
                .entry(reference)
                .or_insert_with(|| payment.id.clone());
            // A person who had to look whether a lost order of it was paid said that it was not (R30).
            let cleared = seen.world.known.get(first).is_some_and(|first| {
                first.points.iter().any(|point| {
                    point.reason == AttentionReason::RestoredUnknownEffect
                        && point.resolved_at_ms.is_some()
                })
            });
            let once = *first == payment.id || cleared;
            hold(once, "a_reference_is_paid_once", || {
                format!("{first} and {}", payment.id)
            })?;
        }
        let Some(shown) = self.shown_paid.get(&payment.id) else {
            return Ok(1);
        };
        passage::never_released(seen, shown)
    }

    /// Reads the numbered events as anybody does: one after the other, none skipped, versions in order.
    fn read_events(&mut self, world: &World) -> Result<u64, Broken> {
        let after = self.last_seq;
        let look = world
            .places
            .database
            .look(|tx| events::after(tx, after, 100));
        let news = look.map_err(unreadable)?;
        let mut checks = 0;
        for event in news {
            let seq = event.seq.unwrap_or_default();
            hold(self.is_next(seq), "no_reader_skips_an_event", || {
                format!("{} after {}", seq, self.last_seq)
            })?;
            self.last_seq = seq;
            if restored::was_in_copy(world, &event) {
                checks += 1;
                continue;
            }
            let told = self.told.entry(event.payment.clone()).or_default();
            hold(event.version >= *told, "versions_are_told_in_order", || {
                format!(
                    "{}: {} {} after {told}",
                    event.payment, event.kind, event.version
                )
            })?;
            *told = event.version;
            checks += 2;
        }
        Ok(checks)
    }

    /// Looks at everything, whatever changed.
    pub fn look_at_all(&mut self, world: &mut World) -> Result<u64, Broken> {
        let mut checks = self.look(world)?;
        let all: Vec<PaymentId> = self.versions.keys().cloned().collect();
        for id in all {
            checks += self.look_at(world, &id)?;
        }
        Ok(checks)
    }
}

/// What is sent adds up, and no two orders of an account ever have one reference (R6).
fn what_tamara_took_fits(world: &World) -> Checked {
    world.places.wire.ledger(|ledger| {
        let misfit = ledger.misfit.take();
        hold(misfit.is_none(), "what_is_sent_adds_up", || {
            misfit.clone().unwrap_or_default()
        })?;
        let shared = ledger.shared_reference(|order| {
            let loss = world.loss.as_ref();
            loss.is_some_and(|loss| loss.orders.contains_key(order))
        });
        hold(shared.is_none(), "a_reference_is_one_orders", || {
            format!("{shared:?}")
        })
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is the shape of map_err")]
fn unreadable(error: datepalm::error::Error) -> Broken {
    Broken {
        name: "rows_can_be_read",
        what: error.to_string(),
    }
}

/// A payment beside Tamara's books.
pub struct Seen<'a> {
    world: &'a World,
    payment: &'a Payment,
}

impl Seen<'_> {
    fn book(&self, session: &Session) -> Option<Book> {
        let order = session.order.as_ref()?;
        self.world.sandbox.book(&order.order_id)
    }
}

/// Whether Tamara ever authorised it.
fn was_authorised(book: &Book) -> bool {
    book.authorised_at_ms.is_some() || !book.captures.is_empty()
}

/// Money of the customer that the merchant holds or may take.
fn held_minor(book: &Book) -> i64 {
    match book.status {
        Status::New | Status::Declined | Status::Expired | Status::Canceled => 0,
        Status::Approved
        | Status::Authorised
        | Status::Updated
        | Status::PartiallyCaptured
        | Status::FullyCaptured
        | Status::PartiallyRefunded
        | Status::FullyRefunded => book.total_minor - book.canceled_minor() - book.refunded_minor(),
    }
}

fn told(book: &Book) -> String {
    format!(
        "order {} {} captured {} refunded {} canceled {}",
        book.order_reference_id,
        book.status.as_str(),
        book.captured_minor(),
        book.refunded_minor(),
        book.canceled_minor()
    )
}
