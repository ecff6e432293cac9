//! Why a command failed, and what its caller can do about it.

use crate::terminal::{Paint, Terminal};

/// A result of a command.
pub type Result<T> = std::result::Result<T, Failure>;

/// An error with its causes and perhaps a hint.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    hint: Option<String>,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            hint: None,
        }
    }
}

impl Failure {
    /// A failure that has no cause but itself.
    pub fn new(error: impl Into<String>) -> Self {
        anyhow::Error::msg(error.into()).into()
    }

    /// Says what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `error:`, a line for each cause, and the hint, on stderr.
    pub fn print(&self, terminal: Terminal) {
        terminal.note(Paint::Bad, "error", &self.error.to_string());
        for cause in self.error.chain().skip(1) {
            terminal.note(Paint::Bad, "  caused by", &cause.to_string());
        }
        if let Some(hint) = &self.hint {
            terminal.note(Paint::Link, "hint", hint);
        }
    }
}
