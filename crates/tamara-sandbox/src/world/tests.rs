//! Roll back, change lists and the indices over orders.

use super::*;
use crate::merchant::accounts;

fn world() -> World {
    let merchants = [Merchant::new("Nakheel", "SA", "a", "n")];
    World::new(accounts(&merchants).unwrap(), Ids::new(Some(1)))
}

fn order(id: &str, sequence: u64, created_at_ms: i64) -> Order {
    Order {
        id: id.to_owned(),
        sequence,
        merchant_id: "m".to_owned(),
        reference: "R".to_owned(),
        created_at_ms,
        ..Order::new(Channel::Online, Currency::Sar, 100)
    }
}

#[test]
fn a_roll_back_restores_objects_and_indices() {
    let mut world = world();
    world.put_order(order("a", 1, 0));
    world.keep();
    let timer = world.next_timer().map(|(at_ms, _)| at_ms);

    let mut changed = order("a", 1, 0);
    changed.status = Status::Declined;
    changed.reference = "S".to_owned();
    world.put_order(changed);
    world.put_order(order("b", 2, 5));
    assert_eq!(world.changes().len(), 2);
    world.roll_back();

    assert_eq!(world.order("a").map(|o| o.status), Some(Status::New));
    assert!(world.order("b").is_none());
    assert_eq!(world.next_timer().map(|(at_ms, _)| at_ms), timer);
    let newest = world.newest_by_reference("m", "R");
    assert_eq!(newest.map(|o| o.id.as_str()), Some("a"));
    assert!(world.newest_by_reference("m", "S").is_none());
    assert!(world.changes().is_empty());
}

#[test]
fn an_object_changed_twice_is_one_entry_as_it_is_now() {
    let mut world = world();
    world.put_order(order("a", 1, 0));
    let mut later = order("a", 1, 0);
    later.status = Status::Expired;
    world.put_order(later);
    let changes = world.changes();
    assert_eq!(changes.len(), 1);
    assert!(matches!(&changes[0], Entry::Order(order) if order.status == Status::Expired));
    assert!(world.next_timer().is_none());
}

#[test]
fn a_roll_back_forgets_a_verified_phone() {
    let mut world = world();
    world.verify_id("966551230045");
    world.keep();
    world.verify_id("966551230045");
    world.verify_id("966551230046");
    assert_eq!(world.changes().len(), 1);
    world.roll_back();
    assert!(world.is_id_verified("966551230045"));
    assert!(!world.is_id_verified("966551230046"));
}
