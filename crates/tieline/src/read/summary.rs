//! The story for a person.

use super::Story;
use super::affected::affected;
use super::source::Source;
use crate::taps::Statement;
use model::{Confidence, Evidence, Incident, Severity, Step, Time, Trait};
use site::{Asset, Conduit};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Files that are named one by one; of more, kinds are counted and those with something wrong are named.
const FILES_MAX: usize = 20;
/// Lines of a part of the summary; the rest is counted, and is in the JSON.
const ASSETS_MAX: usize = 40;
const CONDUITS_MAX: usize = 30;
const FINDINGS_MAX: usize = 40;

pub(crate) fn write(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    files(story, out)?;
    logs(story, out)?;
    assets(story, out)?;
    conduits(story, out)?;
    one_way(story, out)?;
    findings(story, out)?;
    incidents(story, out)?;
    for text in &story.left_out {
        writeln!(out, "Left out: {text}.")?;
    }
    Ok(())
}

fn one_way(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    if !story.one_way.is_empty() {
        writeln!(out, "\nSaid to be one-way")?;
    }
    story.one_way.iter().try_for_each(|(name, said)| {
        let said = said.as_ref().map_or_else(|| "no capture tells".to_owned(), Statement::sentence);
        writeln!(out, "  {name}: {said}")
    })
}

fn more(all: usize, shown: usize, what: &str, out: &mut dyn Write) -> io::Result<()> {
    if all > shown {
        writeln!(out, "  … and {} more {what} (all with --json)", all - shown)?;
    }
    Ok(())
}

fn files(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Read ({} files)", story.sources.len())?;
    let many = story.sources.len() > FILES_MAX;
    if many {
        kinds(story, out)?;
    }
    // Of many files only those with something wrong are named.
    let named = |source: &&Source| !many || source.failed || source.damaged > 0;
    let named: Vec<&Source> = story.sources.iter().filter(named).collect();
    named.iter().take(FILES_MAX).try_for_each(|source| file(source, out))?;
    more(named.len(), FILES_MAX, "files with something wrong", out)
}

/// Files, entries and time range by kind.
fn kinds(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let mut kinds: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
    for source in &story.sources {
        kinds.entry(source.kind).or_default().push(source);
    }
    for (kind, sources) in kinds {
        let entries: u64 = sources.iter().map(|source| source.entries).sum();
        let first = sources.iter().filter_map(|source| source.first).min();
        let last = sources.iter().filter_map(|source| source.last).max();
        let span = first.zip(last).map_or_else(String::new, |(first, last)| span(first, last));
        let what = unit(kind);
        writeln!(out, "  {kind:18} {:>6} files {entries:>33} {what:8} {span}", sources.len())?;
        left_out(sources.iter().map(|source| source.left_out).sum(), out)?;
    }
    Ok(())
}

/// Packets that the filter left out, if there are any.
fn left_out(packets: u64, out: &mut dyn Write) -> io::Result<()> {
    if packets > 0 {
        writeln!(out, "  {:18} {packets} packets left out by the filter", "")?;
    }
    Ok(())
}

fn unit(kind: &str) -> &'static str {
    if kind == "capture" { "packets" } else { "entries" }
}

fn file(source: &Source, out: &mut dyn Write) -> io::Result<()> {
    let name = source.path.file_name().unwrap_or_default().to_string_lossy();
    let span = source.first.zip(source.last).map_or_else(String::new, |(first, last)| span(first, last));
    writeln!(out, "  {:18} {name:40} {:>9} {:8} {span}", source.kind, source.entries, unit(source.kind))?;
    left_out(source.left_out, out)?;
    if let Some(counters) = source.counters.filter(|c| c.damaged + c.panics + c.evicted + c.let_go > 0) {
        let (damaged, panics, evicted) = (counters.damaged, counters.panics, counters.evicted);
        let ended = match counters.let_go {
            0 => format!("{evicted} conversations ended early"),
            let_go => {
                format!("{evicted} conversations ended early, {let_go} times one let go of what it held")
            }
        };
        writeln!(out, "  {:18} {damaged} damaged packets, {panics} decoder failures, {ended}", "")?;
    }
    if let Some(damage) = &source.damage {
        writeln!(out, "  {:18} {} damaged, the first: {damage}", "", source.damaged)?;
    }
    Ok(())
}

fn logs(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let told: Vec<_> = story.logs.iter().map(|(log, rows)| format!("{log} {rows}")).collect();
    writeln!(out, "\nRows by log\n{}", wrap(&told.join(", "), 2))
}

fn assets(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let mut inside: Vec<&Asset> = story.assets.iter().filter(|asset| !asset.external).collect();
    inside.sort_by_key(|asset| (asset.purdue.level.is_none(), asset.purdue.level));
    let outside = story.assets.len() - inside.len();
    writeln!(out, "\nAssets by Purdue level ({} of the site, {outside} outside)", inside.len())?;
    for asset in inside.iter().take(ASSETS_MAX) {
        let level = asset.purdue.level.map_or("?", |level| level.name());
        let addresses: Vec<_> = asset.addresses.iter().take(3).map(|used| used.addr.to_string()).collect();
        let why: Vec<_> = asset.purdue.reasons.iter().take(2).map(|reason| reason.text.as_str()).collect();
        let sure = if asset.purdue.level.is_some() {
            format!("{} %: ", asset.purdue.confidence)
        } else {
            String::new()
        };
        let line = format!("  {level:4} {:20} {:18} {:34}", asset.id, addresses.join(" "), device(asset));
        writeln!(out, "{line} {sure}{}", why.join("; "))?;
    }
    more(inside.len(), ASSETS_MAX, "assets", out)
}

