//! A part of an order by its items: what a capture or a partial cancel takes of each line, added up exactly (R27).
//!
//! Nothing is rounded: what does not come out in minor units has to be said by the caller. Invariant: the portions that
//! were taken of an order never hold more of a line, or of its shipping, tax and discount, than the order does.

use super::totals::{self, Line, Mismatch, Totals};

/// One line of the order.
#[derive(Clone, Debug)]
pub struct WholeLine {
    /// The merchant's id of the item.
    pub reference: String,
    /// Quantity, price, discount and tax.
    pub line: Line,
}

/// What the customer ordered, minor units.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The lines.
    pub lines: Vec<WholeLine>,
    /// Shipping.
    pub shipping_minor: i64,
    /// Tax on top.
    pub tax_minor: i64,
    /// Off the whole order.
    pub discount_minor: i64,
}

/// A line as the caller names it.
#[derive(Clone, Debug)]
pub struct NamedLine {
    /// The merchant's id of the item.
    pub reference: String,
    /// How many; positive.
    pub quantity: i64,
    /// Its part of the line's discount, minor units; its share when absent.
    pub discount_minor: Option<i64>,
    /// Its part of the line's tax, minor units; its share when absent.
    pub tax_minor: Option<i64>,
}

/// What the caller names, minor units.
#[derive(Clone, Debug)]
pub struct Named {
    /// The lines.
    pub lines: Vec<NamedLine>,
    /// Shipping within it.
    pub shipping_minor: i64,
    /// Tax within it; the lines' when absent.
    pub tax_minor: Option<i64>,
    /// Off it.
    pub discount_minor: i64,
    /// What it should add up to, if the caller said so.
    pub amount_minor: Option<i64>,
}

/// What is taken of one line, minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortionLine {
    /// The merchant's id of the item.
    pub reference: String,
    /// How many.
    pub quantity: i64,
    /// Its part of the line's discount.
    pub discount_minor: i64,
    /// Its part of the line's tax, when the line carries tax.
    pub tax_minor: Option<i64>,
}

/// What is taken, minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portion {
    /// The lines.
    pub lines: Vec<PortionLine>,
    /// Shipping within it.
    pub shipping_minor: i64,
    /// Tax within it.
    pub tax_minor: i64,
    /// Off it.
    pub discount_minor: i64,
    /// What it adds up to.
    pub amount_minor: i64,
}

/// An amount that an order, or a line of it, has beside its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Shipping.
    Shipping,
    /// Tax.
    Tax,
    /// Discount.
    Discount,
}

/// Why a portion cannot be taken. Lines are indices into the caller's list, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The order has no such line.
    Unknown(usize),
    /// The order has several such lines.
    Ambiguous(usize),
    /// An earlier line of the list names it already.
    Twice(usize),
    /// More than the order has left of it.
    QuantityAboveLeft {
        /// Which line.
        line: usize,
        /// Asked for.
        asked: i64,
        /// Left.
        left: i64,
    },
    /// Its share of the line's discount or tax is no whole number of minor units.
    Inexact {
        /// Which line.
        line: usize,
        /// Of what.
        part: Part,
        /// What the whole line has of it.
        whole_minor: i64,
        /// Asked for.
        quantity: i64,
        /// Of so many.
        of: i64,
    },
    /// More than the order, or a line of it, has left of it.
    PartAboveLeft {
        /// Which line; none for the order as a whole.
        line: Option<usize>,
        /// Of what.
        part: Part,
        /// Asked for.
        asked_minor: i64,
        /// Left.
        left_minor: i64,
    },
    /// The parts do not make up what the caller said (R27); with what each line makes.
    Sums(Mismatch, Vec<i64>),
}

