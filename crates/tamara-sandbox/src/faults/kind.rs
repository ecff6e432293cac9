//! A fault as it is asked for, in JSON or in a header, and what it means.
//!
//! Invariant: [`CATALOGUE`] names every fault and exactly the parameters that it takes; anything
//! else is refused with words, so that a misspelt fault never passes as "nothing happened".

use serde::{Deserialize, Serialize};

use super::deliveries::{Alg, DataShape, DeliveryFault};
use super::requests::RequestFault;

/// What shall go wrong, where, and how often. All but the name may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// One of `GET /_sandbox/faults/kinds`.
    pub fault: String,
    /// Only requests with this method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests to this path: `*` or `{name}` stands for one segment, a last `**` for the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only callbacks about this event type; a status for the notification callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// How many times; without it, until it is taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How many of a hundred are struck, by chance. All without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u64>,
    /// Of that chance; the sandbox's own without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Real milliseconds, at most ten minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Seconds of the sandbox's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
    /// HTTP status of a server error, 500 to 599.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Seconds for the header `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Whether the request is carried out before the error is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_effect: Option<bool>,
    /// `none` or `HS512`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// The event type to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// `list` or `object`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// Longest real wait.
const MS_MAX: u64 = 600_000;
/// A request that is lost keeps its connection silent for so long.
const SILENCE_MS: u64 = 30_000;
const SLOW_MS: u64 = 2_000;
const DAY_SECONDS: i64 = 86_400;
const REFUSE_SECONDS_MAX: i64 = 3_600;

type Entry = (&'static str, &'static str, &'static [&'static str]);

/// Name, meaning, parameters. The filters of a request are `method` and `path`, of a callback
/// `event`; `count`, `percent` and `seed` fit everywhere but on `refuse`, which starts at once.
pub(crate) const CATALOGUE: [Entry; 21] = [
    (
        "reset",
        "The connection is reset before anything is done",
        REQUEST,
    ),
    (
        "answer-lost",
        "It is done, then the connection is reset without an answer",
        REQUEST_MS,
    ),
    (
        "request-lost",
        "Nothing is done and nothing is answered for 30 s (ms), then a reset",
        REQUEST_MS,
    ),
    ("slow", "The answer takes 2 s longer (ms)", REQUEST_MS),
    (
        "rate-limited",
        "429, with Retry-After if retry_after is given",
        &["method", "path", "retry_after"],
    ),
    (
        "token-expired",
        "401 as for a token that is no longer valid",
        REQUEST,
    ),
    (
        "server-error",
        "503 (status) with a page of HTML, before anything is done or after it (after_effect)",
        &["method", "path", "status", "after_effect"],
    ),
    (
        "truncated",
        "It is done, and half of the answer arrives",
        REQUEST,
    ),
    (
        "not-json",
        "It is done, and the answer is 200 with a page of HTML",
        REQUEST,
    ),
    (
        "stale",
        "Reads of an order show it as it was 60 s ago (seconds)",
        &["method", "path", "seconds"],
    ),
    (
        "refuse",
        "The whole listener refuses connections for 10 s (seconds)",
        &["seconds"],
    ),
    ("webhook-dropped", "The callback is never sent", EVENT),
    ("webhook-doubled", "The callback is sent twice", EVENT),
    (
        "webhook-delayed",
        "The callback is sent 60 s later (seconds)",
        EVENT_SECONDS,
    ),
    (
        "webhook-reordered",
        "The callback waits until the next one about the order was sent",
        EVENT,
    ),
    (
        "webhook-late",
        "The callback is sent 60 s (seconds) after a newer one about the order",
        EVENT_SECONDS,
    ),
    (
        "webhook-bad-signature",
        "The token is signed with another secret",
        EVENT,
    ),
    (
        "webhook-wrong-alg",
        "The token's algorithm is none or HS512 (alg)",
        &["event", "alg"],
    ),
    ("webhook-expired", "The token ran out an hour ago", EVENT),
    (
        "webhook-unknown-event",
        "The event type, or status, is one that nobody knows: order_on_hold (event_type)",
        &["event", "event_type"],
    ),
    (
        "webhook-data",
        "data is [] or {} whatever the event (list or object)",
        &["event", "data"],
    ),
];

