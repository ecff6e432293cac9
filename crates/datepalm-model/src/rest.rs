//! From any world, without new faults, to rest: calls arrive, answers are heard, workers and looks run when they are due,
//! customers leave, refunds are paid. There the books must agree and nothing may be forgotten.
//!
//! The run is the service's own schedule (R25), one step at a time; a world that rests well is remembered, because most
//! runs soon meet an earlier one.

use crate::book::Order;
use crate::moves::{apply, due};
use crate::number::number;
use crate::property::{Broken, Property, check};
use crate::step::Step;
use crate::world::{Left, Message, NOW, Sender, Setting, World};
use datepalm::domain::facts::{EntryKind, OrderRank};
use datepalm::domain::operation::OperationState;
use datepalm::domain::payment::{AttentionReason, CancelPromise, CancelState, Payment, Session};
use datepalm::domain::plan;
use std::collections::HashSet;

/// More steps than any run needs.
const STEPS_MAX: usize = 120;

/// What broke on the way to rest, or there.
#[derive(Debug)]
pub struct Failed {
    /// What.
    pub broken: Broken,
    /// The steps of the run.
    pub run: Vec<String>,
    /// The books in the end.
    pub books: Vec<String>,
}

fn failed(broken: Broken, told: &[String], world: &World) -> Failed {
    Failed {
        broken,
        run: told.to_vec(),
        books: world.books(),
    }
}

/// The worlds that come to rest well.
#[derive(Default)]
pub struct Rests {
    good: HashSet<u64>,
}

impl Rests {
    /// How many worlds are known to rest well.
    pub fn len(&self) -> usize {
        self.good.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.good.is_empty()
    }

    /// Runs a world to its rest. An error tells what broke, and the steps that led there.
    pub fn run(&mut self, world: &World, setting: &Setting) -> Result<(), Failed> {
        let mut world = World {
            left: Left::default(),
            ..world.clone()
        };
        let mut met = HashSet::new();
        let mut told = Vec::new();
        loop {
            let number = number(&world);
            if self.good.contains(&number) {
                break;
            }
            let rests = !met.insert(number);
            let Some(step) = next(&world).filter(|_| !rests) else {
                at_rest(&world).map_err(|broken| failed(broken, &told, &world))?;
                break;
            };
            if told.len() > STEPS_MAX {
                let broken = (Property::ComesToRest, "it never comes to rest".to_owned());
                return Err(failed(broken, &told, &world));
            }
            told.push(world.tell(step));
            let after = apply(&world, step, setting);
            check(&world, step, &after).map_err(|broken| failed(broken, &told, &after))?;
            world = after;
        }
        self.good.extend(met);
        Ok(())
    }
}

/// The next step, if anything is left to do.
fn next(world: &World) -> Option<Step> {
    of_calls(world)
        .or_else(|| (!world.reads.is_empty()).then_some(Step::EndRead(0)))
        .or_else(|| of_workers(world))
        .or_else(|| of_tamara(world))
        .or_else(|| of_people(world))
        .or_else(|| awaited(world).then_some(Step::Tick))
}

fn of_calls(world: &World) -> Option<Step> {
    world.calls.iter().enumerate().find_map(|(at, call)| {
        if call.message == Message::OnItsWay {
            return Some(Step::Arrive(at, true));
        }
        match call.sender {
            Sender::Ready => Some(Step::Begin(at)),
            Sender::Asleep => Some(Step::Wake(at)),
            Sender::Waiting if call.answer.is_some() => Some(Step::Hear(at)),
            Sender::Waiting => Some(Step::GiveUp(at)),
            Sender::Gone => None,
        }
    })
}

fn of_workers(world: &World) -> Option<Step> {
    world
        .payments
        .iter()
        .enumerate()
        .find_map(|(index, payment)| {
            let work = payment.operations.iter().position(due);
            let time = payment.next_check_at_ms.is_some_and(|at_ms| at_ms <= NOW);
            work.map(|at| Step::Work(index, at))
                .or(time.then_some(Step::Look(index)))
        })
}

/// A person clears what a restore has shown.
fn of_people(world: &World) -> Option<Step> {
    let reason = AttentionReason::RestoredUnknownEffect;
    let asked = world.payments.iter().position(|it| it.asks_for(reason));
    asked.map(Step::Clear)
}

/// Refunds are paid, and a page that nobody pays on expires.
fn of_tamara(world: &World) -> Option<Step> {
    let waits = |order: &Order| {
        let mut lines = order.book.lines.iter();
        lines.any(|line| line.kind == EntryKind::Refund && !line.paid)
    };
    world.orders.iter().enumerate().find_map(|(at, order)| {
        if waits(order) {
            Some(Step::PayRefunds(at))
        } else if order.book.status == OrderRank::New {
            Some(Step::Move(at, OrderRank::Expired))
        } else {
            None
        }
    })
}

