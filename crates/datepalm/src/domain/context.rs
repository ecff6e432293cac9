//! What the steps of the core are given besides the payment: the time, the settings, and whether its merchant reference
//! is free.

use super::payment::Policy;

/// What a step of the core needs to know besides the payment.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Our Clock.
    pub now_ms: i64,
    /// Durations and words.
    pub policy: &'a Policy,
    /// Whether the payment holds its merchant reference or could take it now (R7).
    pub can_hold: bool,
}
