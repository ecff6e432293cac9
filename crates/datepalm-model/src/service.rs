//! The service's transactions, in the words of the core: what the actions do around `domain`, and nothing else. A decision
//! that is taken here would be a decision that the model does not explore.

use crate::book::{Book, TOTAL};
use crate::restore::Wish;
use crate::step::Age;
use crate::world::{
    Call, Message, NOW, Odd, Said, Sender, Setting, SlowRead, World, opened, request_lease,
};
use datepalm::actions::show_payment::checkout_url;
use datepalm::domain::attention::Concern;
use datepalm::domain::decide::{Command, Decision, decide};
use datepalm::domain::facts::{
    Entry, EntryKind, Observation, OrderRank, RefundRank, Source, Sums, Word,
};
use datepalm::domain::guard::{Guard, stands};
use datepalm::domain::intend::{self, Asked};
use datepalm::domain::journal::{self, Answer};
use datepalm::domain::mutants;
use datepalm::domain::observe;
use datepalm::domain::operation::{Lease, OperationKind};
use datepalm::domain::payment::{AttentionReason, Payment, Session};
use datepalm::domain::references::decide_reference;
use datepalm::ids::OperationId;

impl World {
    /// A request of the merchant: decided and written down in one transaction (`actions::request_operation`,
    /// `actions::cancel_payment`).
    pub fn ask(&mut self, index: usize, command: Command, key: Option<&str>, setting: &Setting) {
        let decision = decide(&self.payments[index], command, NOW);
        let payment = &self.payments[index];
        match decision {
            Err(_) | Ok(Decision::AlreadyCanceled) => {}
            Ok(Decision::Mark(mark)) => {
                let known = payment.sessions.iter();
                let unpaid = known.clone().all(|s| !s.facts.was_authorised());
                self.memory[index].promised = unpaid;
                self.wish(index, command, key);
                self.transact(index, setting, |payment, context, _| {
                    intend::mark(payment, mark, context);
                });
            }
            Ok(Decision::Operation(wanted)) => {
                let asked = self.asked(key, setting);
                self.wish(index, command, key);
                let id = self.transact(index, setting, |payment, context, ids| {
                    let (kind, key) = (wanted.kind, &asked.key);
                    let id = intend::operation_id(payment, kind, key, context.now_ms, ids);
                    intend::request(payment, id.clone(), wanted, asked, context);
                    id
                });
                self.ready(index, id, request_lease(setting));
            }
        }
    }

    /// A change of the reference (`actions::update_reference`); every one asks for another.
    pub fn rename(&mut self, index: usize, setting: &Setting) {
        let reference = format!("B-{}", self.left.requests);
        let asked = self.asked(None, setting);
        let id = self.transact(index, setting, |payment, context, ids| {
            let wanted = decide_reference(payment, &reference, context).ok()?;
            let (kind, key) = (wanted.kind, &asked.key);
            let id = intend::operation_id(payment, kind, key, context.now_ms, ids);
            let wanted = (wanted, reference.as_str());
            intend::reference(payment, id.clone(), wanted, asked, context);
            Some(id)
        });
        if let Some(id) = id {
            self.ready(index, id, request_lease(setting));
        }
    }

    /// The merchant remembers what it asked for, as long as it may have to ask again.
    fn wish(&mut self, payment: usize, command: Command, key: Option<&str>) {
        if self.left.restores > 0 && key.is_none() {
            self.wishes.push(Wish {
                payment,
                key: self.new_key(),
                command,
            });
        }
    }

    fn new_key(&self) -> String {
        format!("key{}", self.left.requests)
    }

    /// What a request gives to its operation.
    pub fn asked(&self, key: Option<&str>, setting: &Setting) -> Asked {
        Asked {
            key: key.map_or_else(|| self.new_key(), str::to_owned),
            fingerprint: String::new(),
            lease: request_lease(setting),
            shipped_at_s: None,
            item_refs: String::new(),
            details: String::new(),
        }
    }

    /// A request is about to send an operation.
    pub fn ready(&mut self, payment: usize, operation: OperationId, lease: Lease) {
        self.calls.push(Call {
            payment,
            operation,
            attempt: 0,
            lease,
            granted_at_ms: NOW,
            version: 0,
            left_at_ms: None,
            sender: Sender::Ready,
            slow: false,
            message: Message::Unsent,
            answer: None,
        });
    }

