//! The whole state: merchants, orders, checkouts, webhooks, notifications, and look-ups over them.
//!
//! Not for decisions ([`crate::rules`]) nor for files ([`crate::journal`]). Objects are replaced
//! whole by `put_*`, which keeps the indices right and remembers what was there before: a change
//! that is refused half-way is rolled back, one that is kept is drained into the journal.

mod checkout;
mod dispute;
mod notification;
mod order;
mod past;

pub use checkout::Plan;
pub(crate) use checkout::{Checkout, Locale, Step};
pub use dispute::DisputeStatus;
pub(crate) use dispute::{Activity, Dispute};
pub(crate) use notification::{Attempt, Notification, Webhook};
pub use order::Status;
pub(crate) use order::{
    Address, Amounts, Cancel, Capture, Channel, Consumer, Discount, Item, Order, Refund, Shipment,
};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::Ids;
use crate::money::Currency;
use crate::rules;
use crate::{Choices, Merchant};

/// A merchant with what follows from its options.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) merchant_id: String,
    pub(crate) currency: Currency,
    pub(crate) merchant: Merchant,
}

/// One line of the journal is a list of these; replayed in order they give the world.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    Order(Box<Order>),
    Checkout(Checkout),
    Webhook(Webhook),
    WebhookRemoved(String),
    Notification(Notification),
    Dispute(Dispute),
    /// A phone whose owner showed an identity on the page.
    IdVerified(String),
    Counters(Counters),
    Reset,
}

/// What must not start again from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) clock_offset_ms: i64,
    pub(crate) ids_drawn: u64,
    pub(crate) sequence: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Order(String),
    Checkout(String),
    Webhook(String),
    Notification(u64),
    Dispute(u64),
    IdVerified(String),
}

enum Before {
    Order(String, Option<Box<Order>>),
    Checkout(String, Option<Checkout>),
    Webhook(String, Option<Webhook>),
    Notification(u64, Option<Notification>),
    Dispute(u64, Option<Dispute>),
    IdVerified(String),
}

pub(crate) struct World {
    pub(crate) ids: Ids,
    /// Like the merchants, given at each start and not kept in the journal.
    pub(crate) choices: Choices,
    accounts: Vec<Account>,
    /// Boxed: the nodes of a tree are never full, and an empty place would be as large as an order.
    orders: BTreeMap<String, Box<Order>>,
    checkouts: BTreeMap<String, Checkout>,
    webhooks: BTreeMap<String, Webhook>,
    notifications: BTreeMap<u64, Notification>,
    disputes: BTreeMap<u64, Dispute>,
    verified_phones: BTreeSet<String>,
    sequence: u64,
    /// (merchant, reference, sequence) to order: the last of a reference is the newest.
    references: BTreeMap<(String, String, u64), String>,
    timers: BTreeSet<(i64, String)>,
    outbox: BTreeSet<(i64, u64)>,
    before: Vec<Before>,
    past: past::Past,
}

impl World {
    pub(crate) fn new(accounts: Vec<Account>, ids: Ids) -> Self {
        Self {
            ids,
            choices: Choices::default(),
            accounts,
            orders: BTreeMap::new(),
            checkouts: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            notifications: BTreeMap::new(),
            disputes: BTreeMap::new(),
            verified_phones: BTreeSet::new(),
            sequence: 0,
            references: BTreeMap::new(),
            timers: BTreeSet::new(),
            outbox: BTreeSet::new(),
            before: Vec::new(),
            past: past::Past::default(),
        }
    }

    pub(crate) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    pub(crate) fn set_accounts(&mut self, accounts: Vec<Account>) {
        self.accounts = accounts;
    }

    pub(crate) fn account(&self, merchant_id: &str) -> Option<&Account> {
        self.accounts.iter().find(|a| a.merchant_id == merchant_id)
    }

    pub(crate) fn account_by_token(&self, token: &str) -> Option<&Account> {
        self.accounts.iter().find(|a| a.merchant.has_token(token))
    }

    pub(crate) fn order(&self, order_id: &str) -> Option<&Order> {
        self.orders.get(order_id).map(Box::as_ref)
    }

