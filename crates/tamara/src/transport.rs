//! The seam between the client and the network.
//!
//! A [`Transport`] carries one request and says what is known about it afterwards; it neither
//! reads bodies nor judges statuses. Invariant: [`TransportError::NotSent`] is answered only when
//! provably no byte of the request left, so that sending again cannot do a thing twice.

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use secrecy::{ExposeSecret, SecretString};

/// The methods that Tamara's API uses.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
}

impl Method {
    /// The method as it stands in the request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// One request to Tamara. Its `Debug` leaves out the token, the body and the query.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Begins with `/`, has the query, and is percent-encoded already.
    pub path: String,
    /// The API token, without `Bearer`.
    pub token: SecretString,
    /// JSON text.
    pub body: Option<String>,
}

impl Request {
    /// The path without its query, which may hold a phone number: this is safe to log.
    pub fn path_without_query(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path_without_query())
            .finish_non_exhaustive()
    }
}

/// What came back. Its `Debug` leaves out headers and body.
#[derive(Clone, Eq, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why no complete answer came. The texts hold no address, token or body.
#[derive(Clone, Eq, PartialEq, Debug, thiserror::Error)]
pub enum TransportError {
    /// Provably no byte of the request left: Tamara cannot have acted on it.
    #[error("request was not sent: {0}")]
    NotSent(String),
    /// Tamara may or may not have acted on the request.
    #[error("outcome of the request is unknown: {0}")]
    OutcomeUnknown(String),
}

/// The future of [`Transport::send`].
pub type TransportFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Response, TransportError>> + Send + 'a>>;

/// Carries one request, once: no redirect is followed and nothing is sent again.
pub trait Transport: Send + Sync + 'static {
    /// Sends the request. Dropping the future leaves the outcome unknown.
    fn send(&self, request: Request) -> TransportFuture<'_>;
}

/// How long a call may take.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub struct Timeouts {
    /// For name look-up, connection and TLS together; 5 s by default.
    pub connect: Duration,
    /// For the whole call, body of the answer included; 30 s by default.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(30),
        }
    }
}

/// Which Tamara is spoken to (environments 1.1).
#[derive(Clone, Eq, PartialEq, Debug)]
pub enum Environment {
    /// Tamara's online sandbox.
    Sandbox,
    /// Tamara's production: real money.
    Production,
    /// Any other base URL, for example a sandbox on this machine.
    Url(String),
}

impl Environment {
    const PRODUCTION: &'static str = "https://api.tamara.co";

    /// The base URL, without a trailing slash.
    pub fn base_url(&self) -> &str {
        match self {
            Self::Sandbox => "https://api-sandbox.tamara.co",
            Self::Production => Self::PRODUCTION,
            Self::Url(url) => url.trim().trim_end_matches('/'),
        }
    }

    /// Whether real money moves, also when production's URL was given as a [`Environment::Url`].
    pub fn is_production(&self) -> bool {
        let production = reqwest::Url::parse(Self::PRODUCTION);
        let here = reqwest::Url::parse(self.base_url());
        matches!((here, production), (Ok(a), Ok(b)) if a.host_str() == b.host_str())
    }
}

/// Why an [`HttpTransport`] could not be made.
#[derive(Clone, Eq, PartialEq, Debug, thiserror::Error)]
pub enum SetupError {
    /// The base URL is not `http(s)://host[:port][/path]` without user, query and fragment.
    #[error("base URL must be http or https, without user, query and fragment")]
    BaseUrl,
    /// The HTTP client could not be built, for example without any trusted certificate.
    #[error("HTTP client cannot be built: {0}")]
    HttpClient(String),
}

/// [`Transport`] over HTTP/1.1 with TLS: no redirects, no retries, no proxy.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    base_url: String,
}

/// A larger answer is no order of Tamara's; reading it on would only fill the memory.
const RESPONSE_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An idle connection that the far side closes just as it is used leaves an unknown outcome, so
/// connections are kept for a burst of calls only.
const IDLE_CONNECTION_KEPT: Duration = Duration::from_secs(15);

impl HttpTransport {
    /// A transport to one environment. Opens no connection yet.
    pub fn new(environment: &Environment, timeouts: Timeouts) -> Result<Self, SetupError> {
        let base_url = environment.base_url().to_owned();
        let url = reqwest::Url::parse(&base_url).map_err(|_| SetupError::BaseUrl)?;
        let plain = url.username().is_empty() && url.password().is_none();
        let bare = url.query().is_none() && url.fragment().is_none() && url.has_host();
        if !matches!(url.scheme(), "http" | "https") || !plain || !bare {
            return Err(SetupError::BaseUrl);
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("tamara-rust/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([
                (ACCEPT, HeaderValue::from_static("application/json")),
                (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            ]))
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .pool_idle_timeout(IDLE_CONNECTION_KEPT)
            .build()
            .map_err(|error| SetupError::HttpClient(describe(error)))?;
        Ok(Self { client, base_url })
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let bearer = format!("Bearer {}", request.token.expose_secret());
        let mut bearer = HeaderValue::from_str(&bearer)
            .map_err(|_| TransportError::NotSent("token does not fit a header".to_owned()))?;
        bearer.set_sensitive(true);
        let mut outgoing = self
            .client
            .request(method, format!("{}{}", self.base_url, request.path))
            .header(AUTHORIZATION, bearer);
        outgoing = match request.body {
            Some(body) => outgoing.body(body),
            None if request.method == Method::Get => outgoing,
            // Said aloud, because some gateways answer 411 to a POST without a length.
            None => outgoing.header(CONTENT_LENGTH, 0),
        };
        let mut incoming = outgoing.send().await.map_err(failed_to_send)?;
        let status = incoming.status().as_u16();
        let headers = incoming
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let mut body = Vec::new();
        while let Some(chunk) = incoming.chunk().await.map_err(unknown)? {
            if body.len() + chunk.len() > RESPONSE_BODY_BYTES_MAX {
                return Err(TransportError::OutcomeUnknown(
                    "answer is too large".to_owned(),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status,
            headers,
            body,
        })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> TransportFuture<'_> {
        Box::pin(self.exchange(request))
    }
}

/// A failure while connecting (name look-up and TLS included) or while building the request
/// happens before anything is written. Of every other failure nothing is provable.
fn failed_to_send(error: reqwest::Error) -> TransportError {
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(describe(error))
    } else {
        unknown(error)
    }
}

fn unknown(error: reqwest::Error) -> TransportError {
    TransportError::OutcomeUnknown(describe(error))
}

/// The error and its causes in one line, without the URL, whose query may hold a phone number.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
