//! Comparisons of our books with Tamara's, and what they found. Writes `reconciliations` and `reconciliation_findings`.

use super::tx::{Row, Tx};
use crate::domain::reconcile::{Difference, What};
use crate::error::Result;
use crate::ids::{PaymentId, ReconciliationId, SessionId};
use crate::values;

/// The word of a finding that is no difference: an order that could not be read.
const NOT_READ: &str = "not_read";

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Our id.
    pub id: ReconciliationId,
    /// The account.
    pub account: String,
    /// The one payment that it is about, or none: all that can still change.
    pub payment: Option<PaymentId>,
    /// Whether it has ended.
    pub done: bool,
    /// 1, and one more each time that it comes back to what could not be read.
    pub pass: i64,
    /// The last payment that this pass has done.
    pub cursor: String,
    /// Payments that it has looked at.
    pub payments: i64,
    /// Nobody works on it before this.
    pub next_at_ms: i64,
    /// When it began; younger payments are not its business.
    pub started_at_ms: i64,
    /// When it ended.
    pub ended_at_ms: Option<i64>,
}

/// What made a run, and only one (R26).
#[derive(Clone, Debug)]
pub struct Bound {
    /// The caller's key, the night, or the command; unique within the account.
    pub key: String,
    /// Keyed hash of the request.
    pub fingerprint: String,
}

const COLUMNS: &str = "-- reconciliations load
select id, account, payment, state, pass, cursor_id, payments, next_at_ms, started_at_ms, ended_at_ms
from reconciliations where id = $1";

fn from_row(row: Row) -> Result<Run> {
    let mut row = row.of("reconciliations");
    Ok(Run {
        id: ReconciliationId(row.text()?),
        account: row.text()?,
        payment: row.opt_text()?.map(PaymentId),
        done: row.text()? == "done",
        pass: row.int()?,
        cursor: row.text()?,
        payments: row.int()?,
        next_at_ms: row.int()?,
        started_at_ms: row.int()?,
        ended_at_ms: row.opt_int()?,
    })
}

/// Writes a new one down, unless its key made one before. Answers whether it is new.
pub fn insert(tx: &mut Tx<'_>, run: &Run, bound: &Bound) -> Result<bool> {
    let inserted = tx.execute(
        "-- reconciliations insert
insert into reconciliations (id, account, payment, state, pass, cursor_id, payments, next_at_ms, key, fingerprint, started_at_ms)
values ($1, $2, $3, 'running', 1, '', 0, $4, $5, $6, $7) on conflict do nothing",
        values![
            run.id.as_str(),
            &run.account,
            run.payment.as_ref().map(PaymentId::as_str),
            run.next_at_ms,
            &bound.key,
            &bound.fingerprint,
            run.started_at_ms,
        ],
    )?;
    Ok(inserted == 1)
}

/// One comparison.
pub fn load(tx: &mut Tx<'_>, id: &ReconciliationId) -> Result<Option<Run>> {
    let row = tx.query_opt(COLUMNS, values![id.as_str()])?;
    row.map(from_row).transpose()
}

/// What a key made, and the fingerprint of its request.
pub fn by_key(
    tx: &mut Tx<'_>,
    account: &str,
    key: &str,
) -> Result<Option<(ReconciliationId, String)>> {
    let row = tx.query_opt(
        "-- reconciliations by key\nselect id, fingerprint from reconciliations where account = $1 and key = $2",
        values![account, key],
    )?;
    row.map(|mut row| Ok((ReconciliationId(row.text()?), row.text()?)))
        .transpose()
}

/// The running comparison of all payments of an account.
pub fn running(tx: &mut Tx<'_>, account: &str) -> Result<Option<ReconciliationId>> {
    let row = tx.query_opt(
        "-- reconciliations running
select id from reconciliations where account = $1 and state = 'running' and payment is null order by id limit 1",
        values![account],
    )?;
    row.map(|mut row| row.text().map(ReconciliationId))
        .transpose()
}

/// An account's comparisons, newest first.
pub fn list(
    tx: &mut Tx<'_>,
    account: &str,
    before: Option<&ReconciliationId>,
    limit: i64,
) -> Result<Vec<Run>> {
    let rows = tx.query(
        "-- reconciliations list
select id, account, payment, state, pass, cursor_id, payments, next_at_ms, started_at_ms, ended_at_ms
from reconciliations where account = $1 and ($2 = '' or id < $2) order by id desc limit $3",
        values![account, before.map_or("", ReconciliationId::as_str), limit],
    )?;
    rows.into_iter().map(from_row).collect()
}

