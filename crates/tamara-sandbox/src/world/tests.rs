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
        checkout_id: String::new(),
        merchant_id: "m".to_owned(),
        reference: "R".to_owned(),
        number: String::new(),
        description: String::new(),
        status: Status::New,
        country: "SA".to_owned(),
        currency: Currency::Sar,
        total_minor: 100,
        shipping_minor: 0,
        tax_minor: 0,
        discount: Discount::default(),
        paid_minor: 0,
        payment_type: String::new(),
        instalments: None,
        items: Vec::new(),
        consumer: Consumer::default(),
        shipping_address: Address::default(),
        billing_address: None,
        store_code: String::new(),
        notification_url: None,
        created_at_ms,
        approved_at_ms: None,
        authorised_at_ms: None,
        captures: Vec::new(),
        cancels: Vec::new(),
        refunds: Vec::new(),
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
