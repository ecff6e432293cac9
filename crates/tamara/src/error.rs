//! What an answer of Tamara means, split by what the caller must do next.
//!
//! Not a catalogue of Tamara's codes: nobody publishes one, so codes stay text. Invariant: a
//! failure is called definite only when Tamara itself said so in its envelope (errors 3.1); for
//! whatever else may have come from a gateway, a changing call is [`Error::OutcomeUnknown`].

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::transport::{Response, TransportError};
use crate::wire;

/// Why a call did not succeed. Neither `Display` nor `Debug` shows text that may hold personal
/// data.
#[derive(Clone, Eq, PartialEq, Debug, thiserror::Error)]
pub enum Error {
    /// A definite no: nothing happened, and the same request will be refused again.
    #[error("refused by Tamara: {0}")]
    Rejected(Refusal),
    /// The token is not accepted, or belongs to the other environment: nothing happened.
    #[error("not authorised by Tamara: {0}")]
    Unauthorised(Refusal),
    /// Tamara does not know what was asked for: nothing happened.
    #[error("not found by Tamara: {0}")]
    NotFound(Refusal),
    /// The order is in another state than the call needs. Neither success nor failure: read the
    /// order, then decide.
    #[error("conflicts with the order's state: {0}")]
    Conflict(Refusal),
    /// Too many calls: nothing happened.
    #[error("too many calls to Tamara")]
    RateLimited {
        /// How long Tamara asks to wait; `None` when it does not say, or says it as a date.
        retry_after: Option<Duration>,
    },
    /// No byte of the request left: it may be sent again as it is.
    #[error("request was not sent: {reason}")]
    NotSent {
        /// What went wrong, safe to log.
        reason: String,
    },
    /// Tamara may or may not have acted: read the order before anything else. After a read it
    /// means only that the read must be repeated.
    #[error("outcome is unknown: {reason}")]
    OutcomeUnknown {
        /// What went wrong, safe to log.
        reason: String,
    },
    /// A read was answered with something that this crate does not understand.
    #[error("answer is not understood: {reason}")]
    Malformed {
        /// What went wrong, safe to log.
        reason: String,
    },
}

impl Error {
    /// What Tamara said, when it said something.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Rejected(refusal)
            | Self::Unauthorised(refusal)
            | Self::NotFound(refusal)
            | Self::Conflict(refusal) => Some(refusal),
            Self::RateLimited { .. }
            | Self::NotSent { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Malformed { .. } => None,
        }
    }

    /// The id of the webhook that has the URL already, when a registration was refused for that
    /// reason (endpoints 2.15): to be treated as success.
    pub fn already_registered(&self) -> Option<&str> {
        let refusal = self
            .refusal()
            .filter(|it| it.has_code("webhook_already_registered"))?;
        refusal.webhook_id.as_deref()
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::NotSent(reason) => Self::NotSent { reason },
            TransportError::OutcomeUnknown(reason) => Self::OutcomeUnknown { reason },
        }
    }
}

/// What Tamara's error envelope says (errors 3.1). Its texts are boxed, because that keeps [`Error`]
/// small enough to be returned by value.
#[derive(Clone, Eq, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Every `error_code` of `errors`, in Tamara's order.
    pub codes: Vec<String>,
    /// A sentence or a dotted key. May hold personal data (gotchas 32): not for logs.
    pub message: Box<str>,
    /// The order's status, when a transition was refused.
    pub old_state: Option<Box<str>>,
    /// The status that the call would have led to, when a transition was refused.
    pub new_state: Option<Box<str>>,
    /// The existing webhook, when a registration was refused because of it.
    pub webhook_id: Option<Box<str>>,
}

impl Refusal {
    /// Whether one of the codes is `code`.
    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|known| known == code)
    }

    /// Whether the order is already where the call would have brought it.
    pub fn already_there(&self) -> bool {
        self.old_state.is_some() && self.old_state == self.new_state
    }

    fn is_transition(&self) -> bool {
        self.has_code("transition_not_allowed")
            || (self.old_state.is_some() && self.new_state.is_some())
    }

    /// The answer to a token of the other environment, whose status nobody recorded (errors 3.3).
    /// A 404 with this text says nothing about an order.
    fn is_about_the_merchant(&self) -> bool {
        matches!(
            &*self.message,
            "Merchant is not found" | "Merchant not found"
        )
    }

    fn printable_codes(&self) -> Vec<&str> {
        self.codes
            .iter()
            .map(String::as_str)
            .filter(|code| is_key(code))
            .collect()
    }

    fn printable_message(&self) -> Option<&str> {
        Some(&*self.message).filter(|text| text.contains('.') && is_key(text))
    }
}

