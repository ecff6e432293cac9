//! Learning from Tamara: GET the order, take in what it says, settle and plan (R1, R4, R5).

use super::advance::{Env, save_and_plan};
use super::call::{About, Call};
use super::wire::{self, Begun};
use crate::app::{Account, App};
use crate::domain::attention::Concern;
use crate::domain::observe;
use crate::domain::payment::{AttentionReason, Payment};
use crate::error::Result;
use crate::ids::{PaymentId, SessionId};
use crate::reads::Read;
use crate::store::{attempts, payments};
use std::sync::Arc;

/// Reads the order of one session; callers at the same moment share a read that began after all of them asked (R25).
pub async fn read_order(app: &Arc<App>, payment: &PaymentId, session: &SessionId) -> Result<Read> {
    let read = || read_alone(app, payment, session);
    app.reads.share(session, read).await
}

async fn read_alone(app: &Arc<App>, payment: &PaymentId, session: &SessionId) -> Result<Read> {
    let Some((before, order_id)) = order_of(app, payment, session).await? else {
        return Ok(Read::NoOrder);
    };
    let account = app.account(&before.account)?;
    if let Err(wait_ms) = account.pace.begin(app.clock.monotonic_ms()) {
        wait_for_tamara(app, &account, payment, wait_ms).await?;
        return Ok(Read::NotNow);
    }
    let call = Call::new(app, &account);
    let begun = Begun {
        at_ms: call.started_at_ms(),
        version: before.version,
    };
    let answer = call.client.order(&order_id).await;
    let about = About {
        payment,
        session,
        operation: None,
        kind: "read_order",
    };
    let attempt = call.attempt(app, &before.account, &about, answer.as_ref().err());
    call.heed(app, &account, answer.as_ref().err());
    let result = match &answer {
        Ok(_) | Err(tamara::Error::NotFound(_)) => Read::Taken,
        Err(_) => Read::NotNow,
    };
    let env = Env::now(app, &account);
    let (id, session) = (payment.clone(), session.clone());
    app.store
        .write("take in a read", move |tx| {
            attempts::insert(tx, &attempt)?;
            let before = payments::load_known(tx, &id)?;
            let mut payment = before.clone();
            let context = env.context(tx, &payment)?;
            match (&answer, payment.session(&session)) {
                (Ok(order), Some(known)) => {
                    let news = wire::observation(order, &payment, known, &env.policy, begun);
                    observe::observe(&mut payment, &session, &news, &context);
                }
                // A token of the other environment answers so: never a fact (R4).
                (Err(tamara::Error::NotFound(_)), Some(known)) => {
                    let reason = AttentionReason::OrderNotFound;
                    let concern = Concern::of_doubtful_read(reason, known);
                    payment.raise(concern, env.stamp.now_ms);
                    #[cfg(feature = "mutations")]
                    if let Some(news) = crate::domain::mutants::not_found_is_expired(begun.at_ms) {
                        observe::observe(&mut payment, &session, &news, &context);
                    }
                }
                (Err(_) | Ok(_), _) => {}
            }
            match result {
                Read::Taken => observe::count_look(&before, &mut payment, &context),
                Read::NotNow | Read::NoOrder => observe::look_again(&mut payment, 0, &context),
            }
            save_and_plan(tx, Some(&before), &mut payment, &env)
        })
        .await?;
    app.changed(payment);
    Ok(result)
}

/// What is known before a read, and Tamara's id of the order; none while there is no order.
async fn order_of(
    app: &App,
    payment: &PaymentId,
    session: &SessionId,
) -> Result<Option<(Payment, String)>> {
    let (id, session) = (payment.clone(), session.clone());
    app.store
        .read("look before reading", move |tx| {
            let payment = payments::look(tx, &id)?;
            Ok(payment.and_then(|payment| {
                let order = payment.session(&session)?.order.as_ref()?;
                let order_id = order.order_id.clone();
                Some((payment, order_id))
            }))
        })
        .await
}

/// Tamara asked to be left alone: the read is made when that is over.
async fn wait_for_tamara(
    app: &App,
    account: &Arc<Account>,
    payment: &PaymentId,
    wait_ms: i64,
) -> Result<()> {
    let (env, id) = (Env::now(app, account), payment.clone());
    app.store
        .write("read later", move |tx| {
            let before = payments::load_known(tx, &id)?;
            let mut payment = before.clone();
            let context = env.context(tx, &payment)?;
            observe::look_again(&mut payment, wait_ms, &context);
            save_and_plan(tx, Some(&before), &mut payment, &env)
        })
        .await
}
