//! What Tamara may change of what it was told, when it tells it again: milliseconds cut, items reshaped, the merchant's
//! refund id dropped, a refund that is pending for a while. Which of it a world does is in its `Setting`; the sandbox's
//! books keep the truth.

use crate::world::setting::Setting;
use serde_json::{Value, json};

/// Whether anything is altered in this world.
pub fn alters(setting: &Setting) -> bool {
    setting.cuts_milliseconds
        || setting.reshapes_items
        || setting.drops_refund_id
        || setting.refund_pending_ms > 0
}

/// The body of an order as this world's Tamara shows it at `now_ms`.
pub fn altered(body: &[u8], setting: &Setting, now_ms: i64) -> Vec<u8> {
    let Ok(mut order) = serde_json::from_slice::<Value>(body) else {
        return body.to_vec();
    };
    let entries = &mut order["transactions"];
    for capture in entries["captures"].as_array_mut().into_iter().flatten() {
        if setting.reshapes_items {
            capture["items"] = Value::Null;
        }
        let shipped_at = capture["shipping_info"]["shipped_at"].as_str();
        let parts = shipped_at.and_then(|text| text.split_once('.'));
        if let Some((seconds, _)) = parts.filter(|_| setting.cuts_milliseconds) {
            capture["shipping_info"]["shipped_at"] = format!("{seconds}Z").into();
        }
    }
    for refund in entries["refunds"].as_array_mut().into_iter().flatten() {
        if setting.drops_refund_id {
            refund["merchant_refund_id"] = Value::Null;
        }
        let created_at = refund["created_at"].as_str();
        let created_ms = created_at.and_then(datepalm::clock::parse_rfc3339);
        let age_ms = created_ms.map_or(i64::MAX, |created_ms| now_ms - created_ms);
        if age_ms < setting.refund_pending_ms {
            refund["refund_status"] = json!("pending");
        }
    }
    order.to_string().into_bytes()
}

/// The answer to a changing call as if it were about another order: every id in it is that one's.
pub fn of_another(body: &[u8]) -> Vec<u8> {
    let Ok(mut answer) = serde_json::from_slice::<Value>(body) else {
        return body.to_vec();
    };
    for name in ["order_id", "capture_id", "refund_id", "cancel_id"] {
        if answer[name].is_string() {
            answer[name] = json!("00000000-0000-4000-8000-000000000000");
        }
    }
    answer.to_string().into_bytes()
}

/// The same body with a status that nobody knows.
pub fn odd(body: &[u8]) -> Vec<u8> {
    let Ok(mut order) = serde_json::from_slice::<Value>(body) else {
        return body.to_vec();
    };
    order["status"] = json!("on_hold");
    order.to_string().into_bytes()
}
