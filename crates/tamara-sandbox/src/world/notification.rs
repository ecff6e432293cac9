//! What is told to merchants: registered webhooks and the notifications on their way.
//!
//! The address is kept without token: each attempt is signed anew. Invariant: `next_at_ms` is set
//! exactly while another attempt is owed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Webhook {
    #[serde(rename = "webhook_id")]
    pub(crate) id: String,
    pub(crate) merchant_id: String,
    pub(crate) r#type: String,
    pub(crate) url: String,
    pub(crate) events: Vec<String>,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    pub(crate) order_id: String,
    pub(crate) merchant_id: String,
    /// The registration it goes to; none for the per-session notification address.
    pub(crate) webhook_id: Option<String>,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) created_at_ms: i64,
    pub(crate) next_at_ms: Option<i64>,
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) at_ms: i64,
    pub(crate) http_status: Option<u16>,
    pub(crate) error: Option<String>,
    /// The beginning of the receiver's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<String>,
    /// The fault that struck this attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
}

impl Attempt {
    pub(crate) fn succeeded(&self) -> bool {
        self.http_status
            .is_some_and(|status| (200..300).contains(&status))
    }
}
