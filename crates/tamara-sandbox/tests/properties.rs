//! Random histories: several merchants, customers and time itself act in any order.
//!
//! Through the router, as clients see it. Whatever happens, money is conserved, every order moves only along
//! the fact book's transitions, and nobody sees another merchant's orders. The transitions are written down here
//! a second time, so that a slip in the sandbox's own table is caught.
#![expect(
    clippy::unwrap_used,
    reason = "in a test, and in what only tests call, a failed unwrap is a failed test"
)]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use tamara_sandbox::{Clock, Merchant, Options, Sandbox};
use tower::ServiceExt;

const HOUR_MS: i64 = 3_600_000;
const MERCHANTS: [(&str, &str, &str, usize); 4] = [
    ("api-sa", "SA", "SAR", 2),
    ("api-kw", "KW", "KWD", 3),
    ("api-capture", "AE", "AED", 2),
    ("api-auto", "SA", "SAR", 2),
];

/// Order-lifecycle 4.2 and 4.4: what moves an order from where to where. `time` needs nobody.
const MOVES: [(&str, &str, &str); 28] = [
    ("new", "approve", "approved"),
    ("new", "approve", "fully_captured"),
    ("new", "decline", "declined"),
    ("new", "cancel_session", "expired"),
    ("new", "expire", "expired"),
    ("new", "time", "expired"),
    ("approved", "authorise", "authorised"),
    ("approved", "authorise", "fully_captured"),
    ("approved", "time", "expired"),
    ("authorised", "cancel", "canceled"),
    ("authorised", "cancel", "updated"),
    ("authorised", "capture", "partially_captured"),
    ("authorised", "capture", "fully_captured"),
    ("authorised", "time", "fully_captured"),
    ("updated", "cancel", "canceled"),
    ("updated", "cancel", "updated"),
    ("updated", "capture", "partially_captured"),
    ("updated", "capture", "fully_captured"),
    ("updated", "time", "fully_captured"),
    ("partially_captured", "capture", "partially_captured"),
    ("partially_captured", "capture", "fully_captured"),
    ("partially_captured", "refund", "partially_refunded"),
    ("partially_captured", "refund", "fully_refunded"),
    ("partially_captured", "time", "fully_captured"),
    ("fully_captured", "refund", "partially_refunded"),
    ("fully_captured", "refund", "fully_refunded"),
    ("partially_refunded", "refund", "partially_refunded"),
    ("partially_refunded", "refund", "fully_refunded"),
];

