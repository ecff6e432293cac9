//! How the demo's parts are set up: two merchant accounts, one clock, fixed keys.
//!
//! The fixed keys are for this and nothing else: `serve` refuses a database that holds them.

use super::Place;
use crate::failure::Result;
use crate::keys;
use anyhow::Context as _;
use datepalm::app::{App, Seams};
use datepalm::config;
use datepalm::ids::SystemIds;
use std::fmt::Write as _;
use std::sync::Arc;
use tamara::transport::{Environment, HttpTransport};
use tamara_sandbox::{Clock, Merchant, Options, Sandbox, TokenTime};

/// The service's database, in the data folder.
pub const DATABASE: &str = "datepalm.db";
/// The sandbox's folder, in the data folder.
pub const SANDBOX: &str = "sandbox";

/// What the accounts' environment is called. Where it is differs from start to start, and an account's environment
/// never changes (R28), so the address is given to the transport alone.
const ENVIRONMENT: &str = "http://offline-sandbox.invalid";

/// One merchant account: what Tamara and the service know of it, and its keys.
pub struct Account {
    pub name: &'static str,
    pub shop: &'static str,
    pub country: &'static str,
    pub country_name: &'static str,
    pub currency: &'static str,
    pub secret_key: &'static str,
    pub publishable_key: &'static str,
    api_token: &'static str,
    notification_token: &'static str,
}

pub const SAUDI: Account = Account {
    name: "demo_sa",
    shop: "Wahat Market",
    country: "SA",
    country_name: "Saudi Arabia",
    currency: "SAR",
    secret_key: "sk_test_demo",
    publishable_key: "pk_test_demo",
    api_token: "demo-sa-api-token",
    notification_token: "demo-sa-notification-token",
};

pub const KUWAIT: Account = Account {
    name: "demo_kw",
    shop: "Wahat Market Kuwait",
    country: "KW",
    country_name: "Kuwait",
    currency: "KWD",
    secret_key: "sk_test_demo_kw",
    publishable_key: "pk_test_demo_kw",
    api_token: "demo-kw-api-token",
    notification_token: "demo-kw-notification-token",
};

/// Tamara, offline, with what an earlier run left.
pub fn sandbox(place: &Place) -> Result<Sandbox> {
    let merchant = |account: &Account| {
        Merchant::new(
            account.shop,
            account.country,
            account.api_token,
            account.notification_token,
        )
    };
    Ok(Sandbox::open(Options {
        data: Some(place.data.join(SANDBOX)),
        // The service goes by the sandbox's clock, so the tokens do as well.
        token_time: Some(TokenTime::Sandbox),
        ..Options::new(
            &place.sandbox_url,
            vec![merchant(&SAUDI), merchant(&KUWAIT)],
        )
    })?)
}

/// The payment service on the sandbox's clock, with the demo's keys.
pub async fn service(place: &Place, sandbox: &Sandbox) -> Result<Arc<App>> {
    let config = config::parse(&settings(place), &place.data).context("the demo's settings")?;
    let timeouts = config.timeouts;
    let tamara = Environment::Url(place.sandbox_url.clone());
    let seams = Seams {
        clock: Arc::new(SharedClock(sandbox.clock())),
        ids: Arc::new(SystemIds::default()),
        transport: Box::new(move |_| Ok(Arc::new(HttpTransport::new(&tamara, timeouts)?))),
    };
    let app = App::open(config, seams).await?;
    for account in [&SAUDI, &KUWAIT] {
        for key in [account.secret_key, account.publishable_key] {
            let row = keys::row(account.name, key, app.ids.as_ref());
            keys::store_key(&app.store, row, app.clock.now_ms()).await?;
        }
    }
    Ok(app)
}

/// The same text that a configuration file holds. Payments are looked at sooner than a real service would.
fn settings(place: &Place) -> String {
    let Place { shop_url, .. } = place;
    let mut text = format!(
        "public_url = {shop_url:?}\n\
         database = \"sqlite:{DATABASE}\"\n\
         [durations]\n\
         polling = [3, 10, 30, 120, 600, 3600, 21600, 86400]\n"
    );
    for account in [&SAUDI, &KUWAIT] {
        let written = write!(
            text,
            "[accounts.{}]\n\
             country = {:?}\n\
             environment = {ENVIRONMENT:?}\n\
             api_token = {:?}\n\
             notification_token = {:?}\n\
             return_url_prefixes = [{shop_url:?}]\n\
             shipping_company = \"Demo Courier\"\n",
            account.name, account.country, account.api_token, account.notification_token
        );
        written.expect("writing to a text cannot fail");
    }
    text
}

/// The sandbox's clock as the service's.
struct SharedClock(Clock);

impl datepalm::clock::Clock for SharedClock {
    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }

    /// The sandbox's wall time never goes back, and unlike a monotonic reading it counts the machine's suspension.
    fn monotonic_ms(&self) -> i64 {
        self.0.now_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::{KUWAIT, SAUDI, settings};

    #[test]
    fn the_settings_are_valid_and_the_keys_are_the_ones_that_serve_refuses() {
        let place = super::Place {
            shop_url: "http://127.0.0.1:8080".into(),
            sandbox_url: "http://127.0.0.1:8081".into(),
            data: "demo".into(),
        };
        let config = datepalm::config::parse(&settings(&place), &place.data).unwrap();
        assert_eq!(config.accounts.len(), 2);
        let keys = [&SAUDI, &KUWAIT].map(|account| [account.secret_key, account.publishable_key]);
        assert_eq!(keys.concat(), datepalm::config::DEMO_KEYS);
    }
}
