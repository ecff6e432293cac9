//! What differs between the worlds of two seeds: the weather, Tamara's flags and habits, and how the shop sells.

use crate::rng::Rng;
use serde_json::{Value, json};
use tamara_sandbox::{
    Choices, Clock, CustomerCancel, DeclinedOrder, Merchant, Options, RefusalStatus,
    RepeatedAuthorise, Uncaptured,
};

/// One account of the shop, in a country of its own.
pub struct Shop {
    /// The account's name.
    pub account: &'static str,
    /// Its secret key.
    pub key: &'static str,
    /// ISO code.
    pub currency: &'static str,
}

/// Riyals with two digits, dinars with three.
pub const SHOPS: [Shop; 2] = [
    Shop {
        account: "sim",
        key: "sk_test_simulated",
        currency: "SAR",
    },
    Shop {
        account: "gulf",
        key: "sk_test_simulated_gulf",
        currency: "KWD",
    },
];

/// What a payment costs; other content under the same reference costs a little more.
pub const TOTAL_MINOR: i64 = 30_012;

/// Amounts that are asked for, besides all that is left: parts that add up to the whole, and meet again and again.
pub const AMOUNTS: [i64; 5] = [10_000, 20_012, 10_000, 12, 30_012];

const NOTIFICATION_TOKEN: &str = "notify-0123456789abcdef0123456789abcdef";

/// The world of a seed.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Of a hundred calls, how many do not go well.
    pub fault_percent: u64,
    /// Of a hundred reads, how many show the past.
    pub stale_percent: u64,
    /// Of a hundred points where a task may stop, how many make it wait for others.
    pub pause_percent: u64,
    /// Of a thousand such points, at how many its node dies.
    pub death_permille: u64,
    /// Tamara captures an approved order by itself.
    pub auto_authorise: bool,
    /// Tamara's authorise captures.
    pub auto_capture: bool,
    /// Reads may answer 404 or a status that nobody knows.
    pub odd_reads: bool,
    /// People act in Tamara's portal.
    pub portal: bool,
    /// Tamara cuts the milliseconds of `shipped_at`.
    pub cuts_milliseconds: bool,
    /// Tamara shows items otherwise than it was told.
    pub reshapes_items: bool,
    /// Orders have more than one line.
    pub several_items: bool,
    /// The person at our own side is now and then wrong.
    pub person_errs: bool,
    /// Tamara forgets the merchant's refund id.
    pub drops_refund_id: bool,
    /// So long a refund is called pending.
    pub refund_pending_ms: i64,
    /// The clocks of the nodes are wrong by a few seconds each.
    pub clocks_differ: bool,
    /// In the end, time goes on for so long.
    pub rest_ms: i64,
    /// What Tamara does where its sources are silent.
    pub choices: Choices,
}

const HOUR_MS: i64 = 3_600_000;

