//! Learning from Tamara: GET the order, take in what it says, settle and plan (R1, R4, R5).

use super::advance::{Env, save_and_plan};
use super::call::{About, Call};
use super::wire::{self, Begun};
use crate::app::App;
use crate::domain::attention::Concern;
use crate::domain::observe;
use crate::domain::payment::AttentionReason;
use crate::error::Result;
use crate::ids::{PaymentId, SessionId};
use crate::store::{attempts, payments};
use std::sync::Arc;

/// How a read went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Tamara answered, and what it said was taken in.
    Taken,
    /// No answer that says anything: look again later (401, 403 and 5xx are transient, R25).
    NotNow,
    /// There is no order to read yet.
    NoOrder,
}

/// Reads the order of one session.
pub async fn read_order(app: &Arc<App>, payment: &PaymentId, session: &SessionId) -> Result<Read> {
    let id = payment.clone();
    let before = app
        .store
        .read("look before reading", move |tx| payments::look(tx, &id))
        .await?;
    let Some(before) = before else {
        return Ok(Read::NoOrder);
    };
    let Some(order) = before
        .session(session)
        .and_then(|session| session.order.clone())
    else {
        return Ok(Read::NoOrder);
    };
    let account = app.account(&before.account)?;
    let call = Call::new(app, &account);
    let begun = Begun {
        at_ms: call.started_at_ms(),
        version: before.version,
    };
    let answer = call.client.order(&order.order_id).await;
    let about = About {
        payment,
        session,
        operation: None,
        kind: "read_order",
    };
    let attempt = call.attempt(app, &before.account, &about, answer.as_ref().err());
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
            observe::count_look(&before, &mut payment, &context);
            save_and_plan(tx, Some(&before), &mut payment, &env)
        })
        .await?;
    app.changed(payment);
    Ok(result)
}
