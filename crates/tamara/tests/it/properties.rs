//! Properties over many inputs: amounts survive the way to text and back, and no parser panics.

use proptest::prelude::*;
use tamara::money::{Currency, Money};
use tamara::notification::{Verifier, parse};
use tamara::orders::Order;

fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(Currency::ALL.to_vec())
}

proptest! {
    #[test]
    fn an_amount_survives_its_decimal(minor: i64, currency in currency()) {
        let money = Money::new(minor, currency);
        prop_assert_eq!(Money::parse_decimal(&money.decimal(), currency), Ok(money));
    }

    #[test]
    fn an_amount_survives_json(minor: i64, currency in currency()) {
        let money = Money::new(minor, currency);
        let json = serde_json::to_string(&money).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    }

    #[test]
    fn what_parses_keeps_its_value(text in "-?[0-9]{1,12}(\\.[0-9]{1,4})?", currency in currency()) {
        if let Ok(money) = Money::parse_decimal(&text, currency) {
            let trim = |text: &str| {
                let (sign, digits) = text.strip_prefix('-').map_or(("", text), |it| ("-", it));
                let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
                let whole = whole.trim_start_matches('0');
                let fraction = fraction.trim_end_matches('0');
                let sign = if whole.is_empty() && fraction.is_empty() { "" } else { sign };
                format!("{sign}{whole}.{fraction}")
            };
            prop_assert_eq!(trim(&money.decimal()), trim(&text));
        }
    }

    #[test]
    fn no_text_makes_the_amount_parser_panic(text: String, currency in currency()) {
        let _ = Money::parse_decimal(&text, currency);
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes: Vec<u8>) {
        let _ = parse(&bytes);
        let _ = serde_json::from_slice::<Order>(&bytes);
    }

    #[test]
    fn no_json_makes_the_parsers_panic(value in "[\\[{][\"a-z_:,0-9.\\[\\]{} -]{0,60}[\\]}]") {
        let _ = parse(value.as_bytes());
        let _ = serde_json::from_str::<Order>(&value);
    }

    #[test]
    fn no_token_is_accepted_by_chance(token: String, header: Option<String>, now_s: i64) {
        let verifier = Verifier::new(vec!["secret".into()]).unwrap();
        prop_assert!(verifier.verify(header.as_deref(), Some(&token), now_s).is_err());
        let bearer = format!("Bearer {token}");
        prop_assert!(verifier.verify(Some(&bearer), None, now_s).is_err());
    }

    #[test]
    fn no_three_parts_make_the_verifier_panic(token in "[A-Za-z0-9_=-]{0,40}(\\.[A-Za-z0-9_=-]{0,40}){2}") {
        let verifier = Verifier::new(vec!["secret".into()]).unwrap();
        prop_assert!(verifier.verify(None, Some(&token), 0).is_err());
    }
}
