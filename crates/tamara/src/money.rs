//! Money in Tamara's five currencies, and the countries that use them.
//!
//! For amounts as they travel between a merchant and Tamara; not for arithmetic with rates or
//! shares. Invariant: an amount is a whole number of minor units and never passes through a
//! floating-point number, neither in memory nor while JSON is read or written.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::ser::{Error as _, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The currencies of Tamara's API (environments 1.4). Serialised as its ISO code.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Saudi riyal, two digits.
    Sar,
    /// UAE dirham, two digits.
    Aed,
    /// Kuwaiti dinar, three digits.
    Kwd,
    /// Bahraini dinar, three digits.
    Bhd,
    /// Omani rial, three digits.
    Omr,
}

impl Currency {
    /// Every currency, in the order of the enum.
    pub const ALL: [Self; 5] = [Self::Sar, Self::Aed, Self::Kwd, Self::Bhd, Self::Omr];

    /// The ISO 4217 code, as Tamara spells it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sar => "SAR",
            Self::Aed => "AED",
            Self::Kwd => "KWD",
            Self::Bhd => "BHD",
            Self::Omr => "OMR",
        }
    }

    /// How many digits stand behind the decimal point (environments 1.4).
    pub const fn digits(self) -> u32 {
        match self {
            Self::Sar | Self::Aed => 2,
            Self::Kwd | Self::Bhd | Self::Omr => 3,
        }
    }

    /// The currency of an upper-case ISO code; `None` for anything that Tamara does not take.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|currency| currency.code() == code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::from_code(code).ok_or(MoneyError::UnknownCurrency)
    }
}

/// The countries of Tamara's API (environments 1.4). Serialised as its ISO code.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Country {
    /// Saudi Arabia.
    Sa,
    /// United Arab Emirates.
    Ae,
    /// Kuwait.
    Kw,
    /// Bahrain.
    Bh,
    /// Oman.
    Om,
}

impl Country {
    /// Every country, in the order of the enum.
    pub const ALL: [Self; 5] = [Self::Sa, Self::Ae, Self::Kw, Self::Bh, Self::Om];

    /// The ISO 3166 code of two letters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sa => "SA",
            Self::Ae => "AE",
            Self::Kw => "KW",
            Self::Bh => "BH",
            Self::Om => "OM",
        }
    }

    /// The only currency that Tamara takes for this country: "cross currency" is refused.
    pub const fn currency(self) -> Currency {
        match self {
            Self::Sa => Currency::Sar,
            Self::Ae => Currency::Aed,
            Self::Kw => Currency::Kwd,
            Self::Bh => Currency::Bhd,
            Self::Om => Currency::Omr,
        }
    }

    /// The country of an upper-case ISO code; `None` for anything that Tamara does not take.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|country| country.code() == code)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// Why an amount was refused. No variant holds the refused text.
#[derive(Copy, Clone, Eq, PartialEq, Debug, thiserror::Error)]
pub enum MoneyError {
    /// Two amounts of different currencies met.
    #[error("{left} and {right} do not mix")]
    MixedCurrency {
        /// Currency of the left operand.
        left: Currency,
        /// Currency of the right operand.
        right: Currency,
    },
    /// The result does not fit 64 bits of minor units.
    #[error("amount is too large")]
    Overflow,
    /// The text is not a plain decimal number such as `300.12`.
    #[error("amount is not a plain decimal number")]
    NotDecimal,
    /// The text has more digits behind the point than the currency, and they are not zeros.
    #[error("{currency} has {} digits behind the decimal point", currency.digits())]
    TooManyDigits {
        /// The currency whose digits were exceeded.
        currency: Currency,
    },
    /// The code names none of Tamara's currencies.
    #[error("currency is not one of SAR, AED, KWD, BHD, OMR")]
    UnknownCurrency,
}

/// An amount in minor units (halalas, fils) of one currency; may be negative, callers check.
///
/// Its JSON form is Tamara's `{"amount": 300.12, "currency": "SAR"}` and works with `serde_json`
/// only, because the digits are taken from the raw text. It is written as a number, since the
/// eligibility call refuses quoted amounts (endpoints 2.5), and read from a number or a string.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount of `minor` units: `Money::new(30012, Currency::Sar)` is 300.12 SAR.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency of the amount.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum; fails on mixed currencies and on overflow.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference, which may be negative; fails on mixed currencies and on overflow.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(
        self,
        other: Self,
        operation: fn(i64, i64) -> Option<i64>,
    ) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::MixedCurrency {
                left: self.currency,
                right: other.currency,
            });
        }
        let minor = operation(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    /// Reads major units from text such as `300.12`, `-5` or `00.00`. Refuses the exponent form,
    /// signs other than a leading minus, spaces, and digits beyond the currency's unless zeros.
    pub fn parse_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (unsigned, None),
        };
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !fraction.is_none_or(is_digits) {
            return Err(MoneyError::NotDecimal);
        }
        let digits = currency.digits() as usize;
        let fraction = fraction.unwrap_or_default();
        let (kept, excess) = fraction.split_at(fraction.len().min(digits));
        if excess.bytes().any(|b| b != b'0') {
            return Err(MoneyError::TooManyDigits { currency });
        }
        let padding = std::iter::repeat_n(b'0', digits - kept.len());
        // Counted downwards, because the smallest i64 has no positive counterpart.
        let below_zero = whole
            .bytes()
            .chain(kept.bytes())
            .chain(padding)
            .try_fold(0_i64, |sum, b| {
                sum.checked_mul(10)?.checked_sub(i64::from(b - b'0'))
            })
            .ok_or(MoneyError::Overflow)?;
        let minor = if negative {
            Some(below_zero)
        } else {
            below_zero.checked_neg()
        };
        Ok(Self::new(minor.ok_or(MoneyError::Overflow)?, currency))
    }

    /// Major units with all digits of the currency and no currency code: `300.12`.
    pub fn decimal(self) -> String {
        let sign = if self.minor < 0 { "-" } else { "" };
        let scale = 10_u64.pow(self.currency.digits());
        let minor = self.minor.unsigned_abs();
        let width = self.currency.digits() as usize;
        format!("{sign}{}.{:0width$}", minor / scale, minor % scale)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let amount = RawValue::from_string(self.decimal()).map_err(S::Error::custom)?;
        let mut wire = serializer.serialize_struct("Money", 2)?;
        wire.serialize_field("amount", &amount)?;
        wire.serialize_field("currency", &self.currency)?;
        wire.end()
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            amount: Box<RawValue>,
            currency: Currency,
        }
        let Wire { amount, currency } = Wire::deserialize(deserializer)?;
        let raw = amount.get();
        let parsed = if raw.starts_with('"') {
            let text: String = serde_json::from_str(raw).map_err(D::Error::custom)?;
            Self::parse_decimal(&text, currency)
        } else {
            Self::parse_decimal(raw, currency)
        };
        parsed.map_err(D::Error::custom)
    }
}

/// Reads an amount that the schema types as an array of money while every sample shows one object
/// (gotchas 4): an object, an array of one, or nothing.
pub(crate) fn one_or_array<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Money>, D::Error> {
    let Some(raw) = Option::<Box<RawValue>>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if !raw.get().starts_with('[') {
        return serde_json::from_str(raw.get()).map_err(D::Error::custom);
    }
    let amounts: Vec<Money> = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
    match amounts.as_slice() {
        [] => Ok(None),
        [amount] => Ok(Some(*amount)),
        [_, _, ..] => Err(D::Error::custom(
            "more than one amount where one is expected",
        )),
    }
}
