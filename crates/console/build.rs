//! Says plainly when the web console, which the binary carries, was not built.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=web/dist");
    if !Path::new("web/dist/index.html").exists() {
        println!(
            "cargo::error=the web console is not built: run `make web` first (it needs node 20 and npm)"
        );
    }
}
