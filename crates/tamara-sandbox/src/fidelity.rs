//! How faithful the sandbox is, as the page `docs/sandbox-fidelity.md`.
//!
//! Not for behaviour: the lists beside the code are printed here, and [`ENDPOINTS`] says what each
//! path rests on. Invariant: the page holds nothing that is not in a list.

use std::fmt::Write as _;

use crate::api::INVENTED;
use crate::choices::CHOICES;
use crate::rules::matrix;

/// A path of Tamara's and where the fact book knows it from.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// HTTP method.
    pub method: &'static str,
    /// Path, with names in braces.
    pub path: &'static str,
    /// Section of the fact book.
    pub section: &'static str,
    /// Kinds of sources.
    pub source: &'static str,
    /// Names of the choices that change it.
    pub choices: &'static str,
}

const fn endpoint(
    method: &'static str,
    path: &'static str,
    section: &'static str,
    source: &'static str,
    choices: &'static str,
) -> Endpoint {
    Endpoint {
        method,
        path,
        section,
        source,
        choices,
    }
}

const AMOUNTS: &str = "money_as_list, transition_status, excess_amount_status, lenient_amounts";

/// Every path of Tamara's that is served.
#[rustfmt::skip]
pub const ENDPOINTS: [Endpoint; 31] = [
    endpoint("POST", "/checkout", "2.1", "[doc 2026-07]", "lenient_amounts, lenient_orders, refuse_wrong_sums, require_email, refuse_declined_phone, unrecorded_status"),
    endpoint("GET", "/checkout/payment-types", "2.2", "[doc 2025][sdk]", "payment_types, unsupported_pair"),
    endpoint("POST", "/checkout/payment-options-pre-check", "2.3", "[doc 2025][sdk]", "unrecorded_status"),
    endpoint("POST", "/checkout/credit-pre-check", "2.4", "[sdk]", "payment_types, unsupported_pair"),
    endpoint("POST", "/pre-checkout/v1/eligibility", "2.5", "[doc 2026-07][sdk]", ""),
    endpoint("GET", "/merchants/customer/id-verification-status", "2.6", "[doc 2026-01]", "id_step"),
    endpoint("POST", "/merchants/customer/id-verification-status", "2.6", "[doc], a guide's slip", "id_verification_by_post"),
    endpoint("GET", "/orders/{order_id}", "2.7", "[doc 2026-07]", "captures_show_refunds"),
    endpoint("GET", "/merchants/orders/{order_id}", "2.7", "[doc 2026-01][sdk]", "captures_show_refunds"),
    endpoint("GET", "/merchants/orders/reference-id/{order_reference_id}", "2.8", "[doc 2025][sdk]", ""),
    endpoint("POST", "/orders/{order_id}/authorise", "2.9", "[doc 2026-07]", "repeated_authorise, order_expiry_time, uncaptured, authorised_event_on_auto_capture, money_as_list, transition_status"),
    endpoint("POST", "/orders/{order_id}/cancel", "2.10", "[doc 2026-07]", "partial_cancel_event, cancel_after_partial_capture, money_as_list, excess_amount_status"),
    endpoint("POST", "/payments/capture", "2.11", "[doc 2026-07]", "require_shipping_info, capture_after_partial_refund, money_as_list, transition_status, excess_amount_status"),
    endpoint("POST", "/payments/simplified-refund/{order_id}", "2.12", "[doc 2026-07]", AMOUNTS),
    endpoint("POST", "/payments/refund", "2.13", "[doc 2025], errors [sdk]", "unrecorded_status, money_as_list"),
    endpoint("PUT", "/orders/{order_id}/reference-id", "2.14", "[doc 2026-07]", ""),
    endpoint("POST", "/webhooks", "2.15", "[doc 2025][sdk][3p]", "unrecorded_status, partial_cancel_event, all_dispute_events"),
    endpoint("GET", "/webhooks", "2.15", "[guess]", ""),
    endpoint("GET", "/webhooks/list", "2.15", "[3p], shape [guess]", ""),
    endpoint("GET", "/webhooks/{webhook_id}", "2.15", "[doc], `headers` [3p]", ""),
    endpoint("PUT", "/webhooks/{webhook_id}", "2.15", "[doc]", "unrecorded_status"),
    endpoint("DELETE", "/webhooks/{webhook_id}", "2.15", "[doc], body [3p]", "second_webhook_delete"),
    endpoint("POST", "/checkout/in-store-session", "2.16", "[doc 2025/2026-01]", "unrecorded_status"),
    endpoint("POST", "/checkout/in-store", "2.17", "[doc 2025/2026-01]", "require_qr_platform"),
    endpoint("POST", "/checkout/{checkout_id}/void", "2.18", "[doc 2026-07][sdk]", "money_as_list"),
    endpoint("GET", "/external/merchants/orders/disputes/", "2.19", "[3p]", ""),
    endpoint("POST", "/external/merchants/orders/disputes/{dispute_id}", "2.19", "[3p]", "all_dispute_events"),
    endpoint("GET", "/merchants/configs", "2.20", "[sdk]", ""),
    endpoint("POST", "/merchants/orders/{order_id}/cancel", "2.0 no. 21", "[sdk], answer [guess]", "as 2.10"),
    endpoint("POST", "/merchants/orders/{order_id}/capture", "2.0 no. 21", "[sdk], answer [guess]", "as 2.11, without `require_shipping_info`"),
    endpoint("POST", "/merchants/orders/{order_id}/refund", "2.0 no. 21", "[sdk], answer [guess]", "as 2.12, `comment` optional"),
];

