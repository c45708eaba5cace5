//! Which host had which address when.

mod track;

use crate::names::{NETBIOS_MAX, host_label};
use crate::network::{Place, canonical, place};
use model::{Confidence, Mac, Span, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use track::{Entry, Track};

/// Addresses whose holders are remembered; names of further addresses are not learned.
pub(crate) const ADDRESSES_MAX: usize = 65_536;

/// Host names remembered; further names are not learned.
pub(crate) const NAMES_MAX: usize = 65_536;

/// Addresses that a looked-up name may have and still mean one host; with more it names a service.
const MULTIHOMED_MAX: usize = 4;

/// Hours for which the proven addresses of a name are kept; the oldest go, and claims of that time are
/// believed.
const PROVEN_MAX: usize = 64;

/// What tells that a host has an address; the earlier in this list, the more it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The host's own log of its own connections.
    Proof,
    /// A DHCP lease; whoever had the address before has it no more.
    Lease,
    /// The name that a client or server gives for itself in a logon (NTLM, RDP); whoever relays or forges one
    /// may lie.
    Claim,
    /// An answer of DNS and the like: true until it changes, possibly one of several names.
    Lookup,
    /// A label that a device tells through an OT or management protocol (`PLC_1`); need not be the only one.
    Label,
}

/// Who has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Short lower-case name.
    pub host: Box<str>,
    /// What told it.
    pub source: Source,
    /// When it was told, the telling that is in force.
    pub since: Time,
    /// [`Confidence::Resolved`] when it was told at or before the time asked for; [`Confidence::Weak`] when
    /// it was told only later, or is a label.
    pub confidence: Confidence,
}

/// Who has an address and when, from all that was observed; the order of observation does not matter.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    addresses: BTreeMap<IpAddr, Tracks>,
    /// Names that the holder of a hardware address had.
    cards: BTreeMap<Mac, Track>,
    names: BTreeMap<Arc<str>, Known>,
    pub(crate) dropped: u64,
}

/// What is known of a name.
#[derive(Debug, Default)]
struct Known {
    /// A computer logs under it.
    computer: bool,
    /// Addresses that it is proven to have had, by hour.
    proven: BTreeSet<(Time, IpAddr)>,
    looked_up: BTreeSet<IpAddr>,
    labelled: BTreeSet<IpAddr>,
}

#[derive(Debug, Default)]
struct Tracks {
    proof: Track,
    claim: Track,
    lookup: Track,
    label: Track,
}

/// Who holds an address by the strongest source.
enum Held<'a> {
    By(&'a Arc<str>, &'a Entry),
    /// Somebody else took it, without a name.
    Taken,
    Unknown,
}

impl Timeline {
    /// `name`, as spelled in the evidence, had `addr` at `time`, says `source`.
    pub(crate) fn observe(&mut self, time: Time, addr: IpAddr, name: &str, source: Source) {
        let Some(name) = host_label(name).and_then(|label| self.intern(&label)) else { return };
        let lease = source == Source::Lease;
        self.insert(addr, source, Entry { time, name: Some(name), mac: None, lease });
    }

    /// The interface `mac` got `addr` at `time` by DHCP; it may have told its name.
    pub(crate) fn lease(&mut self, time: Time, addr: IpAddr, mac: Mac, name: Option<&str>) {
        let name = name.and_then(host_label).and_then(|label| self.intern(&label));
        let entry = Entry { time, name, mac: Some(mac), lease: true };
        if entry.name.is_some() && (self.cards.len() < ADDRESSES_MAX || self.cards.contains_key(&mac)) {
            self.dropped += self.cards.entry(mac).or_default().insert(entry.clone());
        }
        self.insert(addr, Source::Lease, entry);
    }

    /// A computer logs under the label `name`.
    pub(crate) fn computer(&mut self, name: &str) {
        if !self.names.get(name).is_some_and(|known| known.computer)
            && let Some(name) = self.intern(name)
            && let Some(known) = self.names.get_mut(&name)
        {
            known.computer = true;
        }
    }

