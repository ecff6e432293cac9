//! Who takes payments: the merchants and the options that a sandbox is opened with.
//!
//! Not persisted: the caller passes them at every start. Invariant: `Debug` shows no token.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use crate::ids::{merchant_id, public_key};
use crate::money::Currency;
use crate::world::{Account, Plan};
use crate::{Choices, Clock, Error};

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
    /// Tokens that `api_token` replaced and that still work.
    pub old_api_tokens: Vec<String>,
    /// Tokens of Tamara's other environment: "Merchant is not found" instead of "Unauthorized".
    pub production_api_tokens: Vec<String>,
    /// For front-end widgets; given by `GET /merchants/configs`. Derived from the name if empty.
    pub public_key: String,
    /// HS256 secret of webhooks and notification callbacks.
    pub notification_token: String,
    /// Approved orders are authorised and captured without a call.
    pub auto_authorise: bool,
    /// The authorise call captures at once.
    pub auto_capture: bool,
    /// Customers pick their plan on Tamara's page, not in the shop.
    pub single_checkout: bool,
    /// `expires_in_minutes` and `expiry_time` are heeded; without, sessions last 30 and 15 minutes.
    pub may_set_session_length: bool,
    /// Tamara itself tells the customer about a capture. Kept and shown; nothing is sent.
    pub capture_notifications: bool,
    /// Tamara takes no new order of this merchant: `tamara_disabled`.
    pub disabled: bool,
    /// Smallest order total in minor units.
    pub min_minor: i64,
    /// Largest order total in minor units.
    pub max_minor: i64,
    /// Total of the orders opened within 24 hours, minor units; none if there is no such limit.
    pub daily_max_minor: Option<i64>,
    /// The ways to pay that customers are offered, at least one.
    pub plans: Vec<PlanTerms>,
}

/// One way to pay and the totals it is for, within the merchant's own limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanTerms {
    /// In full, or in a number of instalments.
    pub plan: Plan,
    /// Smallest total, minor units.
    pub min_minor: i64,
    /// Largest total, minor units.
    pub max_minor: i64,
}

impl PlanTerms {
    /// For every total that the merchant may take.
    pub fn any_total(plan: Plan) -> Self {
        Self {
            plan,
            min_minor: 0,
            max_minor: i64::MAX,
        }
    }
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
            old_api_tokens: Vec::new(),
            production_api_tokens: Vec::new(),
            public_key: String::new(),
            notification_token: notification_token.to_owned(),
            auto_authorise: false,
            auto_capture: false,
            single_checkout: true,
            may_set_session_length: false,
            capture_notifications: false,
            disabled: false,
            min_minor: unit,
            max_minor: 5000 * unit,
            daily_max_minor: None,
            plans: Plan::ALL.map(PlanTerms::any_total).into(),
        }
    }
}

impl Merchant {
    /// The merchant that `datepalm sandbox` and [`crate::Sandbox::start`] have for a country: for
    /// `SA` its tokens are `sandbox-sa` and `sandbox-sa-notification`.
    pub fn sample(country: &str) -> Self {
        let token = format!("sandbox-{}", country.to_lowercase());
        let notification_token = format!("{token}-notification");
        let name = format!("Sandbox shop {country}");
        Self::new(&name, country, &token, &notification_token)
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
    /// The clock that all timers and dates follow.
    pub clock: Clock,
    /// The merchants, each with its own token, name and orders.
    pub merchants: Vec<Merchant>,
    /// With a seed, ids and one-time codes are the same in every run; without, random.
    pub seed: Option<u64>,
    /// Which clock dates the tokens of callbacks. `None`: the sandbox's with a seed or a manual
    /// clock, else the system's.
    pub token_time: Option<TokenTime>,
    /// Gets each request with its answer as one readable block, secrets and persons' data masked.
    pub request_log: Option<RequestLog>,
    /// What to do where Tamara's sources are silent or disagree.
    pub choices: Choices,
}

impl Options {
    /// In memory, on the real clock, with random ids and the default choices.
    pub fn new(base_url: &str, merchants: Vec<Merchant>) -> Self {
        Self {
            base_url: base_url.to_owned(),
            data: None,
            clock: Clock::real(),
            merchants,
            seed: None,
            token_time: None,
            request_log: None,
            choices: Choices::default(),
        }
    }

