//! What every run of the tests explores: the first states of the reduced worlds, nearest first, and the worlds in which a
//! removed guard is noticed. To the last state: `cargo run -p datepalm-model --release -- reduced`.

use datepalm_model::explore::{Limits, explore};
use datepalm_model::guards::removals;
use datepalm_model::worlds::reduced;

/// States of each world; breadth first, so every way of few steps is among them.
const STATES: usize = 8_000;

#[test]
fn the_rules_are_clean_near_the_beginning() {
    let limits = Limits {
        states: STATES,
        depth: usize::MAX,
    };
    let worlds = reduced();
    assert!(!worlds.is_empty());
    for setting in worlds {
        let seen = explore(&setting, limits);
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

/// A model that is clean without a guard proves nothing about it. In one test, because the switch is the process's.
#[test]
fn each_removed_guard_is_noticed_by_the_property_of_its_name() {
    for removal in removals() {
        let noticed = removal.notice();
        let name = removal.name;
        assert!(
            noticed.clean.found.is_none(),
            "{name}: broken with the guard"
        );
        let found = noticed.mutant.found;
        let found = found.unwrap_or_else(|| panic!("{name}: nothing notices that it is gone"));
        println!(
            "{name}: {:?} after {} steps",
            found.property,
            found.trace.len()
        );
        assert_eq!(found.property, removal.property, "{name}: {found}");
    }
}
