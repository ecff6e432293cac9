//! Points for a person: what raises one, what resolving it means, and what raises it again (decision 0003).

use super::desk::{Desk, HOUR, SECOND, TOTAL};
use super::said::{Body, body, entry, live, refused, turned_away};
use crate::domain::attention::{Concern, ResolveRefused, at_risk, stands};
use crate::domain::decide::{Command, Refused};
use crate::domain::events::between;
use crate::domain::facts::{CONTRADICTIONS_MAX, EntryKind, Facts, OrderRank, RefundRank};
use crate::domain::operation::{OperationKind, OperationState};
use crate::domain::payment::AttentionReason::{self, *};
use crate::domain::plan::REFUSALS_MAX;
use crate::ids::AttentionId;

/// How many points of a reason were ever raised.
fn raised(desk: &Desk, reason: AttentionReason) -> usize {
    let points = desk.payment.points.iter();
    points.filter(|point| point.reason == reason).count()
}

fn risk(desk: &Desk, reason: AttentionReason) -> i64 {
    let point = desk.payment.open_points().find(|p| p.reason == reason);
    at_risk(&desk.payment, point.unwrap()).minor()
}

fn still_so(desk: &Desk, reason: AttentionReason) -> bool {
    let point = desk.payment.points.iter().rfind(|p| p.reason == reason);
    stands(&desk.payment, point.unwrap())
}

fn expired_with_captures() -> Body {
    body(OrderRank::Expired).capture("c1", 100)
}

#[test]
fn r2_resolving_books_differ_goes_on_with_the_facts_as_they_are() {
    let mut desk = Desk::authorised();
    desk.read(0, &expired_with_captures());
    assert!(desk.payment.blocked() && desk.asks_for(BooksDiffer));
    assert_eq!(
        desk.ask(Command::Refund(Some(50))),
        Err(Refused::NeedsAttention)
    );
    desk.resolve(BooksDiffer).unwrap();
    assert!(!desk.payment.blocked(), "a person has looked");
    desk.tick(HOUR);
    desk.read(0, &expired_with_captures());
    assert!(!desk.asks_for(BooksDiffer) && !desk.payment.blocked());
    let refund = desk.ask(Command::Refund(Some(50))).unwrap();
    let echo =
        expired_with_captures().refund_of("r1", desk.operation(&refund), RefundRank::Success);
    desk.send_applied(&refund, desk.own_entry(&refund, "r1"));
    desk.read(0, &echo);
    assert_eq!(desk.state(&refund), OperationState::Succeeded);
    assert!(
        !desk.payment.blocked(),
        "what we did ourselves is no new contradiction"
    );
    assert_eq!(raised(&desk, BooksDiffer), 1);
}

#[test]
fn r2_a_new_contradiction_stops_again() {
    let mut desk = Desk::authorised();
    desk.read(0, &expired_with_captures());
    desk.resolve(BooksDiffer).unwrap();
    let other_amount = body(OrderRank::Expired).capture("c1", 150);
    desk.read(0, &other_amount);
    assert!(desk.payment.blocked() && desk.asks_for(BooksDiffer));
    desk.resolve(BooksDiffer).unwrap();
    desk.read(0, &other_amount);
    assert!(!desk.payment.blocked(), "both amounts were looked at");
    desk.read(0, &body(OrderRank::Expired).capture("c1", 175));
    assert!(desk.payment.blocked(), "a third amount was not");
    assert_eq!(raised(&desk, BooksDiffer), 3);
}

/// R2: while a point is open it takes in what else contradicts; resolving it covers all of that.
#[test]
fn r2_an_open_point_grows() {
    let mut desk = Desk::authorised();
    desk.read(0, &expired_with_captures());
    desk.read(0, &body(OrderRank::Expired).capture("c1", 150));
    assert_eq!(raised(&desk, BooksDiffer), 1);
    desk.resolve(BooksDiffer).unwrap();
    assert!(!desk.payment.blocked());
}

#[test]
fn r2_contradictions_beyond_counting_keep_their_stop() {
    let mut desk = Desk::authorised();
    for minor in 1..=i64::try_from(CONTRADICTIONS_MAX).unwrap() + 5 {
        desk.read(0, &live().capture("c1", minor));
    }
    assert_eq!(
        desk.payment.sessions[0].facts.contradicted.len(),
        CONTRADICTIONS_MAX
    );
    desk.resolve(BooksDiffer).unwrap();
    assert!(desk.payment.blocked());
}

