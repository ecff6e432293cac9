//! The guards that keep a payment from being taken twice, lost, or shown as paid when it was not; each can be removed to
//! prove that the simulator and the small model notice.
//!
//! Invariant: without the cargo feature `mutations`, which only `datepalm-sim` and `datepalm-model` enable, every guard
//! stands, nothing can remove it, and the names below are not even in the program.

macro_rules! guards {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A guard: what a rule forbids. Its name tells the rule (`docs/payment-model.md` lists them).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Guard {
            $($(#[$doc])* $variant,)*
        }

        #[cfg(feature = "mutations")]
        impl Guard {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name on the command line and in tables.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// From its name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|guard| guard.name() == name)
            }
        }
    };
}

guards! {
    /// R1: a notification's body never becomes a fact.
    NotificationIsNoFact = "r1_notification_is_no_fact",
    /// R2: the order's status never falls in rank.
    RankNeverFalls = "r2_rank_never_falls",
    /// R4: a read of another order, total, currency or reference is not merged.
    MismatchIsNotMerged = "r4_mismatch_is_not_merged",
    /// R4: a reference that we asked for is not a mismatch.
    AskedReferenceIsOurs = "r4_asked_reference_is_ours",
    /// R4: a 404 is no fact.
    NotFoundIsNoFact = "r4_not_found_is_no_fact",
    /// R5: an unknown status stops automation.
    UnknownWordStops = "r5_unknown_word_stops",
    /// R7: one holder per merchant reference.
    OneHolder = "r7_one_holder",
    /// R9: only a live order is paid.
    PaidNeedsALiveOrder = "r9_paid_needs_a_live_order",
    /// R9: what is on its way out does not count as paid.
    PaidCountsWhatLeaves = "r9_paid_counts_what_leaves",
    /// R9: nothing is paid while a cancel mark stands.
    CancelEndsPaid = "r9_cancel_ends_paid",
    /// R13: the winner stays, unless it died without ever having been authorised.
    WinnerStays = "r13_winner_stays",
    /// R14: losers wait until the winner was ever authorised.
    LosersWait = "r14_losers_wait",
    /// R14: losers are released.
    LosersAreReleased = "r14_losers_are_released",
    /// R14: a plan counts as a request: what was not applied is asked for again.
    PlansAskAgain = "r14_plans_ask_again",
    /// R15: our clock expires nothing.
    ClockExpiresNothing = "r15_clock_expires_nothing",
    /// R16: the intent is committed before the call.
    IntentFirst = "r16_intent_first",
    /// R17: one money operation at a time.
    OneAtATime = "r17_one_at_a_time",
    /// R18: an expired lease makes an operation unknown, never intent.
    LapsedIsUnknown = "r18_lapsed_is_unknown",
    /// R18: nobody starts a call that its lease may not outlive.
    LeaseOutlivesTheCall = "r18_lease_outlives_the_call",
    /// R19: partial captures, partial cancels and refunds are never repeated.
    PartialsAreNotRepeated = "r19_partials_are_not_repeated",
    /// R19: absence is believed only after the settle window.
    AbsenceWaits = "r19_absence_waits",
    /// R19: absence needs two reads (a second layer).
    AbsenceIsReadTwice = "r19_absence_is_read_twice",
    /// R20: an effect is ours by what it echoes, not by its amount.
    EchoAttributes = "r20_echo_attributes",
    /// R20: an accepted refund is on its way, not absent.
    AcceptedIsNotAbsent = "r20_accepted_is_not_absent",
    /// R20: `shipped_at` is unique within the payment.
    ShippedAtIsUnique = "r20_shipped_at_is_unique",
    /// R21: a 409 is no success.
    ConflictIsNoSuccess = "r21_conflict_is_no_success",
    /// R21: a 409 of a repeat says nothing about the attempts before it.
    ConflictIsNoFailure = "r21_conflict_is_no_failure",
    /// R21: an answer that does not speak of the call is no refusal.
    GatewayIsNoRefusal = "r21_gateway_is_no_refusal",
    /// R22: a create whose answer will not come ends.
    LostCreatesEnd = "r22_lost_creates_end",
    /// R23: a pending payment with a cancel mark is watched until nothing can be paid any more.
    CanceledIsWatched = "r23_canceled_is_watched",
    /// R23: a cancel mark stands after it is done.
    MarkStands = "r23_mark_stands",
    /// R24: no capture starts beside a cancel or a release.
    NoCaptureBesideCancel = "r24_no_capture_beside_cancel",
    /// R25: what can still change is looked at by itself.
    PollingMakesCertain = "r25_polling_makes_certain",
    /// R26: a key makes one operation.
    KeyMakesOne = "r26_key_makes_one",
    /// R26: another body with the same key is refused.
    FingerprintIsChecked = "r26_fingerprint_is_checked",
    /// R30: recovered payments take no money calls until they were read.
    RecoveryReadsFirst = "r30_recovery_reads_first",
    /// R30: what was sent before the restore is unknown afterwards.
    RestoredIsUnknown = "r30_restored_is_unknown",
    /// R30: an effect that nobody here asked for stops money calls after a restore.
    RestoredEffectStops = "r30_restored_effect_stops",
    /// R30: versions and sequences go on above any that were given out.
    EpochLifts = "r30_epoch_lifts",
    /// The store: only the owner of a lease may say that nothing happened (R18).
    LeaseToken = "store_lease_token",
    /// The store: a payment is saved only over the version that was read.
    VersionIsChecked = "store_version_is_checked",
}

/// Whether a guard stands. Always, in a program that was built without `mutations`.
#[cfg(not(feature = "mutations"))]
#[inline]
pub const fn stands(_guard: Guard) -> bool {
    true
}

#[cfg(feature = "mutations")]
pub use self::removed::{remove, restore, stands};

/// The switch is the whole process's: a mutant is the program without some guards. Remove them before a database is
/// opened, because some guards are an index of it.
#[cfg(feature = "mutations")]
mod removed {
    use super::Guard;
    use std::sync::atomic::{AtomicU64, Ordering};

    const _: () = assert!(Guard::ALL.len() <= 64, "one bit for each guard");

    static REMOVED: AtomicU64 = AtomicU64::new(0);

    /// Whether a guard stands.
    pub fn stands(guard: Guard) -> bool {
        REMOVED.load(Ordering::Relaxed) & bit(guard) == 0
    }

    /// Takes a guard away.
    pub fn remove(guard: Guard) {
        REMOVED.fetch_or(bit(guard), Ordering::SeqCst);
    }

    /// Puts all guards back.
    pub fn restore() {
        REMOVED.store(0, Ordering::SeqCst);
    }

    fn bit(guard: Guard) -> u64 {
        1 << (guard as u32)
    }
}

#[cfg(all(test, feature = "mutations"))]
mod tests {
    use super::Guard;

    #[test]
    fn every_guard_has_a_name_of_its_own() {
        for guard in Guard::ALL.iter().copied() {
            assert_eq!(Guard::from_name(guard.name()), Some(guard));
        }
    }
}