    /// `begin` of `actions::send`: the lease and `sending`, committed. Answers whether there is a call to make.
    pub fn begin(&mut self, mut call: Call, setting: &Setting) -> Option<Call> {
        let before = self.payments[call.payment].clone();
        let attempt = self.transact(call.payment, setting, |payment, context, _| {
            journal::expire_lease(payment, &call.operation, context);
            journal::begin_sending(payment, &call.operation, &call.lease, context)
        });
        call.attempt = attempt?;
        call.version = self.payments[call.payment].version;
        call.sender = Sender::Waiting;
        if !stands(Guard::IntentFirst) {
            self.payments[call.payment] = before;
        }
        Some(call)
    }

    /// The first byte leaves, unless the lease might not outlive the call (R18).
    pub fn let_go(call: &mut Call, setting: &Setting) {
        let fits = setting
            .policy
            .lease_outlives_a_call(call.granted_at_ms, NOW);
        call.sender = Sender::Waiting;
        if fits || !stands(Guard::LeaseOutlivesTheCall) {
            call.left_at_ms = Some(NOW);
            call.message = Message::OnItsWay;
        } else {
            call.answer = Some(Said::TooLate);
            call.message = Message::Over;
        }
    }

    /// A worker's grant for an operation, as `workers::operations` makes it.
    pub fn worker_call(&self, payment: usize, at: usize, setting: &Setting) -> Call {
        let operation = &self.payments[payment].operations[at];
        Call {
            payment,
            operation: operation.id.clone(),
            attempt: 0,
            lease: Lease {
                token: format!("worker{}", operation.attempt + 1),
                until_ms: NOW + setting.policy.lease_ms,
            },
            granted_at_ms: NOW,
            version: 0,
            left_at_ms: None,
            sender: Sender::Waiting,
            slow: false,
            message: Message::Unsent,
            answer: None,
        }
    }

    /// The sender records what it heard; nothing is a time-out.
    pub fn record(&mut self, call: &Call, setting: &Setting) {
        let answer = self.answer(call);
        self.transact(call.payment, setting, |payment, context, _| {
            let (id, token) = (&call.operation, &call.lease.token);
            journal::record(payment, id, call.attempt, token, answer, context);
        });
    }

    /// What Tamara said, in the words of R21 (`actions::wire`).
    fn answer(&self, call: &Call) -> Answer {
        let word = |text: &str| text.to_owned();
        match &call.answer {
            Some(Said::Opened(order)) => opened(order),
            Some(Said::Authorised(captured)) => {
                let entries = captured
                    .iter()
                    .map(|id| entry(EntryKind::Capture, id, TOTAL, call_begun(call)));
                applied(
                    None,
                    Some(Word::Known(OrderRank::Authorised)),
                    entries.collect(),
                    call,
                )
            }
            Some(Said::Renamed) => Answer::Applied {
                tamara_id: None,
                news: None,
                order: None,
            },
            Some(Said::Done(id)) => self.done(call, id),
            Some(Said::Conflict) => Answer::Conflict,
            Some(Said::Refused) => Answer::Refused {
                reason: word("refused"),
            },
            Some(Said::TurnedAway) => Answer::TurnedAway {
                reason: word("rate_limited"),
                retry_after_ms: None,
            },
            Some(Said::TooLate) => Answer::NotSent {
                reason: word("lease_too_short"),
            },
            None if !stands(Guard::GatewayIsNoRefusal) => Answer::Refused {
                reason: word("outcome_unknown"),
            },
            None => Answer::Unknown {
                reason: word("outcome_unknown"),
            },
        }
    }

    fn done(&self, call: &Call, id: &str) -> Answer {
        let operation = self.operation(call.payment, &call.operation);
        let kind = match operation.kind {
            OperationKind::Cancel => EntryKind::Cancel,
            OperationKind::Refund => EntryKind::Refund,
            OperationKind::Capture
            | OperationKind::Authorise
            | OperationKind::CreateSession
            | OperationKind::UpdateReference => EntryKind::Capture,
        };
        let own = Entry {
            operation: Some(operation.id.clone()),
            shipped_at_s: operation.shipped_at_s,
            merchant_refund_id: (kind == EntryKind::Refund).then(|| operation.id.to_string()),
            ..entry(kind, id, operation.amount_minor, call_begun(call))
        };
        applied(Some(id.to_owned()), None, vec![own], call)
    }

    /// A read that begins now.
    pub fn read(&self, order: usize, age: Age) -> SlowRead {
        let known = &self.orders[order];
        SlowRead {
            order,
            book: match age {
                Age::Fresh => known.book.clone(),
                Age::Stale => known.earlier.clone(),
            },
            begun_at_ms: NOW,
            version: self.payments[known.payment].version,
        }
    }

