//! The site of the sample: a historian reads the anti-surge controller and then sends it a stop.

use model::{Criticality, Level, Span, Time, Transport};
use respond::{
    Approval, AssetFact, AssetRole, Case, Engine, Firewall, GuardInput, Key, Party, Playbook, Role, RunId,
    Seen, Settings, Signer, Simulated,
};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const HIST01: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 3, 0, 20));
pub(crate) const HMI01: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 2, 0, 11));
pub(crate) const PLC_ASC_1: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 10, 5));
pub(crate) const PLC_UNIT_2: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 10, 6));

const PEOPLE: [(&str, Role); 2] = [("a.weber", Role::It), ("b.kraft", Role::Ot)];

pub(crate) const DAY: Span = Span::s(24 * 3600);

/// The moment of the stop.
pub(crate) fn noon() -> Time {
    Time::from_s_ns(1_795_608_000, 0)
}

pub(crate) fn asset(addr: IpAddr, name: &str, level: Level, role: AssetRole) -> AssetFact {
    AssetFact {
        addrs: vec![addr],
        name: name.to_owned(),
        level: Some(level),
        criticality: (level <= Level::L1).then_some(Criticality::High),
        safety: false,
        roles: vec![role],
    }
}

pub(crate) fn seen(client: (IpAddr, Level), server: IpAddr, writes: bool, now: Time) -> Seen {
    Seen {
        client: client.0,
        server,
        transport: Transport::Tcp,
        port: 502,
        service: "modbus".to_owned(),
        first: noon() - Span::s(30 * 24 * 3600),
        last: now,
        process: true,
        writes,
        client_level: Some(client.1),
        server_level: Some(Level::L1),
    }
}

/// What is known of the site at `now`, after a month of learning.
pub(crate) fn site(now: Time) -> GuardInput {
    let (hist, hmi) = ((HIST01, Level::L3), (HMI01, Level::L2));
    GuardInput {
        now,
        assets: vec![
            asset(HIST01, "HIST01", Level::L3, AssetRole::Historian),
            asset(HMI01, "HMI01", Level::L2, AssetRole::Hmi),
            asset(PLC_ASC_1, "PLC-ASC-1", Level::L1, AssetRole::Controller),
            asset(PLC_UNIT_2, "PLC-UNIT-2", Level::L1, AssetRole::Controller),
        ],
        conduits: vec![
            seen(hist, PLC_ASC_1, false, now),
            seen(hist, PLC_UNIT_2, false, now),
            seen(hmi, PLC_ASC_1, true, now),
            seen(hmi, PLC_UNIT_2, true, now),
        ],
        learned_since: noon() - Span::s(30 * 24 * 3600),
        learn_min: Span::s(7 * 24 * 3600),
        blind: None,
        declared_essential: Vec::new(),
    }
}

/// Keep the historian from the anti-surge controller.
pub(crate) fn case() -> Case {
    Case {
        incident: "INC-7".to_owned(),
        title: "a mail ends in a stopped controller".to_owned(),
        source: Party::new("HIST01", HIST01),
        target: Party::new("PLC-ASC-1", PLC_ASC_1),
        transport: Transport::Tcp,
        port: 502,
        wanted: DAY,
    }
}

/// What a test asks a firewall.
pub(crate) trait StopsAny {
    /// Whether anything is stopped.
    fn stops_any(&self) -> bool;
}

impl StopsAny for Simulated {
    fn stops_any(&self) -> bool {
        !self.clone().list().unwrap().is_empty()
    }
}

/// An engine on a ledger of its own, with two people who have just logged in.
pub(crate) struct Scene {
    pub(crate) engine: Engine,
    pub(crate) firewall: Simulated,
    pub(crate) ledger: PathBuf,
    _folder: Folder,
}

/// A folder that no other test uses, taken away at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("respond-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is in a folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let (folder, firewall) = (Folder::new(), Simulated::new(noon()));
        let ledger = folder.path().join("ledger");
        let playbook = Playbook::contain_ot_command().unwrap();
        let mut engine =
            Engine::open(&ledger, Box::new(firewall.clone()), playbook, settings, noon()).unwrap();
        welcome(&mut engine);
        Self { engine, firewall, ledger, _folder: folder }
    }

    /// The same ledger and firewall after a restart.
    pub(crate) fn reopened(&self, now: Time) -> Engine {
        self.reopened_with(now, Settings::default())
    }

    pub(crate) fn reopened_with(&self, now: Time, settings: Settings) -> Engine {
        let playbook = Playbook::contain_ot_command().unwrap();
        Engine::open(&self.ledger, Box::new(self.firewall.clone()), playbook, settings, now).unwrap()
    }

    pub(crate) fn ask(&mut self) -> RunId {
        self.engine.request(noon(), "tieline", &case(), &site(noon())).unwrap()
    }

    /// Both approve at `now`.
    pub(crate) fn agree(&mut self, now: Time, run: RunId) {
        agree(&mut self.engine, now, run);
    }

    /// A run that is in force since noon.
    pub(crate) fn in_force(&mut self) -> RunId {
        let run = self.ask();
        self.agree(noon(), run);
        run
    }

    /// Kinds of the entries about runs, in order.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let events = self.engine.events(0).unwrap();
        events.iter().filter(|entry| entry.event.run().is_some()).map(|entry| entry.event.kind()).collect()
    }
}

/// Anna Weber of IT and Bert Kraft of the plant may approve and have just logged in.
pub(crate) fn welcome(engine: &mut Engine) {
    for (who, role) in PEOPLE {
        engine.enrol(noon(), who, role, key(who)).unwrap();
        engine.login(noon(), who).unwrap();
    }
}

/// Both approve at `now`, as far as they have not yet.
pub(crate) fn agree(engine: &mut Engine, now: Time, run: RunId) {
    for (who, role) in PEOPLE {
        if engine.run(run).unwrap().missing().contains(&role) {
            let approval = approval(engine, run, who, role);
            engine.approve(now, run, &approval, &site(now)).unwrap();
        }
    }
}

pub(crate) fn key(who: &str) -> Key {
    Signer::new(who.as_bytes()).key()
}

/// A good approval of what `run` says now.
pub(crate) fn approval(engine: &Engine, run: RunId, who: &str, role: Role) -> Approval {
    let run = engine.run(run).unwrap();
    Approval {
        who: who.to_owned(),
        role,
        asset: run.request.target.name.clone(),
        signature: Signer::new(who.as_bytes()).sign(&run.to_sign()),
        by_script: true,
    }
}
