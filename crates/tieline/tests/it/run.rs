//! Runs the binary.

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// What a run of the binary gave.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Standard output as JSON lines.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn tieline(args: &[String]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_tieline")).args(args).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An empty folder of the test's own.
pub(crate) fn folder(name: &str) -> PathBuf {
    empty(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name))
}

/// As [`folder`], where every user can come to; what is built may lie where only its builder can.
pub(crate) fn public_folder(name: &str) -> PathBuf {
    empty(std::env::temp_dir().join("tieline-tests").join(name))
}

fn empty(dir: PathBuf) -> PathBuf {
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
