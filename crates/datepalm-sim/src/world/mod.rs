//! The simulated world: nodes of the service on one database, merchants, customers, and Tamara; one thing at a time.

mod answers;
mod clocks;
pub mod items;
mod merchants;
mod others;
mod person;
mod references;
mod rest;
pub mod restore;
pub mod setting;
mod tasks;

use crate::drive::{Places, finish};
use crate::oracle::Broken;
use crate::plan::{Kind, Step};
use crate::points::Coverage;
use crate::rng::Rng;
use crate::wire::Wire;
use clocks::NodeClock;
use datepalm::app::{App, Seams};
use datepalm::config::{self, Config};
use datepalm::domain::operation::Operation;
use datepalm::domain::payment::Payment;
use datepalm::ids::{PaymentId, SeededIds, sha256_hex};
use datepalm::store::Database;
use datepalm::store::accounts::{self, KeyRow};
use datepalm::store::in_line::InLine;
use merchants::Buyer;
use person::Person;
use restore::{Backup, Loss};
use setting::{CONFIG, SHOPS, Setting};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tamara_sandbox::{Delivery, Sandbox};
use tasks::Task;

const NODES: usize = 2;
/// When the worlds begin: 2 February 2026.
const BEGIN_MS: i64 = 1_770_000_000_000;

struct Node {
    app: Arc<App>,
    router: axum::Router,
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Payments that merchants asked for.
    pub payments: u64,
    /// Payments that were paid.
    pub paid: u64,
    /// Nodes that died.
    pub crashes: u64,
    /// Requests and notifications that came more than once.
    pub duplicates: u64,
    /// Notifications that were no notification of Tamara, or lied.
    pub forgeries: u64,
    /// Calls and notifications that did not go well.
    pub faults: u64,
    /// Invariants checked.
    pub checks: u64,
    /// Calls that Tamara saw.
    pub calls: u64,
    /// Captures, refunds and cancels in Tamara's books.
    pub effects: u64,
    /// Backups that were put back.
    pub restores: u64,
}

impl Counts {
    /// Adds another history's.
    pub fn add(&mut self, other: &Self) {
        self.payments += other.payments;
        self.paid += other.paid;
        self.crashes += other.crashes;
        self.duplicates += other.duplicates;
        self.forgeries += other.forgeries;
        self.faults += other.faults;
        self.checks += other.checks;
        self.calls += other.calls;
        self.effects += other.effects;
        self.restores += other.restores;
    }
}

/// Who did what beside the service, for the oracle.
#[derive(Default)]
pub struct Causes {
    /// Captures, cancels and refunds that a person made in the portal.
    pub portal_entries: BTreeSet<String>,
    /// Orders that a person touched in the portal.
    pub portal_orders: BTreeSet<String>,
    /// How often a call about an order or a reference did not go well.
    pub faults: BTreeMap<String, u64>,
    /// Operations that persons ended, and whether they were mistaken then.
    pub said_by_persons: BTreeMap<String, bool>,
}

impl Causes {
    /// Whether a person ended an operation and was mistaken.
    pub fn is_mistaken(&self, operation: &Operation) -> bool {
        let said = &self.said_by_persons;
        said.get(operation.id.as_str()) == Some(&true)
    }
}

/// The world of one history.
pub struct World {
    seed: u64,
    /// What this seed's world is like.
    pub setting: Setting,
    /// The database and the wire.
    pub places: Places,
    nodes: Vec<Node>,
    generation: u64,
    tasks: Vec<Task>,
    buyers: Vec<Buyer>,
    person: Person,
    post: Vec<Delivery>,
    /// Tamara.
    pub sandbox: Sandbox,
    clock: tamara_sandbox::Clock,
    config: Config,
    /// What happened, one line each, if anybody wants to know.
    pub log: Option<Vec<String>>,
    /// How much happened.
    pub counts: Counts,
    /// Where tasks stood.
    pub coverage: Coverage,
    /// What others did.
    pub causes: Causes,
    backup: Backup,
    /// What restores have lost, if there were any.
    pub loss: Option<Loss>,
    /// The payments as the oracle saw them last.
    pub known: BTreeMap<PaymentId, Payment>,
    /// What a merchant saw that it must not see.
    pub seen_by_merchant: Option<Broken>,
}

impl World {
    /// A fresh world.
    pub fn new(seed: u64, logging: bool) -> anyhow::Result<Self> {
        let setting = Setting::of(seed);
        let clock = tamara_sandbox::Clock::manual(BEGIN_MS);
        let sandbox = Sandbox::open(setting.sandbox(&clock, seed))?;
        let database = InLine::new()?;
        let config = Config {
            database: Database::InLine(database.clone()),
            worker_batch: 1,
            ..config::parse(CONFIG, Path::new("."))?
        };
        let wire = Wire::new(&sandbox, clock.clone(), setting.clone());
        let mut world = Self {
            seed,
            setting,
            places: Places { database, wire },
            nodes: Vec::new(),
            generation: 0,
            tasks: Vec::new(),
            buyers: Vec::new(),
            person: Person::default(),
            post: Vec::new(),
            sandbox,
            clock,
            config,
            log: logging.then(Vec::new),
            counts: Counts::default(),
            coverage: Coverage::default(),
            causes: Causes::default(),
            backup: Backup::default(),
            loss: None,
            known: BTreeMap::new(),
            seen_by_merchant: None,
        };
        for _ in 0..NODES {
            let node = world.open_node()?;
            world.nodes.push(node);
        }
        world.add_keys()?;
        let line = format!("{:?}", world.setting);
        world.say(|| line);
        Ok(world)
    }