/// Amounts are minor units; 0 stands for all that is left.
#[derive(Clone, Debug)]
enum Call {
    Open { total_minor: i64 },
    Customer(&'static str),
    Authorise,
    Capture(i64),
    Cancel(i64),
    Refund(i64),
    Rename,
    Read,
    Wait { hours: i64 },
}

/// The owner of an order makes a call on it; a stranger does with somebody else's token.
#[derive(Clone, Debug)]
struct Step {
    by: usize,
    stranger: bool,
    on: Index,
    call: Call,
}

fn call() -> impl Strategy<Value = Call> {
    let minor = || prop_oneof![Just(0), 1..20_000_i64, 1..300_001_i64];
    let ends = || proptest::sample::select(vec!["decline", "cancel", "expire"]);
    prop_oneof![
        2 => (10_000..300_001_i64).prop_map(|total_minor| Call::Open { total_minor }),
        6 => Just(Call::Customer("approve")),
        1 => ends().prop_map(Call::Customer),
        6 => Just(Call::Authorise),
        4 => minor().prop_map(Call::Capture),
        3 => minor().prop_map(Call::Cancel),
        4 => minor().prop_map(Call::Refund),
        1 => Just(Call::Rename),
        1 => Just(Call::Read),
        1 => proptest::sample::select(vec![1, 72, 21 * 24]).prop_map(|hours| Call::Wait { hours }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let stranger = proptest::bool::weighted(0.125);
    let step = (0..MERCHANTS.len(), stranger, any::<Index>(), call());
    let step = step.prop_map(|(by, stranger, on, call)| Step {
        by,
        stranger,
        on,
        call,
    });
    prop::collection::vec(step, 1..80)
}

#[derive(Clone)]
struct Known {
    order_id: String,
    checkout_id: String,
    owner: usize,
}

/// The sandbox, what was opened there, and everything it ever said.
struct World {
    sandbox: Sandbox,
    router: Router,
    runtime: tokio::runtime::Runtime,
    known: Vec<Known>,
    history: Vec<String>,
}

impl World {
    fn open(seed: u64) -> Self {
        let merchants = MERCHANTS.map(|(token, country, ..)| {
            let mut merchant = Merchant::new(token, country, token, &format!("{token}-notes"));
            merchant.auto_capture = token == "api-capture";
            merchant.auto_authorise = token == "api-auto";
            merchant
        });
        let mut options = Options::new("http://127.0.0.1:9000", merchants.to_vec());
        options.clock = Clock::manual(1_772_442_845_678);
        options.seed = Some(seed);
        let sandbox = Sandbox::open(options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let mut world = Self {
            router: sandbox.router(),
            sandbox,
            runtime: runtime.unwrap(),
            known: Vec::new(),
            history: Vec::new(),
        };
        for by in 0..MERCHANTS.len() {
            let url = format!("https://shop.example/{by}");
            let events = ["order_approved", "order_captured", "order_expired"];
            let body = json!({ "type": "order", "url": url, "events": events });
            assert_eq!(world.send(by, "POST", "/webhooks", &body).0, 200);
        }
        world
    }

    fn send(&mut self, by: usize, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", MERCHANTS[by].0))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        let answering = async {
            let answer = self.router.clone().oneshot(request.unwrap()).await.unwrap();
            let status = answer.status().as_u16();
            (
                status,
                answer.into_body().collect().await.unwrap().to_bytes(),
            )
        };
        let (status, bytes) = self.runtime.block_on(answering);
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let value = serde_json::from_str(&text).unwrap();
        self.history
            .push(format!("{method} {path} {status} {text}"));
        (status, value)
    }

    /// Sends what is due; every third attempt fails. Nobody is told of another's order.
    fn deliver(&mut self) {
        for delivery in self.sandbox.take_due() {
            let body: Value = serde_json::from_str(&delivery.body).unwrap();
            let known = self
                .known
                .iter()
                .find(|k| body["order_id"] == k.order_id)
                .unwrap();
            let place = format!("https://shop.example/{}?", known.owner);
            assert!(delivery.url.starts_with(&place), "told to {}", delivery.url);
            let answer = if delivery.id % 3 == 0 { 500 } else { 200 };
            self.history
                .push(format!("{} {:?} {body}", delivery.url, delivery.headers));
            self.sandbox.delivered(delivery.id, Ok(answer));
        }
    }

    /// Takes a step; answers what moved which order, if the sandbox said that something did.
    fn take(&mut self, step: &Step) -> Option<(String, &'static str)> {
        if let Call::Open { total_minor } = step.call {
            let (status, body) =
                self.send(step.by, "POST", "/checkout", &order(step.by, total_minor));
            assert_eq!(status, 200, "{body}");
            self.known.push(Known {
                order_id: text(&body["order_id"]),
                checkout_id: text(&body["checkout_id"]),
                owner: step.by,
            });
            return None;
        }
        if let Call::Wait { hours } = step.call {
            self.sandbox.clock().advance_ms(hours * HOUR_MS);
            return None;
        }
        if self.known.is_empty() {
            return None;
        }
        let known = step.on.get(&self.known).clone();
        let by = if step.stranger { step.by } else { known.owner };
        let (moves, method, path, body) = request(&step.call, &known, &self.book(&known));
        let (status, answer) = self.send(by, method, &path, &body);
        let control = matches!(step.call, Call::Customer(_));
        if by != known.owner && !control {
            assert_eq!(status, 404, "a stranger's {method} {path}: {answer}");
            return None;
        }
        assert!(
            [200, 400, 409].contains(&status),
            "{method} {path}: {status} {answer}"
        );
        (status == 200).then_some((known.order_id, moves))
    }

    fn book(&self, known: &Known) -> Value {
        let mut orders = self.orders().into_iter();
        orders
            .find(|order| order["order_id"] == known.order_id)
            .unwrap()
    }

    fn orders(&self) -> Vec<Value> {
        self.sandbox.state()["orders"].as_array().unwrap().clone()
    }
}

/// The name of the move, and how to ask for it.
fn request(
    call: &Call,
    known: &Known,
    book: &Value,
) -> (&'static str, &'static str, String, Value) {
    let Known {
        order_id,
        checkout_id,
        owner,
    } = known;
    let field = |name: &str| book[name].as_i64().unwrap();
    let uncaptured = field("total_minor") - field("captured_minor") - field("canceled_minor");
    let refundable = field("captured_minor") - field("refunded_minor");
    let money = |minor: i64, left: i64| {
        let minor = if minor == 0 { left.max(1) } else { minor };
        json!({ "order_id": order_id, "total_amount": money(*owner, minor), "comment": "returned" })
    };
    let order = |end: &str| format!("/orders/{order_id}{end}");
    match call {
        Call::Customer(act) => {
            let name = match *act {
                "approve" => "approve",
                "decline" => "decline",
                "cancel" => "cancel_session",
                _ => "expire",
            };
            let path = format!("/_sandbox/sessions/{checkout_id}/{act}");
            (name, "POST", path, json!({ "plan": "3" }))
        }
        Call::Authorise => ("authorise", "POST", order("/authorise"), json!({})),
        Call::Capture(minor) => (
            "capture",
            "POST",
            "/payments/capture".to_owned(),
            money(*minor, uncaptured),
        ),
        Call::Cancel(minor) => (
            "cancel",
            "POST",
            order("/cancel"),
            money(*minor, uncaptured),
        ),
        Call::Refund(minor) => {
            let path = format!("/payments/simplified-refund/{order_id}");
            ("refund", "POST", path, money(*minor, refundable))
        }
        Call::Rename => {
            let body = json!({ "order_reference_id": "R-2" });
            ("time", "PUT", order("/reference-id"), body)
        }
        Call::Read | Call::Open { .. } | Call::Wait { .. } => ("time", "GET", order(""), json!({})),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Money as the merchant of that number writes it.
fn money(by: usize, minor: i64) -> Value {
    let (_, _, currency, digits) = MERCHANTS[by];
    let text = format!("{minor:0>width$}", width = digits + 1);
    let (whole, part) = text.split_at(text.len() - digits);
    let amount: Value = serde_json::from_str(&format!("{whole}.{part}")).unwrap();
    json!({ "amount": amount, "currency": currency })
}

/// An amount that the API wrote, in minor units.
fn minor(money: &Value, digits: usize) -> i64 {
    let text = money["amount"].to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    assert!(
        part.len() <= digits || part.trim_end_matches('0').is_empty(),
        "{text}"
    );
    format!("{whole}{part:0<digits$.digits$}").parse().unwrap()
}

fn order(by: usize, total_minor: i64) -> Value {
    let country = MERCHANTS[by].1;
    let phone = if country == "KW" {
        "50001234"
    } else {
        "551230045"
    };
    json!({
        "order_reference_id": "R-1",
        "total_amount": money(by, total_minor),
        "shipping_amount": money(by, 0),
        "tax_amount": money(by, 0),
        "description": "An order",
        "country_code": country,
        "items": [{
            "reference_id": "1", "type": "Physical", "name": "Desk lamp", "sku": "LAMP-01", "quantity": 1,
            "total_amount": money(by, total_minor),
        }],
        "consumer": {
            "first_name": "Noura", "last_name": "Alharbi", "phone_number": phone, "email": "noura@example.com",
        },
        "shipping_address": {
            "first_name": "Noura", "last_name": "Alharbi", "line1": "12 Olaya Street", "city": "Riyadh",
            "country_code": country,
        },
        "merchant_url": {
            "success": "https://shop.example/yes",
            "failure": "https://shop.example/no",
            "cancel": "https://shop.example/back",
        },
    })
}

/// What changed between two looks at the books is one allowed move, of time or of the one who was told "yes".
fn check_moves(before: &[Value], after: &[Value], done: Option<&(String, &'static str)>) {
    for now in after {
        let id = text(&now["order_id"]);
        let Some(then) = before
            .iter()
            .find(|order| order["order_id"] == now["order_id"])
        else {
            continue;
        };
        let asked = done
            .filter(|(order_id, _)| *order_id == id)
            .map(|(_, name)| *name);
        let (from, to) = (
            then["status"].as_str().unwrap(),
            now["status"].as_str().unwrap(),
        );
        match asked {
            Some(name) if name != "time" => {
                assert!(MOVES.contains(&(from, name, to)), "{from} {name} {to}");
            }
            _ if from != to => assert!(
                MOVES.contains(&(from, "time", to)),
                "{from} became {to} by itself"
            ),
            _ => {}
        }
    }
}

fn check_sums(order: &Value) {
    let field = |name: &str| order[name].as_i64().unwrap();
    let (total, captured) = (field("total_minor"), field("captured_minor"));
    let (canceled, refunded) = (field("canceled_minor"), field("refunded_minor"));
    assert!(captured + canceled <= total, "{order}");
    assert!(refunded <= captured, "{order}");
    let left = total - captured - canceled;
    let fits = match order["status"].as_str().unwrap() {
        "new" | "declined" | "expired" | "approved" | "authorised" => {
            captured + canceled + refunded == 0
        }
        "updated" => captured == 0 && canceled > 0 && left > 0,
        "canceled" => captured == 0 && left == 0,
        "partially_captured" => captured > 0 && left > 0 && refunded == 0,
        "fully_captured" => captured > 0 && left == 0 && refunded == 0,
        "partially_refunded" => refunded > 0 && refunded < captured,
        "fully_refunded" => refunded > 0 && refunded == captured,
        _ => false,
    };
    assert!(fits, "{order}");
}

/// The order as its owner reads it says the same as the books.
fn check_read(world: &mut World) {
    for order in world.orders() {
        let id = text(&order["order_id"]);
        let owner = world.known.iter().find(|k| k.order_id == id).unwrap().owner;
        let digits = MERCHANTS[owner].3;
        for path in [format!("/orders/{id}"), format!("/merchants/orders/{id}")] {
            let (status, read) = world.send(owner, "GET", &path, &json!({}));
            assert_eq!((status, &read["status"]), (200, &order["status"]));
            for name in ["total", "captured", "canceled", "refunded"] {
                let said = minor(&read[format!("{name}_amount")], digits);
                assert_eq!(said, order[format!("{name}_minor")], "{name} of {order}");
            }
        }
    }
    for by in 0..MERCHANTS.len() {
        let (status, read) =
            world.send(by, "GET", "/merchants/orders/reference-id/R-1", &json!({}));
        if status == 200 {
            let known = world.known.iter().find(|k| read["order_id"] == k.order_id);
            assert_eq!(known.unwrap().owner, by);
        }
    }
}

/// Plays a whole history and checks it on the way.
fn play(seed: u64, steps: &[Step]) -> World {
    let mut world = World::open(seed);
    let mut before = world.orders();
    for step in steps {
        // Time first: what it moves is then not mistaken for the step's doing.
        world.sandbox.tick();
        let done = world.take(step);
        world.deliver();
        let after = world.orders();
        check_moves(&before, &after, done.as_ref());
        after.iter().for_each(check_sums);
        before = after;
    }
    check_read(&mut world);
    let state = world.sandbox.state().to_string();
    world.history.push(state);
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_history_breaks_the_books(seed in any::<u64>(), steps in steps()) {
        play(seed, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_seed_gives_the_same_history_byte_for_byte(seed in any::<u64>(), steps in steps()) {
        let (first, second) = (play(seed, &steps), play(seed, &steps));
        prop_assert_eq!(&first.history, &second.history);
        let other = play(seed.wrapping_add(1), &steps);
        let ids = |world: &World| world.known.first().map(|known| known.order_id.clone());
        prop_assert!(first.known.is_empty() || ids(&first) != ids(&other));
    }
}
