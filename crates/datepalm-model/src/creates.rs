//! Creates as calls: the merchant posts a wish, and Tamara makes an order (`actions::create_payment`).

use crate::book::Order;
use crate::world::{NOW, Said, Setting, World, request_lease};
use datepalm::domain::guard::{Guard, stands};
use datepalm::domain::operation::Lease;
use datepalm::domain::payment::Payment;
use datepalm::domain::resume::{Resumed, resume};
use datepalm::domain::status::Status;
use datepalm::ids::SessionId;

impl World {
    /// `find_or_make`: the holder of the reference, a payment that may be opened again, or a new one (R7). Every post has
    /// a key of its own.
    pub fn post(&mut self, content: u8, setting: &Setting) {
        if let Some(holder) = self.holder().filter(|_| stands(Guard::OneHolder)) {
            if self.memory[holder].content == content {
                self.resume(holder, setting);
            }
            return;
        }
        let again = (0..self.payments.len()).rev().find(|index| {
            let payment = &self.payments[*index];
            self.memory[*index].content == content
                && matches!(payment.status(), Status::Declined | Status::Expired)
                && !payment.cancel_stands()
        });
        // `store::recovery::waiting_of_reference`.
        if again.is_none() && self.payments.iter().any(Payment::recovering) {
            return;
        }
        let index = again.unwrap_or_else(|| {
            let made = self.add_payment(setting);
            self.memory[made].content = content;
            made
        });
        self.another_session(index, setting);
    }

    fn resume(&mut self, index: usize, setting: &Setting) {
        match resume(&self.payments[index], false, NOW) {
            Resumed::Recovering
            | Resumed::BeingCanceled
            | Resumed::BeingCarriedOut(_)
            | Resumed::AsItIs => {}
            Resumed::Send(create) => {
                let attempt = self.operation(index, &create).attempt;
                let lease = Lease {
                    token: format!("again{attempt}"),
                    ..request_lease(setting)
                };
                self.ready(index, create, lease);
            }
            Resumed::FreshSession => self.another_session(index, setting),
        }
    }

    fn another_session(&mut self, index: usize, setting: &Setting) {
        let payment = &self.payments[index];
        if payment.recovering() || payment.stopped_after_restore() {
            return;
        }
        let create = self.open_session(index, setting);
        self.ready(index, create, request_lease(setting));
    }

    /// Tamara makes an order; its page is known to whoever hears the answer.
    pub fn create_order(&mut self, payment: usize, session: &SessionId) -> Said {
        let order = self.new_order(payment, session);
        let id = order.id.clone();
        self.orders.push(order);
        Said::Opened(id)
    }

    /// The order of a session, as Tamara makes it.
    pub fn new_order(&self, payment: usize, session: &SessionId) -> Order {
        let known = self.payments[payment].session(session);
        // Nobody reads the order of a session that was lost in a restore.
        let reference = known.map_or_else(String::new, |known| known.order_reference_id.clone());
        let id = format!("order{}", self.orders.len());
        Order::new(id, payment, session, reference)
    }

    /// Whether we know an order.
    pub fn is_known(&self, order: usize) -> bool {
        self.knows(&self.orders[order])
    }

    /// The same.
    pub fn knows(&self, order: &Order) -> bool {
        let session = self.payments[order.payment].session(&order.session);
        session.is_some_and(|session| session.order.is_some())
    }
}
