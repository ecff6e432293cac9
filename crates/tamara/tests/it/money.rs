//! Amounts: exact digits in, exact digits out.

use tamara::money::{Country, Currency, Money, MoneyError};

fn sar(minor: i64) -> Money {
    Money::new(minor, Currency::Sar)
}

#[test]
fn decimals_are_read_exactly() {
    for (text, currency, minor) in [
        ("300.12", Currency::Sar, 30_012),
        ("575", Currency::Sar, 57_500),
        ("0.1", Currency::Aed, 10),
        ("00.00", Currency::Sar, 0),
        ("-5", Currency::Sar, -500),
        ("-0.05", Currency::Sar, -5),
        ("1.5000", Currency::Sar, 150),
        ("1.234", Currency::Kwd, 1_234),
        ("1.2340", Currency::Bhd, 1_234),
        ("7", Currency::Omr, 7_000),
        ("92233720368547758.07", Currency::Sar, i64::MAX),
        ("-92233720368547758.08", Currency::Sar, i64::MIN),
    ] {
        assert_eq!(
            Money::parse_decimal(text, currency),
            Ok(Money::new(minor, currency)),
            "{text}"
        );
    }
}

#[test]
fn anything_else_is_refused() {
    for text in [
        "", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1e2", "1E2", "1,5", "--1", "٣", "0x1", "NaN",
    ] {
        let refused = Money::parse_decimal(text, Currency::Sar);
        assert_eq!(refused, Err(MoneyError::NotDecimal), "{text}");
    }
    for text in [
        "92233720368547758.08",
        "-92233720368547758.09",
        "99999999999999999999",
    ] {
        assert_eq!(
            Money::parse_decimal(text, Currency::Sar),
            Err(MoneyError::Overflow),
            "{text}"
        );
    }
}

#[test]
fn text_forms() {
    assert_eq!(sar(30_012).to_string(), "300.12 SAR");
    assert_eq!(sar(-5).decimal(), "-0.05");
    assert_eq!(sar(i64::MIN).decimal(), "-92233720368547758.08");
    assert_eq!(Money::new(7, Currency::Omr).to_string(), "0.007 OMR");
}

#[test]
fn sums_are_checked() {
    assert_eq!(sar(2).checked_add(sar(3)), Ok(sar(5)));
    assert_eq!(sar(2).checked_sub(sar(3)), Ok(sar(-1)));
    assert_eq!(sar(i64::MAX).checked_add(sar(1)), Err(MoneyError::Overflow));
    let mixed = sar(1).checked_add(Money::new(1, Currency::Aed));
    assert!(matches!(mixed, Err(MoneyError::MixedCurrency { .. })));
}

#[test]
fn json_is_read_from_numbers_and_texts_and_written_as_numbers() {
    for amount in [
        "575",
        "575.0",
        "575.00",
        "\"575.00\"",
        "\"575\"",
        "\"00575.000\"",
    ] {
        let json = format!(r#"{{"currency":"SAR","amount": {amount} }}"#);
        assert_eq!(
            serde_json::from_str::<Money>(&json).unwrap(),
            sar(57_500),
            "{amount}"
        );
    }
    let written = serde_json::to_string(&sar(57_510)).unwrap();
    assert_eq!(written, r#"{"amount":575.10,"currency":"SAR"}"#);
    for amount in [
        "5.75e2",
        "\"5.75e2\"",
        "null",
        "true",
        "[575]",
        "{}",
        "\"\"",
        "575.001",
    ] {
        let json = format!(r#"{{"amount":{amount},"currency":"SAR"}}"#);
        assert!(serde_json::from_str::<Money>(&json).is_err(), "{amount}");
    }
    assert!(serde_json::from_str::<Money>(r#"{"amount":1,"currency":"QAR"}"#).is_err());
}

#[test]
fn a_number_that_no_float_can_hold_survives() {
    let json = r#"{"amount":90071992547409.93,"currency":"SAR"}"#;
    let money: Money = serde_json::from_str(json).unwrap();
    assert_eq!(money.minor(), 9_007_199_254_740_993);
    assert_eq!(serde_json::to_string(&money).unwrap(), json);
}

#[test]
fn codes_match_their_enum() {
    for currency in Currency::ALL {
        assert_eq!(Currency::from_code(currency.code()), Some(currency));
        assert_eq!(currency.code().parse(), Ok(currency));
        assert_eq!(
            serde_json::to_string(&currency).unwrap(),
            format!("\"{currency}\"")
        );
    }
    for country in Country::ALL {
        assert_eq!(Country::from_code(country.code()), Some(country));
        assert_eq!(
            serde_json::to_string(&country).unwrap(),
            format!("\"{country}\"")
        );
        assert!(country.currency().code().starts_with(country.code()) || country == Country::Ae);
    }
    assert_eq!(Currency::from_code("sar"), None);
    assert_eq!(Country::Ae.currency(), Currency::Aed);
}