const REQUEST: &[&str] = &["method", "path"];
const REQUEST_MS: &[&str] = &["method", "path", "ms"];
const EVENT: &[&str] = &["event"];
const EVENT_SECONDS: &[&str] = &["event", "seconds"];

/// What a fault does, once it is understood.
pub(super) enum Kind {
    Request(RequestFault),
    Delivery(DeliveryFault),
    Refuse { seconds: i64 },
}

impl Fault {
    /// By its name, for everything and without end.
    pub fn new(fault: &str) -> Self {
        Self {
            fault: fault.to_owned(),
            ..Self::default()
        }
    }

    /// Only for requests with this method and path pattern.
    #[must_use]
    pub fn on(self, method: &str, path: &str) -> Self {
        Self {
            method: Some(method.to_owned()),
            path: Some(path.to_owned()),
            ..self
        }
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self {
            count: Some(count),
            ..self
        }
    }

    pub(super) fn is_for(&self, method: &str, path: &str) -> bool {
        let wanted = self.method.as_deref();
        wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self
                .path
                .as_deref()
                .is_none_or(|pattern| fits(pattern, path))
    }

    pub(super) fn is_for_event(&self, event: &str) -> bool {
        self.event.as_deref().is_none_or(|wanted| wanted == event)
    }

    /// The names of the parameters that are set.
    fn given(&self) -> impl Iterator<Item = &'static str> {
        let set = [
            ("method", self.method.is_some()),
            ("path", self.path.is_some()),
            ("event", self.event.is_some()),
            ("count", self.count.is_some()),
            ("percent", self.percent.is_some()),
            ("seed", self.seed.is_some()),
            ("ms", self.ms.is_some()),
            ("seconds", self.seconds.is_some()),
            ("status", self.status.is_some()),
            ("retry_after", self.retry_after.is_some()),
            ("after_effect", self.after_effect.is_some()),
            ("alg", self.alg.is_some()),
            ("event_type", self.event_type.is_some()),
            ("data", self.data.is_some()),
        ];
        set.into_iter()
            .filter(|(_, set)| *set)
            .map(|(name, _)| name)
    }
}

/// Whether a path is one that the pattern means.
fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if part == "**" {
            return true;
        }
        let any = part == "*" || (part.starts_with('{') && part.ends_with('}'));
        match segments.next() {
            Some(segment) if any || segment == part => {}
            Some(_) | None => return false,
        }
    }
    segments.next().is_none()
}

