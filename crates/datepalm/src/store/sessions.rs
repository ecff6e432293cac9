//! Sessions, the references of their orders, and the facts of these. Writes `sessions`, `order_references` and `entries`.

use super::attention::{marks_from, marks_text};
use super::tx::{Row, Tx};
use crate::domain::deadline::{DeadlineKind, Warned};
use crate::domain::facts::{Doubt, Entry, EntryKind, Facts, OrderRank, RefundRank};
use crate::domain::payment::{Order, Payment, Restored, Session};
use crate::error::Result;
use crate::ids::{OperationId, PaymentId, SessionId};
use crate::values;

/// The sessions of a payment with their facts, oldest first.
pub fn of_payment(tx: &mut Tx<'_>, payment: &PaymentId) -> Result<Vec<Session>> {
    let rows = tx.query(
        "-- sessions of payment
select id, number, order_reference_id, return_token, created_at_ms, order_id, checkout_id, checkout_url, opened_at_ms,
    customer_canceled, unwanted, order_rank, approved_at_ms, authorised_at_ms, contradictions, trusted_at_ms, doubted_at_ms,
    doubt, warned_kind, warned_percent, warned_deadline_ms, restored_at_ms, restored_version
from sessions where payment = $1 order by number",
        values![payment.as_str()],
    )?;
    let mut sessions = rows
        .into_iter()
        .map(|row| from_row(row.of("sessions")))
        .collect::<Result<Vec<_>>>()?;
    let entries = tx.query(
        "-- entries of payment
select session, kind, tamara_id, amount_minor, seen_at_ms, refund_rank, merchant_refund_id, shipped_at_s, item_refs,
    operation, seen_version
from entries where payment = $1",
        values![payment.as_str()],
    )?;
    for row in entries {
        let (session, entry) = entry_from(row.of("entries"))?;
        if let Some(session) = sessions
            .iter_mut()
            .find(|candidate| candidate.id == session)
        {
            session
                .facts
                .entries
                .insert((entry.kind, entry.id.clone()), entry);
        }
    }
    Ok(sessions)
}

fn from_row(mut row: Row) -> Result<Session> {
    let id = SessionId(row.text()?);
    let number = row.int()?;
    let order_reference_id = row.text()?;
    let return_token = row.text()?;
    let created_at_ms = row.int()?;
    let (order_id, checkout_id, checkout_url) = (row.opt_text()?, row.opt_text()?, row.opt_text()?);
    let opened_at_ms = row.opt_int()?;
    let order = match (order_id, checkout_id, checkout_url, opened_at_ms) {
        (Some(order_id), Some(checkout_id), Some(checkout_url), Some(opened_at_ms)) => {
            Some(Order {
                order_id,
                checkout_id,
                checkout_url,
                opened_at_ms,
            })
        }
        _ => None,
    };
    let customer_canceled = row.flag()?;
    let unwanted = row.flag()?;
    let mut facts = Facts {
        rank: row.word(OrderRank::from_word)?,
        approved_at_ms: row.opt_int()?,
        authorised_at_ms: row.opt_int()?,
        contradicted: marks_from(&row.text()?)?,
        trusted_at_ms: row.opt_int()?,
        ..Facts::default()
    };
    let (doubted_at_ms, doubt) = (row.opt_int()?, row.opt_text()?);
    facts.doubted_at_ms = doubted_at_ms.zip(doubt.as_deref().and_then(Doubt::from_word));
    let warned_kind = row.opt_text()?;
    let warned = warned_from(warned_kind.as_deref(), row.opt_int()?, row.opt_int()?);
    let restored = row.opt_int()?.zip(row.opt_int()?);
    let restored = restored.map(|(at_ms, version)| Restored { at_ms, version });
    Ok(Session {
        id,
        number,
        order_reference_id,
        return_token,
        created_at_ms,
        order,
        customer_canceled,
        unwanted,
        warned,
        facts,
        restored,
    })
}

fn warned_from(
    kind: Option<&str>,
    percent: Option<i64>,
    deadline_ms: Option<i64>,
) -> Option<Warned> {
    Some(Warned {
        kind: DeadlineKind::from_word(kind?)?,
        percent: percent?,
        deadline_ms: deadline_ms?,
    })
}

fn entry_from(mut row: Row) -> Result<(SessionId, Entry)> {
    let session = SessionId(row.text()?);
    let entry = Entry {
        kind: row.word(EntryKind::from_word)?,
        id: row.text()?,
        amount_minor: row.int()?,
        seen_at_ms: row.int()?,
        refund: RefundRank::from_number(row.int()?).unwrap_or_default(),
        merchant_refund_id: row.opt_text()?,
        shipped_at_s: row.opt_int()?,
        item_refs: row.text()?,
        operation: row.opt_text()?.map(OperationId),
        seen_version: row.int()?,
    };
    Ok((session, entry))
}

