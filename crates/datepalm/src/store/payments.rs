//! Payments as whole values: loaded under a row lock, compared, and what differs is written.
//!
//! Writes: `payments`, `payment_people`, `payment_metadata`; through `save` also `sessions`, `entries`, `operations`,
//! `attention_points` and `events` of the payment.

use super::stamp::Stamp;
use super::tx::{Row, Tx};
use super::{attention, events, operations, sessions};
use crate::domain::events::between;
use crate::domain::payment::{CancelMark, CancelPromise, CancelState, CaptureMode, Payment};
use crate::error::{Error, Result};
use crate::ids::{PaymentId, SessionId};
use crate::values;
use tamara::money::{Country, Currency, Money};

/// What the merchant asked for, as far as the core does not need it. No personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// `en_US` or `ar_SA`.
    pub locale: String,
    /// Shown to the customer.
    pub description: String,
    /// Items, shipping, tax and discount, as JSON.
    pub content: String,
    /// Where the customer goes afterwards, as JSON.
    pub return_urls: String,
    /// Keyed hash of all that makes two wishes the same (R7).
    pub content_hash: String,
}

/// The locked row of a payment: everything of it but sessions, operations and attention.
const SELECT: &str = "-- payments load
select id, account, merchant_reference, held_reference, currency, total_minor, country, capture_mode, ever_paid, winner,
    cancel_state, cancel_promise, cancel_at_ms, check_step, next_check_at_ms, version, created_at_ms
from payments where id = $1";

const SELECT_LOCKED: &str = "-- payments load for update
select id, account, merchant_reference, held_reference, currency, total_minor, country, capture_mode, ever_paid, winner,
    cancel_state, cancel_promise, cancel_at_ms, check_step, next_check_at_ms, version, created_at_ms
from payments where id = $1 for update";