/// R2: which contradictions are kept does not depend on the order in which they came.
#[test]
fn r2_contradictions_merge_in_any_order() {
    let news: Vec<_> = (1..80)
        .map(|minor| {
            live()
                .with(entry(EntryKind::Capture, "c1", minor))
                .read_at(minor, 1)
        })
        .collect();
    let forward = news.iter().fold(Facts::default(), Facts::merge);
    let backward = news.iter().rev().fold(Facts::default(), Facts::merge);
    assert_eq!(forward, backward);
}

#[test]
fn r4_r5_resolving_a_doubtful_read_keeps_its_stop() {
    let table = [
        (OrderMismatch, live().mismatch()),
        (UnknownStatus, live().unknown("on_hold")),
    ];
    for (reason, doubtful) in table {
        let mut desk = Desk::approved();
        desk.tick(SECOND);
        desk.read(0, &doubtful);
        desk.resolve(reason).unwrap();
        assert!(desk.payment.blocked(), "only a better read lifts it");
        assert!(still_so(&desk, reason));
        for _ in 0..3 {
            desk.tick(HOUR);
            desk.read(0, &doubtful);
        }
        assert!(!desk.asks_for(reason), "the same doubt is closed");
        desk.tick(SECOND);
        desk.read(0, &body(OrderRank::Approved));
        assert!(!desk.payment.blocked() && !still_so(&desk, reason));
        desk.tick(SECOND);
        desk.read(0, &doubtful);
        assert!(desk.asks_for(reason), "a new one is not");
        assert_eq!(raised(&desk, reason), 2);
    }
}

/// R25: the same doubt again is no news, so that the gaps between reads grow.
#[test]
fn r25_the_same_doubt_again_is_no_news() {
    let mut desk = Desk::approved();
    desk.tick(SECOND);
    desk.read(0, &live().mismatch());
    let before = desk.payment.clone();
    desk.tick(HOUR);
    desk.read(0, &live().mismatch());
    assert!(!desk.payment.differs_visibly(&before));
    desk.tick(HOUR);
    desk.read(0, &live().unknown("on_hold"));
    assert!(desk.payment.differs_visibly(&before), "another doubt is");
}

#[test]
fn r4_an_order_that_is_not_found_asks_once_until_it_was_found() {
    let mut desk = Desk::approved();
    let not_found = |desk: &mut Desk| {
        let concern = Concern::of_doubtful_read(OrderNotFound, &desk.payment.sessions[0]);
        desk.payment.raise(concern, desk.now_ms);
    };
    not_found(&mut desk);
    assert!(still_so(&desk, OrderNotFound));
    desk.resolve(OrderNotFound).unwrap();
    not_found(&mut desk);
    assert!(!desk.asks_for(OrderNotFound));
    desk.tick(SECOND);
    desk.read(0, &body(OrderRank::Approved));
    assert!(!still_so(&desk, OrderNotFound));
    not_found(&mut desk);
    assert!(desk.asks_for(OrderNotFound));
}

#[test]
fn r19_resolving_plan_refused_lets_the_plan_try_three_more_times() {
    let mut desk = Desk::twice_approved();
    desk.read(1, &live());
    for round in 1..=3 {
        for _ in 0..REFUSALS_MAX {
            assert!(!desk.asks_for(PlanRefused), "round {round}");
            let cancel = desk.plan().expect("three tries in each round");
            assert_eq!(desk.operation(&cancel).kind, OperationKind::Cancel);
            desk.send_answered(&cancel, refused());
            desk.tick(HOUR);
        }
        assert!(desk.asks_for(PlanRefused) && still_so(&desk, PlanRefused));
        assert_eq!(desk.plan(), None, "round {round}");
        desk.refresh();
        desk.resolve(PlanRefused).unwrap();
        assert!(!still_so(&desk, PlanRefused));
        assert_eq!(raised(&desk, PlanRefused), round);
    }
}

#[test]
fn r21_resolving_refused_access_begins_the_count_anew() {
    let mut desk = Desk::approved();
    let authorise = desk.plan().unwrap();
    for round in 1..=2 {
        for _ in 0..3 {
            assert!(!desk.asks_for(TamaraRefusesAccess), "round {round}");
            desk.tick(HOUR);
            desk.send_answered(&authorise, turned_away(None));
        }
        assert!(desk.asks_for(TamaraRefusesAccess));
        desk.tick(HOUR);
        desk.send_answered(&authorise, turned_away(None));
        assert_eq!(raised(&desk, TamaraRefusesAccess), round, "the same row");
        assert!(still_so(&desk, TamaraRefusesAccess));
        desk.resolve(TamaraRefusesAccess).unwrap();
        assert!(!still_so(&desk, TamaraRefusesAccess));
        assert_eq!(desk.operation(&authorise).next_try_at_ms, desk.now_ms);
    }
}

