//! The plant behind the controllers while the site runs.

use super::site::Site;
use crate::held;
use crate::plc::{Plc, program};
use model::Span;
use plant::{Measured, Station};
use std::sync::Mutex;
use std::time::Duration;

/// Shortest time between two looks at the plant, when the story runs fast.
const LOOK: Duration = Duration::from_millis(5);

/// What the plant showed last.
pub(crate) struct Process {
    measured: Mutex<Measured>,
}

impl Process {
    /// A process of which the controllers have made their first scan.
    pub(crate) fn new<'a>(station: &mut Station, plcs: impl Iterator<Item = &'a Plc>) -> Self {
        let measured = station.measured();
        plcs.for_each(|plc| program::scan(plc, station, &measured, Span(0), &mut false));
        Self { measured: Mutex::new(measured) }
    }

    /// What the instruments showed at the last scan.
    pub(crate) fn measured(&self) -> Measured {
        *held(&self.measured)
    }

    /// Runs `station` and scans the controllers until everything stops.
    pub(crate) fn run(&self, site: &Site, mut station: Station) {
        let start = site.script.start;
        let (mut done, mut reset) = (start, false);
        while site.clock.wait(site.clock.at_least(program::SCAN, LOOK)) {
            let ms = whole_ms(site.clock.now() - done);
            station.advance(ms);
            done = done + Span(i64::from(ms) * 1_000_000);
            let measured = station.measured();
            for plc in &site.plcs {
                program::scan(plc, &mut station, &measured, done - start, &mut reset);
            }
            *held(&self.measured) = measured;
        }
    }
}

/// Whole milliseconds of a span that has passed.
fn whole_ms(passed: Span) -> u32 {
    u32::try_from(passed.0 / 1_000_000).unwrap_or_default()
}
