//! Where log lines go: stderr, readable where a person looks, JSON where a collector does.

use crate::Command;
use crate::terminal::Terminal;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Takes a filter of the command line if it can be understood.
pub fn filter(text: &str) -> Result<String, String> {
    let parsed = EnvFilter::builder().parse(text);
    parsed
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

/// Starts logging for a command. The service tells what it does; where a person reads the lines of the command
/// itself, only what goes wrong is logged between them.
pub fn start(command: &Command, filter: Option<&str>, terminal: Terminal) {
    let usual = match command {
        Command::Serve(_) => "warn,datepalm=info",
        Command::Demo(_) | Command::Sandbox(_) | Command::Reconcile(_) | Command::Keys(_) => "warn",
    };
    let filter = EnvFilter::builder().parse_lossy(filter.unwrap_or(usual));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match command {
        Command::Serve(_) if !std::io::stderr().is_terminal() => {
            lines.json().flatten_event(true).init();
        }
        Command::Serve(_)
        | Command::Demo(_)
        | Command::Sandbox(_)
        | Command::Reconcile(_)
        | Command::Keys(_) => {
            lines.with_ansi(terminal.stderr_colour()).init();
        }
    }
}
