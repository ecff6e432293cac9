//! What is said of a configuration text that cannot be read.
//!
//! Invariant: no value of the file is repeated, for it could be a secret; names of settings are.

/// What was wrong, and in which line. The snippet that the library prints is left out with the values.
pub fn refusal(text: &str, error: &toml::de::Error) -> String {
    let said = without_value(error.message());
    let Some(span) = error.span() else {
        return said;
    };
    let before = &text.as_bytes()[..span.start.min(text.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    format!("{said} (line {line})")
}

/// `invalid type: string "secret", expected a sequence` with its kind only: `invalid type: string, expected a sequence`.
fn without_value(message: &str) -> String {
    let found = message.rsplit_once(", expected ");
    let Some((found, expected)) = found.filter(|_| message.starts_with("invalid ")) else {
        return message.to_owned();
    };
    let kind = found.split(['"', '`']).next().unwrap_or_default();
    format!("{}, expected {expected}", kind.trim_end())
}
