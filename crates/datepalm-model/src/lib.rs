//! The small model: worlds of one or a few orders, explored to the last state, over the real functions of
//! `datepalm::domain`.
//!
//! What is modelled here, and as small as possible: Tamara's order book (`book`), the network and the people around it
//! (`moves`), time (`normal`), and what must hold (`property`, `rest`). What is *not* here is any decision of ours: those
//! are the core's, called as the actions call them (`service`, `creates`), so that the model cannot drift from the code.

pub mod book;
pub mod creates;
pub mod explore;
pub mod guards;
pub mod moves;
pub mod normal;
pub mod number;
pub mod property;
pub mod rest;
pub mod restore;
pub mod service;
pub mod step;
pub mod world;
pub mod worlds;