/// Vendor, model and firmware as told, else who made the network card.
fn device(asset: &Asset) -> String {
    let told: Vec<_> = [Trait::Vendor, Trait::Model, Trait::Firmware, Trait::Os]
        .iter()
        .filter_map(|t| asset.about(*t))
        .collect();
    if told.is_empty() {
        return asset
            .hardware
            .iter()
            .find_map(|card| card.vendor)
            .map_or_else(String::new, |(name, _)| name.to_owned());
    }
    told.join(" ")
}

fn conduits(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let mut order: Vec<&Conduit> = story.conduits.iter().collect();
    order.sort_by_key(|conduit| std::cmp::Reverse(conduit.traffic.asked + conduit.traffic.answered));
    writeln!(out, "\nWho talks to whom ({} pairs, the busiest first)", order.len())?;
    for conduit in order.iter().take(CONDUITS_MAX) {
        let who = format!("{} → {}", conduit.client, conduit.server);
        let traffic = &conduit.traffic;
        let bytes = size(traffic.asked + traffic.answered);
        writeln!(
            out,
            "  {who:44} {:16} {:>7} conversations {bytes:>9}",
            conduit.service, traffic.connections
        )?;
    }
    more(order.len(), CONDUITS_MAX, "pairs", out)
}

fn findings(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let folded = story.findings.folded();
    let told: Vec<_> = folded.iter().filter(|f| f.finding.severity > Severity::Info).collect();
    let facts = folded.len() - told.len();
    writeln!(out, "\nFindings by priority ({} and {facts} facts that are no alarm)", told.len())?;
    for folded in told.iter().take(FINDINGS_MAX) {
        let finding = &folded.finding;
        let times = if folded.count > 1 { format!(" {}×", folded.count) } else { String::new() };
        writeln!(out, "  {:9} {}{times}", finding.severity.name(), finding.title)?;
        let who = folded.who();
        let span = span(folded.first, folded.last);
        writeln!(
            out,
            "            {who}{}{span}, {}",
            if who.is_empty() { "" } else { ", " },
            place(story, &finding.evidence)
        )?;
        writeln!(out, "            {}", finding.evidence.text)?;
    }
    more(told.len(), FINDINGS_MAX, "findings", out)
}

fn incidents(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nIncidents ({})", story.incidents.len())?;
    for incident in &story.incidents {
        told(story, incident, out)?;
    }
    Ok(())
}

fn told(story: &Story, incident: &Incident, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n  {}  {}", incident.severity.name().to_uppercase(), incident.title)?;
    for (number, step) in (1..).zip(&incident.steps) {
        hop(story, number, step, out)?;
    }
    let techniques: Vec<_> = incident.techniques.iter().map(|technique| &*technique.0).collect();
    if !techniques.is_empty() {
        writeln!(out, "    ATT&CK: {}", techniques.join(", "))?;
    }
    if !incident.consequence.is_empty() {
        writeln!(out, "    For the plant:\n{}", wrap(&incident.consequence, 6))?;
        for affected in affected(story, incident) {
            writeln!(out, "{}", wrap(&affected.sentence(), 6))?;
        }
    }
    Ok(())
}

fn hop(story: &Story, number: usize, step: &Step, out: &mut dyn Write) -> io::Result<()> {
    let iso = step.finding.time.iso();
    let clock = iso.get(11..19).unwrap_or(&iso);
    let again = match step.repeats {
        0 => String::new(),
        1 => " (and once more)".to_owned(),
        times => format!(" (and {times} times more)"),
    };
    writeln!(out, "    {number}. {clock}  {}{again}", step.text)?;
    for join in &step.joins {
        let how = match join.confidence {
            Confidence::Exact => "the same value in both rows",
            Confidence::Resolved => "a name or address resolved at that time",
            Confidence::Weak => "time and place only",
        };
        writeln!(
            out,
            "          joined to step {} by {} = {} ({how})",
            join.with + 1,
            join.variable,
            join.value
        )?;
    }
    writeln!(
        out,
        "          evidence: {}: {}",
        place(story, &step.finding.evidence),
        step.finding.evidence.text
    )
}

/// Where the evidence lies, so that a person can look: file and frame, record or line.
fn place(story: &Story, evidence: &Evidence) -> String {
    let source = usize::try_from(evidence.origin.file).ok().and_then(|file| story.sources.get(file));
    let Some(source) = source else { return String::new() };
    let name = source.path.file_name().unwrap_or_default().to_string_lossy();
    let unit = match source.kind {
        "capture" => "frame",
        "mail" => return name.into_owned(),
        "JSON lines" => "line",
        _ => "record",
    };
    format!("{name} {unit} {}", evidence.origin.number)
}

fn span(first: Time, last: Time) -> String {
    let (first, last) = (first.iso(), last.iso());
    let cut =
        |text: &str, range: std::ops::Range<usize>| text.get(range).unwrap_or_default().replace('T', " ");
    match (first.get(..19) == last.get(..19), first.get(..10) == last.get(..10)) {
        (true, _) => cut(&first, 0..19),
        (_, true) => format!("{} – {}", cut(&first, 0..19), cut(&last, 11..19)),
        _ => format!("{} – {}", cut(&first, 0..19), cut(&last, 0..19)),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// Breaks text into lines of readable length.
fn wrap(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut width = usize::MAX;
    for word in text.split_whitespace() {
        if width.saturating_add(word.len()) > 108 {
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines.push_str(&" ".repeat(indent));
            width = indent;
        } else {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += word.chars().count();
    }
    lines
}
