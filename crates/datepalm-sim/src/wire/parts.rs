//! What a request says its amount is made of, added up on the way: Tamara's books keep the sum alone.

use serde_json::Value;
use tamara::money::Money;

fn minor(amount: &Value) -> Option<i64> {
    if amount.is_null() {
        return Some(0);
    }
    let money: Money = serde_json::from_value(amount.clone()).ok()?;
    Some(money.minor())
}

/// What does not add up in the body of a capture or a cancel that names items.
pub fn misfit(body: &str) -> Option<String> {
    let said: Value = serde_json::from_str(body).ok()?;
    let items = said["items"].as_array()?;
    let lines: Option<i64> = items.iter().map(|item| minor(&item["total_amount"])).sum();
    let made = || {
        let on_top = minor(&said["shipping_amount"])? + minor(&said["tax_amount"])?;
        Some(lines? + on_top - minor(&said["discount_amount"])?)
    };
    let total = minor(&said["total_amount"]);
    (made() != total || total.is_none()).then(|| body.to_owned())
}
