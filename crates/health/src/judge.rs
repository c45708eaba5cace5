use crate::clock::StepKind;
use crate::condition::{Alarm, Condition, LIMITS, Limit, share};
use crate::conduit::Sight;
use crate::found::Found;
use crate::look::Mark;
use crate::period::{Marked, Period};
use crate::prefix::Prefix;
use crate::pulse::{PART, Pulse, TAP};
use crate::rows::{CaptureLoss, TapHealth};
use crate::sums::{Senders, Sums};
use model::{At, Entity, EntityKind, Evidence, Finding, Origin, Role, Rows, Set, Span, Time};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Judges a tap once per period, whatever number of workers share it.
#[derive(Debug)]
pub struct Judge {
    tap: Box<str>,
    groups: Vec<Box<str>>,
    alarms: [Alarm; LIMITS.len()],
    /// What was silent the last time.
    silent: BTreeSet<String>,
    offloading: BTreeSet<IpAddr>,
    senders: Senders,
    found: Found,
    /// End of the period before.
    before: Option<Time>,
}

/// What a tap is worth, and what was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Conditions that began to hold.
    pub findings: Vec<Finding>,
    /// What was seen of each declared conduit, in their order.
    pub sights: Vec<Sight>,
    /// Whether what the tap does not show can be relied on not to be there: it has traffic, both sides of
    /// conversations, and loses little.
    pub healthy: bool,
    /// Whether it showed both sides of at least one conversation.
    pub both_ways: bool,
}

/// What a period says of a condition.
struct Measure {
    condition: Condition,
    count: u64,
    of: u64,
    /// Goes on behind "3 of 40 (7.5 %)", where it is about a share.
    text: String,
    mark: Option<Mark>,
}

impl Judge {
    /// A judge of the tap `tap`, whose groups have these names, in the order of its set-up.
    pub fn new(tap: &str, groups: Vec<Box<str>>) -> Self {
        Self {
            tap: tap.into(),
            groups,
            alarms: [Alarm::default(); LIMITS.len()],
            silent: BTreeSet::new(),
            offloading: BTreeSet::new(),
            senders: Senders::default(),
            found: Found::default(),
            before: None,
        }
    }

    /// Judges the period that ends at `now`: writes its rows, and tells what began to be wrong. `now` is read
    /// from the clock that the frames' times come from; where a capture is read, it is the time of a frame
    /// that was handed in.
    pub fn judge(&mut self, now: Time, mut period: Period, rows: &mut dyn Rows) -> Report {
        self.senders.merge(std::mem::take(&mut period.senders));
        let hosts = Hosts::of(&self.senders);
        let silent = self.silence(now, &period);
        let mut findings = vec![];
        for measure in measures(&period, &hosts, &silent, &self.silent, &self.offloading) {
            let limit = LIMITS.get(measure.condition as usize);
            let alarm = self.alarms.get_mut(measure.condition as usize);
            let (Some(limit), Some(alarm)) = (limit, alarm) else { continue };
            // More hosts that offload or are silent are news while others are.
            let grows = matches!(measure.condition, Condition::Silence | Condition::Offload);
            let more = grows && alarm.holds && !measure.text.is_empty();
            let begins = alarm.judge(limit, measure.count, measure.of);
            if let Some((count, of)) = begins.or(more.then_some((measure.count, measure.of))) {
                let share =
                    if of > 1 { format!("{count} of {of} ({}) ", percent(count, of)) } else { String::new() };
                let text = format!("{}: {share}{}; {}", self.tap, measure.text, limit.advice);
                findings.push(finding(&self.tap, limit, text, measure.mark, now));
            }
        }
        (self.silent, self.offloading) =
            (silent.iter().map(|(name, _)| name.clone()).collect(), hosts.offload.clone());
        let report = Report {
            findings,
            healthy: self.is_healthy(&period),
            both_ways: period.told.two_sided > 0,
            sights: std::mem::take(&mut period.sights),
        };
        self.write(now, &period, &hosts, rows);
        self.found.judge(now, &self.tap, report.healthy && report.both_ways, &period.passed, rows);
        self.before = Some(now);
        report
    }

