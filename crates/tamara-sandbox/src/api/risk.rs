//! `risk_assessment` (endpoints 2.1): nothing is decided by it, but a malformed field refuses the
//! session, as it does at Tamara.
//!
//! Invariant: unknown keys pass, and so does every documented key in its documented form.

use super::fields::Fields;

const DATES: [&str; 5] = [
    "customer_dob",
    "account_creation_date",
    "platform_account_creation_date",
    "date_of_first_transaction",
    "last_order_date",
];
const FLAGS: [&str; 9] = [
    "is_premium_customer",
    "is_existing_customer",
    "is_guest_user",
    "is_card_on_file",
    "is_COD_customer",
    "has_delivered_order",
    "is_phone_verified",
    "is_fraudulent_customer",
    "reward_program_enrolled",
];
const NUMBERS: [&str; 4] = [
    "total_ltv",
    "order_amount_last3months",
    "last_order_amount",
    "reward_program_points",
];
const COUNTS: [&str; 3] = [
    "customer_age",
    "total_order_count",
    "order_count_last3months",
];

pub(super) fn check(body: &Fields<'_>) {
    let Some(risk) = body.object("risk_assessment") else {
        return;
    };
    for name in DATES {
        check_text(&risk, name, is_date, "not dd-mm-yyyy");
    }
    for name in FLAGS {
        if risk.has(name) && risk.flag(name).is_none() {
            risk.invalid(name, "neither true nor false");
        }
    }
    for name in NUMBERS {
        if risk.has(name) {
            risk.required_number(name);
        }
    }
    for name in COUNTS {
        risk.whole_number(name);
    }
    let is_gender = |text: &str| matches!(text, "Male" | "Female");
    check_text(
        &risk,
        "customer_gender",
        is_gender,
        "neither Male nor Female",
    );
    let is_country = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    check_text(
        &risk,
        "customer_nationality",
        is_country,
        "not two capitals",
    );
}

/// An empty text counts as absent: Tamara's own plugins send such.
fn check_text(risk: &Fields<'_>, name: &str, is_right: impl Fn(&str) -> bool, problem: &str) {
    let text = risk.text(name).unwrap_or_default();
    if !text.is_empty() && !is_right(&text) {
        risk.invalid(name, problem);
    }
}

/// A day of the calendar, `dd-mm-yyyy`.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut part = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        part.bytes().all(|b| b.is_ascii_digit()).then_some(part)?;
        part.parse::<i16>().ok()
    };
    let (Some(day), Some(month), Some(year)) = (part(2), part(2), part(4)) else {
        return false;
    };
    let narrow = |number: i16| i8::try_from(number).unwrap_or(0);
    parts.next().is_none() && jiff::civil::Date::new(year, narrow(month), narrow(day)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_date;

    #[test]
    fn dates_are_days_of_the_calendar() {
        assert!(is_date("29-02-2024"));
        for text in [
            "2024-02-29",
            "29-02-2023",
            "1-2-2024",
            "01-01-20245",
            "01-01-2024-",
            "ab-01-2024",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }
}
