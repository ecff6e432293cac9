//! A few histories in every test run: that a seed is one history, and that what a seed once broke stays mended. More:
//! `cargo run -p datepalm-sim --release -- --seeds 1000`.

use std::process::Command;

fn simulate(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_datepalm-sim"))
        .args(arguments)
        .output();
    let output = output.expect("the simulator starts");
    let text = String::from_utf8(output.stdout).expect("the simulator prints text");
    assert!(output.status.success(), "{arguments:?}: {text}");
    assert!(text.trim_end().ends_with(": clean"), "{text}");
    text
}

#[test]
fn a_seed_is_one_history() {
    simulate(&["--seeds", "6", "--steps", "300", "--twice"]);
}

/// Each broke `nothing_waits_for_ever`: a payment that was read once a day stayed in doubt for two days, because a call
/// outlasted the settle window.
#[test]
fn a_quiet_payment_in_doubt_is_read_soon() {
    for seed in ["1027", "1043", "1067"] {
        simulate(&["--seed", seed, "--steps", "500"]);
    }
}
