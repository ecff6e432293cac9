//! What the sandbox does where Tamara's sources are silent or disagree: one field per question.
//!
//! A file or the control API may hold any of them as JSON; what is left out has its default, an
//! unknown name is refused. Invariant: [`CHOICES`] lists every field once, with its default, its
//! source and its other values; `docs/sandbox-fidelity.md` prints it.

use serde::{Deserialize, Serialize};

/// Defaults follow the best-supported source; each field's source is in [`CHOICES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choices {
    /// Take amounts with more fraction digits than the currency has, rounded half-up.
    pub lenient_amounts: bool,
    /// Refuse a checkout whose items, tax, shipping and discount do not give the total.
    pub refuse_wrong_sums: bool,
    /// Take a checkout without items, and items without type.
    pub lenient_orders: bool,
    /// Refuse a checkout without the consumer's e-mail address.
    pub require_email: bool,
    /// Refuse a capture without `shipping_info`.
    pub require_shipping_info: bool,
    /// Refuse an in-store QR session without `platform`.
    pub require_qr_platform: bool,
    /// Refuse the phone that is always declined at `POST /checkout` instead of on the page.
    pub refuse_declined_phone: bool,
    /// The shape of the list of payment types.
    pub payment_types: PaymentTypesShape,
    /// What payment types says to a country and currency that do not belong together.
    pub unsupported_pair: UnsupportedPair,
    /// What the customer's "back to the store" does to the order.
    pub customer_cancel: CustomerCancel,
    /// Whether a refusal of the customer may be taken back while the session lasts.
    pub declined_order: DeclinedOrder,
    /// Where a customer whose session ran out is sent.
    pub run_out_redirect: RunOutRedirect,
    /// Send the `order_status` callback to `merchant_url.notification`.
    pub notification_callback: bool,
    /// Write the amount of an authorise, cancel, capture, refund and void as a list of one.
    pub money_as_list: bool,
    /// The answer to an authorise of an order that is authorised.
    pub repeated_authorise: RepeatedAuthorise,
    /// The HTTP status for a token of Tamara's other environment.
    pub wrong_environment_status: WrongEnvironmentStatus,
    /// The HTTP status of known refusals whose status nobody recorded.
    pub unrecorded_status: RefusalStatus,
    /// The HTTP status of `transition_not_allowed`, cancel excepted, which is documented.
    pub transition_status: RefusalStatus,
    /// The HTTP status of an amount above what is left.
    pub excess_amount_status: RefusalStatus,
    /// What happens to an authorised order that nobody captures.
    pub uncaptured: Uncaptured,
    /// What moment `order_expiry_time` names.
    pub order_expiry_time: OrderExpiryTime,
    /// The event of a partial cancel; `order_updated` may then be registered too.
    pub partial_cancel_event: PartialCancelEvent,
    /// Allow to cancel what is left of a partly captured order.
    pub cancel_after_partial_capture: bool,
    /// Allow to capture what is left of a partly refunded order.
    pub capture_after_partial_refund: bool,
    /// Send `order_authorised` when auto-authorisation captures an approved order.
    pub authorised_event_on_auto_authorise: bool,
    /// Send `order_authorised` when the authorise call captures at once.
    pub authorised_event_on_auto_capture: bool,
    /// Let `captures[].refunded_amount` grow; Tamara's samples leave it at 0.
    pub captures_show_refunds: bool,
    /// Decline the order when a test card fails, instead of asking for another card.
    pub failing_card_declines: bool,
    /// Whether the page asks a customer for an identity.
    pub id_step: IdStep,
    /// Answer ID verification to POST as well as GET.
    pub id_verification_by_post: bool,
    /// The answer to deleting a webhook that is gone.
    pub second_webhook_delete: SecondWebhookDelete,
    /// Let two dispute events be registered that only a third party lists.
    pub all_dispute_events: bool,
}

/// See [`Choices::payment_types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentTypesShape {
    /// A bare list.
    List,
    /// `{"payment_types": [..]}`.
    Object,
}

/// See [`Choices::unsupported_pair`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsupportedPair {
    /// No types.
    EmptyList,
    /// Every type with limits of zero.
    ZeroLimits,
    /// 400 `not_supported_country_currency`.
    Refused,
}

/// See [`Choices::customer_cancel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerCancel {
    /// It expires.
    ExpiresAtOnce,
    /// It stays `new` until the session ends.
    StaysOpen,
}

