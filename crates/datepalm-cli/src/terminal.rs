//! What a person reads: lines on stdout and stderr, in colour where somebody looks at them.
//!
//! Not for logs. A reader that went away is no error: a demo whose output nobody reads goes on.

use clap::ValueEnum;
use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, SyncSender};

/// When colour is used: where a terminal shows it, or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    #[default]
    Auto,
    Never,
}

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Bold,
    Dim,
    Good,
    Bad,
    Doubtful,
    Link,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Doubtful => "33",
            Self::Link => "36",
        }
    }
}

/// The two streams of this process.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    stdout_colour: bool,
    stderr_colour: bool,
}

impl Terminal {
    pub fn new(colour: Colour) -> Self {
        let allowed = colour == Colour::Auto;
        Self {
            stdout_colour: allowed && std::io::stdout().is_terminal(),
            stderr_colour: allowed && std::io::stderr().is_terminal(),
        }
    }

    /// Whether logs may be coloured.
    pub fn stderr_colour(self) -> bool {
        self.stderr_colour
    }

    /// Everything else: a line on stderr that begins with `word`, such as `hint`.
    pub fn note(self, paint: Paint, word: &str, text: &str) {
        let word = painted(self.stderr_colour, paint, &format!("{word}:"));
        let _ = writeln!(std::io::stderr(), "{word} {text}");
    }

    /// A piece of a line for stdout.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        painted(self.stdout_colour, paint, text)
    }
}

/// Data: a line on stdout.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Lines that wait for a reader; more are left out.
const LINES_WAITING_MAX: usize = 10_000;

/// For lines that a server prints while it serves: a reader that pauses holds up this queue and nothing else.
#[derive(Clone, Debug)]
pub struct Lines(SyncSender<String>);

impl Lines {
    /// Starts the thread that prints them.
    pub fn start() -> std::io::Result<Self> {
        let (sender, waiting) = mpsc::sync_channel::<String>(LINES_WAITING_MAX);
        let print = move || waiting.iter().for_each(|text| line(&text));
        std::thread::Builder::new()
            .name("datepalm-lines".to_owned())
            .spawn(print)?;
        Ok(Self(sender))
    }

    /// Data: a line on stdout, as soon as there is room.
    pub fn send(&self, text: String) {
        // Left out when too many wait: what happened stands in the database.
        let _ = self.0.try_send(text);
    }
}

fn painted(colour: bool, paint: Paint, text: &str) -> String {
    if colour && !text.is_empty() {
        format!("\x1b[{}m{text}\x1b[0m", paint.code())
    } else {
        text.to_owned()
    }
}
