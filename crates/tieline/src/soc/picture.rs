//! What is known at one moment, as the intake shows it; and the console's views drawn from it.

use super::clock::ms;
use super::sources::Source;
use super::watch::{Effect, Tag, digits};
use crate::findings::Folded;
use console::view;
use model::{
    Confidence, EntityKind, Evidence, Finding, Incident, Level, Role, Severity, Span, Step, Time, Trait,
};
use site::{Asset, Conduit, Flow};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// What is known at one moment.
#[derive(Default)]
pub(crate) struct Picture {
    pub(crate) now: Time,
    pub(crate) map: Arc<Map>,
    /// Findings that ask for action, folded, the worst first.
    pub(crate) alarms: Vec<Folded>,
    /// Incidents, oldest first.
    pub(crate) told: Vec<Arc<Told>>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) sources: BTreeMap<u32, Source>,
    pub(crate) logs: Vec<(String, u64)>,
    /// Rows in the lake since the start.
    pub(crate) stored: u64,
    /// Rows that wait for it.
    pub(crate) waiting: u64,
    pub(crate) durable: Time,
    pub(crate) left_out: Vec<String>,
    pub(crate) problems: Vec<String>,
    pub(crate) rules: [u32; 2],
    pub(crate) lake: PathBuf,
}

/// An incident with its name.
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) incident: Incident,
    /// When it was told in this form.
    pub(crate) since: Time,
}

/// Assets, conduits and flows, worked out together.
#[derive(Default)]
pub(crate) struct Map {
    pub(crate) assets: Vec<Asset>,
    pub(crate) conduits: Vec<Conduit>,
    pub(crate) flows: Vec<Flow>,
    /// Place in `assets` by id and by current address.
    by_name: BTreeMap<Box<str>, usize>,
    by_addr: BTreeMap<IpAddr, usize>,
}

/// Points of a trend that are sent.
const POINTS_MAX: usize = 600;
/// Rows of the queue and incidents in the list.
const QUEUE_MAX: usize = 200;
const INCIDENTS_MAX: usize = 100;
/// Members of a zone that are named.
const MEMBERS_MAX: usize = 12;
/// Alarms in each ten minutes of twelve hours.
const BUCKETS: usize = 72;
const BUCKET: Span = Span::s(600);
/// How much of the process is shown before an incident's first step and behind its last.
const BEFORE: Span = Span::s(30);
const BEHIND: Span = Span::s(300);
/// Effects belong to an incident until so long after its last step.
const EFFECTS_FOR: Span = Span::s(24 * 3600);

impl Map {
    pub(crate) fn new(assets: Vec<Asset>, conduits: Vec<Conduit>, flows: Vec<Flow>) -> Self {
        let by_name = assets.iter().enumerate().map(|(n, asset)| (asset.id.clone(), n)).collect();
        let current = |asset: &Asset| {
            asset.addresses.iter().filter(|used| used.current).map(|used| used.addr).collect::<Vec<_>>()
        };
        let by_addr = assets
            .iter()
            .enumerate()
            .flat_map(|(n, asset)| current(asset).into_iter().map(move |addr| (addr, n)));
        let by_addr = by_addr.collect();
        Self { by_name, by_addr, assets, conduits, flows }
    }

    pub(crate) fn asset(&self, id: &str) -> Option<&Asset> {
        self.by_name.get(id).and_then(|n| self.assets.get(*n))
    }

    pub(crate) fn at(&self, addr: IpAddr) -> Option<&Asset> {
        self.by_addr.get(&addr).and_then(|n| self.assets.get(*n))
    }

    /// The asset that a finding names in the part `role`, by host or else by address.
    pub(crate) fn of(&self, finding: &Finding, role: Role) -> Option<&Asset> {
        let value = |kind| {
            finding.entities.iter().find(|e| e.role == role && e.kind == kind).map(|entity| &*entity.value)
        };
        let by_host = value(EntityKind::Host).and_then(|host| self.asset(host));
        by_host.or_else(|| value(EntityKind::Ip)?.parse().ok().and_then(|addr| self.at(addr)))
    }
}

/// Purdue level as a number.
pub(crate) fn number(level: Level) -> f32 {
    match level {
        Level::L0 => 0.0,
        Level::L1 => 1.0,
        Level::L2 => 2.0,
        Level::L3 => 3.0,
        Level::Dmz => 3.5,
        Level::L4 => 4.0,
        Level::L5 => 5.0,
    }
}

