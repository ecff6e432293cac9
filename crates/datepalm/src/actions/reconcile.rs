//! Comparing our books with Tamara's (design, sections 2 and 10): of one payment on demand, of all that can still change
//! in a run. A run is a row; a request, a command or the night starts it, and whoever has a worker carries it on.
//!
//! Invariant: what a read found is committed together with what it changed, so a run that is cut off loses nothing.

use super::check_payment::touch;
use super::read_order::read_for;
use super::request_operation::load_own;
use crate::app::{Account, App};
use crate::error::{Code, Error, Result, refused};
use crate::ids::{Ids, PaymentId, ReconciliationId};
use crate::reads::Read;
use crate::store::reconciliations::{self, Bound, Finding, Place, Run};
use crate::store::tx::Tx;
use crate::store::{Store, payments};
use std::sync::Arc;

/// How often a run comes back to what could not be read.
const PASSES_MAX: i64 = 3;
/// How long it waits before it does, milliseconds.
const PASS_GAP_MS: i64 = 60_000;
/// How long it waits while the account's orders may not be read, milliseconds.
const PACE_GAP_MS: i64 = 1_000;
/// Findings in one answer at most.
pub const FINDINGS_MAX: i64 = 1_000;

/// A run as it stands, with a page of what it found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run.
    pub run: Run,
    /// How many differences it found.
    pub differences: i64,
    /// How many payments could not be read.
    pub not_read: i64,
    /// A page of both.
    pub findings: Vec<Finding>,
    /// Whether there are more.
    pub has_more: bool,
}

impl Report {
    /// `agreed` or `differences`, once it has ended.
    pub fn result(&self) -> Option<&'static str> {
        let agreed = self.differences == 0 && self.not_read == 0;
        let word = if agreed { "agreed" } else { "differences" };
        self.run.done.then_some(word)
    }
}

/// A new run that begins now.
pub fn new_run(account: &str, payment: Option<&PaymentId>, now_ms: i64, ids: &dyn Ids) -> Run {
    Run {
        id: ReconciliationId::new(now_ms, ids),
        account: account.to_owned(),
        payment: payment.cloned(),
        done: false,
        pass: 1,
        cursor: String::new(),
        payments: 0,
        next_at_ms: now_ms,
        started_at_ms: now_ms,
        ended_at_ms: None,
    }
}

/// Starts a run of all payments of an account, or finds the one that is under way. `key` makes one run for ever.
pub fn start_or_join(tx: &mut Tx<'_>, run: &Run, bound: &Bound) -> Result<ReconciliationId> {
    if let Some(id) = replay(tx, &run.account, bound)? {
        return Ok(id);
    }
    if let Some(id) = reconciliations::running(tx, &run.account)? {
        return Ok(id);
    }
    if reconciliations::insert(tx, run, bound)? {
        Ok(run.id.clone())
    } else {
        Err(Error::Repeat)
    }
}

/// The run that this very request made before (R26).
fn replay(tx: &mut Tx<'_>, account: &str, bound: &Bound) -> Result<Option<ReconciliationId>> {
    match reconciliations::by_key(tx, account, &bound.key)? {
        None => Ok(None),
        Some((id, known)) if known == bound.fingerprint => Ok(Some(id)),
        Some(_) => refused(
            Code::IdempotencyKeyReused,
            "this Idempotency-Key was used with another request; use a new key for a new reconciliation",
        ),
    }
}

fn bound_to(app: &App, key: &str, asked: &str) -> Bound {
    Bound {
        key: format!("request/{key}"),
        fingerprint: app.fingerprint(asked),
    }
}

/// Starts a run of all payments because a request asks. Answers its id, and whether the key had been used before.
pub async fn start_run(
    app: &Arc<App>,
    account: &Account,
    key: &str,
) -> Result<(ReconciliationId, bool)> {
    let bound = bound_to(app, key, "all payments");
    let stamp = app.stamp();
    let name = &account.config.name;
    let run = new_run(name, None, stamp.now_ms, stamp.ids.as_ref());
    let started = app
        .store
        .write("start a reconciliation", move |tx| {
            let replayed = replay(tx, &run.account, &bound)?.is_some();
            Ok((start_or_join(tx, &run, &bound)?, replayed))
        })
        .await?;
    app.nudges.work.notify_one();
    Ok(started)
}

