//! The virtual site on real sockets, run many times as fast as the clock.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod kept;
mod peers;
mod sockets;
mod stories;

use kept::Kept;
use lab::live::{Live, Options};
use lab::script::Script;
use model::Time;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

/// 2026-03-12 06:40 UTC.
const START: Time = Time(1_773_297_600_000_000_000);

/// Starts the site of `script`, `speed` times as fast as the clock.
fn start(script: &str, speed: f64) -> (Live, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let options = Options { seed: 1, speed, start: START };
    (Live::start(&Script::read(script).unwrap(), options, kept.clone()).unwrap(), kept)
}

/// Waits until `what` comes true; two minutes are far beyond what anything here takes.
fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("{what}: that does not come true");
}
