//! R27: the sum rule, by table and by construction.

use crate::domain::totals::{Line, Mismatch, Totals, check, line_total};
use proptest::prelude::*;

fn line(quantity: i64, unit_price_minor: i64, discount_minor: i64, tax_minor: Option<i64>) -> Line {
    Line {
        quantity,
        unit_price_minor,
        discount_minor,
        tax_minor,
    }
}

fn totals(lines: &[Line], shipping: i64, tax: i64, discount: i64, total: i64) -> Totals {
    Totals {
        lines: lines.to_vec(),
        shipping_minor: shipping,
        tax_minor: tax,
        discount_minor: discount,
        total_minor: total,
    }
}

#[test]
fn r27_totals_by_table() {
    let wrong = |expected_minor, given_minor| {
        Err(Mismatch::Total {
            expected_minor,
            given_minor,
        })
    };
    let table = [
        (
            "one line",
            totals(&[line(1, 100, 0, None)], 0, 0, 0, 100),
            Ok(()),
        ),
        (
            "quantity and line discount",
            totals(&[line(3, 100, 50, None)], 0, 0, 0, 250),
            Ok(()),
        ),
        (
            "all parts",
            totals(
                &[line(1, 100, 0, Some(15)), line(2, 50, 0, Some(5))],
                30,
                20,
                10,
                240,
            ),
            Ok(()),
        ),
        (
            "prices with VAT send no tax",
            totals(&[line(1, 115, 0, None)], 0, 0, 0, 115),
            Ok(()),
        ),
        (
            "tax of the order alone",
            totals(&[line(1, 100, 0, None)], 0, 15, 0, 115),
            Ok(()),
        ),
        (
            "tax as the total (wild defect 5)",
            totals(&[line(1, 100, 0, None)], 0, 100, 0, 100),
            wrong(200, 100),
        ),
        (
            "tax counted in the line",
            totals(&[line(1, 115, 0, Some(15))], 0, 15, 0, 115),
            wrong(130, 115),
        ),
        (
            "one halala off",
            totals(&[line(3, 33, 0, None)], 0, 0, 0, 100),
            wrong(99, 100),
        ),
        (
            "line taxes are not the tax",
            totals(
                &[line(1, 100, 0, Some(15)), line(1, 100, 0, None)],
                0,
                30,
                0,
                230,
            ),
            Err(Mismatch::Tax {
                lines_minor: 15,
                given_minor: 30,
            }),
        ),
        (
            "discount above the line",
            totals(&[line(1, 1, 0, None), line(1, 100, 101, None)], 0, 0, 0, 0),
            Err(Mismatch::LineNegative { line: 1 }),
        ),
        (
            "a line too large",
            totals(&[line(i64::MAX, 2, 0, None)], 0, 0, 0, 1),
            Err(Mismatch::TooLarge { line: Some(0) }),
        ),
        (
            "lines too large together",
            totals(
                &[line(1, i64::MAX, 0, None), line(1, 1, 0, None)],
                0,
                0,
                0,
                1,
            ),
            Err(Mismatch::TooLarge { line: Some(1) }),
        ),
        (
            "shipping too large",
            totals(&[line(1, i64::MAX, 0, None)], 1, 0, 0, 1),
            Err(Mismatch::TooLarge { line: None }),
        ),
        (
            "taxes too large",
            totals(
                &[line(1, 1, 0, Some(i64::MAX)), line(1, 1, 0, Some(1))],
                0,
                0,
                0,
                2,
            ),
            Err(Mismatch::TooLarge { line: None }),
        ),
        (
            "a discount that cannot be negated",
            totals(&[line(1, 1, 0, None)], 0, 0, i64::MIN, 1),
            Err(Mismatch::TooLarge { line: None }),
        ),
    ];
    for (name, totals, expected) in table {
        assert_eq!(check(&totals), expected, "{name}");
    }
}

fn any_line() -> impl Strategy<Value = Line> {
    (1..1_000_i64, 0..1_000_000_i64, 0..=100_i64, 0..10_000_i64).prop_map(
        |(quantity, unit_price_minor, percent, tax_minor)| Line {
            quantity,
            unit_price_minor,
            discount_minor: quantity * unit_price_minor * percent / 100,
            tax_minor: Some(tax_minor),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r27_what_adds_up_is_taken_and_nothing_else_is(
        lines in proptest::collection::vec(any_line(), 1..6),
        shipping in 0..10_000_i64,
        off in -5..=5_i64,
    ) {
        let tax: i64 = lines.iter().filter_map(|line| line.tax_minor).sum();
        let goods: i64 = lines.iter().filter_map(line_total).sum();
        let given = totals(&lines, shipping, tax, 0, goods + shipping + tax + off);
        prop_assert_eq!(check(&given).is_ok(), off == 0);
    }

    #[test]
    fn r27_no_number_makes_it_panic(
        numbers in proptest::collection::vec(any::<(i64, i64, i64, Option<i64>)>(), 0..4),
        rest in any::<(i64, i64, i64, i64)>(),
    ) {
        let lines: Vec<Line> = numbers.into_iter().map(|(q, u, d, t)| line(q, u, d, t)).collect();
        let _ = check(&totals(&lines, rest.0, rest.1, rest.2, rest.3));
    }
}