/// Whether one is due.
pub fn is_due(tx: &mut Tx<'_>, now_ms: i64) -> Result<bool> {
    let row = tx.query_opt(
        "-- reconciliations due\nselect id from reconciliations where state = 'running' and next_at_ms <= $1 limit 1",
        values![now_ms],
    )?;
    Ok(row.is_some())
}

/// The accounts that were there before `since_ms` and whose run of that key is missing.
pub fn without(tx: &mut Tx<'_>, key: &str, since_ms: i64) -> Result<Vec<String>> {
    let rows = tx.query(
        "-- accounts without that reconciliation
select name from accounts where created_at_ms <= $2
    and not exists (select 1 from reconciliations where account = accounts.name and key = $1)
order by name",
        values![key, since_ms],
    )?;
    rows.into_iter().map(|mut row| row.text()).collect()
}

/// Claims one that is due by moving it `claim_ms` ahead: a crash only delays it, and two nodes do not take the same.
pub fn claim(tx: &mut Tx<'_>, now_ms: i64, claim_ms: i64) -> Result<Option<Run>> {
    let sql = tx.pick(
        "-- reconciliations claim
update reconciliations set next_at_ms = $2
where id in (select id from reconciliations where state = 'running' and next_at_ms <= $1 order by next_at_ms, id limit 1)
    and next_at_ms <= $1
returning id, account, payment, state, pass, cursor_id, payments, next_at_ms, started_at_ms, ended_at_ms",
        "-- reconciliations claim, skipping what another node has
update reconciliations set next_at_ms = $2
where id in (
        select id from reconciliations where state = 'running' and next_at_ms <= $1 order by next_at_ms, id limit 1
        for update skip locked)
    and next_at_ms <= $1
returning id, account, payment, state, pass, cursor_id, payments, next_at_ms, started_at_ms, ended_at_ms",
    );
    let row = tx.query_opt(sql, values![now_ms, now_ms + claim_ms])?;
    row.map(from_row).transpose()
}

/// Writes down how far the claimed `run` came, unless its claim has passed to somebody else.
pub fn advance(tx: &mut Tx<'_>, claimed: &Run, run: &Run) -> Result<()> {
    tx.execute(
        "-- reconciliations advance
update reconciliations set state = $3, pass = $4, cursor_id = $5, payments = $6, next_at_ms = $7, ended_at_ms = $8
where id = $1 and next_at_ms = $2 and state = 'running'",
        values![
            run.id.as_str(),
            claimed.next_at_ms,
            if run.done { "done" } else { "running" },
            run.pass,
            &run.cursor,
            run.payments,
            run.next_at_ms,
            run.ended_at_ms,
        ],
    )?;
    Ok(())
}

/// The next payments of a run: in its first pass those that can still change, later those that could not be read.
pub fn batch(tx: &mut Tx<'_>, run: &Run, limit: i64) -> Result<Vec<PaymentId>> {
    let rows = match (&run.payment, run.pass) {
        (Some(payment), _) => {
            let only = (run.cursor.is_empty()).then(|| payment.clone());
            return Ok(only.into_iter().collect());
        }
        (None, 1) => tx.query(
            "-- payments that can change
select id from payments
where account = $1 and id > $2 and next_check_at_ms is not null and created_at_ms <= $3
order by id limit $4",
            values![&run.account, &run.cursor, run.started_at_ms, limit],
        )?,
        (None, _) => tx.query(
            "-- reconciliation_findings payments not read
select distinct payment from reconciliation_findings
where reconciliation = $1 and what = 'not_read' and payment > $2 order by payment limit $3",
            values![run.id.as_str(), &run.cursor, limit],
        )?,
    };
    rows.into_iter()
        .map(|mut row| row.text().map(PaymentId))
        .collect()
}

/// Where a finding belongs.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The run.
    pub run: &'a ReconciliationId,
    /// The payment.
    pub payment: &'a PaymentId,
    /// The session; none when the payment as a whole could not be looked at.
    pub session: Option<&'a SessionId>,
    /// Now.
    pub now_ms: i64,
}

/// Writes what a read found, in the transaction that took it in. The order could be read, whatever was so before.
pub fn found(tx: &mut Tx<'_>, place: &Place<'_>, differences: &[Difference]) -> Result<()> {
    tx.execute(
        "-- reconciliation_findings read after all
delete from reconciliation_findings where reconciliation = $1 and payment = $2 and session in ('', $3) and what = 'not_read'",
        values![
            place.run.as_str(),
            place.payment.as_str(),
            place.session.map_or("", SessionId::as_str),
        ],
    )?;
    differences
        .iter()
        .try_for_each(|difference| insert_finding(tx, place, difference.what.as_str(), difference))
}

