//! Tamara's shapes of an order and of what happened to it (endpoints 2.7, examples 06 to 11).
//!
//! Only the way from the books to JSON. Invariant: every documented key is always there.

use serde::{Serialize, Serializer};
use serde_json::Number;

use crate::Choices;
use crate::dates::{day, rfc3339};
use crate::money::{Currency, WireMoney};
use crate::world::{Address, Amounts, Cancel, Capture, Channel, Item, Order, Refund, Shipment};

#[derive(Serialize)]
pub(super) struct OrderAnswer<'a> {
    order_id: &'a str,
    order_reference_id: &'a str,
    order_number: &'a str,
    description: &'a str,
    consumer: ConsumerAnswer<'a>,
    status: &'static str,
    shipping_address: &'a Address,
    billing_address: Option<&'a Address>,
    items: Vec<ItemAnswer<'a>>,
    payment_type: &'a str,
    instalments: Option<i64>,
    total_amount: WireMoney,
    shipping_amount: WireMoney,
    tax_amount: WireMoney,
    /// On the order a name with an amount, elsewhere a plain amount (gotchas 6).
    discount_amount: DiscountAnswer<'a>,
    captured_amount: WireMoney,
    refunded_amount: WireMoney,
    canceled_amount: WireMoney,
    paid_amount: WireMoney,
    settlement_status: &'static str,
    settlement_date: Option<&'static str>,
    created_at: String,
    wallet_prepaid_amount: WireMoney,
    transactions: Transactions<'a>,
    processing: bool,
    store_code: &'a str,
    additional_data: Additional,
}

#[derive(Serialize)]
struct ConsumerAnswer<'a> {
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    phone_number: &'a str,
    national_id: &'a str,
    date_of_birth: String,
    is_first_order: Option<bool>,
}

#[derive(Serialize)]
struct DiscountAnswer<'a> {
    name: &'a str,
    amount: WireMoney,
}

#[derive(Serialize)]
struct Additional {
    single_checkout: bool,
    from_in_store_payment_link: bool,
}

#[derive(Serialize)]
struct Transactions<'a> {
    cancels: Vec<CancelAnswer<'a>>,
    captures: Vec<CaptureAnswer<'a>>,
    refunds: Vec<RefundAnswer<'a>>,
}

#[derive(Serialize)]
struct ItemAnswer<'a> {
    reference_id: &'a str,
    r#type: &'a str,
    name: &'a str,
    sku: &'a str,
    quantity: &'a Number,
    unit_price: WireMoney,
    tax_amount: WireMoney,
    discount_amount: WireMoney,
    total_amount: WireMoney,
    item_url: &'a str,
    image_url: &'a str,
}

#[derive(Serialize)]
struct CaptureAnswer<'a> {
    capture_id: &'a str,
    order_id: &'a str,
    merchant_id: &'a str,
    total_amount: WireMoney,
    refunded_amount: WireMoney,
    shipping_info: &'a Shipment,
    items: Vec<ItemAnswer<'a>>,
    shipping_amount: WireMoney,
    tax_amount: WireMoney,
    discount_amount: WireMoney,
    created_at: String,
}

#[derive(Serialize)]
struct RefundAnswer<'a> {
    refund_id: &'a str,
    capture_id: &'a str,
    total_amount: WireMoney,
    items: Vec<ItemAnswer<'a>>,
    tax_amount: WireMoney,
    shipping_amount: WireMoney,
    discount_amount: WireMoney,
    created_at: String,
    updated_at: String,
    comment: &'a str,
    ext_data: [(); 0],
    merchant_refund_id: Option<&'a str>,
    refund_status: &'static str,
}

#[derive(Serialize)]
struct CancelAnswer<'a> {
    cancel_id: &'a str,
    order_id: &'a str,
    total_amount: WireMoney,
    items: Vec<ItemAnswer<'a>>,
    created_at: String,
}

impl Serialize for OrderView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.answer().serialize(serializer)
    }
}

/// An order on its way out.
pub(super) struct OrderView<'a>(pub(super) &'a Order, pub(super) Choices);

impl<'a> OrderView<'a> {
    fn money(&self, minor: i64) -> WireMoney {
        money(self.0.currency, minor)
    }

