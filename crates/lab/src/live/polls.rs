use super::client::Call;
use super::site::Site;
use crate::random::Random;
use crate::sample::polls::{Ask, within};
use crate::script::Poll;
use model::{Span, Time};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// Shortest time between two reads, when the story runs fast.
const READ_EVERY: Duration = Duration::from_millis(5);
/// Before a client calls again whose conversation was cut.
const RECALL: (Span, Duration) = (Span(2_000_000_000), Duration::from_millis(50));

/// Reads what `poll` reads until everything stops, and writes and asks in the same conversation what the
/// script has for it. What could not be done because the conversation was cut is done in the next.
pub(crate) fn run(site: &Site, poll: &Poll) {
    let mut chance = Random::new(site.seed, &format!("live poll {} {}", poll.from.name, poll.to.name));
    let mut asks = asks(site, poll);
    let first = site.script.start + Span(chance.between(300, 1900) * 1_000_000);
    if !site.clock.wait_until(first) {
        return;
    }
    let unit = poll.to.controller.as_ref().map_or(0, |controller| controller.unit);
    loop {
        let call = Call::dial(site, &poll.from, &poll.to, unit);
        // A conversation that was cut is opened again, whatever the reason.
        let _ = call.and_then(|mut call| talk(site, poll, &mut call, &mut asks, &mut chance));
        if !site.clock.wait(site.clock.at_least(RECALL.0, RECALL.1)) {
            return;
        }
    }
}

/// What the script has for the conversation, in order of time.
fn asks<'a>(site: &'a Site, poll: &Poll) -> VecDeque<(Time, Ask<'a>)> {
    let steps = site.script.steps.iter();
    steps.filter_map(|step| Some((site.script.start + step.at, within(poll, step)?))).collect()
}

/// One conversation; ends well when everything stops.
fn talk(
    site: &Site,
    poll: &Poll,
    call: &mut Call,
    asks: &mut VecDeque<(Time, Ask<'_>)>,
    chance: &mut Random,
) -> io::Result<()> {
    let every = site.clock.at_least(poll.every, READ_EVERY);
    let mut next = site.clock.now() + Span(20_000_000);
    loop {
        let scripted = asks.front().copied().filter(|(at, _)| *at <= next);
        let jitter = Span(chance.between(0, 3_000_000));
        let at = scripted.map_or(next + jitter, |(at, _)| at);
        if !site.clock.wait_until(at) {
            return Ok(());
        }
        let read = Ask::Read { register: poll.register, count: poll.count };
        call.ask(&scripted.map_or(read, |(_, ask)| ask).request())?;
        if scripted.is_some() {
            asks.pop_front();
        } else {
            // Who is late does not hurry after.
            next = (next + every).max(site.clock.now());
        }
    }
}
