//! `tieline demo`: the whole story on the virtual site, shown live.

mod firewall;
mod people;
mod setting;
mod telling;

use crate::serve::{console, stop_signal};
use crate::soc::config::Config;
use crate::soc::login::{self, Logins};
use crate::soc::{Clock, Frames, Inlet, Input, Soc, Start};
use crate::talk::Talk;
use crate::{Outcome, WrongUse};
use anyhow::Context;
use firewall::SiteFirewall;
use lab::live::{DEMO, Live, LiveError, Options, Sink};
use lab::script::Script;
use model::Time;
use people::People;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use telling::Telling;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Story seconds in a second
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// What the story leaves to chance follows from this number
    #[arg(long, default_value_t = lab::sample::SEED)]
    seed: u64,
    /// Keep capture, events, mails and everything else in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// No console; ends with the story
    #[arg(long)]
    headless: bool,
    /// One JSON object per line about what happens
    #[arg(long)]
    json: bool,
    /// Who approves: people in the console, the script in their stead, or nobody
    #[arg(long, value_enum)]
    approvals: Option<Approvals>,
    /// Port of the console; by default 8460, or another one when that is taken
    #[arg(long)]
    port: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Approvals {
    /// People, in the console
    People,
    /// The script, for both sides; the ledger says so
    Script,
    /// Nobody: see what happens
    Nobody,
}

/// Port of the console where it is free.
const PORT: u16 = 8460;
/// Time between two looks into the folders of events and mails.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Frames handed over at once, and how long they are gathered.
const BATCH: usize = 256;
const GATHER: Duration = Duration::from_millis(20);

pub(crate) fn run(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    let script = Script::read(DEMO).context("cannot play the demonstration")?;
    let approvals =
        args.approvals.unwrap_or(if args.headless { Approvals::Script } else { Approvals::People });
    if args.headless && approvals == Approvals::People {
        return Err(WrongUse("without a console there are no people to approve".to_owned()).into());
    }
    let place = Place::new(args.keep.as_deref())?;
    let listener = listener(args.port)?;
    let config = setting::config(&script, &place.data, listener.local_addr()?);
    let begin = crate::soc::MachineClock.now();
    let live: Arc<OnceLock<Live>> = Arc::default();
    let people = People::new(approvals, &config);
    let soc = Soc::start(Start {
        clock: Arc::new(SiteClock { live: Arc::clone(&live), begin }),
        firewall: Box::new(SiteFirewall::new(Arc::clone(&live))),
        interfaces: vec!["tap".to_owned()],
        look_every: LOOK_EVERY,
        training: true,
        config: config.clone(),
    })?;
    let control_room = Arc::clone(&live);
    soc.desk.when_in_force(move || control_room.get().into_iter().for_each(Live::told));
    let number = soc.interfaces.first().copied().unwrap_or_default();
    let tap = Arc::new(Tap::new(soc.inlet.clone(), number, &place.evidence));
    let stop = stop_signal()?;
    let options = Options { seed: args.seed, speed: args.speed, start: begin };
    let started = Live::start(&script, options, Arc::clone(&tap) as Arc<dyn Sink>).map_err(|error| {
        if matches!(error, LiveError::Speed(_)) {
            WrongUse(error.to_string()).into()
        } else {
            anyhow::Error::from(error)
        }
    })?;
    let site = live.get_or_init(|| started);
    let telling = Telling::new(args.json, talk);
    telling.addresses(site)?;
    let pump = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let told = follow(&soc, site, &tap, &people, &telling, (args.headless, &stop));
            if args.headless || told.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            told
        });
        let served = if args.headless {
            Ok(())
        } else {
            invite(&config, &telling)?;
            console(listener, Arc::clone(&soc.desk), &stop)
        };
        let told = watch.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the demonstration gave up")));
        served.and(told)
    });
    // Nothing more is to come from the site; then what came is taken to its end.
    if let Some(live) = Arc::into_inner(live).and_then(OnceLock::into_inner) {
        live.stop();
    }
    tap.flush();
    let incidents = soc.desk.incidents();
    soc.stop();
    pump?;
    if let Some(dir) = &args.keep {
        talk.say(format!(
            "kept in {}; read it with: tieline read {}",
            dir.display(),
            place.evidence.display()
        ));
    }
    Ok(if incidents > 0 { Outcome::Findings } else { Outcome::Fine })
}

