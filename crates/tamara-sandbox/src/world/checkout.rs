//! A checkout session: where its customer stands on the hosted page.
//!
//! Never holds a card number. Whether the session is still open is the order's status, not kept
//! here a second time.

use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Checkout {
    #[serde(rename = "checkout_id")]
    pub(crate) id: String,
    pub(crate) order_id: String,
    pub(crate) locale: Locale,
    pub(crate) success_url: String,
    pub(crate) failure_url: String,
    pub(crate) cancel_url: String,
    /// As the customer typed or the merchant prefilled it, in digits.
    pub(crate) phone: String,
    pub(crate) step: Step,
    /// The page of this session asks for an identity, or did.
    #[serde(default)]
    pub(crate) asks_id: bool,
}

/// The step the page shows while the order is `new`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Phone,
    Otp {
        code: String,
    },
    Terms,
    /// Saudi Arabia: the number is shown once the customer has asked for it.
    Nafath {
        number: Option<String>,
    },
    /// The Emirates: how many of the pictures are taken.
    Kyc {
        pictures: usize,
    },
    Plan,
    Card {
        plan: Plan,
    },
    ThreeDs {
        plan: Plan,
    },
}

impl Step {
    /// The page's `data-step`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Otp { .. } => "otp",
            Self::Terms => "terms",
            Self::Nafath { number: None } => "nafath",
            Self::Nafath { number: Some(_) } => "nafath_wait",
            Self::Kyc { .. } => "kyc",
            Self::Plan => "plan",
            Self::Card { .. } => "card",
            Self::ThreeDs { .. } => "three_ds",
        }
    }
}

/// How the customer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// Everything today (`PAY_NOW`).
    Full,
    /// Two instalments.
    Two,
    /// Three instalments.
    Three,
    /// Four instalments.
    Four,
}

impl Plan {
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::Two, Self::Three, Self::Four];

    /// The form's spelling: `full`, `2`, `3` or `4`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Two => "2",
            Self::Three => "3",
            Self::Four => "4",
        }
    }

    pub(crate) fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.key() == key)
    }

    /// The parts of `total_minor`, today's first: equal, with the remainder on the first. They
    /// always add up to the total.
    pub(crate) fn amounts_minor(self, total_minor: i64) -> Vec<i64> {
        let parts = self.parts();
        let part_minor = total_minor / parts;
        let first_minor = total_minor - part_minor * (parts - 1);
        let rest = (1..parts).map(|_| part_minor);
        std::iter::once(first_minor).chain(rest).collect()
    }

    pub(crate) fn parts(self) -> i64 {
        match self {
            Self::Full => 1,
            Self::Two => 2,
            Self::Three => 3,
            Self::Four => 4,
        }
    }
}

/// Language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Locale {
    #[serde(rename = "ar_SA")]
    Arabic,
    #[serde(rename = "en_US")]
    English,
}

impl Locale {
    /// Lenient, as clients send `en-US` and `ar_AE` too (gotchas 23); a new customer without a
    /// stated language gets Arabic (environments 1.6).
    pub(crate) fn parse(text: &str) -> Self {
        if text.to_ascii_lowercase().starts_with("en") {
            Self::English
        } else {
            Self::Arabic
        }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Arabic => "ar_SA",
            Self::English => "en_US",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Locale, Plan};

    #[test]
    fn instalments_add_up_with_the_remainder_on_the_first() {
        let check = |plan: Plan, total: i64, expected: &[i64]| {
            assert_eq!(plan.amounts_minor(total), expected);
        };
        check(Plan::Full, 57_500, &[57_500]);
        check(Plan::Two, 101, &[51, 50]);
        check(Plan::Three, 57_500, &[19_168, 19_166, 19_166]);
        check(Plan::Four, 10_003, &[2503, 2500, 2500, 2500]);
    }

    #[test]
    fn locales_are_read_leniently() {
        for text in ["en_US", "en-US", "en", "EN_us"] {
            assert_eq!(Locale::parse(text), Locale::English);
        }
        for text in ["ar_SA", "ar_AE", "ar", ""] {
            assert_eq!(Locale::parse(text), Locale::Arabic);
        }
    }
}
