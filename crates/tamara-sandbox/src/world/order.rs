//! An order with everything that happened to its money.
//!
//! Pure data and sums over it; what may happen is in [`crate::rules`]. Amounts are minor units of
//! the order's one currency. Invariant: captures, cancels and refunds only grow; nothing that
//! holds a person's data has a `Debug`.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::choices::Uncaptured;
use crate::money::Currency;

/// Tamara's order statuses, spelt as Tamara spells them (order-lifecycle 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    New,
    Declined,
    Expired,
    Approved,
    Authorised,
    Updated,
    PartiallyCaptured,
    FullyCaptured,
    PartiallyRefunded,
    FullyRefunded,
    Canceled,
}

impl Status {
    /// The wire spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Approved => "approved",
            Self::Authorised => "authorised",
            Self::Updated => "updated",
            Self::PartiallyCaptured => "partially_captured",
            Self::FullyCaptured => "fully_captured",
            Self::PartiallyRefunded => "partially_refunded",
            Self::FullyRefunded => "fully_refunded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    #[serde(rename = "order_id")]
    pub(crate) id: String,
    /// Order of creation: the newest of a reference has the largest.
    pub(crate) sequence: u64,
    pub(crate) checkout_id: String,
    pub(crate) merchant_id: String,
    #[serde(rename = "order_reference_id")]
    pub(crate) reference: String,
    #[serde(rename = "order_number")]
    pub(crate) number: String,
    pub(crate) description: String,
    pub(crate) status: Status,
    pub(crate) country: String,
    pub(crate) currency: Currency,
    pub(crate) total_minor: i64,
    pub(crate) shipping_minor: i64,
    pub(crate) tax_minor: i64,
    pub(crate) discount: Discount,
    /// What the customer has paid to Tamara so far; never reset (gotchas 41).
    pub(crate) paid_minor: i64,
    pub(crate) payment_type: String,
    pub(crate) instalments: Option<i64>,
    pub(crate) items: Vec<Item>,
    pub(crate) consumer: Consumer,
    pub(crate) shipping_address: Address,
    pub(crate) billing_address: Option<Address>,
    pub(crate) store_code: String,
    pub(crate) notification_url: Option<String>,
    #[serde(default)]
    pub(crate) channel: Channel,
    #[serde(default = "session_minutes")]
    pub(crate) session_minutes: i64,
    #[serde(default = "single_checkout")]
    pub(crate) single_checkout: bool,
    pub(crate) created_at_ms: i64,
    pub(crate) approved_at_ms: Option<i64>,
    pub(crate) authorised_at_ms: Option<i64>,
    /// What time does to it once it is authorised.
    #[serde(default)]
    pub(crate) uncaptured: Option<Uncaptured>,
    pub(crate) captures: Vec<Capture>,
    pub(crate) cancels: Vec<Cancel>,
    pub(crate) refunds: Vec<Refund>,
}

/// Where the order is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Channel {
    #[default]
    Online,
    /// A link that the customer got by SMS.
    InStoreLink,
    /// A code that the customer scanned at the till.
    InStoreQr,
}

impl Channel {
    /// Minutes that a session lasts unless the merchant may say otherwise (lifecycle 4.8).
    pub(crate) fn session_minutes(self) -> i64 {
        match self {
            Self::Online => 30,
            Self::InStoreLink | Self::InStoreQr => 15,
        }
    }
}

fn session_minutes() -> i64 {
    Channel::Online.session_minutes()
}

fn single_checkout() -> bool {
    true
}

impl Order {
    /// When the session that it was made for ends.
    pub(crate) fn session_end_ms(&self) -> i64 {
        self.created_at_ms + self.session_minutes * 60_000
    }