/// `answer-lost` or `slow; ms=800`, of one request.
pub(crate) fn from_header(text: &str) -> Result<RequestFault, String> {
    let mut parts = text.split(';').map(str::trim);
    let mut object = serde_json::Map::new();
    object.insert("fault".to_owned(), parts.next().unwrap_or_default().into());
    for part in parts {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| format!("{part}: not name=value"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        object.insert(name.to_owned(), value);
    }
    let fault: Fault = serde_json::from_value(object.into()).map_err(|e| e.to_string())?;
    match kind(&fault)? {
        Kind::Request(request) => Ok(request),
        Kind::Delivery(_) | Kind::Refuse { .. } => {
            Err(format!("{}: not a fault of one request", fault.fault))
        }
    }
}

/// Understands a fault, or says in words what is wrong with it.
pub(super) fn kind(fault: &Fault) -> Result<Kind, String> {
    let name = fault.fault.as_str();
    let entry = CATALOGUE.iter().find(|(known, ..)| *known == name);
    let Some((_, _, parameters)) = entry else {
        let known: Vec<_> = CATALOGUE.iter().map(|(name, ..)| *name).collect();
        return Err(format!(
            "{name:?} is no fault; the faults are {}",
            known.join(", ")
        ));
    };
    let fits_everywhere =
        |given: &&str| name != "refuse" && ["count", "percent", "seed"].contains(given);
    let odd = fault
        .given()
        .find(|given| !parameters.contains(given) && !fits_everywhere(given));
    if let Some(odd) = odd {
        return Err(format!("{name} does not take {odd}"));
    }
    if fault
        .percent
        .is_some_and(|percent| !(1..=100).contains(&percent))
    {
        return Err("percent is 1 to 100".to_owned());
    }
    if fault.ms.is_some_and(|ms| ms > MS_MAX) {
        return Err(format!("ms is at most {MS_MAX}"));
    }
    meaning(name, fault)
}

fn meaning(name: &str, fault: &Fault) -> Result<Kind, String> {
    let ms = |default| fault.ms.unwrap_or(default);
    Ok(match name {
        "reset" => Kind::Request(RequestFault::Reset),
        "answer-lost" => Kind::Request(RequestFault::AnswerLost { ms: ms(0) }),
        "request-lost" => Kind::Request(RequestFault::RequestLost { ms: ms(SILENCE_MS) }),
        "slow" => Kind::Request(RequestFault::Slow { ms: ms(SLOW_MS) }),
        "rate-limited" => Kind::Request(RequestFault::RateLimited {
            retry_after: fault.retry_after,
        }),
        "token-expired" => Kind::Request(RequestFault::TokenExpired),
        "server-error" => {
            let status = fault.status.unwrap_or(503);
            if !(500..600).contains(&status) {
                return Err("status is 500 to 599".to_owned());
            }
            let after_effect = fault.after_effect.unwrap_or(false);
            Kind::Request(RequestFault::ServerError {
                status,
                after_effect,
            })
        }
        "truncated" => Kind::Request(RequestFault::Truncated),
        "not-json" => Kind::Request(RequestFault::NotJson),
        "stale" => Kind::Request(RequestFault::Stale {
            seconds: seconds(fault, 60, DAY_SECONDS)?,
        }),
        "refuse" => Kind::Refuse {
            seconds: seconds(fault, 10, REFUSE_SECONDS_MAX)?,
        },
        _ => Kind::Delivery(delivery_meaning(name, fault)?),
    })
}

fn delivery_meaning(name: &str, fault: &Fault) -> Result<DeliveryFault, String> {
    let alg = match fault.alg.as_deref() {
        None | Some("none") => Alg::None,
        Some("HS512") => Alg::Hs512,
        Some(_) => return Err("alg is none or HS512".to_owned()),
    };
    let shape = match fault.data.as_deref() {
        None | Some("list") => DataShape::List,
        Some("object") => DataShape::Object,
        Some(_) => return Err("data is list or object".to_owned()),
    };
    let event_type = fault.event_type.as_deref().unwrap_or("order_on_hold");
    Ok(match name {
        "webhook-dropped" => DeliveryFault::Dropped,
        "webhook-doubled" => DeliveryFault::Doubled,
        "webhook-delayed" => DeliveryFault::Delayed {
            seconds: seconds(fault, 60, 30 * DAY_SECONDS)?,
        },
        "webhook-reordered" => DeliveryFault::AfterNewer { seconds: 0 },
        "webhook-late" => DeliveryFault::AfterNewer {
            seconds: seconds(fault, 60, 30 * DAY_SECONDS)?,
        },
        "webhook-bad-signature" => DeliveryFault::BadSignature,
        "webhook-wrong-alg" => DeliveryFault::WrongAlg(alg),
        "webhook-expired" => DeliveryFault::Expired,
        "webhook-unknown-event" => DeliveryFault::UnknownEvent(event_type.to_owned()),
        "webhook-data" => DeliveryFault::Data(shape),
        _ => return Err(format!("{name:?} is no fault")),
    })
}

fn seconds(fault: &Fault, default: i64, max: i64) -> Result<i64, String> {
    let seconds = fault.seconds.unwrap_or(default);
    if (1..=max).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!("seconds is 1 to {max}"))
    }
}
