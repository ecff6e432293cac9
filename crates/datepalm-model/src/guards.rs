//! The guards of the core, each with the property that breaks when it is removed, and the small world in which it does.

use crate::explore::{Explored, Limits, explore};
use crate::property::Property;
use crate::world::{Left, Merchant, Odd, Setting, TICK};
use crate::worlds::QUIET;
use datepalm::domain::decide::Command;
use datepalm::domain::guard::{Guard, remove, restore};

/// More worlds than any of these needs.
const STATES_MAX: usize = 400_000;

/// What is removed, and what notices.
pub struct Removal {
    /// Its name in tables.
    pub name: &'static str,
    /// The guards; one, or two that cover each other.
    pub guards: Vec<Guard>,
    /// The settle window is shorter than effects may be late.
    pub short_window: bool,
    /// Where it is noticed.
    pub setting: Setting,
    /// What breaks.
    pub property: Property,
}

/// What came of a removal.
pub struct Noticed {
    /// The world with everything in place.
    pub clean: Explored,
    /// The world without the guard.
    pub mutant: Explored,
}

impl Removal {
    fn new(guard: Guard, property: Property, left: Left) -> Self {
        Self {
            name: guard.name(),
            guards: vec![guard],
            short_window: false,
            setting: Setting::new(guard.name(), left),
            property,
        }
    }

    /// Within this world.
    fn within(mut self, change: impl FnOnce(Setting) -> Setting) -> Self {
        self.setting = change(self.setting);
        self
    }

    /// Explores the world without the guard, and as far with it. The switch is the whole process's.
    pub fn notice(&self) -> Noticed {
        self.guards.iter().copied().for_each(remove);
        let mut setting = self.setting.clone();
        if self.short_window {
            setting.policy.settle_window_ms -= TICK;
        }
        let limits = Limits {
            states: STATES_MAX,
            depth: usize::MAX,
            ends: None,
        };
        let mutant = explore(&setting, limits);
        restore();
        // As far as the way to what broke is long; all of it is explored elsewhere.
        let depth = mutant.depth;
        let clean = explore(&self.setting, Limits { depth, ..limits });
        Noticed { clean, mutant }
    }
}

fn requests(requests: u8) -> Left {
    Left { requests, ..QUIET }
}

fn faulty(requests: u8, faults: u8) -> Left {
    Left {
        requests,
        faults,
        ..QUIET
    }
}

fn odd() -> Left {
    Left { odd: 1, ..QUIET }
}

const ALL: Command = Command::Capture(None);
const PART: Command = Command::Capture(Some(1));
const BACK: Command = Command::Refund(None);
const BACK_PART: Command = Command::Refund(Some(1));
const CANCEL: Command = Command::Cancel;
const CANCEL_PART: Command = Command::CancelPart(1);

/// Every removal that a world notices.
pub fn removals() -> Vec<Removal> {
    let mut all = of_facts();
    all.extend(of_status());
    all.extend(of_sessions());
    all.extend(of_journal());
    all.extend(of_settling());
    all.extend(of_restores());
    all
}

fn of_facts() -> Vec<Removal> {
    use Property::{BooksAgree, FactsAreASubset, PaidIsTrue, StatusNeverFalls};
    vec![
        Removal::new(Guard::NotificationIsNoFact, PaidIsTrue, odd())
            .within(|world| world.odd(&[Odd::Forged])),
        Removal::new(Guard::RankNeverFalls, StatusNeverFalls, QUIET),
        Removal::new(Guard::MismatchIsNotMerged, FactsAreASubset, odd())
            .within(|world| world.odd(&[Odd::OtherOrder])),
        Removal::new(Guard::AskedReferenceIsOurs, BooksAgree, requests(1))
            .within(Setting::references),
        Removal::new(Guard::NotFoundIsNoFact, FactsAreASubset, odd())
            .within(|world| world.odd(&[Odd::NotFound])),
        Removal::new(Guard::UnknownWordStops, FactsAreASubset, odd())
            .within(|world| world.odd(&[Odd::UnknownWord])),
        Removal::new(Guard::ClockExpiresNothing, FactsAreASubset, QUIET),
        Removal::new(Guard::PollingMakesCertain, Property::SomebodyLooks, QUIET),
    ]
}

