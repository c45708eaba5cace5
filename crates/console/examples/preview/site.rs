//! The site: seven zones of a gas compressor station and what was seen in them.

use crate::runs::Runs;
use crate::{process, story};
use console::view::{
    Alarm, Answer, Approve, Asset, Assets, ConduitState, Health, Incident, IncidentHead, Ms, Overview, Run,
    RunState, Source, Status, Table, Zone, ZoneConduit,
};
use console::{Refused, Role, Soc, User};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Identifier, name, level, assets in all, and the names of some.
const ZONES: [(&str, &str, f32, u32, &[&str]); 7] = [
    ("z-internet", "Internet", 5.0, 4, &["MX-INVOICES", "CDN", "MX-PARTNER", "NEWS"]),
    ("z-office", "Office", 4.0, 3, &["WS-ENG-03", "WS-ENG-07", "WS-OFF-11"]),
    ("z-servers", "Servers", 4.0, 2, &["DC01", "MAIL01"]),
    ("z-jump", "Jump hosts", 3.5, 1, &["JUMP01"]),
    ("z-operations", "Operations", 3.0, 2, &["HIST01", "OTDC01"]),
    ("z-control", "Control room", 2.0, 2, &["EWS01", "HMI01"]),
    ("z-cell", "Compressor K-101", 1.0, 2, &["PLC-ASC-1", "PLC-UNIT-2"]),
];

/// From, to, services, state.
const CONDUITS: [(&str, &str, &[&str], ConduitState); 9] = [
    ("z-internet", "z-servers", &["smtp"], ConduitState::Seen),
    ("z-office", "z-internet", &["http", "tls"], ConduitState::Seen),
    ("z-office", "z-servers", &["kerberos", "imap", "dns"], ConduitState::Seen),
    ("z-office", "z-jump", &["rdp"], ConduitState::New),
    ("z-jump", "z-operations", &["rdp"], ConduitState::Seen),
    ("z-operations", "z-cell", &["modbus", "umas"], ConduitState::Alarm),
    ("z-control", "z-cell", &["modbus", "umas"], ConduitState::Seen),
    ("z-control", "z-operations", &["http"], ConduitState::Seen),
    ("z-jump", "z-servers", &["kerberos"], ConduitState::Seen),
];

pub(crate) struct Site {
    start: Ms,
    revision: watch::Sender<u64>,
    tokens: Mutex<Vec<(String, User)>>,
    runs: Mutex<Runs>,
    acknowledged: Mutex<BTreeMap<String, String>>,
}

fn clock() -> Ms {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ms::try_from(since.as_millis()).unwrap_or_default()
}

fn held<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    pub(crate) fn new() -> Self {
        let people = [("m.ito", Role::It), ("k.sato", Role::Ot), ("guest", Role::Viewer)];
        let tokens = people.into_iter().flat_map(|(name, role)| {
            // Several links for each, so that the page can be opened again without a restart.
            (0..9).map(move |n| (format!("preview-{name}-{n}"), User { name: name.into(), role }))
        });
        Self {
            start: clock(),
            revision: watch::channel(1).0,
            tokens: Mutex::new(tokens.collect()),
            runs: Mutex::default(),
            acknowledged: Mutex::default(),
        }
    }

    /// Login links: for whom, and the token.
    pub(crate) fn links(&self) -> Vec<(String, String)> {
        held(&self.tokens).iter().map(|(token, user)| (user.name.clone(), token.clone())).collect()
    }

    /// Something changed.
    pub(crate) fn tick(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    fn stop(&self) -> Ms {
        self.start - process::STOP_BEFORE
    }

    fn head(&self) -> IncidentHead {
        let steps = story::steps(self.stop());
        IncidentHead {
            id: "INC-1".into(),
            title: "From a mail to m.keller to a stop of PLC-ASC-1".into(),
            priority: 1,
            start: steps.first().map_or(0, |step| step.time),
            end: steps.last().map_or(0, |step| step.time),
            steps: 7,
            runs: held(&self.runs).all.iter().map(|run| run.id.clone()).collect(),
        }
    }

    fn alarms(&self) -> Vec<Alarm> {
        let acknowledged = held(&self.acknowledged);
        let mut alarms: Vec<_> = story::steps(self.stop())
            .into_iter()
            .filter(|step| step.priority > 0)
            .map(|step| Alarm {
                id: format!("A-{}", step.number),
                priority: step.priority,
                time: step.time,
                last: step.time,
                title: step.text,
                who: "HIST01".into(),
                whom: step.place,
                zone: "z-cell".into(),
                level: step.level,
                count: 1 + step.repeats,
                incident: Some("INC-1".into()),
                acknowledged: None,
                evidence: step.evidence,
                techniques: step.techniques,
                consequence: CONSEQUENCE.into(),
                check: CHECKS.map(Into::into).into(),
            })
            .collect();
        alarms.iter_mut().for_each(|alarm| alarm.acknowledged = acknowledged.get(&alarm.id).cloned());
        alarms.sort_by_key(|alarm| (alarm.acknowledged.is_some(), alarm.priority, -alarm.time));
        alarms
    }
}