/// Decisions that are no setting, since nobody's client can tell or every source agrees.
const FIXED: [&str; 18] = [
    "Ids are UUID v4 in lower case; a dispute's id is a number (emulator-notes 1) [guess].",
    "Amounts come as numbers or texts, on eligibility as numbers only; answers are JSON numbers without superfluous zeros (emulator-notes 2 and 3) [doc][3p].",
    "Unknown fields are ignored, `null` is absent, `[]` is an empty object (emulator-notes 7, gotchas 37) [sdk].",
    "A reference may be used twice; reading by reference answers the newest order (emulator-notes 10) [guess].",
    "A till's order without reference has its order id for one [guess].",
    "`paid_amount` is the first instalment; the remainder of a division is on it, so that 575 in three is 191.68. Emulator-notes 15 proposes half-up instead [guess].",
    "A simplified refund takes from the oldest capture first and names that one (order-lifecycle 4.6) [guess].",
    "An order is fully refunded when refunded = captured (emulator-notes 22) [guess].",
    "A legacy refund's `refund_id` is kept as the merchant's own id of the refund [guess].",
    "A voided order is `expired`; an online session cannot be voided: 404 (order-lifecycle 4.3) [guess].",
    "In-store orders send `order_captured` and no `order_approved` (webhooks 6.3) [guess].",
    "What is left of a partly captured order after a cancel, where that is allowed, leaves it `partially_captured` or `fully_captured` [guess].",
    "The query's `phone` of payment types, `is_vip`, `is_parent` and `x-requested-with` change nothing.",
    "`declined_reason`, `declined_code` and `decline_type` are made up; so is the body of a dispute webhook (webhooks 6.3 and 6.8).",
    "GET, PUT and the list of webhooks show `type` too (endpoints 2.15) [doc].",
    "More fraction digits than the currency has are refused even if they are zeros, unless `lenient_amounts`; exponents always are [guess].",
    "Webhooks are tried again after 5 s, 30 s, 2 min, 10 min and 1 h, then given up (webhooks 6.6) [guess].",
    "There is no rate limit (emulator-notes 34).",
];