fn of_status() -> Vec<Removal> {
    let timer = Left { timer: 1, ..QUIET };
    vec![
        Removal::new(Guard::PaidNeedsALiveOrder, Property::PaidIsTrue, timer),
        Removal::new(
            Guard::PaidCountsWhatLeaves,
            Property::PaidIsNotAskedBack,
            requests(1),
        )
        .within(|world| world.of(Merchant::AutoAuthorise)),
        Removal::new(
            Guard::CancelEndsPaid,
            Property::NoPaidWhileCancelStands,
            requests(1),
        ),
    ]
}

fn of_sessions() -> Vec<Removal> {
    let refused = Left {
        refusals: 1,
        ..QUIET
    };
    vec![
        Removal::new(Guard::OneHolder, Property::OneOpenPayment, requests(2))
            .within(|world| world.creates().asking(&[])),
        Removal::new(
            Guard::LostCreatesEnd,
            Property::NothingUnknownForEver,
            faulty(1, 1),
        )
        .within(|world| world.creates().asking(&[]).fresh()),
        Removal::new(Guard::WinnerStays, Property::PaidDoesNotFlicker, QUIET)
            .within(|world| world.sessions(2).fresh()),
        Removal::new(Guard::LosersWait, Property::PaidIsNotReleased, refused)
            .within(|world| world.sessions(2).fresh().asking(&[])),
        Removal::new(Guard::LosersAreReleased, Property::ApprovedEnds, QUIET)
            .within(|world| world.sessions(2).fresh()),
        Removal::new(Guard::PlansAskAgain, Property::CancelEnds, faulty(1, 1))
            .within(|world| world.asking(&[CANCEL]).of(Merchant::AutoAuthorise).fresh()),
        Removal::new(
            Guard::CanceledIsWatched,
            Property::SomebodyLooks,
            requests(1),
        )
        .within(|world| world.asking(&[CANCEL])),
        // Declined in time for the cancel to be done, approved after that.
        Removal::new(
            Guard::MarkStands,
            Property::NoPaidWhileCancelStands,
            requests(1),
        )
        .within(|world| world.asking(&[CANCEL]).fresh()),
        Removal::new(
            Guard::NoCaptureBesideCancel,
            Property::NoCaptureBesideCancel,
            Left {
                requests: 2,
                ..refused
            },
        )
        .within(|world| world.asking(&[CANCEL, ALL]).fresh().paced()),
    ]
}

fn of_journal() -> Vec<Removal> {
    use Property::{OneEffectPerIntent, OneEffectPerKey, RejectedHasNoEffect};
    let part = |world: Setting| world.asking(&[PART]).fresh().authorised();
    vec![
        Removal::new(Guard::IntentFirst, OneEffectPerIntent, requests(1)).within(part),
        Removal::new(Guard::OneAtATime, Property::ComesToRest, faulty(2, 1))
            .within(|world| world.asking(&[CANCEL_PART, PART]).fresh()),
        Removal::new(Guard::LapsedIsUnknown, OneEffectPerIntent, faulty(1, 1)).within(part),
        Removal::new(
            Guard::LeaseOutlivesTheCall,
            RejectedHasNoEffect,
            faulty(1, 1),
        )
        .within(part),
        Removal::new(
            Guard::ConflictIsNoSuccess,
            Property::SucceededHasOneEffect,
            Left {
                portal: 1,
                ..requests(1)
            },
        )
        .within(|world| world.asking(&[ALL]).fresh().authorised()),
        Removal::new(
            Guard::ConflictIsNoFailure,
            RejectedHasNoEffect,
            faulty(1, 1),
        )
        .within(|world| world.asking(&[ALL]).authorised()),
        Removal::new(Guard::GatewayIsNoRefusal, RejectedHasNoEffect, faulty(1, 1)).within(part),
        Removal::new(Guard::KeyMakesOne, OneEffectPerKey, requests(2)).within(part),
    ]
}

