//! Rules, chance and parameters of faults, without HTTP.

use serde_json::json;

use super::kind::Kind;
use super::*;

fn faults_with(fault: Fault) -> Faults {
    let mut faults = Faults::new(7);
    faults.add(fault, 0).unwrap();
    faults
}

#[test]
fn a_rule_strikes_its_own_requests_as_often_as_it_says() {
    let mut faults = faults_with(Fault::new("reset").on("POST", "/payments/capture").times(2));
    assert_eq!(faults.for_request("GET", "/payments/capture"), None);
    assert_eq!(faults.for_request("POST", "/payments/refund"), None);
    for _ in 0..2 {
        let struck = faults.for_request("POST", "/payments/capture");
        assert_eq!(struck, Some(RequestFault::Reset));
    }
    assert_eq!(faults.for_request("POST", "/payments/capture"), None);
    let report = faults.report();
    assert_eq!(
        (&report[0]["struck"], &report[0]["used_up"]),
        (&json!(2), &json!(true))
    );
}

#[test]
fn patterns_mean_segments() {
    let check = |pattern: &str, path: &str, expected: bool| {
        let fault = Fault {
            path: Some(pattern.to_owned()),
            ..Fault::new("reset")
        };
        assert_eq!(fault.is_for("GET", path), expected, "{pattern} {path}");
    };
    check("/orders/*", "/orders/1", true);
    check("/orders/{order_id}", "/orders/1", true);
    check("/orders/*", "/orders/1/cancel", false);
    check("/orders/*/cancel", "/orders/1/cancel", true);
    check("/orders/**", "/orders/1/cancel", true);
    check("/**", "/anything/at/all", true);
    check("/orders", "/orders/1", false);
}

#[test]
fn chance_is_the_same_for_the_same_seed_and_near_its_percentage() {
    let history = |seed: u64| {
        let fault = Fault {
            percent: Some(30),
            seed: Some(seed),
            ..Fault::new("reset")
        };
        let mut faults = faults_with(fault);
        let hits = (0..1000).map(|_| faults.for_request("GET", "/orders/1").is_some());
        hits.collect::<Vec<_>>()
    };
    assert_eq!(history(1), history(1));
    assert_ne!(history(1), history(2));
    let hits = history(1).into_iter().filter(|hit| *hit).count();
    assert!((250..350).contains(&hits), "{hits}");
}

#[test]
fn every_fault_of_the_catalogue_is_understood_with_all_its_parameters() {
    let values = json!({
        "method": "GET", "path": "/orders/*", "event": "order_approved", "ms": 5, "seconds": 5,
        "status": 502, "retry_after": 3, "after_effect": true, "alg": "HS512",
        "event_type": "order_odd", "data": "object",
    });
    for (name, _, parameters) in CATALOGUE {
        assert!(kind(&Fault::new(name)).is_ok(), "{name}");
        let mut asked = json!({ "fault": name });
        for parameter in parameters {
            asked[*parameter] = values[*parameter].clone();
        }
        let fault: Fault = serde_json::from_value(asked).unwrap();
        assert!(kind(&fault).is_ok(), "{name}");
    }
}

#[test]
fn what_is_not_understood_is_refused_in_words() {
    let check = |fault: Fault, word: &str| {
        let refused = Faults::new(0).add(fault, 0).unwrap_err();
        assert!(refused.contains(word), "{refused}");
    };
    check(Fault::new("rest"), "no fault; the faults are reset");
    check(
        Fault {
            ms: Some(1),
            ..Fault::new("reset")
        },
        "does not take ms",
    );
    check(
        Fault {
            percent: Some(0),
            ..Fault::new("reset")
        },
        "1 to 100",
    );
    check(
        Fault {
            ms: Some(600_001),
            ..Fault::new("slow")
        },
        "at most",
    );
    check(
        Fault {
            status: Some(404),
            ..Fault::new("server-error")
        },
        "500 to 599",
    );
    check(
        Fault {
            alg: Some("RS256".into()),
            ..Fault::new("webhook-wrong-alg")
        },
        "HS512",
    );
    check(
        Fault {
            count: Some(1),
            ..Fault::new("refuse")
        },
        "does not take count",
    );
    check(
        Fault {
            seconds: Some(0),
            ..Fault::new("stale")
        },
        "seconds is 1 to",
    );
}

#[test]
fn a_header_names_one_fault_of_one_request() {
    assert_eq!(
        from_header("answer-lost"),
        Ok(RequestFault::AnswerLost { ms: 0 })
    );
    assert_eq!(from_header("slow; ms=8"), Ok(RequestFault::Slow { ms: 8 }));
    let after = "server-error; status=502; after_effect=true";
    let expected = RequestFault::ServerError {
        status: 502,
        after_effect: true,
    };
    assert_eq!(from_header(after), Ok(expected));
    for odd in ["", "webhook-dropped", "refuse", "slow; ms", "slow; pace=1"] {
        assert!(from_header(odd).is_err(), "{odd}");
    }
}

#[test]
fn a_refusal_ends_by_the_clock() {
    let mut faults = Faults::new(0);
    faults
        .add(
            Fault {
                seconds: Some(2),
                ..Fault::new("refuse")
            },
            1_000,
        )
        .unwrap();
    assert!(faults.refuses(2_999));
    assert!(!faults.refuses(3_000));
    assert!(faults.report().is_empty());
    assert!(matches!(
        kind(&Fault::new("refuse")),
        Ok(Kind::Refuse { seconds: 10 })
    ));
}
