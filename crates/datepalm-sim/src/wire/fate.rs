//! What becomes of a call to Tamara, and how often.

use crate::rng::Rng;
use crate::world::setting::Setting;

/// Which of Tamara's endpoints a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// `POST /checkout`
    Checkout,
    /// `GET /orders/{id}`
    Read,
    /// `POST /orders/{id}/authorise`
    Authorise,
    /// `POST /payments/capture`
    Capture,
    /// `POST /orders/{id}/cancel`
    Cancel,
    /// `POST /payments/simplified-refund/{id}`
    Refund,
    /// `PUT /orders/{id}/reference-id`
    Reference,
}

impl Route {
    /// By method and path.
    pub fn of(method: &str, path: &str) -> Self {
        match path {
            _ if method == "GET" => Self::Read,
            "/checkout" => Self::Checkout,
            "/payments/capture" => Self::Capture,
            _ if path.ends_with("/authorise") => Self::Authorise,
            _ if path.ends_with("/cancel") => Self::Cancel,
            _ if path.ends_with("/reference-id") => Self::Reference,
            _ => Self::Refund,
        }
    }

    /// Whether the answer to this changing call names the order that it changed.
    pub fn answers_with_its_order(self) -> bool {
        matches!(
            self,
            Self::Authorise | Self::Capture | Self::Cancel | Self::Refund
        )
    }

    /// For logs and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkout => "create checkout",
            Self::Read => "read order",
            Self::Authorise => "authorise",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
            Self::Reference => "update reference",
        }
    }
}

/// What becomes of a request that is about to reach Tamara.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Tamara sees it and answers.
    Arrives,
    /// No byte left.
    NotSent,
    /// Lost on the way.
    Lost,
    /// The sender gives up; Tamara sees it later.
    Late,
    /// A gateway answers 503 with a page, and Tamara never saw it.
    Gateway,
    /// The same, after Tamara did it.
    GatewayAfter,
    /// A proxy redirects, and Tamara never saw it.
    Redirected,
    /// Tamara does it, and half of the answer arrives.
    Garbled,
    /// 401, 403 or 429 in Tamara's envelope: nothing happened. With seconds for `Retry-After`.
    TurnedAway(u16, Option<u16>),
    /// Reads: 404 in Tamara's envelope, as for a token of the other environment.
    NotFound,
    /// Reads: another order than the one that was asked for.
    OtherOrder,
    /// Authorise, capture, cancel, refund: Tamara does it, and the answer names another order.
    AnswerOfAnother,
    /// Reads: a status that nobody knows.
    OddStatus,
    /// Reads: the order as it was so many seconds ago.
    Stale(u16),
}

/// Seconds that a read is late, `STALENESS_MS` at most.
const STALE_S: [u16; 6] = [1, 5, 40, 120, 240, 300];

impl Fate {
    /// Draws one. `over`: the client gave up long ago.
    pub fn draw(route: Route, over: bool, setting: &Setting, chance: &mut Rng) -> Self {
        let read = route == Route::Read;
        if over {
            // Whoever was suspended with its request in hand finds that the time-out has passed; some bytes had left.
            return if read || chance.below(3) > 0 {
                Self::Lost
            } else {
                Self::Late
            };
        }
        if read && chance.below(100) < setting.stale_percent {
            return Self::Stale(*chance.pick(&STALE_S));
        }
        if chance.below(100) >= setting.fault_percent {
            return Self::Arrives;
        }
        match chance.below(20) {
            0..3 => Self::NotSent,
            3..7 if !read => Self::Late,
            7..12 => Self::Gateway,
            12 => Self::GatewayAfter,
            13 => Self::Redirected,
            14 => Self::Garbled,
            15 => Self::TurnedAway(401, None),
            16 => Self::TurnedAway(403, None),
            17 => Self::TurnedAway(429, chance.pick(&[None, Some(1), Some(90)]).to_owned()),
            18 if read && setting.odd_reads => *chance.pick(&[Self::NotFound, Self::OtherOrder]),
            19 if read && setting.odd_reads => *chance.pick(&[Self::OddStatus, Self::OtherOrder]),
            18 if route.answers_with_its_order() => Self::AnswerOfAnother,
            _ => Self::Lost,
        }
    }

    /// Whether Tamara's handler runs now.
    pub fn reaches(self) -> bool {
        matches!(
            self,
            Self::Arrives
                | Self::GatewayAfter
                | Self::Garbled
                | Self::OtherOrder
                | Self::AnswerOfAnother
                | Self::OddStatus
                | Self::Stale(_)
        )
    }
}
