//! What response needs to know of the site, and how its runs look on the console.

use super::clock::ms;
use super::config;
use super::picture::{Map, Picture, Told};
use super::sources::Source;
use console::view;
use model::{EntityKind, Level, Role, Span, Step, Time};
use respond::{
    AssetFact, AssetRole, Block, Case, Effect, Entry, Firewall, FirewallError, GuardInput, InForce, Party,
    Progress, Report, Run, RunState, Seen,
};
use site::{Asset, Flow, Side};
use std::net::IpAddr;

/// Stands where no firewall is configured: rules can be read and simulated, not put in force.
pub(crate) struct NoFirewall;

impl Firewall for NoFirewall {
    fn name(&self) -> String {
        "none".to_owned()
    }

    fn render(&self, effects: &[Effect]) -> String {
        // What nftables would be given: the site can carry it to a firewall of its own.
        respond::Nftables::default().render(effects)
    }

    fn list(&mut self) -> Result<Vec<InForce>, FirewallError> {
        Ok(vec![])
    }

    fn put(&mut self, _: &[Effect]) -> Result<(), FirewallError> {
        Err(FirewallError::Said {
            program: "the configuration".to_owned(),
            said: "response.firewall is none; nothing can be put in force".to_owned(),
        })
    }

    fn remove(&mut self, _: &[Block]) -> Result<(), FirewallError> {
        Ok(())
    }
}

/// What there is to contain in an incident: the flow of its last step that acts on a controller.
pub(crate) fn case(told: &Told, map: &Map, settings: &config::Response) -> Option<Case> {
    let step = told.incident.steps.iter().rev().find(|step| acts_on_controller(step, map))?;
    let (source, target) = (end(step, map, Role::Source)?, end(step, map, Role::Target)?);
    let between = |flow: &&Flow| {
        let (client, server) = (flow.client, flow.server);
        client.is_some_and(|addr| source.addrs.contains(&addr))
            && server.is_some_and(|addr| target.addrs.contains(&addr))
    };
    let flows = map.flows.iter().filter(between);
    let flow = flows.min_by_key(|flow| (flow.traffic.last - step.finding.time).0.abs())?;
    Some(Case {
        incident: told.id.clone(),
        title: told.incident.title.to_string(),
        source,
        target,
        transport: flow.transport,
        port: flow.port,
        wanted: Span::s(i64::from(settings.hours) * 3600),
    })
}

fn acts_on_controller(step: &Step, map: &Map) -> bool {
    let target = map.of(&step.finding, Role::Target);
    let near = target.and_then(|asset| asset.purdue.level).is_some_and(|level| level <= Level::L1);
    near && step.finding.evidence.uid.is_some()
}

/// One end of a step's conversation, with the address that stands in its row.
fn end(step: &Step, map: &Map, role: Role) -> Option<Party> {
    let entities = &step.finding.entities;
    let ip = entities.iter().find(|e| e.role == role && e.kind == EntityKind::Ip)?;
    let addr: IpAddr = ip.in_row().parse().ok()?;
    let name = map.of(&step.finding, role).map_or_else(|| addr.to_string(), |asset| asset.id.to_string());
    Some(Party::new(&name, addr))
}

/// Protocols that carry process values and commands.
const PROCESS: [&str; 10] =
    ["modbus", "dnp3", "s7comm", "enip", "iec104", "opcua", "bacnet", "mms", "goose", "profinet"];