/// ISA-18.2 priority of a severity; 0 for what is no alarm.
pub(crate) fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 1,
        Severity::High => 2,
        Severity::Medium => 3,
        Severity::Low | Severity::Info => 0,
    }
}

/// Zone of an asset: as declared, else its level and network.
fn zone(asset: &Asset) -> (String, String, f32) {
    let level = asset.purdue.level;
    if asset.external {
        return ("outside".to_owned(), "Internet".to_owned(), 5.0);
    }
    let shown = level.map_or(-1.0, number);
    if let Some(zone) = &asset.zone {
        let id: String =
            zone.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
        return (id, zone.to_string(), shown);
    }
    let name = match level {
        None => "Not placed yet",
        Some(Level::L0) => "Process",
        Some(Level::L1) => "Controllers",
        Some(Level::L2) => "Supervision",
        Some(Level::L3) => "Operations",
        Some(Level::Dmz) => "Between IT and OT",
        Some(Level::L4) => "Business",
        Some(Level::L5) => "Enterprise",
    };
    let network = asset.addresses.iter().find(|used| used.current).map(|used| match used.addr {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    });
    let level = level.map_or("unplaced", Level::name);
    match network {
        Some(network) => (format!("l{level}-{network}"), format!("{name} {network}"), shown),
        None => (format!("l{level}"), name.to_owned(), shown),
    }
}

pub(crate) type Acknowledged = BTreeMap<String, String>;

impl Picture {
    pub(crate) fn told(&self, id: &str) -> Option<&Arc<Told>> {
        self.told.iter().find(|told| told.id == id)
    }

    /// The queue: one row for each incident, and one for each alarm that belongs to none.
    pub(crate) fn alarms(&self, acknowledged: &Acknowledged) -> Vec<view::Alarm> {
        let mut alarms: Vec<view::Alarm> =
            self.told.iter().filter_map(|told| self.incident_alarm(told)).collect();
        let stories: BTreeSet<_> = self.told.iter().flat_map(|told| keys(&told.incident)).collect();
        let free = self.alarms.iter().filter(|folded| !stories.contains(&folded.key()));
        alarms.extend(free.map(|folded| self.alarm(folded)));
        for alarm in &mut alarms {
            alarm.acknowledged = acknowledged.get(&alarm.id).cloned();
        }
        alarms
            .sort_by_key(|a| (a.acknowledged.is_some(), a.priority, std::cmp::Reverse(a.time), a.id.clone()));
        alarms.truncate(QUEUE_MAX);
        alarms
    }

    fn incident_alarm(&self, told: &Told) -> Option<view::Alarm> {
        let incident = &told.incident;
        let (first, last) = (incident.steps.first()?, incident.steps.last()?);
        let target = self.map.of(&last.finding, Role::Target);
        let (_, zone, level) = target.map(zone).unwrap_or_default();
        let source = self.map.of(&first.finding, Role::Target).map(|asset| asset.id.to_string());
        Some(view::Alarm {
            id: told.id.clone(),
            priority: priority(incident.severity).max(1),
            time: ms(first.finding.time),
            last: ms(last.finding.time),
            title: incident.title.to_string(),
            who: source.unwrap_or_default(),
            whom: target.map(|asset| asset.id.to_string()).unwrap_or_default(),
            zone,
            level: target.map(|_| level),
            count: u32::try_from(incident.steps.len()).unwrap_or(u32::MAX),
            incident: Some(told.id.clone()),
            acknowledged: None,
            evidence: self.evidence(&last.finding.evidence),
            techniques: incident.techniques.iter().map(|t| t.0.to_string()).collect(),
            consequence: incident.consequence.to_string(),
            check: checks(&last.finding, target),
        })
    }

