//! Who speaks UMAS on the site: what the script has people and attackers do, and the operator who starts a
//! stopped anti-surge controller again.

use super::client;
use super::site::{MODBUS, Site};
use crate::modbus::Pdu;
use crate::random::Random;
use crate::sample::stage::Stage;
use crate::script::{Act, Host, RegisterMap, Script};
use crate::umas::{self, Call};
use crate::windows::security::Session;
use crate::windows::sysmon::{self, Process};
use model::{Span, Time};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A step of the script, ready to be done.
pub(crate) struct Visit {
    at: Time,
    name: Box<str>,
    from: Arc<Host>,
    to: Arc<Host>,
    calls: Vec<(Call, Span)>,
    /// Session and program that do it, where the host is watched.
    by: Option<(Session, Process)>,
    when_running: bool,
}

/// How often a visit is begun, when it is cut.
const VISITS: u32 = 3;
/// Before a visit that was cut is begun again.
const PAUSE: Span = Span::s(5);
/// How often the operator tries to start the controller.
const RESTARTS: u32 = 20;
/// From the call to the control room to the hand on the engineering station.
const WALK: Span = Span::s(4);
/// How often the operator looks whether somebody has called.
const LISTEN: Duration = Duration::from_millis(20);
/// Between what the operator does with the engineering station.
const THOUGHT: Span = Span(600_000_000);

/// The engineering conversations of a script; `stage` has played everything else and knows the programs.
pub(crate) fn visits(script: &Script, stage: &mut Stage<'_>) -> Vec<Visit> {
    let visit = |step: &crate::script::Step| {
        let Act::Umas { from, to, calls, by, when_running } = &step.act else { return None };
        let by = by.as_ref().map(|(place, program)| {
            let session = stage.session(place);
            (session, stage.program(&place.host, program))
        });
        let (from, to, calls) = (from.clone(), to.clone(), calls.clone());
        let (at, name) = (script.start + step.at, step.name.clone());
        Some(Visit { at, name, from, to, calls, by, when_running: *when_running })
    };
    script.steps.iter().filter_map(visit).collect()
}

impl Visit {
    /// Waits for its time and does it; begins again when it is cut, and gives up after [`VISITS`] times.
    pub(crate) fn run(&self, site: &Site) {
        if !site.clock.wait_until(self.at) {
            return;
        }
        let mut chance = Random::new(site.seed, &format!("live umas {}", self.name));
        for _ in 0..VISITS {
            if self.once(site, &mut chance).is_ok() || !site.clock.wait(PAUSE) {
                return;
            }
        }
    }

    fn once(&self, site: &Site, chance: &mut Random) -> io::Result<()> {
        let called = site.clock.now();
        let mut desk = Desk::open(site, &self.from, &self.to)?;
        for (number, (call, pause)) in self.calls.iter().enumerate() {
            let human = Span(chance.between(2_000_000, 9_000_000));
            if !site.clock.wait(Span(pause.0.saturating_add(human.0))) {
                return Ok(());
            }
            let answer = desk.call(*call)?;
            if number == 0 {
                self.logged(site, called, desk.line.port, chance);
            }
            if self.when_running && umas::running(&answer) == Some(false) {
                break;
            }
        }
        site.clock.wait(Span(chance.between(400, 900) * 1_000_000));
        Ok(())
    }

    /// What the caller's own computer logs about the conversation, once it stands.
    fn logged(&self, site: &Site, called: Time, port: u16, chance: &mut Random) {
        let Some((session, program)) = &self.by else { return };
        let (from, to) = (&self.from, &self.to);
        let (source, target) = ((from.ip, port, &*from.fqdn), (to.ip, MODBUS, &*to.fqdn));
        let ends = sysmon::Ends { transport: "tcp", source, target };
        let event = sysmon::connection(called + Span(12_000_000), session, program, &ends, chance);
        site.tap.event(&from.name, event);
    }
}

/// An engineering conversation.
struct Desk {
    line: client::Call,
    name: Box<str>,
    /// Pairing key of the reservation; 0 without one.
    key: u8,
}

impl Desk {
    fn open(site: &Site, from: &Host, to: &Host) -> io::Result<Self> {
        Ok(Self { line: client::Call::dial(site, from, to, 0)?, name: from.name.clone(), key: 0 })
    }

    fn call(&mut self, call: Call) -> io::Result<Pdu> {
        let answer = self.line.ask(&umas::request(call, self.key, &self.name))?;
        match (call, answer.get(3)) {
            (Call::TakeReservation, Some(key)) if umas::accepted(&answer) => self.key = *key,
            (Call::ReleaseReservation, _) => self.key = 0,
            _ => {}
        }
        Ok(answer)
    }
}

/// The operator: whenever the control room is told, starts the anti-surge controller from the engineering
/// station, if it is stopped. Somebody else may hold it for a while; then the operator tries again.
pub(crate) fn operator(site: &Site) {
    let is_desk = |host: &&Arc<Host>| &*host.role == "engineering_station";
    let Some(desk) = site.script.hosts.iter().find(is_desk) else { return };
    let Some(plc) = site.plcs.iter().find(|plc| plc.map == RegisterMap::AntiSurge) else { return };
    let mut heard = 0;
    while site.clock.rest(LISTEN) {
        let told = site.told.load(Ordering::Relaxed);
        if told == heard {
            continue;
        }
        heard = told;
        let mut pause = WALK;
        for _ in 0..RESTARTS {
            if !site.clock.wait(pause) || restart(site, desk, &plc.host).unwrap_or(false) {
                break;
            }
            pause = PAUSE;
        }
    }
}

/// Starts the controller if it is stopped; true when it runs in the end.
fn restart(site: &Site, desk: &Host, plc: &Host) -> io::Result<bool> {
    let mut desk = Desk::open(site, desk, plc)?;
    let mut call = |call| {
        site.clock.wait(THOUGHT);
        desk.call(call)
    };
    call(Call::InitComm)?;
    call(Call::ReadId)?;
    if umas::running(&call(Call::ReadPlcInfo)?) == Some(true) {
        return Ok(true);
    }
    call(Call::TakeReservation)?;
    call(Call::Start)?;
    let runs = umas::running(&call(Call::ReadPlcInfo)?) == Some(true);
    call(Call::ReleaseReservation)?;
    Ok(runs)
}
