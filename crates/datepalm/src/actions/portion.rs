//! Items of a capture or a partial cancel: named by the caller as `reference_id` and `quantity` of the payment's own
//! items, added up in the core, kept with the operation, and written out in full for Tamara.
//!
//! Invariant: what stands with an operation was checked against all earlier ones in the transaction that wrote it down.

use super::check_content::AMOUNT_MINOR_MAX;
use super::content::{self, Amount, Content, Minor};
use super::show_payment::money;
use crate::domain::operation::{Operation, OperationKind, OperationState};
use crate::domain::payment::Payment;
use crate::domain::portion::{
    Named, NamedLine, Part, Portion, PortionLine, Refused, Whole, WholeLine, take,
};
use crate::domain::totals::{Line, Mismatch};
use crate::error::{Code, Refusal, Result};
use crate::store::payments;
use crate::store::tx::Tx;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tamara::money::{Currency, Money};
use tamara::orders;

/// An item in a request: one of the payment's own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedItem {
    reference_id: String,
    quantity: i64,
    discount_amount: Option<Amount>,
    tax_amount: Option<Amount>,
}

/// What a request may say of what its amount is made of.
pub struct MadeOf {
    /// The items.
    pub items: Option<Vec<NamedItem>>,
    /// Shipping within the amount.
    pub shipping_amount: Option<Amount>,
    /// Tax within the amount.
    pub tax_amount: Option<Amount>,
    /// Off the amount.
    pub discount_amount: Option<Amount>,
}

/// An amount of the account's currency, minor units.
pub fn minor_of(
    currency: Currency,
    param: &str,
    amount: &Amount,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64> {
    let Amount {
        amount: Minor(minor),
        currency: given,
        ..
    } = *amount;
    if given != currency {
        let detail =
            format!("{param} is in {given}, but this account's payments are in {currency}");
        return Err(Refusal::new(Code::CurrencyMismatch, detail)
            .param(format!("{param}.currency"))
            .into());
    }
    if range.contains(&minor) {
        return Ok(minor);
    }
    let expected = match (minor < *range.start(), *range.start()) {
        (true, 0) => "must be zero or more",
        (true, _) => "must be positive; leave it out for all that is left",
        (false, _) => "is more than any payment",
    };
    Err(Refusal::new(
        Code::InvalidRequest,
        format!("{param} is {minor}, {expected}"),
    )
    .param(format!("{param}.amount"))
    .into())
}

fn invalid(param: String, says: &str) -> Refusal {
    Refusal::new(Code::InvalidRequest, format!("{param} {says}")).param(param)
}

/// Checks by itself what a request names; nothing, when it names no items.
pub fn named(
    currency: Currency,
    made_of: MadeOf,
    amount_minor: Option<i64>,
) -> Result<Option<Named>> {
    let part = |name: &str, amount: Option<&Amount>| {
        amount
            .map(|amount| minor_of(currency, name, amount, 0..=AMOUNT_MINOR_MAX))
            .transpose()
    };
    let shipping_minor = part("shipping_amount", made_of.shipping_amount.as_ref())?;
    let tax_minor = part("tax_amount", made_of.tax_amount.as_ref())?;
    let discount_minor = part("discount_amount", made_of.discount_amount.as_ref())?;
    let Some(items) = made_of.items else {
        let alone = [
            ("shipping_amount", shipping_minor),
            ("tax_amount", tax_minor),
            ("discount_amount", discount_minor),
        ];
        return match alone.into_iter().find(|(_, minor)| minor.is_some()) {
            Some((name, _)) => {
                let says = "says what the amount is made of, so it needs items beside it; for a bare amount leave it out";
                Err(invalid(name.to_owned(), says).into())
            }
            None => Ok(None),
        };
    };
    if items.len() > 200 {
        return Err(invalid("items".to_owned(), "has more than 200 lines").into());
    }
    let mut lines = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let param = |field: &str| format!("items[{index}].{field}");
        if item.reference_id.trim().is_empty() {
            return Err(invalid(param("reference_id"), "must not be empty").into());
        }
        if !(1..=1_000_000).contains(&item.quantity) {
            let says = format!("is {}, must be 1 to 1000000", item.quantity);
            return Err(invalid(param("quantity"), &says).into());
        }
        lines.push(NamedLine {
            reference: item.reference_id,
            quantity: item.quantity,
            discount_minor: part(&param("discount_amount"), item.discount_amount.as_ref())?,
            tax_minor: part(&param("tax_amount"), item.tax_amount.as_ref())?,
        });
    }
    let named = Named {
        lines,
        shipping_minor: shipping_minor.unwrap_or(0),
        tax_minor,
        discount_minor: discount_minor.unwrap_or(0),
        amount_minor,
    };
    Ok(Some(named))
}

/// What a request names, for its fingerprint: the order of its items means nothing (R26).
pub fn meaning(named: &Named) -> Value {
    let mut lines: Vec<_> = named
        .lines
        .iter()
        .map(|line| {
            (
                &line.reference,
                line.quantity,
                line.discount_minor,
                line.tax_minor,
            )
        })
        .collect();
    lines.sort_unstable();
    json!([
        lines,
        named.shipping_minor,
        named.tax_minor,
        named.discount_minor,
        named.amount_minor
    ])
}

