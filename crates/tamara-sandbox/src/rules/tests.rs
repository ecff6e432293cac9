//! The redirects and the phone that is always declined; operations are tested through the API.

use super::*;

#[test]
fn redirects_carry_status_and_order_at_the_very_end() {
    let check = |url: &str, expected: &str| {
        assert_eq!(redirect_url(url, "approved", "ID"), expected);
    };
    check(
        "https://s.example/ok",
        "https://s.example/ok?paymentStatus=approved&orderId=ID",
    );
    check(
        "https://s.example/cb?shopOrder=1",
        "https://s.example/cb?shopOrder=1&paymentStatus=approved&orderId=ID",
    );
    check(
        "https://s.example/#/ok",
        "https://s.example/#/ok?paymentStatus=approved&orderId=ID",
    );
    check(
        "tamara://checkout/success",
        "tamara://checkout/success?paymentStatus=approved&orderId=ID",
    );
}

#[test]
fn the_declined_phone_is_known_under_any_prefix() {
    for phone in ["526422337", "966526422337", "971526422337"] {
        assert!(is_decline_phone(phone));
    }
    assert!(!is_decline_phone("966551230045"));
}
