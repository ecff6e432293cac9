//! Tamara's side of an order, as small as the fact book allows (order life cycle 4.1-4.4): what is true, whatever anybody
//! believes. Written without a look at the service.

use crate::world::NOW;
use datepalm::domain::facts::{EntryKind, OrderRank};
use datepalm::ids::{OperationId, SessionId};

/// What every order costs: three units, so that a part, another part and a rest can be told apart.
pub const TOTAL: i64 = 3;

/// Who moved money.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// A call of ours: the operation that made it.
    Us(OperationId),
    /// A person in Tamara's portal.
    Portal,
    /// Tamara: the merchant's automatic settings, or the 21 days.
    Tamara,
}

/// One capture, refund or cancel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// Which list it stands in.
    pub kind: EntryKind,
    /// Tamara's id: the lists of one order count their lines.
    pub id: String,
    /// Units.
    pub amount: i64,
    /// Who moved it.
    pub by: By,
    /// Refunds only: it reads as `success`.
    pub paid: bool,
    /// Captures of ours: the second that the call named, as reads echo it.
    pub shipped_at_s: Option<i64>,
    /// Refunds of ours: the id that the call named, as reads echo it.
    pub refund_id: Option<String>,
}

/// What a read of the order shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Book {
    /// The status; every captured or refunded word is `Authorised`, the lines say the rest.
    pub status: OrderRank,
    /// Captures, refunds and cancels, oldest first.
    pub lines: Vec<Line>,
    /// The reference that the merchant knows it by.
    pub reference: String,
}

impl Book {
    /// The sum of one list, pending refunds included.
    pub fn sum(&self, kind: EntryKind) -> i64 {
        let lines = self.lines.iter().filter(|line| line.kind == kind);
        lines.map(|line| line.amount).sum()
    }

    /// Refunded, as far as it reads as a success.
    pub fn refunded(&self) -> i64 {
        let lines = self.lines.iter();
        let paid = lines.filter(|line| line.kind == EntryKind::Refund && line.paid);
        paid.map(|line| line.amount).sum()
    }

    /// What can still be captured or canceled.
    pub fn left(&self) -> i64 {
        if self.status == OrderRank::Authorised {
            TOTAL - self.sum(EntryKind::Capture) - self.sum(EntryKind::Cancel)
        } else {
            0
        }
    }

    /// What can still be refunded.
    pub fn refundable(&self) -> i64 {
        self.sum(EntryKind::Capture) - self.sum(EntryKind::Refund)
    }

    /// The customer's money that this order holds: authorised or captured, and not given back.
    pub fn holds(&self) -> i64 {
        self.left() + self.sum(EntryKind::Capture) - self.refunded()
    }

    /// Adds a line if the order allows it; `None` is a 409.
    fn add(&mut self, kind: EntryKind, amount: i64, by: By) -> Option<&mut Line> {
        let allowed = match kind {
            // Cancel needs an order that is authorised and not captured (fact book 4.4).
            EntryKind::Cancel if self.sum(EntryKind::Capture) > 0 => 0,
            EntryKind::Capture | EntryKind::Cancel => self.left(),
            EntryKind::Refund => self.refundable(),
        };
        if amount <= 0 || amount > allowed {
            return None;
        }
        let number = self.lines.iter().filter(|line| line.kind == kind).count() + 1;
        self.lines.push(Line {
            kind,
            id: format!("{}{number}", kind.as_str()),
            amount,
            by,
            paid: false,
            shipped_at_s: None,
            refund_id: None,
        });
        if self.sum(EntryKind::Cancel) == TOTAL {
            self.status = OrderRank::Canceled;
        }
        self.lines.last_mut()
    }

    /// A person in the portal moves money; refunds made there are paid at once.
    pub fn portal(&mut self, kind: EntryKind, amount: i64) -> bool {
        let line = self.add(kind, amount, By::Portal);
        line.map(|line| line.paid = kind == EntryKind::Refund)
            .is_some()
    }

    /// Tamara captures what is left.
    pub fn captured_by_tamara(&mut self) -> Option<String> {
        let left = self.left();
        let line = self.add(EntryKind::Capture, left, By::Tamara)?;
        Some(line.id.clone())
    }

    /// A capture of ours.
    pub fn capture(
        &mut self,
        amount: i64,
        by: &OperationId,
        second: Option<i64>,
    ) -> Option<String> {
        let line = self.add(EntryKind::Capture, amount, By::Us(by.clone()))?;
        line.shipped_at_s = second;
        Some(line.id.clone())
    }

    /// A cancel of ours.
    pub fn cancel(&mut self, amount: i64, by: &OperationId) -> Option<String> {
        let line = self.add(EntryKind::Cancel, amount, By::Us(by.clone()))?;
        Some(line.id.clone())
    }

    /// A refund of ours: never deduplicated (fact book, idempotency).
    pub fn refund(&mut self, amount: i64, by: &OperationId, paid: bool) -> Option<String> {
        let line = self.add(EntryKind::Refund, amount, By::Us(by.clone()))?;
        line.refund_id = Some(by.to_string());
        line.paid = paid;
        Some(line.id.clone())
    }
}

/// An order: its book, and what the model remembers of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// Tamara's id.
    pub id: String,
    /// The payment and the session it was made for.
    pub payment: usize,
    /// The session.
    pub session: SessionId,
    /// What is true now.
    pub book: Book,
    /// What was true one tick ago: what a stale read shows.
    pub earlier: Book,
    /// It was authorised at some time.
    pub was_authorised: bool,
    /// It was declined at some time.
    pub was_declined: bool,
    /// It was approved at some time.
    pub was_approved: bool,
    /// The authorise of ours that had its effect.
    pub authorised_by: Option<OperationId>,
    /// The changes of its reference that had their effect: once more changes nothing.
    pub renamed_by: Vec<OperationId>,
    /// When Tamara opened the session.
    pub opened_at_ms: i64,
    /// Somebody was given the URL of its page.
    pub url_out: bool,
}

impl Order {
    /// A new order.
    pub fn new(id: String, payment: usize, session: &SessionId, reference: String) -> Self {
        let book = Book {
            reference,
            ..Book::default()
        };
        Self {
            id,
            payment,
            session: session.clone(),
            book: book.clone(),
            earlier: book,
            was_authorised: false,
            was_declined: false,
            was_approved: false,
            authorised_by: None,
            renamed_by: Vec::new(),
            opened_at_ms: NOW,
            url_out: false,
        }
    }

    /// The order moves on.
    pub fn move_to(&mut self, status: OrderRank) {
        self.book.status = status;
        match status {
            OrderRank::Authorised => self.was_authorised = true,
            OrderRank::Declined => self.was_declined = true,
            OrderRank::Approved => self.was_approved = true,
            OrderRank::New | OrderRank::Expired | OrderRank::Canceled => {}
        }
    }

    /// How often an operation of ours had its effect here.
    pub fn effects(&self, operation: &OperationId) -> usize {
        let by_us = |line: &&Line| matches!(&line.by, By::Us(by) if by == operation);
        let lines = self.book.lines.iter().filter(by_us).count();
        lines
            + usize::from(self.authorised_by.as_ref() == Some(operation))
            + usize::from(self.renamed_by.contains(operation))
    }

    /// Whether its status was ever this one.
    pub fn was(&self, status: OrderRank) -> bool {
        self.book.status == status
            || match status {
                OrderRank::New => true,
                OrderRank::Declined => self.was_declined,
                OrderRank::Approved => self.was_approved,
                OrderRank::Authorised => self.was_authorised,
                OrderRank::Expired | OrderRank::Canceled => false,
            }
    }
}
