//! Tamara's bodies in the words of the core: orders and answers become observations (R1), errors become answers (R21).

use crate::clock::parse_rfc3339;
use crate::domain::facts::{
    Entry, EntryKind, Observation, OrderRank, RefundRank, Source, Sums, Word,
};
use crate::domain::guard::{Guard, stands};
use crate::domain::journal::Answer;
use crate::domain::operation::Operation;
use crate::domain::payment::{Order, Payment, Policy, Session};
use tamara::checkout::CheckoutSession;
use tamara::money::Money;
use tamara::orders::{self, OrderStatus};
use tamara::payments::{Authorisation, CancelAnswer, CaptureAnswer, RefundAnswer};

/// When a read or a call began.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// On our Clock.
    pub at_ms: i64,
    /// The payment's version then: the order of transactions, on which nodes agree although their clocks differ.
    pub version: i64,
}

/// The rank of a documented status (R2); an unknown one stays a word (R5).
fn word_of(status: &OrderStatus) -> Word {
    match status {
        OrderStatus::New => Word::Known(OrderRank::New),
        OrderStatus::Declined => Word::Known(OrderRank::Declined),
        OrderStatus::Expired => Word::Known(OrderRank::Expired),
        OrderStatus::Approved => Word::Known(OrderRank::Approved),
        OrderStatus::Canceled => Word::Known(OrderRank::Canceled),
        OrderStatus::Authorised
        | OrderStatus::Updated
        | OrderStatus::PartiallyCaptured
        | OrderStatus::FullyCaptured
        | OrderStatus::PartiallyRefunded
        | OrderStatus::FullyRefunded => Word::Known(OrderRank::Authorised),
        OrderStatus::Unknown(text) => Word::Unknown(text.clone()),
    }
}

/// What a GET-order body says, held against the session it should be about (R4).
pub fn observation(
    order: &orders::Order,
    payment: &Payment,
    session: &Session,
    policy: &Policy,
    begun: Begun,
) -> Observation {
    let entries = entries_of(order, policy, begun);
    let lists = order
        .transactions
        .captures
        .iter()
        .map(|entry| entry.total_amount);
    let lists = lists.chain(
        order
            .transactions
            .refunds
            .iter()
            .map(|entry| entry.total_amount),
    );
    let mut amounts = lists.chain(
        order
            .transactions
            .cancels
            .iter()
            .map(|entry| entry.total_amount),
    );
    let foreign = |amount: Money| amount.currency() != payment.total.currency();
    let known = session
        .order
        .as_ref()
        .is_some_and(|known| known.order_id == order.order_id);
    let mismatch = !known
        || order.total_amount != payment.total
        || !payment.knows_reference(session, &order.order_reference_id)
        || amounts.any(foreign);
    let sums = match (
        order.captured_amount,
        order.refunded_amount,
        order.canceled_amount,
    ) {
        (Some(captured), Some(refunded), Some(canceled)) => Some(Sums {
            captured_minor: captured.minor(),
            refunded_minor: refunded.minor(),
            canceled_minor: canceled.minor(),
        }),
        _ => None,
    };
    Observation {
        source: Source::Read,
        begun_at_ms: begun.at_ms,
        begun_version: begun.version,
        word: Some(word_of(&order.status)),
        entries,
        sums,
        mismatch,
        reference: Some(order.order_reference_id.clone()),
    }
}