    fn alarm(&self, folded: &Folded) -> view::Alarm {
        let finding = &folded.finding;
        let target = self.map.of(finding, Role::Target);
        let (_, zone, level) = target.map(zone).unwrap_or_default();
        let who = self.map.of(finding, Role::Source).map(|asset| asset.id.to_string());
        view::Alarm {
            id: folded.id(),
            priority: priority(finding.severity).max(1),
            time: ms(folded.first),
            last: ms(folded.last),
            title: finding.title.to_string(),
            who: who.or_else(|| user(finding)).unwrap_or_default(),
            whom: target.map(|asset| asset.id.to_string()).unwrap_or_default(),
            zone,
            level: target.map(|_| level),
            count: u32::try_from(folded.count).unwrap_or(u32::MAX),
            incident: None,
            acknowledged: None,
            evidence: self.evidence(&finding.evidence),
            techniques: finding.techniques.iter().map(|t| t.0.to_string()).collect(),
            consequence: consequence(target),
            check: checks(finding, target),
        }
    }

    pub(crate) fn evidence(&self, evidence: &Evidence) -> view::Evidence {
        let source = self.sources.get(&evidence.origin.file);
        view::Evidence {
            time: ms(evidence.time),
            source: source.map(|source| source.name.clone()).unwrap_or_default(),
            number: evidence.origin.number,
            log: evidence.log.to_string(),
            uid: evidence.uid.as_deref().map(Into::into),
            text: evidence.text.to_string(),
            packets: source.is_some_and(|source| matches!(source.kind, "interface" | "capture")),
        }
    }

    /// Zones with the worst alarm in each, and the conduits between them; `blocked` are flows that a block of ours stops.
    pub(crate) fn zones(
        &self,
        alarms: &[view::Alarm],
        blocked: &[(IpAddr, IpAddr)],
    ) -> (Vec<view::Zone>, Vec<view::ZoneConduit>) {
        let mut zones: BTreeMap<String, view::Zone> = BTreeMap::new();
        let mut of: BTreeMap<&str, String> = BTreeMap::new();
        let mut levels: BTreeMap<String, BTreeMap<Level, usize>> = BTreeMap::new();
        for asset in &self.map.assets {
            let (id, name, level) = zone(asset);
            if let Some(level) = asset.purdue.level {
                *levels.entry(id.clone()).or_default().entry(level).or_default() += 1;
            }
            let zone = zones.entry(id.clone()).or_insert(view::Zone {
                id: id.clone(),
                name,
                level,
                ..Default::default()
            });
            zone.assets += 1;
            if zone.members.len() < MEMBERS_MAX {
                zone.members.push(asset.id.to_string());
            }
            of.insert(&asset.id, id);
        }
        for alarm in alarms.iter().filter(|alarm| alarm.acknowledged.is_none()) {
            let zone = of.get(alarm.whom.as_str()).and_then(|id| zones.get_mut(id));
            if let Some(zone) = zone {
                zone.worst = Some(zone.worst.map_or(alarm.priority, |worst| worst.min(alarm.priority)));
            }
        }
        // A declared zone stands where most of its members do, and rather nearer to the process.
        for (id, zone) in &mut zones {
            let most = levels.get(id).and_then(|counts| counts.iter().rev().max_by_key(|(_, count)| **count));
            zone.level = most.map_or(zone.level, |(level, _)| number(*level));
        }
        let mut zones: Vec<_> = zones.into_values().collect();
        zones.extend(self.equipment());
        let conduits = self.zone_conduits(&of, alarms, blocked);
        (zones, conduits)
    }

    /// Equipment that is watched, a box on level 0 each.
    fn equipment(&self) -> Vec<view::Zone> {
        let mut all: BTreeMap<&str, view::Zone> = BTreeMap::new();
        for tag in self.tags.iter().filter(|tag| !tag.about.equipment.is_empty()) {
            let name = tag.about.equipment.as_str();
            let new =
                view::Zone { id: format!("equipment-{name}"), name: name.to_owned(), ..Default::default() };
            let zone = all.entry(name).or_insert(new);
            zone.assets += 1;
            zone.members.push(tag.about.tag.clone());
            if tag.abnormal {
                zone.worst = Some(1);
            }
        }
        all.into_values().collect()
    }

