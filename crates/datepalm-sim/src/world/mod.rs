//! The simulated world: nodes of the service on one database, merchants, customers, and Tamara; one thing at a time.

mod merchants;
mod others;

use crate::drive::{Drove, drive, finish};
use crate::plan::{Kind, Step};
use crate::wire::{Fate, Parked, TIMEOUT_MS, Wire};
use axum::body::Body;
use axum::http::Request;
use datepalm::app::{App, Seams};
use datepalm::clock::Clock;
use datepalm::config::{self, Config};
use datepalm::ids::{SeededIds, sha256_hex};
use datepalm::store::accounts::{self, KeyRow};
use datepalm::store::{Database, Progress};
use datepalm::workers;
use http_body_util::BodyExt as _;
use merchants::Buyer;
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;
use tamara_sandbox::{Delivery, Merchant, Options, Sandbox};
use tokio::sync::watch;
use tower::ServiceExt as _;

const NODES: usize = 2;
const KEY: &str = "sk_test_simulated";
const TOTAL_MINOR: i64 = 30_012;
/// Payments of one history at most: enough to meet each other, few enough to be looked at after every step.
const PAYMENTS_MAX: usize = 6;

/// The sandbox's clock as the service's: both move together.
struct SharedClock(tamara_sandbox::Clock);

impl Clock for SharedClock {
    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }
    fn monotonic_ms(&self) -> i64 {
        self.0.monotonic_ms()
    }
}

struct Node {
    app: Arc<App>,
    progress: watch::Receiver<Progress>,
}

enum Outcome {
    Answer {
        buyer: usize,
        ask: Option<usize>,
        status: u16,
        body: Value,
    },
    Worked,
}

enum At {
    Call(u64),
    Commit,
}

struct Task {
    node: usize,
    label: String,
    future: Pin<Box<dyn Future<Output = Outcome>>>,
    at: At,
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Payments that merchants asked for.
    pub payments: u64,
    /// Nodes that died.
    pub crashes: u64,
    /// Notifications delivered more than once, or forged.
    pub duplicates: u64,
    /// Calls that did not go well.
    pub faults: u64,
    /// Invariants checked.
    pub checks: u64,
    /// Calls that Tamara saw.
    pub calls: u64,
}

/// The world of one history.
pub struct World {
    seed: u64,
    nodes: Vec<Node>,
    generation: u64,
    tasks: Vec<Task>,
    buyers: Vec<Buyer>,
    post: Vec<Delivery>,
    pub(crate) sandbox: Sandbox,
    clock: tamara_sandbox::Clock,
    wire: Wire,
    config: Config,
    /// What happened, one line each.
    pub log: Vec<String>,
    /// How much happened.
    pub counts: Counts,
    _folder: tempfile::TempDir,
}

