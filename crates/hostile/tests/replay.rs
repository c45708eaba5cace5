//! Inputs that the fuzzer found: each reaches something of its own, or once broke a promise.

#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a test, which says which input it was")]

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_the_fuzzer_found_breaks_no_promise() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    for target in hostile::TARGETS {
        let folders = ["corpus", "failed"].map(|folder| fuzz.join(folder).join(target.name));
        let inputs: Vec<_> = folders.iter().flat_map(|folder| files(folder)).collect();
        assert!(!inputs.is_empty(), "{} has inputs", target.name);
        for input in inputs {
            eprintln!("{} {}", target.name, input.display());
            (target.run)(&fs::read(&input).unwrap());
        }
    }
}