/// Takes what is named of what is left of an order. `taken` are the earlier portions that had their effect, or may have.
pub fn take(whole: &Whole, taken: &[Portion], named: &Named) -> Result<Portion, Refused> {
    let mut lines = Vec::with_capacity(named.lines.len());
    let mut priced = Vec::with_capacity(named.lines.len());
    for index in 0..named.lines.len() {
        let (line, unit_price_minor) = take_line(whole, taken, named, index)?;
        priced.push(Line {
            quantity: line.quantity,
            unit_price_minor,
            discount_minor: line.discount_minor,
            tax_minor: line.tax_minor,
        });
        lines.push(line);
    }
    let of_lines = lines.iter().filter_map(|line| line.tax_minor);
    let tax_minor = named.tax_minor.unwrap_or_else(|| of_lines.sum());
    let parts = [
        (Part::Shipping, whole.shipping_minor, named.shipping_minor),
        (Part::Tax, whole.tax_minor, tax_minor),
        (Part::Discount, whole.discount_minor, named.discount_minor),
    ];
    for (part, whole_minor, asked_minor) in parts {
        let earlier = taken.iter().map(|portion| portion.part(part));
        let left_minor = whole_minor.saturating_sub(earlier.sum());
        within(None, part, asked_minor, left_minor)?;
    }
    let mut totals = Totals {
        lines: priced,
        shipping_minor: named.shipping_minor,
        tax_minor,
        discount_minor: named.discount_minor,
        total_minor: 0,
    };
    let sums = |mismatch, totals: &Totals| {
        let made = |line| totals::line_total(line).unwrap_or(0);
        Refused::Sums(mismatch, totals.lines.iter().map(made).collect())
    };
    let amount_minor = totals::add_up(&totals).map_err(|mismatch| sums(mismatch, &totals))?;
    totals.total_minor = named.amount_minor.unwrap_or(amount_minor);
    totals::check(&totals).map_err(|mismatch| sums(mismatch, &totals))?;
    Ok(Portion {
        lines,
        shipping_minor: named.shipping_minor,
        tax_minor,
        discount_minor: named.discount_minor,
        amount_minor,
    })
}

/// Takes one line; answers the price of one beside it.
fn take_line(
    whole: &Whole,
    taken: &[Portion],
    named: &Named,
    index: usize,
) -> Result<(PortionLine, i64), Refused> {
    let asked = &named.lines[index];
    let earlier = &named.lines[..index];
    if earlier.iter().any(|line| line.reference == asked.reference) {
        return Err(Refused::Twice(index));
    }
    let mut same = whole
        .lines
        .iter()
        .filter(|line| line.reference == asked.reference);
    let line = match (same.next(), same.next()) {
        (Some(line), None) => &line.line,
        (Some(_), Some(_)) => return Err(Refused::Ambiguous(index)),
        (None, _) => return Err(Refused::Unknown(index)),
    };
    let gone: Vec<&PortionLine> = taken
        .iter()
        .flat_map(|portion| &portion.lines)
        .filter(|line| line.reference == asked.reference)
        .collect();
    let left = line.quantity - gone.iter().map(|line| line.quantity).sum::<i64>();
    if asked.quantity > left {
        return Err(Refused::QuantityAboveLeft {
            line: index,
            asked: asked.quantity,
            left,
        });
    }
    let split = |part: Part, whole_minor: i64, named: Option<i64>, gone_minor: i64| {
        let left_minor = whole_minor.saturating_sub(gone_minor);
        let minor = match named {
            Some(minor) => minor,
            None if asked.quantity == left => left_minor,
            None => share(whole_minor, asked.quantity, line.quantity).ok_or(Refused::Inexact {
                line: index,
                part,
                whole_minor,
                quantity: asked.quantity,
                of: line.quantity,
            })?,
        };
        within(Some(index), part, minor, left_minor).map(|()| minor)
    };
    let discounts = gone.iter().map(|line| line.discount_minor).sum();
    let discount_minor = split(
        Part::Discount,
        line.discount_minor,
        asked.discount_minor,
        discounts,
    )?;
    let taxes = gone.iter().filter_map(|line| line.tax_minor).sum();
    let tax_minor = match (line.tax_minor, asked.tax_minor) {
        (None, None) => None,
        (whole_minor, named) => Some(split(Part::Tax, whole_minor.unwrap_or(0), named, taxes)?),
    };
    let portion = PortionLine {
        reference: asked.reference.clone(),
        quantity: asked.quantity,
        discount_minor,
        tax_minor,
    };
    Ok((portion, line.unit_price_minor))
}

fn within(
    line: Option<usize>,
    part: Part,
    asked_minor: i64,
    left_minor: i64,
) -> Result<(), Refused> {
    if asked_minor <= left_minor {
        Ok(())
    } else {
        Err(Refused::PartAboveLeft {
            line,
            part,
            asked_minor,
            left_minor,
        })
    }
}

/// So many of so many parts of an amount, if that is a whole number of minor units.
fn share(whole_minor: i64, quantity: i64, of: i64) -> Option<i64> {
    let product = whole_minor.checked_mul(quantity)?;
    (product.checked_rem(of)? == 0).then(|| product / of)
}

impl Portion {
    fn part(&self, part: Part) -> i64 {
        match part {
            Part::Shipping => self.shipping_minor,
            Part::Tax => self.tax_minor,
            Part::Discount => self.discount_minor,
        }
    }

    /// The items' reference ids as `facts::Entry` holds them: sorted, joined by a newline (R20).
    pub fn item_refs(&self) -> String {
        let mut references: Vec<&str> = self
            .lines
            .iter()
            .map(|line| line.reference.as_str())
            .collect();
        references.sort_unstable();
        references.join("\n")
    }
}
