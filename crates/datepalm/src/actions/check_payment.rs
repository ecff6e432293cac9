//! Looking at one payment because it is time: read every order that can still change, then let the clock's own
//! consequences take place (lost creates, planned steps that were not due).

use super::advance::{Env, save_and_plan};
use super::read_order::read_order;
use crate::app::App;
use crate::domain::observe::{look_again, refresh};
use crate::domain::payment::{Payment, Session};
use crate::error::Result;
use crate::ids::PaymentId;
use crate::reads::Read;
use crate::store::payments;
use std::sync::Arc;

/// Checks a payment.
pub async fn check_payment(app: &Arc<App>, payment: &PaymentId) -> Result<()> {
    let id = payment.clone();
    let Some(known) = app
        .store
        .read("look at a due payment", move |tx| payments::look(tx, &id))
        .await?
    else {
        return Ok(());
    };
    let readable: Vec<&Session> = known
        .sessions
        .iter()
        .filter(|session| session.order.is_some())
        .collect();
    let mut failed = false;
    for session in readable {
        failed |= read_order(app, payment, &session.id).await? == Read::NotNow;
    }
    touch(app, &known, failed).await
}

/// Brings marks, schedule and plan up to date without any news. A look that failed is made again before long.
pub(super) async fn touch(app: &Arc<App>, known: &Payment, failed: bool) -> Result<()> {
    let env = Env::now(app, &app.account(&known.account)?);
    let id = known.id.clone();
    app.store
        .write("touch", move |tx| {
            let before = payments::load_known(tx, &id)?;
            let mut payment = before.clone();
            let context = env.context(tx, &payment)?;
            if failed {
                look_again(&mut payment, 0, &context);
            } else {
                refresh(&mut payment, &context);
            }
            save_and_plan(tx, Some(&before), &mut payment, &env)
        })
        .await?;
    app.changed(&known.id);
    Ok(())
}
