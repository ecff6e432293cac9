//! What a read changed that nobody had told of: the comparison behind a reconciliation.

use super::desk::{Desk, SECOND, TOTAL};
use super::said::{Body, body, live, not_sent};
use crate::domain::decide::Command;
use crate::domain::facts::{OrderRank, RefundRank};
use crate::domain::payment::Payment;
use crate::domain::reconcile::{Difference, What, differences, open};

/// Reads, plans what follows, and compares.
fn read(desk: &mut Desk, body: &Body) -> Vec<Difference> {
    let before = desk.payment.clone();
    desk.tick(SECOND);
    desk.read(0, body);
    desk.plan();
    compared(&before, &desk.payment)
}

fn compared(before: &Payment, after: &Payment) -> Vec<Difference> {
    differences(before, after, &after.sessions[0].id)
}

fn short(found: &[Difference]) -> Vec<(What, &str, &str, &str)> {
    found
        .iter()
        .map(|d| (d.what, d.ours.as_str(), d.tamaras.as_str(), d.done.as_str()))
        .collect()
}

#[test]
fn what_was_known_is_no_difference() {
    let mut desk = Desk::captured();
    let known = live().capture_of("c1", &desk.payment.operations[2]);
    assert_eq!(short(&read(&mut desk, &known)), []);
    let mut desk = Desk::pending();
    assert_eq!(short(&read(&mut desk, &body(OrderRank::New))), []);
}

#[test]
fn a_status_that_moved_on_and_the_step_that_follows() {
    let mut desk = Desk::pending();
    let found = read(&mut desk, &body(OrderRank::Approved));
    let expected = (
        What::OrderStatus,
        "pending",
        "approved",
        "recorded, authorise planned",
    );
    assert_eq!(short(&found), [expected]);
    let mut desk = Desk::pending();
    let found = read(&mut desk, &body(OrderRank::Declined));
    let expected = (What::OrderStatus, "pending", "declined", "recorded");
    assert_eq!(short(&found), [expected]);
}

#[test]
fn what_a_person_did_in_the_portal() {
    let mut desk = Desk::authorised();
    let seen = live()
        .capture("c", 200)
        .cancel("x", 100)
        .refund("r", 50, RefundRank::Other);
    let found = read(&mut desk, &seen);
    let expected = [
        (What::Capture, "none", "captured 2.00 SAR", "recorded"),
        (
            What::Refund,
            "none",
            "refund under way 0.50 SAR",
            "recorded",
        ),
        (What::Cancel, "none", "canceled 1.00 SAR", "recorded"),
    ];
    assert_eq!(short(&found), expected);
    assert_eq!(
        (found[0].about.as_str(), found[0].amount_minor),
        ("c", Some(200))
    );
    let seen = live()
        .capture("c", 200)
        .cancel("x", 100)
        .refund("r", 50, RefundRank::Success);
    let found = read(&mut desk, &seen);
    let expected = (
        What::Refund,
        "refund under way 0.50 SAR",
        "refunded 0.50 SAR",
        "recorded",
    );
    assert_eq!(short(&found), [expected]);
    assert_eq!(short(&read(&mut desk, &seen)), []);
}

/// A doubt that the read settled is a difference, and the entry that settled it is not a second one.
#[test]
fn a_doubt_that_was_settled() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_lost(&capture);
    let seen = live().capture_of("c1", desk.operation(&capture));
    let found = read(&mut desk, &seen);
    assert_eq!(
        short(&found),
        [(What::Operation, "unknown", "succeeded", "settled")]
    );
    assert_eq!(found[0].about, capture.as_str());

    let mut desk = Desk::approved();
    let authorise = desk.plan().unwrap();
    desk.send_lost(&authorise);
    let found = read(&mut desk, &live());
    assert_eq!(
        short(&found),
        [(What::Operation, "unknown", "succeeded", "settled")]
    );

    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_lost(&capture);
    desk.tick(desk.policy.settle_window_ms);
    assert_eq!(short(&read(&mut desk, &live())), [], "the first late read");
    let found = read(&mut desk, &live());
    let expected = (
        What::Operation,
        "unknown",
        "rejected: not_applied",
        "settled",
    );
    assert_eq!(short(&found), [expected]);
}

