//! Closed-loop load: `load PORT CONNECTIONS WARM_SECONDS SECONDS`.
//!
//! Each connection sends the next request when the last answer came. Prints requests per second,
//! p50 and p99 in microseconds, and all requests sent, warm-up included. Every request carries another id, so every one is a new row.

use jsonwebtoken::{EncodingKey, Header};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn connect(port: u16) -> TcpStream {
    for _ in 0..500 {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            stream
                .set_nodelay(true)
                .expect("a connected socket takes the option");
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing listens on port {port}");
}

fn request(token: &str, connection: usize, number: usize) -> String {
    let body = format!(
        r#"{{"notification_id":"n-{number:08}-{connection:04}","order_id":"o-{connection:04}-{number:08}","order_reference_id":"ref-{number}","order_number":"ORD-{number}","event_type":"order_approved","data":{{"capture_id":null,"comment":"a field of usual length, so that the body is of usual size"}}}}"#
    );
    format!(
        "POST /ingest HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The answer has no body, so it ends with the empty line.
async fn drive(
    port: u16,
    index: usize,
    token: String,
    from: Instant,
    to: Instant,
) -> (usize, Vec<u32>) {
    let mut stream = connect(port).await;
    let (mut all, mut latencies) = (0, Vec::new());
    let mut buffer = [0_u8; 1024];
    for number in 0.. {
        let text = request(&token, index, number);
        let sent = Instant::now();
        if sent > to {
            break;
        }
        stream
            .write_all(text.as_bytes())
            .await
            .expect("the server reads");
        let mut length = 0;
        while !buffer[..length].ends_with(b"\r\n\r\n") {
            let read = stream
                .read(&mut buffer[length..])
                .await
                .expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            length += read;
        }
        assert!(
            buffer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&buffer)
        );
        all += 1;
        if sent > from {
            latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
    (all, latencies)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().expect("a number"));
    let mut next = || {
        arguments
            .next()
            .expect("PORT CONNECTIONS WARM_SECONDS SECONDS")
    };
    let port = u16::try_from(next()).expect("a port");
    let (connections, warm, seconds) = (next(), next(), next());
    let token = jsonwebtoken::encode(
        &Header::default(),
        &serde_json::json!({"iss": "Tamara", "iat": 1, "exp": 4_000_000_000_u64}),
        &EncodingKey::from_secret(include_bytes!("secret.txt")),
    )
    .expect("the claims are an object");
    connect(port).await;
    let from = Instant::now() + Duration::from_secs(warm);
    let to = from + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..usize::try_from(connections).expect("a small number"))
        .map(|index| tokio::spawn(drive(port, index, token.clone(), from, to)))
        .collect();
    let (mut all, mut latencies) = (0, Vec::new());
    for task in tasks {
        let (count, mut of_task) = task.await.expect("no connection failed");
        all += count;
        latencies.append(&mut of_task);
    }
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    println!(
        "{} {} {} {all}",
        latencies.len() as u64 / seconds,
        at(50),
        at(99)
    );
}