/// Tells what happens until the story is over, or until somebody has seen enough.
fn follow(
    soc: &Soc,
    site: &Live,
    tap: &Tap,
    people: &People,
    telling: &Telling<'_>,
    (headless, stop): (bool, &AtomicBool),
) -> anyhow::Result<()> {
    let mut over: Option<Instant> = None;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(GATHER);
        tap.flush();
        people.act(&soc.desk);
        telling.look(&soc.desk, site)?;
        if over.is_none() && site.story_over() {
            over = Some(Instant::now());
            if !headless {
                telling.end(&soc.desk, site)?;
            }
        }
        // What is on its way still comes.
        if headless && over.is_some_and(|over| over.elapsed() > Duration::from_secs(2)) {
            telling.end(&soc.desk, site)?;
            return Ok(());
        }
    }
    Ok(())
}

fn listener(port: Option<u16>) -> anyhow::Result<TcpListener> {
    let bind = |port| TcpListener::bind(("127.0.0.1", port));
    match port {
        Some(port) => bind(port).with_context(|| format!("cannot listen on 127.0.0.1:{port}")),
        None => bind(PORT).or_else(|_| bind(0)).context("cannot listen on 127.0.0.1"),
    }
}

fn invite(config: &Config, telling: &Telling<'_>) -> anyhow::Result<()> {
    let logins = Logins::new(&config.data)?;
    let mut links = vec![];
    for user in &config.user {
        links.push((user, login::link(config, &logins.make(&user.name)?)));
    }
    telling.links(config, &links)?;
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if let (true, false, Some((_, link))) = (screen, telling.json, links.first()) {
        // Without a browser there is the link on the terminal.
        let _ = std::process::Command::new("xdg-open").arg(link).stderr(std::process::Stdio::null()).spawn();
    }
    Ok(())
}

/// Where a demonstration leaves its files; a folder of its own goes with it.
struct Place {
    evidence: PathBuf,
    data: PathBuf,
    own: Option<PathBuf>,
}

impl Place {
    fn new(keep: Option<&Path>) -> anyhow::Result<Self> {
        let own =
            keep.is_none().then(|| std::env::temp_dir().join(format!("tieline-demo-{}", std::process::id())));
        let dir = keep.map(Path::to_owned).or_else(|| own.clone()).unwrap_or_default();
        if fs::read_dir(&dir).is_ok_and(|mut inside| inside.next().is_some()) {
            return Err(WrongUse(format!("{} is not empty", dir.display())).into());
        }
        let place = Self { evidence: dir.join("evidence"), data: dir.join("data"), own };
        for part in ["packets", "events", "mail"] {
            let part = place.evidence.join(part);
            fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            // What cannot be removed lies in the folder for temporary files.
            let _ = fs::remove_dir_all(own);
        }
    }
}

/// The clock of the virtual site.
struct SiteClock {
    live: Arc<OnceLock<Live>>,
    begin: Time,
}

impl Clock for SiteClock {
    fn now(&self) -> Time {
        self.live.get().map_or(self.begin, Live::now)
    }
}

/// Takes what the site leaves behind: frames go to the sensor as from an interface, events and mails into the folders
/// that are followed.
struct Tap {
    inlet: Inlet,
    number: u32,
    frames: Mutex<Frames>,
    evidence: PathBuf,
    logs: Mutex<std::collections::BTreeMap<String, File>>,
}

impl Tap {
    fn new(inlet: Inlet, number: u32, evidence: &Path) -> Self {
        let evidence = evidence.to_owned();
        Self { inlet, number, frames: Mutex::default(), evidence, logs: Mutex::default() }
    }

    fn flush(&self) {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if !frames.is_empty() {
            let frames = std::mem::take(&mut *frames);
            // The intake ends only when the demonstration does.
            let _ = self.inlet.put(Input::Frames { source: self.number, frames });
        }
    }
}

impl Sink for Tap {
    fn frame(&self, at: Time, bytes: &[u8]) {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        frames.push(at, bytes, bytes.len());
        let full = frames.len() >= BATCH;
        drop(frames);
        if full {
            self.flush();
        }
    }

    fn event(&self, file: &str, text: &[u8]) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if !logs.contains_key(file) {
            let path = self.evidence.join("events").join(file);
            let Ok(opened) = OpenOptions::new().create(true).append(true).open(path) else { return };
            logs.insert(file.to_owned(), opened);
        }
        if let Some(log) = logs.get_mut(file) {
            // A disk that is full is said by the intake, which writes more than this.
            let _ = log.write_all(text);
        }
    }

    fn mail(&self, file: &str, bytes: &[u8]) {
        let _ = fs::write(self.evidence.join("mail").join(file), bytes);
    }
}
