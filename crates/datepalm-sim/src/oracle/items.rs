//! What operations that name items take of an order: counted and priced here once more, from the shop's own list.

use super::{Broken, Seen, hold};
use crate::world::items::{SHIPPING_MINOR, SOLD};
use crate::world::setting::TOTAL_MINOR;
use datepalm::domain::operation::{Operation, OperationState};
use serde_json::Value;
use tamara_sandbox::Captured;

/// The company that ships where nobody names one.
const COMPANY: &str = "Ours";

/// Whether somebody here made this capture: what the portal makes names nobody.
pub(super) fn is_made_here(entry: &Captured) -> bool {
    entry.shipping_company.starts_with(COMPANY)
}

fn details(operation: &Operation) -> Value {
    serde_json::from_str(&operation.details).unwrap_or_default()
}

/// Tamara was told who ships.
pub(super) fn tells_the_company(operation: &Operation, entry: &Captured) -> Result<u64, Broken> {
    let details = details(operation);
    let company = details["shipping_company"].as_str().unwrap_or(COMPANY);
    hold(
        entry.shipping_company == company,
        "tamara_is_told_who_ships",
        || format!("{operation:?} {entry:?}"),
    )?;
    Ok(1)
}

/// What of one line an operation takes: quantity, discount, tax.
fn of_line(portion: &Value, reference: &str) -> [i64; 3] {
    let lines = portion["items"].as_array();
    let mut own = lines
        .into_iter()
        .flatten()
        .filter(|line| line["reference_id"] == reference);
    own.next().map_or([0; 3], |line| {
        ["quantity", "discount_minor", "tax_minor"].map(|name| line[name].as_i64().unwrap_or(0))
    })
}

impl Seen<'_> {
    /// Each operation costs what its items cost, and all of them that may have an effect take no more than there is.
    pub(super) fn items_add_up(&self) -> Result<u64, Broken> {
        if !self.world.setting.several_items {
            return Ok(0);
        }
        let mut checks = 0;
        // By line: quantity, discount, tax; and what is sent along.
        let mut taken = [[0; 3]; SOLD.len()];
        let mut shipping = 0;
        for operation in &self.payment.operations {
            let details = details(operation);
            let portion = &details["portion"];
            if !portion.is_object() {
                continue;
            }
            let minor = |name: &str| portion[name].as_i64().unwrap_or(0);
            let rejected = operation.state == OperationState::Rejected;
            let mut worth = minor("shipping_minor") - minor("discount_minor");
            for (sold, taken) in SOLD.iter().zip(&mut taken) {
                let [quantity, discount, tax] = of_line(portion, sold.reference);
                worth += quantity * sold.price_minor - discount + tax;
                if !rejected {
                    let sum = taken.iter_mut().zip([quantity, discount, tax]);
                    sum.for_each(|(taken, more)| *taken += more);
                }
            }
            if !rejected {
                shipping += minor("shipping_minor");
            }
            hold(
                worth == operation.amount_minor,
                "an_operation_is_worth_its_items",
                || format!("{worth}: {operation:?}"),
            )?;
            checks += 1;
        }
        let more = self.payment.total.minor() - TOTAL_MINOR;
        let within = SOLD.iter().zip(taken).all(|(sold, taken)| {
            let there = [sold.quantity, sold.discount_minor, sold.tax_minor];
            taken
                .iter()
                .zip(there)
                .all(|(taken, there)| *taken <= there)
        });
        hold(
            within && shipping <= SHIPPING_MINOR + more,
            "no_item_is_given_twice",
            || format!("{} {taken:?} {shipping}", self.payment.id),
        )?;
        Ok(checks + 1)
    }
}
