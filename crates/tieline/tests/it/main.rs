//! Whole-product tests: files in, story out, through the binary and over real material.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and says what it did not test"
)]

mod command_line;
mod corpus;
mod demo;
mod http;
mod manual;
mod net;
mod pcap;
mod rights;
mod run;
mod sense;
mod serve;
mod sigma;
mod story;
mod tap;
