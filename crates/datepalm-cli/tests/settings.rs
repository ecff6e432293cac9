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
        "[accounts.a]\nnonsense = 1".to_owned(),
    ];
    for table in tables {
        let refusal = config::parse(&table, Path::new(".")).unwrap_err();
        let refusal = refusal.to_string();
        let names: Vec<_> = refusal.split('`').skip(3).step_by(2).collect();
        assert!(names.len() > 5, "{refusal}");
        for name in names {
            let set = |line: &str| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{name} = ")) || line.starts_with(&format!("[{name}"))
            };
            assert!(EXAMPLE.lines().any(set), "{name} is missing");
        }
    }
}
