//! Lines and amounts that checkout, cancel and capture have in common.

use super::fields::Fields;
use crate::world::{Amounts, Item};

/// One line (endpoints 2.1, item object).
pub(super) fn item(fields: &Fields<'_>) -> Item {
    let name = fields.required_text("name");
    fields.at_most("name", &name, 255);
    let sku = fields.required_text("sku");
    fields.at_most("sku", &sku, 128);
    Item {
        reference_id: fields.filled_text("reference_id"),
        r#type: if fields.choices().lenient_orders {
            fields.text("type").unwrap_or_default()
        } else {
            fields.required_text("type")
        },
        name,
        sku,
        quantity: fields.required_number("quantity"),
        unit_price_minor: fields.money("unit_price").unwrap_or(0),
        tax_minor: fields.money("tax_amount").unwrap_or(0),
        discount_minor: fields.money("discount_amount").unwrap_or(0),
        total_minor: fields.required_money("total_amount"),
        page_url: limited(fields, "item_url", 1024),
        image_url: limited(fields, "image_url", 1024),
    }
}

/// An optional text, empty when absent.
pub(super) fn limited(fields: &Fields<'_>, name: &str, characters_max: usize) -> String {
    let text = fields.text(name).unwrap_or_default();
    fields.at_most(name, &text, characters_max);
    text
}

/// What a cancel or a capture names: a total above zero and, optionally, its parts.
pub(super) fn amounts(fields: &Fields<'_>) -> Amounts {
    let items = fields.list("items").unwrap_or_default();
    Amounts {
        total_minor: fields.positive_money("total_amount"),
        shipping_minor: fields.money("shipping_amount").unwrap_or(0),
        tax_minor: fields.money("tax_amount").unwrap_or(0),
        discount_minor: fields.money("discount_amount").unwrap_or(0),
        items: items.iter().map(item).collect(),
    }
}
