//! `tieline serve`: the centre on a site's own traffic.

use crate::rights::Afterwards;
use crate::soc::config::{Config, Firewall};
use crate::soc::login::{self, Logins};
use crate::soc::{Clock, Desk, Ended, Frames, Inlet, Input, MachineClock, Soc, Start};
use crate::talk::Talk;
use crate::taps::StampWatch;
use crate::{Outcome, WrongUse};
use anyhow::Context;
use respond::Nftables;
use ring::Ring;
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration; without it ./tieline.toml, then /etc/tieline/tieline.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct LoginArgs {
    /// Person, as the configuration names them
    name: String,
    /// Configuration; without it ./tieline.toml, then /etc/tieline/tieline.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Places where a configuration is looked for.
const PLACES: [&str; 2] = ["tieline.toml", "/etc/tieline/tieline.toml"];
/// Time between two looks into followed folders.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a packet is waited for.
const WAIT: Duration = Duration::from_millis(100);
/// Frames handed over at once.
const BATCH: usize = 4096;
/// Time between two looks at losses.
const LOSSES_EVERY: Duration = Duration::from_secs(1);
/// Batches that wait when the intake cannot keep up; what comes then is lost in the ring, and counted there.
const BEHIND_MAX: usize = 16;

/// The configuration in `path`, or in the first place that has one.
///
/// # Errors
/// When there is none, or it cannot be used.
pub(crate) fn config(path: Option<&Path>) -> anyhow::Result<(PathBuf, Config)> {
    let place = || PLACES.iter().map(PathBuf::from).find(|path| path.exists());
    let Some(path) = path.map(Path::to_owned).or_else(place) else {
        let hint = "write one with: tieline config > tieline.toml";
        return Err(WrongUse(format!("there is no configuration in {}; {hint}", PLACES.join(" or "))).into());
    };
    let config =
        Config::read(&path).map_err(|error| WrongUse(format!("{:#}", anyhow::Error::from(error))))?;
    Ok((path, config))
}

pub(crate) fn run(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    let (path, config) = config(args.config.as_deref())?;
    talk.say(format!("{}: {}, data in {}", path.display(), config.site, config.data.display()));
    let mut afterwards = Afterwards::of(&config)?;
    let listener = TcpListener::bind(config.console.listen)
        .with_context(|| format!("cannot listen on {}", config.console.listen))?;
    // Rights that are missing are told before anything is begun.
    let rings: Vec<(String, Ring)> = config
        .interface
        .iter()
        .map(|interface| Ok((interface.name.clone(), interface.open()?)))
        .collect::<anyhow::Result<_>>()?;
    afterwards.hand_over_all(&config)?;
    afterwards.begin()?;
    talk.say(format!("all is open; goes on as {}", afterwards.text()));
    let firewall: Box<dyn respond::Firewall + Send> = match config.response.firewall {
        Firewall::Nftables => {
            Box::new(Nftables { netns: config.response.netns.clone(), ..Nftables::default() })
        }
        Firewall::None => Box::new(crate::soc::NoFirewall),
    };
    let soc = Soc::start(Start {
        clock: Arc::new(MachineClock),
        firewall,
        interfaces: rings.iter().map(|(name, _)| name.clone()).collect(),
        look_every: LOOK_EVERY,
        training: false,
        config: config.clone(),
    })?;
    let stop = stop_signal()?;
    let mut threads = vec![];
    for ((name, ring), number) in rings.into_iter().zip(soc.interfaces.clone()) {
        let (inlet, stop) = (soc.inlet.clone(), Arc::clone(&stop));
        let listen = move || listen(&name, ring, number, &inlet, &stop);
        threads.push(std::thread::Builder::new().name("interface".to_owned()).spawn(listen)?);
    }
    invite(&config, talk)?;
    talk.say(format!("console: http://{}", config.console.listen));
    let served = console(listener, Arc::clone(&soc.desk), &stop);
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        // A thread that panicked has said so.
        let _ = thread.join();
    }
    soc.stop();
    talk.say("stopped; everything that was taken is on disk");
    served.map(|()| Outcome::Fine)
}

