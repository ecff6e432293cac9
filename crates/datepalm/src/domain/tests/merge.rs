//! R2: `merge` is a join. Any order, any repetition of any news gives the same facts, and nothing ever falls.

use super::desk::TOTAL;
use super::said::entry;
use crate::domain::facts::{
    Entry, EntryKind, Facts, Observation, OrderRank, RefundRank, Source, Sums, Word,
};
use crate::ids::OperationId;
use proptest::prelude::*;

fn any_word() -> impl Strategy<Value = Option<Word>> {
    prop_oneof![
        2 => Just(None),
        12 => proptest::sample::select(&OrderRank::ALL[..]).prop_map(|rank| Some(Word::Known(rank))),
        1 => Just(Some(Word::Unknown("on_hold".to_owned()))),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    (
        proptest::sample::select(&EntryKind::ALL[..]),
        0..3_u8,
        proptest::sample::select(&[100, 100, 100, 200, i64::MAX][..]),
        0..40_i64,
        proptest::sample::select(&[RefundRank::Other, RefundRank::Failed, RefundRank::Success][..]),
        proptest::option::of(0..3_u8),
        proptest::option::of(0..3_i64),
        proptest::option::of(0..3_u8),
    )
        .prop_map(
            |(kind, id, amount_minor, seen_at_ms, refund, refund_id, shipped_at_s, operation)| {
                Entry {
                    seen_at_ms,
                    seen_version: seen_at_ms / 3,
                    refund: if kind == EntryKind::Refund {
                        refund
                    } else {
                        RefundRank::Other
                    },
                    merchant_refund_id: refund_id.map(|id| format!("re_{id}")),
                    shipped_at_s,
                    item_refs: shipped_at_s.map_or_else(String::new, |s| format!("SKU-{s}")),
                    operation: operation.map(|id| OperationId(format!("op_{id}"))),
                    ..entry(kind, &format!("t{id}"), amount_minor)
                }
            },
        )
}

fn any_news() -> impl Strategy<Value = Observation> {
    (
        any_word(),
        proptest::collection::vec(any_entry(), 0..4),
        0..40_i64,
        proptest::option::of((0..4_i64, 0..4_i64, 0..4_i64)),
        proptest::bool::weighted(0.1),
        any::<bool>(),
    )
        .prop_map(
            |(word, entries, begun_at_ms, sums, mismatch, read)| Observation {
                source: if read { Source::Read } else { Source::Answer },
                begun_at_ms,
                begun_version: begun_at_ms / 3,
                word,
                entries,
                sums: sums.map(|(captured, refunded, canceled)| Sums {
                    captured_minor: captured * 100,
                    refunded_minor: refunded * 100,
                    canceled_minor: canceled * 100,
                }),
                mismatch,
                reference: None,
            },
        )
}

fn merged<'a>(news: impl IntoIterator<Item = &'a Observation>) -> Facts {
    news.into_iter().fold(Facts::default(), Facts::merge)
}

/// Every order of a short list.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let insert_last = |shorter: Vec<usize>| {
        (0..count).map(move |at| {
            let mut longer = shorter.clone();
            longer.insert(at, count - 1);
            longer
        })
    };
    permutations(count - 1)
        .into_iter()
        .flat_map(insert_last)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r2_merge_is_commutative(news in proptest::collection::vec(any_news(), 1..6)) {
        let expected = merged(&news);
        for order in permutations(news.len()) {
            prop_assert_eq!(&merged(order.iter().map(|at| &news[*at])), &expected);
        }
    }

    /// A list merged in pieces: what one node learnt, then what another one knows again.
    #[test]
    fn r2_merge_is_idempotent_and_associative(
        news in proptest::collection::vec(any_news(), 1..6),
        again in proptest::collection::vec(0..6_usize, 0..12),
    ) {
        let expected = merged(&news);
        let doubled = again.iter().filter_map(|at| news.get(*at));
        prop_assert_eq!(&merged(news.iter().chain(doubled.clone())), &expected);
        prop_assert_eq!(&merged(doubled.chain(&news)), &expected);
        let twice: Vec<&Observation> = news.iter().flat_map(|one| [one, one]).collect();
        prop_assert_eq!(&merged(twice), &expected);
    }

    #[test]
    fn r2_nothing_ever_falls(news in proptest::collection::vec(any_news(), 1..8)) {
        let mut facts = Facts::default();
        for one in &news {
            let before = facts.clone();
            facts = facts.merge(one);
            prop_assert!(facts.rank >= before.rank);
            prop_assert!(facts.captured() >= before.captured());
            prop_assert!(facts.refunded() >= before.refunded());
            prop_assert!(before.entries.keys().all(|key| facts.entries.contains_key(key)));
            prop_assert!(facts.contradicted.is_superset(&before.contradicted));
            prop_assert!(facts.was_approved() || !before.was_approved());
            prop_assert!(facts.was_authorised() || !before.was_authorised());
        }
    }

    #[test]
    fn r2_amounts_are_conserved(news in proptest::collection::vec(any_news(), 0..6)) {
        let facts = merged(&news);
        let left = facts.uncaptured(TOTAL);
        prop_assert!(left >= 0);
        prop_assert!(left <= TOTAL);
        prop_assert!(left == 0 || facts.captured() + facts.canceled(TOTAL) + left == TOTAL);
        prop_assert!(left == 0 || facts.live());
    }

    #[test]
    fn r4_r5_a_refused_read_leaves_only_its_doubt(news in proptest::collection::vec(any_news(), 0..6), bad in any_news()) {
        let facts = merged(&news);
        let bad = Observation { word: Some(Word::Unknown("on_hold".to_owned())), ..bad };
        let after = facts.clone().merge(&bad);
        prop_assert_eq!(&Facts { doubted_at_ms: facts.doubted_at_ms, ..after }, &facts);
    }
}