    /// Conditions that hold.
    pub fn conditions(&self) -> impl Iterator<Item = Condition> + '_ {
        LIMITS.iter().zip(&self.alarms).filter(|(_, alarm)| alarm.holds).map(|(limit, _)| limit.condition)
    }

    fn is_healthy(&self, period: &Period) -> bool {
        const BLIND: [Condition; 2] = [Condition::OneSided, Condition::Loss];
        period.frames > 0
            && !self.conditions().any(|condition| BLIND.contains(&condition))
            && !self.silent.contains("tap")
    }

    /// What is silent, and since when.
    fn silence(&self, now: Time, period: &Period) -> Vec<(String, Time)> {
        let mut silent = vec![];
        let mut listen = |name: String, pulse: &Pulse, learned| {
            if pulse.is_silent(now, learned) {
                silent.push((name, pulse.last));
            }
        };
        listen("tap".to_owned(), &period.pulse, TAP);
        if period.is_unsettled {
            // The parts may only seem to be late.
            return silent;
        }
        for (vlan, pulse) in &period.tags.vlans {
            listen(format!("vlan {vlan}"), pulse, PART);
        }
        if !period.tags.vlans.is_empty() {
            listen("untagged".to_owned(), &period.tags.bare, PART);
        }
        for (name, pulse) in self.groups.iter().zip(&period.groups) {
            listen(format!("group {name}"), pulse, PART);
        }
        // When nothing is heard at all, the parts say no more.
        if silent.first().is_some_and(|(name, _)| name == "tap") {
            silent.truncate(1);
        }
        silent
    }

    fn write(&self, now: Time, period: &Period, hosts: &Hosts, rows: &mut dyn Rows) {
        let begun = self.before.unwrap_or(period.pulse.begun);
        let ts_delta = Span((now - begun).0.max(0));
        let at = At { time: now, origin: Origin::default(), conversation: None, ot: None };
        let (gaps, acks) = (period.told.gaps, period.told.acks);
        let percent_lost = 100.0 * share(gaps, acks);
        rows.put(&at, &CaptureLoss { ts_delta, peer: &self.tap, gaps, acks, percent_lost });
        let offload: Vec<IpAddr> = hosts.offload.iter().copied().collect();
        let heard = |(vlan, pulse): (&u16, &Pulse)| (pulse.last >= begun).then_some(u64::from(*vlan));
        let vlans: Vec<u64> = period.tags.vlans.iter().filter_map(heard).collect();
        let silent: Vec<String> = self.silent.iter().cloned().collect();
        let conditions: Vec<&str> = self.rules().collect();
        let sums = period.sums;
        let row = TapHealth {
            ts_delta,
            peer: &self.tap,
            frames: period.frames,
            frames_compared: period.copies.compared,
            copies_same: period.copies.same,
            copies_tag: period.copies.tag,
            copies_hop: period.copies.hop,
            copies_folded: period.copies.folded,
            repeats: period.copies.unsure,
            two_sided: period.told.two_sided.max(0).cast_unsigned(),
            one_sided: period.told.one_sided.max(0).cast_unsigned(),
            late: period.told.late,
            lost_bytes: period.told.lost_bytes,
            sums: sums.all().into(),
            sums_offloaded: sums.partial.into(),
            sums_wrong: sums.wrong.into(),
            offload_hosts: Set(&offload),
            vlans: Set(&vlans),
            tagged: period.tags.tagged,
            disorder: period.disorder,
            jumps: count(period, StepKind::Jump),
            longest_quiet: period.pulse.longest,
            silent: Set(&silent),
            conditions: Set(&conditions),
        };
        rows.put(&at, &row);
    }

    fn rules(&self) -> impl Iterator<Item = &'static str> + '_ {
        LIMITS.iter().zip(&self.alarms).filter(|(_, alarm)| alarm.holds).map(|(limit, _)| limit.rule)
    }
}

fn count(period: &Period, kind: StepKind) -> u64 {
    let count = period.steps.iter().filter(|step| step.kind == kind).count();
    u64::try_from(count).unwrap_or_default()
}

/// Hosts by what their checksums say.
#[derive(Debug, Default)]
struct Hosts {
    /// Nearly all of theirs are left to the card.
    offload: BTreeSet<IpAddr>,
    /// All of theirs are wrong, and they are not alone with that.
    rewritten: BTreeSet<IpAddr>,
    /// Packets with wrong sums among those of hosts whose sums are right, and all of them.
    damaged: u64,
    sound: u64,
}

