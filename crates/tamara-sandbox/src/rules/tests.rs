use super::*;

#[test]
fn the_matrix_has_one_row_for_each_status() {
    for (index, row) in MATRIX.iter().enumerate() {
        let first = MATRIX.iter().position(|other| other.status == row.status);
        assert_eq!(first, Some(index));
    }
    assert!(allowed(Operation::Authorise, Status::Approved));
    assert!(!allowed(Operation::Cancel, Status::Approved));
}

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
