//! Whole runs: from the question over two signatures to the end of the rule, on real files and real
//! firewalls.

#![cfg(test)]

mod approvals;
mod contract;
mod crash;
mod dependencies;
mod engine;
mod ledger;
mod liar;
mod namespaces;
mod netns;
mod scene;