/// Reconciles one payment now. Answers the run, and whether the key had been used before.
pub async fn reconcile_now(
    app: &Arc<App>,
    account: &Account,
    payment: &PaymentId,
    key: &str,
) -> Result<(ReconciliationId, bool)> {
    let bound = bound_to(app, key, payment.as_str());
    let stamp = app.stamp();
    let name = &account.config.name;
    let mut run = new_run(name, Some(payment), stamp.now_ms, stamp.ids.as_ref());
    // Claimed by this request; should it die, a worker carries it on.
    run.next_at_ms = stamp.now_ms.saturating_add(app.policy.lease_ms);
    let (claimed, id) = (run.clone(), payment.clone());
    let (id, replayed) = app
        .store
        .write("start a reconciliation of a payment", move |tx| {
            load_own(tx, &claimed.account, &id)?;
            if let Some(known) = replay(tx, &claimed.account, &bound)? {
                return Ok((known, true));
            }
            if reconciliations::insert(tx, &claimed, &bound)? {
                Ok((claimed.id.clone(), false))
            } else {
                Err(Error::Repeat)
            }
        })
        .await?;
    if !replayed {
        carry_on(app, run).await?;
    }
    Ok((id, replayed))
}

/// Does a bounded part of a claimed run. Answers how many payments it looked at.
pub async fn carry_on(app: &Arc<App>, claimed: Run) -> Result<usize> {
    let (run, limit) = (claimed.clone(), may_read(app, &claimed));
    if limit == 0 {
        return postpone(app, claimed).await;
    }
    let batch = app
        .store
        .read("payments to reconcile", move |tx| {
            reconciliations::batch(tx, &run, limit)
        })
        .await?;
    let looked = futures_util::future::join_all(
        batch
            .iter()
            .map(|payment| reconcile_payment(app, &claimed.id, payment)),
    )
    .await;
    for (result, payment) in looked.into_iter().zip(&batch) {
        if let Err(error) = result {
            tracing::error!(%error, payment.id = %payment, "a payment could not be reconciled");
            could_not_look(app, &claimed.id, payment).await?;
        }
    }
    let (now_ms, count) = (app.clock.now_ms(), batch.len());
    let single = claimed.payment.is_some();
    app.store
        .write("carry a reconciliation on", move |tx| {
            let mut run = claimed.clone();
            run.next_at_ms = now_ms;
            if let Some(last) = batch.last() {
                last.as_str().clone_into(&mut run.cursor);
            }
            if run.pass == 1 {
                run.payments += i64::try_from(batch.len()).unwrap_or(0);
            }
            if batch.is_empty() || single {
                end_pass(tx, &mut run, now_ms)?;
            }
            reconciliations::advance(tx, &claimed, &run)
        })
        .await?;
    // The end of a pass is work as well: the next one may begin at once.
    Ok(count.max(1))
}

/// How many payments may be looked at now: as many as the account's pace allows, after what is due anyway (R25). Of one
/// payment somebody waits for the answer.
fn may_read(app: &App, run: &Run) -> i64 {
    let batch = app.config.worker_batch;
    match (&run.payment, app.accounts.get(&run.account)) {
        (None, Some(account)) => batch.min(account.pace.free(app.clock.monotonic_ms())),
        (Some(_), _) | (None, None) => batch,
    }
}

/// Tamara is not read just now.
async fn postpone(app: &Arc<App>, claimed: Run) -> Result<usize> {
    let later_ms = app.clock.now_ms().saturating_add(PACE_GAP_MS);
    app.store
        .write("put a reconciliation off", move |tx| {
            let mut run = claimed.clone();
            run.next_at_ms = later_ms;
            reconciliations::advance(tx, &claimed, &run)
        })
        .await?;
    Ok(0)
}

