//! Disputes: opened and decided by Tamara, answered by the merchant (endpoints 2.19, webhooks 6.8).
//!
//! Tamara publishes neither how a dispute starts nor what is sent about it: both are the sandbox's
//! own. Invariant: a closed dispute does not move.

use serde::{Deserialize, Serialize};

use super::{Refusal, events, take, within};
use crate::world::{Activity, Dispute, DisputeStatus, World};

/// The dispute events that Tamara documents.
pub(crate) const DISPUTE_EVENT_TYPES: [&str; 6] = [
    "OrderDisputeAwaitingMerchantResponse",
    "OrderDisputeClosedMerchantAcceptedClaim",
    "OrderDisputeClosedTamaraAcceptedClaim",
    "OrderDisputeClosedTamaraAcceptedAndMerchantRefundedClaim",
    "OrderDisputeClosedClaimCancelled",
    "OrderDisputeWasUpdated",
];

/// Two more that a third party lists.
pub(crate) const MORE_DISPUTE_EVENT_TYPES: [&str; 2] = [
    "OrderDisputeClosedMerchantRejectedClaim",
    "OrderDisputeClosed",
];

/// How a dispute ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The merchant gave in.
    MerchantAccepted,
    /// The merchant did not give in.
    MerchantRejected,
    /// Tamara found for the customer.
    TamaraAccepted,
    /// Tamara found for the customer, and the merchant had refunded already.
    TamaraAcceptedAndMerchantRefunded,
    /// The customer withdrew.
    ClaimCancelled,
    /// Nobody says.
    Closed,
}

impl Verdict {
    fn status(self) -> DisputeStatus {
        match self {
            Self::MerchantAccepted
            | Self::TamaraAccepted
            | Self::TamaraAcceptedAndMerchantRefunded => DisputeStatus::ClaimAccepted,
            Self::MerchantRejected => DisputeStatus::ClaimRejected,
            Self::ClaimCancelled => DisputeStatus::Cancelled,
            Self::Closed => DisputeStatus::Closed,
        }
    }

    fn event_type(self) -> &'static str {
        match self {
            Self::MerchantAccepted => "OrderDisputeClosedMerchantAcceptedClaim",
            Self::MerchantRejected => "OrderDisputeClosedMerchantRejectedClaim",
            Self::TamaraAccepted => "OrderDisputeClosedTamaraAcceptedClaim",
            Self::TamaraAcceptedAndMerchantRefunded => {
                "OrderDisputeClosedTamaraAcceptedAndMerchantRefundedClaim"
            }
            Self::ClaimCancelled => "OrderDisputeClosedClaimCancelled",
            Self::Closed => "OrderDisputeClosed",
        }
    }
}

/// A customer claims `minor` of a captured order back; the merchant is asked at once.
pub(crate) fn open_dispute(
    world: &mut World,
    order_id: &str,
    minor: i64,
    at_ms: i64,
) -> Result<Dispute, Refusal> {
    let order = take(world, order_id)?;
    within(minor, order.captured_minor())?;
    let dispute = Dispute {
        id: world.next_sequence(),
        order_id: order.id.clone(),
        merchant_id: order.merchant_id.clone(),
        status: DisputeStatus::AwaitingMerchantResponse,
        minor,
        opened_at_ms: at_ms,
        closed_at_ms: None,
        activities: vec![activity("opened", "Item not received", at_ms)],
    };
    tell(world, &dispute, DISPUTE_EVENT_TYPES[0], at_ms);
    world.put_dispute(dispute.clone());
    Ok(dispute)
}

/// What the merchant has to say to a dispute.
pub(crate) struct DisputeAnswer {
    pub(crate) comment: String,
    /// Name of the file.
    pub(crate) attachment: Option<String>,
}

/// The merchant answers; Tamara looks at it.
pub(crate) fn answer_dispute(
    world: &mut World,
    dispute_id: u64,
    answer: DisputeAnswer,
    at_ms: i64,
) -> Result<Dispute, Refusal> {
    let mut dispute = open(world, dispute_id)?;
    dispute.status = DisputeStatus::UnderReview;
    let mut activity = activity("merchant_responded", &answer.comment, at_ms);
    activity.attachments.extend(answer.attachment);
    dispute.activities.push(activity);
    tell(world, &dispute, "OrderDisputeWasUpdated", at_ms);
    world.put_dispute(dispute.clone());
    Ok(dispute)
}

/// Ends a dispute. No money moves: a refund is the merchant's to make.
pub(crate) fn close_dispute(
    world: &mut World,
    dispute_id: u64,
    verdict: Verdict,
    at_ms: i64,
) -> Result<Dispute, Refusal> {
    let mut dispute = open(world, dispute_id)?;
    dispute.status = verdict.status();
    dispute.closed_at_ms = Some(at_ms);
    dispute.activities.push(activity("closed", "", at_ms));
    tell(world, &dispute, verdict.event_type(), at_ms);
    world.put_dispute(dispute.clone());
    Ok(dispute)
}

fn open(world: &World, dispute_id: u64) -> Result<Dispute, Refusal> {
    let dispute = world.dispute(dispute_id);
    let dispute = dispute.ok_or(Refusal::DisputeNotFound)?;
    match dispute.closed_at_ms {
        None => Ok(dispute.clone()),
        Some(_) => Err(Refusal::DisputeClosed),
    }
}

fn activity(event: &str, comment: &str, at_ms: i64) -> Activity {
    Activity {
        event: event.to_owned(),
        comment: comment.to_owned(),
        attachments: Vec::new(),
        at_ms,
    }
}

fn tell(world: &mut World, dispute: &Dispute, event_type: &str, at_ms: i64) {
    if let Some(order) = world.order(&dispute.order_id).cloned() {
        events::announce_dispute(world, &order, dispute, event_type, at_ms);
    }
}
