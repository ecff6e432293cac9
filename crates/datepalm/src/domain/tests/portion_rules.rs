//! R27 for a part of an order: what items add up to, and that no line gives more than it has.

use crate::domain::portion::{Named, NamedLine, Part, Portion, Refused, Whole, WholeLine, take};
use crate::domain::totals::{Line, Mismatch};
use proptest::prelude::*;

/// A line of the whole: reference, quantity, price of one, discount, tax.
fn line(reference: &str, [quantity, price, discount]: [i64; 3], tax: Option<i64>) -> WholeLine {
    WholeLine {
        reference: reference.to_owned(),
        line: Line {
            quantity,
            unit_price_minor: price,
            discount_minor: discount,
            tax_minor: tax,
        },
    }
}

/// Four lamps of 100.00 with 10.00 off, three vases of 70.00 with 10.00 off; shipping, voucher.
fn shop() -> Whole {
    Whole {
        lines: vec![
            line("lamp", [4, 10_000, 1_000], None),
            line("vase", [3, 7_000, 1_000], None),
        ],
        shipping_minor: 2_000,
        tax_minor: 0,
        discount_minor: 500,
    }
}

fn some(lines: &[(&str, i64)]) -> Named {
    let named = lines.iter().map(|(reference, quantity)| NamedLine {
        reference: (*reference).to_owned(),
        quantity: *quantity,
        discount_minor: None,
        tax_minor: None,
    });
    Named {
        lines: named.collect(),
        shipping_minor: 0,
        tax_minor: None,
        discount_minor: 0,
        amount_minor: None,
    }
}

fn amount(whole: &Whole, taken: &[Portion], named: &Named) -> Result<i64, Refused> {
    take(whole, taken, named).map(|portion| portion.amount_minor)
}

#[test]
fn r27_items_are_added_up_exactly() {
    let shop = shop();
    assert_eq!(amount(&shop, &[], &some(&[("lamp", 1)])), Ok(9_750));
    assert_eq!(amount(&shop, &[], &some(&[("lamp", 4)])), Ok(39_000));
    assert_eq!(
        amount(&shop, &[], &some(&[("vase", 3), ("lamp", 2)])),
        Ok(20_000 + 19_500)
    );
    let with_parts = Named {
        shipping_minor: 2_000,
        discount_minor: 500,
        ..some(&[("lamp", 2)])
    };
    assert_eq!(amount(&shop, &[], &with_parts), Ok(19_500 + 2_000 - 500));
    let only_shipping = Named {
        shipping_minor: 2_000,
        ..some(&[])
    };
    assert_eq!(amount(&shop, &[], &only_shipping), Ok(2_000));
}

#[test]
fn r27_an_amount_beside_the_items_must_be_what_they_make() {
    let of = |amount_minor| Named {
        amount_minor: Some(amount_minor),
        ..some(&[("lamp", 2)])
    };
    assert_eq!(amount(&shop(), &[], &of(19_500)), Ok(19_500));
    let mismatch = Mismatch::Total {
        expected_minor: 19_500,
        given_minor: 19_501,
    };
    assert_eq!(
        amount(&shop(), &[], &of(19_501)),
        Err(Refused::Sums(mismatch, vec![19_500]))
    );
}

/// 10.00 off three vases: one or two have no exact share, so the caller says how much; the last piece takes the rest.
#[test]
fn r27_what_cannot_be_split_exactly_is_asked_for() {
    let shop = shop();
    let inexact = |quantity| Refused::Inexact {
        line: 0,
        part: Part::Discount,
        whole_minor: 1_000,
        quantity,
        of: 3,
    };
    assert_eq!(amount(&shop, &[], &some(&[("vase", 1)])), Err(inexact(1)));
    assert_eq!(amount(&shop, &[], &some(&[("vase", 2)])), Err(inexact(2)));
    let mut said = some(&[("vase", 1)]);
    said.lines[0].discount_minor = Some(334);
    let first = take(&shop, &[], &said).unwrap();
    assert_eq!(first.amount_minor, 7_000 - 334);
    let rest = take(&shop, &[first], &some(&[("vase", 2)])).unwrap();
    assert_eq!(
        (rest.amount_minor, rest.lines[0].discount_minor),
        (14_000 - 666, 666)
    );
}

#[test]
fn r27_no_line_gives_more_than_it_has() {
    let shop = shop();
    let earlier = take(&shop, &[], &some(&[("lamp", 3)])).unwrap();
    let taken = std::slice::from_ref(&earlier);
    let above = Refused::QuantityAboveLeft {
        line: 0,
        asked: 2,
        left: 1,
    };
    assert_eq!(amount(&shop, taken, &some(&[("lamp", 2)])), Err(above));
    assert_eq!(amount(&shop, taken, &some(&[("lamp", 1)])), Ok(9_750));
    let part_above = |line, part, asked_minor, left_minor| {
        Err(Refused::PartAboveLeft {
            line,
            part,
            asked_minor,
            left_minor,
        })
    };
    let mut greedy = some(&[("lamp", 1)]);
    greedy.lines[0].discount_minor = Some(251);
    assert_eq!(
        amount(&shop, taken, &greedy),
        part_above(Some(0), Part::Discount, 251, 250)
    );
    let shipping = Named {
        shipping_minor: 1_500,
        ..some(&[])
    };
    let shipped = take(&shop, &[], &shipping).unwrap();
    assert_eq!(
        amount(&shop, &[shipped], &shipping),
        part_above(None, Part::Shipping, 1_500, 500)
    );
    let taxed = Named {
        tax_minor: Some(1),
        ..some(&[("lamp", 1)])
    };
    assert_eq!(
        amount(&shop, &[], &taxed),
        part_above(None, Part::Tax, 1, 0)
    );
    let mut taxed = some(&[("lamp", 1)]);
    taxed.lines[0].tax_minor = Some(1);
    assert_eq!(
        amount(&shop, &[], &taxed),
        part_above(Some(0), Part::Tax, 1, 0)
    );
}

