//! Typed client of Tamara's merchant API.
