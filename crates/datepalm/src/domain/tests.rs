//! Tests of the core on values alone: no database, no clock, no network. `desk` builds the values; every other file
//! asks one kind of question of them.

mod attention_rules;
mod attribution;
mod deadline_rules;
mod desk;
mod ending_rules;
mod fake;
mod matrix;
mod merge;
mod operation_rules;
mod payment_rules;
mod plan_rules;
mod portion_rules;
mod preview_rules;
mod reconcile_rules;
mod recovery_rules;
mod references;
mod said;
mod settle_rules;
mod totals;
mod traces;
mod waiting_rules;
mod walk;