    fn zone_conduits(
        &self,
        of: &BTreeMap<&str, String>,
        alarms: &[view::Alarm],
        blocked: &[(IpAddr, IpAddr)],
    ) -> Vec<view::ZoneConduit> {
        let mut all: BTreeMap<(String, String), view::ZoneConduit> = BTreeMap::new();
        let place = |id: &str| if id == "outside" { Some("outside".to_owned()) } else { of.get(id).cloned() };
        for conduit in &self.map.conduits {
            let (Some(from), Some(to)) = (place(&conduit.client), place(&conduit.server)) else { continue };
            if from == to {
                continue;
            }
            let known = all.entry((from.clone(), to.clone()));
            let known = known.or_insert(view::ZoneConduit { from, to, ..Default::default() });
            known.last = known.last.max(ms(conduit.traffic.last));
            let service = conduit.service.to_string();
            if !known.services.contains(&service) {
                known.services.push(service);
            }
            let alarming = |a: &&view::Alarm| {
                a.acknowledged.is_none() && a.whom == *conduit.server && self.names(a, &conduit.client)
            };
            if alarms.iter().any(|alarm| alarming(&alarm)) {
                known.state = view::ConduitState::Alarm;
            }
        }
        for (source, target) in blocked {
            let ends = [source, target].map(|addr| self.map.at(*addr).and_then(|asset| place(&asset.id)));
            let [Some(from), Some(to)] = ends else { continue };
            if let Some(known) = all.get_mut(&(from, to)) {
                known.state = view::ConduitState::Blocked;
            }
        }
        // What equipment hangs on: the controllers whose values are watched.
        for tag in self.tags.iter().filter(|tag| !tag.about.equipment.is_empty()) {
            let Some(from) = self.map.at(tag.about.address).and_then(|asset| place(&asset.id)) else {
                continue;
            };
            let to = format!("equipment-{}", tag.about.equipment);
            let new = view::ZoneConduit { from: from.clone(), to: to.clone(), ..Default::default() };
            let known = all.entry((from, to)).or_insert(new);
            if known.services.is_empty() {
                known.services.push("hard wired".to_owned());
            }
        }
        all.into_values().collect()
    }

    /// Whether the alarm names the asset as the one that acts: the source of its finding or of its incident's last step.
    fn names(&self, alarm: &view::Alarm, client: &str) -> bool {
        let last = alarm
            .incident
            .as_deref()
            .and_then(|id| self.told(id))
            .and_then(|told| told.incident.steps.last());
        match last {
            Some(step) => self.map.of(&step.finding, Role::Source).is_some_and(|asset| &*asset.id == client),
            None => alarm.who == client,
        }
    }

    pub(crate) fn rate(&self) -> Vec<u32> {
        let mut buckets = vec![0_u32; BUCKETS];
        let begin = self.now - Span(BUCKET.0 * i64::try_from(BUCKETS).unwrap_or(0));
        for folded in &self.alarms {
            let bucket = usize::try_from((folded.first - begin).0.div_euclid(BUCKET.0)).ok();
            if let Some(count) = bucket.and_then(|bucket| buckets.get_mut(bucket)) {
                *count += 1;
            }
        }
        buckets
    }

    pub(crate) fn heads(&self, runs: impl Fn(&str) -> Vec<String>) -> Vec<view::IncidentHead> {
        let newest = self.told.iter().rev().take(INCIDENTS_MAX);
        newest.map(|told| head(told, runs(&told.id))).collect()
    }

    /// The story of an incident; runs and decisions are for the caller to add.
    pub(crate) fn incident(&self, told: &Told) -> view::Incident {
        let incident = &told.incident;
        let times = incident.steps.iter().map(|step| step.finding.time);
        let (first, last) = (times.clone().min().unwrap_or(self.now), times.max().unwrap_or(self.now));
        let effects = self.effects.iter().filter(|e| e.time >= first && e.time <= last + EFFECTS_FOR);
        let effects: Vec<view::Effect> = effects.map(|effect| self.effect(effect)).collect();
        let behind = effects.iter().map(|e| e.time).max().unwrap_or(0).max(ms(last + BEHIND));
        let until = Time(behind.saturating_add(30_000).saturating_mul(1_000_000));
        view::Incident {
            head: head(told, vec![]),
            consequence: incident.consequence.to_string(),
            techniques: incident.techniques.iter().map(|t| t.0.to_string()).collect(),
            steps: (0..).zip(&incident.steps).map(|(n, step)| self.step(n, step)).collect(),
            effects,
            decisions: vec![],
            tags: self.tags.iter().map(|one| tag(one, first - BEFORE, until.min(self.now))).collect(),
            variables: incident.variables.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
        }
    }