impl Setting {
    /// The setting of a seed.
    pub fn of(seed: u64) -> Self {
        let mut chance = Rng::new(seed ^ 0x5e77_1e55);
        let fault_percent = *chance.pick(&[4, 12, 12, 25, 40]);
        let mut setting = Self {
            fault_percent,
            stale_percent: *chance.pick(&[0, 10, 30]),
            pause_percent: *chance.pick(&[5, 15, 30]),
            death_permille: *chance.pick(&[2, 6, 15]),
            auto_authorise: false,
            auto_capture: false,
            odd_reads: chance.below(3) == 0,
            portal: chance.below(2) == 0,
            cuts_milliseconds: chance.below(3) == 0,
            reshapes_items: chance.below(3) == 0,
            several_items: Rng::new(seed ^ 0x17e5).below(2) == 0,
            person_errs: Rng::new(seed ^ 0xe445).below(8) == 0,
            drops_refund_id: chance.below(8) == 0,
            refund_pending_ms: *chance.pick(&[0, 0, 0, 60_000, 1_200_000, 7 * HOUR_MS]),
            clocks_differ: Rng::new(seed ^ 0x00c1_0c45).below(3) == 0,
            rest_ms: if chance.below(6) == 0 {
                250 * 24 * HOUR_MS
            } else {
                30 * HOUR_MS
            },
            choices: Choices::default(),
        };
        match chance.below(10) {
            0 => setting.auto_authorise = true,
            1 => setting.auto_capture = true,
            _ => {}
        }
        let choices = &mut setting.choices;
        choices.cancel_after_partial_capture = chance.below(3) == 0;
        choices.capture_after_partial_refund = chance.below(3) == 0;
        choices.captures_show_refunds = chance.below(3) == 0;
        choices.money_as_list = chance.below(6) == 0;
        if chance.below(5) == 0 {
            choices.repeated_authorise = RepeatedAuthorise::Already;
        }
        if chance.below(5) == 0 {
            choices.transition_status = RefusalStatus::BadRequest;
        }
        if chance.below(5) == 0 {
            choices.excess_amount_status = RefusalStatus::Conflict;
        }
        if chance.below(6) == 0 {
            choices.uncaptured = Uncaptured::ExpiresAfter90Days;
        }
        if chance.below(3) == 0 {
            choices.customer_cancel = CustomerCancel::StaysOpen;
        }
        if chance.below(3) == 0 {
            choices.declined_order = DeclinedOrder::MayBeApproved;
        }
        setting
    }

    /// Tamara of this setting.
    pub fn sandbox(&self, clock: &Clock, seed: u64) -> Options {
        let merchants = [("Riyadh", "SA", "api-sim"), ("Kuwait", "KW", "api-gulf")];
        let merchants = merchants.map(|(name, country, token)| {
            let mut merchant = Merchant::new(name, country, token, NOTIFICATION_TOKEN);
            merchant.auto_authorise = self.auto_authorise;
            merchant.auto_capture = self.auto_capture;
            merchant
        });
        Options {
            clock: clock.clone(),
            seed: Some(seed),
            choices: self.choices,
            ..Options::new("http://tamara.sim", merchants.into())
        }
    }
}

/// The service's configuration.
pub const CONFIG: &str = r#"public_url = "http://datepalm.sim"
    reconciliation.at = "off"
    [accounts.sim]
    country = "SA"
    environment = "http://tamara.sim"
    api_token = "api-sim"
    notification_token = "notify-0123456789abcdef0123456789abcdef"
    return_url_prefixes = ["https://shop.sim"]
    shipping_company = "Ours"
    [accounts.gulf]
    country = "KW"
    environment = "http://tamara.sim"
    api_token = "api-gulf"
    old_api_tokens = ["api-gulf-before"]
    notification_token = "notify-0123456789abcdef0123456789abcdef"
    return_url_prefixes = ["https://shop.sim"]
    shipping_company = "Ours"
"#;

/// The body of a create. `variant` 0 is what the merchant wants, others are other content.
pub fn order(
    shop: &Shop,
    reference: &str,
    variant: i64,
    automatic: bool,
    several_items: bool,
) -> Value {
    let total = TOTAL_MINOR + variant;
    let money = |minor: i64| json!({ "amount": minor, "currency": shop.currency });
    let mut order = json!({
        "merchant_reference": reference,
        "total_amount": money(total),
        "capture_mode": if automatic { "automatic" } else { "manual" },
        "items": [{ "reference_id": "i", "name": "Item", "sku": "I", "quantity": 1, "unit_price": money(total) }],
        "customer": { "first_name": "A", "last_name": "B", "phone_number": "544337866", "email": "a@example.com" },
        "shipping_address": { "line1": "Street 1", "city": "Riyadh" },
        "return_urls": { "success": "https://shop.sim/", "failure": "https://shop.sim/", "cancel": "https://shop.sim/" },
    });
    if several_items {
        super::items::fill(&mut order, shop, variant);
    }
    order
}