    /// Who has `addr` at `time`: the last that was told at or before, else the first told after.
    pub(crate) fn host(&self, addr: IpAddr, time: Time) -> Option<Binding> {
        let tracks = self.addresses.get(&canonical(addr))?;
        let proven = self.holder(&tracks.proof, time);
        if let Held::By(name, entry) = proven {
            return Some(self.binding(name, entry, proof_source(entry), entry.time <= time));
        }
        if matches!(proven, Held::Taken) {
            return None;
        }
        let later = tracks.proof.after(time).iter().find_map(|entry| Some((entry.name.as_ref()?, entry)));
        let by_then = |told: &Binding| told.confidence == Confidence::Resolved;
        let told = self.claimed(tracks, addr, time).or_else(|| self.looked_up(tracks, time));
        match later {
            Some((name, entry)) if !(entry.lease && told.as_ref().is_some_and(by_then)) => {
                Some(self.binding(name, entry, proof_source(entry), false))
            }
            Some(_) | None => told.or_else(|| {
                let label = self.settled(&tracks.label, time, |known, _| known.labelled.len() <= 1)?;
                self.named(&label, Source::Label, false)
            }),
        }
    }

    /// A claim counts unless the name is proven to be elsewhere about then: a relayed logon carries its
    /// victim's name.
    fn claimed(&self, tracks: &Tracks, addr: IpAddr, time: Time) -> Option<Binding> {
        let addr = canonical(addr);
        let entry = self.in_force(&tracks.claim, time, |known, at| known.may_have(addr, at))?;
        self.named(entry, Source::Claim, entry.time <= time)
    }

    fn looked_up(&self, tracks: &Tracks, time: Time) -> Option<Binding> {
        let entry = self.settled(&tracks.lookup, time, |known, _| known.looked_up.len() <= MULTIHOMED_MAX)?;
        self.named(&entry, Source::Lookup, entry.time <= time)
    }

    /// Who has `addr` after all that was observed.
    pub(crate) fn latest(&self, addr: IpAddr) -> Option<Binding> {
        self.host(addr, Time(i64::MAX))
    }

    /// Label of the device at `addr`, also where others have the same.
    pub(crate) fn label(&self, addr: IpAddr) -> Option<&str> {
        self.addresses.get(&addr)?.label.all().last()?.name.as_deref()
    }