/// Checksums of a host that must have been computed.
const SUMS_LEAST: u32 = 8;

impl Hosts {
    fn of(senders: &Senders) -> Self {
        let mut hosts = Hosts::default();
        let (mut all_wrong, mut right) = (BTreeSet::new(), 0u32);
        for (host, sums) in senders.iter().filter(|(_, sums)| sums.all() >= SUMS_LEAST) {
            let nearly_all = |part: u32| u64::from(part) * 10 >= u64::from(sums.all()) * 9;
            let Sums { partial, wrong, .. } = sums;
            if nearly_all(partial) || (partial > 0 && nearly_all(partial.saturating_add(wrong))) {
                hosts.offload.insert(host);
            } else if nearly_all(wrong) {
                all_wrong.insert(host);
            } else {
                right += 1;
                hosts.damaged += u64::from(wrong);
                hosts.sound += u64::from(sums.all());
            }
        }
        // One host alone with sums of no known kind hands them down unfinished; where several do, they were
        // changed.
        if all_wrong.len() == 1 && right > 0 {
            hosts.offload.append(&mut all_wrong);
        }
        hosts.rewritten = all_wrong;
        hosts
    }
}

fn measures(
    period: &Period,
    hosts: &Hosts,
    silent: &[(String, Time)],
    silent_before: &BTreeSet<String>,
    offloading: &BTreeSet<IpAddr>,
) -> Vec<Measure> {
    let mut all = Vec::from(of_frames(period));
    all.extend(of_conversations(period));
    all.extend(of_sums(period, hosts, offloading));
    all.extend(of_tags(period));
    all.push(of_clock(period));
    all.push(of_silence(period, silent, silent_before));
    all
}

/// Frames with an identification that show whether the tap duplicates.
const TELLING_LEAST: u64 = 200;

fn of_frames(period: &Period) -> [Measure; 2] {
    let copies = period.copies;
    let (tag, hop, same) = (copies.tag, copies.hop, copies.same);
    // Where many frames would show copies and do not, hosts only repeat themselves.
    let disproved = copies.telling >= TELLING_LEAST && copies.sure() < copies.telling / 20;
    [
        Measure {
            condition: Condition::Copies,
            count: copies.sure(),
            of: copies.compared,
            text: format!(
                "frames are copies, in this period {tag} with another VLAN tag, {hop} from the other side of a router, \
                 {same} of the same VLAN; {} were left out",
                copies.folded
            ),
            mark: period.marked(Marked::Copy),
        },
        Measure {
            condition: Condition::Repeats,
            count: if disproved { 0 } else { copies.unsure },
            of: copies.plain,
            text: "frames that have nothing by which a copy is known come twice within 10 ms".to_owned(),
            mark: period.marked(Marked::Unsure),
        },
    ]
}

fn of_conversations(period: &Period) -> [Measure; 3] {
    let told = period.told;
    let (one, two) = (told.one_sided.max(0).cast_unsigned(), told.two_sided.max(0).cast_unsigned());
    [
        Measure {
            condition: Condition::OneSided,
            count: one,
            of: one + two,
            text: "TCP conversations are seen from one side only".to_owned(),
            mark: period.marked(Marked::OneSided),
        },
        Measure {
            condition: Condition::Late,
            count: told.late,
            of: told.acks,
            text: "acknowledgments came before their bytes".to_owned(),
            mark: period.marked(Marked::Late),
        },
        Measure {
            condition: Condition::Loss,
            count: told.gaps,
            of: told.acks,
            text: format!(
                "acknowledgments cover bytes that were never seen, {} in this period",
                told.lost_bytes
            ),
            mark: period.marked(Marked::Gap),
        },
    ]
}

