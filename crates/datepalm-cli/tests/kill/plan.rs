//! What merchants do with a payment after the customer approved it, and what must come of it.

/// The total of every order, minor units.
pub const TOTAL: i64 = 30_012;

/// One thing that a merchant asks for. Amounts in minor units; none is all that is left.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Capture(Option<i64>),
    Refund(i64),
    Cancel(Option<i64>),
}

/// The life of one payment.
#[derive(Debug)]
pub struct Plan {
    /// The customer approves although the payment was canceled before: the money must go back.
    pub canceled_first: bool,
    pub steps: &'static [Step],
    pub captured: i64,
    pub refunded: i64,
    pub canceled: i64,
}

/// Whole captures, which may be repeated, beside parts and equal amounts, which must not be and are hard to tell apart.
pub const PLANS: [Plan; 8] = [
    plan(&[CAPTURE], [TOTAL, 0, 0]),
    plan(&[capture(10_012), CAPTURE], [TOTAL, 0, 0]),
    plan(&[CANCEL], [0, 0, TOTAL]),
    plan(&[capture(10_000), capture(10_000)], [20_000, 0, 0]),
    plan(
        &[CAPTURE, Step::Refund(5_000), Step::Refund(5_000)],
        [TOTAL, 10_000, 0],
    ),
    plan(&[Step::Cancel(Some(12)), CAPTURE], [30_000, 0, 12]),
    plan(
        &[capture(20_000), CAPTURE, Step::Refund(12)],
        [TOTAL, 12, 0],
    ),
    Plan {
        canceled_first: true,
        ..plan(&[CANCEL], [0, 0, TOTAL])
    },
];

const CAPTURE: Step = Step::Capture(None);
const CANCEL: Step = Step::Cancel(None);

const fn capture(minor: i64) -> Step {
    Step::Capture(Some(minor))
}

const fn plan(steps: &'static [Step], [captured, refunded, canceled]: [i64; 3]) -> Plan {
    Plan {
        canceled_first: false,
        steps,
        captured,
        refunded,
        canceled,
    }
}
