//! What can happen in a world, and what it is like afterwards. The order of the steps is fixed: a trace is a list of
//! their places.

use crate::normal::{normalise, pass_a_tick};
use crate::restore;
use crate::step::{Age, Step};
use crate::world::{
    Call, LATE_TICKS, Merchant, Message, NOW, Said, Sender, Setting, TICK, TIMEOUT_TICKS, World,
};
use datepalm::domain::decide::{Command, decide};
use datepalm::domain::facts::{EntryKind, OrderRank};
use datepalm::domain::guard::{Guard, stands};
use datepalm::domain::operation::{Operation, OperationKind, OperationState, Origin};
use datepalm::domain::payment::Payment;

/// Every step that can be taken.
pub fn steps(world: &World, setting: &Setting) -> Vec<Step> {
    let mut found = Vec::new();
    requests(world, setting, &mut found);
    for index in 0..world.calls.len() {
        of_call(world, index, setting, &mut found);
    }
    for (index, payment) in world.payments.iter().enumerate() {
        for (at, operation) in payment.operations.iter().enumerate() {
            if due(operation) {
                found.push(Step::Work(index, at));
                if world.left.faults > 0 {
                    found.push(Step::WorkDelayed(index, at));
                }
            }
        }
        if payment.sessions.iter().any(|s| s.order.is_none()) {
            found.push(Step::Touch(index));
        }
    }
    for index in 0..world.orders.len() {
        of_order(world, index, setting, &mut found);
        of_portal(world, index, &mut found);
        reads(world, index, setting, &mut found);
    }
    found.extend((0..world.reads.len()).map(Step::EndRead));
    restore::steps(world, &mut found);
    if may_tick(world) {
        found.push(Step::Tick);
    }
    found
}

fn requests(world: &World, setting: &Setting, found: &mut Vec<Step>) {
    if world.left.requests == 0 {
        return;
    }
    for (index, payment) in world.payments.iter().enumerate() {
        for command in &setting.commands {
            if restore::writes(&decide(payment, *command, NOW)) {
                found.push(Step::Ask(index, *command));
            }
        }
        if !stands(Guard::KeyMakesOne) && last_request(payment).is_some() {
            found.push(Step::AskAgain(index));
        }
    }
    if setting.creates {
        found.extend([0, 1].map(Step::Post));
    }
    if setting.references {
        found.push(Step::Rename(0));
    }
}

/// The last request that a repeat could double: the id of a refund is made from its key, so its row stands once.
pub fn last_request(payment: &Payment) -> Option<&Operation> {
    let mut requests = payment.operations.iter().rev();
    requests.find(|operation| {
        operation.origin == Origin::Request
            && matches!(
                operation.kind,
                OperationKind::Capture | OperationKind::Cancel
            )
    })
}

/// What `store::queues::operations_due` finds.
pub fn due(operation: &Operation) -> bool {
    operation.next_try_at_ms <= NOW
        && match operation.state {
            OperationState::Intent => {
                operation.kind != OperationKind::CreateSession && operation.lease_free(NOW)
            }
            OperationState::Sending => operation.lease_free(NOW),
            OperationState::Unknown => operation.may_repeat,
            OperationState::Succeeded | OperationState::Rejected | OperationState::Accepted => {
                false
            }
        }
}

fn of_call(world: &World, index: usize, setting: &Setting, found: &mut Vec<Step>) {
    let call = &world.calls[index];
    let faults = world.left.faults > 0;
    match call.sender {
        Sender::Ready => {
            found.push(Step::Begin(index));
            if faults {
                found.push(Step::BeginDelayed(index));
            }
        }
        Sender::Asleep => found.push(Step::Wake(index)),
        Sender::Waiting if call.answer.is_some() => found.push(Step::Hear(index)),
        Sender::Waiting | Sender::Gone => {}
    }
    if call.sender != Sender::Gone {
        if faults || call.slow {
            found.push(Step::Die(index));
        }
        if faults && !call.slow {
            found.push(Step::Slow(index));
        }
        let heard_of = matches!(call.answer, Some(Said::TooLate));
        if call.sender == Sender::Waiting && (faults || call.slow) && !heard_of {
            found.push(Step::GiveUp(index));
        }
    }
    if call.message == Message::OnItsWay {
        found.push(Step::Arrive(index, true));
        let operation = world.operation(call.payment, &call.operation);
        if setting.pending_refunds && operation.kind == OperationKind::Refund {
            found.push(Step::Arrive(index, false));
        }
        if world.left.refusals > 0 {
            found.extend([Step::TurnAway(index), Step::Refuse(index)]);
        }
        if call.sender == Sender::Gone {
            found.push(Step::Drop(index));
        }
    }
}

