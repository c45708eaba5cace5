//! The story as JSON lines: one object each, told apart by its `type`.

use super::Story;
use super::affected::affected;
use super::source::Source;
use crate::findings::Folded;
use model::{Evidence, Incident, Step};
use serde_json::{Value, json};
use site::Asset;
use std::io::{self, Write};

pub(crate) fn write(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |value: Value| writeln!(out, "{value}");
    story.sources.iter().map(source).try_for_each(&mut line)?;
    for (log, rows) in &story.logs {
        line(json!({ "type": "log", "log": log, "rows": rows }))?;
    }
    story.assets.iter().map(asset).try_for_each(&mut line)?;
    for conduit in &story.conduits {
        let traffic = &conduit.traffic;
        line(json!({
            "type": "conduit", "client": conduit.client, "server": conduit.server, "service": conduit.service,
            "conversations": traffic.connections, "asked_bytes": traffic.asked, "answered_bytes": traffic.answered,
            "first": traffic.first.iso(), "last": traffic.last.iso(),
        }))?;
    }
    for (name, said) in &story.one_way {
        line(json!({
            "type": "one_way", "conduit": name, "verdict": said.as_ref().map(|said| &said.verdict),
            "reason": said.as_ref().and_then(|said| said.reason.as_ref()),
            "missing": said.as_ref().map(|said| &said.missing),
        }))?;
    }
    for folded in story.findings.folded() {
        line(finding(story, folded))?;
    }
    story.incidents.iter().map(|told| incident(story, told)).try_for_each(&mut line)?;
    story.left_out.iter().map(|text| json!({ "type": "left_out", "text": text })).try_for_each(&mut line)
}

fn source(source: &Source) -> Value {
    json!({
        "type": "file", "file": source.path, "kind": source.kind, "bytes": source.bytes, "entries": source.entries,
        "left_out": source.left_out,
        "damaged": source.damaged, "damage": source.damage, "first": source.first.map(|t| t.iso()),
        "last": source.last.map(|t| t.iso()), "failed": source.failed,
        "conversations": source.counters.map(|c| c.conversations),
        "damaged_packets": source.counters.map(|c| c.damaged), "decoder_panics": source.counters.map(|c| c.panics),
        "evicted": source.counters.map(|c| c.evicted), "let_go": source.counters.map(|c| c.let_go),
    })
}

fn asset(asset: &Asset) -> Value {
    json!({
        "type": "asset", "id": asset.id, "name": asset.name, "full_names": asset.full_names, "label": asset.label,
        "addresses": asset.addresses.iter().map(|used| used.addr.to_string()).collect::<Vec<_>>(),
        "hardware": asset.hardware.iter().map(|card| json!({
            "mac": card.mac.to_string(), "vendor": card.vendor.map(|(name, _)| name),
        })).collect::<Vec<_>>(),
        "external": asset.external,
        "told": asset.told.iter().map(|told| json!({
            "about": told.about.name().0, "value": told.value, "protocol": told.protocol,
        })).collect::<Vec<_>>(),
        "work": asset.work.iter().map(|work| json!({
            "service": work.service, "side": work.side.name(), "peers": work.peers,
            "conversations": work.traffic.connections,
        })).collect::<Vec<_>>(),
        "users": asset.users, "level": asset.purdue.level.map(|level| level.name()),
        "level_confidence": asset.purdue.confidence,
        "level_reasons": asset.purdue.reasons.iter().map(|reason| json!({
            "level": reason.level.name(), "weight": reason.weight, "reason": reason.text,
        })).collect::<Vec<_>>(),
        "first": asset.first.iso(), "last": asset.last.iso(),
    })
}

fn finding(story: &Story, folded: &Folded) -> Value {
    let finding = &folded.finding;
    json!({
        "type": "finding", "rule": finding.rule, "name": finding.name, "title": finding.title,
        "level": finding.severity.name(), "techniques": finding.techniques.iter().map(|t| &*t.0).collect::<Vec<_>>(),
        "count": folded.count, "first": folded.first.iso(), "last": folded.last.iso(),
        "entities": finding.entities.iter().map(|e| json!({
            "role": e.role.name(), "kind": e.kind.name(), "value": e.value, "raw": e.raw,
        })).collect::<Vec<_>>(),
        "evidence": evidence(story, &finding.evidence),
    })
}

fn incident(story: &Story, incident: &Incident) -> Value {
    json!({
        "type": "incident", "chain": incident.chain, "title": incident.title, "level": incident.severity.name(),
        "techniques": incident.techniques.iter().map(|t| &*t.0).collect::<Vec<_>>(),
        "consequence": incident.consequence,
        "affected": affected(story, incident).iter().map(|affected| json!({
            "asset": affected.asset.id, "clients": affected.clients, "services": affected.services,
            "text": affected.sentence(),
        })).collect::<Vec<_>>(),
        "variables": incident.variables.iter().map(|(n, v)| (n.to_string(), json!(v))).collect::<serde_json::Map<_, _>>(),
        "steps": incident.steps.iter().map(|told| step(story, told)).collect::<Vec<_>>(),
    })
}

fn step(story: &Story, step: &Step) -> Value {
    json!({
        "time": step.finding.time.iso(), "text": step.text, "rule": step.finding.name, "repeats": step.repeats,
        "joins": step.joins.iter().map(|join| json!({
            "variable": join.variable, "value": join.value, "with_step": join.with + 1,
            "confidence": format!("{:?}", join.confidence).to_lowercase(),
        })).collect::<Vec<_>>(),
        "evidence": evidence(story, &step.finding.evidence),
    })
}

fn evidence(story: &Story, evidence: &Evidence) -> Value {
    let file = usize::try_from(evidence.origin.file).ok().and_then(|file| story.sources.get(file));
    json!({
        "file": file.map(|source| &source.path), "number": evidence.origin.number, "log": evidence.log,
        "uid": evidence.uid, "time": evidence.time.iso(), "text": evidence.text,
    })
}
