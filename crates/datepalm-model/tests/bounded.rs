//! What every run of the tests explores: the first states of the reduced worlds, nearest first, and the worlds in which a
//! removed guard is noticed. To the last state: `cargo run -p datepalm-model --release -- reduced`.

use datepalm::domain::guard::Guard;
use datepalm_model::explore::{Limits, explore};
use datepalm_model::guards::{ELSEWHERE, removals, second_layers};
use datepalm_model::world::Setting;
use std::sync::{Mutex, PoisonError};

/// States of each world; breadth first, so every way of few steps is among them.
const STATES: usize = 1_500;

/// States without a second layer.
const STATES_WITHOUT: usize = 4_000;

/// The switch of the guards is the process's: where one process runs several tests, they take turns.
static TURN: Mutex<()> = Mutex::new(());

#[expect(
    clippy::print_stdout,
    reason = "a part of five tests, which print how much they saw"
)]
fn clean_near_the_beginning(worlds: &[Setting]) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let limits = Limits {
        states: STATES,
        depth: usize::MAX,
        ends: None,
    };
    assert!(!worlds.is_empty());
    for setting in worlds {
        let seen = explore(setting, limits);
        println!(
            "{}: {} states, {} steps",
            setting.name, seen.states, seen.steps
        );
        assert!(seen.states >= STATES || !seen.cut, "{}", setting.name);
        if let Some(found) = seen.found {
            panic!("{}: {found}", setting.name);
        }
    }
}

/// The groups of `reduced`, side by side where tests are.
mod the_rules_are_clean_near_the_beginning {
    use super::clean_near_the_beginning;
    use datepalm_model::worlds;

    #[test]
    fn of_requests() {
        clean_near_the_beginning(&worlds::of_requests());
    }

    #[test]
    fn of_sessions() {
        clean_near_the_beginning(&worlds::of_sessions());
    }

    #[test]
    fn of_restores() {
        clean_near_the_beginning(&worlds::restored());
    }

    #[test]
    fn beside_persons_in_the_portal() {
        clean_near_the_beginning(&worlds::of_persons());
    }

    #[test]
    fn against_expectation() {
        clean_near_the_beginning(&worlds::of_tamara());
    }
}

/// A model that is clean without a guard proves nothing about it.
fn is_noticed(name: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let removals = removals();
    let removal = removals.iter().find(|removal| removal.name == name);
    let removal = removal.unwrap_or_else(|| panic!("{name} stands in no row of the table"));
    let noticed = removal.notice();
    if let Some(found) = noticed.clean.found {
        panic!("{name}: broken with the guard: {found}");
    }
    let found = noticed.mutant.found;
    let found = found.unwrap_or_else(|| panic!("{name}: nothing notices that it is gone"));
    assert_eq!(found.property, removal.property, "{name}: {found}");
}

macro_rules! noticed {
    ($($name:ident,)*) => {
        const NOTICED: &[&str] = &[$(stringify!($name),)*];

        mod removed {
            $(#[test] fn $name() { super::is_noticed(stringify!($name)); })*
        }
    };
}

noticed! {
    r1_notification_is_no_fact,
    r2_rank_never_falls,
    r4_mismatch_is_not_merged,
    r4_asked_reference_is_ours,
    r4_not_found_is_no_fact,
    r5_unknown_word_stops,
    r7_one_holder,
    r9_paid_needs_a_live_order,
    r9_paid_counts_what_leaves,
    r9_cancel_ends_paid,
    r13_winner_stays,
    r14_losers_wait,
    r14_losers_are_released,
    r14_plans_ask_again,
    r15_clock_expires_nothing,
    r16_intent_first,
    r17_one_at_a_time,
    r18_lapsed_is_unknown,
    r18_lease_outlives_the_call,
    r19_partials_are_not_repeated,
    r19_absence_waits,
    r19_window_too_small,
    r20_echo_attributes,
    r20_accepted_is_not_absent,
    r20_shipped_at_is_unique,
    r21_conflict_is_no_success,
    r21_conflict_is_no_failure,
    r21_gateway_is_no_refusal,
    r22_lost_creates_end,
    r23_canceled_is_watched,
    r23_mark_stands,
    r24_no_capture_beside_cancel,
    r25_polling_makes_certain,
    r26_key_makes_one,
    r30_recovery_reads_first,
    r30_restored_is_unknown,
    r30_restored_effect_stops,
    r30_epoch_lifts,
}

#[test]
fn every_row_of_the_table_has_its_test() {
    let rows: Vec<&str> = removals().iter().map(|removal| removal.name).collect();
    for row in &rows {
        assert!(NOTICED.contains(row), "{row} has no test");
    }
    assert_eq!(rows.len(), NOTICED.len());
}

#[test]
fn every_guard_stands_in_one_list() {
    for guard in Guard::ALL.iter().copied() {
        let removed = removals();
        let mut rows = removed.iter().flat_map(|removal| &removal.guards);
        let lists = [
            rows.any(|removed| *removed == guard),
            second_layers().iter().any(|layer| layer.guard == guard),
            ELSEWHERE.iter().any(|(other, _)| *other == guard),
        ];
        let count = lists.iter().filter(|stands| **stands).count();
        assert_eq!(count, 1, "{}: {lists:?}", guard.name());
    }
}

/// What is called a second layer is looked at without it: near the beginning nothing breaks.
#[test]
fn nothing_breaks_without_a_second_layer() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for layer in second_layers() {
        let seen = layer.without(STATES_WITHOUT);
        let name = layer.guard.name();
        println!("{name}: {} states without it", seen.states);
        assert!(seen.states >= STATES_WITHOUT || !seen.cut, "{name}");
        if let Some(found) = seen.found {
            panic!("{name} is no second layer: {found}");
        }
    }
}