fn of_sums(period: &Period, hosts: &Hosts, offloading: &BTreeSet<IpAddr>) -> [Measure; 3] {
    let new = names(hosts.offload.difference(offloading));
    let mark = period.marked(Marked::WrongSum);
    let changed = names(&hosts.rewritten);
    [
        Measure {
            condition: Condition::Offload,
            count: number(hosts.offload.len()),
            of: 1,
            text: new
                .map(|new| format!("checksums of {new} are those that a host hands to its card"))
                .unwrap_or_default(),
            mark,
        },
        Measure {
            condition: Condition::Damage,
            count: hosts.damaged,
            of: hosts.sound,
            text: "checksums are wrong, of hosts whose others are right".to_owned(),
            mark,
        },
        Measure {
            condition: Condition::Rewritten,
            count: number(hosts.rewritten.len()),
            of: 1,
            text: changed.map(|hosts| format!("all checksums of {hosts} are wrong")).unwrap_or_default(),
            mark,
        },
    ]
}

fn number(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Names of some of them; nothing when there are none.
fn names<T: ToString>(all: impl IntoIterator<Item = T>) -> Option<String> {
    const NAMED: usize = 8;
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    let some = all.get(..NAMED).unwrap_or(&all).join(", ");
    let more = all.len().saturating_sub(NAMED);
    match (all.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(some),
        (false, more) => Some(format!("{some} and {more} more")),
    }
}

fn of_tags(period: &Period) -> [Measure; 2] {
    let tags = &period.tags;
    let lost = tags.parts > 0 && tags.parts == tags.parts_lost;
    let vlans = names(tags.vlans.keys()).unwrap_or_default();
    // Copies of a tagged and an untagged port are told as copies.
    let mixed: Vec<&Prefix> = tags.mixed.iter().filter(|_| period.copies.tag == 0).collect();
    [
        Measure {
            condition: Condition::TagsLost,
            count: lost.into(),
            of: 1,
            text: if lost {
                format!("no frame of VLAN {vlans} for a while, but many without a tag")
            } else {
                String::new()
            },
            mark: None,
        },
        Measure {
            condition: Condition::TagsMixed,
            count: number(mixed.len()),
            of: 1,
            text: names(mixed)
                .map(|all| format!("frames of hosts of {all} come with and without a tag"))
                .unwrap_or_default(),
            mark: None,
        },
    ]
}

fn of_clock(period: &Period) -> Measure {
    let jump = period.steps.iter().find(|step| step.kind == StepKind::Jump);
    let text = jump.map_or_else(String::new, |step| {
        let by = (step.to.time - step.from).0;
        let way = if by < 0 { "back" } else { "ahead" };
        let (seconds, from) = (by.unsigned_abs() / 1_000_000_000, step.from);
        format!("the clock went {way} by {seconds} s at {from}: conversations went on where they stood")
    });
    Measure {
        condition: Condition::Clock,
        count: count(period, StepKind::Jump),
        of: 1,
        text,
        mark: jump.map(|step| step.to),
    }
}

fn of_silence(period: &Period, silent: &[(String, Time)], before: &BTreeSet<String>) -> Measure {
    let mut texts: Vec<String> = silent
        .iter()
        .filter(|(name, _)| !before.contains(name))
        .map(|(name, since)| format!("nothing from {name} since {since}"))
        .collect();
    let over = period.steps.iter().find(|step| step.kind == StepKind::Silence && !before.contains("tap"));
    texts.extend(over.map(|step| format!("nothing from tap between {} and {}", step.from, step.to.time)));
    let mark = over
        .map(|step| step.to)
        .or(silent.first().map(|(_, since)| Mark { time: *since, origin: Origin::default() }));
    let count = u64::try_from(silent.len() + usize::from(over.is_some())).unwrap_or_default();
    Measure { condition: Condition::Silence, count, of: 1, text: texts.join("; "), mark }
}

fn percent(count: u64, of: u64) -> String {
    format!("{:.1} %", 100.0 * share(count, of))
}

fn finding(tap: &str, limit: &Limit, text: String, mark: Option<Mark>, now: Time) -> Finding {
    let mark = mark.unwrap_or(Mark { time: now, origin: Origin::default() });
    Finding {
        time: mark.time,
        arrived: now,
        rule: limit.rule.into(),
        name: limit.rule.into(),
        title: limit.title.into(),
        severity: limit.severity,
        techniques: vec![],
        entities: vec![Entity::new(Role::Target, EntityKind::Host, tap)],
        fields: vec![],
        evidence: Evidence {
            time: mark.time,
            origin: mark.origin,
            log: "tap_health".into(),
            uid: None,
            text: text.into(),
        },
    }
}