    pub(crate) fn token_time(&self) -> TokenTime {
        let default = if self.seed.is_some() || self.clock.is_manual() {
            TokenTime::Sandbox
        } else {
            TokenTime::Real
        };
        self.token_time.unwrap_or(default)
    }
}

/// The time that `iat` and `exp` of a callback's token are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTime {
    /// The system's: a receiver with a clock of its own accepts the token even after the sandbox's
    /// clock was advanced (gotchas 44).
    Real,
    /// The sandbox's: for a receiver that shares its clock, and for the same bytes in every run.
    Sandbox,
}

/// Where the blocks of the request log go.
#[derive(Clone)]
pub struct RequestLog(Arc<dyn Fn(&str) + Send + Sync>);

impl RequestLog {
    /// `write` is called once per request, after its answer is known.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    pub(crate) fn write(&self, block: &str) {
        (self.0)(block);
    }
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestLog")
    }
}

/// Checks the merchants; tokens are trimmed, as pasted ones carry spaces.
pub(crate) fn accounts(merchants: &[Merchant]) -> Result<Vec<Account>, Error> {
    let mut accounts: Vec<Account> = Vec::new();
    for merchant in merchants {
        let mut merchant = merchant.clone();
        trim_tokens(&mut merchant);
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
        let known = |token: &str| accounts.iter().any(|a| a.merchant.has_token(token));
        if merchant.api_tokens().any(|token| known(token)) {
            return refuse("the API token is used twice");
        }
        if merchant.plans.is_empty() {
            return refuse("there is no way to pay");
        }
        let merchant_id = merchant_id(&merchant.name);
        if merchant.public_key.is_empty() {
            merchant.public_key = public_key(&merchant.name);
        }
        accounts.push(Account {
            merchant_id,
            currency,
            merchant,
        });
    }
    Ok(accounts)
}

fn trim_tokens(merchant: &mut Merchant) {
    let single = [&mut merchant.api_token, &mut merchant.notification_token];
    let listed = merchant.old_api_tokens.iter_mut();
    let listed = listed.chain(&mut merchant.production_api_tokens);
    for token in single.into_iter().chain(listed) {
        *token = token.trim().to_owned();
    }
    // An empty token in a list is a line left blank, and must not let anybody in.
    merchant.old_api_tokens.retain(|token| !token.is_empty());
    let production = &mut merchant.production_api_tokens;
    production.retain(|token| !token.is_empty());
}

impl Merchant {
    /// The tokens that are let in.
    pub(crate) fn api_tokens(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.api_token).chain(&self.old_api_tokens)
    }

    pub(crate) fn has_token(&self, token: &str) -> bool {
        self.api_tokens().any(|own| own == token)
    }

    /// The totals a plan is for, the merchant's own limits included; none if it is not offered.
    pub(crate) fn limits(&self, plan: Plan) -> Option<RangeInclusive<i64>> {
        let terms = self.plans.iter().find(|terms| terms.plan == plan)?;
        let min_minor = terms.min_minor.max(self.min_minor);
        let limits = min_minor..=terms.max_minor.min(self.max_minor);
        (!limits.is_empty()).then_some(limits)
    }

    /// The plans that a customer with this total is offered.
    pub(crate) fn plans_for(&self, total_minor: i64) -> Vec<Plan> {
        let offered = |plan: &Plan| self.limits(*plan).is_some_and(|l| l.contains(&total_minor));
        Plan::ALL.into_iter().filter(offered).collect()
    }
}