/// Whether somebody waits for a time to come.
fn awaited(world: &World) -> bool {
    world.payments.iter().any(|payment| {
        let operations = &payment.operations;
        payment.next_check_at_ms.is_some()
            || operations.iter().any(|operation| match operation.state {
                OperationState::Intent | OperationState::Sending => true,
                OperationState::Unknown => operation.may_repeat,
                OperationState::Succeeded | OperationState::Rejected | OperationState::Accepted => {
                    false
                }
            })
    })
}

fn at_rest(world: &World) -> Result<(), Broken> {
    for payment in &world.payments {
        let asked = |reason| payment.asks_for(reason);
        if asked(AttentionReason::CannotAttribute) {
            // A person decides; until then nothing else is promised of it.
            continue;
        }
        of_payment(world, payment, asked(AttentionReason::PlanRefused))?;
    }
    let forgotten =
        |order: &&Order| order.book.status == OrderRank::Approved && !excused(world, order);
    if world.orders.iter().any(|order| forgotten(&order)) {
        let what = "an order stays approved: nobody authorises, releases or expects it";
        return Err((Property::ApprovedEnds, what.to_owned()));
    }
    Ok(())
}

/// A person was asked about it, or our side lost its session and hears of it by a notification alone (R30).
fn excused(world: &World, order: &Order) -> bool {
    let payment = &world.payments[order.payment];
    let cleared = |reason| payment.points.iter().any(|point| point.reason == reason);
    let unknown = !world.knows(order);
    payment.asks_for(AttentionReason::CannotAttribute)
        || (unknown && cleared(AttentionReason::RestoredUnknownEffect))
        || payment.session(&order.session).is_none()
}

fn of_payment(world: &World, payment: &Payment, refused: bool) -> Result<(), Broken> {
    let broken = |property, what: &str| Err((property, what.to_owned()));
    if let Some(open) = payment.operations.iter().find(|o| o.pending()) {
        let what = format!(
            "the {} of {} stays {} without attention",
            open.kind.as_str(),
            open.amount_minor,
            open.state.as_str()
        );
        return Err((Property::NothingUnknownForEver, what));
    }
    for session in &payment.sessions {
        if let Some(order) = world
            .order_of(&session.id)
            .filter(|_| session.order.is_some())
        {
            books_agree(session, order)?;
            if payment.reference_of(session) != order.book.reference {
                return broken(
                    Property::BooksAgree,
                    "at rest we call the order by another reference than Tamara does",
                );
            }
            let loser = payment.winner.as_ref().is_some_and(|id| *id != session.id);
            if (loser || session.unwanted) && order.book.holds() > 0 && !refused {
                return broken(
                    Property::LosersGoBack,
                    "an order beside the winner keeps the customer's money",
                );
            }
        }
    }
    if plan::next_step(payment).is_some() {
        return broken(Property::PlansFinish, "a plan's next step is never taken");
    }
    if refused {
        return Ok(());
    }
    let Some(mark) = &payment.cancel else {
        return Ok(());
    };
    if mark.state == CancelState::Accepted {
        return broken(Property::CancelEnds, "a cancel never ends");
    }
    let gives_back = mark.promise == CancelPromise::GiveBack && mark.state == CancelState::Done;
    let kept = |order: &Order| {
        let own = payment.session(&order.session);
        own.is_some_and(|session| session.order.is_some()) && order.book.holds() > 0
    };
    if gives_back && world.orders.iter().any(kept) {
        return broken(
            Property::CancelEnds,
            "a cancel is done, and an order keeps the customer's money",
        );
    }
    Ok(())
}

fn books_agree(session: &Session, order: &Order) -> Result<(), Broken> {
    let (facts, book) = (&session.facts, &order.book);
    let canceled = if book.status == OrderRank::Canceled {
        crate::book::TOTAL - book.sum(EntryKind::Capture)
    } else {
        book.sum(EntryKind::Cancel)
    };
    // Our own cancel of everything says so itself; nobody needs to read the word.
    let ended = book.status == OrderRank::Canceled
        && facts.rank == OrderRank::Authorised
        && facts.canceled(crate::book::TOTAL) == crate::book::TOTAL;
    let same = (facts.rank == book.status || ended)
        && facts.captured() == book.sum(EntryKind::Capture)
        && facts.refunded() == book.refunded()
        && facts.canceled(crate::book::TOTAL) == canceled;
    if same {
        Ok(())
    } else {
        let what = format!(
            "at rest we say {}, and Tamara says {}; or the amounts differ",
            facts.rank.as_str(),
            book.status.as_str()
        );
        Err((Property::BooksAgree, what))
    }
}