    /// An order with a total and nothing else; its ids come when its session opens.
    pub(crate) fn new(channel: Channel, currency: Currency, total_minor: i64) -> Self {
        Self {
            id: String::new(),
            sequence: 0,
            checkout_id: String::new(),
            merchant_id: String::new(),
            reference: String::new(),
            number: String::new(),
            description: String::new(),
            status: Status::New,
            country: currency.country().to_owned(),
            currency,
            total_minor,
            shipping_minor: 0,
            tax_minor: 0,
            discount: Discount::default(),
            paid_minor: 0,
            payment_type: String::new(),
            instalments: None,
            items: Vec::new(),
            consumer: Consumer::default(),
            shipping_address: Address::default(),
            billing_address: None,
            store_code: String::new(),
            notification_url: None,
            channel,
            session_minutes: channel.session_minutes(),
            single_checkout: true,
            created_at_ms: 0,
            approved_at_ms: None,
            authorised_at_ms: None,
            uncaptured: None,
            captures: Vec::new(),
            cancels: Vec::new(),
            refunds: Vec::new(),
        }
    }

    pub(crate) fn captured_minor(&self) -> i64 {
        self.captures.iter().map(|c| c.amounts.total_minor).sum()
    }

    pub(crate) fn canceled_minor(&self) -> i64 {
        self.cancels.iter().map(|c| c.amounts.total_minor).sum()
    }

    pub(crate) fn refunded_minor(&self) -> i64 {
        self.refunds.iter().map(|r| r.amounts.total_minor).sum()
    }

    /// What may still be captured or cancelled (order-lifecycle 4.4, formulae).
    pub(crate) fn remaining_minor(&self) -> i64 {
        self.total_minor - self.captured_minor() - self.canceled_minor()
    }

    /// The lines' totals; whoever opened the session chose them, so their sum may be absurd.
    pub(crate) fn items_minor(&self) -> i64 {
        let totals = self.items.iter().map(|item| item.total_minor);
        totals.fold(0, i64::saturating_add)
    }

    pub(crate) fn refundable_minor(&self) -> i64 {
        self.captured_minor() - self.refunded_minor()
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Discount {
    pub(crate) name: String,
    pub(crate) minor: i64,
}

/// One line of an order, a capture or a cancel.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) reference_id: String,
    pub(crate) r#type: String,
    pub(crate) name: String,
    pub(crate) sku: String,
    /// Not money and never calculated with: kept and echoed.
    pub(crate) quantity: Number,
    pub(crate) unit_price_minor: i64,
    pub(crate) tax_minor: i64,
    pub(crate) discount_minor: i64,
    pub(crate) total_minor: i64,
    #[serde(rename = "item_url")]
    pub(crate) page_url: String,
    pub(crate) image_url: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Consumer {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: String,
    /// International digits without plus.
    pub(crate) phone_number: String,
    pub(crate) national_id: String,
    pub(crate) date_of_birth: Option<String>,
    pub(crate) is_first_order: Option<bool>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) line1: String,
    pub(crate) line2: String,
    pub(crate) region: String,
    pub(crate) city: String,
    pub(crate) country_code: String,
    pub(crate) phone_number: String,
    pub(crate) postal_code: String,
}

/// The amounts and lines that a capture, cancel or refund names.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Amounts {
    pub(crate) total_minor: i64,
    pub(crate) shipping_minor: i64,
    pub(crate) tax_minor: i64,
    pub(crate) discount_minor: i64,
    pub(crate) items: Vec<Item>,
}

impl Amounts {
    /// A total and nothing else.
    pub(crate) fn of(total_minor: i64) -> Self {
        Self {
            total_minor,
            ..Self::default()
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Capture {
    #[serde(rename = "capture_id")]
    pub(crate) id: String,
    pub(crate) amounts: Amounts,
    /// How much of this capture went back; refunds take from the oldest capture first.
    pub(crate) refunded_minor: i64,
    pub(crate) shipping: Shipment,
    pub(crate) created_at_ms: i64,
}

/// `shipped_at` is echoed as the merchant wrote it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Shipment {
    pub(crate) shipped_at: String,
    pub(crate) shipping_company: String,
    pub(crate) tracking_number: Option<String>,
    pub(crate) tracking_url: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Cancel {
    #[serde(rename = "cancel_id")]
    pub(crate) id: String,
    pub(crate) amounts: Amounts,
    pub(crate) created_at_ms: i64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Refund {
    #[serde(rename = "refund_id")]
    pub(crate) id: String,
    pub(crate) capture_id: String,
    pub(crate) amounts: Amounts,
    pub(crate) comment: String,
    pub(crate) merchant_refund_id: Option<String>,
    pub(crate) created_at_ms: i64,
}
