//! Who takes payments: the merchants and the options that a sandbox is opened with.
//!
//! Not persisted: the caller passes them at every start. Invariant: `Debug` shows no token.

use std::fmt;
use std::path::PathBuf;

use crate::ids::merchant_id;
use crate::money::Currency;
use crate::world::Account;
use crate::{Clock, Error};

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
        let currency = Currency::of_country(country);
        let unit = currency.map_or(1, Currency::unit);
        Self {
            name: name.to_owned(),
            country: country.to_owned(),
            currency: currency.map_or("", Currency::code).to_owned(),
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

/// Checks the merchants; tokens are trimmed, as pasted ones carry spaces.
pub(crate) fn accounts(options: &Options) -> Result<Vec<Account>, Error> {
    let mut accounts: Vec<Account> = Vec::new();
    for merchant in &options.merchants {
        let mut merchant = merchant.clone();
        for token in [&mut merchant.api_token, &mut merchant.notification_token] {
            *token = token.trim().to_owned();
        }
        let refuse = |why: &str| Err(Error::Options(format!("merchant {}: {why}", merchant.name)));
        let Some(currency) = Currency::of_country(&merchant.country) else {
            return refuse("the country is not one of SA, AE, BH, KW, OM");
        };
        if merchant.currency != currency.code() {
            return refuse("the currency is not the country's own");
        }
        // An empty secret would let anybody in, or sign for anybody.
        if merchant.api_token.is_empty() || merchant.notification_token.is_empty() {
            return refuse("both tokens must be set");
        }
        if accounts.iter().any(|a| a.merchant.name == merchant.name) {
            return refuse("the name is used twice");
        }
        let token = &merchant.api_token;
        if accounts.iter().any(|a| a.merchant.api_token == *token) {
            return refuse("the API token is used twice");
        }
        accounts.push(Account {
            merchant_id: merchant_id(&merchant.name),
            currency,
            merchant,
        });
    }
    Ok(accounts)
}
