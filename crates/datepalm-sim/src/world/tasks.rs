//! What is under way: requests and rounds of workers, each at a place where it waits for others or dies.

use super::{NODES, World};
use crate::drive::{Drove, Stand, drive};
use crate::oracle::Broken;
use crate::points::Place;
use crate::rng::Rng;
use crate::wire::fate::Fate;
use crate::wire::{Side, TIMEOUT_MS};
use datepalm::app::App;
use datepalm::error::Result;
use datepalm::workers;
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;

/// What came of a task.
pub(super) enum Outcome {
    /// An answer, and what the merchant had been told before it asked: an answer that was written down earlier may well
    /// arrive later than another.
    Answer {
        status: u16,
        body: Value,
        told_before: Told,
    },
    Worked(Result<workers::Progress>),
}

/// What a merchant was told of one request.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The payment that its key made.
    pub(super) payment: Option<String>,
    /// The operation that its key made, and the state that was told last.
    pub(super) operation: Option<(String, String)>,
}

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A request of a buyer: its create of that number.
    Create(usize, usize),
    /// A request of a buyer: its ask of that number.
    Ask(usize, usize),
    /// Something that a person asked for.
    Person(usize),
    /// A round of the worker of that name.
    Work(&'static str),
}

pub(super) struct Task {
    pub(super) node: usize,
    pub(super) purpose: Purpose,
    pub(super) future: Pin<Box<dyn Future<Output = Outcome>>>,
    pub(super) at: Option<Stand>,
}

/// Tasks under way at once at most: whoever has more threads than that waits outside.
const TASKS_MAX: usize = 12;

impl World {
    pub(super) fn begin(
        &mut self,
        node: usize,
        purpose: Purpose,
        future: Pin<Box<dyn Future<Output = Outcome>>>,
        chance: &mut Rng,
    ) -> anyhow::Result<()> {
        let task = Task {
            node,
            purpose,
            future,
            at: None,
        };
        self.run(task, chance)
    }

    /// Drives a task until it ends, dies or waits for others.
    fn run(&mut self, mut task: Task, chance: &mut Rng) -> anyhow::Result<()> {
        loop {
            let stand = match drive(task.future.as_mut(), &self.places) {
                Drove::Done(outcome) => {
                    self.done(task.purpose, outcome);
                    return Ok(());
                }
                Drove::At(stand) => stand,
            };
            let Some(place) = self.place(stand) else {
                let purpose = task.purpose;
                self.say(|| format!("{purpose:?} waits for another's read"));
                task.at = Some(stand);
                self.tasks.push(task);
                return Ok(());
            };
            let (death, pause) = self.odds(place);
            let dies = chance.below(1_000) < death;
            let waits = !dies && self.tasks.len() < TASKS_MAX && chance.below(100) < pause;
            let hits = self.coverage.at(place);
            hits.stood += 1;
            hits.died += u64::from(dies);
            hits.waited += u64::from(waits);
            if dies || waits {
                let (node, purpose) = (task.node, task.purpose);
                task.at = Some(stand);
                self.tasks.push(task);
                if waits {
                    self.say(|| format!("{purpose:?} waits at {place:?}"));
                    return Ok(());
                }
                self.say(|| format!("node {node} dies at {place:?}"));
                return self.crash(node);
            }
            if let Stand::Call(call) = stand {
                self.settle_call(call, chance);
            }
        }
    }

    fn place(&self, stand: Stand) -> Option<Place> {
        match stand {
            Stand::Write(point) => Some(point.into()),
            Stand::Call(call) => {
                let parked = self.places.wire.parked(call);
                Some((&parked.expect("whoever stands at a call is on the wire")).into())
            }
            Stand::Line => None,
        }
    }

    /// Of a thousand tasks at a place, how many die, and of a hundred how many wait. A sender that sleeps between its
    /// commit and its first byte, and calls that are under way, are what finds most.
    fn odds(&self, place: Place) -> (u64, u64) {
        let setting = &self.setting;
        let pause = match place {
            Place::Write("begin sending", true) | Place::Call(_, Side::Before) => {
                2 * setting.pause_percent
            }
            Place::Write(..) => setting.pause_percent / 2,
            Place::Call(..) => setting.pause_percent,
        };
        (setting.death_permille, pause)
    }

    /// A task that waited goes on.
    pub(super) fn resume(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        if self.tasks.is_empty() {
            return self.work(chance);
        }
        let task = self.tasks.swap_remove(chance.index(self.tasks.len()));
        self.go_on(task, chance)
    }

    /// A task of this buyer goes on, if one waits.
    pub(super) fn resume_of(&mut self, buyer: usize, chance: &mut Rng) -> anyhow::Result<bool> {
        let of_buyer = |task: &Task| match task.purpose {
            Purpose::Create(of, _) | Purpose::Ask(of, _) => of == buyer,
            Purpose::Person(_) | Purpose::Work(_) => false,
        };
        let Some(index) = self.tasks.iter().position(of_buyer) else {
            return Ok(false);
        };
        let task = self.tasks.swap_remove(index);
        self.go_on(task, chance)?;
        Ok(true)
    }

    fn go_on(&mut self, mut task: Task, chance: &mut Rng) -> anyhow::Result<()> {
        let purpose = task.purpose;
        self.say(|| format!("{purpose:?} goes on"));
        if let Some(Stand::Call(call)) = task.at.take() {
            self.settle_call(call, chance);
        }
        self.run(task, chance)
    }

