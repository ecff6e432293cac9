//! One step of a world, and its plain sentence.

use crate::book::By;
use crate::world::{Odd, Said, World};
use datepalm::domain::decide::Command;
use datepalm::domain::facts::{EntryKind, OrderRank};
use datepalm::domain::operation::{Operation, OperationKind};
use datepalm::domain::payment::Payment;

/// Whether a read shows what is true now, or what was true at the begin of the tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Now.
    Fresh,
    /// At the begin of the tick.
    Stale,
}

/// One step. Numbers are places in the world's lists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// The merchant asks for something.
    Ask(usize, Command),
    /// The merchant repeats its last request with the same key.
    AskAgain(usize),
    /// The merchant posts a wish with this content, with a new key.
    Post(u8),
    /// The merchant asks for a new reference.
    Rename(usize),
    /// The request sends what it wrote down.
    Begin(usize),
    /// The same, but it sleeps between the commit and the first byte.
    BeginDelayed(usize),
    /// A worker takes an operation that is due.
    Work(usize, usize),
    /// The same, but it sleeps between the commit and the first byte.
    WorkDelayed(usize, usize),
    /// A sleeping sender goes on.
    Wake(usize),
    /// A sender takes longer than its time-out.
    Slow(usize),
    /// A sender dies.
    Die(usize),
    /// A sender hears the answer.
    Hear(usize),
    /// A sender hears nothing and gives up.
    GiveUp(usize),
    /// The call reaches Tamara; a refund reads as paid at once, or not yet.
    Arrive(usize, bool),
    /// Tamara turns the call away: 401, 403, 429.
    TurnAway(usize),
    /// Tamara refuses the call.
    Refuse(usize),
    /// The call never reaches Tamara.
    Drop(usize),
    /// The order moves on by itself or by its customer.
    Move(usize, OrderRank),
    /// Tamara captures what is left; an approved order is authorised first.
    Capture(usize),
    /// What was refunded reads as paid.
    PayRefunds(usize),
    /// A person authorises in the portal.
    PortalAuthorise(usize),
    /// A person moves money in the portal.
    Portal(usize, EntryKind, i64),
    /// We read an order.
    Read(usize, Age),
    /// We begin to read an order, and hear it later.
    BeginRead(usize, Age),
    /// What was read is taken in.
    EndRead(usize),
    /// A read gets an odd answer.
    OddRead(usize, Odd),
    /// We look at a payment without reading.
    Touch(usize),
    /// All orders of a payment are read, because its time has come.
    Look(usize),
    /// A copy of our side is made.
    Copy,
    /// The copy is put back.
    Restore,
    /// The merchant repeats a request whose row was lost.
    Repeat(usize),
    /// A person clears what a restore showed.
    Clear(usize),
    /// One tick passes.
    Tick,
}

fn command(asked: Command) -> String {
    match asked {
        Command::Capture(None) => "a capture of all that is left".to_owned(),
        Command::Capture(Some(amount)) => format!("a capture of {amount}"),
        Command::Refund(None) => "a refund of all that is left".to_owned(),
        Command::Refund(Some(amount)) => format!("a refund of {amount}"),
        Command::Cancel => "a cancel of the whole payment".to_owned(),
        Command::CancelPart(amount) => format!("a cancel of {amount}"),
    }
}

fn status(rank: OrderRank) -> &'static str {
    match rank {
        OrderRank::New => "is new",
        OrderRank::Declined => "is declined",
        OrderRank::Approved => "is approved: the customer has paid",
        OrderRank::Authorised => "is authorised",
        OrderRank::Expired => "expires",
        OrderRank::Canceled => "is canceled",
    }
}

/// A name for an operation: its kind, amount and place.
fn called(payment: &Payment, operation: &Operation) -> String {
    let place = payment
        .operations
        .iter()
        .position(|known| known.id == operation.id)
        .map_or(0, |place| place + 1);
    match operation.kind {
        OperationKind::CreateSession => format!("the create (operation {place})"),
        OperationKind::Authorise => format!("the authorise (operation {place})"),
        OperationKind::UpdateReference => {
            format!("the change of the reference (operation {place})")
        }
        OperationKind::Capture | OperationKind::Cancel | OperationKind::Refund => format!(
            "the {} of {} (operation {place})",
            operation.kind.as_str(),
            operation.amount_minor
        ),
    }
}

impl World {
    fn call(&self, at: usize) -> String {
        let call = &self.calls[at];
        let operation = self.operation(call.payment, &call.operation);
        called(&self.payments[call.payment], operation)
    }

    fn order(&self, at: usize) -> String {
        if self.orders.len() == 1 {
            "the order".to_owned()
        } else {
            format!("order {}", at + 1)
        }
    }