/// See [`Choices::declined_order`]. The page ends with the refusal either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclinedOrder {
    /// It stays `declined`.
    StaysDeclined,
    /// It may become `approved` until its session would have ended.
    MayBeApproved,
}

/// See [`Choices::run_out_redirect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutRedirect {
    /// To `merchant_url.failure`.
    Failure,
    /// To `merchant_url.cancel`.
    Cancel,
}

/// See [`Choices::repeated_authorise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedAuthorise {
    /// 409 `transition_not_allowed`.
    Conflict,
    /// 400 with "already" in the message.
    Already,
}

/// See [`Choices::wrong_environment_status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrongEnvironmentStatus {
    /// 401.
    Unauthorized,
    /// 400.
    BadRequest,
}

/// The HTTP status of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalStatus {
    /// 400.
    BadRequest,
    /// 409.
    Conflict,
}

/// See [`Choices::uncaptured`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncaptured {
    /// 21 days after it was authorised.
    #[serde(rename = "captured_after_21_days")]
    CapturedAfter21Days,
    /// 90 days after it was authorised.
    #[serde(rename = "expires_after_90_days")]
    ExpiresAfter90Days,
}

/// See [`Choices::order_expiry_time`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderExpiryTime {
    /// 21 days after authorisation, when it is captured.
    #[serde(rename = "after_21_days")]
    After21Days,
    /// 90 days after authorisation, the only documented expiry of an authorised order.
    #[serde(rename = "after_90_days")]
    After90Days,
}

/// See [`Choices::partial_cancel_event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialCancelEvent {
    /// As third parties see it.
    OrderCanceled,
    /// As the documented list of events suggests.
    OrderUpdated,
}

/// See [`Choices::id_step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdStep {
    /// Never.
    Off,
    /// Once per phone, in Saudi Arabia and the Emirates.
    FirstTime,
}

/// See [`Choices::second_webhook_delete`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondWebhookDelete {
    /// 404 `webhook_not_found`.
    NotFound,
    /// 200, as the first time.
    Removed,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            lenient_amounts: false,
            refuse_wrong_sums: false,
            lenient_orders: false,
            require_email: false,
            require_shipping_info: false,
            require_qr_platform: false,
            refuse_declined_phone: false,
            payment_types: PaymentTypesShape::List,
            unsupported_pair: UnsupportedPair::EmptyList,
            customer_cancel: CustomerCancel::ExpiresAtOnce,
            declined_order: DeclinedOrder::StaysDeclined,
            run_out_redirect: RunOutRedirect::Failure,
            notification_callback: true,
            money_as_list: false,
            repeated_authorise: RepeatedAuthorise::Conflict,
            wrong_environment_status: WrongEnvironmentStatus::Unauthorized,
            unrecorded_status: RefusalStatus::BadRequest,
            transition_status: RefusalStatus::Conflict,
            excess_amount_status: RefusalStatus::BadRequest,
            uncaptured: Uncaptured::CapturedAfter21Days,
            order_expiry_time: OrderExpiryTime::After21Days,
            partial_cancel_event: PartialCancelEvent::OrderCanceled,
            cancel_after_partial_capture: false,
            capture_after_partial_refund: false,
            authorised_event_on_auto_authorise: false,
            authorised_event_on_auto_capture: true,
            captures_show_refunds: false,
            failing_card_declines: false,
            id_step: IdStep::Off,
            id_verification_by_post: true,
            second_webhook_delete: SecondWebhookDelete::NotFound,
            all_dispute_events: true,
        }
    }
}

/// One question: its field, its default, what else it may be, and where the fact book stands.
pub(crate) struct Choice {
    pub(crate) name: &'static str,
    pub(crate) default: &'static str,
    pub(crate) others: &'static str,
    pub(crate) source: &'static str,
}

const fn choice(
    name: &'static str,
    default: &'static str,
    others: &'static str,
    source: &'static str,
) -> Choice {
    Choice {
        name,
        default,
        others,
        source,
    }
}

const YES: &str = "true";
const NO: &str = "false";

