//! Network namespaces of a test, taken away again however it ends.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

/// A namespace with a name that no other test has.
pub(crate) struct Namespace(String);

impl Namespace {
    /// A new one with its loopback up; none, said on the error stream, when this machine does not let us.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests must know what was not tested")]
    pub(crate) fn new(what: &str) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let name = format!("tl{process}-{number}-{what}");
        if let Some(why) = refusal(&["ip", "netns", "add", &name]) {
            eprintln!("SKIPPED, not tested against a real firewall: {why}");
            return None;
        }
        let namespace = Self(name);
        for words in [&["nft", "list", "tables"][..], &["ip", "link", "set", "lo", "up"]] {
            if let Some(why) = refusal(&[&["ip", "netns", "exec", &namespace.0], words].concat()) {
                eprintln!("SKIPPED, not tested against a real firewall: {why}");
                return None;
            }
        }
        Some(namespace)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// A command that will run inside.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    /// Runs `words` inside.
    pub(crate) fn run(&self, words: &str) {
        let mut words = words.split(' ');
        let output = self.command(words.next().unwrap()).args(words).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Whoever is still inside keeps it alive without its name.
        let _ = Command::new("ip").args(["netns", "del", &self.0]).output();
    }
}

/// Why a command does not work; none when it does.
fn refusal(words: &[&str]) -> Option<String> {
    let [program, arguments @ ..] = words else { return None };
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(said(&output)),
        Err(error) => Some(format!("{program}: {error}")),
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