/// What the fact book names and the sandbox leaves out.
const LEFT_OUT: [&str; 4] = [
    "Channel-partner onboarding (other-apis 10.1) [3p]",
    "Widgets (other-apis 10.2): front end only",
    "Qatar and QAR (environments 1.4): in no list of Tamara's",
    "Status `on_hold` and event `order_on_hold` (order-lifecycle 4.1): never produced",
];

/// The page.
pub fn markdown() -> String {
    let mut page = String::from(
        "# How faithful the sandbox is\n\n\
         Printed by the code (`crates/tamara-sandbox/src/fidelity.rs`); a test compares. Section numbers and\n\
         tags are those of the [fact book](tamara/README.md): **[doc]** Tamara's documentation, **[sdk]** code of\n\
         Tamara's own, **[3p]** third parties, **[guess]** nobody knows. What to do where sources are silent or\n\
         disagree is a [choice](#choices) with a name; a file or the control API sets it.\n",
    );
    push_endpoints(&mut page);
    push_matrix(&mut page);
    push_choices(&mut page);
    push_codes(&mut page);
    push_list(&mut page, "Fixed decisions", &FIXED);
    push_list(&mut page, "Left out", &LEFT_OUT);
    page
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a text cannot fail");
}

fn push_endpoints(page: &mut String) {
    line(page, "\n## Endpoints\n");
    line(
        page,
        "| Endpoint | Section | Implemented | Source | Choices |",
    );
    line(page, "| --- | --- | --- | --- | --- |");
    for endpoint in &ENDPOINTS {
        let Endpoint {
            method,
            path,
            section,
            source,
            choices,
        } = endpoint;
        let choices = if choices.is_empty() || choices.starts_with("as ") {
            (*choices).to_owned()
        } else {
            format!("`{}`", choices.replace(", ", "`, `"))
        };
        let text = format!("| {method} `{path}` | {section} | yes | {source} | {choices} |");
        line(page, &text);
    }
    line(
        page,
        "\nEvery path needs `Authorization: Bearer <api token>`: an unknown token is 401 `Unauthorized`, one of\n\
         `production_api_tokens` is `Merchant is not found` (choice `wrong_environment_status`).",
    );
}

fn push_matrix(page: &mut String) {
    line(page, "\n## Operation by status\n");
    line(
        page,
        "Order-lifecycle 4.4. 409 is `transition_not_allowed` with the old and the new state.\n",
    );
    page.push_str(&matrix::markdown());
}

fn push_choices(page: &mut String) {
    line(page, "\n## Choices\n");
    line(
        page,
        "| Choice | Default | Else | Where the fact book stands |",
    );
    line(page, "| --- | --- | --- | --- |");
    for choice in &CHOICES {
        let others = choice.others.replace(", ", "`, `");
        let text = format!(
            "| `{}` | `{}` | `{others}` | {} |",
            choice.name, choice.default, choice.source
        );
        line(page, &text);
    }
}

fn push_codes(page: &mut String) {
    line(page, "\n## Error codes of our own\n");
    line(
        page,
        "Nobody has seen these at Tamara: do not write code for them.\n",
    );
    line(page, "| Code | When |");
    line(page, "| --- | --- |");
    for (code, when) in INVENTED {
        line(page, &format!("| `{code}` | {when} |"));
    }
}

fn push_list(page: &mut String, heading: &str, entries: &[&str]) {
    line(page, &format!("\n## {heading}\n"));
    for entry in entries {
        line(page, &format!("- {entry}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{CHOICES, ENDPOINTS};

    #[test]
    fn every_choice_that_an_endpoint_names_exists() {
        for endpoint in &ENDPOINTS {
            if endpoint.choices.is_empty() || endpoint.choices.starts_with("as ") {
                continue;
            }
            for name in endpoint.choices.split(", ") {
                let known = CHOICES.iter().any(|choice| choice.name == name);
                assert!(known, "{} names {name}", endpoint.path);
            }
        }
    }
}