impl World {
    /// A fresh world. Its file lives in memory where the machine has such a place.
    pub fn new(seed: u64) -> anyhow::Result<Self> {
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)?
        } else {
            tempfile::tempdir()?
        };
        let clock = tamara_sandbox::Clock::manual(1_770_000_000_000);
        let mut merchant = Merchant::new(
            "Simulated",
            "SA",
            "api-sim",
            "notify-0123456789abcdef0123456789abcdef",
        );
        // One history in four has a merchant with each of Tamara's flags.
        merchant.auto_authorise = seed % 8 == 6;
        merchant.auto_capture = seed % 8 == 7;
        let sandbox = Sandbox::open(Options {
            clock: clock.clone(),
            seed: Some(seed),
            ..Options::new("http://tamara.sim", vec![merchant])
        })?;
        let config = Config {
            database: Database::Sqlite(folder.path().join("sim.db")),
            worker_batch: 1,
            ..config::parse(CONFIG, folder.path())?
        };
        let wire = Wire::new(sandbox.clone(), clock.clone());
        let mut world = Self {
            seed,
            nodes: Vec::new(),
            generation: 0,
            tasks: Vec::new(),
            buyers: Vec::new(),
            post: Vec::new(),
            sandbox,
            clock,
            wire,
            config,
            log: Vec::new(),
            counts: Counts::default(),
            _folder: folder,
        };
        for _ in 0..NODES {
            let node = world.open_node()?;
            world.nodes.push(node);
        }
        world.add_key()?;
        Ok(world)
    }

    fn open_node(&mut self) -> anyhow::Result<Node> {
        self.generation += 1;
        let wire = self.wire.clone();
        let seams = Seams {
            clock: Arc::new(SharedClock(self.clock.clone())),
            ids: Arc::new(SeededIds::new(
                self.seed.wrapping_mul(1_000).wrapping_add(self.generation),
            )),
            transport: Box::new(move |_| Ok(Arc::new(wire.clone()))),
        };
        let (_, nothing) = watch::channel(Progress::default());
        let app = finish(App::open(self.config.clone(), seams), &nothing)?;
        let progress = app.store.progress();
        Ok(Node { app, progress })
    }

    fn add_key(&self) -> anyhow::Result<()> {
        let row = KeyRow {
            id: "key_sim".to_owned(),
            account: "sim".to_owned(),
            kind: "sk".to_owned(),
            hash: sha256_hex(KEY),
            hint: "sk_test".to_owned(),
        };
        let node = &self.nodes[0];
        Ok(finish(
            node.app
                .store
                .write("sim key", move |tx| accounts::insert_key(tx, &row, 0)),
            &node.progress,
        )?)
    }

    /// The first node's service, for the oracle.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.nodes[0].app
    }

    /// Runs a look of the oracle to its end.
    pub(crate) fn look<T>(&self, future: impl Future<Output = T>) -> T {
        finish(future, &self.nodes[0].progress)
    }

    fn say(&mut self, line: String) {
        self.log.push(line);
    }

    /// Does one step; one that finds nothing to do is skipped.
    pub fn step(&mut self, step: Step) -> anyhow::Result<()> {
        match step.kind {
            Kind::Create => self.create(step),
            Kind::Ask => self.ask(step),
            Kind::Customer => self.customer(step),
            Kind::Notify => self.notify(step),
            Kind::Work => self.work(step),
            Kind::Resume => self.resume(step),
            Kind::Clock => self.pass(clock_jump_ms(step.a)),
            Kind::Crash => self.crash(index(step.a, NODES))?,
            Kind::Portal => self.portal(step),
            Kind::Late => {
                let count = self.wire.late_count();
                if count > 0 {
                    self.arrive_late(Some(index(step.a, count)), 0);
                }
            }
        }
        Ok(())
    }

    /// Drives a task until it ends, parks at a call, or, one time in four, stops at its next commit.
    fn run(&mut self, mut task: Task, chance: u64) {
        let stop = (chance % 4 == 1).then_some(1 + chance / 4 % 2);
        let progress = self.nodes[task.node].progress.clone();
        let wire = self.wire.clone();
        match drive(
            task.future.as_mut(),
            &move || wire.has_parked(),
            &progress,
            stop,
        ) {
            Drove::Done(outcome) => self.done(&task.label, outcome),
            // It may also wait for another's read (R25): it goes on when the schedule comes back to it.
            Drove::AtCommit | Drove::Waits => {
                self.say(format!("{} stops", task.label));
                task.at = At::Commit;
                self.tasks.push(task);
            }
            Drove::AtCall => {
                let call = self.wire.take_parked().unwrap_or_default();
                self.say(format!(
                    "{} parks: {:?}",
                    task.label,
                    self.wire.parked(call).map(|(name, at, _)| (name, at))
                ));
                task.at = At::Call(call);
                self.tasks.push(task);
            }
        }
    }

    fn work(&mut self, step: Step) {
        let node = index(step.a, NODES);
        let app = self.nodes[node].app.clone();
        let (name, future): (&str, Pin<Box<dyn Future<Output = Outcome>>>) = match step.b % 7 {
            0 | 1 => (
                "inbox",
                worked(async move { workers::inbox::run_once(&app).await }),
            ),
            2 | 3 => (
                "sweep",
                worked(async move { workers::sweep::run_once(&app).await }),
            ),
            4 => (
                "sequencer",
                worked(async move { workers::sequencer::run_once(&app).await }),
            ),
            _ => (
                "operations",
                worked(async move { workers::operations::run_once(&app).await }),
            ),
        };
        self.run(
            Task {
                node,
                label: format!("{name} on {node}"),
                future,
                at: At::Commit,
            },
            step.b / 7,
        );
    }

    fn resume(&mut self, step: Step) {
        if self.tasks.is_empty() {
            return;
        }
        let task = self.tasks.swap_remove(index(step.a, self.tasks.len()));
        if let At::Call(call) = task.at {
            self.settle_call(call, step.b);
        }
        self.run(task, step.b / 128);
    }

    /// Decides what becomes of a parked call. Its client has a time-out: a call that waited longer gets no answer.
    fn settle_call(&mut self, call: u64, chance: u64) {
        let Some((name, at, begun_ms)) = self.wire.parked(call) else {
            return;
        };
        let over = self.clock.now_ms() - begun_ms > TIMEOUT_MS;
        let read = name.starts_with("GET");
        if at == Parked::After {
            let arrives = !over && !chance.is_multiple_of(8);
            self.counts.faults += u64::from(!arrives);
            self.say(format!("answer to {name} arrives: {arrives}"));
            return self.wire.answer(call, arrives);
        }
        let fate = match (over, chance % 64) {
            (false, 0..2) => Fate::NotSent,
            (true, 0..32) | (false, 2..5) => Fate::Lost,
            (true, _) | (false, 5..8) => Fate::Late,
            (false, 8..10) => Fate::Gateway,
            (false, 10) => Fate::Unauthorised,
            (false, 11) => Fate::TooMany,
            (false, 12..18) if read => Fate::Stale,
            (false, _) => Fate::Arrives,
        };
        let fate = if read && fate == Fate::Late {
            Fate::Lost
        } else {
            fate
        };
        self.counts.faults += u64::from(fate != Fate::Arrives);
        self.say(format!("{name}: {fate:?}"));
        self.wire.decide(call, fate);
    }

    fn arrive_late(&mut self, chosen: Option<usize>, until_ms: i64) {
        let names = self.look(self.wire.arrive_late(chosen, until_ms));
        for name in names {
            self.say(format!("{name} arrives late"));
        }
    }

    /// Time passes; what must have arrived by then has.
    pub(crate) fn pass(&mut self, by_ms: i64) {
        self.arrive_late(None, self.clock.now_ms() + by_ms);
        self.clock.advance_ms(by_ms);
        self.sandbox.tick();
        self.say(format!("{} s pass", by_ms / 1_000));
    }

    fn crash(&mut self, node: usize) -> anyhow::Result<()> {
        let (died, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut self.tasks)
            .into_iter()
            .partition(|task| task.node == node);
        self.tasks = stay;
        for task in &died {
            self.say(format!("{} dies with node {node}", task.label));
        }
        drop(died);
        for buyer in &mut self.buyers {
            // Nobody knows whose request died: everybody may ask again.
            buyer.creating = false;
            buyer.asks.iter_mut().for_each(|ask| ask.under_way = false);
        }
        self.nodes[node] = self.open_node()?;
        self.counts.crashes += 1;
        self.say(format!("node {node} starts again"));
        Ok(())
    }

    /// The end of the story: no more faults; everything that waits goes on; time passes; every news arrives.
    pub fn come_to_rest(&mut self) -> anyhow::Result<()> {
        // In turn, because one may wait for another's read.
        while !self.tasks.is_empty() {
            let task = self.tasks.remove(0);
            if let At::Call(call) = task.at {
                self.finish_call(call);
            }
            self.run(task, 0);
        }
        for node in 0..NODES {
            self.crash(node)?;
        }
        for round in 0..60 {
            self.pass(if round < 40 { 120_000 } else { 1_800_000 });
            self.post.extend(self.sandbox.take_due());
            for delivery in std::mem::take(&mut self.post) {
                let status = self.post_notification(&delivery, 0, false);
                self.sandbox.delivered(delivery.id, Ok(status));
            }
            for _ in 0..400 {
                let app = self.nodes[0].app.clone();
                let round = Box::pin(async move { workers::run_all_once(&app).await });
                if self.to_the_end(round)?.done == 0 {
                    break;
                }
            }
        }
        self.counts.calls = self.wire.delivered();
        Ok(())
    }

    fn finish_call(&self, call: u64) {
        match self.wire.parked(call) {
            Some((_, Parked::Before, begun_ms)) if self.clock.now_ms() - begun_ms <= TIMEOUT_MS => {
                self.wire.decide(call, Fate::Arrives);
            }
            Some((_, Parked::Before, _)) => self.wire.decide(call, Fate::Lost),
            Some((_, Parked::After, begun_ms)) => {
                self.wire
                    .answer(call, self.clock.now_ms() - begun_ms <= TIMEOUT_MS);
            }
            None => {}
        }
    }

    /// Drives a future through all its calls, which all go well.
    fn to_the_end<T>(&self, mut future: Pin<Box<dyn Future<Output = T> + '_>>) -> T {
        let wire = self.wire.clone();
        let parked = move || wire.has_parked();
        loop {
            if let Drove::Done(value) =
                drive(future.as_mut(), &parked, &self.nodes[0].progress, None)
            {
                return value;
            }
            if let Some(call) = self.wire.take_parked() {
                self.finish_call(call);
            }
        }
    }
}

