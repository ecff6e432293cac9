//! What can go wrong, seen from the inside: what a caller can cause (`Refusal`, with a stable code), and everything
//! else. How a code becomes HTTP stands in `http::problem` alone.

/// The stable codes of refusals, as they stand in `code` of a problem document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The body is not JSON.
    InvalidJson,
    /// The body is JSON of another shape, or a value is out of its range.
    InvalidRequest,
    /// The body is too large.
    BodyTooLarge,
    /// The body is not announced as JSON.
    UnsupportedMediaType,
    /// No such path.
    NoSuchRoute,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// No key, or none that is known.
    InvalidKey,
    /// `Idempotency-Key` is missing.
    IdempotencyKeyMissing,
    /// `Idempotency-Key` is too long or holds other than printable ASCII.
    IdempotencyKeyInvalid,
    /// The key was used with another body (R26).
    IdempotencyKeyReused,
    /// A payment of that reference is open or paid with other content (R7).
    ReferenceInUse,
    /// The sum rule (R27).
    TotalsMismatch,
    /// The currency is not the country's, or currencies are mixed.
    CurrencyMismatch,
    /// The country is not the account's.
    CountryMismatch,
    /// A return URL outside the account's allow-list.
    ReturnUrlNotAllowed,
    /// Automatic capture without the account's default shipping company (R24).
    ShippingCompanyMissing,
    /// A capture without shipping company, and the account has no default.
    ShippingInfoMissing,
    /// No payment of that id in this account.
    PaymentNotFound,
    /// No operation of that id in this payment.
    OperationNotFound,
    /// No attention of that id in this account.
    AttentionNotFound,
    /// No reconciliation of that id in this account.
    ReconciliationNotFound,
    /// A person resolved it before.
    AlreadyResolved,
    /// The operation that it is about must be ended first (R17).
    OperationInDoubt,
    /// The operation has ended: there is nothing for a person to end.
    OperationEnded,
    /// Its effect may still arrive (R19).
    TooEarly,
    /// No unknown order of that id in this account.
    UnknownOrderNotFound,
    /// A page cursor that is none of ours.
    CursorInvalid,
    /// Another money operation is in flight (R17).
    OperationInProgress,
    /// Not possible in the payment's status.
    WrongStatus,
    /// More than is left.
    AmountAboveRest,
    /// More of an item than earlier captures and cancels left.
    QuantityAboveRest,
    /// Captured already: use a refund (R23).
    UseRefund,
    /// Not captured: use a cancel.
    UseCancel,
    /// A cancel is accepted and not ended (R24).
    CancelRequested,
    /// The payment needs a person first.
    NeedsAttention,
    /// Restored from an old copy of the data, and not read at Tamara since (R30).
    Recovering,
    /// Tamara refused it.
    RejectedByTamara,
    /// The effect did not happen, after all.
    NotApplied,
    /// Tamara could not be reached; nothing happened.
    TamaraUnreachable,
    /// The answer of Tamara did not come; the outcome is not known yet.
    OutcomeUnknown,
    /// Tamara refuses our credentials, or limits us.
    TamaraRefusesAccess,
    /// A notification without a valid token.
    NotificationRefused,
    /// A notification that is no notification.
    NotificationInvalid,
    /// No account of that name.
    AccountNotFound,
    /// A return link that is none of ours.
    ReturnLinkUnknown,
    /// Our fault.
    Internal,
    /// The database did not answer.
    Unavailable,
}

/// What Tamara answered, without its sentence, which may hold personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Upstream {
    /// HTTP status.
    pub status: u16,
    /// Its error codes.
    pub codes: Vec<String>,
}

/// One thing wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// Path of the field: `items[1].quantity`.
    pub param: String,
    /// What is wrong and what was expected.
    pub detail: String,
}

/// A refusal that the caller can do something about.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// One sentence or two: what was wrong, what was expected, what to do next. No personal data.
    pub detail: String,
    /// The field it is about.
    pub param: Option<String>,
    /// All that is wrong, when it is more than one thing.
    pub errors: Vec<FieldError>,
    /// What Tamara said.
    pub upstream: Option<Upstream>,
    /// The operation it is about.
    pub operation: Option<String>,
}

/// Why the database takes nothing just now. None of it is the caller's doing, and all of it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No space is left where it stores.
    Full,
    /// It, or the disk below it, has become read-only.
    ReadOnly,
    /// Somebody else holds its lock.
    Locked,
    /// The disk refuses to read or to write.
    Disk,
    /// The server does not answer.
    Unreachable,
}

impl Trouble {
    /// The trouble in words, for callers and for operators.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Full => "no space is left where the database stores",
            Self::ReadOnly => "the database has become read-only",
            Self::Locked => "another process keeps the database locked",
            Self::Disk => "the disk of the database fails",
            Self::Unreachable => "the database server does not answer",
        }
    }
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller can do something about it.
    #[error("{}", .0.detail)]
    Refused(Box<Refusal>),
    /// The transaction met another one; the store repeats it.
    #[error("the transaction must be repeated")]
    Repeat,
    /// The database takes nothing just now. What was asked of it may be asked again.
    #[error("{}: {text}", .trouble.sentence())]
    Unavailable {
        /// What keeps it from working.
        trouble: Trouble,
        /// The database's own words, for the log.
        text: String,
    },
    /// The database failed in another way.
    #[error("the database failed: {0}")]
    Database(String),
    /// A row that cannot be.
    #[error("corrupt row in {table}: {id}: {why}")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Its id.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// Anything else.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl Error {
    /// Whether the database failed, rather than something that was asked of it being refused.
    pub fn is_of_database(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Database(_))
    }
}

/// A result of this service.
pub type Result<T> = std::result::Result<T, Error>;

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            param: None,
            errors: Vec::new(),
            upstream: None,
            operation: None,
        }
    }

    /// Names the field.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Names the operation.
    #[must_use]
    pub fn operation(mut self, id: impl Into<String>) -> Self {
        self.operation = Some(id.into());
        self
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// Shorthand for a refusal as an error.
pub fn refused<T>(code: Code, detail: impl Into<String>) -> Result<T> {
    Err(Refusal::new(code, detail).into())
}
