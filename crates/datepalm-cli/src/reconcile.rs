//! `datepalm reconcile`: compares our books with Tamara's, to the end, and says what differs.
//!
//! The run is a row of the database. Where a service works on that database, it carries the run out and this command waits
//! for it; where none does, the command does it itself. Invariant: exit status 0 means that all was read and agreed.

use crate::configuration::ConfigurationFile;
use crate::failure::{Failure, Result};
use crate::lock::{self, Lock};
use crate::terminal::{Paint, Terminal, line};
use crate::{database, keys};
use clap::Args;
use datepalm::actions::reconcile::{FINDINGS_MAX, Report, new_run, show_report, start_or_join};
use datepalm::actions::show_reconciliation::reconciliation_json;
use datepalm::app::{App, Seams};
use datepalm::clock::{Clock as _, SystemClock};
use datepalm::config::{AccountConfig, Config};
use datepalm::ids::{ReconciliationId, SystemIds};
use datepalm::store::reconciliations::{Bound, Finding};
use datepalm::store::{Database, Store};
use datepalm::workers;
use serde_json::Value;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How often a run is looked at that somebody else carries out.
const LOOK: Duration = Duration::from_millis(500);
/// A service takes up a run within a second, and a part of one takes no longer than a few calls to Tamara.
const STALLED_MS: i64 = 5 * 60_000;
/// Between two lines of progress.
const TELL_MS: i64 = 1_000;

/// Compare all payments that can still change with Tamara, and say what differs
#[derive(Args)]
#[command(
    after_help = "Exit status: 0 all was read and agreed, 1 differences or payments that could not be read, 2 it could not run"
)]
pub struct Options {
    #[command(flatten)]
    file: ConfigurationFile,
    /// Only this account instead of all
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Print the reports as JSON
    #[arg(long)]
    json: bool,
}

/// Runs to the end.
pub async fn run(options: Options, terminal: Terminal) -> ExitCode {
    match reconcile(&options, terminal).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            failure.print(terminal);
            ExitCode::from(2)
        }
    }
}

/// Whether everything agreed.
async fn reconcile(options: &Options, terminal: Terminal) -> Result<bool> {
    let mut config = options.file.load()?;
    // The service's nights are its own.
    config.reconcile_at_ms = None;
    let accounts = chosen(&config, options.account.as_deref())?;
    if let Database::Sqlite(path) = &config.database
        && !path.exists()
    {
        let message = format!("there is no database {}", path.display());
        let hint = "nothing was ever taken with this configuration; is `database` right?";
        return Err(Failure::new(message).hint(hint));
    }
    let store = database::open(&config.database)?;
    let mut runs = Vec::new();
    for account in accounts {
        runs.push((start(&store, &account.name).await?, account));
    }
    let mut waiting = Waiting::new(&config, terminal);
    let reports = waiting.until_done(&store, &runs).await?;
    let mut values = Vec::new();
    for (report, (_, account)) in reports.iter().zip(&runs) {
        if options.json {
            let currency = account.country.currency();
            values.push(reconciliation_json(report, account.livemode(), currency));
        } else {
            tell(report, terminal);
        }
    }
    if options.json {
        line(&Value::Array(values).to_string());
    }
    Ok(reports
        .iter()
        .all(|report| report.result() == Some("agreed")))
}

/// The accounts to reconcile.
fn chosen<'a>(config: &'a Config, name: Option<&str>) -> Result<Vec<&'a AccountConfig>> {
    match name {
        None => Ok(config.accounts.values().collect()),
        Some(name) => keys::configured(config, name).map(|account| vec![account]),
    }
}

async fn start(store: &Store, account: &str) -> Result<ReconciliationId> {
    let now_ms = SystemClock::default().now_ms();
    let run = new_run(account, None, now_ms, &SystemIds::default());
    let key = format!("command/{}", run.id);
    let bound = Bound {
        fingerprint: key.clone(),
        key,
    };
    let started = store.write("start a reconciliation", move |tx| {
        start_or_join(tx, &run, &bound)
    });
    Ok(started.await?)
}

/// Runs under way, and whoever carries them out.
struct Waiting<'a> {
    config: &'a Config,
    terminal: Terminal,
    clock: SystemClock,
    own: Option<Own>,
    told_ms: i64,
    moved_ms: i64,
    seen: Vec<(i64, i64, String)>,
}

/// This process works by itself; on a file nobody else may then.
struct Own {
    app: Arc<App>,
    _lock: Option<Lock>,
}

impl<'a> Waiting<'a> {
    fn new(config: &'a Config, terminal: Terminal) -> Self {
        let clock = SystemClock::default();
        let now_ms = clock.now_ms();
        Self {
            config,
            terminal,
            clock,
            own: None,
            told_ms: now_ms,
            moved_ms: now_ms,
            seen: Vec::new(),
        }
    }

