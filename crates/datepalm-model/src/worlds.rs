//! The worlds that are explored, and how much may happen in each. The reduced ones run with every test; the full ones take
//! `datepalm-model full`.

use crate::world::{Left, Merchant, Odd, Setting, TICK, policy};
use datepalm::domain::decide::Command;
use datepalm::domain::payment::CaptureMode;

/// Everything that a merchant may ask for, whole or one unit of it.
pub const COMMANDS: [Command; 6] = [
    Command::Capture(None),
    Command::Capture(Some(1)),
    Command::Refund(None),
    Command::Refund(Some(1)),
    Command::Cancel,
    Command::CancelPart(1),
];

/// Nothing may happen but what the customer, the network without faults, and our own workers do.
pub const QUIET: Left = Left {
    requests: 0,
    faults: 0,
    portal: 0,
    timer: 0,
    odd: 0,
    refusals: 0,
    restores: 0,
};

impl Setting {
    /// One order of a plain merchant who captures himself, its page open.
    pub fn new(name: impl Into<String>, left: Left) -> Self {
        Self {
            name: name.into(),
            merchant: Merchant::Plain,
            capture_mode: CaptureMode::Manual,
            sessions: 1,
            commands: COMMANDS.to_vec(),
            odd: Vec::new(),
            stale_reads: true,
            pending_refunds: false,
            references: false,
            creates: false,
            authorised: false,
            copied: false,
            left,
            policy: policy(),
        }
    }

    /// The merchant asks for nothing else.
    #[must_use]
    pub fn asking(mut self, commands: &[Command]) -> Self {
        self.commands = commands.to_vec();
        self
    }

    /// What Tamara does by itself.
    #[must_use]
    pub fn of(mut self, merchant: Merchant) -> Self {
        self.merchant = merchant;
        self
    }

    /// We capture what is authorised.
    #[must_use]
    pub fn automatic(mut self) -> Self {
        self.capture_mode = CaptureMode::Automatic;
        self
    }

    /// So many sessions are open.
    #[must_use]
    pub fn sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// Reads show what is true now.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.stale_reads = false;
        self
    }

    /// Reads may get these odd answers.
    #[must_use]
    pub fn odd(mut self, odd: &[Odd]) -> Self {
        self.odd = odd.to_vec();
        self
    }

    /// Refunds may read as pending.
    #[must_use]
    pub fn pending_refunds(mut self) -> Self {
        self.pending_refunds = true;
        self
    }

    /// The merchant changes references, and nothing else.
    #[must_use]
    pub fn references(mut self) -> Self {
        self.references = true;
        self.asking(&[])
    }

    /// There is no payment yet: the merchant posts its wishes.
    #[must_use]
    pub fn creates(mut self) -> Self {
        self.creates = true;
        self.sessions(0)
    }

    /// The customer has paid already.
    #[must_use]
    pub fn authorised(mut self) -> Self {
        self.authorised = true;
        self
    }

    /// A copy was made in the beginning, and no other is.
    #[must_use]
    pub fn copied(mut self) -> Self {
        self.copied = true;
        self
    }

    /// A plan waits a tick before it asks again.
    #[must_use]
    pub fn paced(mut self) -> Self {
        self.policy.retry_ms = TICK;
        self
    }
}

const ALL: Command = Command::Capture(None);
const PART: Command = Command::Capture(Some(1));
const BACK: Command = Command::Refund(None);
const BACK_PART: Command = Command::Refund(Some(1));
const CANCEL: Command = Command::Cancel;
const CANCEL_PART: Command = Command::CancelPart(1);

const MERCHANTS: [Merchant; 3] = [
    Merchant::Plain,
    Merchant::AutoCapture,
    Merchant::AutoAuthorise,
];

/// The worlds of a few minutes.
pub fn reduced() -> Vec<Setting> {
    let groups = [
        of_sessions(),
        restored(),
        of_persons(),
        of_tamara(),
        of_requests(),
    ];
    groups.into_iter().flatten().collect()
}

