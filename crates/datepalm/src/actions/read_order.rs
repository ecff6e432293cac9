//! Learning from Tamara: GET the order, take in what it says, settle and plan (R1, R4, R5).

use super::advance::{Env, save_and_plan};
use super::call::{About, Call, word};
use super::wire::{self, Begun};
use crate::app::{Account, App};
use crate::domain::attention::Concern;
use crate::domain::payment::{AttentionReason, Payment};
use crate::domain::{observe, reconcile};
use crate::error::Result;
use crate::ids::{PaymentId, ReconciliationId, SessionId};
use crate::reads::Read;
use crate::store::reconciliations::{self, Place};
use crate::store::tx::Tx;
use crate::store::{attempts, payments};
use std::sync::Arc;
use tamara::orders::Order;

/// What came back of a read.
type Answer = std::result::Result<Order, tamara::Error>;

/// Reads the order of one session; callers at the same moment share a read that began after all of them asked (R25).
pub async fn read_order(app: &Arc<App>, payment: &PaymentId, session: &SessionId) -> Result<Read> {
    let read = || read_alone(app, payment, session, None);
    app.reads.share(session, read).await
}

/// The same for a reconciliation, whose read is its own: what it changed is written down in the transaction that takes it
/// in, so that no crash can lose it.
pub async fn read_for(
    app: &Arc<App>,
    payment: &PaymentId,
    session: &SessionId,
    run: &ReconciliationId,
) -> Result<Read> {
    read_alone(app, payment, session, Some(run)).await
}

async fn read_alone(
    app: &Arc<App>,
    payment: &PaymentId,
    session: &SessionId,
    run: Option<&ReconciliationId>,
) -> Result<Read> {
    let Some((before, order_id)) = order_of(app, payment, session).await? else {
        return Ok(Read::NoOrder);
    };
    let account = app.account(&before.account)?;
    let target = Target {
        payment: payment.clone(),
        session: session.clone(),
        run: run.cloned(),
    };
    if let Err(wait_ms) = account.pace.begin(app.clock.monotonic_ms()) {
        wait_for_tamara(app, &account, target, wait_ms).await?;
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
    // A read is made again soon, by then with the other token.
    let _ = call.heed(app, &account, answer.as_ref().err());
    let result = match &answer {
        Ok(_) | Err(tamara::Error::NotFound(_)) => Read::Taken,
        Err(_) => Read::NotNow,
    };
    let env = Env::now(app, &account);
    app.store
        .write("take in a read", move |tx| {
            attempts::insert(tx, &attempt)?;
            let (before, after) = take_in(tx, &env, &target, &answer, begun)?;
            target.report(tx, &env, |tx, place| match &answer {
                Ok(_) => {
                    let differences = reconcile::differences(&before, &after, &target.session);
                    reconciliations::found(tx, place, &differences)
                }
                Err(error) => reconciliations::not_read(tx, place, word(error)),
            })
        })
        .await?;
    app.changed(payment);
    Ok(result)
}

/// What is read, and the reconciliation that it is read for.
struct Target {
    payment: PaymentId,
    session: SessionId,
    run: Option<ReconciliationId>,
}

impl Target {
    /// Writes down for the reconciliation, if there is one, what came of the read.
    fn report(
        &self,
        tx: &mut Tx<'_>,
        env: &Env,
        write: impl FnOnce(&mut Tx<'_>, &Place<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(run) = &self.run else { return Ok(()) };
        let place = Place {
            run,
            payment: &self.payment,
            session: Some(&self.session),
            now_ms: env.stamp.now_ms,
        };
        write(tx, &place)
    }
}

/// Takes in an answer, or its absence, and plans what follows. Answers the payment as it was and as it is.
fn take_in(
    tx: &mut Tx<'_>,
    env: &Env,
    target: &Target,
    answer: &Answer,
    begun: Begun,
) -> Result<(Payment, Payment)> {
    let before = payments::load_known(tx, &target.payment)?;
    let session = &target.session;
    let mut payment = before.clone();
    let context = env.context(tx, &payment)?;
    match (answer, payment.session(session)) {
        (Ok(order), Some(known)) => {
            let news = wire::observation(order, &payment, known, &env.policy, begun);
            observe::observe(&mut payment, session, &news, &context);
        }
        // A token of the other environment answers so: never a fact (R4).
        (Err(tamara::Error::NotFound(_)), Some(known)) => {
            let reason = AttentionReason::OrderNotFound;
            let concern = Concern::of_doubtful_read(reason, known);
            payment.raise(concern, env.stamp.now_ms);
            #[cfg(feature = "mutations")]
            if let Some(news) = crate::domain::mutants::not_found_is_expired(begun.at_ms) {
                observe::observe(&mut payment, session, &news, &context);
            }
        }
        (Err(_) | Ok(_), _) => {}
    }
    match answer {
        Ok(_) | Err(tamara::Error::NotFound(_)) => {
            observe::count_look(&before, &mut payment, &context);
        }
        Err(_) => observe::look_again(&mut payment, 0, &context),
    }
    save_and_plan(tx, Some(&before), &mut payment, env)?;
    Ok((before, payment))
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
    target: Target,
    wait_ms: i64,
) -> Result<()> {
    let env = Env::now(app, account);
    app.store
        .write("read later", move |tx| {
            let before = payments::load_known(tx, &target.payment)?;
            let mut payment = before.clone();
            let context = env.context(tx, &payment)?;
            observe::look_again(&mut payment, wait_ms, &context);
            save_and_plan(tx, Some(&before), &mut payment, &env)?;
            target.report(tx, &env, |tx, place| {
                reconciliations::not_read(tx, place, "rate_limited")
            })
        })
        .await
}
