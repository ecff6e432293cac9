//! Currencies and the sandbox's own amount parser.
//!
//! Amounts are `i64` minor units from the first byte on; the text of a number is read digit by
//! digit and never passes through a float. On purpose not shared with any client of the sandbox:
//! a mistake made twice would hide itself.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// The currencies Tamara takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    Sar,
    Aed,
    Bhd,
    Kwd,
    Omr,
}

impl Currency {
    pub(crate) const ALL: [Self; 5] = [Self::Sar, Self::Aed, Self::Bhd, Self::Kwd, Self::Omr];

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Sar => "SAR",
            Self::Aed => "AED",
            Self::Bhd => "BHD",
            Self::Kwd => "KWD",
            Self::Omr => "OMR",
        }
    }

    pub(crate) fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.code() == code)
    }

    /// The country whose currency this is; every other pair is refused.
    pub(crate) fn country(self) -> &'static str {
        match self {
            Self::Sar => "SA",
            Self::Aed => "AE",
            Self::Bhd => "BH",
            Self::Kwd => "KW",
            Self::Omr => "OM",
        }
    }

    pub(crate) fn of_country(country: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.country() == country)
    }

    /// Fraction digits of one major unit.
    pub(crate) fn digits(self) -> u32 {
        match self {
            Self::Sar | Self::Aed => 2,
            Self::Bhd | Self::Kwd | Self::Omr => 3,
        }
    }

    /// Minor units of one major unit.
    pub(crate) fn unit(self) -> i64 {
        10_i64.pow(self.digits())
    }

    /// `30012` halalas as `300.12`, always with all digits.
    pub(crate) fn format(self, minor: i64) -> String {
        let (sign, minor) = if minor < 0 {
            ("-", minor.unsigned_abs())
        } else {
            ("", minor.unsigned_abs())
        };
        let unit = self.unit().unsigned_abs();
        let width = usize::try_from(self.digits()).expect("two or three fits");
        format!("{sign}{}.{:0width$}", minor / unit, minor % unit)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadAmount {
    NotANumber,
    Negative,
    TooManyDigits,
    TooLarge,
}

impl BadAmount {
    pub(crate) fn problem(self) -> &'static str {
        match self {
            Self::NotANumber => "not a decimal number",
            Self::Negative => "negative",
            Self::TooManyDigits => "more fraction digits than the currency has",
            Self::TooLarge => "too large",
        }
    }
}

/// Whole digits of an amount at most: beyond any limit of Tamara's, far from the end of `i64`.
const WHOLE_DIGITS_MAX: usize = 12;

/// Reads major units such as `300.12`, `00.00` or `5` into minor units.
///
/// Excess digits are refused even when they are zeros: whoever sends `12.5000` has formatted the
/// amount for another currency. Exponents are refused as well.
pub(crate) fn parse_minor(text: &str, currency: Currency) -> Result<i64, BadAmount> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return Err(BadAmount::NotANumber),
        Some(parts) => parts,
        None => (digits, ""),
    };
    let numeric = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !numeric(whole) || !numeric(fraction) {
        return Err(BadAmount::NotANumber);
    }
    let scale = usize::try_from(currency.digits()).expect("two or three fits");
    if fraction.len() > scale {
        return Err(BadAmount::TooManyDigits);
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > WHOLE_DIGITS_MAX {
        return Err(BadAmount::TooLarge);
    }
    let mut minor = 0_i64;
    for digit in format!("{whole}{fraction:0<scale$}").bytes() {
        minor = minor * 10 + i64::from(digit - b'0');
    }
    if negative && minor > 0 {
        return Err(BadAmount::Negative);
    }
    Ok(minor)
}

