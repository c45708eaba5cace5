//! The virtual site on real sockets: controllers that any Modbus client can talk to, clients that talk to
//! them, the plant behind them, and a tap that sees it all as the site's own network.
//!
//! An address of the plant is served on loopback: 10.1.10.5 is 127.1.10.5, for Linux lets anybody bind all of
//! 127.0.0.0/8. What goes through the sockets becomes frames with the site's own addresses, ports and
//! hardware addresses. What has no socket (mails, name service, remote desktops, Windows events) is played
//! from the script. Everybody whose address is no host's (127.0.0.1, for instance) is a notebook at
//! 10.2.0.99.

mod client;
mod clock;
mod engineering;
mod firewall;
mod noise;
mod polls;
mod process;
mod server;
mod site;
mod tap;

pub use firewall::{Firewall, Flow};

use crate::plc::Plc;
use crate::sample::stage::Stage;
use crate::script::{Act, Script};
use clock::Clock;
use model::Time;
use noise::Noise;
use process::Process;
use site::Site;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use tap::Tap;

/// The script of the project's own demonstration: the sample's story in less than three minutes.
pub const DEMO: &str = include_str!("../scripts/demo.script");

/// How the site runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// What the script leaves open follows from this number, except for what depends on when a thread runs.
    pub seed: u64,
    /// Seconds of the story in a second, 0.01 to 1000; sockets and threads keep up with about 40.
    pub speed: f64,
    /// When the story starts; stands in the place of the script's own time.
    pub start: Time,
}

/// Who takes what the site leaves behind. Everything comes from one thread, in order of time.
pub trait Sink: Send + Sync {
    /// A frame on the tap.
    fn frame(&self, at: Time, bytes: &[u8]);
    /// One more event of a Windows log, to be appended to its file: an `<Event>` or a JSON object, and the
    /// end of the line.
    fn event(&self, file: &str, text: &[u8]);
    /// A mail has been delivered: a whole new file.
    fn mail(&self, file: &str, bytes: &[u8]);
}