    fn effect(&self, effect: &Effect) -> view::Effect {
        let about = self.tags.iter().map(|tag| &tag.about).find(|about| about.tag == effect.tag);
        view::Effect {
            time: ms(effect.time),
            tag: effect.tag.clone(),
            equipment: about.map(|about| about.equipment.clone()).unwrap_or_default(),
            text: effect.text.clone(),
            priority: if effect.back { 0 } else { 1 },
        }
    }

    fn step(&self, number_: u32, step: &Step) -> view::Step {
        let finding = &step.finding;
        let target = self.map.of(finding, Role::Target);
        let level =
            target.and_then(|asset| if asset.external { Some(Level::L5) } else { asset.purdue.level });
        // A mail comes from outside, whoever it is for.
        let level = if &*finding.evidence.log == "mail" { Some(Level::L5) } else { level };
        let host = finding.entities.iter().find(|e| e.role == Role::Target && e.kind == EntityKind::Host);
        let place =
            target.map(|asset| asset.id.to_string()).or_else(|| host.map(|host| host.value.to_string()));
        let join = |join: &model::Join| view::Join {
            variable: join.variable.to_string(),
            value: join.value.to_string(),
            with: u32::try_from(join.with).unwrap_or(u32::MAX),
            confidence: match join.confidence {
                Confidence::Exact => "exact",
                Confidence::Resolved => "resolved",
                Confidence::Weak => "weak",
            }
            .to_owned(),
        };
        view::Step {
            number: number_,
            time: ms(finding.time),
            level: level.map(number),
            place: place.unwrap_or_default(),
            text: step.text.to_string(),
            rule: finding.title.to_string(),
            priority: priority(finding.severity),
            techniques: finding.techniques.iter().map(|t| t.0.to_string()).collect(),
            joins: step.joins.iter().map(join).collect(),
            evidence: self.evidence(&finding.evidence),
            repeats: u32::try_from(step.repeats).unwrap_or(u32::MAX),
            entities: finding
                .entities
                .iter()
                .map(|e| (format!("{}.{}", e.role.name(), e.kind.name()), e.value.to_string()))
                .collect(),
        }
    }

    pub(crate) fn tags(&self) -> Vec<view::Tag> {
        self.tags.iter().map(|one| tag(one, self.now - BEHIND, self.now)).collect()
    }

    /// What the process does, in a few words, and whether that is abnormal.
    pub(crate) fn process(&self) -> (String, bool) {
        let abnormal: Vec<&str> =
            self.tags.iter().filter(|tag| tag.abnormal).map(|tag| tag.about.tag.as_str()).collect();
        let equipment: BTreeSet<&str> = self
            .tags
            .iter()
            .map(|tag| tag.about.equipment.as_str())
            .filter(|name| !name.is_empty())
            .collect();
        let name = equipment.into_iter().collect::<Vec<_>>().join(", ");
        if self.tags.iter().all(|tag| tag.last.is_none()) {
            return (String::new(), false);
        }
        match abnormal.as_slice() {
            [] => (format!("{name} normal").trim().to_owned(), false),
            [one] => (format!("{name} {one} out of range").trim().to_owned(), true),
            several => (format!("{name} {} values out of range", several.len()).trim().to_owned(), true),
        }
    }

    pub(crate) fn asset(&self, asset: &Asset) -> view::Asset {
        let told = |about| asset.about(about).unwrap_or_default();
        let make = [told(Trait::Vendor), told(Trait::Model)].join(" ").trim().to_owned();
        let vendor = asset.hardware.iter().find_map(|card| Some(card.vendor?.0)).unwrap_or_default();
        view::Asset {
            id: asset.id.to_string(),
            name: asset.name.as_deref().unwrap_or(&asset.id).to_owned(),
            addresses: asset.addresses.iter().map(|used| used.addr.to_string()).collect(),
            level: if asset.external { Some(5.0) } else { asset.purdue.level.map(number) },
            reasons: asset
                .purdue
                .reasons
                .iter()
                .map(|reason| format!("L{}: {}", reason.level.name(), reason.text))
                .collect(),
            zone: zone(asset).1,
            make: if make.is_empty() { vendor.to_owned() } else { make },
            firmware: told(Trait::Firmware).to_owned(),
            criticality: asset.criticality.map(|c| c.name().to_owned()).unwrap_or_default(),
            services: asset
                .work
                .iter()
                .map(|work| format!("{} {}", work.service, work.side.name()))
                .collect(),
            last: ms(asset.last),
        }
    }
}

