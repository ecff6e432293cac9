//! Who takes payments: the merchants and the options that a sandbox is opened with.
//!
//! Not persisted: the caller passes them at every start. Invariant: `Debug` shows no token.

use std::fmt;
use std::path::PathBuf;

use crate::Clock;

/// One merchant account at Tamara with the flags that Tamara sets per merchant.
#[derive(Clone)]
pub struct Merchant {
    /// Shown on the hosted page; unique, and the merchant's id is derived from it.
    pub name: String,
    /// ISO country, `SA`, `AE`, `BH`, `KW` or `OM`.
    pub country: String,
    /// The country's currency.
    pub currency: String,
    /// Bearer token of the merchant API.
    pub api_token: String,
    /// HS256 secret of webhooks and notification callbacks.
    pub notification_token: String,
    /// Approved orders are authorised and captured without a call.
    pub auto_authorise: bool,
    /// The authorise call captures at once.
    pub auto_capture: bool,
    /// Smallest order total in minor units.
    pub min_minor: i64,
    /// Largest order total in minor units.
    pub max_minor: i64,
}

impl Merchant {
    /// No flags, limits of 1 to 5000 major units of the country's currency.
    ///
    /// An unsupported `country` is reported by [`crate::Sandbox::open`].
    pub fn new(name: &str, country: &str, api_token: &str, notification_token: &str) -> Self {
        let (currency, unit) = match country {
            "SA" => ("SAR", 100),
            "AE" => ("AED", 100),
            "BH" => ("BHD", 1000),
            "KW" => ("KWD", 1000),
            "OM" => ("OMR", 1000),
            _ => ("", 100),
        };
        Self {
            name: name.to_owned(),
            country: country.to_owned(),
            currency: currency.to_owned(),
            api_token: api_token.to_owned(),
            notification_token: notification_token.to_owned(),
            auto_authorise: false,
            auto_capture: false,
            min_minor: unit,
            max_minor: 5000 * unit,
        }
    }
}

impl fmt::Debug for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merchant")
            .field("name", &self.name)
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}

/// How to open a [`crate::Sandbox`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Where customers and clients reach the sandbox, no trailing slash; `checkout_url` is built from it.
    pub base_url: String,
    /// Directory of the journal; `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// The clock that all timers, dates and token life-times follow.
    pub clock: Clock,
    /// The merchants, each with its own token, name and orders.
    pub merchants: Vec<Merchant>,
    /// With a seed, ids and one-time codes are the same in every run; without, random.
    pub seed: Option<u64>,
}
