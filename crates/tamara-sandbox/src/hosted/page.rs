//! What the page shows: the session and its order turned into texts for the template.
//!
//! No decisions beyond which screen stands for which state. Invariant: no typed card is shown
//! again; a prefilled one comes from the list of test cards.

use askama::Template;

use super::cards::{EXPIRY, Mistake, TEST_CARDS, TestCard};
use super::text::Text;
use crate::dates::{day, months_later};
use crate::rules::redirect_url;
use crate::world::{Checkout, Locale, Order, Plan, Status, Step};

#[derive(Template)]
#[template(path = "checkout.html")]
pub(super) struct Page<'a> {
    text: &'static Text,
    locale: &'static str,
    other_locale: &'static str,
    path: String,
    step: &'static str,
    summary: Option<Summary<'a>>,
    mistake: Option<&'static str>,
    screen: Screen,
}

impl Page<'_> {
    /// Index of the screen among the steps of the progress bar; the bank's page belongs to the card.
    fn position(&self) -> usize {
        match self.screen {
            Screen::Phone { .. } => 0,
            Screen::Otp { .. } => 1,
            Screen::Plan { .. } => 2,
            Screen::Card(_) | Screen::ThreeDs { .. } | Screen::Ended(_) => 3,
        }
    }
}

struct Summary<'a> {
    merchant: &'a str,
    total: String,
    lines: Vec<Line>,
    sums: Vec<(&'static str, String)>,
}

struct Line {
    initial: String,
    name: String,
    quantity: String,
    total: String,
}

enum Screen {
    Phone { phone: String },
    Otp { phone: String, code: String },
    Plan { options: Vec<PlanOption> },
    Card(CardScreen),
    ThreeDs { today: String },
    Ended(Ending),
}

struct PlanOption {
    key: &'static str,
    title: &'static str,
    first: String,
    checked: bool,
    schedule: Vec<(String, String)>,
}

struct CardScreen {
    today: String,
    plan: &'static str,
    number: String,
    expiry: &'static str,
    cvv: &'static str,
    cards: Vec<(usize, &'static TestCard)>,
}

struct Ending {
    heading: &'static str,
    lead: &'static str,
    good: bool,
    link: Option<String>,
    /// The page moves on by itself.
    moves_on: bool,
}

/// What the address says beside which checkout it is.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) locale: Locale,
    pub(super) mistake: Option<Mistake>,
    /// Index of the test card to fill in.
    pub(super) card: Option<usize>,
    /// Straight after the end: the page moves on to the store by itself.
    pub(super) result: bool,
}

/// The page of a session as it stands.
pub(super) fn page<'a>(
    merchant: &'a str,
    order: &'a Order,
    checkout: &'a Checkout,
    now_ms: i64,
    view: View,
) -> Page<'a> {
    let text = Text::of(view.locale);
    let (step, screen) = if order.status == Status::New {
        let step = checkout.step.name();
        (step, open_screen(text, order, checkout, now_ms, view))
    } else {
        ended_screen(text, order, checkout, view.result)
    };
    Page {
        text,
        locale: view.locale.code(),
        other_locale: other(view.locale).code(),
        path: format!("/checkout/{}", checkout.id),
        step,
        summary: Some(summary(text, merchant, order)),
        mistake: view.mistake.map(|mistake| text.mistake(mistake)),
        screen,
    }
}

/// The page of an address that leads nowhere.
pub(super) fn unknown(locale: Locale) -> Page<'static> {
    let text = Text::of(locale);
    Page {
        text,
        locale: locale.code(),
        other_locale: other(locale).code(),
        path: String::new(),
        step: "unknown",
        summary: None,
        mistake: None,
        screen: Screen::Ended(Ending {
            heading: text.unknown_heading,
            lead: text.unknown_lead,
            good: false,
            link: None,
            moves_on: false,
        }),
    }
}

fn other(locale: Locale) -> Locale {
    match locale {
        Locale::English => Locale::Arabic,
        Locale::Arabic => Locale::English,
    }
}

