//! Detection: rows and events in, findings and incidents out.
//!
//! [`rules`] matches one row or event at a time against Sigma rules and makes findings; [`chains`] joins
//! findings of several hosts and protocols to one story, an incident. Both are pure: time is a value, the
//! same input always gives the same output.

pub mod chains;
pub mod rules;
