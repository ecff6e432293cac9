//! Which operation is allowed in which order status: order-lifecycle 4.4 as one table.
//!
//! The only place that says so; `docs/sandbox-fidelity.md` prints it. Invariant: one row for each
//! status, one cell for each operation, in the order of [`Operation::ALL`].

use crate::choices::Choices;
use crate::world::Status;

/// A merchant's operation on an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Authorise,
    Cancel,
    Capture,
    Refund,
    UpdateReference,
    /// Of an in-store session.
    Void,
}

impl Operation {
    pub(crate) const ALL: [Self; 6] = [
        Self::Authorise,
        Self::Cancel,
        Self::Capture,
        Self::Refund,
        Self::UpdateReference,
        Self::Void,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authorise => "authorise",
            Self::Cancel => "cancel",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::UpdateReference => "update reference",
            Self::Void => "void (in-store)",
        }
    }
}

/// What an operation does in a status.
#[derive(Clone, Copy)]
pub(crate) enum Cell {
    /// Takes place.
    Yes,
    /// 409 `transition_not_allowed`.
    No,
    /// As the named choice says.
    Chosen(&'static str, fn(&Choices) -> bool),
    /// 200 with this message, and nothing changes.
    Says(&'static str),
    /// Cannot happen: in-store orders are never in this status.
    Never,
}

use Cell::{Chosen, Never, No, Says, Yes};

const CANCEL_REST: Cell = Chosen("cancel_after_partial_capture", |choices| {
    choices.cancel_after_partial_capture
});
const CAPTURE_REST: Cell = Chosen("capture_after_partial_refund", |choices| {
    choices.capture_after_partial_refund
});
const COMPLETED: Cell = Says("checkout_already_completed");
const EXPIRED: Cell = Says("checkout_already_expired");

/// Columns as in [`Operation::ALL`].
#[rustfmt::skip]
const MATRIX: [(Status, [Cell; 6]); 11] = [
    (Status::New,               [No,  No,          No,           No,  Yes, Yes]),
    (Status::Declined,          [No,  No,          No,           No,  Yes, EXPIRED]),
    (Status::Expired,           [No,  No,          No,           No,  Yes, EXPIRED]),
    (Status::Approved,          [Yes, No,          No,           No,  Yes, Never]),
    (Status::Authorised,        [No,  Yes,         Yes,          No,  Yes, Never]),
    (Status::Updated,           [No,  Yes,         Yes,          No,  Yes, Never]),
    (Status::PartiallyCaptured, [No,  CANCEL_REST, Yes,          Yes, Yes, Never]),
    (Status::FullyCaptured,     [No,  No,          No,           Yes, Yes, COMPLETED]),
    (Status::PartiallyRefunded, [No,  No,          CAPTURE_REST, Yes, Yes, COMPLETED]),
    (Status::FullyRefunded,     [No,  No,          No,           No,  Yes, COMPLETED]),
    (Status::Canceled,          [No,  No,          No,           No,  Yes, Never]),
];

pub(crate) fn cell(operation: Operation, status: Status) -> Cell {
    let row = MATRIX.iter().find(|(of, _)| *of == status);
    let (_, cells) = row.expect("the matrix has a row for each status");
    let column = Operation::ALL.iter().position(|op| *op == operation);
    cells[column.expect("every operation is in ALL")]
}

pub(crate) fn allowed(operation: Operation, status: Status, choices: &Choices) -> bool {
    match cell(operation, status) {
        Yes => true,
        No | Says(_) | Never => false,
        Chosen(_, allows) => allows(choices),
    }
}

/// The table for people, in Markdown.
pub(crate) fn markdown() -> String {
    let names = Operation::ALL.map(Operation::name);
    let mut text = format!("| status | {} |\n", names.join(" | "));
    text.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for (status, cells) in MATRIX {
        let cells = cells.map(|cell| match cell {
            Yes => "yes".to_owned(),
            No => "409".to_owned(),
            Chosen(name, _) => format!("409, or yes with `{name}`"),
            Says(message) => format!("200 `{message}`"),
            Never => "–".to_owned(),
        });
        let status = status.as_str();
        let line = ["| `", status, "` | ", &cells.join(" | "), " |\n"];
        text.extend(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_has_one_row_for_each_status() {
        for (index, (status, _)) in MATRIX.iter().enumerate() {
            let first = MATRIX.iter().position(|(other, _)| other == status);
            assert_eq!(first, Some(index));
        }
        let choices = Choices::default();
        assert!(allowed(Operation::Authorise, Status::Approved, &choices));
        assert!(!allowed(Operation::Cancel, Status::Approved, &choices));
    }

    #[test]
    fn open_cells_follow_their_choice() {
        let choices = Choices {
            cancel_after_partial_capture: true,
            ..Choices::default()
        };
        let status = Status::PartiallyCaptured;
        assert!(allowed(Operation::Cancel, status, &choices));
        assert!(!allowed(Operation::Cancel, status, &Choices::default()));
    }
}
