//! The operations centre at work: what comes in is read, stored, judged and shown; what is decided is done.
//!
//! One thread ([`ingest`]) owns sensors, rules, chains and the lake. Interfaces and followed folders hand it their
//! inputs over a bounded channel; it shows what it knows as a [`picture`], from which the console's views are drawn.
//! After a crash the evidence that is kept (packets, files) is read again up to where it was, without storing a row
//! twice.

mod classes;
mod clock;
pub(crate) mod config;
mod desk;
mod follow;
mod ingest;
mod input;
mod keeper;
mod known;
pub(crate) mod login;
mod names;
mod picture;
mod progress;
mod response;
mod sources;
mod taps;
mod watch;

pub(crate) use clock::{Clock, MachineClock};
pub(crate) use desk::{Desk, memory};
pub(crate) use input::{Ended, Frames, Inlet, Input};
pub(crate) use known::KnownConduit;
pub(crate) use progress::ProgressFile;
pub(crate) use response::NoFirewall;
pub(crate) use watch::Watches;

use crate::pipeline::Pipeline;
use crate::rules;
use anyhow::Context;
use classes::Classes;
use config::Config;
use detect::chains::Options;
use follow::Follower;
use ingest::{About, Ingest, Setup};
use keeper::Keeper;
use packets::Spool;
use picture::Picture;
use respond::Firewall;
use site::Site;
use sources::Register;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use store::Lake;
use taps::Taps;
use tokio::sync::watch as watching;

/// What a centre is started with.
pub(crate) struct Start {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) firewall: Box<dyn Firewall + Send>,
    /// Names of the interfaces; their packets lie where the configuration says.
    pub(crate) interfaces: Vec<String>,
    /// Time between two looks into folders.
    pub(crate) look_every: Duration,
    /// A virtual site.
    pub(crate) training: bool,
}

/// A centre at work.
pub(crate) struct Soc {
    pub(crate) desk: Arc<Desk>,
    pub(crate) inlet: Inlet,
    /// Numbers of the interfaces, in the order in which they were given.
    pub(crate) interfaces: Vec<u32>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Soc {
    /// Reads the past and begins to work.
    ///
    /// # Errors
    /// When rules, lake, ledger or progress cannot be had.
    pub(crate) fn start(start: Start) -> anyhow::Result<Self> {
        let Start { config, clock, firewall, interfaces, look_every, training } = start;
        let data = config.data.clone();
        std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let detection = rules::load(&config.rules, Options::files())?;
        let loaded =
            [detection.rules.len(), detection.chains_loaded].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let problems = detection.problems;
        let mut pipeline = Pipeline::new(Site::new(config.declared()?), detection.rules);
        pipeline.watches = Watches::new(&config.watch);
        let file = ProgressFile::new(&data);
        let progress =
            file.load().with_context(|| format!("cannot read the progress in {}", data.display()))?;
        let taps = Taps::new(&config, &progress)?;
        let register = Register::new(&progress.sources);
        let acknowledged = Arc::new(Mutex::new(progress.acknowledged.clone()));
        let lake_dir = data.join("lake");
        let lake = Lake::create(&lake_dir)?;
        let (show, shown) = watching::channel(Arc::new(Picture::default()));
        let (sender, receiver) = sync_channel(input::WAITING_MAX);
        let inlet = Inlet(sender);
        let chains = detection.chains;
        let settled = Arc::new(AtomicU64::new(0));
        let keeper = Keeper {
            lake: lake.clone(),
            clock: Arc::clone(&clock),
            settled: Arc::clone(&settled),
            days: config.keep.lake_days,
            complain: {
                let inlet = inlet.clone();
                // An intake that has ended shows nothing any more.
                Box::new(move |text| drop(inlet.put(Input::Trouble(text))))
            },
        };
        let setup = Setup {
            pipeline,
            chains,
            lake: lake.clone(),
            lake_dir,
            progress,
            file,
            clock: Arc::clone(&clock),
            rules: loaded,
            acknowledged: Arc::clone(&acknowledged),
            replay: config.packets.replay.0,
            classes: Classes::new(&config.packets.class)?,
            settled: Arc::clone(&settled),
            taps,
        };
        let mut ingest = Ingest::new(setup, show, problems)?;
        let mut numbers = vec![];
        for name in interfaces {
            let (number, dir) = (register.number(&name), config.packets_of(&name));
            let spool = Spool::open(&dir, &config.packets.plan())
                .with_context(|| format!("cannot keep packets in {}", dir.display()))?;
            let interface = config.interface.iter().find(|interface| interface.name == name);
            let about = About {
                segment: interface.and_then(|interface| interface.segment.clone()),
                groups: config.groups_of(&name)?,
                name,
            };
            ingest.listen(number, about, spool).context("cannot read the packets that are kept")?;
            numbers.push(number);
        }
        let folders = config.folder.iter().map(|folder| folder.path.clone()).collect();
        let follower = Follower::new(folders, inlet.clone(), register, look_every);
        let parts =
            desk::Parts { clock, firewall, lake, shown, inlet: inlet.clone(), acknowledged, training };
        let desk = Arc::new(Desk::new(config, parts)?);
        let stop = Arc::new(AtomicBool::new(false));
        let threads = vec![
            thread("intake", move || ingest.run(&receiver))?,
            thread("folders", {
                let stop = Arc::clone(&stop);
                move || follower.run(&stop)
            })?,
            thread("keeper", {
                let stop = Arc::clone(&stop);
                move || keeper.run(&stop)
            })?,
            thread("desk", {
                let (desk, stop) = (Arc::clone(&desk), Arc::clone(&stop));
                move || desk.run(&stop)
            })?,
        ];
        Ok(Self { desk, inlet, interfaces: numbers, stop, threads })
    }

    /// Stops: everything that was taken is on disk then.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // It may have ended by itself.
        let _ = self.inlet.put(Input::Stop);
        drop(self.inlet);
        for thread in self.threads {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(run)?)
}
