//! The end of a story: no more faults; what waits goes on; time passes from one thing to the next; every news arrives.

use super::tasks::Task;
use super::{NODES, World};
use crate::drive::{Drove, Stand, drive, finish};
use crate::points::Place;
use datepalm::actions::check_payment::check_payment;
use datepalm::ids::PaymentId;
use datepalm::workers;

/// Jumps of time until a world is at rest at most.
const JUMPS_MAX: usize = 3_000;
/// Rounds of the workers at one moment at most: more than that is work without end.
const ROUNDS_MAX: usize = 60;
/// Rows that a worker takes in one round while nothing interrupts it.
const BATCH: i64 = 64;
/// At rest, things that are due close together are done together.
const TOGETHER_MS: i64 = 20_000;

/// A sender that was suspended between its commit and its first byte wakes up when everything else is over: its lease has
/// run out long ago, and it must not send (R18).
fn sleeps(task: &Task) -> bool {
    matches!(task.at, Some(Stand::Write(point)) if Place::from(point) == Place::Write("begin sending", true))
}

impl World {
    /// Lets the world come to rest. Answers whether it did.
    pub fn come_to_rest(&mut self) -> anyhow::Result<bool> {
        self.say(|| "the end begins".to_owned());
        for task in &self.tasks {
            if let Some(Stand::Call(call)) = task.at {
                self.settle_well(call);
            }
        }
        self.places.wire.open();
        let (asleep, awake) = std::mem::take(&mut self.tasks)
            .into_iter()
            .partition(sleeps);
        self.tasks = awake;
        self.finish_tasks();
        self.config.worker_batch = BATCH;
        for node in 0..NODES {
            self.crash(node)?;
        }
        let rests = self.pass_until_nothing_is_due()?;
        self.tasks = asleep;
        self.finish_tasks();
        Ok(rests && self.work_it_off()?)
    }

    /// Drives what is under way to its end: in turn, because one may stand in line behind another.
    fn finish_tasks(&mut self) {
        while !self.tasks.is_empty() {
            let mut task = self.tasks.remove(0);
            match drive(task.future.as_mut(), &self.places) {
                Drove::Done(outcome) => self.done(task.purpose, outcome),
                Drove::At(_) => self.tasks.push(task),
            }
        }
    }

    fn pass_until_nothing_is_due(&mut self) -> anyhow::Result<bool> {
        let end_ms = self.now_ms() + self.setting.rest_ms;
        for _ in 0..JUMPS_MAX {
            if !self.work_it_off()? {
                return Ok(false);
            }
            let due = self.places.database.next_due()?;
            self.say(|| format!("{due:?}"));
            let next_ms = [
                due.payments_ms,
                due.operations_ms,
                due.reconciliations_ms,
                self.sandbox.next_timer_ms(),
                self.sandbox.next_notification_ms(),
            ];
            let next_ms = next_ms.into_iter().flatten().min();
            let Some(next_ms) = next_ms.filter(|next_ms| *next_ms <= end_ms) else {
                return self.look_for_unknown_orders();
            };
            self.pass((next_ms - self.now_ms()).max(0) + TOGETHER_MS);
        }
        Ok(false)
    }

    /// After a restore, orders that nobody here knows are looked for again after a while, which nothing else waits for.
    fn look_for_unknown_orders(&mut self) -> anyhow::Result<bool> {
        if self.loss.is_none() {
            return Ok(true);
        }
        self.pass(self.config.policy.settle_window_ms + TOGETHER_MS);
        self.work_it_off()
    }

    /// Every news arrives, and every worker works until nothing is left to do at this moment.
    fn work_it_off(&mut self) -> anyhow::Result<bool> {
        for _ in 0..ROUNDS_MAX {
            self.post.extend(self.sandbox.take_due());
            for delivery in std::mem::take(&mut self.post) {
                self.post_and_tell(&delivery, 0);
            }
            let app = self.nodes[0].app.clone();
            let round = async move { workers::run_all_once(&app).await };
            if finish(round, &self.places)?.done == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a payment's orders now, whatever its schedule says.
    pub fn read_again(&mut self, payment: &PaymentId) -> anyhow::Result<()> {
        let app = self.nodes[0].app.clone();
        let id = payment.clone();
        finish(async move { check_payment(&app, &id).await }, &self.places)?;
        self.work_it_off()?;
        Ok(())
    }

    /// A call that is under way at the end goes well, unless its time-out has passed.
    fn settle_well(&self, call: u64) {
        let wire = &self.places.wire;
        let Some(parked) = wire.parked(call) else {
            return;
        };
        let over = self.now_ms() - parked.begun_ms > crate::wire::TIMEOUT_MS;
        match (parked.side, over) {
            (crate::wire::Side::Before, false) => {
                wire.decide(call, crate::wire::fate::Fate::Arrives);
            }
            (crate::wire::Side::Before, true) => wire.decide(call, crate::wire::fate::Fate::Lost),
            (crate::wire::Side::After, over) => wire.answer(call, !over),
        }
    }
}
