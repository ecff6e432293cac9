//! What persons decided about payments, with their notes, which stand nowhere else and are never logged.
//! Writes `interventions`.

use super::tx::{Row, Tx};
use crate::error::Result;
use crate::ids::{InterventionId, PaymentId};
use crate::values;
use std::fmt;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A point was resolved.
    Resolve,
    /// An operation was ended (R17).
    End,
}

impl Kind {
    /// The word in API and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::End => "end",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Resolve, Self::End]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// What a person wrote: shown to whoever may read the payment, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Note(pub String);

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Note(...)")
    }
}

/// One decision.
#[derive(Clone, Debug)]
pub struct Intervention {
    /// Our id.
    pub id: InterventionId,
    /// What was decided.
    pub kind: Kind,
    /// The point's or the operation's id.
    pub about: String,
    /// How an operation was ended.
    pub outcome: Option<String>,
    /// Why, in the person's words.
    pub note: Note,
    /// The id of the API key that asked.
    pub by_key: String,
    /// When.
    pub at_ms: i64,
}

/// A caller's key and the keyed hash of what was asked with it (R26).
#[derive(Clone, Debug)]
pub struct Bound {
    /// The key.
    pub key: String,
    /// The hash.
    pub fingerprint: String,
}

/// Writes one down.
pub fn insert(
    tx: &mut Tx<'_>,
    (account, payment): (&str, &PaymentId),
    decided: &Intervention,
    bound: &Bound,
) -> Result<()> {
    tx.execute(
        "-- interventions insert
insert into interventions (id, account, payment, kind, about, outcome, note, by_key, key, fingerprint, at_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        values![
            decided.id.as_str(),
            account,
            payment.as_str(),
            decided.kind.as_str(),
            &decided.about,
            decided.outcome.as_deref(),
            &decided.note.0,
            &decided.by_key,
            &bound.key,
            &bound.fingerprint,
            decided.at_ms,
        ],
    )?;
    Ok(())
}

/// The fingerprint of the request that used a key.
pub fn by_key(tx: &mut Tx<'_>, account: &str, kind: Kind, key: &str) -> Result<Option<String>> {
    let row = tx.query_opt(
        "-- interventions by key\nselect fingerprint from interventions where account = $1 and kind = $2 and key = $3",
        values![account, kind.as_str(), key],
    )?;
    row.map(|mut row| row.text()).transpose()
}

const SELECT: &str = "-- interventions of payment
select id, kind, about, outcome, note, by_key, at_ms from interventions
where payment = $1 and at_ms >= $2 order by at_ms, id limit $3";

/// What was decided about a payment at `from_ms` or later, oldest first.
pub fn of_payment(
    tx: &mut Tx<'_>,
    payment: &PaymentId,
    from_ms: i64,
    limit: i64,
) -> Result<Vec<Intervention>> {
    let rows = tx.query(SELECT, values![payment.as_str(), from_ms, limit])?;
    rows.into_iter()
        .map(|row| from_row(row.of("interventions")))
        .collect()
}

fn from_row(mut row: Row) -> Result<Intervention> {
    Ok(Intervention {
        id: InterventionId(row.text()?),
        kind: row.word(Kind::from_word)?,
        about: row.text()?,
        outcome: row.opt_text()?,
        note: Note(row.text()?),
        by_key: row.text()?,
        at_ms: row.int()?,
    })
}