/// Every field of [`Choices`], in its order.
#[rustfmt::skip]
pub(crate) const CHOICES: [Choice; 32] = [
    choice("lenient_amounts", NO, YES, "environments 1.5 [doc][3p]; emulator-notes 2 [guess]"),
    choice("refuse_wrong_sums", NO, YES, "integration-rules 9.1 no. 15 [doc]; samples do not add up [doc]"),
    choice("lenient_orders", NO, YES, "gotchas 43 [3p]"),
    choice("require_email", NO, YES, "endpoints 2.1: optional [doc], code `consumer_empty_email` [sdk]"),
    choice("require_shipping_info", NO, YES, "endpoints 2.11: required [doc], tolerated [3p]"),
    choice("require_qr_platform", NO, YES, "endpoints 2.17 [doc 2025] vs [doc 2026-01]"),
    choice("refuse_declined_phone", NO, YES, "errors 3.2 `order_not_created` [sdk], trigger [guess]"),
    choice("payment_types", "list", "object", "endpoints 2.2 [sdk]"),
    choice("unsupported_pair", "empty_list", "zero_limits, refused", "endpoints 2.2 [doc] vs [3p]"),
    choice("customer_cancel", "expires_at_once", "stays_open", "order-lifecycle 4.2 [doc, both dates]"),
    choice("declined_order", "stays_declined", "may_be_approved", "order-lifecycle 4.1 [doc]; taken back [guess]"),
    choice("run_out_redirect", "failure", "cancel", "hosted-checkout 7.3, not documented"),
    choice("notification_callback", YES, NO, "webhooks 6 [sdk] vs [3p]"),
    choice("money_as_list", NO, YES, "gotchas 4: examples vs schema [doc]"),
    choice("repeated_authorise", "conflict", "already", "errors 3.4 [sdk] vs [3p]"),
    choice("wrong_environment_status", "unauthorized", "bad_request", "emulator-notes 33 [guess]"),
    choice("unrecorded_status", "bad_request", "conflict", "errors 3.2: consumer codes, legacy refund, known webhook [guess]"),
    choice("transition_status", "conflict", "bad_request", "errors 3.2 [sdk][guess]"),
    choice("excess_amount_status", "bad_request", "conflict", "errors 3.5 no. 5 [guess]; endpoints 2.11 [sdk]"),
    choice("uncaptured", "captured_after_21_days", "expires_after_90_days", "order-lifecycle 4.2 [doc, same page]"),
    choice("order_expiry_time", "after_21_days", "after_90_days", "order-lifecycle 4.8 [guess]"),
    choice("partial_cancel_event", "order_canceled", "order_updated", "order-lifecycle 4.5 [3p] vs [doc]"),
    choice("cancel_after_partial_capture", NO, YES, "order-lifecycle 4.2 [sdk] vs [doc]"),
    choice("capture_after_partial_refund", NO, YES, "order-lifecycle 4.2, not documented"),
    choice("authorised_event_on_auto_authorise", NO, YES, "order-lifecycle 4.2 [guess]"),
    choice("authorised_event_on_auto_capture", YES, NO, "order-lifecycle 4.2 [guess]"),
    choice("captures_show_refunds", NO, YES, "gotchas 9 [doc]"),
    choice("failing_card_declines", NO, YES, "sandbox-test-data 8.3, not documented"),
    choice("id_step", "off", "first_time", "hosted-checkout 7.2 [doc]"),
    choice("id_verification_by_post", YES, NO, "endpoints 2.6 [doc, both]"),
    choice("second_webhook_delete", "not_found", "removed", "idempotency, not documented"),
    choice("all_dispute_events", YES, NO, "webhooks 6.8: six [doc], eight [3p]"),
];

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{CHOICES, Choices};

    fn fields() -> Map<String, Value> {
        match serde_json::to_value(Choices::default()) {
            Ok(Value::Object(fields)) => fields,
            other => panic!("{other:?}"),
        }
    }

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap_or_else(|_| text.into())
    }

    #[test]
    fn the_list_names_every_choice_with_its_default_and_its_other_values() {
        let fields = fields();
        assert_eq!(fields.len(), CHOICES.len());
        for choice in &CHOICES {
            assert_eq!(
                fields[choice.name],
                value(choice.default),
                "{}",
                choice.name
            );
            for other in choice.others.split(", ") {
                let mut changed = fields.clone();
                changed[choice.name] = value(other);
                let read: Choices = serde_json::from_value(changed.into()).unwrap();
                assert_ne!(read, Choices::default(), "{} {other}", choice.name);
            }
        }
    }

    #[test]
    fn a_part_is_enough_and_an_unknown_name_is_refused() {
        let read: Choices = serde_json::from_value(json!({ "money_as_list": true })).unwrap();
        assert!(read.money_as_list && read.notification_callback);
        let unknown = json!({ "mony_as_list": true });
        assert!(serde_json::from_value::<Choices>(unknown).is_err());
    }
}