fn of_order(world: &World, index: usize, setting: &Setting, found: &mut Vec<Step>) {
    let order = &world.orders[index];
    let mut moves = |ranks: &[OrderRank]| {
        found.extend(ranks.iter().map(|rank| Step::Move(index, *rank)));
    };
    let young = NOW < order.opened_at_ms + setting.policy.session_ms;
    match order.book.status {
        OrderRank::New if order.url_out => {
            moves(&[OrderRank::Approved, OrderRank::Declined, OrderRank::Expired]);
        }
        OrderRank::New => moves(&[OrderRank::Expired]),
        OrderRank::Declined if young => moves(&[OrderRank::Approved]),
        OrderRank::Approved => {
            if world.left.timer > 0 {
                moves(&[OrderRank::Expired]);
            }
            if setting.merchant == Merchant::AutoAuthorise {
                found.push(Step::Capture(index));
            }
        }
        OrderRank::Authorised if world.left.timer > 0 && order.book.left() > 0 => {
            // 90 days, says an older text of Tamara: everybody knows by then that it is authorised.
            let session = world.payments[order.payment].session(&order.session);
            let known = session.is_some_and(|s| s.facts.rank == OrderRank::Authorised);
            if order.book.lines.is_empty() && known {
                moves(&[OrderRank::Expired]);
            }
            found.push(Step::Capture(index));
        }
        OrderRank::Declined | OrderRank::Authorised | OrderRank::Expired | OrderRank::Canceled => {}
    }
    let waits = |kind, paid: bool| kind == EntryKind::Refund && !paid;
    if order.book.lines.iter().any(|l| waits(l.kind, l.paid)) {
        found.push(Step::PayRefunds(index));
    }
}

fn of_portal(world: &World, index: usize, found: &mut Vec<Step>) {
    let book = &world.orders[index].book;
    if world.left.portal == 0 {
        return;
    }
    if book.status == OrderRank::Approved {
        found.push(Step::PortalAuthorise(index));
    }
    let cancelable = if book.sum(EntryKind::Capture) == 0 {
        book.left()
    } else {
        0
    };
    for (kind, most) in [
        (EntryKind::Capture, book.left()),
        (EntryKind::Cancel, cancelable),
        (EntryKind::Refund, book.refundable()),
    ] {
        if most > 0 {
            found.push(Step::Portal(index, kind, most));
        }
        if most > 1 {
            found.push(Step::Portal(index, kind, 1));
        }
    }
}

fn reads(world: &World, index: usize, setting: &Setting, found: &mut Vec<Step>) {
    let order = &world.orders[index];
    let known = world.payments[order.payment].session(&order.session);
    if known.is_none_or(|session| session.order.is_none()) {
        return;
    }
    found.push(Step::Read(index, Age::Fresh));
    let stale = setting.stale_reads && order.earlier != order.book;
    if stale {
        found.push(Step::Read(index, Age::Stale));
    }
    if world.left.faults > 0 && world.reads.is_empty() {
        found.push(Step::BeginRead(index, Age::Fresh));
        if stale {
            found.push(Step::BeginRead(index, Age::Stale));
        }
    }
    if world.left.odd > 0 {
        found.extend(setting.odd.iter().map(|odd| Step::OddRead(index, *odd)));
    }
}

/// Time passes, unless something must happen in this tick: a sender that is not slow goes on, and an effect is not later
/// than assumed.
fn may_tick(world: &World) -> bool {
    world.calls.iter().all(|call| {
        let age = call.left_at_ms.map_or(0, |left| (NOW - left) / TICK);
        let waits = match call.sender {
            Sender::Ready => call.slow,
            Sender::Asleep | Sender::Gone => true,
            // Once it is over, a sender that is not slow hears of it in this tick.
            Sender::Waiting => {
                call.slow || (call.message == Message::OnItsWay && age < TIMEOUT_TICKS)
            }
        };
        waits && (call.message != Message::OnItsWay || age < LATE_TICKS)
    })
}

