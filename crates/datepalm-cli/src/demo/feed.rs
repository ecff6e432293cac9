//! One line for each thing that happens while the demo runs: the service's events, and Tamara's notifications.
//!
//! Begins where the log of events ends, so that a restart repeats nothing. Shows no personal data.

use crate::terminal::{Lines, Paint, Terminal};
use anyhow::Context as _;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use datepalm::app::App;
use datepalm::clock::rfc3339;
use datepalm::error::Result;
use datepalm::store::events::{self, Logged};
use datepalm::store::payments;
use serde::Deserialize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tamara::money::{Currency, Money};

/// Events in one read.
const BATCH_MAX: i64 = 100;

/// A nudge may be lost; then events show up this much later.
const POLL: Duration = Duration::from_secs(1);

/// Tells what happens.
pub struct Feed {
    app: Arc<App>,
    terminal: Terminal,
    lines: Lines,
    first_after: i64,
    /// The day of the last line: moving the clock moves it on.
    day: Mutex<String>,
}

/// What a line says, besides its time.
struct Entry<'a> {
    reference: &'a str,
    what: &'a str,
    paint: Paint,
    about: String,
    id: &'a str,
}

/// What is shown of an event's data.
#[derive(Deserialize)]
struct About {
    merchant_reference: String,
    #[serde(rename = "about")]
    reason: Option<String>,
    amount_minor: Option<i64>,
    currency: String,
}

impl Feed {
    /// Looks where the log ends.
    pub async fn start(app: Arc<App>, terminal: Terminal) -> Result<Self> {
        let lines = Lines::start().context("cannot start a thread")?;
        let first_after = app.store.read("last event", events::last_seq).await?;
        Ok(Self {
            app,
            terminal,
            lines,
            first_after,
            day: Mutex::default(),
        })
    }

    /// Prints events as they come, for ever.
    pub async fn follow(&self) {
        let mut after = self.first_after;
        loop {
            // Made before the look, so that no nudge falls between the two.
            let nudge = self.app.nudges.events.notified();
            match self.next(after).await {
                Ok(events) if events.is_empty() => {
                    // Nobody nudged: look anyway.
                    let _ = tokio::time::timeout(POLL, nudge).await;
                }
                Ok(events) => {
                    for (event, total) in events {
                        after = event.seq.unwrap_or(after);
                        self.tell_event(&event, total);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "events could not be read");
                    let _ = tokio::time::timeout(POLL, nudge).await;
                }
            }
        }
    }

    /// Events after a number, and the payment's total for those that begin one.
    async fn next(&self, after: i64) -> Result<Vec<(Logged, Option<Money>)>> {
        let with_total = move |tx: &mut datepalm::store::tx::Tx<'_>| {
            let mut found = Vec::new();
            for event in events::after(tx, after, BATCH_MAX)? {
                let total = match event.kind.as_str() {
                    "payment.created" => payments::look(tx, &event.payment)?.map(|p| p.total),
                    _ => None,
                };
                found.push((event, total));
            }
            Ok(found)
        };
        self.app.store.read("events for the feed", with_total).await
    }

    fn tell_event(&self, event: &Logged, total: Option<Money>) {
        let Ok(data) = serde_json::from_str::<About>(&event.data) else {
            tracing::warn!(event.id = %event.id, "an event has data of another shape");
            return;
        };
        let amount = data
            .amount_minor
            .zip(Currency::from_code(&data.currency))
            .map(|(minor, currency)| Money::new(minor, currency))
            .or(total);
        let reason = data.reason.filter(|_| event.kind == "payment.attention");
        self.tell(
            event.created_at_ms,
            &Entry {
                reference: &data.merchant_reference,
                what: &event.kind,
                paint: paint_of(&event.kind),
                about: amount.map_or(reason.unwrap_or_default(), |amount| amount.to_string()),
                id: &short(event.payment.as_str()),
            },
        );
    }

    fn tell(&self, at_ms: i64, entry: &Entry<'_>) {
        let at = rfc3339(at_ms);
        let (day, time) = at.split_once('T').unwrap_or(("", &at));
        let time = time.get(..8).unwrap_or(time);
        let mut last = self.day.lock().expect("printing does not panic");
        if *last != day {
            day.clone_into(&mut last);
            self.lines.send(self.terminal.paint(Paint::Dim, day));
        }
        let text = format!(
            "{}  {:<17} {} {:>14}  {}",
            self.terminal.paint(Paint::Dim, time),
            entry.reference,
            self.terminal
                .paint(entry.paint, &format!("{:<26}", entry.what)),
            entry.about,
            self.terminal.paint(Paint::Dim, entry.id),
        );
        self.lines.send(text.trim_end().to_owned());
    }
}

