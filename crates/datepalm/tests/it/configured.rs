//! What holds of any configuration text: settings or an error of bounded size, and no secret of the file in either's text.
//!
//! The seeds and the fuzzers (`fuzz/`, by `#[path]`) end here.

use datepalm::config;
use std::path::Path;

/// The tokens of the seeds; a text that has one of them twice, or elsewhere than among its tokens, may well repeat it.
const SECRETS: [&str; 3] = ["SECRET-ONE", "SECRET-TWO", "SECRET-OLD"];

/// Reads a text. One that names a file is left out: reading it would tell of the disk.
pub fn configuration(text: &str) {
    if text.contains("_file") {
        return;
    }
    let said = match config::parse(text, Path::new("nowhere")) {
        Ok(config) => format!("{config:?}"),
        Err(error) => format!("{error:#}"),
    };
    assert!(
        said.len() <= 16 * text.len() + 8_192,
        "{} bytes of {}",
        said.len(),
        text.len()
    );
    for secret in SECRETS {
        assert!(!is_kept(text, secret) || !said.contains(secret), "{said}");
    }
}

/// Whether a line of the text sets a token to this, and it stands nowhere else.
fn is_kept(text: &str, secret: &str) -> bool {
    let names = [
        "api_token",
        "old_api_tokens",
        "notification_token",
        "old_notification_tokens",
    ];
    let sets = |line: &str| {
        let name = line.split_once('=').map(|(name, _)| name.trim());
        line.contains(secret) && name.is_some_and(|name| names.contains(&name))
    };
    text.matches(secret).count() == 1 && text.lines().any(sets)
}