/// Writes down that an order, or a whole payment, could not be read, and why.
pub fn not_read(tx: &mut Tx<'_>, place: &Place<'_>, why: &str) -> Result<()> {
    let difference = Difference {
        what: What::NotBelieved,
        about: String::new(),
        ours: String::new(),
        tamaras: why.to_owned(),
        amount_minor: None,
        done: "read again by its own schedule".to_owned(),
    };
    insert_finding(tx, place, NOT_READ, &difference)
}

fn insert_finding(
    tx: &mut Tx<'_>,
    place: &Place<'_>,
    what: &str,
    difference: &Difference,
) -> Result<()> {
    tx.execute(
        "-- reconciliation_findings insert
insert into reconciliation_findings (reconciliation, payment, session, what, about, ours, tamaras, amount_minor, done, found_at_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (reconciliation, payment, session, what, about) do update set tamaras = excluded.tamaras,
    amount_minor = excluded.amount_minor, done = excluded.done, found_at_ms = excluded.found_at_ms",
        values![
            place.run.as_str(),
            place.payment.as_str(),
            place.session.map_or("", SessionId::as_str),
            what,
            &difference.about,
            &difference.ours,
            &difference.tamaras,
            difference.amount_minor,
            &difference.done,
            place.now_ms,
        ],
    )?;
    Ok(())
}

/// Takes out what a notification told meanwhile: customers pay at night too, and their notification may come a moment
/// after the read that saw it.
pub fn forget_what_was_told(tx: &mut Tx<'_>, run: &ReconciliationId) -> Result<()> {
    tx.execute(
        "-- reconciliation_findings told meanwhile
delete from reconciliation_findings
where reconciliation = $1 and what in ('order_status', 'capture', 'refund', 'cancel') and exists (
    select 1 from inbox
    where inbox.payment = reconciliation_findings.payment and inbox.done_at_ms > reconciliation_findings.found_at_ms)",
        values![run.as_str()],
    )?;
    Ok(())
}

/// A finding as it is shown. `what` is `not_read` or a word of `domain::reconcile::What`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The payment.
    pub payment: PaymentId,
    /// Its merchant reference.
    pub merchant_reference: String,
    /// The session, or empty.
    pub session: String,
    /// What differs.
    pub what: String,
    /// The entry's id at Tamara, the operation, the point, or empty.
    pub about: String,
    /// What we knew.
    pub ours: String,
    /// What Tamara says; why, where it could not be read.
    pub tamaras: String,
    /// Minor units.
    pub amount_minor: Option<i64>,
    /// What came of it.
    pub done: String,
    /// When.
    pub found_at_ms: i64,
}

impl Finding {
    /// Whether it says that an order could not be read.
    pub fn is_not_read(&self) -> bool {
        self.what == NOT_READ
    }

    /// Where the next page begins.
    pub fn cursor(&self) -> String {
        [
            self.payment.as_str(),
            &self.session,
            &self.what,
            &self.about,
        ]
        .join("/")
    }
}

/// What a run found, in the order of the payments, from `after` on.
pub fn findings(
    tx: &mut Tx<'_>,
    run: &ReconciliationId,
    after: &str,
    limit: i64,
) -> Result<Vec<Finding>> {
    let rows = tx.query(
        "-- reconciliation_findings list
select f.payment, p.merchant_reference, f.session, f.what, f.about, f.ours, f.tamaras, f.amount_minor, f.done, f.found_at_ms
from reconciliation_findings f join payments p on p.id = f.payment
where f.reconciliation = $1 and f.payment || '/' || f.session || '/' || f.what || '/' || f.about > $2
order by f.payment || '/' || f.session || '/' || f.what || '/' || f.about limit $3",
        values![run.as_str(), after, limit],
    )?;
    let read = |row: Row| {
        let mut row = row.of("reconciliation_findings");
        Ok(Finding {
            payment: PaymentId(row.text()?),
            merchant_reference: row.text()?,
            session: row.text()?,
            what: row.text()?,
            about: row.text()?,
            ours: row.text()?,
            tamaras: row.text()?,
            amount_minor: row.opt_int()?,
            done: row.text()?,
            found_at_ms: row.int()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// How much a run found: `(differences, payments that could not be read)`.
pub fn counts(tx: &mut Tx<'_>, run: &ReconciliationId) -> Result<(i64, i64)> {
    let row = tx.query_opt(
        "-- reconciliation_findings counts
select cast(coalesce(sum(case when what = 'not_read' then 0 else 1 end), 0) as bigint),
    cast(count(distinct case when what = 'not_read' then payment end) as bigint)
from reconciliation_findings where reconciliation = $1",
        values![run.as_str()],
    )?;
    row.map_or(Ok((0, 0)), |mut row| Ok((row.int()?, row.int()?)))
}