/// Whether a text is a word of a programme, such as `refund.capture_not_found`: neither a
/// sentence nor a phone number nor an address of any kind.
fn is_key(text: &str) -> bool {
    text.len() <= 80
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
        && text.split('.').all(|part| !part.is_empty())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        for word in self
            .printable_codes()
            .into_iter()
            .chain(self.printable_message())
        {
            write!(f, ", {word}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = |state: &Option<Box<str>>| state.clone().filter(|text| is_key(text));
        f.debug_struct("Refusal")
            .field("status", &self.status)
            .field("codes", &self.printable_codes())
            .field("message", &self.printable_message().unwrap_or("(hidden)"))
            .field("old_state", &printable(&self.old_state))
            .field("new_state", &printable(&self.new_state))
            .finish_non_exhaustive()
    }
}

/// Whether a call could have changed something at Tamara.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Effect {
    Reads,
    Changes,
}

/// The body of a success, or what the answer means otherwise.
pub(crate) fn judge(effect: Effect, response: Response) -> Result<Vec<u8>, Error> {
    let status = response.status;
    match status {
        200..=299 => Ok(response.body),
        400..=407 | 409..=499 => Err(match refusal(&response) {
            Some(refusal) => definite(refusal, &response),
            None => without_envelope(effect, &response),
        }),
        _ => Err(Error::OutcomeUnknown {
            reason: format!("status {status}"),
        }),
    }
}

/// Reads the body of a success.
pub(crate) fn decode<T: DeserializeOwned>(effect: Effect, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| not_understood(effect, &error))
}

fn not_understood(effect: Effect, error: &serde_json::Error) -> Error {
    // The text of the error quotes the answer, so only its place is told.
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    let reason = format!("{kind:?} error in the answer at line {line}, column {column}");
    match effect {
        Effect::Reads => Error::Malformed { reason },
        Effect::Changes => Error::OutcomeUnknown { reason },
    }
}

fn definite(refusal: Refusal, response: &Response) -> Error {
    if refusal.is_about_the_merchant() {
        return Error::Unauthorised(refusal);
    }
    if refusal.is_transition() {
        return Error::Conflict(refusal);
    }
    match refusal.status {
        401 | 403 => Error::Unauthorised(refusal),
        404 => Error::NotFound(refusal),
        409 => Error::Conflict(refusal),
        429 => Error::RateLimited {
            retry_after: retry_after(response),
        },
        _ => Error::Rejected(refusal),
    }
}

/// A 4xx that need not be Tamara's own. Of a changing call nothing is known. A read may be judged
/// by its status, since nothing is lost, but a foreign 404 never means that an order is missing.
fn without_envelope(effect: Effect, response: &Response) -> Error {
    let status = response.status;
    let reason = format!("status {status} without Tamara's envelope");
    match (effect, status) {
        (Effect::Changes, _) => Error::OutcomeUnknown { reason },
        (Effect::Reads, 401 | 403) => Error::Unauthorised(Refusal {
            status,
            codes: Vec::new(),
            message: Box::default(),
            old_state: None,
            new_state: None,
            webhook_id: None,
        }),
        (Effect::Reads, 429) => Error::RateLimited {
            retry_after: retry_after(response),
        },
        (Effect::Reads, _) => Error::Malformed { reason },
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The envelope, or its short variant `{"message": ..}`; `None` when the body is neither.
fn refusal(response: &Response) -> Option<Refusal> {
    #[derive(Deserialize)]
    struct Envelope {
        message: Box<str>,
        #[serde(default, deserialize_with = "wire::lenient_each")]
        errors: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        #[serde(default, deserialize_with = "wire::text")]
        error_code: Option<String>,
        #[serde(default, deserialize_with = "wire::lenient")]
        data: Option<Data>,
    }
    #[derive(Deserialize)]
    struct Data {
        #[serde(default, deserialize_with = "wire::text")]
        old_state: Option<String>,
        #[serde(default, deserialize_with = "wire::text")]
        new_state: Option<String>,
        #[serde(default, deserialize_with = "wire::text")]
        webhook_id: Option<String>,
    }
    // A derived struct would take the list ["text"] for the object {"message": "text"}.
    let is_object = response.body.trim_ascii_start().starts_with(b"{");
    let envelope: Envelope = serde_json::from_slice(&response.body)
        .ok()
        .filter(|_| is_object)?;
    let first = |pick: fn(&Data) -> Option<&String>| {
        envelope
            .errors
            .iter()
            .filter_map(|entry| entry.data.as_ref())
            .find_map(pick)
            .map(|text| text.as_str().into())
    };
    Some(Refusal {
        status: response.status,
        old_state: first(|data| data.old_state.as_ref()),
        new_state: first(|data| data.new_state.as_ref()),
        webhook_id: first(|data| data.webhook_id.as_ref()),
        codes: envelope
            .errors
            .into_iter()
            .filter_map(|entry| entry.error_code)
            .collect(),
        message: envelope.message,
    })
}
