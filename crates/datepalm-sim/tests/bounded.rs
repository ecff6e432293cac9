//! A few histories in every test run: fixed seeds, fresh ones (printed, so that a failure can be repeated), and that a seed
//! is one history. More: `cargo run -p datepalm-sim --release -- --seeds 1000`.

use std::process::Command;

fn simulate(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_datepalm-sim"))
        .args(arguments)
        .output();
    let output = output.expect("the simulator starts");
    let text = String::from_utf8(output.stdout).expect("the simulator prints text");
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

#[test]
fn a_seed_is_one_history() {
    simulate(&["--seeds", "4", "--steps", "300", "--twice", "--jobs", "1"]);
}

#[test]
fn fixed_seeds_break_nothing() {
    let text = simulate(&["--seeds", "12", "--jobs", "1"]);
    assert!(text.trim_end().ends_with(": clean"), "{text}");
}

#[test]
fn fresh_seeds_break_nothing() {
    let text = simulate(&["--fresh", "--seeds", "12", "--jobs", "1"]);
    assert!(text.starts_with("first seed "), "{text}");
}

/// A broken invariant must show in the exit status, or every test here would pass for ever.
#[test]
fn a_broken_invariant_fails() {
    let output = Command::new(env!("CARGO_BIN_EXE_datepalm-sim"))
        .args([
            "--without",
            "r9_cancel_ends_paid",
            "--seeds",
            "60",
            "--until-broken",
        ])
        .output()
        .expect("the simulator starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains(" is broken: "), "{text}");
}
