//! The page that Tamara sends the customer back to: the server decides what it says, in the payment's language.
//!
//! No script: while nothing is known it reloads itself, and a known result leads on by itself too.

use super::problem::Problem;
use crate::actions::follow_return::{Followed, Shown, follow_return};
use crate::app::App;
use crate::ids;
use askama::Template;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

/// What Tamara appends (fact book, hosted-checkout 7.3): a hint.
#[derive(Deserialize)]
pub struct Hint {
    #[serde(rename = "paymentStatus")]
    payment_status: Option<String>,
}

#[derive(Template)]
#[template(path = "return_page.html")]
struct Page {
    lang: &'static str,
    dir: &'static str,
    state: &'static str,
    title: &'static str,
    text: &'static str,
    go_on: &'static str,
    order_word: &'static str,
    reference: String,
    total: String,
    next_url: String,
    refresh_seconds: u32,
    refresh_self: bool,
    error: bool,
}

/// `GET /r/{token}`
pub async fn show(
    State(app): State<Arc<App>>,
    token: Result<Path<String>, PathRejection>,
    hint: Result<Query<Hint>, QueryRejection>,
) -> Response {
    let Some(Path(token)) = token.ok().filter(|Path(token)| ids::is_hex32(token)) else {
        return html(StatusCode::NOT_FOUND, &unknown_link());
    };
    // A query that is none is no hint; the customer sees the page all the same.
    let hint = hint.ok().and_then(|Query(hint)| hint.payment_status);
    match follow_return(&app, &token, hint.as_deref()).await {
        Ok(followed) => html(StatusCode::OK, &page(&followed)),
        Err(crate::error::Error::Refused(_)) => html(StatusCode::NOT_FOUND, &unknown_link()),
        Err(error) => {
            tracing::error!(%error, "a return page failed");
            Problem(error).into_response()
        }
    }
}

fn html(status: StatusCode, page: &Page) -> Response {
    let Ok(body) = page.render() else {
        return Problem(anyhow::anyhow!("the return page did not render").into()).into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    );
    (status, headers, Html(body)).into_response()
}

/// State word, title and text by language.
fn texts(shown: Shown, arabic: bool) -> (&'static str, &'static str, &'static str) {
    match (shown, arabic) {
        (Shown::Confirming, false) => (
            "confirming",
            "Confirming your payment",
            "We are asking Tamara. This page updates by itself; please do not pay again.",
        ),
        (Shown::Confirming, true) => (
            "confirming",
            "جارٍ تأكيد الدفع",
            "نتحقق الآن من تمارا. تُحدَّث هذه الصفحة تلقائيًا، يُرجى عدم الدفع مرة أخرى.",
        ),
        (Shown::Paid, false) => ("paid", "Payment received", "Thank you. Your order is paid."),
        (Shown::Paid, true) => ("paid", "تم استلام الدفع", "شكرًا لك. تم دفع طلبك."),
        (Shown::Declined, false) => (
            "declined",
            "Payment declined",
            "Tamara did not approve this payment. Nothing was charged.",
        ),
        (Shown::Declined, true) => (
            "declined",
            "تم رفض الدفع",
            "لم توافق تمارا على هذه العملية. لم يُخصم أي مبلغ.",
        ),
        (Shown::Expired, false) => (
            "expired",
            "Payment expired",
            "The time to pay ran out. Nothing was charged; you can start again in the shop.",
        ),
        (Shown::Expired, true) => (
            "expired",
            "انتهت مهلة الدفع",
            "انتهى الوقت المتاح للدفع. لم يُخصم أي مبلغ، ويمكنك البدء من جديد في المتجر.",
        ),
        (Shown::Canceled, false) => ("canceled", "Payment canceled", "The payment was canceled."),
        (Shown::Canceled, true) => ("canceled", "تم إلغاء الدفع", "أُلغيت عملية الدفع."),
        (Shown::Refunded, false) => (
            "refunded",
            "Payment refunded",
            "The money is on its way back to you.",
        ),
        (Shown::Refunded, true) => ("refunded", "تم استرداد المبلغ", "المبلغ في طريقه إليك."),
    }
}

fn page(followed: &Followed) -> Page {
    let arabic = followed.wish.locale.starts_with("ar");
    let (state, title, text) = texts(followed.shown, arabic);
    let confirming = followed.shown == Shown::Confirming;
    Page {
        lang: if arabic { "ar" } else { "en" },
        dir: if arabic { "rtl" } else { "ltr" },
        state,
        title,
        text,
        go_on: if arabic {
            "العودة إلى المتجر"
        } else {
            "Back to the shop"
        },
        order_word: if arabic { "الطلب" } else { "Order" },
        reference: followed.payment.merchant_reference.clone(),
        total: followed.payment.total.to_string(),
        next_url: followed.next_url.clone(),
        refresh_seconds: if confirming { 2 } else { 4 },
        refresh_self: confirming,
        error: false,
    }
}

fn unknown_link() -> Page {
    Page {
        lang: "en",
        dir: "ltr",
        state: "unknown",
        title: "This link is not known",
        text: "It may be incomplete. Please go back to the shop and open your order there.",
        go_on: "",
        order_word: "",
        reference: String::new(),
        total: String::new(),
        next_url: String::new(),
        refresh_seconds: 0,
        refresh_self: false,
        error: true,
    }
}
