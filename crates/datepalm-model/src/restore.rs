//! One restore (R30): a copy of our side is made at some moment and put back at a later one, while Tamara's books stay. The
//! merchant then repeats what it had asked for, with the same keys, and a person clears what the recovery put to him.

use crate::moves::gone;
use crate::step::Step;
use crate::world::{Memory, NOW, Setting, World, request_lease};
use datepalm::domain::attention;
use datepalm::domain::context::Context;
use datepalm::domain::decide::{Command, Decision, Refused, decide};
use datepalm::domain::intend::{self, Wanted};
use datepalm::domain::observe::refresh;
use datepalm::domain::operation::{Intent, Operation, OperationKind};
use datepalm::domain::payment::{AttentionReason, Payment};
use datepalm::domain::recovery::{recover, refund_without_row};
use datepalm::domain::settle;
use datepalm::ids::OperationId;

/// Our side, as it was.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Copy {
    /// The rows.
    pub payments: Vec<Payment>,
    /// What they promised.
    pub memory: Vec<Memory>,
}

/// A request, as the merchant remembers it.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Wish {
    /// The payment.
    pub payment: usize,
    /// Its key.
    pub key: String,
    /// What it asked for.
    pub command: Command,
}

/// The steps around a restore.
pub fn steps(world: &World, found: &mut Vec<Step>) {
    if world.may_copy() {
        found.push(Step::Copy);
    }
    if world.may_restore() {
        found.push(Step::Restore);
    }
    if world.left.restores == 0 {
        let wishes = 0..world.wishes.len();
        found.extend(wishes.filter(|at| world.may_repeat(*at)).map(Step::Repeat));
    }
    for (index, payment) in world.payments.iter().enumerate() {
        if payment.asks_for(AttentionReason::RestoredUnknownEffect) {
            found.push(Step::Clear(index));
        }
    }
}

/// Whether a decision writes anything down.
pub fn writes(decided: &Result<Decision, Refused>) -> bool {
    matches!(decided, Ok(Decision::Operation(_) | Decision::Mark(_)))
}

impl World {
    /// Takes one of them.
    pub fn around_a_restore(&mut self, step: Step, setting: &Setting) {
        match step {
            Step::Copy => self.make_copy(),
            Step::Restore => self.put_back(setting),
            Step::Repeat(at) => self.repeat(at, setting),
            Step::Clear(index) => self.clear(index, setting),
            _ => {}
        }
    }

    /// Whether a copy can be made now: it holds every payment, and will be put back.
    fn may_copy(&self) -> bool {
        self.left.restores > 0 && self.copy.is_none() && !self.payments.is_empty()
    }

    /// Whether there is a copy that knows every payment; one that is missing would need the orders' notifications.
    fn may_restore(&self) -> bool {
        let copied = self.copy.as_ref().map(|copy| copy.payments.len());
        copied == Some(self.payments.len())
    }

    /// A copy is made.
    pub fn make_copy(&mut self) {
        self.copy = Some(Copy {
            payments: self.payments.clone(),
            memory: self.memory.clone(),
        });
    }

    /// The copy is put back: nobody of the old service listens any more, and every payment is told
    /// (`actions::recover::tell_some`).
    fn put_back(&mut self, setting: &Setting) {
        let copy = self.copy.take().expect("a copy was made");
        self.left.restores -= 1;
        self.reads.clear();
        self.calls.iter_mut().for_each(gone);
        let before = std::mem::replace(&mut self.payments, copy.payments);
        self.memory = copy.memory;
        for (index, known) in before.into_iter().enumerate() {
            let copied = self.payments[index].clone();
            let payment = &mut self.payments[index];
            let context = Context {
                now_ms: NOW,
                policy: &setting.policy,
                can_hold: payment.held,
            };
            recover(payment, &context);
            self.memory[index].version_again =
                known.differs_visibly(&copied) && payment.version <= copied.version;
            if payment.differs_visibly(&copied) {
                payment.version += 1;
            }
            let lost = known.operations.into_iter();
            let lost = lost.filter(|operation| copied.operation(operation.id.as_str()).is_none());
            self.lost.extend(lost.map(|operation| (index, operation)));
        }
    }