fn entries_of(order: &orders::Order, policy: &Policy, begun: Begun) -> Vec<Entry> {
    let lists = &order.transactions;
    let captures = lists.captures.iter().map(|capture| {
        let shipped_at = capture
            .shipping_info
            .as_ref()
            .and_then(|info| info.shipped_at.as_deref());
        let mut items: Vec<&str> = capture
            .items
            .iter()
            .map(|item| item.reference_id.as_str())
            .collect();
        items.sort_unstable();
        Entry {
            shipped_at_s: shipped_at
                .and_then(parse_rfc3339)
                .map(|at_ms| at_ms.div_euclid(1_000)),
            item_refs: items.join("\n"),
            ..entry(
                EntryKind::Capture,
                &capture.capture_id,
                capture.total_amount,
                begun,
            )
        }
    });
    let refunds = lists.refunds.iter().map(|refund| Entry {
        refund: refund_rank(refund.refund_status.as_deref(), policy),
        merchant_refund_id: refund.merchant_refund_id.clone(),
        ..entry(
            EntryKind::Refund,
            &refund.refund_id,
            refund.total_amount,
            begun,
        )
    });
    let cancels = lists.cancels.iter().map(|cancel| {
        entry(
            EntryKind::Cancel,
            &cancel.cancel_id,
            cancel.total_amount,
            begun,
        )
    });
    captures.chain(refunds).chain(cancels).collect()
}

fn entry(kind: EntryKind, id: &str, amount: Money, seen: Begun) -> Entry {
    Entry {
        kind,
        id: id.to_owned(),
        amount_minor: amount.minor(),
        seen_at_ms: seen.at_ms,
        seen_version: i64::MAX,
        refund: RefundRank::Other,
        merchant_refund_id: None,
        shipped_at_s: None,
        item_refs: String::new(),
        operation: None,
    }
}

fn refund_rank(status: Option<&str>, policy: &Policy) -> RefundRank {
    match status {
        Some("success") => RefundRank::Success,
        Some(word)
            if policy
                .refund_failed_words
                .iter()
                .any(|failed| failed == word) =>
        {
            RefundRank::Failed
        }
        Some(_) | None => RefundRank::Other,
    }
}

/// What an answer of ours says of the order: nothing but its own effect.
fn news(word: Option<Word>, entries: Vec<Entry>, begun: Begun) -> Observation {
    Observation {
        source: Source::Answer,
        begun_at_ms: begun.at_ms,
        begun_version: begun.version,
        word,
        entries,
        sums: None,
        mismatch: false,
        reference: None,
    }
}

/// What an answer says when it is about the order that we asked for. One about another order says nothing of ours: a read
/// tells what became of the call (R4, R19).
fn about(order: Option<&Order>, order_id: &str, answer: Answer) -> Answer {
    if order.is_some_and(|known| known.order_id == order_id) {
        return answer;
    }
    Answer::Unknown {
        reason: "another_order".to_owned(),
    }
}

/// The answer to a create: the order that it made.
pub fn opened(session: CheckoutSession, now_ms: i64) -> Answer {
    Answer::Applied {
        tamara_id: Some(session.order_id.clone()),
        news: None,
        order: Some(Order {
            order_id: session.order_id,
            checkout_id: session.checkout_id,
            checkout_url: session.checkout_url,
            opened_at_ms: now_ms,
        }),
    }
}

/// An answer that says nothing but that it was done.
pub fn acknowledged() -> Answer {
    Answer::Applied {
        tamara_id: None,
        news: None,
        order: None,
    }
}

/// The answer to *authorise*. A merchant with automatic capture gets a capture that nobody here asked for (R20).
pub fn authorised(
    answer: &Authorisation,
    payment: &Payment,
    order: Option<&Order>,
    begun: Begun,
) -> Answer {
    let captured = answer.capture_id.as_ref().filter(|_| answer.auto_captured);
    let entries = captured.map(|id| entry(EntryKind::Capture, id, payment.total, begun));
    let word = Some(word_of(&answer.status));
    let applied = Answer::Applied {
        tamara_id: captured.cloned(),
        news: Some(news(word, entries.into_iter().collect(), begun)),
        order: None,
    };
    about(order, &answer.order_id, applied)
}

