//! Runs a program with a text and a time limit.

use crate::FirewallError;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// How long a program may take; then it is ended and nothing is known.
const SECONDS_MAX: u32 = 5;

/// How long between two looks whether it has ended, in milliseconds.
const LOOK_MS: u32 = 2;

/// What a program may say, in bytes; the rest is not read. A full table of Tieline's is about 400 kB.
const SAID_MAX: u64 = 16 << 20;

/// Runs `command` with `arguments`, gives it `input`, and returns what it said.
pub(super) fn run(command: &[&str], arguments: &[&str], input: &str) -> Result<String, FirewallError> {
    run_within(SECONDS_MAX, command, arguments, input)
}

fn run_within(
    seconds: u32,
    command: &[&str],
    arguments: &[&str],
    input: &str,
) -> Result<String, FirewallError> {
    let program = command.join(" ");
    let start = |source| FirewallError::Start { program: program.clone(), source };
    let mut words = command.iter().chain(arguments);
    let first = words.next().ok_or_else(|| start(io::ErrorKind::InvalidInput.into()))?;
    let mut child = Command::new(first)
        .args(words)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    let (status, said, complaint) = converse(&mut child, input, seconds);
    match status.map_err(start)? {
        None => Err(FirewallError::Silent { program, seconds }),
        Some(status) if status.success() => Ok(said),
        Some(status) => {
            let said = if complaint.trim().is_empty() { status.to_string() } else { complaint };
            Err(FirewallError::Said { program, said: said.trim().to_owned() })
        }
    }
}

/// Talks on all three pipes at once, since a full one would stop the program.
fn converse(
    child: &mut Child,
    input: &str,
    seconds: u32,
) -> (io::Result<Option<ExitStatus>>, String, String) {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // A program that ends without reading says why itself.
            stdin.map(|mut pipe| pipe.write_all(input.as_bytes()))
        });
        let said = scope.spawn(move || read(stdout));
        let complaint = scope.spawn(move || read(stderr));
        let status = wait(child, seconds);
        (status, said.join().unwrap_or_default(), complaint.join().unwrap_or_default())
    })
}

fn read(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before a pipe broke still explains.
        let _ = pipe.take(SAID_MAX).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wait(child: &mut Child, seconds: u32) -> io::Result<Option<ExitStatus>> {
    for _ in 0..seconds * 1000 / LOOK_MS {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(LOOK_MS.into()));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn what_a_program_says_comes_back_and_what_it_complains_is_the_error() {
        assert_eq!(run(&["cat"], &[], "a rule").unwrap(), "a rule");
        let error = run(&["sh", "-c"], &["echo no such table >&2; exit 1"], "").unwrap_err();
        expect!["sh -c says: no such table"].assert_eq(&error.to_string());
        let error = run(&["sh", "-c"], &["exit 3"], &"long\n".repeat(100_000)).unwrap_err();
        expect!["sh -c says: exit status: 3"].assert_eq(&error.to_string());
    }

    #[test]
    fn a_program_that_says_much_is_heard() {
        let long = "0123456789\n".repeat(100_000);
        assert_eq!(run(&["cat"], &[], &long).unwrap(), long);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&["/nowhere/nft"], &["-f", "-"], "").unwrap_err();
        expect!["cannot start /nowhere/nft"].assert_eq(&error.to_string());
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let error = run_within(1, &["sleep"], &["60"], "").unwrap_err();
        expect!["sleep does not answer within 1 s"].assert_eq(&error.to_string());
    }
}
