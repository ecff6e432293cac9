//! `datepalm.example.toml` is what it says: every setting, with its default.

#![expect(
    clippy::unwrap_used,
    reason = "also the helpers of tests may fail a test"
)]

use datepalm::config;
use std::path::Path;

const EXAMPLE: &str = include_str!("../../../datepalm.example.toml");

/// The same account with nothing but what is required.
const REQUIRED: &str = r#"
public_url = "https://pay.example.com"
[accounts.shop_sa]
country = "SA"
environment = "sandbox"
api_token_file = "secrets/shop_sa_api_token"
notification_token_file = "secrets/shop_sa_notification_token"
"#;

fn folder_with_secrets() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("shop_sa_api_token"), "api\n").unwrap();
    std::fs::write(secrets.join("shop_sa_notification_token"), "notify\n").unwrap();
    folder
}

#[test]
fn the_example_is_valid_and_shows_the_defaults() {
    let folder = folder_with_secrets();
    let parsed = |text| format!("{:#?}", config::parse(text, folder.path()).unwrap());
    assert_eq!(parsed(EXAMPLE), parsed(REQUIRED));
}

/// The names that a refusal of an unknown setting lists are the names that there are.
#[test]
fn the_example_names_every_setting() {
    let tables = [
        "nonsense = 1".to_owned(),
        "[durations]\nnonsense = 1".to_owned(),
        "[warnings]\nnonsense = 1".to_owned(),
        "[accounts.a]\nnonsense = 1".to_owned(),
    ];
    for table in tables {
        let refusal = config::parse(&table, Path::new(".")).unwrap_err();
        let refusal = refusal.to_string();
        let names: Vec<_> = refusal.split('`').skip(3).step_by(2).collect();
        assert!(names.len() > 1, "{refusal}");
        for name in names {
            let set = |line: &str| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{name} = ")) || line.starts_with(&format!("[{name}"))
            };
            assert!(EXAMPLE.lines().any(set), "{name} is missing");
        }
    }
}

fn parsed(settings: &str) -> Result<config::Config, String> {
    let folder = folder_with_secrets();
    let text = format!("{REQUIRED}{settings}");
    config::parse(&text, folder.path()).map_err(|error| error.to_string())
}

/// A rig may run everything in seconds.
#[test]
fn r19_every_duration_can_be_seconds() {
    let rig = "
[durations]
lease = 2
connect_timeout = 1
total_timeout = 1
settle_window = 3
assumed_effect_lateness = 0
assumed_read_staleness = 0
clock_difference = 0
retry = 1
polling = [1]
captured_polling = 1
captured_polling_end = 0
worker_poll = 1
session = 1
authorise_within = 1
auto_capture = 1
[warnings]
authorise_by = [1]
auto_capture = []
";
    let policy = parsed(rig).unwrap().policy;
    assert_eq!((policy.settle_window_ms, policy.session_ms), (3_000, 1_000));
    assert_eq!(
        (policy.authorise_within_ms, policy.auto_capture_after_ms),
        (1_000, 1_000)
    );
    assert_eq!(policy.warn_authorise_by_percent, [1]);
}

#[test]
fn durations_that_break_a_rule_are_refused_with_a_sentence() {
    let cases = [
        (
            "[durations]\nlease = 30",
            "must be more than durations.total_timeout (30 s)",
        ),
        (
            "[durations]\nsettle_window = 699",
            "must be at least lease + total_timeout",
        ),
        ("[durations]\nassumed_read_staleness = 501", "= 901 s (R19)"),
        (
            "[durations]\nassumed_read_staleness = -1",
            "durations.assumed_read_staleness is -1 s, expected 0 to",
        ),
        (
            "[durations]\nsession = 0",
            "durations.session is 0 s, expected 1 to",
        ),
        (
            "[durations]\nauthorise_within = 9223372036854775807",
            "durations.authorise_within is 9223372036854775807 s",
        ),
        (
            "[durations]\ncaptured_polling = 0",
            "durations.captured_polling is 0 s",
        ),
        (
            "[durations]\npolling = []",
            "durations.polling must be a list of positive seconds",
        ),
        (
            "[durations]\npolling = [30, 0]",
            "durations.polling must be a list of positive seconds",
        ),
        ("[durations]\nlease = 1.5", "invalid type: floating point"),
        (
            "[warnings]\nauthorise_by = []",
            "warnings.authorise_by is empty, expected at least one percent",
        ),
        (
            "[warnings]\nauthorise_by = [83, 50]",
            "each larger than the one before",
        ),
        (
            "[warnings]\nauto_capture = [100]",
            "warnings.auto_capture is [100], expected percents from 1 to 99",
        ),
    ];
    for (settings, says) in cases {
        let refusal = parsed(settings).unwrap_err();
        assert!(refusal.contains(says), "{settings}: {refusal}");
    }
}