fn summary<'a>(text: &Text, merchant: &'a str, order: &'a Order) -> Summary<'a> {
    let money = |minor| text.money(order.currency, minor);
    let lines = order.items.iter().map(|item| Line {
        initial: item.name.trim().chars().take(1).collect(),
        name: item.name.clone(),
        quantity: item.quantity.to_string(),
        total: money(item.total_minor),
    });
    let parts = [
        (text.subtotal, order.items_minor()),
        (text.shipping, order.shipping_minor),
        (text.tax, order.tax_minor),
        (text.discount, -order.discount.minor),
    ];
    let sums = parts.into_iter().filter(|(_, minor)| *minor != 0);
    Summary {
        merchant,
        total: money(order.total_minor),
        lines: lines.collect(),
        sums: sums.map(|(name, minor)| (name, money(minor))).collect(),
    }
}

fn open_screen(text: &Text, order: &Order, checkout: &Checkout, now_ms: i64, view: View) -> Screen {
    let phone = format!("+{}", checkout.phone);
    let first = |plan: Plan| text.money(order.currency, plan.amounts_minor(order.total_minor)[0]);
    match &checkout.step {
        Step::Phone => Screen::Phone { phone },
        Step::Otp { code } => Screen::Otp {
            phone,
            code: code.clone(),
        },
        Step::Plan => Screen::Plan {
            options: plan_options(text, order, now_ms),
        },
        Step::Card { plan } => {
            let filled = view.card.and_then(|index| TEST_CARDS.get(index));
            let offered = TEST_CARDS.iter().enumerate();
            Screen::Card(CardScreen {
                today: first(*plan),
                plan: text.plan(*plan),
                number: filled.map(TestCard::grouped).unwrap_or_default(),
                expiry: filled.map_or("", TestCard::expiry),
                cvv: filled.map_or("", TestCard::example_cvv),
                cards: offered
                    .filter(|(_, card)| card.offered_in(&order.country))
                    .collect(),
            })
        }
        Step::ThreeDs { plan } => Screen::ThreeDs {
            today: first(*plan),
        },
    }
}

fn plan_options(text: &Text, order: &Order, now_ms: i64) -> Vec<PlanOption> {
    let asked_for = match (order.payment_type.as_str(), order.instalments) {
        ("PAY_NOW", _) => Plan::Full,
        (_, Some(2)) => Plan::Two,
        (_, Some(4)) => Plan::Four,
        _ => Plan::Three,
    };
    let option = |plan: Plan| {
        let amounts = plan.amounts_minor(order.total_minor);
        let money = |minor: &i64| text.money(order.currency, *minor);
        let today = day(now_ms);
        let due = (0..).map(|month| {
            if month == 0 {
                text.today.to_owned()
            } else {
                text.day(months_later(today, month))
            }
        });
        PlanOption {
            key: plan.key(),
            title: text.plan(plan),
            first: money(&amounts[0]),
            checked: plan == asked_for,
            schedule: due.zip(amounts.iter().map(money)).collect(),
        }
    };
    Plan::ALL.into_iter().map(option).collect()
}

fn ended_screen(
    text: &Text,
    order: &Order,
    checkout: &Checkout,
    result: bool,
) -> (&'static str, Screen) {
    let link = |url: &str, status: &str| Some(redirect_url(url, status, &order.id));
    let (step, ending) = match order.status {
        Status::Declined => (
            "declined",
            Ending {
                heading: text.declined_heading,
                lead: text.declined_lead,
                good: false,
                link: link(&checkout.failure_url, "declined"),
                moves_on: result,
            },
        ),
        Status::New | Status::Expired => (
            "expired",
            Ending {
                heading: text.expired_heading,
                lead: text.expired_lead,
                good: false,
                link: link(&checkout.failure_url, "expired"),
                moves_on: false,
            },
        ),
        Status::Approved
        | Status::Authorised
        | Status::Updated
        | Status::PartiallyCaptured
        | Status::FullyCaptured
        | Status::PartiallyRefunded
        | Status::FullyRefunded
        | Status::Canceled => (
            if result { "approved" } else { "paid" },
            Ending {
                heading: if result {
                    text.approved_heading
                } else {
                    text.paid_heading
                },
                lead: if result {
                    text.approved_lead
                } else {
                    text.paid_lead
                },
                good: true,
                link: link(&checkout.success_url, "approved"),
                moves_on: result,
            },
        ),
    };
    (step, Screen::Ended(ending))
}