/// Comes back to what could not be read, or ends.
fn end_pass(tx: &mut Tx<'_>, run: &mut Run, now_ms: i64) -> Result<()> {
    let (_, not_read) = reconciliations::counts(tx, &run.id)?;
    if not_read > 0 && run.payment.is_none() && run.pass < PASSES_MAX {
        run.pass += 1;
        run.cursor = String::new();
        run.next_at_ms = now_ms.saturating_add(PASS_GAP_MS);
        return Ok(());
    }
    reconciliations::forget_what_was_told(tx, &run.id)?;
    run.done = true;
    run.ended_at_ms = Some(now_ms);
    Ok(())
}

/// Reads every order of a payment; what differs, and what could not be read, stands in the run.
async fn reconcile_payment(
    app: &Arc<App>,
    run: &ReconciliationId,
    payment: &PaymentId,
) -> Result<()> {
    let id = payment.clone();
    let known = app
        .store
        .read("look at a payment to reconcile", move |tx| {
            payments::look(tx, &id)
        })
        .await?;
    let Some(known) = known else { return Ok(()) };
    let mut failed = false;
    for session in known.sessions.iter().filter(|s| s.order.is_some()) {
        failed |= read_for(app, payment, &session.id, run).await? == Read::NotNow;
    }
    touch(app, &known, failed).await
}

async fn could_not_look(app: &App, run: &ReconciliationId, payment: &PaymentId) -> Result<()> {
    let (run, payment, now_ms) = (run.clone(), payment.clone(), app.clock.now_ms());
    app.store
        .write("a payment could not be reconciled", move |tx| {
            let place = Place {
                run: &run,
                payment: &payment,
                session: None,
                now_ms,
            };
            reconciliations::not_read(tx, &place, "internal")
        })
        .await
}

/// A run with a page of its findings; of another account it does not exist.
pub fn report(
    tx: &mut Tx<'_>,
    account: &str,
    id: &ReconciliationId,
    after: &str,
    limit: i64,
) -> Result<Report> {
    let Some(run) = reconciliations::load(tx, id)?.filter(|run| run.account == account) else {
        return refused(
            Code::ReconciliationNotFound,
            format!("there is no reconciliation {id} in this account"),
        );
    };
    let mut findings = reconciliations::findings(tx, id, after, limit + 1)?;
    let size = usize::try_from(limit).unwrap_or(0);
    let has_more = findings.len() > size;
    findings.truncate(size);
    let (differences, not_read) = reconciliations::counts(tx, id)?;
    Ok(Report {
        run,
        differences,
        not_read,
        findings,
        has_more,
    })
}

/// The same, read by itself.
pub async fn show_report(
    store: &Store,
    account: &str,
    id: &ReconciliationId,
    after: &str,
    limit: i64,
) -> Result<Report> {
    let (account, id, after) = (account.to_owned(), id.clone(), after.to_owned());
    store
        .read("show a reconciliation", move |tx| {
            report(tx, &account, &id, &after, limit)
        })
        .await
}

/// A page of an account's runs, newest first, without what they found, and whether there are more.
pub async fn list_runs(
    app: &Arc<App>,
    account: &str,
    before: Option<ReconciliationId>,
    limit: i64,
) -> Result<(Vec<Report>, bool)> {
    let account = account.to_owned();
    app.store
        .read("list reconciliations", move |tx| {
            let mut runs = reconciliations::list(tx, &account, before.as_ref(), limit + 1)?;
            let size = usize::try_from(limit).unwrap_or(0);
            let more = runs.len() > size;
            runs.truncate(size);
            let reports = runs.into_iter().map(|run| {
                let (differences, not_read) = reconciliations::counts(tx, &run.id)?;
                Ok(Report {
                    run,
                    differences,
                    not_read,
                    findings: Vec::new(),
                    has_more: false,
                })
            });
            Ok((reports.collect::<Result<Vec<_>>>()?, more))
        })
        .await
}