    /// Every address that somebody proved or claimed to have.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let alive = |tracks: &Tracks| !tracks.proof.all().is_empty() || !tracks.claim.all().is_empty();
        self.addresses.iter().filter(move |(_, tracks)| alive(tracks)).map(|(addr, _)| *addr)
    }

    /// First and last time that somebody claimed `addr`.
    pub(crate) fn claims(&self, addr: IpAddr) -> Option<(Time, Time)> {
        let claims = self.addresses.get(&addr)?.claim.all();
        Some((claims.first()?.time, claims.last()?.time))
    }

    /// Every host that proved to have `addr`, with the first and last time of each.
    pub(crate) fn holders(&self, addr: IpAddr) -> BTreeMap<Box<str>, (Time, Time)> {
        let mut holders = BTreeMap::new();
        for entry in self.addresses.get(&addr).map(|tracks| tracks.proof.all()).unwrap_or_default() {
            if let Some(name) = &entry.name {
                let span = holders.entry(self.whole(name).into()).or_insert((entry.time, entry.time));
                span.1 = entry.time;
            }
        }
        holders
    }

    /// The whole name behind one that NetBIOS has cut, where exactly one is known.
    pub(crate) fn whole<'a>(&'a self, name: &'a str) -> &'a str {
        if name.len() != NETBIOS_MAX {
            return name;
        }
        let after = (std::ops::Bound::Excluded(name), std::ops::Bound::Unbounded);
        let mut longer = self.names.range::<str, _>(after).take_while(|(known, _)| known.starts_with(name));
        match (longer.next(), longer.next()) {
            (Some((only, _)), None) => only,
            _ => name,
        }
    }

    fn holder<'a>(&'a self, track: &'a Track, time: Time) -> Held<'a> {
        let Some(last) = track.before(time).last() else { return Held::Unknown };
        match (&last.name, last.mac) {
            (Some(name), _) => Held::By(name, last),
            (None, Some(mac)) => self.tenant(track, time, mac),
            (None, None) => Held::Unknown,
        }
    }

    /// Name of the interface `mac`, which holds the address of `track` at `time` without having told its name
    /// there.
    fn tenant<'a>(&'a self, track: &'a Track, time: Time, mac: Mac) -> Held<'a> {
        let elsewhere = self.cards.get(&mac).and_then(|card| {
            card.before(time)
                .last()
                .or_else(|| card.after(time).first())
                .and_then(|e| Some((e.name.as_ref()?, e)))
        });
        if let Some((name, entry)) = elsewhere {
            return Held::By(name, entry);
        }
        let same = |entry: &&Entry| entry.mac.is_none_or(|other| other == mac);
        let named = |entry: &'a Entry| entry.name.as_ref().map(|name| (name, entry));
        let mut earlier = track.before(time).iter().rev().take_while(same);
        let mut later = track.after(time).iter().take_while(same);
        if let Some((name, entry)) = earlier.find_map(named).or_else(|| later.find_map(named)) {
            return Held::By(name, entry);
        }
        let taken = track.before(time).iter().any(|entry| entry.mac.is_some_and(|other| other != mac));
        if taken { Held::Taken } else { Held::Unknown }
    }

    /// The last entry at or before `time` whose name counts, else the first after it.
    fn in_force<'a>(
        &self,
        track: &'a Track,
        time: Time,
        counts: impl Fn(&Known, Time) -> bool,
    ) -> Option<&'a Entry> {
        let usable = |entry: &&Entry| {
            entry
                .name
                .as_ref()
                .and_then(|name| self.names.get(name))
                .is_some_and(|known| counts(known, entry.time))
        };
        let mut before = track.before(time).iter().rev();
        before.find(usable).or_else(|| track.after(time).iter().find(usable))
    }

    /// The entry in force at `time`; where names were used side by side, always the same one of them.
    fn settled(&self, track: &Track, time: Time, counts: impl Fn(&Known, Time) -> bool) -> Option<Entry> {
        let entry = self.in_force(track, time, &counts)?;
        let spans = track.spans();
        let (_, (first, last)) = spans.iter().find(|(name, _)| entry.name.as_ref() == Some(*name))?;
        let beside = spans.iter().filter(|(name, span)| {
            span.0 <= *last
                && *first <= span.1
                && self.names.get(**name).is_some_and(|known| counts(known, span.0))
        });
        let computer = |name: &Arc<str>| self.names.get(name).is_some_and(|known| known.computer);
        let (name, _) = beside.min_by_key(|(name, span)| (!computer(name), span.0, Arc::clone(name)))?;
        Some(Entry { name: Some(Arc::clone(name)), ..entry.clone() })
    }

    fn named(&self, entry: &Entry, source: Source, in_force: bool) -> Option<Binding> {
        entry.name.as_ref().map(|name| self.binding(name, entry, source, in_force))
    }

    fn binding(&self, name: &str, entry: &Entry, source: Source, in_force: bool) -> Binding {
        let confidence = if in_force { Confidence::Resolved } else { Confidence::Weak };
        Binding { host: self.whole(name).into(), source, since: entry.time, confidence }
    }

    fn insert(&mut self, addr: IpAddr, source: Source, entry: Entry) {
        let addr = canonical(addr);
        if place(addr) == Place::Nobody {
            return;
        }
        if self.addresses.len() >= ADDRESSES_MAX && !self.addresses.contains_key(&addr) {
            self.dropped += 1;
            return;
        }
        if let Some(known) = entry.name.as_ref().and_then(|name| self.names.get_mut(name)) {
            known.note(entry.time, addr, source);
        }
        let tracks = self.addresses.entry(addr).or_default();
        let track = match source {
            Source::Proof | Source::Lease => &mut tracks.proof,
            Source::Claim => &mut tracks.claim,
            Source::Lookup => &mut tracks.lookup,
            Source::Label => &mut tracks.label,
        };
        self.dropped += track.insert(entry);
    }

    fn intern(&mut self, label: &str) -> Option<Arc<str>> {
        if let Some((known, _)) = self.names.get_key_value(label) {
            return Some(Arc::clone(known));
        }
        if self.names.len() >= NAMES_MAX {
            self.dropped += 1;
            return None;
        }
        let name: Arc<str> = label.into();
        self.names.insert(Arc::clone(&name), Known::default());
        Some(name)
    }
}

