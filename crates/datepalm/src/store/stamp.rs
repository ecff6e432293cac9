//! What the writes of one action carry with them.

use crate::ids::Ids;
use std::sync::Arc;

/// What the writes of one action carry: the time and where ids come from.
#[derive(Clone)]
pub struct Stamp {
    /// Our Clock, milliseconds since the epoch.
    pub now_ms: i64,
    /// Randomness for ids.
    pub ids: Arc<dyn Ids>,
}
