//! Books from a file: merchants, choices, orders in any status, webhooks, faults.
//!
//! Orders take the same way as a client's: the API, the customer, the portal. Invariant: a seed
//! that is refused leaves no order behind; webhooks come last, so that no seeded order is told.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::money::{Currency, parse_minor};
use crate::world::Account;
use crate::{Choices, Fault, Merchant, Plan, Sandbox, Status, merchant};

/// An answer of the API is far smaller.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What a sandbox begins with. Unknown names are refused; everything may be left out.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    merchants: Vec<SeedMerchant>,
    choices: Option<Choices>,
    orders: Vec<SeedOrder>,
    webhooks: Vec<SeedWebhook>,
    faults: Vec<Fault>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedMerchant {
    name: String,
    country: String,
    api_token: String,
    notification_token: String,
    #[serde(default)]
    old_api_tokens: Vec<String>,
    #[serde(default)]
    production_api_tokens: Vec<String>,
    #[serde(default)]
    auto_authorise: bool,
    #[serde(default)]
    auto_capture: bool,
    #[serde(default)]
    may_set_session_length: bool,
    #[serde(default)]
    disabled: bool,
    /// Order totals, major units.
    min: Option<Value>,
    max: Option<Value>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SeedOrder {
    /// A merchant's name, or a country; the first merchant without.
    merchant: Option<String>,
    reference: String,
    /// Major units.
    total: Value,
    /// How far it came; the captures, cancels and refunds follow from their lists.
    status: SeedStatus,
    plan: Option<String>,
    captures: Vec<Value>,
    cancels: Vec<Value>,
    refunds: Vec<Value>,
    /// Fields of `POST /checkout` in place of the made-up ones.
    checkout: serde_json::Map<String, Value>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SeedStatus {
    #[default]
    New,
    Declined,
    Expired,
    Approved,
    Authorised,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedWebhook {
    merchant: Option<String>,
    url: String,
    events: Vec<String>,
    r#type: Option<String>,
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
}

impl Seed {
    /// Reads JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Its merchants, for [`crate::Options`].
    pub fn merchants(&self) -> Result<Vec<Merchant>, String> {
        self.merchants.iter().map(SeedMerchant::merchant).collect()
    }

    /// The same without orders and webhooks, for books that were kept.
    #[must_use]
    pub fn without_books(self) -> Self {
        Self {
            orders: Vec::new(),
            webhooks: Vec::new(),
            ..self
        }
    }
}

impl SeedMerchant {
    fn merchant(&self) -> Result<Merchant, String> {
        let (api, notification) = (&self.api_token, &self.notification_token);
        let mut merchant = Merchant::new(&self.name, &self.country, api, notification);
        merchant.old_api_tokens.clone_from(&self.old_api_tokens);
        merchant
            .production_api_tokens
            .clone_from(&self.production_api_tokens);
        merchant.auto_authorise = self.auto_authorise;
        merchant.auto_capture = self.auto_capture;
        merchant.may_set_session_length = self.may_set_session_length;
        merchant.disabled = self.disabled;
        if let Some(currency) = Currency::of_country(&self.country) {
            for (limit, minor) in [
                (&self.min, &mut merchant.min_minor),
                (&self.max, &mut merchant.max_minor),
            ] {
                if let Some(limit) = limit {
                    *minor = minor_of(limit, currency)?;
                }
            }
        }
        Ok(merchant)
    }
}

fn minor_of(amount: &Value, currency: Currency) -> Result<i64, String> {
    let text = match amount {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    parse_minor(&text, currency).map_err(|bad| format!("{text}: {}", bad.problem()))
}

impl Sandbox {
    /// Adds what the seed holds and answers the ids of its orders, or why it was refused. A
    /// merchant of a known name is replaced; the merchants last until the process ends.
    pub async fn seed(&self, seed: &Seed) -> Result<Vec<String>, String> {
        self.seed_merchants(seed)?;
        if let Some(choices) = &seed.choices {
            self.set_choices(*choices);
        }
        let before = self.snapshot();
        let mut order_ids = Vec::new();
        for (index, order) in seed.orders.iter().enumerate() {
            match self.seed_order(order).await {
                Ok(order_id) => order_ids.push(order_id),
                Err(why) => {
                    self.restore(before)
                        .map_err(|refusal| refusal.to_string())?;
                    return Err(format!("order {}: {why}", index + 1));
                }
            }
        }
        for (index, webhook) in seed.webhooks.iter().enumerate() {
            if let Err(why) = self.seed_webhook(webhook).await {
                self.restore(before)
                    .map_err(|refusal| refusal.to_string())?;
                return Err(format!("webhook {}: {why}", index + 1));
            }
        }
        for fault in &seed.faults {
            self.add_fault(fault.clone())?;
        }
        Ok(order_ids)
    }

    fn seed_merchants(&self, seed: &Seed) -> Result<(), String> {
        let new = seed.merchants()?;
        if new.is_empty() {
            return Ok(());
        }
        let mut books = self.lock();
        let known = books
            .world
            .accounts()
            .iter()
            .map(|account| account.merchant.clone());
        let is_new = |merchant: &Merchant| new.iter().any(|n| n.name == merchant.name);
        let kept: Vec<_> = known.filter(|merchant| !is_new(merchant)).collect();
        let accounts = merchant::accounts(&[kept, new].concat()).map_err(|e| e.to_string())?;
        books.world.set_accounts(accounts);
        Ok(())
    }

    fn seed_account(&self, word: Option<&str>) -> Result<Account, String> {
        self.read(|world, _| {
            let mut accounts = world.accounts().iter();
            let account = accounts.find(|account| {
                let merchant = &account.merchant;
                word.is_none_or(|word| merchant.name == word || merchant.country == word)
            });
            account
                .cloned()
                .ok_or_else(|| "no such merchant".to_owned())
        })
    }

    async fn seed_order(&self, seed: &SeedOrder) -> Result<String, String> {
        let account = self.seed_account(seed.merchant.as_deref())?;
        let answer = self
            .ask(&account, "/checkout", &checkout(seed, &account))
            .await?;
        let id = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let (order_id, checkout_id) = (id("order_id"), id("checkout_id"));
        let plan = seed.plan.as_deref().unwrap_or("3");
        let plan = Plan::parse(plan).ok_or("plan is full, 2, 3 or 4")?;
        let customer = self.customer(&checkout_id);
        let moved = match seed.status {
            SeedStatus::New => return Ok(order_id),
            SeedStatus::Declined => customer.decline(),
            SeedStatus::Expired => customer.expire(),
            SeedStatus::Approved | SeedStatus::Authorised => customer.approve(plan),
        };
        moved.map_err(|refusal| refusal.to_string())?;
        if seed.status == SeedStatus::Authorised {
            self.seed_work(seed, &order_id, account.currency)?;
        }
        Ok(order_id)
    }

    fn seed_work(
        &self,
        seed: &SeedOrder,
        order_id: &str,
        currency: Currency,
    ) -> Result<(), String> {
        let portal = self.portal(order_id);
        let status = self.read(|world, _| world.order(order_id).map(|order| order.status));
        if status == Some(Status::Approved) {
            portal.authorise().map_err(|refusal| refusal.to_string())?;
        }
        for amount in &seed.cancels {
            let done = portal.cancel(minor_of(amount, currency)?);
            done.map_err(|refusal| refusal.to_string())?;
        }
        for amount in &seed.captures {
            let done = portal.capture(minor_of(amount, currency)?);
            done.map_err(|refusal| refusal.to_string())?;
        }
        for amount in &seed.refunds {
            let done = portal.refund(minor_of(amount, currency)?);
            done.map_err(|refusal| refusal.to_string())?;
        }
        Ok(())
    }

    async fn seed_webhook(&self, seed: &SeedWebhook) -> Result<Value, String> {
        let account = self.seed_account(seed.merchant.as_deref())?;
        let body = json!({
            "url": seed.url, "events": seed.events, "headers": seed.headers,
            "type": seed.r#type.as_deref().unwrap_or("order"),
        });
        self.ask(&account, "/webhooks", &body).await
    }

    /// Asks the API as a client of this merchant would, without faults.
    async fn ask(&self, account: &Account, path: &str, body: &Value) -> Result<Value, String> {
        let token = &account.merchant.api_token;
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .map_err(|_| "the token is no text for a header".to_owned())?;
        let asked = crate::api::router(self.clone()).oneshot(request).await;
        let answer = asked.unwrap_or_else(|never| match never {});
        let accepted = answer.status().is_success();
        let bytes = to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if accepted {
            Ok(answer)
        } else {
            Err(format!("{} {}", answer["message"], answer["errors"]))
        }
    }
}

/// A complete request for a session with made-up goods and a made-up person.
fn checkout(seed: &SeedOrder, account: &Account) -> Value {
    let currency = account.currency.code();
    let country = &account.merchant.country;
    let money = |amount: &Value| json!({ "amount": amount, "currency": currency });
    let (total, nothing) = (money(&seed.total), money(&json!(0)));
    let phone = match country.as_str() {
        "SA" | "AE" => "551230045",
        "BH" => "33123004",
        _ => "51230045",
    };
    let mut body = json!({
        "order_reference_id": seed.reference,
        "description": "An order of the seed",
        "country_code": country,
        "total_amount": total, "shipping_amount": nothing, "tax_amount": nothing,
        "payment_type": "PAY_BY_INSTALMENTS",
        "items": [{
            "reference_id": "SEED-1", "type": "Digital", "name": "Seeded goods", "sku": "SEED-1",
            "quantity": 1, "unit_price": total, "total_amount": total,
        }],
        "consumer": {
            "first_name": "Seed", "last_name": "Customer",
            "phone_number": phone, "email": "seed@example.com",
        },
        "shipping_address": {
            "first_name": "Seed", "last_name": "Customer", "line1": "1 Seed Street",
            "city": "Seed", "country_code": country,
        },
        "merchant_url": {
            "success": "https://shop.example/success",
            "failure": "https://shop.example/failure",
            "cancel": "https://shop.example/cancel",
        },
        "locale": "en_US",
    });
    for (name, value) in &seed.checkout {
        body[name] = value.clone();
    }
    body
}
