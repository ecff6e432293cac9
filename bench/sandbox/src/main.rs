//! Load for `datepalm sandbox`, with nothing but the standard library.
//!
//! ```text
//! sandbox-bench flows ADDRESS SECONDS CONNECTIONS    whole payments for so long
//! sandbox-bench floor ADDRESS SECONDS CONNECTIONS    four times the cheapest request there is, for comparison
//! sandbox-bench fill ADDRESS ORDERS CONNECTIONS      so many whole payments
//! sandbox-bench open ADDRESS ORDERS CONNECTIONS      so many checkouts that nobody pays
//! sandbox-bench ready BINARY TIMES                   from the start of the process to its first answer
//! ```
//!
//! A payment is `POST /checkout`, the approval through `/_sandbox`, authorise and capture: four requests, one
//! after the other, on a connection that stays open. Closed loop: each connection waits for its answer.

mod connection;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use connection::Connection;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const CHECKOUT: &str = include_str!("../../../docs/recipes/checkout.json");

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [kind @ ("flows" | "floor"), address, seconds, connections] => {
            let until = Instant::now() + Duration::from_secs(seconds.parse()?);
            let job = if kind == "flows" { flow } else { floor };
            load(address, connections.parse()?, u64::MAX, Some(until), job)
        }
        ["fill", address, orders, connections] => {
            load(address, connections.parse()?, orders.parse()?, None, flow)
        }
        ["open", address, orders, connections] => {
            load(address, connections.parse()?, orders.parse()?, None, open)
        }
        ["ready", binary, times] => ready(binary, times.parse()?),
        _ => Err("flows|floor|fill|open ADDRESS COUNT CONNECTIONS, or ready BINARY TIMES".into()),
    }
}

/// Opens a checkout and answers the ids of order and checkout.
fn checkout(connection: &mut Connection, body: &str) -> Result<(String, String)> {
    let answer = connection.post("/checkout", body)?;
    Ok((
        text(answer, "order_id")?.to_owned(),
        text(answer, "checkout_id")?.to_owned(),
    ))
}

/// What HTTP alone costs: as many requests as a payment, each with next to nothing behind it.
fn floor(connection: &mut Connection, _body: &str) -> Result<()> {
    for _ in 0..4 {
        connection.get("/_sandbox/clock")?;
    }
    Ok(())
}

fn open(connection: &mut Connection, body: &str) -> Result<()> {
    checkout(connection, body).map(drop)
}

fn flow(connection: &mut Connection, body: &str) -> Result<()> {
    let (order_id, checkout_id) = checkout(connection, body)?;
    connection.post(
        &format!("/_sandbox/sessions/{checkout_id}/approve"),
        r#"{"plan":"3"}"#,
    )?;
    connection.post(&format!("/orders/{order_id}/authorise"), "")?;
    let capture = format!(
        r#"{{"order_id":"{order_id}","total_amount":{{"amount":300,"currency":"SAR"}},"shipping_info":{{"shipped_at":"2026-03-02T09:14:05Z","shipping_company":"Aramex"}}}}"#
    );
    let captured = connection.post("/payments/capture", &capture)?;
    if text(captured, "status")? != "fully_captured" {
        return Err(captured.to_owned().into());
    }
    Ok(())
}

/// Runs `job` on every connection until the count or the time is reached, and prints the rate.
fn load(
    address: &str,
    connections: u64,
    count: u64,
    until: Option<Instant>,
    job: fn(&mut Connection, &str) -> Result<()>,
) -> Result<()> {
    let body: String = CHECKOUT.lines().map(str::trim).collect();
    let (started, taken) = (AtomicU64::new(0), Instant::now());
    let worker = || -> Result<Vec<Duration>> {
        let mut connection = Connection::open(address)?;
        let mut times = Vec::new();
        while until.is_none_or(|until| Instant::now() < until)
            && started.fetch_add(1, Ordering::Relaxed) < count
        {
            let began = Instant::now();
            job(&mut connection, &body)?;
            times.push(began.elapsed());
        }
        Ok(times)
    };
    let all: Result<Vec<_>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(worker)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a worker panicked"))
            .collect()
    });
    let elapsed = taken.elapsed();
    let mut times: Vec<_> = all?.into_iter().flatten().collect();
    times.sort_unstable();
    let micros = |share: usize| {
        times
            .get(times.len() * share / 100)
            .map_or(0, Duration::as_micros)
    };
    let per_second = times.len() as u128 * 1_000_000 / elapsed.as_micros().max(1);
    println!(
        "{per_second} per second, {} in all, p50 {} us, p99 {} us",
        times.len(),
        micros(50),
        micros(99)
    );
    Ok(())
}

/// Starts the sandbox again and again on a free port, each time until it answered a merchant's first request.
fn ready(binary: &str, times: usize) -> Result<()> {
    let mut taken = Vec::new();
    for _ in 0..times {
        let began = Instant::now();
        let mut child = Command::new(binary)
            .args(["sandbox", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().expect("it was asked to be piped")).lines();
        let mut address = String::new();
        for line in lines {
            let line = line?;
            if let Some((_, found)) = line.split_once("Base URL") {
                address = found.trim().trim_start_matches("http://").to_owned();
            }
            if line.trim() == "ready" {
                break;
            }
        }
        Connection::open(&address)?.get("/checkout/payment-types?country=SA")?;
        taken.push(began.elapsed());
        child.kill()?;
        child.wait()?;
    }
    taken.sort_unstable();
    let micros = |at: usize| taken[at].as_micros();
    println!(
        "median {} us, fastest {} us, slowest {} us of {times}",
        micros(times / 2),
        micros(0),
        micros(times - 1)
    );
    Ok(())
}

/// The text of a field of flat JSON.
fn text<'a>(json: &'a str, name: &str) -> Result<&'a str> {
    let found = json
        .split_once(&format!("\"{name}\":\""))
        .and_then(|(_, rest)| rest.split_once('"'));
    found
        .map(|(text, _)| text)
        .ok_or_else(|| format!("no {name} in {json}").into())
}