/// What is being sent while the read is under way is told by its answer.
#[test]
fn what_we_are_doing_is_no_difference() {
    let mut desk = Desk::approved();
    let authorise = desk.plan().unwrap();
    desk.begin(&authorise).unwrap();
    assert_eq!(short(&read(&mut desk, &live())), []);
    let mut desk = Desk::authorised();
    let cancel = desk.ask(Command::CancelPart(100)).unwrap();
    desk.begin(&cancel).unwrap();
    assert_eq!(short(&read(&mut desk, &live().cancel("x", 100))), []);
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(None)).unwrap();
    desk.begin(&capture).unwrap();
    let seen = live().capture_of("c1", desk.operation(&capture));
    assert_eq!(short(&read(&mut desk, &seen)), []);
}

/// What stands against Tamara's word is found again every time, until it is solved or a person has looked.
#[test]
fn what_does_not_agree_is_found_until_it_does() {
    let mut desk = Desk::authorised();
    for _ in 0..2 {
        let found = read(&mut desk, &live().mismatch());
        assert_eq!(
            found.iter().map(|d| d.what).collect::<Vec<_>>(),
            [What::NotBelieved]
        );
        assert_eq!(found[0].ours, "authorised");
    }
    assert_eq!(short(&read(&mut desk, &live())), []);
    let contradicted = body(OrderRank::Expired).capture("c", 100);
    let found = read(&mut desk, &contradicted);
    let whats: Vec<_> = found.iter().map(|d| d.what).collect();
    assert_eq!(whats, [What::OrderStatus, What::Capture, What::BooksDiffer]);
    assert_eq!(found[2].tamaras, "expired beside captures");
    let found = read(&mut desk, &contradicted);
    assert_eq!(
        found.iter().map(|d| d.what).collect::<Vec<_>>(),
        [What::BooksDiffer]
    );
    let books = crate::domain::payment::AttentionReason::BooksDiffer;
    desk.resolve(books).unwrap();
    assert_eq!(short(&read(&mut desk, &contradicted)), []);
}

#[test]
fn a_second_approval_asks_a_person() {
    let mut desk = Desk::pending();
    desk.open_session();
    desk.read(0, &live());
    let before = desk.payment.clone();
    desk.read(1, &body(OrderRank::Approved));
    desk.plan();
    let found = differences(&before, &desk.payment, &desk.session_id(1));
    let expected = [
        (
            What::OrderStatus,
            "pending",
            "approved",
            "recorded, authorise planned",
        ),
        (
            What::Attention,
            "none",
            "duplicate_approval",
            "a person is asked, authorise planned",
        ),
    ];
    assert_eq!(short(&found), expected);
    assert_eq!(
        compared(&before, &desk.payment),
        [],
        "not of the other session"
    );
}

#[test]
fn what_stays_open_says_why() {
    let mut desk = Desk::authorised();
    assert_eq!(open(&desk.payment), []);
    let capture = desk.ask(Command::Capture(Some(TOTAL))).unwrap();
    desk.send_lost(&capture);
    desk.read(0, &live().mismatch());
    let open = open(&desk.payment);
    let told: Vec<_> = open.iter().map(|o| (o.what, o.why.as_str())).collect();
    let expected = [
        ("operation", "unknown: outcome_unknown"),
        ("attention", "order_mismatch"),
        ("order", "its last answer was not believed"),
    ];
    assert_eq!(told, expected);
    let mut desk = Desk::authorised();
    let cancel = desk.ask(Command::Cancel).unwrap();
    desk.send_answered(&cancel, not_sent());
    let open = crate::domain::reconcile::open(&desk.payment);
    let told: Vec<_> = open.iter().map(|o| (o.what, o.why.as_str())).collect();
    assert_eq!(
        told,
        [
            ("operation", "intent: not_sent"),
            ("cancel", "accepted and not done")
        ]
    );
}
