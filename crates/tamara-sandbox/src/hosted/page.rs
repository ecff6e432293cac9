//! What the page shows: the session and its order turned into texts for the template.
//!
//! No decisions beyond which screen stands for which state. Invariant: no typed card is shown
//! again; a prefilled one comes from the list of test cards.

use askama::Template;

use super::cards::{EXPIRY, Filled, Mistake, TEST_CARDS, TestCard};
use super::identity;
use super::steps::{Typed, offered_plans};
use super::text::Text;
use crate::dates::{day, months_later};
use crate::rules::{redirect_url, run_out_url};
use crate::world::{Checkout, Locale, Order, Plan, Status, Step, World};

#[derive(Template)]
#[template(path = "checkout.html")]
pub(super) struct Page<'a> {
    text: &'static Text,
    locale: &'static str,
    other_locale: &'static str,
    path: String,
    step: &'static str,
    /// The names on the progress bar, and which of them the customer stands on.
    progress: Vec<&'static str>,
    position: usize,
    summary: Option<Summary<'a>>,
    mistake: Option<Mistake>,
    screen: Screen,
    /// What leaving is called; there may be no store to return to.
    cancel: &'static str,
}

impl Page<'_> {
    /// Where the page goes by itself after a moment.
    pub(super) fn moves_on(&self) -> Option<String> {
        match &self.screen {
            Screen::Ended(ending) if ending.moves_on => ending.link.clone(),
            Screen::NafathWait { .. } => {
                Some(format!("{}/id-confirmed?locale={}", self.path, self.locale))
            }
            Screen::Ended(_)
            | Screen::Phone { .. }
            | Screen::Otp { .. }
            | Screen::Terms
            | Screen::Nafath
            | Screen::Kyc { .. }
            | Screen::Plan { .. }
            | Screen::Card(_)
            | Screen::ThreeDs { .. } => None,
        }
    }

    fn heading(&self) -> &'static str {
        let text = self.text;
        match &self.screen {
            Screen::Phone { .. } => text.phone_heading,
            Screen::Otp { .. } => text.otp_heading,
            Screen::Terms => text.terms_heading,
            Screen::Nafath => text.nafath_heading,
            Screen::NafathWait { .. } => text.nafath_wait_heading,
            Screen::Kyc { .. } => text.kyc_heading,
            Screen::Plan { .. } => text.plan_heading,
            Screen::Card(_) => text.card_heading,
            Screen::ThreeDs { .. } => text.bank_heading,
            Screen::Ended(ending) => ending.heading,
        }
    }

    /// The attributes of a form's field: it has the focus if it is at fault, or the first to fill in.
    fn field(&self, name: &str, described_by: &str) -> String {
        let at_fault = self.mistake.is_some_and(|mistake| mistake.field() == name);
        let first = match &self.screen {
            Screen::Otp { .. } | Screen::ThreeDs { .. } => true,
            Screen::Card(card) => !card.ready && name == "card_number",
            Screen::Phone { .. }
            | Screen::Terms
            | Screen::Nafath
            | Screen::NafathWait { .. }
            | Screen::Kyc { .. }
            | Screen::Plan { .. }
            | Screen::Ended(_) => false,
        };
        let focus = at_fault || (first && self.mistake.is_none());
        let error = if at_fault { "error" } else { "" };
        let described_by = format!("{error} {described_by}");
        let mut attributes = match described_by.trim() {
            "" => String::new(),
            ids => format!(" aria-describedby=\"{ids}\""),
        };
        if at_fault {
            attributes.push_str(" aria-invalid=\"true\"");
        }
        if focus {
            attributes.push_str(" autofocus");
        }
        attributes
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
    Terms,
    Nafath,
    NafathWait { number: String },
    Kyc { pictures: usize },
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
    filled: Filled,
    /// Filled in from a test card: nothing is left but to pay.
    ready: bool,
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

/// What the page is of.
pub(super) struct Subject<'a> {
    pub(super) world: &'a World,
    pub(super) merchant: &'a str,
    pub(super) order: &'a Order,
    pub(super) checkout: &'a Checkout,
    pub(super) now_ms: i64,
}

/// How it is looked at.
pub(super) struct View {
    pub(super) locale: Locale,
    pub(super) mistake: Option<Mistake>,
    pub(super) typed: Typed,
    /// Straight after the end: the page moves on to the store by itself.
    pub(super) result: bool,
}