impl Known {
    fn note(&mut self, time: Time, addr: IpAddr, source: Source) {
        match source {
            Source::Proof | Source::Lease => {
                self.proven.insert((time.hour(), addr));
                if self.proven.len() > PROVEN_MAX {
                    self.proven.pop_first();
                }
            }
            Source::Claim => {}
            // One more than the bound is enough to know that it is passed.
            Source::Lookup if self.looked_up.len() <= MULTIHOMED_MAX => _ = self.looked_up.insert(addr),
            Source::Label if self.labelled.len() <= 1 => _ = self.labelled.insert(addr),
            Source::Lookup | Source::Label => {}
        }
    }

    /// Whether the name is proven at `addr`, or nowhere, in the hours around `time`.
    fn may_have(&self, addr: IpAddr, time: Time) -> bool {
        let hour = Span::s(3600);
        let about =
            self.proven.iter().filter(|(at, _)| (time.hour() - hour..=time.hour() + hour).contains(at));
        let mut addresses = about.map(|(_, proven)| *proven).peekable();
        addresses.peek().is_none() || addresses.any(|proven| proven == addr)
    }
}

fn proof_source(entry: &Entry) -> Source {
    if entry.lease { Source::Lease } else { Source::Proof }
}

#[cfg(test)]
mod tests {
    use super::track::OBSERVATIONS_MAX;
    use super::*;

