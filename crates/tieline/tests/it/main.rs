//! Whole-product tests: files in, story out, through the binary and over real material.

mod command_line;
mod corpus;
mod manual;
mod run;
mod sigma;
mod story;