/// The page of a session as it stands.
pub(super) fn page<'a>(subject: &Subject<'a>, view: View) -> Page<'a> {
    let text = Text::of(view.locale);
    let (order, checkout) = (subject.order, subject.checkout);
    let mistake = view.mistake;
    let locale = view.locale;
    let (step, screen) = if order.status == Status::New {
        (checkout.step.name(), open_screen(text, subject, view))
    } else {
        ended_screen(text, subject, view.result)
    };
    let (progress, position) = progress(text, subject);
    Page {
        text,
        locale: locale.code(),
        other_locale: other(locale).code(),
        path: format!("/checkout/{}", checkout.id),
        step,
        progress,
        position,
        summary: Some(summary(text, subject.merchant, order)),
        mistake,
        screen,
        cancel: if checkout.cancel_url.is_empty() {
            text.cancel_in_store
        } else {
            text.cancel
        },
    }
}

/// The bank's page belongs to the card. Identity is a step for those who are asked for it.
fn progress(text: &Text, subject: &Subject<'_>) -> (Vec<&'static str>, usize) {
    let checkout = subject.checkout;
    let (stage, may_be_asked) = match checkout.step {
        Step::Phone => (0, true),
        Step::Otp { .. } => (1, true),
        Step::Terms | Step::Nafath { .. } | Step::Kyc { .. } => (2, false),
        Step::Plan => (3, false),
        Step::Card { .. } | Step::ThreeDs { .. } => (4, false),
    };
    let country = &subject.order.country;
    let asked = checkout.asks_id
        || (may_be_asked && identity::asks(subject.world, country, &checkout.phone));
    if asked {
        (text.steps.to_vec(), stage)
    } else {
        let [phone, code, _, plan, card] = text.steps;
        let position = if stage > 2 { stage - 1 } else { stage };
        (vec![phone, code, plan, card], position)
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
        progress: Vec::new(),
        position: 0,
        summary: None,
        mistake: None,
        screen: Screen::Ended(Ending {
            heading: text.unknown_heading,
            lead: text.unknown_lead,
            good: false,
            link: None,
            moves_on: false,
        }),
        cancel: text.cancel,
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

fn open_screen(text: &Text, subject: &Subject<'_>, view: View) -> Screen {
    let (order, checkout) = (subject.order, subject.checkout);
    let phone = match (&view.typed, checkout.phone.as_str()) {
        (Typed::Phone(typed), _) => typed.clone(),
        (Typed::Nothing | Typed::Card(_), "") => String::new(),
        (Typed::Nothing | Typed::Card(_), digits) => format!("+{digits}"),
    };
    let first = |plan: Plan| text.money(order.currency, plan.amounts_minor(order.total_minor)[0]);
    match &checkout.step {
        Step::Phone => Screen::Phone { phone },
        Step::Otp { code } => Screen::Otp {
            phone,
            code: code.clone(),
        },
        Step::Terms => Screen::Terms,
        Step::Nafath { number: None } => Screen::Nafath,
        Step::Nafath {
            number: Some(number),
        } => Screen::NafathWait {
            number: number.clone(),
        },
        Step::Kyc { pictures } => Screen::Kyc {
            // A journal from elsewhere may hold any count; there is always a last picture.
            pictures: (*pictures).min(identity::PICTURES - 1),
        },
        Step::Plan => Screen::Plan {
            options: plan_options(text, subject),
        },
        Step::Card { plan } => {
            let offered = TEST_CARDS.iter().enumerate();
            let (filled, ready) = match view.typed {
                Typed::Card(filled) => (filled, view.mistake.is_none()),
                Typed::Nothing | Typed::Phone(_) => (Filled::default(), false),
            };
            Screen::Card(CardScreen {
                today: first(*plan),
                plan: text.plan(*plan),
                filled,
                ready,
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

fn plan_options(text: &Text, subject: &Subject<'_>) -> Vec<PlanOption> {
    let order = subject.order;
    let offered = offered_plans(subject.world, order);
    let asked_for = match (order.payment_type.as_str(), order.instalments) {
        ("PAY_NOW", _) => Plan::Full,
        (_, Some(2)) => Plan::Two,
        (_, Some(4)) => Plan::Four,
        _ => Plan::Three,
    };
    let checked = if offered.contains(&asked_for) {
        asked_for
    } else {
        offered[0]
    };
    let option = |plan: Plan| {
        let amounts = plan.amounts_minor(order.total_minor);
        let money = |minor: &i64| text.money(order.currency, *minor);
        let today = day(subject.now_ms);
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
            checked: plan == checked,
            schedule: due.zip(amounts.iter().map(money)).collect(),
        }
    };
    offered.into_iter().map(option).collect()
}

fn ended_screen(text: &Text, subject: &Subject<'_>, result: bool) -> (&'static str, Screen) {
    let (order, checkout) = (subject.order, subject.checkout);
    // In a store there is no address to go to: the page only tells how it ended.
    let link = |url: &str, status| (!url.is_empty()).then(|| redirect_url(url, status, &order.id));
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
                link: link(run_out_url(subject.world, checkout), "expired"),
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