#[test]
fn r27_a_line_is_named_once_and_by_one_name() {
    let shop = shop();
    assert_eq!(
        amount(&shop, &[], &some(&[("lamp", 1), ("rug", 1)])),
        Err(Refused::Unknown(1))
    );
    assert_eq!(
        amount(&shop, &[], &some(&[("lamp", 1), ("lamp", 1)])),
        Err(Refused::Twice(1))
    );
    let mut twins = shop.clone();
    twins.lines.push(line("lamp", [1, 1, 0], None));
    assert_eq!(
        amount(&twins, &[], &some(&[("lamp", 1)])),
        Err(Refused::Ambiguous(0))
    );
    assert_eq!(amount(&twins, &[], &some(&[("vase", 3)])), Ok(20_000));
}

/// Where the lines carry tax, the portion's tax is theirs; elsewhere it is what the caller says.
#[test]
fn r27_tax_of_a_portion() {
    let taxed = Whole {
        lines: vec![
            line("lamp", [2, 1_000, 0], Some(300)),
            line("book", [1, 500, 0], None),
        ],
        tax_minor: 300,
        ..shop()
    };
    assert_eq!(
        amount(&taxed, &[], &some(&[("lamp", 1), ("book", 1)])),
        Ok(1_000 + 500 + 150)
    );
    let other = Named {
        tax_minor: Some(149),
        ..some(&[("lamp", 1)])
    };
    let mismatch = Mismatch::Tax {
        lines_minor: 150,
        given_minor: 149,
    };
    assert_eq!(
        amount(&taxed, &[], &other),
        Err(Refused::Sums(mismatch, vec![1_000]))
    );
    let on_top = Whole {
        tax_minor: 300,
        ..shop()
    };
    let said = Named {
        tax_minor: Some(75),
        ..some(&[("lamp", 1)])
    };
    assert_eq!(amount(&on_top, &[], &said), Ok(9_750 + 75));
}

fn a_line() -> impl Strategy<Value = (Line, Vec<i64>)> {
    let numbers = (
        1_i64..=9,
        0_i64..=100_000,
        0_i64..=100,
        proptest::option::of(0_i64..=5_000),
    );
    let line = numbers.prop_map(|(quantity, unit_price_minor, percent, tax_minor)| Line {
        quantity,
        unit_price_minor,
        discount_minor: quantity * unit_price_minor * percent / 100,
        tax_minor,
    });
    (line, proptest::collection::vec(1_i64..=3, 9))
}

proptest! {
    /// Taken piece by piece, in any pieces, an order gives exactly what it is worth, and then nothing more.
    #[test]
    fn r27_the_pieces_of_an_order_make_up_its_total(parts in proptest::collection::vec(a_line(), 1..5), extra in 0_i64..1_000) {
        let lines: Vec<_> = parts.iter().enumerate().map(|(index, (line, _))| WholeLine {
            reference: index.to_string(),
            line: *line,
        }).collect();
        let tax_minor = parts.iter().filter_map(|(line, _)| line.tax_minor).sum();
        let whole = Whole { lines, shipping_minor: extra, tax_minor, discount_minor: 0 };
        let mut taken: Vec<Portion> = Vec::new();
        for (index, (line, pieces)) in parts.iter().enumerate() {
            let mut left = line.quantity;
            for piece in pieces {
                let quantity = left.min(*piece);
                if quantity == 0 { break }
                left -= quantity;
                let reference = index.to_string();
                let mut named = some(&[(reference.as_str(), quantity)]);
                let mut portion = take(&whole, &taken, &named);
                for _ in 0..2 {
                    match portion {
                        // What the core cannot split exactly the caller rounds down.
                        Err(Refused::Inexact { part: Part::Discount, whole_minor, .. }) => {
                            named.lines[0].discount_minor = Some(whole_minor * quantity / line.quantity);
                        }
                        Err(Refused::Inexact { whole_minor, .. }) => {
                            named.lines[0].tax_minor = Some(whole_minor * quantity / line.quantity);
                        }
                        _ => break,
                    }
                    portion = take(&whole, &taken, &named);
                }
                taken.push(portion.unwrap());
            }
            if left > 0 {
                let reference = index.to_string();
                taken.push(take(&whole, &taken, &some(&[(reference.as_str(), left)])).unwrap());
            }
            let reference = index.to_string();
            let more = take(&whole, &taken, &some(&[(reference.as_str(), 1)]));
            prop_assert_eq!(more, Err(Refused::QuantityAboveLeft { line: 0, asked: 1, left: 0 }));
        }
        let shipping = Named { shipping_minor: extra, ..some(&[]) };
        taken.push(take(&whole, &taken, &shipping).unwrap());
        let total: i64 = parts.iter().map(|(line, _)| line.quantity * line.unit_price_minor - line.discount_minor).sum();
        let sum: i64 = taken.iter().map(|portion| portion.amount_minor).sum();
        prop_assert_eq!(sum, total + tax_minor + extra);
    }
}