fn head(told: &Told, runs: Vec<String>) -> view::IncidentHead {
    let times = told.incident.steps.iter().map(|step| ms(step.finding.time));
    view::IncidentHead {
        id: told.id.clone(),
        title: told.incident.title.to_string(),
        priority: priority(told.incident.severity).max(1),
        start: times.clone().min().unwrap_or_default(),
        end: times.max().unwrap_or_default(),
        steps: u32::try_from(told.incident.steps.len()).unwrap_or(u32::MAX),
        runs,
    }
}

fn keys(incident: &Incident) -> Vec<String> {
    incident.steps.iter().map(|step| crate::findings::key(&step.finding)).collect()
}

fn tag(tag: &Tag, from: Time, until: Time) -> view::Tag {
    let about = &tag.about;
    let inside: Vec<_> = tag.points.iter().filter(|(time, _)| (from..=until).contains(time)).collect();
    view::Tag {
        id: about.tag.clone(),
        text: about.text.clone(),
        unit: about.unit.clone(),
        normal: about.normal,
        range: about.range,
        value: tag.last.map(|(_, value)| digits(value).parse().unwrap_or(value)),
        at: tag.last.map_or(0, |(time, _)| ms(time)),
        points: thinned(&inside),
    }
}

/// At most [`POINTS_MAX`] points: of each stretch the lowest and the highest, so that no peak is lost.
fn thinned(points: &[&(Time, f64)]) -> Vec<(i64, f64)> {
    let shown = |point: &&(Time, f64)| (ms(point.0), point.1);
    if points.len() <= POINTS_MAX {
        return points.iter().map(shown).collect();
    }
    let stretch = points.len().div_ceil(POINTS_MAX / 2);
    let of = |stretch: &[&(Time, f64)]| {
        let by_value = |a: &&&(Time, f64), b: &&&(Time, f64)| a.1.total_cmp(&b.1);
        let mut pair: Vec<_> = stretch
            .iter()
            .min_by(by_value)
            .into_iter()
            .chain(stretch.iter().max_by(by_value))
            .map(shown)
            .collect();
        pair.sort_by_key(|(time, _)| *time);
        pair.dedup();
        pair
    };
    points.chunks(stretch).flat_map(of).collect()
}

/// The account that acts, or that something is done with.
fn user(finding: &Finding) -> Option<String> {
    let of = |role| finding.entities.iter().find(|e| e.role == role && e.kind == EntityKind::User);
    of(Role::Actor).or_else(|| of(Role::Target)).map(|user| user.value.to_string())
}

/// Why an alarm about this asset matters.
fn consequence(target: Option<&Asset>) -> String {
    let Some(asset) = target else { return String::new() };
    let what = [Trait::Vendor, Trait::Model]
        .iter()
        .filter_map(|about| asset.about(*about))
        .collect::<Vec<_>>()
        .join(" ");
    let what = if what.is_empty() { "an asset".to_owned() } else { format!("a {what}") };
    let level = asset.purdue.level.map_or("?", Level::name);
    let mut text = format!("{} is {what} on level {level}", asset.id);
    if let Some(criticality) = asset.criticality {
        text += &format!(" of criticality {}", criticality.name());
    }
    text + "."
}

/// What to check first, by where it happened.
fn checks(finding: &Finding, target: Option<&Asset>) -> Vec<String> {
    let near = target.and_then(|asset| asset.purdue.level).is_some_and(|level| level <= Level::L2);
    let name = target.map(|asset| asset.id.to_string());
    let mut checks = vec![];
    if near {
        let name = name.unwrap_or_default();
        checks.push(format!("Is there a work order for {name}?"));
        checks.push("Call the control room: do they see it, and did they do it?".to_owned());
        checks.push("Look at the process trend before you do anything.".to_owned());
    } else {
        let user = finding.entities.iter().find(|entity| entity.kind == EntityKind::User);
        if let Some(user) = user {
            checks.push(format!("Ask {} whether it was them.", user.value));
        }
        checks.push("What came before and after on this host? Hunt for its name.".to_owned());
    }
    checks
}