/// Any one request and any one fault.
pub fn of_requests() -> Vec<Setting> {
    let left = Left {
        requests: 1,
        faults: 1,
        ..QUIET
    };
    let world = |merchant| {
        let name = format!("{merchant:?}: one request, one fault");
        Setting::new(name, left).of(merchant).fresh()
    };
    MERCHANTS.into_iter().map(world).collect()
}

/// Two and three sessions of one payment, creates, and changes of the reference.
pub fn of_sessions() -> Vec<Setting> {
    let asking = |requests, faults| Left {
        requests,
        faults,
        ..QUIET
    };
    let mut worlds = Vec::new();
    for merchant in MERCHANTS {
        let name = format!("{merchant:?}: two sessions, a cancel");
        let two = Setting::new(name, asking(1, 0)).of(merchant).sessions(2);
        worlds.push(two.asking(&[CANCEL]).fresh());
    }
    let three = Setting::new("three sessions", QUIET).sessions(3).fresh();
    let creates = Setting::new("creates, one fault", asking(2, 1)).creates();
    let faultless = Setting::new("two creates", asking(2, 0)).creates();
    let once = Setting::new("one create, one fault", asking(1, 1)).creates();
    let references = Setting::new("changes of the reference, one fault", asking(2, 1));
    worlds.extend([
        three,
        creates.asking(&[]).fresh(),
        faultless.asking(&[]).fresh(),
        once.asking(&[]).fresh(),
        references.references().authorised(),
    ]);
    worlds
}

/// One restore of a copy of any moment: of an order that is authorised, and of one that nobody has paid yet.
pub fn restored() -> Vec<Setting> {
    let left = |requests, faults| Left {
        requests,
        faults,
        restores: 1,
        ..QUIET
    };
    let mut worlds = Vec::new();
    for (name, command) in [
        ("capture", ALL),
        ("capture of a part", PART),
        ("cancel", CANCEL),
        ("cancel of a part", CANCEL_PART),
    ] {
        let name = format!("restore: a {name}, one fault");
        let world = Setting::new(name, left(1, 1)).asking(&[command]);
        worlds.push(world.authorised().fresh());
    }
    let refunds = Setting::new("restore: a refund of a part, one fault", left(1, 1));
    let unpaid = Setting::new("restore: a cancel of what nobody has paid", left(1, 0));
    let pair = Setting::new("restore: two captures of a part", left(2, 1));
    let automatic = Setting::new("restore: automatic capture", left(0, 0)).automatic();
    let created = Setting::new("restore: a create", left(2, 0)).creates();
    let once = Setting::new("restore: one create", left(1, 0)).creates();
    let refunds = refunds.asking(&[BACK_PART]).of(Merchant::AutoCapture);
    worlds.extend([
        refunds.authorised().fresh(),
        unpaid.asking(&[CANCEL]).fresh(),
        pair.asking(&[PART]).authorised().fresh(),
        automatic.fresh(),
        created.asking(&[]).fresh(),
        once.asking(&[]).fresh(),
    ]);
    worlds
}

/// A person acts once in Tamara's portal: beside each request, beside one in doubt, and beside the choice among sessions.
pub fn of_persons() -> Vec<Setting> {
    let left = |requests, faults| Left {
        requests,
        faults,
        portal: 1,
        ..QUIET
    };
    let mut worlds = Vec::new();
    for merchant in MERCHANTS {
        let name = format!("{merchant:?}: one request, the portal");
        worlds.push(Setting::new(name, left(1, 0)).of(merchant).fresh());
    }
    for (name, merchant, command) in [
        ("capture", Merchant::Plain, ALL),
        ("capture of a part", Merchant::Plain, PART),
        ("cancel", Merchant::Plain, CANCEL),
        ("cancel of a part", Merchant::Plain, CANCEL_PART),
        ("refund", Merchant::AutoCapture, BACK),
        ("refund of a part", Merchant::AutoCapture, BACK_PART),
    ] {
        let name = format!("the portal: a {name}, one fault");
        let world = Setting::new(name, left(1, 1)).asking(&[command]);
        worlds.push(world.of(merchant).authorised());
    }
    let pages = Setting::new("the portal: two sessions", left(0, 0)).sessions(2);
    let automatic = Setting::new("the portal: automatic capture, one fault", left(0, 1));
    let restored = Left {
        restores: 1,
        ..left(1, 0)
    };
    let restored = Setting::new("the portal: a capture of a part, a restore", restored);
    worlds.extend([
        pages.fresh(),
        automatic.automatic().fresh(),
        restored.asking(&[PART]).authorised().fresh(),
    ]);
    worlds
}