fn of_restores() -> Vec<Removal> {
    let left = Left {
        restores: 1,
        ..requests(1)
    };
    let part = |world: Setting| world.asking(&[PART]).fresh().authorised();
    // A lost capture and the next one, should both name one second: the order shows the first, and it passes for the second.
    let two = Left {
        requests: 2,
        faults: 1,
        ..left
    };
    let second = Removal::new(
        Guard::ShippedAtIsUnique,
        Property::SucceededHasOneEffect,
        two,
    );
    let rows = [
        (Guard::RecoveryReadsFirst, Property::OneEffectPerKey),
        (Guard::RestoredIsUnknown, Property::OneEffectPerIntent),
        (Guard::RestoredEffectStops, Property::OneEffectPerKey),
        (Guard::EpochLifts, Property::VersionsGoOn),
    ]
    .into_iter()
    .map(|(guard, property)| Removal::new(guard, property, left).within(part));
    rows.chain([second.within(part).within(Setting::copied)])
        .collect()
}

fn of_settling() -> Vec<Removal> {
    vec![
        Removal::new(
            Guard::PartialsAreNotRepeated,
            Property::OneEffectPerIntent,
            faulty(1, 1),
        )
        .within(|world| world.asking(&[PART]).authorised()),
        Removal::new(
            Guard::AbsenceWaits,
            Property::RejectedHasNoEffect,
            faulty(1, 1),
        )
        .within(|world| world.asking(&[PART]).fresh().authorised()),
        Removal {
            name: "r19_window_too_small",
            guards: Vec::new(),
            short_window: true,
            ..Removal::new(
                Guard::AbsenceWaits,
                Property::RejectedHasNoEffect,
                faulty(1, 1),
            )
            .within(|world| world.asking(&[PART]).authorised())
        },
        Removal::new(
            Guard::EchoAttributes,
            Property::SucceededHasOneEffect,
            Left {
                portal: 1,
                ..faulty(1, 1)
            },
        )
        .within(|world| world.asking(&[PART]).fresh().authorised()),
        Removal::new(
            Guard::AcceptedIsNotAbsent,
            Property::RefundsFitCaptures,
            requests(2),
        )
        .within(|world| {
            let world = world.asking(&[BACK_PART, BACK]).fresh().pending_refunds();
            world.of(Merchant::AutoAuthorise)
        }),
    ]
}

/// A guard whose removal changes nothing as long as the assumptions hold: a second layer.
pub struct Layer {
    /// The guard.
    pub guard: Guard,
    /// What covers it.
    pub because: &'static str,
    /// Where it would matter, if anything there could.
    pub setting: Setting,
}

impl Layer {
    /// Explores without the guard, up to so many worlds. The switch is the whole process's.
    pub fn without(&self, states: usize) -> Explored {
        remove(self.guard);
        let limits = Limits {
            states,
            depth: usize::MAX,
            ends: None,
        };
        let seen = explore(&self.setting, limits);
        restore();
        seen
    }
}

/// The second layers.
pub fn second_layers() -> Vec<Layer> {
    let layer = |guard: Guard, because, left, change: fn(Setting) -> Setting| Layer {
        guard,
        because,
        setting: change(Setting::new(guard.name(), left)),
    };
    vec![
        layer(
            Guard::LeaseToken,
            "an answer names its attempt, and no two senders have the same one",
            faulty(1, 2),
            |world| world.asking(&[ALL]).fresh().authorised(),
        ),
        layer(
            Guard::AbsenceIsReadTwice,
            "one read later than the window shows every effect, as long as R19's assumptions hold",
            faulty(1, 1),
            |world| world.asking(&[PART]).authorised(),
        ),
    ]
}

/// Guards that lie outside of what is modelled; the simulator removes them.
pub const ELSEWHERE: [(Guard, &str); 2] = [
    (
        Guard::FingerprintIsChecked,
        "bodies of requests are not modelled",
    ),
    (Guard::VersionIsChecked, "a transaction is one step here"),
];