/// Set when somebody wants the program to end.
pub(crate) fn stop_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        // A second signal ends the program at once.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Serves the console until `stop` is set.
pub(crate) fn console(listener: TcpListener, desk: Arc<Desk>, stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stop = Arc::clone(stop);
    let stopped = async move {
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        console::serve(listener, desk, stopped).await
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// Tells how people come in: on a terminal with links, elsewhere how to make one, since a link in a log is no secret.
fn invite(config: &Config, talk: &Talk) -> anyhow::Result<()> {
    if config.user.is_empty() {
        talk.warn("there is no [[user]] in the configuration: nobody can log in");
    }
    if !std::io::stderr().is_terminal() {
        talk.say("log in with: tieline login NAME");
        return Ok(());
    }
    let logins = Logins::new(&config.data)?;
    for user in &config.user {
        talk.say(format!(
            "login of {} (once, within 30 min): {}",
            user.name,
            login::link(config, &logins.make(&user.name)?)
        ));
    }
    Ok(())
}

/// `tieline login`: a link on standard output.
pub(crate) fn login(args: &LoginArgs) -> anyhow::Result<Outcome> {
    let (path, config) = config(args.config.as_deref())?;
    if !config.user.iter().any(|user| user.name == args.name) {
        return Err(WrongUse(format!("{} has no user {}", path.display(), args.name)).into());
    }
    if config.run_as.is_some() {
        // The link must be the server's to take away.
        let mut afterwards = Afterwards::of(&config)?;
        afterwards.hand_over_all(&config)?;
        afterwards.begin()?;
    }
    let token = Logins::new(&config.data)?.make(&args.name)?;
    crate::talk::result(&login::link(&config, &token))?;
    Ok(Outcome::Fine)
}

/// Hands everything that an interface shows to the intake.
fn listen(name: &str, ring: Ring, number: u32, inlet: &Inlet, stop: &AtomicBool) {
    // Nothing that is decoded here can make this thread send.
    if let Err(error) = ring.seal() {
        let text = format!("{name}: {:#}", anyhow::Error::from(error));
        let _ = inlet.put(Input::Problem { source: number, text });
        return;
    }
    let (behind, watch) = (VecDeque::new(), StampWatch::default());
    let mut ear = Ear { name, ring, number, inlet, behind, unstamped: None, watch };
    let mut looked = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if ear.behind.len() < BEHIND_MAX {
            ear.take();
        } else {
            std::thread::sleep(WAIT / 10);
        }
        if ear.hand_over().is_err() {
            return;
        }
        if looked.elapsed() >= LOSSES_EVERY {
            looked = Instant::now();
            ear.tell_losses();
        }
    }
    for frames in ear.behind {
        let _ = inlet.put(Input::Frames { source: number, frames });
    }
}

/// A thread at an interface. Where the intake has ended nobody is there to be told anything.
struct Ear<'a> {
    name: &'a str,
    ring: Ring,
    /// Number of the interface.
    number: u32,
    inlet: &'a Inlet,
    /// Frames that wait to be handed over.
    behind: VecDeque<Frames>,
    /// Packets that the card did not stamp, where it is to.
    unstamped: Option<u64>,
    watch: StampWatch,
}

impl Ear<'_> {
    fn take(&mut self) {
        let mut frames = Frames::default();
        let behind = &mut self.behind;
        let taken = self.ring.take(WAIT, &mut |frame| {
            frames.push(frame.time, frame.bytes, frame.wire_len);
            if frames.len() >= BATCH {
                behind.push_back(std::mem::take(&mut frames));
            }
        });
        if !frames.is_empty() {
            self.behind.push_back(frames);
        }
        if let Some(stamps) = self.ring.stamps() {
            self.unstamped = Some(stamps.unstamped);
            self.watch.look(stamps, MachineClock.now()).into_iter().for_each(|text| self.complain(text));
        }
        if let Err(error) = taken {
            self.complain(format!("{}: {:#}", self.name, anyhow::Error::from(error)));
            std::thread::sleep(LOSSES_EVERY);
        }
    }

    fn complain(&self, text: String) {
        let _ = self.inlet.put(Input::Problem { source: self.number, text });
    }

    /// Hands over what there is room for.
    fn hand_over(&mut self) -> Result<(), Ended> {
        while let Some(frames) = self.behind.pop_front() {
            if let Some(frames) = self.inlet.offer(self.number, frames)? {
                self.behind.push_front(frames);
                break;
            }
        }
        Ok(())
    }

    fn tell_losses(&mut self) {
        if let Ok(packets) = self.ring.lost() {
            let lost = Input::Lost { source: self.number, packets, unstamped: self.unstamped };
            let _ = self.inlet.put(lost);
        }
    }
}