    fn addr(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(second: i64) -> Time {
        Time::default() + Span::s(second)
    }

    fn told(timeline: &Timeline, text: &str, second: i64) -> String {
        match timeline.host(addr(text), at(second)) {
            Some(b) => format!("{} {:?} {:?}", b.host, b.source, b.confidence),
            None => "nobody".to_owned(),
        }
    }

    #[test]
    fn an_address_given_to_another_host_is_the_others_from_then_on() {
        let mut timeline = Timeline::default();
        let (a, b) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
        timeline.lease(at(10), addr("10.4.20.17"), a, Some("WS-ENG-07"));
        timeline.lease(at(100), addr("10.4.20.17"), b, Some("LAPTOP-3"));
        timeline.lease(at(110), addr("10.4.20.18"), a, None);
        assert_eq!(told(&timeline, "10.4.20.17", 99), "ws-eng-07 Lease Resolved");
        assert_eq!(told(&timeline, "10.4.20.17", 100), "laptop-3 Lease Resolved");
        assert_eq!(told(&timeline, "10.4.20.18", 120), "ws-eng-07 Lease Resolved");
        assert_eq!(told(&timeline, "10.4.20.17", 5), "ws-eng-07 Lease Weak");
    }

    #[test]
    fn a_nameless_lease_ends_the_name_of_another_interface_but_not_its_own() {
        let mut timeline = Timeline::default();
        let (a, b) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
        timeline.lease(at(10), addr("10.4.20.17"), a, None);
        timeline.observe(at(20), addr("10.4.20.17"), "WS-ENG-07", Source::Proof);
        timeline.lease(at(30), addr("10.4.20.17"), a, None);
        timeline.lease(at(40), addr("10.4.20.17"), b, None);
        assert_eq!(told(&timeline, "10.4.20.17", 35), "ws-eng-07 Proof Resolved");
        assert_eq!(told(&timeline, "10.4.20.17", 45), "nobody");
    }

    #[test]
    fn a_static_address_learned_late_is_known_for_earlier_rows() {
        let mut timeline = Timeline::default();
        timeline.observe(at(500), addr("10.3.0.20"), "HIST01.plant.example", Source::Proof);
        assert_eq!(told(&timeline, "10.3.0.20", 1), "hist01 Proof Weak");
        assert_eq!(told(&timeline, "::ffff:10.3.0.20", 501), "hist01 Proof Resolved");
    }

    #[test]
    fn a_name_of_several_addresses_is_one_host_and_of_very_many_is_none() {
        let mut timeline = Timeline::default();
        for last in 1..=2 {
            timeline.observe(at(1), addr(&format!("10.3.0.{last}")), "hist01.plant.example", Source::Lookup);
        }
        for last in 1..=9 {
            timeline.observe(at(1), addr(&format!("10.9.0.{last}")), "update.plant.example", Source::Lookup);
        }
        assert_eq!(told(&timeline, "10.3.0.1", 2), "hist01 Lookup Resolved");
        assert_eq!(told(&timeline, "10.3.0.2", 2), "hist01 Lookup Resolved");
        assert_eq!(told(&timeline, "10.9.0.1", 2), "nobody");
    }

    #[test]
    fn names_used_side_by_side_are_always_the_same_one_of_them() {
        let mut timeline = Timeline::default();
        for (second, name) in [(1, "pi.plant.example"), (2, "hist01.plant.example"), (3, "pi.plant.example")]
        {
            timeline.observe(at(second), addr("10.3.0.20"), name, Source::Lookup);
        }
        assert_eq!(told(&timeline, "10.3.0.20", 1), "pi Lookup Resolved");
        assert_eq!(told(&timeline, "10.3.0.20", 2), "pi Lookup Resolved");
        timeline.computer("hist01");
        assert_eq!(told(&timeline, "10.3.0.20", 3), "hist01 Lookup Resolved");
    }

    #[test]
    fn a_label_that_two_devices_have_names_neither() {
        let mut timeline = Timeline::default();
        timeline.observe(at(1), addr("10.1.10.5"), "PLC_1", Source::Label);
        assert_eq!(told(&timeline, "10.1.10.5", 2), "plc_1 Label Weak");
        timeline.observe(at(1), addr("10.1.10.6"), "PLC_1", Source::Label);
        assert_eq!(told(&timeline, "10.1.10.5", 2), "nobody");
    }

    #[test]
    fn a_claim_is_not_believed_when_the_name_is_proven_to_be_elsewhere() {
        let mut timeline = Timeline::default();
        timeline.observe(at(1), addr("10.4.20.66"), "HIST01", Source::Claim);
        assert_eq!(told(&timeline, "10.4.20.66", 2), "hist01 Claim Resolved");
        timeline.observe(at(9), addr("10.3.0.20"), "HIST01", Source::Proof);
        assert_eq!(told(&timeline, "10.4.20.66", 2), "nobody");
        timeline.observe(at(90_000), addr("10.4.20.66"), "HIST01", Source::Claim);
        assert_eq!(told(&timeline, "10.4.20.66", 90_000), "hist01 Claim Resolved");
        timeline.observe(at(5), addr("10.4.20.66"), "KALI", Source::Claim);
        assert_eq!(told(&timeline, "10.4.20.66", 9), "kali Claim Resolved");
        timeline.observe(at(9), addr("10.4.20.66"), "WS-BUY-03", Source::Proof);
        assert_eq!(told(&timeline, "10.4.20.66", 6), "ws-buy-03 Proof Weak");
    }

    #[test]
    fn a_name_that_netbios_has_cut_is_the_whole_one() {
        let mut timeline = Timeline::default();
        timeline.observe(at(1), addr("10.4.0.9"), "WORKSTATION-ENG", Source::Proof);
        assert_eq!(told(&timeline, "10.4.0.9", 2), "workstation-eng Proof Resolved");
        timeline.computer("workstation-engineering");
        assert_eq!(told(&timeline, "10.4.0.9", 2), "workstation-engineering Proof Resolved");
    }

    #[test]
    fn at_the_bound_repetitions_go_first_and_are_counted() {
        let mut timeline = Timeline::default();
        timeline.observe(at(0), addr("10.4.0.9"), "first", Source::Proof);
        for second in 1..1000 {
            timeline.observe(at(second), addr("10.4.0.9"), "second", Source::Proof);
        }
        let kept = timeline.addresses[&addr("10.4.0.9")].proof.all().len();
        assert!(kept <= OBSERVATIONS_MAX);
        assert_eq!(kept + usize::try_from(timeline.dropped).unwrap(), 1000);
        assert_eq!(told(&timeline, "10.4.0.9", 0), "first Proof Resolved");
        assert_eq!(told(&timeline, "10.4.0.9", 500), "second Proof Resolved");
    }
}