    pub(crate) fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().map(Box::as_ref)
    }

    pub(crate) fn orders_by_creation(&self) -> Vec<&Order> {
        let mut orders: Vec<_> = self.orders().collect();
        orders.sort_by_key(|order| order.sequence);
        orders
    }

    pub(crate) fn newest_by_reference(&self, merchant_id: &str, reference: &str) -> Option<&Order> {
        let first = (merchant_id.to_owned(), reference.to_owned(), 0);
        let last = (merchant_id.to_owned(), reference.to_owned(), u64::MAX);
        let (_, order_id) = self.references.range(first..=last).next_back()?;
        self.orders.get(order_id).map(Box::as_ref)
    }

    pub(crate) fn checkout(&self, checkout_id: &str) -> Option<&Checkout> {
        self.checkouts.get(checkout_id)
    }

    pub(crate) fn webhook(&self, webhook_id: &str) -> Option<&Webhook> {
        self.webhooks.get(webhook_id)
    }

    pub(crate) fn webhooks(&self) -> impl Iterator<Item = &Webhook> {
        self.webhooks.values()
    }

    pub(crate) fn notification(&self, id: u64) -> Option<&Notification> {
        self.notifications.get(&id)
    }

    pub(crate) fn notifications(&self) -> impl Iterator<Item = &Notification> {
        self.notifications.values()
    }

    /// Whether the owner of this phone, in digits, has ever shown an identity on the page.
    pub(crate) fn is_id_verified(&self, phone: &str) -> bool {
        self.verified_phones.contains(phone)
    }

    pub(crate) fn dispute(&self, id: u64) -> Option<&Dispute> {
        self.disputes.get(&id)
    }

    pub(crate) fn disputes(&self) -> impl Iterator<Item = &Dispute> {
        self.disputes.values()
    }

    /// The order whose timer fires first, with the moment.
    pub(crate) fn next_timer(&self) -> Option<(i64, &Order)> {
        let (at_ms, order_id) = self.timers.first()?;
        Some((*at_ms, self.orders.get(order_id)?))
    }

    /// Notifications owed an attempt, the earliest first.
    pub(crate) fn outbox(&self) -> impl Iterator<Item = (i64, u64)> {
        self.outbox.iter().copied()
    }

    /// Grows for ever, across a reset too, so that an old number never means a new thing.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn put_order(&mut self, order: Order) {
        let id = order.id.clone();
        let before = self.set_order(&id, Some(Box::new(order)));
        self.before.push(Before::Order(id, before));
    }

    pub(crate) fn put_checkout(&mut self, checkout: Checkout) {
        let id = checkout.id.clone();
        let before = self.checkouts.insert(id.clone(), checkout);
        self.before.push(Before::Checkout(id, before));
    }

    pub(crate) fn put_webhook(&mut self, webhook: Webhook) {
        let id = webhook.id.clone();
        let before = self.webhooks.insert(id.clone(), webhook);
        self.before.push(Before::Webhook(id, before));
    }

    pub(crate) fn remove_webhook(&mut self, webhook_id: &str) {
        let before = self.webhooks.remove(webhook_id);
        self.before
            .push(Before::Webhook(webhook_id.to_owned(), before));
    }

    pub(crate) fn put_notification(&mut self, notification: Notification) {
        let id = notification.id;
        let before = self.set_notification(id, Some(notification));
        self.before.push(Before::Notification(id, before));
    }

    /// The owner of this phone, in digits, has shown an identity.
    pub(crate) fn verify_id(&mut self, phone: &str) {
        if self.verified_phones.insert(phone.to_owned()) {
            self.before.push(Before::IdVerified(phone.to_owned()));
        }
    }

    pub(crate) fn put_dispute(&mut self, dispute: Dispute) {
        let id = dispute.id;
        let before = self.disputes.insert(id, dispute);
        self.before.push(Before::Dispute(id, before));
    }

    fn set_order(&mut self, id: &str, order: Option<Box<Order>>) -> Option<Box<Order>> {
        let before = match order {
            Some(order) => {
                if let Some(at_ms) = rules::timer_ms(&order) {
                    self.timers.insert((at_ms, id.to_owned()));
                }
                self.references.insert(reference_key(&order), id.to_owned());
                self.orders.insert(id.to_owned(), order)
            }
            None => self.orders.remove(id),
        };
        if let Some(before) = &before {
            let now = self.orders.get(id).map(Box::as_ref);
            if let Some(at_ms) = rules::timer_ms(before)
                && now.and_then(rules::timer_ms) != Some(at_ms)
            {
                self.timers.remove(&(at_ms, id.to_owned()));
            }
            let key = reference_key(before);
            if now.map(reference_key).as_ref() != Some(&key) {
                self.references.remove(&key);
            }
        }
        before
    }

    fn set_notification(&mut self, id: u64, next: Option<Notification>) -> Option<Notification> {
        let due = next.as_ref().and_then(|n| n.next_at_ms);
        let before = match next {
            Some(next) => self.notifications.insert(id, next),
            None => self.notifications.remove(&id),
        };
        if let Some(at_ms) = before.as_ref().and_then(|n| n.next_at_ms) {
            self.outbox.remove(&(at_ms, id));
        }
        if let Some(at_ms) = due {
            self.outbox.insert((at_ms, id));
        }
        before
    }

    /// Takes back everything since the last [`World::changes`] was kept.
    pub(crate) fn roll_back(&mut self) {
        while let Some(before) = self.before.pop() {
            match before {
                Before::Order(id, order) => {
                    self.set_order(&id, order);
                }
                Before::Checkout(id, checkout) => restore(&mut self.checkouts, id, checkout),
                Before::Webhook(id, webhook) => restore(&mut self.webhooks, id, webhook),
                Before::Notification(id, notification) => {
                    self.set_notification(id, notification);
                }
                Before::Dispute(id, dispute) => restore(&mut self.disputes, id, dispute),
                Before::IdVerified(phone) => {
                    self.verified_phones.remove(&phone);
                }
            }
        }
    }

    /// The changed objects as they are now, each once.
    pub(crate) fn changes(&self) -> Vec<Entry> {
        let keys: BTreeSet<_> = self.before.iter().map(Before::key).collect();
        keys.iter().filter_map(|key| self.entry(key)).collect()
    }

    /// The changes are kept: there is no way back.
    pub(crate) fn keep(&mut self) {
        self.before.clear();
    }

    /// Everything, for compaction.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let orders = self.orders.keys().cloned().map(Key::Order);
        let checkouts = self.checkouts.keys().cloned().map(Key::Checkout);
        let webhooks = self.webhooks.keys().cloned().map(Key::Webhook);
        let notifications = self.notifications.keys().copied().map(Key::Notification);
        let verified = self.verified_phones.iter().cloned().map(Key::IdVerified);
        let keys = orders.chain(checkouts).chain(webhooks);
        let disputes = self.disputes.keys().copied().map(Key::Dispute);
        let keys = keys.chain(notifications).chain(disputes).chain(verified);
        keys.filter_map(|key| self.entry(&key)).collect()
    }

    fn entry(&self, key: &Key) -> Option<Entry> {
        match key {
            Key::Order(id) => Some(Entry::Order(self.orders.get(id)?.clone())),
            Key::Checkout(id) => Some(Entry::Checkout(self.checkouts.get(id)?.clone())),
            Key::Webhook(id) => Some(match self.webhooks.get(id) {
                Some(webhook) => Entry::Webhook(webhook.clone()),
                None => Entry::WebhookRemoved(id.clone()),
            }),
            Key::Notification(id) => Some(Entry::Notification(self.notifications.get(id)?.clone())),
            Key::Dispute(id) => Some(Entry::Dispute(self.disputes.get(id)?.clone())),
            Key::IdVerified(phone) => Some(Entry::IdVerified(phone.clone())),
        }
    }

    /// Takes up one entry of the journal.
    pub(crate) fn replay(&mut self, entry: Entry) {
        match entry {
            Entry::Order(order) => self.put_order(*order),
            Entry::Checkout(checkout) => self.put_checkout(checkout),
            Entry::Webhook(webhook) => self.put_webhook(webhook),
            Entry::WebhookRemoved(id) => self.remove_webhook(&id),
            Entry::Notification(notification) => self.put_notification(notification),
            Entry::Dispute(dispute) => self.put_dispute(dispute),
            Entry::IdVerified(phone) => self.verify_id(&phone),
            Entry::Counters(counters) => {
                self.ids.restore(counters.ids_drawn);
                self.sequence = self.sequence.max(counters.sequence);
            }
            Entry::Reset => self.clear(),
        }
        self.keep();
    }

    pub(crate) fn clear(&mut self) {
        self.orders.clear();
        self.checkouts.clear();
        self.webhooks.clear();
        self.notifications.clear();
        self.disputes.clear();
        self.verified_phones.clear();
        self.references.clear();
        self.timers.clear();
        self.outbox.clear();
        self.before.clear();
    }

    pub(crate) fn counters(&self, clock_offset_ms: i64) -> Counters {
        Counters {
            clock_offset_ms,
            ids_drawn: self.ids.drawn(),
            sequence: self.sequence,
        }
    }
}

impl Before {
    fn key(&self) -> Key {
        match self {
            Self::Order(id, _) => Key::Order(id.clone()),
            Self::Checkout(id, _) => Key::Checkout(id.clone()),
            Self::Webhook(id, _) => Key::Webhook(id.clone()),
            Self::Notification(id, _) => Key::Notification(*id),
            Self::Dispute(id, _) => Key::Dispute(*id),
            Self::IdVerified(phone) => Key::IdVerified(phone.clone()),
        }
    }
}

fn restore<K: Ord, T>(table: &mut BTreeMap<K, T>, id: K, before: Option<T>) {
    match before {
        Some(before) => table.insert(id, before),
        None => table.remove(&id),
    };
}

fn reference_key(order: &Order) -> (String, String, u64) {
    (
        order.merchant_id.clone(),
        order.reference.clone(),
        order.sequence,
    )
}

#[cfg(test)]
mod tests;