const CONSEQUENCE: &str = "PLC-ASC-1 does not control its process until it is started again; what it held or \
    protected is left to mechanical protection and to the operators.";
const CHECKS: [&str; 3] = [
    "Is there a work order for PLC-ASC-1 today?",
    "Call the control room: does K-101 run, and who is at HIST01?",
    "See the surge margin and the suction flow",
];

impl Soc for Site {
    fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    fn status(&self) -> Status {
        let mut open = [0; 3];
        let alarms = self.alarms();
        for alarm in alarms.iter().filter(|alarm| alarm.acknowledged.is_none()) {
            if let Some(count) = open.get_mut(usize::from(alarm.priority) - 1) {
                *count += 1;
            }
        }
        let waiting = held(&self.runs).all.iter().filter(|run| run.state == RunState::Waiting).count();
        Status {
            site: "North Ridge compressor station".into(),
            now: clock(),
            alarms: open,
            acknowledged: u32::try_from(held(&self.acknowledged).len()).unwrap_or(u32::MAX),
            process: "K-101 TRIPPED".into(),
            process_abnormal: true,
            sources: [6, 6],
            lost: 0,
            training: true,
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
        }
    }

    fn overview(&self) -> Overview {
        let worst = |id: &str| match id {
            "z-cell" => Some(1),
            "z-office" | "z-operations" => Some(2),
            "z-jump" => Some(3),
            _ => None,
        };
        let active = held(&self.runs).all.iter().any(|run| run.state == RunState::Active);
        let shown =
            |state| if active && state == ConduitState::Alarm { ConduitState::Blocked } else { state };
        Overview {
            zones: ZONES
                .map(|(id, name, level, assets, members)| Zone {
                    id: id.into(),
                    name: name.into(),
                    level,
                    assets,
                    members: members.iter().map(|member| (*member).into()).collect(),
                    worst: worst(id),
                })
                .into(),
            conduits: CONDUITS
                .map(|(from, to, services, state)| ZoneConduit {
                    from: from.into(),
                    to: to.into(),
                    services: services.iter().map(|service| (*service).into()).collect(),
                    state: shown(state),
                    last: clock(),
                })
                .into(),
            alarms: self.alarms(),
            tags: process::tags(self.stop(), clock(), 150),
            rate: (0..72)
                .map(|n| if n < 70 { u32::from(n % 7 == 3) + u32::from(n % 11 == 4) } else { 3 * (n - 69) })
                .collect(),
            incidents: vec![self.head()],
        }
    }

    fn incident(&self, id: &str) -> Option<Incident> {
        (id == "INC-1").then(|| Incident {
            head: self.head(),
            consequence: CONSEQUENCE.into(),
            techniques: ["T1566.001", "T1204.002", "T1059.001", "T1021.001", "T0886", "T0858"]
                .map(Into::into)
                .into(),
            steps: story::steps(self.stop()),
            effects: process::effects(self.stop()),
            decisions: held(&self.runs).decisions.clone(),
            tags: process::tags(self.stop(), clock(), 600),
            variables: [
                ("user", "m.keller"),
                ("workstation", "WS-ENG-07"),
                ("jump", "JUMP01"),
                ("historian", "HIST01"),
            ]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        })
    }

    fn run(&self, id: &str) -> Option<Run> {
        held(&self.runs).all.iter().find(|run| run.id == id).cloned()
    }

    fn runs(&self) -> Vec<Run> {
        held(&self.runs).all.iter().rev().cloned().collect()
    }

    fn assets(&self, text: &str, offset: usize, limit: usize) -> Assets {
        let text = text.to_lowercase();
        let named = ZONES.iter().flat_map(|zone| zone.4.iter().map(move |name| asset(zone.1, zone.2, name)));
        let meters = (1..=1200).map(|n| asset("Meters", 1.0, &format!("FLOWMETER-{n:04}")));
        let found: Vec<_> = named
            .chain(meters)
            .filter(|a| [&a.name, &a.zone, &a.make].iter().any(|field| field.to_lowercase().contains(&text)))
            .collect();
        let total = u32::try_from(found.len()).unwrap_or(u32::MAX);
        Assets { total, rows: found.into_iter().skip(offset).take(limit).collect() }
    }

