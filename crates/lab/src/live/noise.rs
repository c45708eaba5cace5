use super::clock::Clock;
use super::tap::Tap;
use crate::random::Random;
use crate::sample::stage::{Stage, idle};
use crate::script::{Host, Script};
use crate::windows::Log;
use model::{Span, Time};
use std::sync::Arc;

/// What the watched computers log when nothing happens, for as long as the site runs.
pub(crate) struct Noise {
    script: Arc<Script>,
    logs: Vec<(Arc<Host>, Log, Random)>,
    /// Until when it has been made.
    until: Time,
}

/// How far ahead it is made; a chore may last 20 s.
const AHEAD: Span = Span::s(60);
const PIECE: Span = Span::s(300);

impl Noise {
    /// The noise of all logs of `stage`.
    pub(crate) fn new(script: &Arc<Script>, stage: &Stage<'_>) -> Self {
        let one = |(host, log): &(Arc<Host>, Log)| {
            let label = format!("live background {} {}", host.name, log.channel.word());
            let empty = Log { events: vec![], computer: log.computer.clone(), ..*log };
            (host.clone(), empty, Random::new(stage.seed, &label))
        };
        let logs = stage.logs.iter().map(one).collect();
        Self { script: script.clone(), logs, until: script.start }
    }

    /// Makes the next piece when it is time.
    pub(crate) fn go_on(&mut self, clock: &Clock, tap: &Tap) {
        while self.until < clock.now() + AHEAD {
            for (host, log, random) in &mut self.logs {
                idle(&self.script, host, log, (self.until, PIECE), random);
                log.events.drain(..).for_each(|event| tap.event(&host.name, event));
            }
            self.until = self.until + PIECE;
        }
    }
}