/// As [`parse_minor`], but excess fraction digits are rounded half-up.
pub(crate) fn parse_minor_rounding(text: &str, currency: Currency) -> Result<i64, BadAmount> {
    let exact = parse_minor(text, currency);
    let Some((whole, fraction)) = text.split_once('.') else {
        return exact;
    };
    let scale = usize::try_from(currency.digits()).expect("two or three fits");
    let excess = fraction.as_bytes().get(scale..).unwrap_or_default();
    if exact != Err(BadAmount::TooManyDigits) || !excess.iter().all(u8::is_ascii_digit) {
        return exact;
    }
    let minor = parse_minor(&format!("{whole}.{}", &fraction[..scale]), currency)?;
    Ok(minor + i64::from(excess[0] >= b'5'))
}

/// An amount as Tamara writes it: a JSON number of major units without superfluous zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WireMoney {
    pub(crate) minor: i64,
    pub(crate) currency: Currency,
}

impl Serialize for WireMoney {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape {
            amount: Box<RawValue>,
            currency: Currency,
        }
        let text = self.currency.format(self.minor);
        let text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
        let amount = RawValue::from_string(text).expect("digits with a point are a JSON number");
        let currency = self.currency;
        Shape { amount, currency }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_from_their_digits() {
        let check = |text: &str, currency, expected: Result<i64, BadAmount>| {
            assert_eq!(
                parse_minor(text, currency),
                expected,
                "{text} {}",
                currency.code()
            );
        };
        check("300.12", Currency::Sar, Ok(30_012));
        check("300.1", Currency::Aed, Ok(30_010));
        check("00.00", Currency::Sar, Ok(0));
        check("-0", Currency::Sar, Ok(0));
        check("12.345", Currency::Kwd, Ok(12_345));
        check("0.1", Currency::Omr, Ok(100));
        check("999999999999.999", Currency::Bhd, Ok(999_999_999_999_999));
        check("1000000000000", Currency::Sar, Err(BadAmount::TooLarge));
        check("300.123", Currency::Sar, Err(BadAmount::TooManyDigits));
        check("12.3450", Currency::Kwd, Err(BadAmount::TooManyDigits));
        check("-1", Currency::Sar, Err(BadAmount::Negative));
        for text in [
            "", ".", "1.", ".5", "1e2", "1,5", "+1", " 1", "0x1", "NaN", "--1",
        ] {
            check(text, Currency::Sar, Err(BadAmount::NotANumber));
        }
    }

    #[test]
    fn excess_digits_are_rounded_half_up_where_that_is_chosen() {
        let check = |text: &str, currency, expected: Result<i64, BadAmount>| {
            assert_eq!(parse_minor_rounding(text, currency), expected, "{text}");
        };
        check("300.12", Currency::Sar, Ok(30_012));
        check("300.124", Currency::Sar, Ok(30_012));
        check("300.125", Currency::Sar, Ok(30_013));
        check("0.9999", Currency::Kwd, Ok(1_000));
        check("12.5000", Currency::Kwd, Ok(12_500));
        check("1.2x4", Currency::Sar, Err(BadAmount::NotANumber));
        check("-1.555", Currency::Sar, Err(BadAmount::Negative));
        check("1", Currency::Sar, Ok(100));
    }

    #[test]
    fn wire_amounts_are_numbers_without_superfluous_zeros() {
        let check = |minor, currency, expected: &str| {
            let text = serde_json::to_string(&WireMoney { minor, currency }).unwrap();
            assert_eq!(text, expected);
        };
        check(57_500, Currency::Sar, r#"{"amount":575,"currency":"SAR"}"#);
        check(
            19_167,
            Currency::Sar,
            r#"{"amount":191.67,"currency":"SAR"}"#,
        );
        check(0, Currency::Kwd, r#"{"amount":0,"currency":"KWD"}"#);
        check(
            12_340,
            Currency::Kwd,
            r#"{"amount":12.34,"currency":"KWD"}"#,
        );
        check(1_000, Currency::Sar, r#"{"amount":10,"currency":"SAR"}"#);
    }

    proptest! {
        #[test]
        fn formatting_and_reading_agree(minor in 0_i64..1_000_000_000_000, which in 0_usize..5) {
            let currency = Currency::ALL[which];
            prop_assert_eq!(parse_minor(&currency.format(minor), currency), Ok(minor));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_minor(&text, Currency::Kwd);
        }
    }
}
