//! The sum rule (R27): checked before Tamara is asked, because Tamara does not check it.
//!
//! line total = quantity x `unit_price` - line discount, without tax; tax on top;
//! total = sum of line totals + shipping + tax - discount; tax = sum of line taxes.

/// One line, minor units.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// How many; positive.
    pub quantity: i64,
    /// The price of one.
    pub unit_price_minor: i64,
    /// Off this line.
    pub discount_minor: i64,
    /// The tax of this line, when lines carry tax.
    pub tax_minor: Option<i64>,
}

/// The whole order, minor units.
#[derive(Clone, Debug)]
pub struct Totals {
    /// The lines.
    pub lines: Vec<Line>,
    /// Shipping.
    pub shipping_minor: i64,
    /// Tax on top.
    pub tax_minor: i64,
    /// Off the whole order.
    pub discount_minor: i64,
    /// What the customer pays.
    pub total_minor: i64,
}

/// Where the sum rule breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// A line's discount is above its price.
    LineNegative {
        /// Index of the line, from 0.
        line: usize,
    },
    /// An amount is too large to be added up.
    TooLarge {
        /// Index of the line, from 0.
        line: Option<usize>,
    },
    /// The lines' taxes are not the order's tax.
    Tax {
        /// Sum of the lines' taxes, minor units.
        lines_minor: i64,
        /// Given, minor units.
        given_minor: i64,
    },
    /// The parts are not the total.
    Total {
        /// Sum of the parts, minor units.
        expected_minor: i64,
        /// Given, minor units.
        given_minor: i64,
    },
}

/// One line's total without tax, minor units.
pub fn line_total(line: &Line) -> Option<i64> {
    line.quantity
        .checked_mul(line.unit_price_minor)?
        .checked_sub(line.discount_minor)
}

/// Checks the sum rule.
pub fn check(totals: &Totals) -> Result<(), Mismatch> {
    let expected_minor = add_up(totals)?;
    if expected_minor == totals.total_minor {
        Ok(())
    } else {
        Err(Mismatch::Total {
            expected_minor,
            given_minor: totals.total_minor,
        })
    }
}

/// What the parts make, whatever the total says.
pub fn add_up(totals: &Totals) -> Result<i64, Mismatch> {
    let mut sum: i64 = 0;
    for (index, line) in totals.lines.iter().enumerate() {
        let too_large = Mismatch::TooLarge { line: Some(index) };
        let total = line_total(line).ok_or_else(|| too_large.clone())?;
        if total < 0 {
            return Err(Mismatch::LineNegative { line: index });
        }
        sum = sum.checked_add(total).ok_or(too_large)?;
    }
    let taxes: Vec<i64> = totals
        .lines
        .iter()
        .filter_map(|line| line.tax_minor)
        .collect();
    if !taxes.is_empty() {
        let lines_minor = taxes
            .iter()
            .try_fold(0_i64, |sum, tax| sum.checked_add(*tax));
        let lines_minor = lines_minor.ok_or(Mismatch::TooLarge { line: None })?;
        if lines_minor != totals.tax_minor {
            return Err(Mismatch::Tax {
                lines_minor,
                given_minor: totals.tax_minor,
            });
        }
    }
    sum.checked_add(totals.shipping_minor)
        .and_then(|sum| sum.checked_add(totals.tax_minor))
        .and_then(|sum| sum.checked_sub(totals.discount_minor))
        .ok_or(Mismatch::TooLarge { line: None })
}