/// Loads a payment to change it; on PostgreSQL its row stays locked until the transaction ends.
pub fn load(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Option<Payment>> {
    let sql = tx.pick(SELECT, SELECT_LOCKED);
    fill(tx, sql, id)
}

/// Loads a payment to look at it.
pub fn look(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Option<Payment>> {
    fill(tx, SELECT, id)
}

/// Loads a payment that must exist.
pub fn load_known(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Payment> {
    load(tx, id)?.ok_or_else(|| missing(id))
}

fn missing(id: &PaymentId) -> Error {
    Error::Corrupt {
        table: "payments",
        id: id.to_string(),
        why: "row is missing".to_owned(),
    }
}

fn fill(tx: &mut Tx<'_>, sql: &'static str, id: &PaymentId) -> Result<Option<Payment>> {
    let Some(row) = tx.query_opt(sql, values![id.as_str()])? else {
        return Ok(None);
    };
    let mut payment = from_row(row.of("payments"))?;
    payment.sessions = sessions::of_payment(tx, id)?;
    payment.operations = operations::of_payment(tx, id)?;
    payment.points = attention::of_payment(tx, id)?;
    Ok(Some(payment))
}

fn from_row(mut row: Row) -> Result<Payment> {
    let id = PaymentId(row.text()?);
    let account = row.text()?;
    let merchant_reference = row.text()?;
    let held = row.opt_text()?.is_some();
    let currency = row.word(Currency::from_code)?;
    let total = Money::new(row.int()?, currency);
    let country = row.word(Country::from_code)?;
    let capture_mode = row.word(CaptureMode::from_word)?;
    let ever_paid = row.flag()?;
    let winner = row.opt_text()?.map(SessionId);
    let cancel = cancel_from(row.opt_text()?, row.opt_text()?, row.opt_int()?);
    Ok(Payment {
        id,
        account,
        merchant_reference,
        total,
        country,
        capture_mode,
        held,
        ever_paid,
        winner,
        cancel,
        check_step: row.int()?,
        next_check_at_ms: row.opt_int()?,
        version: row.int()?,
        created_at_ms: row.int()?,
        sessions: Vec::new(),
        operations: Vec::new(),
        points: Vec::new(),
    })
}

fn cancel_from(
    state: Option<String>,
    promise: Option<String>,
    at_ms: Option<i64>,
) -> Option<CancelMark> {
    let state = match state?.as_str() {
        "accepted" => CancelState::Accepted,
        "done" => CancelState::Done,
        _ => CancelState::Refused,
    };
    let promise = if promise? == "give_back" {
        CancelPromise::GiveBack
    } else {
        CancelPromise::WhatIsLeft
    };
    Some(CancelMark {
        state,
        promise,
        accepted_at_ms: at_ms?,
    })
}

/// The word of a cancel's state in API and tables.
pub fn cancel_word(mark: &CancelMark) -> &'static str {
    match mark.state {
        CancelState::Accepted => "accepted",
        CancelState::Done => "done",
        CancelState::Refused => "refused",
    }
}

fn promise_word(mark: &CancelMark) -> &'static str {
    match mark.promise {
        CancelPromise::GiveBack => "give_back",
        CancelPromise::WhatIsLeft => "what_is_left",
    }
}

/// Inserts a new payment with its wish, people (JSON) and metadata. `save` writes the rest.
pub fn insert(
    tx: &mut Tx<'_>,
    payment: &Payment,
    wish: &Wish,
    people: &str,
    metadata: &[(String, String)],
) -> Result<()> {
    tx.execute(
        "-- payments insert
insert into payments (id, account, merchant_reference, content_hash, currency, total_minor, country, locale, description,
    capture_mode, content, return_urls, status, ever_paid, check_step, version, created_at_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'created', 0, 0, 0, $13)",
        values![
            payment.id.as_str(),
            &payment.account,
            &payment.merchant_reference,
            &wish.content_hash,
            payment.total.currency().code(),
            payment.total.minor(),
            payment.country.code(),
            &wish.locale,
            &wish.description,
            payment.capture_mode.as_str(),
            &wish.content,
            &wish.return_urls,
            payment.created_at_ms,
        ],
    )?;
    tx.execute(
        "-- payment_people insert\ninsert into payment_people (payment, people) values ($1, $2)",
        values![payment.id.as_str(), people],
    )?;
    for (key, value) in metadata {
        tx.execute(
            "-- payment_metadata insert\ninsert into payment_metadata (payment, key, value) values ($1, $2, $3)",
            values![payment.id.as_str(), key, value],
        )?;
    }
    Ok(())
}

/// Writes what differs between `before` (`None`: just inserted) and `after`, with its events. The version grows by one
/// if anything did that others can see, and a payment that others cannot tell apart keeps it.
pub fn save(
    tx: &mut Tx<'_>,
    before: Option<&Payment>,
    after: &mut Payment,
    stamp: &Stamp,
) -> Result<()> {
    let version = before.map_or(0, |payment| payment.version);
    if before.is_none_or(|before| after.differs_visibly(before)) {
        // Never below what a recovery lifted it to (R30).
        after.version = after.version.max(version) + 1;
    }
    update_row(tx, after, version)?;
    for session in &after.sessions {
        sessions::save(
            tx,
            before.and_then(|b| b.session(&session.id)),
            after,
            session,
        )?;
    }
    for operation in &after.operations {
        operations::save(
            tx,
            after,
            before.and_then(|b| b.operation(operation.id.as_str())),
            operation,
        )?;
    }
    attention::save(tx, before, after)?;
    for (ordinal, event) in (0..).zip(between(before, after)) {
        events::insert(tx, after, (ordinal, &event), stamp)?;
    }
    Ok(())
}

fn update_row(tx: &mut Tx<'_>, payment: &Payment, version: i64) -> Result<()> {
    let mark = payment.cancel.as_ref();
    #[cfg(feature = "mutations")]
    let version = super::mutants::version_to_overwrite(tx, payment, version)?;
    let changed = tx.execute(
        "-- payments save
update payments set held_reference = case when $3 = cast(1 as bigint) then merchant_reference else null end, status = $4, ever_paid = $5,
    winner = $6, cancel_state = $7, cancel_promise = $8, cancel_at_ms = $9, check_step = $10, next_check_at_ms = $11,
    version = $12
where id = $1 and version = $2",
        values![
            payment.id.as_str(),
            version,
            payment.held,
            payment.status().as_str(),
            payment.ever_paid,
            payment.winner.as_ref().map(SessionId::as_str),
            mark.map(cancel_word),
            mark.map(promise_word),
            mark.map(|mark| mark.accepted_at_ms),
            payment.check_step,
            payment.next_check_at_ms,
            payment.version,
        ],
    )?;
    // Somebody else moved it: the whole closure runs again on what is there now.
    if changed == 1 {
        Ok(())
    } else {
        Err(Error::Repeat)
    }
}

/// The payment that holds a merchant reference, if any, and its content hash (R7).
pub fn holder(
    tx: &mut Tx<'_>,
    account: &str,
    reference: &str,
) -> Result<Option<(PaymentId, String)>> {
    let row = tx.query_opt(
        "-- payments holder\nselect id, content_hash from payments where account = $1 and held_reference = $2",
        values![account, reference],
    )?;
    row.map(|mut row| Ok((PaymentId(row.text()?), row.text()?)))
        .transpose()
}

/// The newest payment of that reference and content that ended as declined or expired and carries no cancel mark (R7).
pub fn reopenable(
    tx: &mut Tx<'_>,
    account: &str,
    reference: &str,
    content_hash: &str,
) -> Result<Option<PaymentId>> {
    let row = tx.query_opt(
        "-- payments reopenable
select id from payments where account = $1 and merchant_reference = $2 and content_hash = $3
    and status in ('declined', 'expired') and (cancel_state is null or cancel_state = 'refused')
order by id desc limit 1",
        values![account, reference, content_hash],
    )?;
    row.map(|mut row| row.text().map(PaymentId)).transpose()
}

/// Binds a cancel's idempotency key to its payment: the row is the mark (R26).
pub fn bind_cancel_key(tx: &mut Tx<'_>, id: &PaymentId, key: &str) -> Result<()> {
    tx.execute(
        "-- payments cancel key\nupdate payments set cancel_key = $2 where id = $1",
        values![id.as_str(), key],
    )?;
    Ok(())
}

/// The payment that a cancel's key belongs to.
pub fn by_cancel_key(tx: &mut Tx<'_>, account: &str, key: &str) -> Result<Option<PaymentId>> {
    let row = tx.query_opt(
        "-- payments by cancel key\nselect id from payments where account = $1 and cancel_key = $2",
        values![account, key],
    )?;
    row.map(|mut row| row.text().map(PaymentId)).transpose()
}

/// What the merchant asked for.
pub fn wish(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Wish> {
    let row = tx.query_opt(
        "-- payments wish\nselect locale, description, content, return_urls, content_hash from payments where id = $1",
        values![id.as_str()],
    )?;
    let mut row = row.ok_or_else(|| missing(id))?.of("payments");
    Ok(Wish {
        locale: row.text()?,
        description: row.text()?,
        content: row.text()?,
        return_urls: row.text()?,
        content_hash: row.text()?,
    })
}

/// Customer and addresses, as JSON.
pub fn people(tx: &mut Tx<'_>, id: &PaymentId) -> Result<String> {
    let row = tx.query_opt(
        "-- payment_people load\nselect people from payment_people where payment = $1",
        values![id.as_str()],
    )?;
    row.ok_or_else(|| missing(id))?.of("payment_people").text()
}

/// Metadata by key.
pub fn metadata(tx: &mut Tx<'_>, id: &PaymentId) -> Result<Vec<(String, String)>> {
    let rows = tx.query(
        "-- payment_metadata load\nselect key, value from payment_metadata where payment = $1 order by key",
        values![id.as_str()],
    )?;
    rows.into_iter()
        .map(|mut row| Ok((row.text()?, row.text()?)))
        .collect()
}

/// Which payments a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this status.
    pub status: Option<String>,
    /// Only this merchant reference.
    pub merchant_reference: Option<String>,
    /// Only ids before this one.
    pub before: Option<String>,
}

/// A page of an account's payments, newest first.
pub fn list(tx: &mut Tx<'_>, account: &str, filter: &Filter, limit: i64) -> Result<Vec<PaymentId>> {
    let rows = tx.query(
        "-- payments list
select id from payments where account = $1 and ($2 = '' or status = $2) and ($3 = '' or merchant_reference = $3)
    and ($4 = '' or id < $4)
order by id desc limit $5",
        values![
            account,
            filter.status.as_deref().unwrap_or_default(),
            filter.merchant_reference.as_deref().unwrap_or_default(),
            filter.before.as_deref().unwrap_or_default(),
            limit,
        ],
    )?;
    rows.into_iter()
        .map(|mut row| row.text().map(PaymentId))
        .collect()
}