/// Takes what a request names of what earlier operations left of the winner's order.
pub fn take_named(tx: &mut Tx<'_>, payment: &Payment, named: &Named) -> Result<Portion> {
    let wish = payments::wish(tx, &payment.id)?;
    let whole = whole_of(&content::stored(&wish.content)?);
    let takes = |operation: &&Operation| {
        payment.winner.as_ref() == Some(&operation.session)
            && matches!(
                operation.kind,
                OperationKind::Capture | OperationKind::Cancel
            )
            && operation.state != OperationState::Rejected
    };
    let mut taken = Vec::new();
    for operation in payment.operations.iter().filter(takes) {
        taken.extend(of_operation(operation)?);
    }
    let portion = take(&whole, &taken, named)
        .map_err(|why| refusal(payment.total.currency(), named, &why))?;
    if portion.amount_minor > 0 {
        return Ok(portion);
    }
    let says = "and what goes with them add up to nothing; name what is meant, or leave items out and send amount";
    Err(invalid("items".to_owned(), says).into())
}

fn whole_of(content: &Content) -> Whole {
    let minor = |amount: Option<&Amount>| amount.map_or(0, |amount| amount.amount.0);
    let lines = content.items.iter().map(|item| WholeLine {
        reference: item.reference_id.clone(),
        line: Line {
            quantity: item.quantity,
            unit_price_minor: item.unit_price.amount.0,
            discount_minor: minor(item.discount_amount.as_ref()),
            tax_minor: item.tax_amount.as_ref().map(|tax| tax.amount.0),
        },
    });
    Whole {
        lines: lines.collect(),
        shipping_minor: minor(content.shipping_amount.as_ref()),
        tax_minor: minor(content.tax_amount.as_ref()),
        discount_minor: minor(content.discount.as_ref().map(|discount| &discount.amount)),
    }
}

/// A refusal of the core in words. No text of the caller's is shown: lines go by their place.
fn refusal(currency: Currency, named: &Named, why: &Refused) -> Refusal {
    let shown = |minor: i64| Money::new(minor, currency).to_string();
    let field = |line: usize, field: &str| format!("items[{line}].{field}");
    let word = |part: Part| match part {
        Part::Shipping => "shipping_amount",
        Part::Tax => "tax_amount",
        Part::Discount => "discount_amount",
    };
    match why {
        Refused::Unknown(line) => invalid(
            field(*line, "reference_id"),
            "is none of this payment's items; send the reference_id that the payment was created with",
        ),
        Refused::Ambiguous(line) => invalid(
            field(*line, "reference_id"),
            "stands in more than one of this payment's items, so it names none of them; leave items out and send amount",
        ),
        Refused::Twice(line) => invalid(
            field(*line, "reference_id"),
            "stands in this list already; name each item once, with the whole quantity",
        ),
        Refused::QuantityAboveLeft { line, asked, left } => {
            let param = field(*line, "quantity");
            let detail = format!(
                "{param} is {asked}, but {left} of this item are left: earlier captures and cancels named the rest"
            );
            Refusal::new(Code::QuantityAboveRest, detail).param(param)
        }
        Refused::Inexact {
            line,
            part,
            whole_minor,
            quantity,
            of,
        } => {
            let (param, word) = (field(*line, word(*part)), word(*part));
            let detail = format!(
                "items[{line}]: {quantity} of {of} would take {quantity}/{of} of the line's {word} of {}, which is no \
                 whole number of minor units; say how much with {param}",
                shown(*whole_minor)
            );
            Refusal::new(Code::InvalidRequest, detail).param(param)
        }
        Refused::PartAboveLeft {
            line,
            part,
            asked_minor,
            left_minor,
        } => {
            let (param, of) = match line {
                Some(line) => (field(*line, word(*part)), "this item"),
                None => (word(*part).to_owned(), "this payment"),
            };
            let detail = format!(
                "{param} is {}, but {} of it is left of {of}",
                shown(*asked_minor),
                shown(*left_minor)
            );
            Refusal::new(Code::AmountAboveRest, detail).param(param)
        }
        Refused::Sums(mismatch, lines) => sums(currency, named, mismatch, lines),
    }
}