    fn health(&self) -> Health {
        let source = |name: &str, kind: &str, entries, bytes| Source {
            name: name.into(),
            kind: kind.into(),
            entries,
            bytes,
            last: clock() - 400,
            state: "delivers".into(),
            ..Source::default()
        };
        Health {
            sources: vec![
                source("tap-ot", "interface", 482_113, 39_822_104),
                source("tap-it", "interface", 1_204_331, 811_220_480),
                source("WS-ENG-07-sysmon.evtx", "file", 4_119, 2_166_784),
                source("JUMP01-security.json", "file", 88_213, 41_002_991),
                source("HIST01-sysmon.evtx", "file", 9_034, 5_312_512),
                source("maildir", "folder", 41, 1_204_120),
            ],
            logs: [
                ("conn", 20_114),
                ("modbus", 311_207),
                ("umas", 18),
                ("dns", 9_120),
                ("windows_sysmon", 13_153),
            ]
            .map(|(log, rows)| (log.into(), rows))
            .into(),
            lake: "/var/lib/tieline/lake".into(),
            stored: 353_612,
            waiting: 211,
            durable: clock() - 900,
            rules: [41, 2],
            left_out: vec!["rsigma: 3 rules of the folder use a modifier that is not known".into()],
            inventory: [1216, 9],
            memory: 188_743_680,
            version: env!("CARGO_PKG_VERSION").into(),
            ..Health::default()
        }
    }

    fn tables(&self) -> Vec<Table> {
        [
            ("conn", "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration conn_state"),
            ("modbus", "ts uid id.orig_h id.orig_p id.resp_h id.resp_p tid unit func pdu_type exception"),
            ("umas", "ts uid id.orig_h id.resp_h unit command outcome"),
            ("windows_security", "ts host event_id TargetUserName LogonType IpAddress"),
        ]
        .map(|(name, columns)| Table {
            name: name.into(),
            columns: columns.split(' ').map(Into::into).collect(),
        })
        .into()
    }

    fn ask(&self, sql: &str) -> Result<Answer, Refused> {
        if !sql.trim_start().to_lowercase().starts_with("select") {
            return Err(Refused::No("only SELECT is answered, and this starts with something else".into()));
        }
        let row = |n: u32| {
            let cells = ["2026-03-12T06:52:41.113Z", "10.3.0.20", "10.1.10.5", "UMAS", "stop_plc"];
            let cells = cells.map(|cell| Some(cell.to_owned())).into_iter();
            cells.chain([(!n.is_multiple_of(3)).then(|| n.to_string())]).collect()
        };
        Ok(Answer {
            columns: ["ts", "id.orig_h", "id.resp_h", "func", "command", "count"].map(Into::into).into(),
            rows: (0..37).map(row).collect(),
            more: false,
            took: 21,
        })
    }

    fn packets(&self, incident: &str, step: u32) -> Option<Vec<u8>> {
        (incident == "INC-1" && step == 6).then(story::pcap)
    }

    fn acknowledge(&self, user: &User, alarm: &str) -> Result<(), Refused> {
        held(&self.acknowledged).insert(alarm.into(), user.name.clone());
        self.tick();
        Ok(())
    }

    fn respond(&self, user: &User, incident: &str) -> Result<String, Refused> {
        if incident != "INC-1" {
            return Err(Refused::Unknown(format!("incident {incident}")));
        }
        let id = held(&self.runs).start(user, clock());
        self.tick();
        Ok(id)
    }

    fn approve(&self, user: &User, run: &str, approve: &Approve) -> Result<Run, Refused> {
        let run = held(&self.runs).approve(user, run, approve, clock());
        self.tick();
        run
    }

    fn refuse(&self, user: &User, run: &str, reason: &str) -> Result<Run, Refused> {
        let run = held(&self.runs).refuse(user, run, reason, clock());
        self.tick();
        run
    }

    fn lift(&self, user: &User, run: &str, reason: &str) -> Result<Run, Refused> {
        let run = held(&self.runs).lift(user, run, reason, clock());
        self.tick();
        run
    }

    fn told(&self, user: &User, run: &str) -> Result<Run, Refused> {
        let run = held(&self.runs).told(user, run, clock());
        self.tick();
        run
    }

    fn redeem(&self, token: &str) -> Option<User> {
        let mut tokens = held(&self.tokens);
        let place = tokens.iter().position(|(known, _)| known == token)?;
        Some(tokens.swap_remove(place).1)
    }

    fn enrol(&self, user: &User, key: &[u8]) -> Result<(), Refused> {
        held(&self.runs).keys.insert(user.name.clone(), key.into());
        Ok(())
    }
}

fn asset(zone: &str, level: f32, name: &str) -> Asset {
    let controller = name.starts_with("PLC");
    Asset {
        id: name.to_lowercase(),
        name: name.into(),
        addresses: vec!["10.1.10.5".into()],
        level: (!name.starts_with("CDN")).then_some(level),
        reasons: vec!["answers modbus".into(), "declared in site.toml".into()],
        zone: zone.into(),
        make: if controller { "Schneider Electric BMX P34 2020".into() } else { String::new() },
        firmware: if controller { "3.10".into() } else { String::new() },
        criticality: if controller { "high".into() } else { "medium".into() },
        services: vec!["offers modbus".into()],
        last: clock() - 1000,
    }
}
