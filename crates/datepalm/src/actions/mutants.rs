//! What an action would do without a guard. Compiled with the feature `mutations` alone: no program that takes payments has
//! any of it.

use super::advance::{Env, save_and_plan};
use crate::domain::facts::OrderRank;
use crate::domain::mutants;
use crate::domain::observe::observe;
use crate::error::Result;
use crate::store::inbox::Notification;
use crate::store::tx::Tx;
use crate::store::{payments, sessions};

/// Without R1: the word of a notification's body becomes a fact.
pub fn believe_notification(tx: &mut Tx<'_>, told: &Notification, env: &Env) -> Result<()> {
    let word = told.word.rsplit(['_', '=']).next().unwrap_or_default();
    let Some(news) =
        OrderRank::from_word(word).and_then(|rank| mutants::notified(rank, env.stamp.now_ms))
    else {
        return Ok(());
    };
    let order_id = told.order_id.clone().unwrap_or_default();
    let Some((payment, session)) = sessions::by_order(tx, &told.account, &order_id)? else {
        return Ok(());
    };
    let before = payments::load_known(tx, &payment)?;
    let mut payment = before.clone();
    let context = env.context(tx, &payment)?;
    observe(&mut payment, &session, &news, &context);
    save_and_plan(tx, Some(&before), &mut payment, env)
}