    fn open_node(&mut self) -> anyhow::Result<Node> {
        let clock = self.next_clock();
        self.generation += 1;
        let wire = self.places.wire.clone();
        let seams = Seams {
            clock: Arc::new(clock),
            ids: Arc::new(SeededIds::new(
                self.seed.wrapping_mul(1_000).wrapping_add(self.generation),
            )),
            transport: Box::new(move |_| Ok(Arc::new(wire.clone()))),
        };
        let app = finish(App::open(self.config.clone(), seams), &self.places)?;
        let router = datepalm::http::router(app.clone());
        Ok(Node { app, router })
    }

    /// The clock of the node that is started next.
    fn next_clock(&self) -> NodeClock {
        NodeClock {
            true_clock: self.clock.clone(),
            ahead_ms: clocks::ahead_ms(&self.setting, self.seed, self.generation + 1),
        }
    }

    fn add_keys(&self) -> anyhow::Result<()> {
        for shop in &SHOPS {
            let row = KeyRow {
                id: format!("key_{}", shop.account),
                account: shop.account.to_owned(),
                kind: "sk".to_owned(),
                hash: sha256_hex(shop.key),
                hint: "sk_test".to_owned(),
            };
            let store = &self.nodes[0].app.store;
            let write = store.write("key", move |tx| accounts::insert_key(tx, &row, 0));
            finish(write, &self.places)?;
        }
        Ok(())
    }

    /// The time.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    fn say(&mut self, line: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(line());
        }
    }

    /// Does one step; one that finds nothing to do lets a worker look.
    pub fn step(&mut self, step: Step) -> anyhow::Result<()> {
        self.make_backup()?;
        let chance = &mut Rng::new((step.a << 16) ^ step.b);
        match step.kind {
            Kind::Create => self.create(chance),
            Kind::Proceed => self.proceed(chance),
            Kind::Ask => self.ask(chance),
            Kind::Customer => self.customer(chance),
            Kind::Notify => self.notify(chance),
            Kind::Resume => self.resume(chance),
            Kind::Clock => {
                self.jump(chance);
                Ok(())
            }
            Kind::Crash => self.crash(chance.index(NODES)),
            Kind::Portal if self.setting.portal => self.portal(chance),
            Kind::Work | Kind::Portal => self.work(chance),
            Kind::Person => self.person(chance),
            Kind::Late => self.one_arrives_late(chance),
            Kind::Backup => {
                self.back_up();
                self.work(chance)
            }
            Kind::Restore => self.restore(chance),
        }
    }

    fn one_arrives_late(&mut self, chance: &mut Rng) -> anyhow::Result<()> {
        let count = self.places.wire.late_count();
        if count == 0 {
            return self.work(chance);
        }
        self.arrive_late(Some(chance.index(count)), 0);
        Ok(())
    }

    fn arrive_late(&mut self, chosen: Option<usize>, until_ms: i64) {
        if self.places.wire.late_count() == 0 {
            return;
        }
        let expected = self.expect_from_before();
        let books: Vec<_> = expected.iter().map(|id| self.sandbox.book(id)).collect();
        let arriving = self.places.wire.arrive_late(chosen, until_ms);
        for (route, about, status) in finish(arriving, &self.places) {
            self.say(|| format!("{} of {about} arrives late: {status}", route.name()));
        }
        self.note_from_before(&expected, &books);
    }

    /// Time passes; what must have arrived by then has.
    pub fn pass(&mut self, by_ms: i64) {
        self.arrive_late(None, self.clock.now_ms() + by_ms);
        self.clock.advance_ms(by_ms);
        self.sandbox.tick();
        self.say(|| format!("{by_ms} ms pass"));
    }

    /// A jump: mostly a little, now and then over a time-out, a lease, a window; sometimes to just before or after the
    /// next thing that happens by itself.
    fn jump(&mut self, chance: &mut Rng) {
        let by_ms = match chance.below(100) {
            0..34 => 1_000,
            34..58 => 5_000,
            58..73 => 31_000,
            73..83 => 61_000,
            83..89 => 121_000,
            89..93 => 301_000,
            93..96 => 960_000,
            96..97 => 1_860_000,
            _ => self.to_next_deadline_ms(chance),
        };
        self.pass(by_ms);
    }

    fn to_next_deadline_ms(&self, chance: &mut Rng) -> i64 {
        let Some(due_ms) = self.sandbox.next_timer_ms() else {
            return 21_600_000;
        };
        let around_ms = *chance.pick(&[-20_000, -1_000, 0, 1, 3_000]);
        (due_ms + around_ms - self.now_ms()).max(1_000)
    }

    fn crash(&mut self, node: usize) -> anyhow::Result<()> {
        let (died, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut self.tasks)
            .into_iter()
            .partition(|task| task.node == node);
        self.tasks = stay;
        for task in &died {
            self.die(task);
        }
        self.nodes[node] = self.open_node()?;
        self.counts.crashes += 1;
        self.say(|| format!("node {node} starts again"));
        Ok(())
    }

    /// Counts what Tamara's books hold in the end.
    pub fn count_books(&mut self) {
        let orders = self.places.wire.ledger(|ledger| {
            self.counts.calls = ledger.delivered;
            ledger.orders.clone()
        });
        let paid = self.known.values().filter(|payment| payment.ever_paid);
        self.counts.paid = u64::try_from(paid.count()).unwrap_or(0);
        for book in orders.iter().filter_map(|(id, _)| self.sandbox.book(id)) {
            let entries = book.captures.len() + book.cancels.len() + book.refunds.len();
            self.counts.effects += u64::try_from(entries).unwrap_or(0);
        }
    }
}
