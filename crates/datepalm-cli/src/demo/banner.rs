//! What the demo says at its start: where everything is, and a command to begin with.

use super::Place;
use super::setup::{KUWAIT, SAUDI};
use crate::terminal::{Paint, Terminal, line};
use datepalm::ids::{self, SystemIds};

/// Prints it.
pub fn print(terminal: Terminal, place: &Place) {
    let Place {
        shop_url,
        sandbox_url,
        data,
    } = place;
    let row = |name: &str, value: &str, about: &str| {
        let value = format!("{value:<33}");
        line(&format!(
            "  {name:<8} {} {}",
            terminal.paint(Paint::Link, &value),
            terminal.paint(Paint::Dim, about)
        ));
    };
    let title = "Datepalm demo: everything runs on this machine, no real money moves";
    line(&terminal.paint(Paint::Bold, title));
    line("");
    row("Shop", shop_url, "begin here");
    row("API", &format!("{shop_url}/v1"), "what the shop calls");
    row(
        "Tamara",
        &format!("{sandbox_url}/_sandbox"),
        "its orders, its notifications, and a clock to move",
    );
    row("Data", &data.display().to_string(), "stays when this ends");
    line("");
    for account in [&SAUDI, &KUWAIT] {
        let about = format!("account {}, {}", account.name, account.country_name);
        row(
            "Key",
            account.secret_key,
            &format!("{about}, {}", account.currency),
        );
    }
    line("");
    let how = "Buy something in the shop, or create a payment as a shop's server does:";
    line(&terminal.paint(Paint::Bold, how));
    line("");
    line(&curl(shop_url));
    line("");
    line("Then open its checkout_url and pay with phone 544337866 and card 4658 5840 9000 0001.");
    line("Ctrl-C ends the demo. What happens to payments, times in UTC:");
    line("");
}

/// Pasting it twice shows what an idempotency key does: the same payment comes back. Another start of the demo
/// prints another key.
fn curl(shop_url: &str) -> String {
    let order = &ids::token(&SystemIds::default())[..6];
    format!(
        r#"curl {shop_url}/v1/payments \
  -H 'Authorization: Bearer {key}' \
  -H 'Idempotency-Key: order-{order}' \
  -H 'Content-Type: application/json' \
  -d '{{
    "merchant_reference": "A-{order}",
    "total_amount": {{"amount": 30012, "currency": "SAR"}},
    "items": [{{"reference_id": "SKU-1", "name": "Ajwa dates, 1 kg", "sku": "SKU-1", "quantity": 2,
               "unit_price": {{"amount": 15006, "currency": "SAR"}}}}],
    "customer": {{"first_name": "Noura", "last_name": "Al Harbi", "phone_number": "544337866",
                 "email": "noura@example.com"}},
    "shipping_address": {{"line1": "12 Palm Street", "city": "Riyadh"}},
    "return_urls": {{"success": "{shop_url}", "failure": "{shop_url}", "cancel": "{shop_url}"}}
  }}'"#,
        key = SAUDI.secret_key
    )
}