    async fn until_done(
        &mut self,
        store: &Store,
        runs: &[(ReconciliationId, &AccountConfig)],
    ) -> Result<Vec<Report>> {
        loop {
            let worked = self.work().await?;
            let mut reports = Vec::new();
            for (id, account) in runs {
                reports.push(show_report(store, &account.name, id, "", 0).await?);
            }
            if reports.iter().all(|report| report.run.done) {
                return with_findings(store, reports).await;
            }
            self.tell_progress(&reports);
            self.refuse_to_wait_for_ever(&reports)?;
            if worked == 0 {
                workers::pause(LOOK).await;
            }
        }
    }

    /// Does a part of what is due, unless another process owns the data.
    async fn work(&mut self) -> Result<usize> {
        if self.own.is_none() {
            let lock = match &self.config.database {
                Database::Sqlite(path) => {
                    let Some(lock) = lock::database_if_free(path)? else {
                        return Ok(0);
                    };
                    Some(lock)
                }
                Database::Postgres(_) | Database::InLine(_) => None,
            };
            let seams = Seams::system(self.config.timeouts);
            let app = App::open(self.config.clone(), seams).await?;
            self.own = Some(Own { app, _lock: lock });
        }
        let Some(own) = &self.own else { return Ok(0) };
        Ok(workers::reconciliation::run_once(&own.app).await?.done)
    }

    /// A line a second where somebody looks; a mail of cron shall hold the report alone.
    fn tell_progress(&mut self, reports: &[Report]) {
        let now_ms = self.clock.now_ms();
        if !std::io::stderr().is_terminal() || now_ms - self.told_ms < TELL_MS {
            return;
        }
        self.told_ms = now_ms;
        for report in reports.iter().filter(|report| !report.run.done) {
            let (account, payments) = (&report.run.account, report.run.payments);
            let mut text = format!("{account}: {}", counted(payments, "payment"));
            if report.run.pass > 1 {
                let again = counted(report.not_read, "payment");
                text = format!("{text}, coming back to {again} that could not be read");
            }
            self.terminal.note(Paint::Dim, "reconcile", &text);
        }
    }

    fn refuse_to_wait_for_ever(&mut self, reports: &[Report]) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let seen: Vec<_> = reports
            .iter()
            .map(|report| {
                (
                    report.run.pass,
                    report.run.next_at_ms,
                    report.run.cursor.clone(),
                )
            })
            .collect();
        if seen != self.seen || self.own.is_some() {
            self.seen = seen;
            self.moved_ms = now_ms;
        }
        if now_ms - self.moved_ms < STALLED_MS {
            return Ok(());
        }
        let message = "the process that uses this database does not carry the reconciliation out";
        let hint = "see its log; if it is of an older version, restart it: the reconciliation goes on then";
        Err(Failure::new(message).hint(hint))
    }
}

/// The reports with all that was found.
async fn with_findings(store: &Store, reports: Vec<Report>) -> Result<Vec<Report>> {
    let mut full = Vec::new();
    for mut report in reports {
        let mut after = String::new();
        report.findings.clear();
        loop {
            let run = &report.run;
            let page = show_report(store, &run.account, &run.id, &after, FINDINGS_MAX).await?;
            report.findings.extend(page.findings);
            let last = report.findings.last().filter(|_| page.has_more);
            let Some(last) = last else { break };
            after = last.cursor();
        }
        report.has_more = false;
        full.push(report);
    }
    Ok(full)
}

/// The report for a person.
fn tell(report: &Report, terminal: Terminal) {
    let account = terminal.paint(Paint::Bold, &report.run.account);
    let payments = counted(report.run.payments, "payment");
    if report.result() == Some("agreed") {
        let agreed = terminal.paint(Paint::Good, "agreed");
        line(&format!("{account}: {agreed}, {payments} read"));
        return;
    }
    let differences = counted(report.differences, "difference");
    let found = terminal.paint(Paint::Bad, &differences);
    let unread = match report.not_read {
        0 => String::new(),
        count => format!(", {} could not be read", counted(count, "payment")),
    };
    line(&format!("{account}: {found}{unread}, of {payments}"));
    for finding in &report.findings {
        line(&format!("  {}", printable(&told(finding))));
    }
}

fn told(finding: &Finding) -> String {
    let (payment, reference) = (&finding.payment, &finding.merchant_reference);
    let Finding {
        what,
        about,
        ours,
        tamaras,
        done,
        ..
    } = finding;
    if finding.is_not_read() {
        return format!("{payment} ({reference}) not read: {tamaras}");
    }
    let about = if about.is_empty() {
        String::new()
    } else {
        format!(" {about}")
    };
    format!("{payment} ({reference}) {what}{about}: {ours} here, {tamaras} at Tamara; {done}")
}

/// References and Tamara's ids are others' texts: nothing in them may steer the terminal.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(shown).collect()
}

fn counted(count: i64, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::{counted, printable};

    #[test]
    fn lines_count_in_words_and_steer_no_terminal() {
        assert_eq!(counted(1, "payment"), "1 payment");
        assert_eq!(counted(0, "payment"), "0 payments");
        assert_eq!(printable("A-1\u{1b}[2J\n"), "A-1?[2J?");
    }
}
