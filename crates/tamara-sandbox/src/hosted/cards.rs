//! The documented test cards and what the page says to each (sandbox-test-data 8.3).
//!
//! Any other number is refused unread: nothing a customer types as a card is kept, logged or
//! shown again.

use jiff::civil::Date;

/// What the customer got wrong on a step; the texts are in [`super::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    Phone,
    Code,
    Plan,
    UnknownCard,
    CardNotInCountry,
    Expiry,
    Cvv,
    Refused,
    SeveralAccounts,
    Password,
}

impl Mistake {
    /// The field at fault, which gets the focus.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Code => "otp",
            Self::Plan => "plan",
            Self::UnknownCard | Self::CardNotInCountry | Self::Refused | Self::SeveralAccounts => {
                "card_number"
            }
            Self::Expiry => "card_expiry",
            Self::Cvv => "card_cvv",
            Self::Password => "password",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Succeeds,
    /// Succeeds after the bank's password page.
    AsksPassword,
    Fails,
    /// Linked to several accounts when it is used with exactly one date (sandbox-test-data 8.1).
    SeveralAccounts,
}

/// What the bank does with a card that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bank {
    Approves,
    AsksPassword,
}

pub(crate) struct TestCard {
    pub(crate) brand: &'static str,
    pub(crate) number: &'static str,
    pub(crate) cvv: Cvv,
    pub(crate) behaviour: Behaviour,
    /// mada and AMEX exist in Saudi Arabia only.
    pub(crate) saudi_only: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Cvv {
    Exactly(&'static str),
    /// mada's is printed as `25*`: three digits that begin so.
    StartsWith(&'static str),
    Any,
}

const fn card(
    brand: &'static str,
    number: &'static str,
    cvv: Cvv,
    behaviour: Behaviour,
) -> TestCard {
    TestCard {
        brand,
        number,
        cvv,
        behaviour,
        saudi_only: false,
    }
}

const fn saudi(mut card: TestCard) -> TestCard {
    card.saudi_only = true;
    card
}

#[rustfmt::skip]
pub(crate) const TEST_CARDS: [TestCard; 10] = [
    saudi(card("mada", "4658584090000001", Cvv::StartsWith("25"),     Behaviour::Succeeds)),
    card("Visa",       "4111111111111111", Cvv::Exactly("100"),       Behaviour::Succeeds),
    card("Visa",       "4242424242424242", Cvv::Exactly("100"),       Behaviour::AsksPassword),
    card("Visa",       "4573823168710907", Cvv::Exactly("100"),       Behaviour::AsksPassword),
    card("Mastercard", "5436031030606378", Cvv::Exactly("257"),       Behaviour::Succeeds),
    saudi(card("AMEX", "345678901234564",  Cvv::Exactly("1051"),      Behaviour::Succeeds)),
    card("Visa",       "4556253752712245", Cvv::Any,                  Behaviour::Fails),
    card("Visa",       "4000144348235050", Cvv::Any,                  Behaviour::Fails),
    card("Visa",       "4544249167673670", Cvv::Any,                  Behaviour::Fails),
    card("Visa",       "4242424242424242", Cvv::Exactly("100"),       Behaviour::SeveralAccounts),
];

/// Recommended for every test card but the one that has a date of its own.
pub(super) const EXPIRY: &str = "01/99";
const SEVERAL_ACCOUNTS_EXPIRY: &str = "02/42";

impl TestCard {
    pub(crate) fn offered_in(&self, country: &str) -> bool {
        !self.saudi_only || country == "SA"
    }

    /// In groups of four, for people.
    pub(crate) fn grouped(&self) -> String {
        let digits: Vec<_> = self.number.chars().collect();
        let groups: Vec<String> = digits.chunks(4).map(|c| c.iter().collect()).collect();
        groups.join(" ")
    }

    /// A code that is accepted.
    pub(crate) fn example_cvv(&self) -> &'static str {
        match self.cvv {
            Cvv::Exactly(cvv) => cvv,
            Cvv::StartsWith(_) => "257",
            Cvv::Any => "123",
        }
    }

    pub(crate) fn expiry(&self) -> &'static str {
        match self.behaviour {
            Behaviour::Succeeds | Behaviour::AsksPassword | Behaviour::Fails => EXPIRY,
            Behaviour::SeveralAccounts => SEVERAL_ACCOUNTS_EXPIRY,
        }
    }

    /// Whether a customer can pay with it.
    pub(crate) fn pays(&self) -> bool {
        matches!(
            self.behaviour,
            Behaviour::Succeeds | Behaviour::AsksPassword
        )
    }
}

/// A card as typed; lives only as long as the request.
pub(crate) struct TypedCard<'a> {
    pub(crate) number: &'a str,
    pub(crate) expiry: &'a str,
    pub(crate) cvv: &'a str,
}

impl TypedCard<'_> {
    fn known(&self) -> Option<&'static TestCard> {
        let separator = |c: &char| matches!(c, ' ' | '-');
        let number: String = self.number.chars().filter(|c| !separator(c)).collect();
        TEST_CARDS.iter().find(|card| card.number == number)
    }

    fn expiry(&self) -> String {
        self.expiry.chars().filter(|c| !c.is_whitespace()).collect()
    }
}