    /// What was read is taken in, in one transaction (`actions::read_order`).
    pub fn take_in(&mut self, read: &SlowRead, odd: Option<Odd>, setting: &Setting) {
        let order = &self.orders[read.order];
        let (index, session) = (order.payment, order.session.clone());
        self.transact(index, setting, |payment, context, _| {
            let before = payment.clone();
            let Some(known) = before.session(&session) else {
                return;
            };
            let news = observation(&before, known, read, odd);
            match odd {
                Some(Odd::NotFound) => {
                    let reason = AttentionReason::OrderNotFound;
                    payment.raise(Concern::of_doubtful_read(reason, known), NOW);
                    if let Some(news) = mutants::not_found_is_expired(read.begun_at_ms) {
                        observe::observe(payment, &session, &news, context);
                    }
                }
                Some(Odd::Forged) => {
                    if let Some(news) = mutants::notified(OrderRank::Authorised, NOW) {
                        observe::observe(payment, &session, &news, context);
                    }
                }
                Some(Odd::UnknownWord | Odd::OtherOrder) | None => {
                    observe::observe(payment, &session, &news, context);
                }
            }
            if odd != Some(Odd::Forged) {
                observe::count_look(&before, payment, context);
            }
        });
    }

    /// A look without a read (`actions::check_payment::touch`).
    pub fn touch(&mut self, index: usize, setting: &Setting) {
        self.transact(index, setting, |payment, context, _| {
            observe::refresh(payment, context);
        });
    }

    /// What a step leaves behind: pages that were given out, and what was shown as paid.
    pub fn remember(&mut self) {
        for (index, payment) in self.payments.iter().enumerate() {
            if let Some(url) = checkout_url(payment) {
                for order in self.orders.iter_mut().filter(|order| order.id == url) {
                    order.url_out = true;
                }
            }
            let paid = &mut self.memory[index].paid;
            if let Some(winner) = payment.winner.as_ref().filter(|_| payment.paid())
                && !paid.contains(winner)
            {
                paid.push(winner.clone());
            }
        }
    }
}

fn call_begun(call: &Call) -> (i64, i64) {
    (call.left_at_ms.unwrap_or(NOW), call.version)
}

fn applied(
    tamara_id: Option<String>,
    word: Option<Word>,
    entries: Vec<Entry>,
    call: &Call,
) -> Answer {
    let (begun_at_ms, begun_version) = call_begun(call);
    Answer::Applied {
        tamara_id,
        news: Some(Observation {
            source: Source::Answer,
            begun_at_ms,
            begun_version,
            word,
            entries,
            sums: None,
            mismatch: false,
            reference: None,
        }),
        order: None,
    }
}

fn entry(kind: EntryKind, id: &str, amount_minor: i64, begun: (i64, i64)) -> Entry {
    Entry {
        kind,
        id: id.to_owned(),
        amount_minor,
        seen_at_ms: begun.0,
        seen_version: i64::MAX,
        refund: RefundRank::Other,
        merchant_refund_id: None,
        shipped_at_s: None,
        item_refs: String::new(),
        operation: None,
    }
}

/// What a GET-order body says (`actions::wire::observation`).
fn observation(
    payment: &Payment,
    session: &Session,
    read: &SlowRead,
    odd: Option<Odd>,
) -> Observation {
    let reference = &read.book.reference;
    let other = Book {
        status: OrderRank::Authorised,
        ..Book::default()
    };
    let book = if odd == Some(Odd::OtherOrder) {
        &other
    } else {
        &read.book
    };
    let begun = (read.begun_at_ms, read.version);
    let entries = book.lines.iter().map(|line| Entry {
        refund: if line.paid {
            RefundRank::Success
        } else {
            RefundRank::Other
        },
        merchant_refund_id: line.refund_id.clone(),
        shipped_at_s: line.shipped_at_s,
        ..entry(line.kind, &line.id, line.amount, begun)
    });
    Observation {
        source: Source::Read,
        begun_at_ms: read.begun_at_ms,
        begun_version: read.version,
        word: Some(match odd {
            Some(Odd::UnknownWord) => Word::Unknown("on_hold".to_owned()),
            Some(Odd::OtherOrder | Odd::NotFound | Odd::Forged) | None => Word::Known(book.status),
        }),
        entries: entries.collect(),
        sums: Some(Sums {
            captured_minor: book.sum(EntryKind::Capture),
            refunded_minor: book.refunded(),
            canceled_minor: book.sum(EntryKind::Cancel),
        }),
        mismatch: odd == Some(Odd::OtherOrder) || !payment.knows_reference(session, reference),
        reference: Some(reference.clone()),
    }
}