/// The answer to *capture*: the amount is what we asked for, because what `captured_amount` sums is not published.
pub fn captured(
    answer: &CaptureAnswer,
    operation: &Operation,
    amount: Money,
    order: Option<&Order>,
    begun: Begun,
) -> Answer {
    let entry = Entry {
        shipped_at_s: operation.shipped_at_s,
        item_refs: operation.item_refs.clone(),
        operation: Some(operation.id.clone()),
        ..entry(EntryKind::Capture, &answer.capture_id, amount, begun)
    };
    let applied = applied(&answer.capture_id, entry, begun);
    about(order, &answer.order_id, applied)
}

/// The answer to *cancel*.
pub fn canceled(
    answer: &CancelAnswer,
    operation: &Operation,
    amount: Money,
    order: Option<&Order>,
    begun: Begun,
) -> Answer {
    let entry = Entry {
        operation: Some(operation.id.clone()),
        ..entry(EntryKind::Cancel, &answer.cancel_id, amount, begun)
    };
    let applied = applied(&answer.cancel_id, entry, begun);
    about(order, &answer.order_id, applied)
}

/// The answer to *refund*: accepted; only a read says `success`. Nor does it say how much of the refund the entry that it
/// names stands for: there may be several, and only their sum is the refund (R20).
pub fn refunded(answer: &RefundAnswer, order: Option<&Order>, begun: Begun) -> Answer {
    let applied = Answer::Applied {
        tamara_id: Some(answer.refund_id.clone()),
        news: Some(news(None, Vec::new(), begun)),
        order: None,
    };
    about(order, &answer.order_id, applied)
}

fn applied(id: &str, entry: Entry, begun: Begun) -> Answer {
    Answer::Applied {
        tamara_id: Some(id.to_owned()),
        news: Some(news(None, vec![entry], begun)),
        order: None,
    }
}

/// A failed changing call in the words of R21.
pub fn failed(error: &tamara::Error) -> Answer {
    let reason = super::call::word(error).to_owned();
    match error {
        tamara::Error::Rejected(refusal) | tamara::Error::NotFound(refusal) => Answer::Refused {
            reason: super::call::codes(refusal)
                .into_iter()
                .next()
                .unwrap_or(reason),
        },
        tamara::Error::Conflict(_) => Answer::Conflict,
        tamara::Error::Unauthorised(_) => Answer::TurnedAway {
            reason,
            retry_after_ms: None,
        },
        tamara::Error::RateLimited { retry_after } => {
            let wait = retry_after.and_then(|wait| i64::try_from(wait.as_millis()).ok());
            Answer::TurnedAway {
                reason,
                retry_after_ms: wait,
            }
        }
        tamara::Error::NotSent { .. } => Answer::NotSent { reason },
        tamara::Error::OutcomeUnknown { .. } | tamara::Error::Malformed { .. } => {
            if stands(Guard::GatewayIsNoRefusal) {
                Answer::Unknown { reason }
            } else {
                Answer::Refused { reason }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R4, R20: what the answer to a refund is believed to say, and of which order.
    #[test]
    fn r20_the_answer_to_a_refund_names_an_entry_and_no_amount() {
        let text = r#"{ "order_id": "ours", "refund_id": "r0", "status": "partially_refunded" }"#;
        let answer: RefundAnswer = serde_json::from_str(text).expect("an answer");
        let order = |order_id: &str| Order {
            order_id: order_id.to_owned(),
            checkout_id: String::new(),
            checkout_url: String::new(),
            opened_at_ms: 0,
        };
        let begun = Begun {
            at_ms: 0,
            version: 1,
        };
        let said = refunded(&answer, Some(&order("ours")), begun);
        let Answer::Applied {
            tamara_id, news, ..
        } = said
        else {
            panic!("{said:?}");
        };
        assert_eq!(tamara_id.as_deref(), Some("r0"));
        assert!(news.is_some_and(|news| news.entries.is_empty()));
        let said = refunded(&answer, Some(&order("another")), begun);
        assert!(matches!(said, Answer::Unknown { .. }), "{said:?}");
    }
}