/// What the card form holds when it is shown. Numbers come from the list, never from what was typed.
#[derive(Clone, Default)]
pub(crate) struct Filled {
    pub(crate) number: String,
    pub(crate) expiry: String,
    pub(crate) cvv: &'static str,
}

impl Filled {
    /// A test card, ready to pay with.
    pub(super) fn example(index: usize) -> Option<Self> {
        let card = TEST_CARDS.get(index)?;
        Some(Self {
            number: card.grouped(),
            expiry: card.expiry().to_owned(),
            cvv: card.example_cvv(),
        })
    }

    /// What was right about a test card whose date or code was wrong.
    pub(super) fn again(typed: &TypedCard<'_>, mistake: Mistake) -> Self {
        let number = typed.known().map(TestCard::grouped).unwrap_or_default();
        let (number, expiry) = match mistake {
            Mistake::Cvv => (number, typed.expiry()),
            Mistake::Expiry => (number, String::new()),
            Mistake::Phone
            | Mistake::Code
            | Mistake::Plan
            | Mistake::UnknownCard
            | Mistake::CardNotInCountry
            | Mistake::Refused
            | Mistake::SeveralAccounts
            | Mistake::Password => (String::new(), String::new()),
        };
        Self {
            number,
            expiry,
            cvv: "",
        }
    }
}

/// Judges a card as typed; `Ok` says whether the bank asks for a password first.
pub(crate) fn judge(typed: &TypedCard<'_>, country: &str, today: Date) -> Result<Bank, Mistake> {
    let card = typed.known().ok_or(Mistake::UnknownCard)?;
    if !card.offered_in(country) {
        return Err(Mistake::CardNotInCountry);
    }
    if card.behaviour == Behaviour::Fails {
        return Err(Mistake::Refused);
    }
    let expiry = typed.expiry();
    let (month, year) = month_and_year(&expiry).ok_or(Mistake::Expiry)?;
    if (year, month) < (today.year(), today.month()) {
        return Err(Mistake::Expiry);
    }
    let cvv = typed.cvv.trim();
    let right = match card.cvv {
        Cvv::Exactly(expected) => cvv == expected,
        Cvv::StartsWith(start) => {
            cvv.len() == 3 && cvv.starts_with(start) && cvv.bytes().all(|b| b.is_ascii_digit())
        }
        Cvv::Any => true,
    };
    if !right {
        return Err(Mistake::Cvv);
    }
    let several = |other: &TestCard| {
        other.behaviour == Behaviour::SeveralAccounts && other.number == card.number
    };
    if expiry == SEVERAL_ACCOUNTS_EXPIRY && TEST_CARDS.iter().any(several) {
        return Err(Mistake::SeveralAccounts);
    }
    Ok(match card.behaviour {
        Behaviour::AsksPassword => Bank::AsksPassword,
        Behaviour::Succeeds | Behaviour::Fails | Behaviour::SeveralAccounts => Bank::Approves,
    })
}

/// `01/99` is January 2099.
fn month_and_year(text: &str) -> Option<(i8, i16)> {
    let (month, year) = text.split_once('/')?;
    if month.len() != 2 || year.len() != 2 {
        return None;
    }
    let month: i8 = month.parse().ok()?;
    let year: i16 = year.parse().ok()?;
    ((1..=12).contains(&month) && year >= 0).then_some((month, 2000 + year))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 3, 2);

    #[test]
    fn cards_are_judged_as_documented() {
        let check = |number: &str, expiry: &str, cvv: &str, expected| {
            let typed = TypedCard {
                number,
                expiry,
                cvv,
            };
            let judged = judge(&typed, "SA", TODAY);
            assert_eq!(judged, expected, "{number} {expiry} {cvv}");
        };
        check(
            "4242 4242 4242 4242",
            "01/99",
            "100",
            Ok(Bank::AsksPassword),
        );
        check("4573823168710907", "03/26", "100", Ok(Bank::AsksPassword));
        check("4111-1111-1111-1111", "12/30", "100", Ok(Bank::Approves));
        check("345678901234564", "01/99", "1051", Ok(Bank::Approves));
        check("4658584090000001", "01/99", "257", Ok(Bank::Approves));
        check("4658584090000001", "01/99", "251", Ok(Bank::Approves));
        check("5436031030606378", "01/99", "257", Ok(Bank::Approves));
        check(
            "4242424242424242",
            "02/42",
            "100",
            Err(Mistake::SeveralAccounts),
        );
        check("4242424242424242", "02/26", "100", Err(Mistake::Expiry));
        check("4242424242424242", "13/30", "100", Err(Mistake::Expiry));
        check("4242424242424242", "0199", "100", Err(Mistake::Expiry));
        check("4242424242424242", "01/99", "101", Err(Mistake::Cvv));
        check("4658584090000001", "01/99", "157", Err(Mistake::Cvv));
        check("4556253752712245", "", "", Err(Mistake::Refused));
        check(
            "4012888888881881",
            "01/99",
            "100",
            Err(Mistake::UnknownCard),
        );
        check("", "", "", Err(Mistake::UnknownCard));
    }

    #[test]
    fn mada_and_amex_exist_in_saudi_arabia_only() {
        for number in ["4658584090000001", "345678901234564"] {
            let typed = TypedCard {
                number,
                expiry: EXPIRY,
                cvv: "257",
            };
            let judged = judge(&typed, "KW", TODAY);
            assert_eq!(judged, Err(Mistake::CardNotInCountry));
        }
    }
}
