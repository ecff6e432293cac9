//! Faults of callbacks: what becomes of a notification that is due.
//!
//! Invariant: a held notification is sent in the end, at the latest a day after it was due to be.

use serde_json::{Value, json};

use super::Faults;
use crate::world::{Notification, World};

const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryFault {
    Dropped,
    Doubled,
    Delayed { seconds: i64 },
    AfterNewer { seconds: i64 },
    BadSignature,
    WrongAlg(Alg),
    Expired,
    UnknownEvent(String),
    Data(DataShape),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alg {
    None,
    Hs512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataShape {
    List,
    Object,
}

/// Why a due notification waits.
pub(super) enum Hold {
    Until {
        at_ms: i64,
        name: String,
    },
    /// Until `wait_ms` after a newer one to the same receiver about the same order was tried.
    AfterNewer {
        wait_ms: i64,
        latest_ms: i64,
        name: String,
    },
}

/// What becomes of a notification now. The text is the fault's name, for the delivery log.
pub(crate) enum Fate {
    Send(Option<(String, DeliveryFault)>),
    Drop(String),
    Wait,
}

impl Faults {
    pub(crate) fn fate(&mut self, world: &World, notification: &Notification, now_ms: i64) -> Fate {
        if let Some(hold) = self.holds.get(&notification.id) {
            if !hold.is_over(world, notification, now_ms) {
                return Fate::Wait;
            }
            self.holds.remove(&notification.id);
            return Fate::Send(None);
        }
        let Some((name, fault)) = self.for_delivery(&event(notification)) else {
            return Fate::Send(None);
        };
        let hold = match fault {
            DeliveryFault::Dropped => return Fate::Drop(name),
            DeliveryFault::Delayed { seconds } => Hold::Until {
                at_ms: now_ms + seconds * 1000,
                name,
            },
            DeliveryFault::AfterNewer { seconds } => Hold::AfterNewer {
                wait_ms: seconds * 1000,
                latest_ms: now_ms + seconds * 1000 + DAY_MS,
                name,
            },
            DeliveryFault::Doubled
            | DeliveryFault::BadSignature
            | DeliveryFault::WrongAlg(_)
            | DeliveryFault::Expired
            | DeliveryFault::UnknownEvent(_)
            | DeliveryFault::Data(_) => return Fate::Send(Some((name, fault))),
        };
        self.holds.insert(notification.id, hold);
        Fate::Wait
    }

    /// The name of the fault that holds this notification back.
    pub(crate) fn holder(&self, id: u64) -> Option<&str> {
        match self.holds.get(&id)? {
            Hold::Until { name, .. } | Hold::AfterNewer { name, .. } => Some(name),
        }
    }
}

impl Hold {
    fn is_over(&self, world: &World, held: &Notification, now_ms: i64) -> bool {
        match self {
            Self::Until { at_ms, .. } => *at_ms <= now_ms,
            Self::AfterNewer {
                wait_ms, latest_ms, ..
            } => {
                let newer = world.notifications().filter(|other| {
                    other.id > held.id && other.order_id == held.order_id && other.url == held.url
                });
                let tried = newer.filter_map(|other| other.attempts.first());
                let first = tried.map(|attempt| attempt.at_ms).min();
                first.is_some_and(|at_ms| at_ms + wait_ms <= now_ms) || *latest_ms <= now_ms
            }
        }
    }
}

/// The event type, or the status of a notification callback.
pub(crate) fn event(notification: &Notification) -> String {
    let body: Value = serde_json::from_str(&notification.body).unwrap_or_default();
    let event = body.get("event_type").or_else(|| body.get("order_status"));
    event.and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl DeliveryFault {
    /// The body as this fault sends it.
    pub(crate) fn spoil(&self, body: &str) -> String {
        let Ok(mut value) = serde_json::from_str::<Value>(body) else {
            return body.to_owned();
        };
        match self {
            Self::UnknownEvent(event_type) => {
                let key = if value.get("event_type").is_some() {
                    "event_type"
                } else {
                    "order_status"
                };
                value[key] = event_type.as_str().into();
            }
            Self::Data(DataShape::List) => value["data"] = json!([]),
            Self::Data(DataShape::Object) => value["data"] = json!({}),
            Self::Dropped
            | Self::Doubled
            | Self::Delayed { .. }
            | Self::AfterNewer { .. }
            | Self::BadSignature
            | Self::WrongAlg(_)
            | Self::Expired => return body.to_owned(),
        }
        value.to_string()
    }
}