fn index(chance: u64, count: usize) -> usize {
    let count = u64::try_from(count.max(1)).unwrap_or(1);
    usize::try_from(chance % count).unwrap_or(0)
}

fn worked(
    round: impl Future<Output = datepalm::error::Result<workers::Progress>> + 'static,
) -> Pin<Box<dyn Future<Output = Outcome>>> {
    Box::pin(async move {
        // A failing round is tried again by the next one, as in the loop.
        let _ = round.await;
        Outcome::Worked
    })
}

async fn answered(router: axum::Router, request: Request<Body>) -> (u16, Value) {
    let answer = router
        .oneshot(request)
        .await
        .unwrap_or_else(|error| match error {});
    let status = answer.status().as_u16();
    let body = answer
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

const AMOUNTS: [i64; 4] = [10_000, 20_012, 12, 30_012];

/// How far the clock jumps, `(weight, seconds)`: mostly a little, now and then over a time-out, a lease, a window, a
/// session.
const CLOCK_S: [(usize, i64); 9] = [
    (10, 1),
    (8, 5),
    (4, 31),
    (3, 61),
    (2, 121),
    (2, 301),
    (1, 960),
    (1, 1_860),
    (1, 21_600),
];

fn clock_jump_ms(chance: u64) -> i64 {
    let mut at = index(chance, CLOCK_S.iter().map(|(weight, _)| weight).sum());
    let jump = CLOCK_S.iter().find(|(weight, _)| {
        let hit = at < *weight;
        at = at.saturating_sub(*weight);
        hit
    });
    jump.map_or(1_000, |(_, seconds)| seconds * 1_000)
}

const CONFIG: &str = r#"public_url = "http://datepalm.sim"
    reconciliation.at = "off"
    [accounts.sim]
    country = "SA"
    environment = "http://tamara.sim"
    api_token = "api-sim"
    notification_token = "notify-0123456789abcdef0123456789abcdef"
    return_url_prefixes = ["https://shop.sim"]
    shipping_company = "Ours"
"#;