/// The end of an id: it begins with the time, so its end tells payments apart.
fn short(id: &str) -> String {
    let end = id.len().saturating_sub(6);
    match id.split_once('_') {
        Some((prefix, rest)) if rest.len() > 6 => format!("{prefix}_..{}", &id[end..]),
        Some(_) | None => id.to_owned(),
    }
}

fn paint_of(kind: &str) -> Paint {
    let word = kind.rsplit('.').next().unwrap_or_default();
    match word {
        "authorised" | "captured" | "partially_captured" => Paint::Good,
        "declined" | "failed" | "expired" | "rejected" | "attention" => Paint::Bad,
        "unknown" | "cancel_refused" => Paint::Doubtful,
        _ => Paint::Bold,
    }
}

/// Notifications are small; a larger body is passed on unread.
const NOTIFICATION_BYTES_MAX: usize = 64 * 1024;

/// What is shown of a notification.
#[derive(Deserialize)]
struct Notification {
    order_reference_id: Option<String>,
    event_type: Option<String>,
    order_status: Option<String>,
}

/// Tells of each notification that Tamara sent, and how the service answered.
pub async fn tell_notifications(
    State(feed): State<Arc<Feed>>,
    request: Request,
    next: Next,
) -> Response {
    if !request.uri().path().starts_with("/hooks/tamara/") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, NOTIFICATION_BYTES_MAX).await else {
        return datepalm::http::no_such_route().await;
    };
    let sent = read_notification(&bytes);
    let response = next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await;
    if let Some((reference, word)) = sent {
        let status = response.status();
        feed.tell(
            feed.app.clock.now_ms(),
            &Entry {
                reference: &reference,
                what: &format!("tamara says {word}"),
                paint: Paint::Dim,
                about: if status.is_success() {
                    String::new()
                } else {
                    format!("refused {}", status.as_u16())
                },
                id: "",
            },
        );
    }
    response
}

/// The reference and the word; what is neither is not repeated on a terminal.
fn read_notification(bytes: &Bytes) -> Option<(String, String)> {
    let sent: Notification = serde_json::from_slice(bytes).ok()?;
    let plain = |text: String| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        (text.len() <= 64 && text.chars().all(fits)).then_some(text)
    };
    let word = sent.event_type.or(sent.order_status).and_then(plain)?;
    Some((sent.order_reference_id.and_then(plain)?, word))
}

#[cfg(test)]
mod tests {
    use super::{read_notification, short};

    #[test]
    fn an_id_is_told_by_its_end() {
        assert_eq!(
            short("pay_0199aabbccddeeff00112233445566ff"),
            "pay_..5566ff"
        );
        assert_eq!(short("pay_1"), "pay_1");
    }

    #[test]
    fn only_plain_words_of_a_notification_reach_the_terminal() {
        let read = |text: &str| read_notification(&text.to_owned().into());
        let good = r#"{"order_reference_id":"A-1","order_status":"approved","data":[]}"#;
        assert_eq!(read(good), Some(("A-1".into(), "approved".into())));
        let bad = r#"{"order_reference_id":"A-1","order_status":"\u001b[2J"}"#;
        assert_eq!(read(bad), None);
        assert_eq!(read("{}"), None);
    }
}