fn read(begun_at_ms: i64, word: Word) -> Observation {
    Observation {
        source: Source::Read,
        begun_at_ms,
        begun_version: begun_at_ms,
        word: Some(word),
        entries: Vec::new(),
        sums: None,
        mismatch: false,
        reference: None,
    }
}

#[test]
fn r5_only_a_later_read_with_known_words_lifts_a_doubt() {
    let doubted = merged([&read(10, Word::Unknown("on_hold".to_owned()))]);
    let known = Word::Known(OrderRank::Authorised);
    assert!(doubted.doubted());
    assert!(
        doubted.clone().merge(&read(9, known.clone())).doubted(),
        "an earlier read"
    );
    assert!(
        !doubted.clone().merge(&read(11, known.clone())).doubted(),
        "a later read"
    );
    let answer = Observation {
        source: Source::Answer,
        word: None,
        ..read(11, known)
    };
    assert!(
        doubted.merge(&answer).doubted(),
        "an answer that says nothing of the status"
    );
}

fn says(rank: OrderRank, entries: &[Entry]) -> Observation {
    Observation {
        entries: entries.to_vec(),
        ..read(1, Word::Known(rank))
    }
}

fn capture(amount_minor: i64) -> Entry {
    entry(EntryKind::Capture, "c", amount_minor)
}

fn cancel(amount_minor: i64) -> Entry {
    entry(EntryKind::Cancel, "x", amount_minor)
}

#[test]
fn r2_conflicts_between_status_and_entries() {
    use OrderRank::{Approved, Authorised, Canceled, Declined, Expired};
    let plain = || says(Authorised, &[capture(100)]);
    let table = [
        (false, vec![plain()]),
        (true, vec![says(Declined, &[capture(100)])]),
        (true, vec![says(Expired, &[]), plain()]),
        (false, vec![says(Authorised, &[]), says(Expired, &[])]),
        (false, vec![says(Declined, &[]), says(Approved, &[])]),
        (false, vec![says(Canceled, &[])]),
        (false, vec![says(Canceled, &[capture(100), cancel(200)])]),
        (true, vec![says(Canceled, &[capture(100), cancel(100)])]),
        (false, vec![says(Canceled, &[capture(300)])]),
        (true, vec![plain(), says(Authorised, &[capture(101)])]),
    ];
    for (conflict, news) in table {
        assert_eq!(
            !merged(&news).contradictions(TOTAL).is_empty(),
            conflict,
            "{news:#?}"
        );
    }
}

/// R2: lists against the amounts of the same body; refunds that are not yet a success may be in or out.
#[test]
fn r2_conflicts_within_a_body() {
    let refund = |refund| Entry {
        refund,
        ..entry(EntryKind::Refund, "r", 100)
    };
    let (pending, done) = (refund(RefundRank::Other), refund(RefundRank::Success));
    let table = [
        (false, vec![capture(100), done.clone()], (100, 100, 0)),
        (true, vec![capture(100)], (200, 0, 0)),
        (true, vec![capture(100)], (0, 0, 0)),
        (false, vec![cancel(100)], (0, 0, 100)),
        (true, vec![cancel(100)], (0, 0, 0)),
        (false, vec![capture(100), pending.clone()], (100, 100, 0)),
        (false, vec![capture(100), pending], (100, 0, 0)),
        (true, vec![capture(100)], (100, 100, 0)),
        (true, vec![capture(100), done], (100, 0, 0)),
    ];
    for (conflict, entries, (captured_minor, refunded_minor, canceled_minor)) in table {
        let sums = Some(Sums {
            captured_minor,
            refunded_minor,
            canceled_minor,
        });
        let body = Observation {
            sums,
            ..says(OrderRank::Authorised, &entries)
        };
        let other = says(
            OrderRank::Authorised,
            &[entry(EntryKind::Capture, "other", 50)],
        );
        assert_eq!(
            !merged([&body]).contradictions(TOTAL).is_empty(),
            conflict,
            "{body:#?}"
        );
        let both = merged([&body, &other]);
        assert_eq!(
            !both.contradictions(TOTAL).is_empty(),
            conflict,
            "another body is not held against its sums"
        );
    }
}