    /// What the merchant may repeat, because its row is gone: whatever has a row is a replay, which changes nothing (R26).
    fn may_repeat(&self, at: usize) -> bool {
        let wish = &self.wishes[at];
        let payment = &self.payments[wish.payment];
        let known = payment.operations.iter().any(|it| it.key == wish.key);
        let marked = wish.command == Command::Cancel && payment.cancel.is_some();
        !known && !marked && self.can_be_done(wish)
    }

    fn can_be_done(&self, wish: &Wish) -> bool {
        let payment = &self.payments[wish.payment];
        writes(&decide(payment, wish.command, NOW)) || refund_of_lost_row(payment, wish).is_some()
    }

    /// The merchant repeats a request with its key.
    fn repeat(&mut self, at: usize, setting: &Setting) {
        let wish = self.wishes[at].clone();
        let Some(wanted) = refund_of_lost_row(&self.payments[wish.payment], &wish) else {
            return self.ask(wish.payment, wish.command, Some(&wish.key), setting);
        };
        let asked = self.asked(Some(&wish.key), setting);
        let id = self.transact(wish.payment, setting, |payment, context, ids| {
            let id = intend::operation_id(payment, wanted.kind, &asked.key, context.now_ms, ids);
            intend::request(payment, id.clone(), wanted, asked, context);
            let own = payment.operations.len() - 1;
            if settle::already_there(payment, own, context) {
                refresh(payment, context);
            }
            id
        });
        self.ready(wish.payment, id, request_lease(setting));
    }

    /// A person compares Tamara's books with the merchant's records and clears what the restore showed. What the merchant
    /// finds done it does not ask for again.
    fn clear(&mut self, index: usize, setting: &Setting) {
        let open = self.payments[index].open_points();
        let about = open.filter(|point| point.reason == AttentionReason::RestoredUnknownEffect);
        let ids: Vec<_> = about.map(|point| point.id.clone()).collect();
        self.transact(index, setting, |payment, context, _| {
            for id in &ids {
                attention::resolve(payment, id, context).expect("it is open, and about no doubt");
            }
        });
        let done = |key: &str| {
            let mut lost = self.lost.iter().filter(|(_, lost)| lost.key == key);
            lost.any(|(_, lost)| self.effects(&lost.id) > 0)
        };
        let wishes = self.wishes.iter().filter(|wish| !done(&wish.key));
        self.wishes = wishes.cloned().collect();
    }

    /// How many effects an operation had, in all orders.
    pub fn effects(&self, operation: &OperationId) -> usize {
        self.orders
            .iter()
            .map(|order| order.effects(operation))
            .sum()
    }

    /// Brings what was lost into its normal form: only what had an effect, or may still have one, is of any interest, and of
    /// that only what was asked for.
    pub fn forget_lost(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        let matters = |(index, lost): &(usize, Operation)| {
            let back = self.payments[*index].operation(lost.id.as_str()).is_some();
            let comes = self.calls.iter().any(|call| call.operation == lost.id);
            !back && (comes || self.effects(&lost.id) > 0)
        };
        self.lost = lost.into_iter().filter(matters).map(plain).collect();
        if self.left.restores == 0 && self.copy.is_none() {
            let known = |wish: &Wish| {
                let mut rows = self.payments[wish.payment].operations.iter();
                rows.any(|row| row.key == wish.key)
            };
            let wishes = self.wishes.iter().filter(|wish| !known(wish));
            self.wishes = wishes.cloned().collect();
        }
    }
}

fn plain((index, lost): (usize, Operation)) -> (usize, Operation) {
    let intent = Intent {
        id: lost.id,
        session: lost.session,
        kind: lost.kind,
        key: lost.key,
        fingerprint: String::new(),
        origin: lost.origin,
        amount_minor: lost.amount_minor,
        everything_left: lost.everything_left,
        shipped_at_s: lost.shipped_at_s,
        item_refs: String::new(),
        details: String::new(),
        lease: None,
    };
    let reference = lost.reference;
    let plain = Operation {
        reference,
        ..Operation::new(intent, 0)
    };
    (index, plain)
}

/// `actions::recover::refund_of_lost_row`.
fn refund_of_lost_row(payment: &Payment, wish: &Wish) -> Option<Wanted> {
    let Command::Refund(_) = wish.command else {
        return None;
    };
    let id = OperationId::of_refund(&payment.account, &wish.key);
    let known = refund_without_row(payment, &id).filter(|_| !payment.recovering());
    known.map(|(session, amount_minor)| Wanted {
        session,
        kind: OperationKind::Refund,
        amount_minor,
        everything_left: false,
    })
}
