//! Networks of a test's own.

use std::process::Command;

/// Runs a shell command that has to succeed; what it printed.
pub(crate) fn sh(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Whether namespaces and these programs can be had.
pub(crate) fn can(programs: &[&str]) -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let there = |program: &&str| {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        found.is_ok_and(|found| found.status.success())
    };
    let all = root && programs.iter().all(there);
    if !all {
        eprintln!("skipped: needs root and {}", programs.join(", "));
    }
    all
}

/// A network namespace; gone when it is dropped.
pub(crate) struct Namespace(pub(crate) String);

impl Namespace {
    pub(crate) fn new(what: &str) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("tl-{what}-{}-{number}", std::process::id());
        sh(&format!("ip netns add {name}"));
        Self(name)
    }

    /// Runs a command inside, which has to succeed.
    pub(crate) fn run(&self, command: &str) {
        sh(&format!("ip netns exec {} {command}", self.0));
    }

    /// What a command inside prints, whether it succeeds or not.
    pub(crate) fn output(&self, command: &str) -> String {
        let words = ["netns", "exec", &self.0].into_iter().chain(command.split(' '));
        let output = Command::new("ip").args(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).output();
    }
}
