//! Who buys and where it goes: consumer and addresses of a checkout (endpoints 2.1).
//!
//! Phones become international digits. Invariant: every problem has the code that Tamara's plugins
//! know for its field, if they know one.

use super::fields::Fields;
use super::items::limited;
use super::phone;
use crate::world::{Address, Consumer};

pub(super) fn consumer(body: &Fields<'_>, country: &str) -> Consumer {
    let fields = body.required_object("consumer");
    let Some(fields) = fields else {
        return Consumer::default();
    };
    let first_name = fields.required_text("first_name");
    if fields.has("first_name") && first_name.trim().is_empty() {
        fields.invalid_as("consumer_empty_first_name", "first_name", "empty");
    }
    let email = fields.text("email").unwrap_or_default();
    if email.is_empty() && fields.choices().require_email {
        fields.invalid_as("consumer_empty_email", "email", "empty");
    }
    if !email.is_empty() && !email.contains('@') {
        fields.invalid_as("consumer_invalid_email", "email", "not an e-mail address");
    }
    let phone = fields.required_text("phone_number");
    let phone_number = phone::normalise(&phone, country);
    if phone_number.is_none() && fields.has("phone_number") {
        let code = "consumer_invalid_phone_number";
        fields.invalid_as(code, "phone_number", "not a phone number");
    }
    Consumer {
        first_name,
        last_name: fields.required_text("last_name"),
        email,
        phone_number: phone_number.unwrap_or_default(),
        national_id: fields.text("national_id").unwrap_or_default(),
        date_of_birth: fields.text("date_of_birth"),
        is_first_order: fields.flag("is_first_order"),
    }
}

pub(super) fn shipping_address(body: &Fields<'_>) -> Address {
    let Some(fields) = body.required_object("shipping_address") else {
        return Address::default();
    };
    for name in ["first_name", "last_name", "line1", "city", "country_code"] {
        fields.require(name);
    }
    address(&fields, "shipping_address_invalid_phone_number")
}

/// The same fields, none of them required.
pub(super) fn billing_address(body: &Fields<'_>) -> Option<Address> {
    let fields = body.object("billing_address")?;
    Some(address(&fields, "billing_address_invalid_phone_number"))
}

fn address(fields: &Fields<'_>, bad_phone: &'static str) -> Address {
    let text = |name: &str| limited(fields, name, 512);
    let country_code = text("country_code");
    let phone = text("phone_number");
    let phone_number = phone::normalise(&phone, &country_code);
    if phone_number.is_none() && !phone.is_empty() {
        fields.invalid_as(bad_phone, "phone_number", "not a phone number");
    }
    Address {
        first_name: text("first_name"),
        last_name: text("last_name"),
        line1: text("line1"),
        line2: text("line2"),
        region: text("region"),
        city: text("city"),
        country_code,
        phone_number: phone_number.unwrap_or_default(),
        postal_code: text("postal_code"),
    }
}