#[test]
fn r14_a_resolved_duplicate_approval_stays_resolved() {
    let mut desk = Desk::twice_approved();
    assert_eq!(risk(&desk, DuplicateApproval), TOTAL);
    desk.resolve(DuplicateApproval).unwrap();
    desk.read(1, &live());
    assert!(!desk.asks_for(DuplicateApproval));
    desk.open_session();
    desk.read(2, &body(OrderRank::Approved));
    assert!(desk.asks_for(DuplicateApproval), "of another session");
}

#[test]
fn r17_what_stays_open_for_a_day_asks_a_person() {
    let mut desk = Desk::authorised();
    let capture = desk.ask(Command::Capture(Some(100))).unwrap();
    desk.send_lost(&capture);
    desk.tick(desk.policy.ask_after_ms);
    desk.refresh();
    assert!(desk.asks_for(OperationStillOpen));
    assert_eq!(risk(&desk, OperationStillOpen), 100);
    assert_eq!(
        desk.resolve(OperationStillOpen),
        Err(ResolveRefused::StillInDoubt(capture.clone())),
        "nothing is in doubt for ever without a point"
    );
    desk.read(0, &live());
    desk.tick(SECOND);
    desk.read(0, &live());
    assert_eq!(desk.state(&capture), OperationState::Rejected);
    assert!(!still_so(&desk, OperationStillOpen));
    desk.resolve(OperationStillOpen).unwrap();
}

#[test]
fn a_point_is_resolved_once() {
    let mut desk = Desk::twice_approved();
    let id = desk.payment.points[0].id.clone();
    desk.resolve(DuplicateApproval).unwrap();
    let policy = desk.policy.clone();
    let context = crate::domain::context::Context {
        now_ms: desk.now_ms + 1,
        policy: &policy,
        can_hold: true,
    };
    let again = crate::domain::attention::resolve(&mut desk.payment, &id, &context);
    assert_eq!(again, Err(ResolveRefused::Resolved(desk.now_ms)));
    let nobody = AttentionId("att_none".to_owned());
    let unknown = crate::domain::attention::resolve(&mut desk.payment, &nobody, &context);
    assert_eq!(unknown, Err(ResolveRefused::Unknown));
}

#[test]
fn resolving_is_told_once() {
    let mut desk = Desk::twice_approved();
    let told = |desk: &Desk, before| {
        let events = between(Some(before), &desk.payment).into_iter();
        let kinds = events.map(|event| event.kind);
        kinds
            .filter(|kind| kind.starts_with("payment.attention"))
            .collect::<Vec<_>>()
    };
    let before = desk.payment.clone();
    desk.resolve(DuplicateApproval).unwrap();
    assert_eq!(told(&desk, &before), ["payment.attention_resolved"]);
    let before = desk.payment.clone();
    desk.refresh();
    assert_eq!(told(&desk, &before), Vec::<String>::new());
}

#[test]
fn ids_of_points_sort_by_time_and_never_meet() {
    let mut desk = Desk::twice_approved();
    desk.read(0, &live().mismatch());
    desk.tick(SECOND);
    desk.read(1, &live().mismatch());
    let ids: Vec<_> = desk.payment.points.iter().map(|point| &point.id).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids[0] < ids[2] && ids[1] < ids[2] && ids[0] != ids[1]);
    assert!(AttentionId::parse(ids[0].as_str()).is_some());
}

/// The money that each reason is about, by the facts of the moment.
#[test]
fn money_at_risk_is_computed_from_the_facts() {
    let mut desk = Desk::authorised();
    desk.read(
        0,
        &live()
            .capture("p", 100)
            .refund("r", 40, RefundRank::Success)
            .mismatch(),
    );
    assert_eq!(
        risk(&desk, OrderMismatch),
        TOTAL,
        "nothing of it was taken in"
    );
    let mut desk = Desk::captured();
    desk.tick(SECOND);
    let echo = live().capture_of("c1", &desk.payment.operations[2]);
    desk.read(0, &echo.refund("r", 40, RefundRank::Success));
    desk.tick(SECOND);
    desk.read(0, &live().unknown("on_hold"));
    assert_eq!(risk(&desk, UnknownStatus), TOTAL - 40);
    let mut desk = Desk::twice_approved();
    desk.read(
        1,
        &live()
            .capture("p", 100)
            .refund("r", 30, RefundRank::Success),
    );
    assert_eq!(risk(&desk, DuplicateApproval), TOTAL - 30);
}