/// The world after a step.
pub fn apply(world: &World, step: Step, setting: &Setting) -> World {
    let mut next = world.clone();
    match step {
        Step::Ask(..) | Step::AskAgain(_) | Step::Post(_) | Step::Rename(_) => {
            merchant(&mut next, step, setting);
        }
        Step::Begin(at)
        | Step::BeginDelayed(at)
        | Step::Wake(at)
        | Step::Slow(at)
        | Step::Die(at)
        | Step::Hear(at)
        | Step::GiveUp(at)
        | Step::Arrive(at, _)
        | Step::TurnAway(at)
        | Step::Refuse(at)
        | Step::Drop(at) => {
            let call = next.calls.remove(at);
            if let Some(call) = move_call(&mut next, call, step, setting) {
                next.calls.insert(at, call);
            }
        }
        Step::Work(payment, at) | Step::WorkDelayed(payment, at) => {
            let call = next.worker_call(payment, at, setting);
            if let Some(mut call) = next.begin(call, setting) {
                if step == Step::Work(payment, at) {
                    World::let_go(&mut call, setting);
                } else {
                    fall_behind(&mut next, &mut call);
                }
                next.calls.push(call);
            }
        }
        Step::Move(at, _)
        | Step::Capture(at)
        | Step::PayRefunds(at)
        | Step::PortalAuthorise(at)
        | Step::Portal(at, ..) => move_order(&mut next, at, step),
        Step::Read(..)
        | Step::BeginRead(..)
        | Step::EndRead(_)
        | Step::OddRead(..)
        | Step::Look(_) => look(&mut next, step, setting),
        Step::Touch(index) => next.touch(index, setting),
        Step::Copy | Step::Restore | Step::Repeat(_) | Step::Clear(_) => {
            next.around_a_restore(step, setting);
        }
        Step::Tick => pass_a_tick(&mut next),
    }
    next.remember();
    normalise(&mut next, setting);
    next
}

fn merchant(next: &mut World, step: Step, setting: &Setting) {
    next.left.requests -= 1;
    match step {
        Step::Ask(index, command) => next.ask(index, command, None, setting),
        Step::AskAgain(index) => {
            let last = last_request(&next.payments[index]).expect("it is asked for again");
            let (key, amount) = (last.key.clone(), Some(last.amount_minor));
            let command = if last.kind == OperationKind::Capture {
                Command::Capture(amount)
            } else {
                Command::CancelPart(last.amount_minor)
            };
            next.ask(index, command, Some(&key), setting);
        }
        Step::Post(content) => next.post(content, setting),
        Step::Rename(index) => next.rename(index, setting),
        _ => {}
    }
}

fn fault(next: &mut World) {
    next.left.faults = next.left.faults.saturating_sub(1);
}

fn fall_behind(next: &mut World, call: &mut Call) {
    fault(next);
    call.sender = Sender::Asleep;
    call.slow = true;
}

/// A step of one call; answers the call if there is anything left of it.
fn move_call(next: &mut World, mut call: Call, step: Step, setting: &Setting) -> Option<Call> {
    match step {
        Step::Begin(_) => {
            call = next.begin(call, setting)?;
            World::let_go(&mut call, setting);
        }
        Step::BeginDelayed(_) => {
            call = next.begin(call, setting)?;
            fall_behind(next, &mut call);
        }
        Step::Wake(_) => World::let_go(&mut call, setting),
        Step::Slow(_) => {
            fault(next);
            call.slow = true;
        }
        Step::Die(_) => {
            if !call.slow {
                fault(next);
            }
            gone(&mut call);
        }
        Step::Hear(_) => {
            next.record(&call, setting);
            gone(&mut call);
        }
        Step::GiveUp(_) => {
            if !call.slow {
                fault(next);
            }
            call.answer = None;
            next.record(&call, setting);
            gone(&mut call);
        }
        Step::Arrive(_, paid) => {
            let said = next.arrive(&call, paid, setting);
            over(&mut call, said);
        }
        Step::TurnAway(_) => {
            next.left.refusals -= 1;
            over(&mut call, Said::TurnedAway);
        }
        Step::Refuse(_) => {
            next.left.refusals -= 1;
            over(&mut call, Said::Refused);
        }
        Step::Drop(_) => call.message = Message::Over,
        _ => {}
    }
    Some(call)
}