    /// Decides what becomes of a call. Its client has a time-out: a call that waited longer hears nothing, unless its
    /// process slept with the answer in hand.
    fn settle_call(&mut self, call: u64, chance: &mut Rng) {
        let Some(parked) = self.places.wire.parked(call) else {
            return;
        };
        let over = self.now_ms() - parked.begun_ms > TIMEOUT_MS;
        let name = parked.route.name();
        let about = parked.about;
        if parked.side == Side::After {
            let arrives = if over {
                chance.percent(30)
            } else {
                !chance.percent(self.setting.fault_percent / 2)
            };
            self.fault(!arrives, &about);
            self.say(|| format!("the answer to {name} of {about} arrives: {arrives}"));
            return self.places.wire.answer(call, arrives);
        }
        let fate = Fate::draw(parked.route, over, &self.setting, chance);
        self.fault(fate != Fate::Arrives, &about);
        self.say(|| format!("{name} of {about}: {fate:?}"));
        self.places.wire.decide(call, fate);
    }

    fn fault(&mut self, struck: bool, about: &str) {
        if struck {
            self.counts.faults += 1;
            *self.causes.faults.entry(about.to_owned()).or_default() += 1;
        }
    }

    /// A task dies with its node. What had left the machine may still arrive.
    pub(super) fn die(&mut self, task: &Task) {
        let purpose = task.purpose;
        self.say(|| format!("{purpose:?} dies"));
        if let Some(Stand::Call(call)) = task.at
            && let Some(parked) = self.places.wire.parked(call)
        {
            self.fault(true, &parked.about);
            self.places.wire.abandon(call);
        }
        match purpose {
            Purpose::Create(buyer, number) => self.buyers[buyer].creates[number].under_way -= 1,
            Purpose::Ask(buyer, number) => self.buyers[buyer].asks[number].under_way -= 1,
            Purpose::Person(number) => self.person_waits_in_vain(number),
            Purpose::Work(_) => {}
        }
    }

    pub(super) fn done(&mut self, purpose: Purpose, outcome: Outcome) {
        match (purpose, outcome) {
            (_, Outcome::Worked(Ok(progress))) => {
                self.say(|| format!("{purpose:?} did {}", progress.done));
            }
            (Purpose::Work(name), Outcome::Worked(Err(error))) => {
                let what = format!("{name}: {error:#}");
                self.saw(Broken {
                    name: "workers_do_not_fail",
                    what,
                });
            }
            (
                Purpose::Create(buyer, number),
                Outcome::Answer {
                    status,
                    body,
                    told_before,
                },
            ) => self.created((buyer, number), status, &body, told_before),
            (
                Purpose::Ask(buyer, number),
                Outcome::Answer {
                    status,
                    body,
                    told_before,
                },
            ) => self.answered((buyer, number), status, &body, told_before),
            (Purpose::Person(number), Outcome::Answer { status, body, .. }) => {
                self.person_heard(number, status, &body);
            }
            (_, Outcome::Worked(Err(_)) | Outcome::Answer { .. }) => {
                unreachable!("a request is answered, a round is worked")
            }
        }
    }

    /// Keeps the first thing that somebody saw and must not see.
    pub(super) fn saw(&mut self, broken: Broken) {
        self.seen_by_merchant.get_or_insert(broken);
    }

    /// A worker of some node begins a round: mostly one that has something to do. If none has, time passes until one
    /// has, or somebody asks for something.
    pub(super) fn work(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let now_ms = self.now_ms();
        let due = self.places.database.next_due()?;
        let news_ms = self.take_news().then_some(now_ms);
        let all = [
            ("inbox", inbox as Start, due.inbox_ms),
            ("sweep", sweep, due.payments_ms),
            ("operations", operations, due.operations_ms),
            ("sequencer", sequencer, due.events_ms),
            ("reconciliation", reconciliation, due.reconciliations_ms),
            ("unknown orders", unknown_orders, news_ms),
        ];
        let busy =
            |(_, _, at_ms): &&(_, _, Option<i64>)| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        let able: Vec<_> = all.iter().filter(busy).collect();
        let (name, start, _) = match able.as_slice() {
            [] if chance.percent(90) => {
                let soon_ms = due.payments_ms.into_iter().chain(due.operations_ms).min();
                let wait_ms = soon_ms.map_or(60_000, |soon_ms| soon_ms - now_ms);
                let most_ms = *chance.pick(&[2_000, 10_000, 40_000, 600_000]);
                self.pass(wait_ms.clamp(1_000, most_ms));
                return Ok(());
            }
            [] => chance.pick(&all),
            able => *chance.pick(able),
        };
        let node = chance.index(NODES);
        let app = self.nodes[node].app.clone();
        let round = start(app);
        let future = Box::pin(async move { Outcome::Worked(round.await) });
        self.begin(node, Purpose::Work(name), future, chance)
    }
}

type Start = fn(Arc<App>) -> Round;
type Round = Pin<Box<dyn Future<Output = Result<workers::Progress>>>>;

fn inbox(app: Arc<App>) -> Round {
    Box::pin(async move { workers::inbox::run_once(&app).await })
}

fn sweep(app: Arc<App>) -> Round {
    Box::pin(async move { workers::sweep::run_once(&app).await })
}

fn sequencer(app: Arc<App>) -> Round {
    Box::pin(async move { workers::sequencer::run_once(&app).await })
}

fn reconciliation(app: Arc<App>) -> Round {
    Box::pin(async move { workers::reconciliation::run_once(&app).await })
}

fn unknown_orders(app: Arc<App>) -> Round {
    Box::pin(async move { workers::unknown_orders::run_once(&app).await })
}

fn operations(app: Arc<App>) -> Round {
    Box::pin(async move { workers::operations::run_once(&app).await })
}
