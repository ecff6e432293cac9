//! Looking at one payment because it is time: read every order that can still change, then let the clock's own
//! consequences take place (lost creates, planned steps that were not due).

use super::advance::{Env, save_and_plan};
use super::read_order::read_order;
use crate::app::App;
use crate::domain::observe::refresh;
use crate::domain::payment::{Payment, Session};
use crate::error::Result;
use crate::ids::PaymentId;
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
    for session in readable {
        read_order(app, payment, &session.id).await?;
    }
    touch(app, &known).await
}

/// Brings marks, schedule and plan up to date without any news.
pub async fn touch(app: &Arc<App>, known: &Payment) -> Result<()> {
    let env = Env::now(app, &app.account(&known.account)?);
    let id = known.id.clone();
    app.store
        .write("touch", move |tx| {
            let before = payments::load_known(tx, &id)?;
            let mut payment = before.clone();
            let context = env.context(tx, &payment)?;
            refresh(&mut payment, &context);
            save_and_plan(tx, Some(&before), &mut payment, &env)
        })
        .await?;
    app.changed(&known.id);
    Ok(())
}
