//! The one binary: commands, and the wiring of everything else.

mod ask;
mod conduits;
mod demo;
mod doctor;
mod filtered;
mod findings;
mod logs;
mod pcap;
mod pipeline;
mod read;
mod rights;
mod rules;
mod sample;
mod sense;
mod serve;
mod soc;
mod talk;
mod taps;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use talk::Talk;

/// The converged IT/OT security operations centre: listens to both, tells one story, and responds without endangering
/// the process.
#[derive(Parser)]
#[command(name = "tieline", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 fine, 1 findings that ask for action, 2 wrong use or configuration, 3 could not do it.
Results go to standard output, talk to standard error.";

#[derive(Subcommand)]
enum Command {
    /// The whole story on the virtual site, shown live
    Demo(demo::Args),
    /// Watch a site: listen, follow folders, detect, show, and respond when two people say so
    Serve(serve::Args),
    /// Listen to interfaces and write Zeek's logs, nothing else
    Sense(sense::Args),
    /// Make a login link for a person; it works once
    Login(serve::LoginArgs),
    /// Say what is missing before it is missed
    Doctor(doctor::Args),
    /// What may be said of conduits that should go one way
    Conduits(conduits::Args),
    /// Write the commented configuration to standard output
    Config,
    /// Read captures, Windows events and mails as one story
    Read(read::Args),
    /// Ask the lake in SQL
    Ask(ask::Args),
    /// The packets behind a row, of a host or of a time, as a capture
    Pcap(pcap::Args),
    /// List, check or test detection rules
    Rules(rules::Args),
    /// List the protocols that are decoded and the logs they write
    Protocols(logs::Args),
    /// Write the sample site: a capture, Windows events, mails, and the truth about them
    Sample(sample::Args),
}

/// How a command ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing to act on.
    Fine,
    /// There is something to act on.
    Findings,
}

/// A failure that is the caller's to mend: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUse(String);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let talk = Talk::new(cli.quiet);
    let done = match &cli.command {
        Command::Demo(args) => demo::run(args, &talk),
        Command::Sense(args) => sense::run(args, &talk),
        Command::Serve(args) => serve::run(args, &talk),
        Command::Login(args) => serve::login(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Conduits(args) => conduits::run(args),
        Command::Config => {
            talk::result(soc::config::EXAMPLE.trim_end()).map(|()| Outcome::Fine).map_err(Into::into)
        }
        Command::Read(args) => read::run(args, &talk),
        Command::Pcap(args) => pcap::run(args, &talk),
        Command::Ask(args) => ask::run(args, &talk),
        Command::Rules(args) => rules::run(args, &talk),
        Command::Protocols(args) => logs::run(args),
        Command::Sample(args) => sample::run(args, &talk),
    };
    match done {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(error) => {
            // A reader that has had enough, such as `head`, is no failure.
            if talk::is_broken_pipe(&error) {
                return ExitCode::SUCCESS;
            }
            talk.error(&error);
            ExitCode::from(if error.is::<WrongUse>() { 2 } else { 3 })
        }
    }
}