/// Why the site does not run.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A speed that no clock has.
    #[error("the story cannot run {0} times as fast as the clock, only 0.01 to 1000 times")]
    Speed(f64),
    /// A controller has nowhere to listen.
    #[error("cannot listen for {name} on {address}")]
    Listen {
        /// The controller.
        name: Box<str>,
        /// Loopback address that stands for its own.
        address: Ipv4Addr,
        /// Why.
        source: std::io::Error,
    },
    /// The system gives no more threads.
    #[error("cannot start a thread for {what}")]
    Thread {
        /// What it was for.
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A running site. It stops when it is dropped.
pub struct Live {
    site: Arc<Site>,
    process: Arc<Process>,
    /// Everything that speaks.
    speakers: Vec<JoinHandle<()>>,
    tap: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts the site of `script`; what it leaves behind goes to `sink`.
    ///
    /// # Errors
    /// When the speed is none, or the system has no socket or thread; then nothing is left running.
    pub fn start(script: &Script, options: Options, sink: Arc<dyn Sink>) -> Result<Self, LiveError> {
        if !(0.01..=1000.0).contains(&options.speed) {
            return Err(LiveError::Speed(options.speed));
        }
        let script = Arc::new(Script { start: options.start, ..script.clone() });
        let listeners = listen(&script)?;
        let mut station = plant::Station::new(options.seed);
        let plcs = listeners.iter().map(|one| &*one.plc);
        let process = Arc::new(Process::new(&mut station, plcs));
        let mut stage = Stage::new(&script, options.seed);
        script.steps.iter().filter(|step| !on_sockets(&step.act)).for_each(|step| stage.act(step));
        let visits = engineering::visits(&script, &mut stage);
        let noise = Noise::new(&script, &stage);
        // The story begins when everything is ready.
        let clock = Arc::new(Clock::new(options.start, options.speed));
        let tap = Tap::new(clock.clone(), sink, stage);
        let site = Arc::new(site(script, options.seed, clock, tap, &listeners));
        let mut live = Self { site, process, speakers: vec![], tap: None };
        live.tap = Some(live.tap(noise)?);
        live.controllers(listeners, station)?;
        live.people(visits)?;
        Ok(live)
    }

    /// The moment of the story.
    pub fn now(&self) -> Time {
        self.site.clock.now()
    }

    /// Where the controllers are reached: name, plant address, socket on loopback.
    pub fn addresses(&self) -> Vec<(Box<str>, Ipv4Addr, SocketAddr)> {
        self.site.addresses()
    }

    /// What the plant's instruments showed at the last scan.
    pub fn measured(&self) -> plant::Measured {
        self.process.measured()
    }

    /// Whether the script has ended. The site runs on all the same: only nobody does anything new.
    pub fn story_over(&self) -> bool {
        let script = &self.site.script;
        self.now() > script.start + script.length
    }

    /// Frames that were lost because the sink did not keep up.
    pub fn lost(&self) -> u64 {
        self.site.tap.lost()
    }

    /// The firewall between the site's networks.
    pub fn firewall(&self) -> Arc<Firewall> {
        self.site.firewall.clone()
    }

    /// Tells the control room that the attacker is being kept out. An operator then starts the anti-surge
    /// controller again, if it is stopped.
    pub fn told(&self) {
        self.site.told.fetch_add(1, Ordering::Relaxed);
    }

    /// Stops everything and waits for its end; then nothing listens and nothing is handed on any more.
    pub fn stop(self) {
        drop(self);
    }

    fn tap(&self, mut noise: Noise) -> Result<JoinHandle<()>, LiveError> {
        noise.go_on(&self.site.clock, &self.site.tap);
        self.thread("the tap".into(), move |site| {
            site.tap.hand_on(|tap| noise.go_on(&site.clock, tap));
        })
    }

    /// The plant, and the controllers that take calls.
    fn controllers(&mut self, listeners: Vec<Listener>, station: plant::Station) -> Result<(), LiveError> {
        let process = self.process.clone();
        let plant = self.thread("the plant".into(), move |site| process.run(site, station))?;
        self.speakers.push(plant);
        for Listener { plc, listener, .. } in listeners {
            let what = plc.host.name.to_string();
            let server = self.thread(what, move |site| server::serve(site, &plc, &listener))?;
            self.speakers.push(server);
        }
        Ok(())
    }

    /// Everybody who calls.
    fn people(&mut self, visits: Vec<engineering::Visit>) -> Result<(), LiveError> {
        for number in 0..self.site.script.polls.len() {
            let poll = self.thread(format!("poll {number}"), move |site| {
                site.script.polls.get(number).into_iter().for_each(|poll| polls::run(site, poll));
            })?;
            self.speakers.push(poll);
        }
        for (number, visit) in visits.into_iter().enumerate() {
            let visit = self.thread(format!("visit {number}"), move |site| visit.run(site))?;
            self.speakers.push(visit);
        }
        let operator = self.thread("the operator".into(), |site| engineering::operator(site))?;
        self.speakers.push(operator);
        Ok(())
    }

    fn thread(
        &self,
        what: String,
        work: impl FnOnce(&Arc<Site>) + Send + 'static,
    ) -> Result<JoinHandle<()>, LiveError> {
        let site = self.site.clone();
        let spawned = thread::Builder::new().name(what.clone()).spawn(move || work(&site));
        spawned.map_err(|source| LiveError::Thread { what, source })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.site.clock.stop();
        for thread in self.speakers.drain(..).chain(self.tap.take()) {
            // What a panic had to say it has said.
            let _ = thread.join();
        }
        self.site.tap.finish();
    }
}

fn site(script: Arc<Script>, seed: u64, clock: Arc<Clock>, tap: Tap, listeners: &[Listener]) -> Site {
    Site {
        seed,
        tap,
        firewall: Arc::new(Firewall::new(clock.clone())),
        sockets: listeners.iter().map(|one| (one.plc.host.ip, one.socket)).collect(),
        plcs: listeners.iter().map(|one| one.plc.clone()).collect(),
        notebook: Arc::new(site::notebook(&script)),
        ports: Mutex::default(),
        told: AtomicU32::new(0),
        script,
        clock,
    }
}

/// A controller and where it takes calls.
struct Listener {
    plc: Arc<Plc>,
    listener: TcpListener,
    socket: SocketAddrV4,
}

fn listen(script: &Script) -> Result<Vec<Listener>, LiveError> {
    let plcs = script.hosts.iter().filter_map(Plc::new);
    let one = |plc: Plc| {
        let address = site::loopback(plc.host.ip);
        let failed = |source| LiveError::Listen { name: plc.host.name.clone(), address, source };
        let listener = server::listen(address).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Listener { socket: SocketAddrV4::new(address, port), plc: Arc::new(plc), listener })
    };
    plcs.map(one).collect()
}

/// What is not played from the script but done through a socket.
fn on_sockets(act: &Act) -> bool {
    matches!(act, Act::Umas { .. } | Act::Write { .. } | Act::Identify { .. })
}
