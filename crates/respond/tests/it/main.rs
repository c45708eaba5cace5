//! Whole runs: from the question over two signatures to the end of the rule.

#![cfg(test)]

mod approvals;
mod engine;
mod scene;