/// Nobody listens any more. What is said to nobody makes no difference.
pub fn gone(call: &mut Call) {
    call.sender = Sender::Gone;
    call.slow = false;
    call.answer = None;
    call.granted_at_ms = 0;
    call.lease.until_ms = 0;
    call.version = 0;
}

fn over(call: &mut Call, said: Said) {
    call.message = Message::Over;
    if call.sender != Sender::Gone {
        call.answer = Some(said);
    }
}

impl World {
    /// The call reaches Tamara.
    fn arrive(&mut self, call: &Call, paid: bool, setting: &Setting) -> Said {
        let operation = self.operation(call.payment, &call.operation).clone();
        if operation.kind == OperationKind::CreateSession {
            return self.create_order(call.payment, &operation.session);
        }
        let found = self.orders.iter_mut();
        let Some(order) = found.into_iter().find(|o| o.session == operation.session) else {
            return Said::Refused;
        };
        let (id, amount) = (&operation.id, operation.amount_minor);
        let done = match operation.kind {
            OperationKind::CreateSession => None,
            OperationKind::Authorise => {
                if order.book.status != OrderRank::Approved {
                    return Said::Conflict;
                }
                order.move_to(OrderRank::Authorised);
                order.authorised_by = Some(id.clone());
                let captures = setting.merchant != Merchant::Plain;
                let capture = captures.then(|| order.book.captured_by_tamara()).flatten();
                return Said::Authorised(capture);
            }
            OperationKind::Capture => order.book.capture(amount, id, operation.shipped_at_s),
            OperationKind::Cancel => order.book.cancel(amount, id),
            OperationKind::Refund => order.book.refund(amount, id, paid),
            OperationKind::UpdateReference => {
                order.book.reference = operation.reference.clone().unwrap_or_default();
                order.renamed_by.push(id.clone());
                order.renamed_by.dedup();
                return Said::Renamed;
            }
        };
        done.map_or(Said::Conflict, Said::Done)
    }
}

fn move_order(next: &mut World, at: usize, step: Step) {
    let order = &mut next.orders[at];
    match step {
        Step::Move(_, rank) => {
            if rank == OrderRank::Expired && order.book.status >= OrderRank::Approved {
                next.left.timer -= 1;
            }
            order.move_to(rank);
        }
        Step::Capture(_) => {
            if order.book.status == OrderRank::Approved {
                order.move_to(OrderRank::Authorised);
            } else {
                next.left.timer -= 1;
            }
            order.book.captured_by_tamara();
        }
        Step::PayRefunds(_) => {
            for line in &mut order.book.lines {
                line.paid |= line.kind == EntryKind::Refund;
            }
        }
        Step::PortalAuthorise(_) => {
            next.left.portal -= 1;
            order.move_to(OrderRank::Authorised);
        }
        Step::Portal(_, kind, amount) => {
            next.left.portal -= 1;
            order.book.portal(kind, amount);
        }
        _ => {}
    }
}

fn look(next: &mut World, step: Step, setting: &Setting) {
    match step {
        Step::Read(order, age) => {
            let read = next.read(order, age);
            next.take_in(&read, None, setting);
        }
        Step::BeginRead(order, age) => {
            fault(next);
            let read = next.read(order, age);
            next.reads.push(read);
        }
        Step::EndRead(at) => {
            let read = next.reads.remove(at);
            next.take_in(&read, None, setting);
        }
        Step::OddRead(order, odd) => {
            next.left.odd -= 1;
            let read = next.read(order, Age::Fresh);
            next.take_in(&read, Some(odd), setting);
        }
        Step::Look(index) => {
            let linked: Vec<usize> = (0..next.orders.len())
                .filter(|order| next.orders[*order].payment == index && next.is_known(*order))
                .collect();
            for order in linked {
                let read = next.read(order, Age::Fresh);
                next.take_in(&read, None, setting);
            }
            next.touch(index, setting);
        }
        _ => {}
    }
}
