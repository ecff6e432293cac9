//! A customer's claim against a captured order (endpoints 2.19, known from a third party only).
//!
//! Pure data; how a dispute moves is in [`crate::rules`]. Invariant: `closed_at_ms` is set exactly
//! when no more answer is awaited.

use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Dispute {
    #[serde(rename = "dispute_id")]
    pub(crate) id: u64,
    pub(crate) order_id: String,
    pub(crate) merchant_id: String,
    pub(crate) status: DisputeStatus,
    pub(crate) minor: i64,
    pub(crate) opened_at_ms: i64,
    pub(crate) closed_at_ms: Option<i64>,
    pub(crate) activities: Vec<Activity>,
}

/// One line of a dispute's history.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Activity {
    pub(crate) event: String,
    pub(crate) comment: String,
    /// Names of files; what is in them is not kept.
    pub(crate) attachments: Vec<String>,
    pub(crate) at_ms: i64,
}

/// Tamara's dispute statuses; `cancelled` has two l here (gotchas 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    /// Opened, nobody was asked yet.
    Open,
    /// The merchant is asked.
    AwaitingMerchantResponse,
    /// Tamara looks at what the merchant said.
    UnderReview,
    /// The customer withdrew.
    Cancelled,
    /// The customer was right.
    ClaimAccepted,
    /// The merchant was right.
    ClaimRejected,
    /// Over, no more is known.
    Closed,
}

impl DisputeStatus {
    /// The wire spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::AwaitingMerchantResponse => "awaiting_merchant_response",
            Self::UnderReview => "under_review",
            Self::Cancelled => "cancelled",
            Self::ClaimAccepted => "claim_accepted",
            Self::ClaimRejected => "claim_rejected",
            Self::Closed => "closed",
        }
    }
}