/// What Tamara does against expectation: it captures after 21 days, lets an order expire that was approved or authorised,
/// refuses a call or turns it away, and answers a read with a word that nobody knows, with another order, or with a 404.
pub fn of_tamara() -> Vec<Setting> {
    let quiet = Left {
        requests: 1,
        ..QUIET
    };
    let timer = Left { timer: 1, ..quiet };
    let odd = Left { odd: 1, ..quiet };
    let refusals = Left {
        refusals: 1,
        ..quiet
    };
    let odd_reads = [Odd::UnknownWord, Odd::OtherOrder, Odd::NotFound];
    let mut worlds = Vec::new();
    for merchant in MERCHANTS {
        let named = |what: &str| format!("{merchant:?}: one request, {what}");
        let world = |what, left| Setting::new(named(what), left).of(merchant).fresh();
        worlds.extend([
            world("Tamara's timer", timer),
            world("an odd read", odd).odd(&odd_reads),
            world("a refusal", refusals),
        ]);
    }
    for (name, command) in [
        ("capture", ALL),
        ("capture of a part", PART),
        ("cancel", CANCEL),
    ] {
        for (what, left) in [("timer", timer), ("odd reads", odd), ("refusals", refusals)] {
            let name = format!("{what}: a {name}, one fault");
            let left = Left { faults: 1, ..left };
            let world = Setting::new(name, left).asking(&[command]);
            worlds.push(world.odd(&odd_reads).authorised().fresh());
        }
    }
    for (what, left) in [("timer", timer), ("refusals", refusals)] {
        let none = Left {
            requests: 0,
            ..left
        };
        let pages = Setting::new(format!("{what}: two sessions"), none).sessions(2);
        let name = format!("{what}: automatic capture, one fault");
        let automatic = Setting::new(name, Left { faults: 1, ..none }).automatic();
        worlds.extend([pages.fresh(), automatic.fresh()]);
    }
    worlds
}

/// Two requests of these, in any order.
pub const PAIRS: [(&str, [Command; 2]); 6] = [
    ("captures", [ALL, PART]),
    ("capture and refund", [ALL, BACK_PART]),
    ("capture and cancel", [PART, CANCEL]),
    ("refunds", [BACK, BACK_PART]),
    ("cancels", [CANCEL, CANCEL_PART]),
    ("partial cancel and capture", [CANCEL_PART, ALL]),
];

/// The worlds of the full run.
pub fn full() -> Vec<Setting> {
    let mut worlds = reduced();
    for merchant in MERCHANTS {
        for (name, pair) in PAIRS {
            let name = format!("{merchant:?}: {name}");
            let left = Left {
                requests: 2,
                faults: 2,
                ..QUIET
            };
            let world = Setting::new(name, left).of(merchant).asking(&pair);
            let portal = with(&world, "the portal", |left| left.portal = 1);
            let timer = with(&world, "the timer", |left| left.timer = 1);
            worlds.extend([world, portal, timer]);
        }
        let name = format!("{merchant:?}: two sessions, a cancel, the portal");
        let left = Left {
            requests: 1,
            portal: 1,
            ..QUIET
        };
        let two = Setting::new(name, left).of(merchant).sessions(2);
        worlds.push(two.asking(&[CANCEL]).fresh());
    }
    worlds
}

/// The same world with one fault instead of two, and with what else may happen.
fn with(world: &Setting, what: &str, change: impl FnOnce(&mut Left)) -> Setting {
    let mut world = world.clone().fresh();
    world.name = format!("{}, {what}", world.name);
    world.left.faults = 1;
    change(&mut world.left);
    world
}
