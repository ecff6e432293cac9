//! Properties over many inputs: amounts survive the way to text and back, and no token is accepted by chance. What
//! comes from outside stands in `bytes`.

use proptest::prelude::*;
use tamara::money::{Currency, Money};
use tamara::notification::Verifier;

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
