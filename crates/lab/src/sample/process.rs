//! The plant and its controllers while a story is played without sockets.

use super::truth::Course;
use crate::modbus::Pdu;
use crate::plc::{Plc, program};
use crate::script::{Host, Script};
use model::Time;
use plant::Station;
use plant::antisurge::SCAN_MS;
use std::collections::VecDeque;

/// A controller's program is started or stopped.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    pub(crate) at: Time,
    /// Name of the controller.
    pub(crate) controller: Box<str>,
    /// Whether the program runs from now on.
    pub(crate) runs: bool,
}

/// The plant, its controllers, and what has become of them by now.
pub(crate) struct Process {
    station: Station,
    plcs: Vec<Plc>,
    start: Time,
    /// Time of the last scan.
    done: Time,
    /// What [`program::scan`] keeps from scan to scan.
    reset: bool,
    /// In order of time.
    switches: VecDeque<Switch>,
    course: Course,
}

impl Process {
    /// The site of `script` at its start, after the first scan; `switches` come in any order.
    pub(crate) fn new(script: &Script, seed: u64, mut switches: Vec<Switch>) -> Self {
        switches.sort_by_key(|switch| switch.at);
        let mut process = Self {
            station: Station::new(seed),
            plcs: script.hosts.iter().filter_map(Plc::new).collect(),
            start: script.start,
            done: script.start,
            reset: false,
            switches: switches.into(),
            course: Course::default(),
        };
        process.scan();
        process
    }

    /// Runs on to the last scan that is not after `at`.
    pub(crate) fn run_until(&mut self, at: Time) {
        while self.done + program::SCAN <= at {
            self.done = self.done + program::SCAN;
            self.station.advance(SCAN_MS);
            self.course.see(self.done, &self.station.exact());
            self.scan();
        }
    }

    /// Answer of the controller `to` to a request to `unit` in `conversation`; `None` when it is none.
    pub(crate) fn answer(&self, to: &Host, conversation: u64, unit: u8, pdu: &[u8]) -> Option<Pdu> {
        let plc = self.plcs.iter().find(|plc| plc.host.name == to.name)?;
        Some(plc.answer(conversation, unit, pdu))
    }

    /// What has become of the plant by now.
    pub(crate) fn course(&self) -> Course {
        self.course
    }

    fn scan(&mut self) {
        while let Some(switch) = self.switches.pop_front_if(|switch| switch.at <= self.done) {
            let plcs = self.plcs.iter().filter(|plc| plc.host.name == switch.controller);
            plcs.for_each(|plc| plc.switch(switch.runs));
        }
        let (measured, life) = (self.station.measured(), self.done - self.start);
        for plc in &self.plcs {
            program::scan(plc, &mut self.station, &measured, life, &mut self.reset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{MAIL_TO_CONTROLLER_STOP, SEED, generate};
    use model::Span;
    use plant::Trip;

    /// What becomes of the plant in the project's own sample, with `old` replaced by `new` in its script.
    fn course(old: &str, new: &str) -> Course {
        assert!(MAIL_TO_CONTROLLER_STOP.contains(old));
        generate(&Script::read(&MAIL_TO_CONTROLLER_STOP.replace(old, new)).unwrap(), SEED).truth.course
    }

    fn calm(course: &Course) -> bool {
        (course.surge_line_crossed, course.surge_cycles, course.tripped) == (None, 0, None)
    }

    #[test]
    fn the_danger_waits_for_less_demand_and_then_trips_the_machine() {
        let script = Script::read(MAIL_TO_CONTROLLER_STOP).unwrap();
        let sample = generate(&script, SEED);
        let (what, less) = (sample.truth.course, sample.truth.deed("less_demand").unwrap().at);
        let (tripped, why) = what.tripped.unwrap();
        let order = [what.margin_left_below_2_percent, what.surge_line_crossed, what.surged, Some(tripped)];
        let times: Vec<Time> = [less].into_iter().chain(order.map(Option::unwrap)).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert!(tripped < less + Span::s(20), "{tripped}");
        assert_eq!(why, Trip::SurgeCycles);
    }

    #[test]
    fn a_stopped_controller_alone_does_no_harm() {
        assert!(calm(&course("register=209 values=150", "register=209 values=690")));
    }

    #[test]
    fn less_demand_alone_does_no_harm() {
        // Without a reservation the controller rejects every STOP.
        assert!(calm(&course("reserve,wait:600ms,stop", "wait:600ms,stop")));
    }

    #[test]
    fn a_controller_that_was_started_again_protects() {
        assert!(calm(&course("wait:12s,stop,wait:2s,release", "wait:12s,start,wait:2s,release")));
    }

    #[test]
    fn a_margin_written_behind_the_surge_line_needs_no_stop() {
        let unprotected = MAIL_TO_CONTROLLER_STOP
            .replace("reserve,wait:600ms,stop", "wait:600ms,stop")
            .replace("register=106 values=32", "register=106 values=65436");
        let course = generate(&Script::read(&unprotected).unwrap(), SEED).truth.course;
        assert!(course.surge_cycles > 0, "{course:?}");
    }
}