/// Writes what differs of one session.
pub(super) fn save(
    tx: &mut Tx<'_>,
    before: Option<&Session>,
    payment: &Payment,
    after: &Session,
) -> Result<()> {
    if before.is_none() {
        tx.execute(
            "-- sessions insert
insert into sessions (id, payment, account, number, order_reference_id, return_token, customer_canceled, unwanted,
    order_rank, created_at_ms)
values ($1, $2, $3, $4, $5, $6, 0, 0, 'new', $7)",
            values![
                after.id.as_str(),
                payment.id.as_str(),
                &payment.account,
                after.number,
                &after.order_reference_id,
                &after.return_token,
                after.created_at_ms,
            ],
        )?;
        tx.execute(
            RESERVE,
            values![
                &payment.account,
                &after.order_reference_id,
                after.id.as_str()
            ],
        )?;
    }
    if before != Some(after) {
        update(tx, after)?;
    }
    for (key, entry) in &after.facts.entries {
        if before.and_then(|b| b.facts.entries.get(key)) != Some(entry) {
            save_entry(tx, payment, after, entry)?;
        }
    }
    Ok(())
}

fn update(tx: &mut Tx<'_>, session: &Session) -> Result<()> {
    let order = session.order.as_ref();
    let facts = &session.facts;
    tx.execute(
        "-- sessions save
update sessions set order_id = $2, checkout_id = $3, checkout_url = $4, opened_at_ms = $5, customer_canceled = $6,
    unwanted = $7, order_rank = $8, approved_at_ms = $9, authorised_at_ms = $10, contradictions = $11, trusted_at_ms = $12,
    doubted_at_ms = $13, doubt = $14, warned_kind = $15, warned_percent = $16, warned_deadline_ms = $17,
    restored_at_ms = $18, restored_version = $19
where id = $1",
        values![
            session.id.as_str(),
            order.map(|order| order.order_id.as_str()),
            order.map(|order| order.checkout_id.as_str()),
            order.map(|order| order.checkout_url.as_str()),
            order.map(|order| order.opened_at_ms),
            session.customer_canceled,
            session.unwanted,
            facts.rank.as_str(),
            facts.approved_at_ms,
            facts.authorised_at_ms,
            marks_text(&facts.contradicted)?,
            facts.trusted_at_ms,
            facts.doubted_at_ms.map(|(at_ms, _)| at_ms),
            facts.doubted_at_ms.map(|(_, doubt)| doubt.as_str()),
            session.warned.map(|warned| warned.kind.as_str()),
            session.warned.map(|warned| warned.percent),
            session.warned.map(|warned| warned.deadline_ms),
            session.restored.map(|restored| restored.at_ms),
            session.restored.map(|restored| restored.version),
        ],
    )?;
    Ok(())
}

fn save_entry(tx: &mut Tx<'_>, payment: &Payment, session: &Session, entry: &Entry) -> Result<()> {
    tx.execute(
        "-- entries save
insert into entries (session, kind, tamara_id, payment, amount_minor, seen_at_ms, refund_rank, merchant_refund_id,
    shipped_at_s, item_refs, operation, seen_version)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (session, kind, tamara_id) do update set amount_minor = excluded.amount_minor,
    seen_at_ms = excluded.seen_at_ms, refund_rank = excluded.refund_rank,
    merchant_refund_id = excluded.merchant_refund_id, shipped_at_s = excluded.shipped_at_s,
    item_refs = excluded.item_refs, operation = excluded.operation, seen_version = excluded.seen_version",
        values![
            session.id.as_str(),
            entry.kind.as_str(),
            &entry.id,
            payment.id.as_str(),
            entry.amount_minor,
            entry.seen_at_ms,
            entry.refund.number(),
            entry.merchant_refund_id.as_deref(),
            entry.shipped_at_s,
            &entry.item_refs,
            entry.operation.as_ref().map(OperationId::as_str),
            entry.seen_version,
        ],
    )?;
    Ok(())
}

/// Where an order id of an account leads.
pub fn by_order(
    tx: &mut Tx<'_>,
    account: &str,
    order_id: &str,
) -> Result<Option<(PaymentId, SessionId)>> {
    let row = tx.query_opt(
        "-- sessions by order\nselect payment, id from sessions where account = $1 and order_id = $2",
        values![account, order_id],
    )?;
    row.map(|mut row| Ok((PaymentId(row.text()?), SessionId(row.text()?))))
        .transpose()
}

/// Where a return token leads.
pub fn by_return_token(tx: &mut Tx<'_>, token: &str) -> Result<Option<(PaymentId, SessionId)>> {
    let row = tx.query_opt(
        "-- sessions by return token\nselect payment, id from sessions where return_token = $1",
        values![token],
    )?;
    row.map(|mut row| Ok((PaymentId(row.text()?), SessionId(row.text()?))))
        .transpose()
}

const RESERVE: &str = "-- order_references reserve
insert into order_references (account, reference, session) values ($1, $2, $3)";

/// The session that had that reference of the account, or was asked to have it: it stays that session's for ever (R6).
pub fn by_reference(tx: &mut Tx<'_>, account: &str, reference: &str) -> Result<Option<SessionId>> {
    let row = tx.query_opt(
        "-- order_references by reference\nselect session from order_references where account = $1 and reference = $2",
        values![account, reference],
    )?;
    row.map(|mut row| row.text().map(SessionId)).transpose()
}

/// Reserves a reference for a session; one that is its own already stays so. Answers false when it is another's.
pub fn reserve_reference(
    tx: &mut Tx<'_>,
    account: &str,
    reference: &str,
    session: &SessionId,
) -> Result<bool> {
    if let Some(owner) = by_reference(tx, account, reference)? {
        return Ok(owner == *session);
    }
    tx.execute(RESERVE, values![account, reference, session.as_str()])?;
    Ok(true)
}
