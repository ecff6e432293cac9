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

fn one(total: i64) -> Vec<Line> {
    vec![line(1, total, 0, None)]
}

#[test]
fn r27_the_parts_make_up_the_total() {
    let taxed = [line(1, 100, 0, Some(15)), line(2, 50, 0, Some(5))];
    let vat_in_price = [line(1, 115, 0, Some(15))];
    let half_taxed = [line(1, 100, 0, Some(15)), line(1, 100, 0, None)];
    let off = |expected_minor, given_minor| {
        Err(Mismatch::Total {
            expected_minor,
            given_minor,
        })
    };
    let tax = Err(Mismatch::Tax {
        lines_minor: 15,
        given_minor: 30,
    });
    let table = [
        (totals(&one(100), 0, 0, 0, 100), Ok(())),
        (totals(&[line(3, 100, 50, None)], 0, 0, 0, 250), Ok(())),
        (totals(&taxed, 30, 20, 10, 240), Ok(())),
        (totals(&one(115), 0, 0, 0, 115), Ok(())),
        (totals(&one(100), 0, 15, 0, 115), Ok(())),
        // The tax sent equal to the total, and a price that contains it already.
        (totals(&one(100), 0, 100, 0, 100), off(200, 100)),
        (totals(&vat_in_price, 0, 15, 0, 115), off(130, 115)),
        (totals(&[line(3, 33, 0, None)], 0, 0, 0, 100), off(99, 100)),
        (totals(&half_taxed, 0, 30, 0, 230), tax),
        (
            totals(&[line(1, 1, 0, None), line(1, 100, 101, None)], 0, 0, 0, 0),
            Err(Mismatch::LineNegative { line: 1 }),
        ),
    ];
    for (totals, expected) in table {
        assert_eq!(check(&totals), expected, "{totals:?}");
    }
}

#[test]
fn r27_what_is_too_large_to_add_up_is_said_to_be() {
    let twice_max = [line(i64::MAX, 2, 0, None)];
    let max_and_one = [line(1, i64::MAX, 0, None), line(1, 1, 0, None)];
    let taxes = [line(1, 1, 0, Some(i64::MAX)), line(1, 1, 0, Some(1))];
    let table = [
        (totals(&twice_max, 0, 0, 0, 1), Some(0)),
        (totals(&max_and_one, 0, 0, 0, 1), Some(1)),
        (totals(&one(i64::MAX), 1, 0, 0, 1), None),
        (totals(&taxes, 0, 0, 0, 2), None),
        (totals(&one(1), 0, 0, i64::MIN, 1), None),
    ];
    for (totals, line) in table {
        assert_eq!(
            check(&totals),
            Err(Mismatch::TooLarge { line }),
            "{totals:?}"
        );
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