    /// A step of this world as a plain sentence.
    pub fn tell(&self, step: Step) -> String {
        match step {
            Step::Ask(_, asked) => format!("The merchant asks for {}.", command(asked)),
            Step::AskAgain(_) => "The merchant repeats its request with the same key.".to_owned(),
            Step::Post(content) => format!("The merchant posts the wish with content {content}."),
            Step::Rename(_) => "The merchant asks for a new reference.".to_owned(),
            Step::Begin(at) => {
                format!("The request commits `sending` and sends {}.", self.call(at))
            }
            Step::BeginDelayed(at) => format!(
                "The request commits `sending` of {} and falls asleep before its first byte.",
                self.call(at)
            ),
            Step::Work(payment, at) => format!("A worker takes {}.", self.at(payment, at)),
            Step::WorkDelayed(payment, at) => format!(
                "A worker commits `sending` of {} and falls asleep before its first byte.",
                self.at(payment, at)
            ),
            Step::Wake(at) => format!("The sleeping sender of {} goes on.", self.call(at)),
            Step::Slow(at) => format!("The sender of {} gets slow.", self.call(at)),
            Step::Die(at) => format!("The sender of {} dies.", self.call(at)),
            Step::Hear(at) => self.heard(at),
            Step::GiveUp(at) => format!(
                "The sender of {} hears nothing and gives up.",
                self.call(at)
            ),
            Step::Arrive(at, paid) => {
                let pending = if paid { "" } else { ", and is not paid yet" };
                format!("At Tamara arrives {}{pending}.", self.call(at))
            }
            Step::TurnAway(at) => format!("Tamara turns away {}.", self.call(at)),
            Step::Refuse(at) => format!("Tamara refuses {}.", self.call(at)),
            Step::Drop(at) => format!("Lost on its way is {}.", self.call(at)),
            Step::Move(at, rank) => format!("At Tamara, {} {}.", self.order(at), status(rank)),
            Step::Capture(at) => format!("Tamara captures what is left of {}.", self.order(at)),
            Step::PayRefunds(at) => format!("The refunds of {} are paid.", self.order(at)),
            Step::PortalAuthorise(at) => {
                format!("A person authorises {} in the portal.", self.order(at))
            }
            Step::Portal(at, kind, amount) => format!(
                "In the portal, a person makes a {} of {amount} of {}.",
                kind.as_str(),
                self.order(at)
            ),
            Step::Read(at, age) => format!("We read {}{}.", self.order(at), aged(age)),
            Step::BeginRead(at, age) => {
                format!("A slow read of {} begins{}.", self.order(at), aged(age))
            }
            Step::EndRead(at) => {
                format!(
                    "The slow read of {} ends.",
                    self.order(self.reads[at].order)
                )
            }
            Step::OddRead(at, odd) => self.odd(at, odd),
            Step::Touch(_) => "We look at the payment without reading.".to_owned(),
            Step::Look(_) => "Its time has come: we read every order of the payment.".to_owned(),
            Step::Copy => "A copy of the database is made.".to_owned(),
            Step::Restore => "The copy is put back, and the service recovers.".to_owned(),
            Step::Repeat(at) => format!(
                "The merchant repeats with the same key {}.",
                command(self.wishes[at].command)
            ),
            Step::Clear(_) => "A person clears what the restore has shown.".to_owned(),
            Step::Tick => "A tick passes.".to_owned(),
        }
    }

    fn at(&self, payment: usize, at: usize) -> String {
        let payment = &self.payments[payment];
        called(payment, &payment.operations[at])
    }

    fn heard(&self, at: usize) -> String {
        let said = match self.calls[at].answer {
            Some(Said::Opened(_) | Said::Authorised(None) | Said::Renamed | Said::Done(_)) => {
                "that it is done"
            }
            Some(Said::Authorised(Some(_))) => "that it is done, and captured at once",
            Some(Said::Conflict) => "a 409",
            Some(Said::Refused) => "a refusal",
            Some(Said::TurnedAway) => "that it was turned away",
            Some(Said::TooLate) => {
                "from its own clock that its lease is too short, and sends nothing"
            }
            None => "nothing",
        };
        format!("The sender of {} hears {said}.", self.call(at))
    }

    fn odd(&self, at: usize, odd: Odd) -> String {
        let order = self.order(at);
        match odd {
            Odd::UnknownWord => format!("A read of {order} shows a status that nobody knows."),
            Odd::OtherOrder => {
                format!("A read of {order} shows another order, which is authorised.")
            }
            Odd::NotFound => format!("A read of {order} gets a 404."),
            Odd::Forged => format!("A forged notification says that {order} is authorised."),
        }
    }

    /// The books of Tamara and ours in a few lines, to stand below a trace.
    pub fn books(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, order) in self.orders.iter().enumerate() {
            let entries: Vec<String> = order
                .book
                .lines
                .iter()
                .map(|line| {
                    let by = match &line.by {
                        By::Us(_) => "us",
                        By::Portal => "the portal",
                        By::Tamara => "Tamara",
                    };
                    format!("{} {} by {by}", line.kind.as_str(), line.amount)
                })
                .collect();
            lines.push(format!(
                "Tamara: {} {}; {}",
                self.order(index),
                order.book.status.as_str(),
                entries.join(", ")
            ));
        }
        for payment in &self.payments {
            let operations: Vec<String> = payment
                .operations
                .iter()
                .map(|operation| {
                    let reason = operation.reason.as_deref().unwrap_or_default();
                    format!(
                        "{} {} {reason}",
                        called(payment, operation),
                        operation.state.as_str()
                    )
                })
                .collect();
            let attention: Vec<&str> = payment
                .open_points()
                .map(|open| open.reason.as_str())
                .collect();
            lines.push(format!(
                "We: {}, paid {}, final {}, cancel {:?}; {}; attention {attention:?}",
                payment.status().as_str(),
                payment.paid(),
                payment.is_final(),
                payment.cancel.as_ref().map(|mark| mark.state),
                operations.join(", ")
            ));
        }
        lines
    }
}

fn aged(age: Age) -> &'static str {
    match age {
        Age::Fresh => "",
        Age::Stale => ", and see what was true before this tick",
    }
}