    fn answer(&self) -> OrderAnswer<'a> {
        let order = self.0;
        OrderAnswer {
            order_id: &order.id,
            order_reference_id: &order.reference,
            order_number: &order.number,
            description: &order.description,
            consumer: self.consumer(),
            status: order.status.as_str(),
            shipping_address: &order.shipping_address,
            billing_address: order.billing_address.as_ref(),
            items: items(order.currency, &order.items),
            payment_type: &order.payment_type,
            instalments: order.instalments,
            total_amount: self.money(order.total_minor),
            shipping_amount: self.money(order.shipping_minor),
            tax_amount: self.money(order.tax_minor),
            discount_amount: DiscountAnswer {
                name: &order.discount.name,
                amount: self.money(order.discount.minor),
            },
            captured_amount: self.money(order.captured_minor()),
            refunded_amount: self.money(order.refunded_minor()),
            canceled_amount: self.money(order.canceled_minor()),
            paid_amount: self.money(order.paid_minor),
            settlement_status: "",
            settlement_date: None,
            created_at: rfc3339(order.created_at_ms),
            wallet_prepaid_amount: self.money(0),
            transactions: Transactions {
                cancels: order.cancels.iter().map(|c| self.cancel(c)).collect(),
                captures: order.captures.iter().map(|c| self.capture(c)).collect(),
                refunds: order.refunds.iter().map(|r| self.refund(r)).collect(),
            },
            processing: false,
            store_code: &order.store_code,
            additional_data: Additional {
                single_checkout: order.single_checkout,
                from_in_store_payment_link: order.channel == Channel::InStoreLink,
            },
        }
    }

    fn consumer(&self) -> ConsumerAnswer<'a> {
        let order = self.0;
        let consumer = &order.consumer;
        // The order's day stands in for an unknown date of birth (gotchas 10).
        let born = consumer.date_of_birth.clone();
        let order_day = || format!("{}T00:00:00.000Z", day(order.created_at_ms));
        ConsumerAnswer {
            first_name: &consumer.first_name,
            last_name: &consumer.last_name,
            email: &consumer.email,
            phone_number: &consumer.phone_number,
            national_id: &consumer.national_id,
            date_of_birth: born.unwrap_or_else(order_day),
            is_first_order: consumer.is_first_order,
        }
    }

    fn capture(&self, capture: &'a Capture) -> CaptureAnswer<'a> {
        let Amounts {
            total_minor,
            shipping_minor,
            tax_minor,
            discount_minor,
            items: lines,
        } = &capture.amounts;
        CaptureAnswer {
            capture_id: &capture.id,
            order_id: &self.0.id,
            merchant_id: &self.0.merchant_id,
            total_amount: self.money(*total_minor),
            // Stays 0 in Tamara's samples even of a fully refunded order (gotchas 9).
            refunded_amount: self.money(if self.1.captures_show_refunds {
                capture.refunded_minor
            } else {
                0
            }),
            shipping_info: &capture.shipping,
            items: items(self.0.currency, lines),
            shipping_amount: self.money(*shipping_minor),
            tax_amount: self.money(*tax_minor),
            discount_amount: self.money(*discount_minor),
            created_at: rfc3339(capture.created_at_ms),
        }
    }

    fn refund(&self, refund: &'a Refund) -> RefundAnswer<'a> {
        let amounts = &refund.amounts;
        RefundAnswer {
            refund_id: &refund.id,
            capture_id: &refund.capture_id,
            total_amount: self.money(amounts.total_minor),
            items: items(self.0.currency, &amounts.items),
            tax_amount: self.money(amounts.tax_minor),
            shipping_amount: self.money(amounts.shipping_minor),
            discount_amount: self.money(amounts.discount_minor),
            created_at: rfc3339(refund.created_at_ms),
            updated_at: rfc3339(refund.created_at_ms),
            comment: &refund.comment,
            ext_data: [],
            merchant_refund_id: refund.merchant_refund_id.as_deref(),
            refund_status: "success",
        }
    }

    fn cancel(&self, cancel: &'a Cancel) -> CancelAnswer<'a> {
        CancelAnswer {
            cancel_id: &cancel.id,
            order_id: &self.0.id,
            total_amount: self.money(cancel.amounts.total_minor),
            items: items(self.0.currency, &cancel.amounts.items),
            created_at: rfc3339(cancel.created_at_ms),
        }
    }
}

pub(super) fn money(currency: Currency, minor: i64) -> WireMoney {
    WireMoney { minor, currency }
}

/// What an operation has moved: an object in every example of Tamara's, a list in its schema.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum DoneAmount {
    One(WireMoney),
    List([WireMoney; 1]),
}

pub(super) fn done_amount(choices: Choices, currency: Currency, minor: i64) -> DoneAmount {
    let amount = money(currency, minor);
    if choices.money_as_list {
        DoneAmount::List([amount])
    } else {
        DoneAmount::One(amount)
    }
}

fn items(currency: Currency, items: &[Item]) -> Vec<ItemAnswer<'_>> {
    let answer = |item| item_answer(currency, item);
    items.iter().map(answer).collect()
}

fn item_answer(currency: Currency, item: &Item) -> ItemAnswer<'_> {
    ItemAnswer {
        reference_id: &item.reference_id,
        r#type: &item.r#type,
        name: &item.name,
        sku: &item.sku,
        quantity: &item.quantity,
        unit_price: money(currency, item.unit_price_minor),
        tax_amount: money(currency, item.tax_minor),
        discount_amount: money(currency, item.discount_minor),
        total_amount: money(currency, item.total_minor),
        item_url: &item.page_url,
        image_url: &item.image_url,
    }
}
