//! One call to Tamara, and a tape of what went over the wire, for the log of attempts.

use crate::app::{Account, App};
use crate::ids::{AttemptId, OperationId, PaymentId, SessionId};
use crate::store::attempts::Attempt;
use std::sync::{Arc, Mutex, PoisonError};
use tamara::Client;
use tamara::error::Refusal;
use tamara::transport::{Request, Response, Transport, TransportFuture};

/// A client for one call. Carries the answer's status and body to the attempt's row.
pub struct Call {
    /// The client to call with.
    pub client: Client,
    tape: Arc<Tape>,
    token_place: usize,
    started_at_ms: i64,
}

struct Tape {
    transport: Arc<dyn Transport>,
    answer: Mutex<Option<(u16, String)>>,
}

impl Transport for Tape {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(async move {
            let response: Response = self.transport.send(request).await?;
            let body = String::from_utf8_lossy(&response.body).into_owned();
            *self.answer.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((response.status, body));
            Ok(response)
        })
    }
}

/// What an attempt is about.
pub struct About<'a> {
    /// The payment.
    pub payment: &'a PaymentId,
    /// The session.
    pub session: &'a SessionId,
    /// The operation and its attempt's number; none for a read.
    pub operation: Option<(&'a OperationId, i64)>,
    /// `capture`, `read_order`, ...
    pub kind: &'a str,
}

impl Call {
    /// Gets ready to call Tamara for `account`.
    pub fn new(app: &App, account: &Account) -> Self {
        let tape = Arc::new(Tape {
            transport: account.transport.clone(),
            answer: Mutex::new(None),
        });
        let (token_place, token) = account.api_tokens.used();
        Self {
            client: Client::new(tape.clone(), token),
            tape,
            token_place,
            started_at_ms: app.clock.now_ms(),
        }
    }

    /// When it began, on our Clock.
    pub fn started_at_ms(&self) -> i64 {
        self.started_at_ms
    }

    /// Learns from an answer how soon the account's orders may be read again (R25), and whether its token is known (R28).
    /// Answers whether the same call may be made again at once, with another token: a 401 means that nothing happened.
    pub fn heed(&self, app: &App, account: &Account, error: Option<&tamara::Error>) -> bool {
        let Some(error) = error else { return false };
        let otherwise_ms = app.policy.polling_ms.first().copied().unwrap_or(1_000);
        let now_ms = app.clock.monotonic_ms();
        account.pace.heed(error, now_ms, otherwise_ms);
        let unknown = error.refusal().is_some_and(|refusal| refusal.status == 401);
        let another = unknown && account.api_tokens.refused(self.token_place);
        if another {
            let (account, token) = (&account.config.name, self.token_place + 1);
            tracing::warn!(%account, token, "Tamara does not accept this API token of the account: another one is used");
        }
        another
    }

    /// The row of this call, once it is over.
    pub fn attempt(
        &self,
        app: &App,
        account: &str,
        about: &About<'_>,
        error: Option<&tamara::Error>,
    ) -> Attempt {
        let ended_at_ms = app.clock.now_ms();
        let answer = self
            .tape
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let codes = error
            .and_then(tamara::Error::refusal)
            .map(|refusal| codes(refusal).join(","));
        Attempt {
            id: AttemptId::new(ended_at_ms, app.ids.as_ref()),
            account: account.to_owned(),
            payment: about.payment.clone(),
            session: Some(about.session.to_string()),
            operation: about.operation.map(|(id, _)| id.to_string()),
            kind: about.kind.to_owned(),
            number: about.operation.map_or(0, |(_, number)| number),
            started_at_ms: self.started_at_ms,
            ended_at_ms,
            outcome: error.map_or("ok", word).to_owned(),
            http_status: answer.as_ref().map(|(status, _)| i64::from(*status)),
            codes: codes.unwrap_or_default(),
            raw: answer.map(|(_, body)| body),
        }
    }
}

/// Tamara's error codes that are words of a programme (`consumer_invalid_phone_number`). Anything else is left out: it
/// may be a value of the customer's, and codes stand in rows, logs and answers.
pub fn codes(refusal: &Refusal) -> Vec<String> {
    let is_word = |code: &&String| {
        code.len() <= 80
            && code.starts_with(|first: char| first.is_ascii_lowercase())
            && code
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
    };
    refusal.codes.iter().filter(is_word).cloned().collect()
}

/// A stable word for each kind of failure.
pub fn word(error: &tamara::Error) -> &'static str {
    match error {
        tamara::Error::Rejected(_) => "rejected",
        tamara::Error::Unauthorised(_) => "unauthorised",
        tamara::Error::NotFound(_) => "not_found",
        tamara::Error::Conflict(_) => "conflict",
        tamara::Error::RateLimited { .. } => "rate_limited",
        tamara::Error::NotSent { .. } => "not_sent",
        tamara::Error::OutcomeUnknown { .. } => "outcome_unknown",
        tamara::Error::Malformed { .. } => "malformed",
    }
}