/// What the guard judges by.
pub(crate) fn guard_input(
    picture: &Picture,
    settings: &config::Response,
    incident: Option<&Told>,
) -> GuardInput {
    let map = &picture.map;
    let since = incident.and_then(|told| Some(told.incident.steps.first()?.finding.time));
    GuardInput {
        now: picture.now,
        assets: map.assets.iter().filter(|asset| !asset.external).map(fact).collect(),
        conduits: map.flows.iter().filter_map(|flow| seen(flow, map, since)).collect(),
        learned_since: map.flows.iter().map(|flow| flow.traffic.first).min().unwrap_or(picture.now),
        learn_min: hours(settings.learn_hours),
        blind: blind(picture),
        declared_essential: vec![],
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a cast from float saturates")]
fn hours(hours: f64) -> Span {
    Span((hours * 3.6e12) as i64)
}

/// Why the sensor may have missed something.
fn blind(picture: &Picture) -> Option<String> {
    let wrong = |source: &Source| {
        let (name, lost) = (&source.name, source.lost);
        let problem = source.problem.as_ref().filter(|_| source.kind == "interface");
        let loss = (lost > 0).then(|| format!("{name} lost {lost} packets"));
        loss.or_else(|| problem.map(|problem| format!("{name}: {problem}")))
    };
    picture.sources.values().find_map(wrong)
}

fn fact(asset: &Asset) -> AssetFact {
    AssetFact {
        addrs: asset.addresses.iter().filter(|used| used.current).map(|used| used.addr).collect(),
        name: asset.id.to_string(),
        level: asset.purdue.level,
        criticality: asset.criticality,
        safety: asset.criticality == Some(model::Criticality::Safety),
        roles: roles(asset),
    }
}

/// What an asset is for, by what it does and where it stands.
fn roles(asset: &Asset) -> Vec<AssetRole> {
    let does =
        |service: &str, side| asset.work.iter().any(|work| &*work.service == service && work.side == side);
    let controls = |side| PROCESS.iter().any(|protocol| does(protocol, side));
    let level = asset.purdue.level;
    let mut roles = vec![];
    if level.is_some_and(|level| level <= Level::L1) && controls(Side::Server) {
        roles.push(AssetRole::Controller);
    }
    if !asset.acts.is_empty() {
        roles.push(AssetRole::Engineering);
    }
    if level == Some(Level::L2) && asset.acts.is_empty() && controls(Side::Client) {
        roles.push(AssetRole::Hmi);
    }
    if level == Some(Level::L3) && controls(Side::Client) {
        roles.push(AssetRole::Historian);
    }
    if does("krb_tcp", Side::Server) || does("krb", Side::Server) || does("ldap_tcp", Side::Server) {
        roles.push(AssetRole::Directory);
    }
    if does("dns", Side::Server) {
        roles.push(AssetRole::Dns);
    }
    if does("ntp", Side::Server) {
        roles.push(AssetRole::Clock);
    }
    roles
}

/// A flow as the guard takes it; `incident` is when the incident began: what was first written after it is not ordinary.
fn seen(flow: &Flow, map: &Map, incident: Option<Time>) -> Option<Seen> {
    let (client, server) = (flow.client?, flow.server?);
    let level = |addr| map.at(addr).and_then(|asset| asset.purdue.level);
    let ordinary = |first: &Time| incident.is_none_or(|began| *first < began);
    Some(Seen {
        client,
        server,
        transport: flow.transport,
        port: flow.port,
        service: flow.service.to_string(),
        first: flow.traffic.first,
        last: flow.traffic.last,
        process: PROCESS.contains(&&*flow.service),
        writes: flow.first_write.as_ref().is_some_and(ordinary),
        client_level: level(client),
        server_level: level(server),
    })
}

/// A run as the console shows it.
pub(crate) fn run(run: &Run) -> view::Run {
    let request = &run.request;
    view::Run {
        id: run.id.to_string(),
        playbook: request.playbook.clone(),
        incident: request.incident.clone(),
        state: state(run.state),
        asker: request.asker.clone(),
        asked: ms(run.asked),
        lapses: ms(request.lapses),
        steps: run.steps().into_iter().map(step).collect(),
        rule: run.rule.clone(),
        firewall: request.firewall.clone(),
        flow: request.flow(),
        asset: request.target.name.clone(),
        ttl: request.ttl.seconds(),
        expires: run.expires.map(ms),
        guard: run.report.as_ref().map(guard).unwrap_or_default(),
        approvals: run
            .approvals
            .iter()
            .map(|approved| view::Approved {
                who: approved.who.clone(),
                role: approved.role.name().to_owned(),
                at: ms(approved.at),
                by_script: approved.by_script,
            })
            .collect(),
        missing: run.missing().into_iter().map(|role| role.name().to_owned()).collect(),
        to_sign: super::desk::base64(&run.to_sign()),
        reason: run.reason.clone().or_else(|| run.drift.clone()),
        manual: run.manual(),
    }
}

fn state(state: RunState) -> view::RunState {
    match state {
        RunState::Waiting => view::RunState::Waiting,
        RunState::Active => view::RunState::Active,
        RunState::Expired => view::RunState::Expired,
        RunState::Lifted => view::RunState::Lifted,
        RunState::Refused => view::RunState::Refused,
        RunState::Lapsed => view::RunState::Lapsed,
        RunState::Failed => view::RunState::Failed,
    }
}

fn step(step: respond::RunStep) -> view::RunStep {
    let state = match step.progress {
        Progress::Done => "done",
        Progress::Wait => "wait",
        Progress::Todo => "todo",
        Progress::Failed => "failed",
        Progress::Skipped => "skipped",
    };
    view::RunStep { name: step.name, state: state.to_owned(), result: step.result }
}

fn guard(report: &Report) -> view::Guard {
    view::Guard {
        verdict: report.verdict.name().to_owned(),
        reason: report.reason.clone(),
        conduits: report.conduits,
        untouched: report.untouched,
        stops: report
            .touched
            .iter()
            .map(|touched| view::Affected {
                conduit: touched.conduit.clone(),
                effect: touched.effect.clone(),
                last: ms(touched.last),
            })
            .collect(),
        goes_on: report.goes_on.clone(),
    }
}

/// An entry of the ledger as the console shows it.
pub(crate) fn decision(entry: &Entry) -> view::Decision {
    view::Decision {
        time: ms(entry.at),
        number: entry.number,
        run: entry.event.run().map(|run| run.to_string()).unwrap_or_default(),
        who: entry.who.clone(),
        text: entry.event.text(),
    }
}

/// Flows that are stopped now.
pub(crate) fn stopped<'a>(runs: impl Iterator<Item = &'a Run>) -> Vec<(IpAddr, IpAddr)> {
    let active = runs.filter(|run| run.state == RunState::Active);
    active.flat_map(|run| run.request.blocks.iter().map(|block| (block.source(), block.target()))).collect()
}
