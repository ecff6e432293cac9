//! Misbehaviour on command: which request or callback is struck, by what, and how often.
//!
//! What a fault does to a request is in [`requests`], to a callback in [`deliveries`]; here is the
//! book of rules, and the only waiting of this crate. Invariant: with the same rules, seeds and
//! requests the same ones are struck; a rule that is not struck changes nothing.

mod broken;
pub(crate) mod deliveries;
mod kind;
pub(crate) mod requests;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::digest;
use serde_json::{Value, json};

pub use broken::Severed;
pub(crate) use deliveries::Fate;
use deliveries::{DeliveryFault, Hold};
pub use kind::Fault;
pub(crate) use kind::{CATALOGUE, from_header};
use kind::{Kind, kind};
use requests::RequestFault;

/// Waits in real time: a slow answer, a silent connection, a closed door.
#[expect(
    clippy::disallowed_methods,
    reason = "slowness is what these faults are made of; nothing else of this crate waits"
)]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

struct Rule {
    id: u64,
    fault: Fault,
    kind: Kind,
    /// Chances taken so far, hit or missed.
    drawn: u64,
    struck: u64,
}

impl Rule {
    fn is_used_up(&self) -> bool {
        self.fault.count.is_some_and(|count| self.struck >= count)
    }

    /// Takes a chance, and counts a hit.
    fn hits(&mut self, seed: u64) -> bool {
        self.drawn += 1;
        let percent = self.fault.percent.unwrap_or(100);
        let hit = percentile(self.fault.seed.unwrap_or(seed), self.drawn) < percent;
        self.struck += u64::from(hit);
        hit
    }

    fn report(&self) -> Value {
        let mut report = serde_json::to_value(&self.fault).expect("a fault serialises");
        report["id"] = self.id.into();
        report["struck"] = self.struck.into();
        report["used_up"] = self.is_used_up().into();
        report
    }
}

/// The `drawn`-th number of a seed, 0 to 99.
fn percentile(seed: u64, drawn: u64) -> u64 {
    let mut input = b"fault".to_vec();
    input.extend(seed.to_be_bytes());
    input.extend(drawn.to_be_bytes());
    let digest = digest::digest(&digest::SHA256, &input);
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_ref()[..8]);
    u64::from_be_bytes(first) % 100
}

/// The rules in force. Kept in memory only: a restart forgets them.
pub(crate) struct Faults {
    /// For rules that name no seed of their own.
    seed: u64,
    last_id: u64,
    rules: Vec<Rule>,
    refused_until_ms: Option<i64>,
    holds: BTreeMap<u64, Hold>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            last_id: 0,
            rules: Vec::new(),
            refused_until_ms: None,
            holds: BTreeMap::new(),
        }
    }

    /// Puts a fault in force; the answer is its id, or what is wrong with it.
    pub(crate) fn add(&mut self, fault: Fault, now_ms: i64) -> Result<u64, String> {
        let kind = kind(&fault)?;
        self.last_id += 1;
        if let Kind::Refuse { seconds } = kind {
            self.refused_until_ms = Some(now_ms.saturating_add(seconds * 1000));
        } else {
            self.rules.push(Rule {
                id: self.last_id,
                fault,
                kind,
                drawn: 0,
                struck: 0,
            });
        }
        Ok(self.last_id)
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|rule| rule.id != id);
        self.rules.len() < before
    }

    /// Forgets all rules; callbacks that were held back are free.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
        self.refused_until_ms = None;
        self.holds.clear();
    }

    pub(crate) fn report(&self) -> Vec<Value> {
        self.rules.iter().map(Rule::report).collect()
    }

    /// Whether the listener is closed at this moment.
    pub(crate) fn refuses(&mut self, now_ms: i64) -> bool {
        if self.refused_until_ms.is_some_and(|until| until <= now_ms) {
            self.refused_until_ms = None;
        }
        self.refused_until_ms.is_some()
    }

    /// Whether any rule may show an order as it was.
    pub(crate) fn looks_back(&self) -> bool {
        let stale = |rule: &Rule| matches!(rule.kind, Kind::Request(RequestFault::Stale { .. }));
        self.rules.iter().any(stale)
    }

    /// The first rule for this request whose chance hits.
    pub(crate) fn for_request(&mut self, method: &str, path: &str) -> Option<RequestFault> {
        let seed = self.seed;
        self.rules.iter_mut().find_map(|rule| match &rule.kind {
            Kind::Request(fault) => {
                let fault = fault.clone();
                let meant = !rule.is_used_up() && rule.fault.is_for(method, path);
                (meant && rule.hits(seed)).then_some(fault)
            }
            Kind::Delivery(_) | Kind::Refuse { .. } => None,
        })
    }

    /// The first rule for a callback about this event whose chance hits, with its name.
    fn for_delivery(&mut self, event: &str) -> Option<(String, DeliveryFault)> {
        let seed = self.seed;
        self.rules.iter_mut().find_map(|rule| match &rule.kind {
            Kind::Delivery(fault) => {
                let named = (rule.fault.fault.clone(), fault.clone());
                let meant = !rule.is_used_up() && rule.fault.is_for_event(event);
                (meant && rule.hits(seed)).then_some(named)
            }
            Kind::Request(_) | Kind::Refuse { .. } => None,
        })
    }
}

/// Every fault by its name, for people.
pub(crate) fn catalogue() -> Vec<Value> {
    let entry = |(name, what, parameters): &(&str, &str, &[&str])| json!({ "fault": name, "what": what, "parameters": parameters });
    CATALOGUE.iter().map(entry).collect()
}

#[cfg(test)]
mod tests;
