//! The Ids seam: the only source of randomness, and the typed ids made from it.
//!
//! An id is a prefix and the 32 hex digits of a `UUIDv7` built from our clock and our random bytes, so ids of one
//! kind sort by time. The exception is a refund's id, derived from its key (R20).

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use std::sync::atomic::{AtomicU64, Ordering};

/// Where randomness comes from.
pub trait Ids: Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Debug, Default)]
pub struct SystemIds(SystemRandom);

impl Ids for SystemIds {
    fn fill(&self, bytes: &mut [u8]) {
        self.0
            .fill(bytes)
            .expect("the operating system gives random bytes");
    }
}

/// A counter behind a hash: the same seed gives the same ids. For tests and the simulator.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    next: AtomicU64,
}

impl SeededIds {
    /// Starts the series of `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            next: AtomicU64::new(0),
        }
    }
}

impl Ids for SeededIds {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let n = self.next.fetch_add(1, Ordering::SeqCst);
            let hash = digest::digest(&digest::SHA256, format!("{}/{n}", self.seed).as_bytes());
            chunk.copy_from_slice(&hash.as_ref()[..chunk.len()]);
        }
    }
}

/// A new time-sortable id: `prefix_` and a `UUIDv7` of the given time and random bytes.
fn sortable(prefix: &str, now_ms: i64, ids: &dyn Ids) -> String {
    let mut random = [0; 10];
    ids.fill(&mut random);
    at_time(prefix, now_ms, &random)
}

fn at_time(prefix: &str, now_ms: i64, random: &[u8; 10]) -> String {
    let millis = u64::try_from(now_ms).unwrap_or(0);
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid();
    format!("{prefix}_{}", uuid.simple())
}

/// A secret text of 32 hex digits: tokens in return URLs, lease tokens.
pub fn token(ids: &dyn Ids) -> String {
    let mut random = [0; 16];
    ids.fill(&mut random);
    hex(&random)
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let digit = |nibble: u8| {
                char::from_digit(u32::from(nibble), 16).expect("a nibble is a hex digit")
            };
            text.push(digit(byte >> 4));
            text.push(digit(byte & 15));
            text
        })
}

/// SHA-256 as hex.
pub fn sha256_hex(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub String);

        impl $name {
            /// A new id of this kind.
            pub fn new(now_ms: i64, ids: &dyn Ids) -> Self {
                Self(sortable($prefix, now_ms, ids))
            }
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

typed_id!(/** A merchant's wish to be paid once. */ PaymentId, "pay");
typed_id!(/** One attempt at a payment: one checkout session, one Tamara order. */ SessionId, "ses");
typed_id!(/** One intended call. Its prefix says the kind: `cap_`, `re_`, `can_`, else `op_`. */ OperationId, "op");
typed_id!(/** One try of an operation, or one read. */ AttemptId, "try");
typed_id!(/** One notification of Tamara, kept raw. */ InboxId, "inb");
typed_id!(/** One immutable fact of our log. */ EventId, "evt");
typed_id!(/** One point that asks a person to look. */ AttentionId, "att");
typed_id!(/** One thing that a person decided: a point resolved, an operation ended. */ InterventionId, "itv");
typed_id!(/** One comparison of our books with Tamara's. */ ReconciliationId, "rec");
typed_id!(/** One HTTP request, as the caller sees it. */ RequestId, "req");

/// Whether a text is 32 lower-case hex digits: the shape of tokens, and of ids behind their prefix.
pub fn is_hex32(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! sent_by_callers {
    ($($name:ident, $prefix:literal;)*) => {
        $(impl $name {
            /// The id that a caller sent, if it has the shape of one.
            pub fn parse(text: &str) -> Option<Self> {
                let digits = text.strip_prefix($prefix)?;
                is_hex32(digits).then(|| Self(text.to_owned()))
            }
        })*
    };
}

sent_by_callers! {
    PaymentId, "pay_";
    AttentionId, "att_";
    ReconciliationId, "rec_";
}

impl AttentionId {
    /// The id of a payment's point number `number`, raised at that time: sorts by time like the others, and needs no
    /// randomness, because a payment's points are only added to.
    pub fn of_point(payment: &PaymentId, number: usize, since_ms: i64) -> Self {
        let hash = digest::digest(&digest::SHA256, format!("{payment}/{number}").as_bytes());
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&hash.as_ref()[..10]);
        Self(at_time("att", since_ms, &bytes))
    }
}

impl OperationId {
    /// A new id whose prefix names the kind (`cap`, `can`, `op`).
    pub fn with_prefix(prefix: &str, now_ms: i64, ids: &dyn Ids) -> Self {
        Self(sortable(prefix, now_ms, ids))
    }

    /// A refund's id, the one that is not time-sortable: `re_` and a hash of account, kind and key, so that the
    /// same wish carries the same `merchant_refund_id` even when our own row was lost (R20).
    pub fn of_refund(account: &str, key: &str) -> Self {
        Self(format!(
            "re_{}",
            &sha256_hex(&format!("{account}\n{}\nrefund\n{key}", account.len()))[..32]
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_repeat_by_seed() {
        let ids = SeededIds::new(1);
        let early = PaymentId::new(1_000, &ids);
        let late = PaymentId::new(2_000, &ids);
        assert!(early < late);
        assert_eq!(early, PaymentId::new(1_000, &SeededIds::new(1)));
        assert!(early.as_str().starts_with("pay_"));
    }

    #[test]
    fn a_refund_id_depends_on_account_and_key_only() {
        assert_eq!(
            OperationId::of_refund("a", "k"),
            OperationId::of_refund("a", "k")
        );
        assert_ne!(
            OperationId::of_refund("a", "k"),
            OperationId::of_refund("b", "k")
        );
        assert_ne!(
            OperationId::of_refund("a", "k"),
            OperationId::of_refund("a", "l")
        );
    }
}
