//! What the wire remembers of the calls that it carried: the oracle's side of each cause. It decides nothing.

use std::collections::{BTreeMap, BTreeSet};

/// What the wire remembers for the oracle.
#[derive(Default)]
pub struct Ledger {
    /// Requests that Tamara saw.
    pub delivered: u64,
    /// Orders in the order of their creation: Tamara's id and the reference.
    pub orders: Vec<(String, String)>,
    /// Orders that a request reached since the oracle looked last.
    pub touched: BTreeSet<String>,
    /// Orders of which a read was answered with 404.
    pub not_found: BTreeSet<String>,
    /// Orders of which a read was answered with another order.
    pub mixed_up: BTreeSet<String>,
    /// Orders of which a read showed an unknown status.
    pub odd: BTreeSet<String>,
    /// How often calls about an order or a reference were turned away.
    pub turned_away: BTreeMap<String, u64>,
    /// How often a call authorised an order.
    pub authorised: BTreeMap<String, u64>,
    /// Orders of creates that had left before a backup was put back, and arrived since.
    pub orders_from_before: Vec<(String, String)>,
    /// By account (its token) and reference: the orders that ever had it.
    references: BTreeMap<(String, String), BTreeSet<String>>,
    /// A request that Tamara took and that does not add up.
    pub misfit: Option<String>,
}

impl Ledger {
    /// Remembers that Tamara gave an order of an account a reference.
    pub(super) fn takes(&mut self, token: &str, reference: &str, order: &str) {
        let key = (token.to_owned(), reference.to_owned());
        let orders = self.references.entry(key).or_default();
        orders.insert(order.to_owned());
    }

    /// Whether an order ever had a reference.
    pub fn had(&self, order: &str, reference: &str) -> bool {
        let mut known = self.references.iter();
        known.any(|((_, known), orders)| known == reference && orders.contains(order))
    }

    /// A reference that an order of an account has or had, and another as well.
    /// Those that nobody remembers after a restore (`forgotten`) share theirs with later ones, and nobody can know (R30).
    pub fn shared_reference(
        &self,
        forgotten: impl Fn(&String) -> bool,
    ) -> Option<(&String, &BTreeSet<String>)> {
        let mut known = self.references.iter();
        let shared =
            known.find(|(_, orders)| orders.iter().filter(|order| !forgotten(order)).count() > 1);
        shared.map(|((_, reference), orders)| (reference, orders))
    }
}
