//! A person ends an operation that stays in doubt (R17). The row of its key is the decision (R26).

use super::advance::{Env, save_and_plan};
use super::attention::{Said, decided, replays};
use super::request_operation::load_own;
use crate::app::{Account, App};
use crate::clock::rfc3339;
use crate::domain::ending::{EndRefused, Outcome, end_by_person};
use crate::error::{Code, Refusal, Result};
use crate::ids::{OperationId, PaymentId};
use crate::store::interventions::{self, Bound, Kind};
use crate::store::tx::Tx;
use std::sync::Arc;

/// Ends an operation as a person says. Answers whether the key had been used before.
pub async fn end_operation(
    app: &Arc<App>,
    account: &Arc<Account>,
    about: (PaymentId, OperationId),
    outcome: Outcome,
    said: Said,
) -> Result<bool> {
    let env = Env::now(app, account);
    let (payment, operation) = about;
    let asked = format!(
        "{payment}\n{operation}\n{}\n{}",
        outcome.as_str(),
        said.note.0
    );
    let bound = Bound {
        fingerprint: app.fingerprint(&asked),
        key: said.key.clone(),
    };
    let id = payment.clone();
    let replayed = app
        .store
        .write("end an operation by a person", move |tx| {
            end(tx, &env, (&id, &operation), outcome, (&said, &bound))
        })
        .await?;
    app.changed(&payment);
    Ok(replayed)
}

fn end(
    tx: &mut Tx<'_>,
    env: &Env,
    (id, operation): (&PaymentId, &OperationId),
    outcome: Outcome,
    (said, bound): (&Said, &Bound),
) -> Result<bool> {
    let account = &env.account.config.name;
    let before = load_own(tx, account, id)?;
    if replays(tx, account, Kind::End, bound)? {
        return Ok(true);
    }
    let mut payment = before.clone();
    let context = env.context(tx, &payment)?;
    end_by_person(&mut payment, operation, outcome, &context)
        .map_err(|why| refusal(operation, why))?;
    let mut decision = decided(env, Kind::End, operation.as_str(), said);
    decision.outcome = Some(outcome.as_str().to_owned());
    interventions::insert(tx, (account, id), &decision, bound)?;
    save_and_plan(tx, Some(&before), &mut payment, env)?;
    Ok(false)
}

fn refusal(operation: &OperationId, why: EndRefused) -> Refusal {
    let (code, detail) = match why {
        EndRefused::Unknown => {
            let detail = "there is no such operation in this payment".to_owned();
            return Refusal::new(Code::OperationNotFound, detail);
        }
        EndRefused::Create => (
            Code::WrongStatus,
            format!(
                "{operation} opens a session: it ends by itself, and nobody has the URL of a lost one"
            ),
        ),
        EndRefused::Ended(state) => (
            Code::OperationEnded,
            format!(
                "{operation} has ended as {}; nothing is in doubt",
                state.as_str()
            ),
        ),
        EndRefused::OnItsWay => (
            Code::OperationInProgress,
            format!(
                "{operation} is about to be sent or being sent; only what stays in doubt can be ended"
            ),
        ),
        EndRefused::TooEarly(until_ms) => (
            Code::TooEarly,
            format!(
                "an effect of {operation} may still arrive until {}: it can be called not_applied after that",
                rfc3339(until_ms)
            ),
        ),
    };
    Refusal::new(code, detail).operation(operation.as_str())
}
