//! The HTTP transport against real sockets on this host.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{any, get, post};
use tamara::transport::{Method, Request, SetupError, Transport, TransportError};
use tamara::{Client, Environment, Error, HttpTransport, Timeouts};

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Accepts one connection and gives it one answer per request, then closes it. Returns the
/// listener, so that a second connection can be looked for.
fn raw_server(answers: Vec<&'static str>) -> (String, JoinHandle<TcpListener>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for answer in answers {
            let mut request = Vec::new();
            let mut buffer = [0_u8; 1024];
            while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0, "the client went away");
                request.extend_from_slice(&buffer[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
        drop(stream);
        listener
    });
    (url, thread)
}

fn transport(url: &str) -> HttpTransport {
    transport_within(url, Duration::from_secs(10))
}

fn transport_within(url: &str, total: Duration) -> HttpTransport {
    let timeouts = Timeouts {
        total,
        ..Timeouts::default()
    };
    HttpTransport::new(&Environment::Url(url.to_owned()), timeouts).unwrap()
}

fn client(url: &str) -> Client {
    Client::new(Arc::new(transport(url)), " api-token\n".into())
}

fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::OutcomeUnknown { .. })
}

#[tokio::test]
async fn a_request_carries_what_tamara_asks_for() {
    let echo = |headers: HeaderMap, body: Bytes| async move {
        let of = |name: header::HeaderName| headers[name].to_str().unwrap().to_owned();
        assert_eq!(of(header::AUTHORIZATION), "Bearer api-token");
        assert_eq!(of(header::ACCEPT), "application/json");
        assert_eq!(of(header::CONTENT_TYPE), "application/json");
        assert_eq!(of(header::CONTENT_LENGTH), "0");
        assert!(of(header::USER_AGENT).starts_with("tamara-rust/"));
        assert!(body.is_empty());
        r#"{"order_id":"o","status":"authorised"}"#
    };
    let url = serve(Router::new().route("/prefix/orders/o/authorise", post(echo))).await;
    client(&format!("{url}prefix/"))
        .authorise("o")
        .await
        .unwrap();
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    let router = Router::new()
        .route(
            "/orders/o/authorise",
            any(|| async { (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]) }),
        )
        .route(
            "/elsewhere",
            any(move || async move {
                counted.fetch_add(1, Ordering::SeqCst);
                r#"{"order_id":"o","status":"authorised"}"#
            }),
        );
    let url = serve(router).await;
    assert!(is_unknown(&client(&url).authorise("o").await.unwrap_err()));
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&url).authorise("o").await.unwrap_err();
    assert!(matches!(&error, Error::NotSent { .. }), "{error}");
}

#[tokio::test]
async fn a_failed_tls_handshake_sent_nothing() {
    let url = serve(Router::new()).await.replace("http://", "https://");
    let error = client(&url).authorise("o").await.unwrap_err();
    assert!(matches!(&error, Error::NotSent { .. }), "{error}");
}

#[tokio::test]
async fn a_token_that_fits_no_header_sent_nothing_and_stays_secret() {
    let request = Request {
        method: Method::Get,
        path: "/orders/o".to_owned(),
        token: "marked\nsecret".into(),
        body: None,
    };
    let error = transport("http://127.0.0.1:9")
        .send(request)
        .await
        .unwrap_err();
    assert!(matches!(&error, TransportError::NotSent(text) if !text.contains("marked")));
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_unknown() {
    let router = Router::new().route(
        "/orders/o/authorise",
        post(std::future::pending::<&'static str>),
    );
    let transport = transport_within(&serve(router).await, Duration::from_millis(100));
    let client = Client::new(Arc::new(transport), "t".into());
    assert!(is_unknown(&client.authorise("o").await.unwrap_err()));
}

#[tokio::test]
async fn a_truncated_body_is_unknown() {
    let (url, server) = raw_server(vec![
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"order_id\":\"o\"",
    ]);
    assert!(is_unknown(&client(&url).authorise("o").await.unwrap_err()));
    server.join().unwrap();
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_unknown() {
    let body = " ".repeat(4 * 1024 * 1024 + 1);
    let url = serve(Router::new().route("/orders/o/authorise", post(|| async { body }))).await;
    assert!(is_unknown(&client(&url).authorise("o").await.unwrap_err()));
}

#[tokio::test]
async fn a_connection_that_breaks_is_unknown_and_nothing_is_sent_again() {
    let first = "HTTP/1.1 200 OK\r\ncontent-length: 38\r\n\r\n{\"order_id\":\"o\",\"status\":\"authorised\"}";
    for answers in [vec![""], vec![first, ""]] {
        let calls = answers.len();
        let (url, server) = raw_server(answers);
        let client = client(&url);
        for _ in 1..calls {
            client.authorise("o").await.unwrap();
        }
        assert!(is_unknown(&client.authorise("o").await.unwrap_err()));
        let listener = server.join().unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn the_query_arrives_decoded() {
    let router = Router::new().route(
        "/checkout/payment-types",
        get(|uri: axum::http::Uri| async move {
            assert_eq!(
                uri.query(),
                Some("country=KW&order_value=1.250&phone=%2B965%201")
            );
            "[]"
        }),
    );
    let query = tamara::checkout::PaymentTypesQuery {
        country: tamara::Country::Kw,
        currency: None,
        order_value: Some(tamara::Money::new(1250, tamara::Currency::Kwd)),
        phone: Some("+965 1".to_owned()),
    };
    assert_eq!(
        client(&serve(router).await).payment_types(&query).await,
        Ok(Vec::new())
    );
}

#[test]
fn base_urls() {
    let made =
        |url: &str| HttpTransport::new(&Environment::Url(url.to_owned()), Timeouts::default());
    made("http://localhost:8080/").unwrap();
    for url in [
        "",
        "tamara",
        "ftp://h",
        "http://u:p@h",
        "http://h/?q",
        "http://h/#f",
    ] {
        assert_eq!(made(url).unwrap_err(), SetupError::BaseUrl, "{url}");
    }
    assert_eq!(Environment::Production.base_url(), "https://api.tamara.co");
    assert_eq!(
        Environment::Sandbox.base_url(),
        "https://api-sandbox.tamara.co"
    );
    assert!(Environment::Production.is_production());
    assert!(Environment::Url("https://API.tamara.co/".to_owned()).is_production());
    assert!(!Environment::Sandbox.is_production());
    assert!(!Environment::Url("http://localhost:8080".to_owned()).is_production());
    assert!(!Environment::Url("nonsense".to_owned()).is_production());
}