/// The sum rule (R27): the refusal names the lines and the difference.
fn sums(currency: Currency, named: &Named, mismatch: &Mismatch, lines: &[i64]) -> Refusal {
    let shown = |minor: i64| Money::new(minor, currency).to_string();
    let (param, detail) = match mismatch {
        Mismatch::LineNegative { line } => {
            let param = format!("items[{line}]");
            let detail = format!("{param}: the discount is more than quantity x unit_price");
            (param, detail)
        }
        Mismatch::TooLarge { .. } => (
            "items".to_owned(),
            "items: the amounts are too large to be added up".to_owned(),
        ),
        Mismatch::Tax {
            lines_minor,
            given_minor,
        } => (
            "tax_amount".to_owned(),
            format!(
                "the items' taxes add up to {}, but tax_amount is {}: difference {}; leave tax_amount out to take theirs",
                shown(*lines_minor),
                shown(*given_minor),
                shown(given_minor.saturating_sub(*lines_minor))
            ),
        ),
        Mismatch::Total {
            expected_minor,
            given_minor,
        } => {
            let each = named.lines.iter().zip(lines).enumerate();
            let each: Vec<String> = each
                .map(|(index, (line, minor))| {
                    format!(
                        "items[{index}] ({} of it) is {}",
                        line.quantity,
                        shown(*minor)
                    )
                })
                .take(10)
                .collect();
            let detail = format!(
                "items + shipping_amount + tax_amount - discount_amount make {}, but amount is {}: difference {}. {}. \
                 Leave amount out to take what they make",
                shown(*expected_minor),
                shown(*given_minor),
                shown(given_minor.saturating_sub(*expected_minor)),
                each.join(", ")
            );
            ("amount".to_owned(), detail)
        }
    };
    Refusal::new(Code::TotalsMismatch, detail).param(param)
}

/// A portion as it stands in an operation's details.
#[derive(Serialize, Deserialize)]
struct Stored {
    items: Vec<StoredLine>,
    shipping_minor: i64,
    tax_minor: i64,
    discount_minor: i64,
    amount_minor: i64,
}

#[derive(Serialize, Deserialize)]
struct StoredLine {
    reference_id: String,
    quantity: i64,
    discount_minor: i64,
    tax_minor: Option<i64>,
}

#[derive(Deserialize)]
struct Details {
    portion: Option<Stored>,
}

/// What an operation's details hold of it, under `portion`.
pub fn to_details(portion: &Portion) -> Value {
    let items = portion.lines.iter().map(|line| {
        json!({
            "reference_id": line.reference,
            "quantity": line.quantity,
            "discount_minor": line.discount_minor,
            "tax_minor": line.tax_minor,
        })
    });
    json!({
        "items": items.collect::<Vec<_>>(),
        "shipping_minor": portion.shipping_minor,
        "tax_minor": portion.tax_minor,
        "discount_minor": portion.discount_minor,
        "amount_minor": portion.amount_minor,
    })
}

/// The portion of an operation that names items.
pub fn of_operation(operation: &Operation) -> Result<Option<Portion>> {
    let details: Details = content::stored(&operation.details)?;
    Ok(details.portion.map(|stored| {
        let lines = stored.items.into_iter().map(|line| PortionLine {
            reference: line.reference_id,
            quantity: line.quantity,
            discount_minor: line.discount_minor,
            tax_minor: line.tax_minor,
        });
        Portion {
            lines: lines.collect(),
            shipping_minor: stored.shipping_minor,
            tax_minor: stored.tax_minor,
            discount_minor: stored.discount_minor,
            amount_minor: stored.amount_minor,
        }
    }))
}

/// What answers show of an operation's portion: `(items, shipping, tax, discount)`, each null when it names no items.
pub fn shown(operation: &Operation, currency: Currency) -> [Value; 4] {
    let minor = |minor: i64| money(Money::new(minor, currency));
    let Ok(Some(portion)) = of_operation(operation) else {
        return [Value::Null, Value::Null, Value::Null, Value::Null];
    };
    let line = |line: &PortionLine| {
        json!({
            "reference_id": line.reference,
            "quantity": line.quantity,
            "discount_amount": minor(line.discount_minor),
            "tax_amount": line.tax_minor.map(minor),
        })
    };
    [
        portion.lines.iter().map(line).collect(),
        minor(portion.shipping_minor),
        minor(portion.tax_minor),
        minor(portion.discount_minor),
    ]
}

/// What Tamara is told of a portion; all absent when the operation names no items.
#[derive(Default)]
pub struct WireParts {
    /// The lines in full.
    pub items: Option<Vec<orders::Item>>,
    /// Shipping within the amount.
    pub shipping_amount: Option<Money>,
    /// Tax within the amount.
    pub tax_amount: Option<Money>,
    /// Off the amount.
    pub discount_amount: Option<Money>,
}

/// Writes an operation's portion out: the payment's items with their names and prices, in the portion's quantities.
pub fn wire_parts(
    operation: &Operation,
    content: &Content,
    currency: Currency,
) -> Result<WireParts> {
    let Some(portion) = of_operation(operation)? else {
        return Ok(WireParts::default());
    };
    let zero = Money::new(0, currency);
    let amount = |minor: i64| Amount {
        amount: Minor(minor),
        currency,
        decimal: None,
    };
    let lines = portion.lines.iter().filter_map(|line| {
        let ordered = content
            .items
            .iter()
            .find(|item| item.reference_id == line.reference)?;
        let item = content::Item {
            quantity: line.quantity,
            discount_amount: Some(amount(line.discount_minor)),
            tax_amount: line.tax_minor.map(amount),
            ..ordered.clone()
        };
        Some(content::wire_item(&item, zero))
    });
    let money = |minor: i64| Some(Money::new(minor, currency));
    Ok(WireParts {
        items: Some(lines.collect()),
        shipping_amount: money(portion.shipping_minor),
        tax_amount: money(portion.tax_minor),
        discount_amount: money(portion.discount_minor),
    })
}
