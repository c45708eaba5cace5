use crate::clock::{Clock, EPOCHS, Step, StepKind};
use crate::conduit::{Conduit, Message, Place};
use crate::copies::{Copies, Repeat};
use crate::look::{Look, Mark};
use crate::pairs::Pairs;
use crate::period::{Marked, Period, STEPS_MAX, Tagging};
use crate::prefix::Prefix;
use crate::pulse::Pulse;
use crate::sums::{Sampler, Senders, Sum};
use crate::tags::Tags;
use crate::trace::{Fit, Flags, Trace, news};
use model::{Span, Time};
use std::collections::BTreeMap;
use std::net::IpAddr;
use wire::transport::Tcp;

/// What is known beforehand of a tap and of what it should hear.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Hosts that are missed together when they are silent: zones, areas, classes of assets.
    pub groups: Vec<Group>,
    /// Conduits that are said to be one-way, and where this tap listens to them.
    pub conduits: Vec<(Conduit, Place)>,
    /// A number that senders do not know, the same for all workers; where captures are read again, the same
    /// every time.
    pub seed: u64,
}

/// Hosts of one kind or place.
#[derive(Clone, Debug)]
pub struct Group {
    /// Name of the site for it.
    pub name: Box<str>,
    /// Their addresses. A host of several groups belongs to the first.
    pub networks: Vec<Prefix>,
}

/// One tap, or one worker's part of it: counters and tables of fixed size, fed with every frame.
///
/// The order of calls for a frame: [`Tap::is_copy`]; then, if it is no copy that is to be left out and
/// belongs to a conversation, [`Tap::open`] when that is new, and [`Tap::segment`] or [`Tap::datagram`];
/// [`Tap::end`] when the conversation is over. Frames are shared among workers by conversation, whichever way
/// they go and whatever their tags.
#[derive(Debug)]
pub struct Tap {
    copies: Copies,
    clock: Clock,
    /// Periods so far, wrapping, times [`EPOCHS`], and steps of the clock.
    epoch: u8,
    tags: Tags,
    sampler: Sampler,
    senders: Senders,
    groups: Vec<(Group, Pulse)>,
    pairs: Pairs,
    /// There are conduits that a frame without IP may belong to.
    watches: bool,
    period: Period,
    /// Frames, and tagged ones, when the period began.
    frames_before: u64,
    tagged_before: u64,
}

/// Groups of hosts; what is given beyond it is not listened for.
const GROUPS_MAX: usize = 255;
/// Conduits; what is given beyond it is not watched.
const CONDUITS_MAX: usize = 255;
/// Frames with tags after which their absence means something.
const TAGGED_LEAST: u64 = 100;
/// Frames without a tag in a row that are many, whatever is usual, and so many times the most that were
/// usual.
const BARE_LEAST: u64 = 1000;
const BARE_TIMES: u64 = 20;

impl Tap {
    /// A tap of which nothing has been seen.
    pub fn new(setup: Setup) -> Self {
        let watches = !setup.conduits.is_empty();
        let groups = setup.groups.into_iter().take(GROUPS_MAX).map(|group| (group, Pulse::default()));
        Self {
            copies: Copies::new(setup.seed),
            clock: Clock::default(),
            epoch: 0,
            tags: Tags::default(),
            sampler: Sampler::default(),
            senders: Senders::default(),
            groups: groups.collect(),
            pairs: Pairs::new(setup.conduits.into_iter().take(CONDUITS_MAX).collect()),
            watches,
            period: Period::default(),
            frames_before: 0,
            tagged_before: 0,
        }
    }

    /// Takes the next frame, in the order of the capture. Says whether it is a copy of another one and to be
    /// left out of conversations: only where the tap is known to duplicate, and only where the sender cannot
    /// have meant it.
    #[inline]
    pub fn is_copy(&mut self, look: &Look<'_>) -> bool {
        if self.clock.is_odd(look.time) {
            self.odd_time(look);
        }
        self.tags.see(look.frame.vlan, look.time);
        if self.watches && look.packet.is_none() {
            self.pairs.frame(look);
        }
        !self.copies.rests() && self.compare(look)
    }

    #[cold]
    #[inline(never)]
    fn odd_time(&mut self, look: &Look<'_>) {
        if let Some(step) = self.clock.unusual(look.mark()) {
            self.step(step);
        }
        self.epoch = self.epoch / EPOCHS * EPOCHS + self.clock.epoch;
    }

    #[inline(never)]
    fn compare(&mut self, look: &Look<'_>) -> bool {
        let repeat = self.copies.compare(look);
        repeat != Repeat::New && self.repeated(repeat, look)
    }

    #[cold]
    fn repeated(&mut self, repeat: Repeat, look: &Look<'_>) -> bool {
        let copies = &mut self.period.copies;
        let (count, marked) = match repeat {
            Repeat::Same => (&mut copies.same, Marked::Copy),
            Repeat::Tag => (&mut copies.tag, Marked::Copy),
            Repeat::Hop => (&mut copies.hop, Marked::Copy),
            Repeat::Unsure | Repeat::New => (&mut copies.unsure, Marked::Unsure),
        };
        *count += 1;
        let folds = self.copies.folds && repeat.is_sure();
        copies.folded += u64::from(folds);
        self.period.mark(marked, look.mark());
        folds
    }

    /// Begins to follow a conversation whose first packet goes from `source` to `destination`.
    pub fn open(&mut self, look: &Look<'_>, source: IpAddr, destination: IpAddr) -> Trace {
        let mut trace = Trace::default();
        trace.epoch = self.epoch;
        trace.flags.set(Flags::UNICAST, look.is_unicast());
        trace.groups = [self.group(source), self.group(destination)];
        trace.flags.set(Flags::GROUPED, trace.groups != [0, 0]);
        self.pairs.open(source, destination, look, &mut trace);
        trace
    }

    fn group(&self, addr: IpAddr) -> u8 {
        let has = |(group, _): &(Group, Pulse)| group.networks.iter().any(|network| network.contains(addr));
        let place = self.groups.iter().position(has);
        place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0)
    }

    /// Takes a TCP segment of `len` bytes as the IP header says; `back` says that it goes the other way than
    /// the conversation's first packet.
    #[inline]
    pub fn segment(&mut self, trace: &mut Trace, back: bool, look: &Look<'_>, header: &Tcp<'_>, len: usize) {
        self.pass(trace, back, look);
        if trace.epoch != self.epoch {
            self.goes_on(trace, back, header, len);
        }
        if !trace.follows(header, len, back, &mut self.period.told) {
            self.unusual(trace, back, look, header, len);
        }
        if trace.flags.has(Flags::WATCHED) {
            let message =
                Message { heard: trace.has_heard(back), port: header.source, payload: header.payload };
            self.pairs.watched(trace, back, look, &message);
        }
    }

    #[inline(never)]
    fn unusual(&mut self, trace: &mut Trace, back: bool, look: &Look<'_>, header: &Tcp<'_>, len: usize) {
        trace.segment(header, len, back, ticks(look.time), &mut self.period.told);
        if self.period.told.news != 0 {
            self.news(trace, look.mark());
        }
    }

    /// The conversation was last heard in another period, or before the clock's latest step.
    #[cold]
    #[inline(never)]
    fn goes_on(&mut self, trace: &mut Trace, back: bool, header: &Tcp<'_>, len: usize) {
        let before = std::mem::replace(&mut trace.epoch, self.epoch);
        if before / EPOCHS != self.epoch / EPOCHS {
            trace.goes_on(&mut self.period.told);
        }
        if before % EPOCHS != self.epoch % EPOCHS {
            let fit = trace.fit(header, len, back);
            self.clock.goes_on(before % EPOCHS, fit);
            if fit == Fit::Gap {
                trace.resume();
            }
        }
    }

    /// Keeps the frame that told something.
    #[cold]
    fn news(&mut self, trace: &Trace, mark: Mark) {
        let news = std::mem::take(&mut self.period.told.news);
        for (bit, marked) in
            [(news::GAP, Marked::Gap), (news::LATE, Marked::Late), (news::ONE_SIDED, Marked::OneSided)]
        {
            if news & bit != 0 {
                self.period.mark(marked, mark);
            }
        }
        if news & news::ONE_SIDED != 0 {
            [false, true]
                .into_iter()
                .filter(|back| trace.has_heard(*back))
                .for_each(|back| self.pairs.heard(trace, back));
        }
    }

    /// Takes any other packet of a conversation; `port` is the one it comes from, `payload` what UDP carries.
    #[inline]
    pub fn datagram(&mut self, trace: &mut Trace, back: bool, look: &Look<'_>, port: u16, payload: &[u8]) {
        self.pass(trace, back, look);
        if trace.flags.has(Flags::WATCHED) {
            self.pairs.watched(trace, back, look, &Message { heard: false, port, payload });
        }
    }

    /// What every packet of a conversation has in common.
    #[inline]
    fn pass(&mut self, trace: &mut Trace, back: bool, look: &Look<'_>) {
        if trace.count(back) {
            self.first(trace, back, look);
        }
        if trace.flags.has(Flags::GROUPED) {
            self.beat(trace, back, look.time);
        }
        if self.sampler.takes() {
            self.sample(trace, back, look);
        }
    }

    /// The group of the sender is heard.
    #[inline(never)]
    fn beat(&mut self, trace: &Trace, back: bool, now: Time) {
        let [first, second] = trace.groups;
        let group = usize::from(if back { second } else { first });
        let group = group.checked_sub(1).and_then(|place| self.groups.get_mut(place));
        group.into_iter().for_each(|(_, pulse)| pulse.beat(now));
    }

    /// The first packet of one direction.
    #[cold]
    #[inline(never)]
    fn first(&mut self, trace: &Trace, back: bool, look: &Look<'_>) {
        self.pairs.count(trace, back, look, 1);
        let Some(packet) = look.packet else { return };
        if trace.flags.has(Flags::UNICAST) {
            self.tags.host(Prefix::segment(packet.source), look.frame.vlan.is_some());
        }
    }

    /// A packet that stands for as many as were passed over.
    #[cold]
    #[inline(never)]
    fn sample(&mut self, trace: &Trace, back: bool, look: &Look<'_>) {
        self.pairs.count(trace, back, look, self.sampler.weight());
        self.check(look);
    }

    #[cold]
    fn check(&mut self, look: &Look<'_>) {
        match self.senders.check(look) {
            Some(Sum::Right) => self.period.sums.right += 1,
            Some(Sum::Partial) => self.period.sums.partial += 1,
            Some(Sum::Wrong) => {
                self.period.sums.wrong += 1;
                self.period.mark(Marked::WrongSum, look.mark());
            }
            None => {}
        }
    }

    /// A conversation is over; `last` is its last packet.
    pub fn end(&mut self, trace: &mut Trace, last: Mark) {
        trace.end(&mut self.period.told);
        if self.period.told.news != 0 {
            self.news(trace, last);
        }
    }

    fn step(&mut self, step: Step) {
        if step.kind == StepKind::Jump {
            let by = step.to.time - step.from;
            self.tags.skip(step.from, by);
            self.groups.iter_mut().for_each(|(_, pulse)| pulse.skip(step.from, by));
        }
        if self.period.steps.len() < STEPS_MAX {
            self.period.steps.push(step);
        }
    }

    /// Takes what was seen since the last time, to be merged with that of other workers and judged. What was
    /// learned stays.
    pub fn period(&mut self) -> Period {
        if let Some(step) = self.clock.settle_if_clear() {
            self.step(step);
        }
        self.epoch = self.epoch.wrapping_add(EPOCHS);
        let mut period = std::mem::take(&mut self.period);
        period.frames = self.clock.pulse.beats - self.frames_before;
        self.frames_before = self.clock.pulse.beats;
        period.copies.compared = std::mem::take(&mut self.copies.compared);
        period.copies.telling = std::mem::take(&mut self.copies.telling);
        period.copies.plain = std::mem::take(&mut self.copies.plain);
        period.disorder = std::mem::take(&mut self.clock.disorder);
        period.pulse = self.clock.pulse;
        period.is_unsettled = self.clock.is_unsettled();
        period.groups = self.groups.iter().map(|(_, pulse)| *pulse).collect();
        period.senders = std::mem::take(&mut self.senders);
        period.tags = self.tagging();
        (period.sights, period.passed) = self.pairs.take();
        period
    }

    fn tagging(&mut self) -> Tagging {
        let vlans: BTreeMap<_, _> = self.tags.vlans().collect();
        let tagged = self.tags.tagged;
        let run = self.tags.bare_run();
        let lost = run >= BARE_LEAST.max(self.tags.bare_longest.saturating_mul(BARE_TIMES));
        Tagging {
            bare: self.tags.bare,
            vlans,
            tagged: tagged - std::mem::replace(&mut self.tagged_before, tagged),
            parts: u32::from(tagged >= TAGGED_LEAST),
            parts_lost: u32::from(tagged >= TAGGED_LEAST && lost),
            mixed: self.tags.take_mixed().into_iter().collect(),
        }
    }

    /// How long the tap has been quiet at `now`.
    pub fn quiet(&self, now: Time) -> Span {
        now - self.clock.pulse.last
    }
}

/// Time in units of about 4 ms (2^22 ns), wrapping after some four minutes.
#[inline]
fn ticks(time: Time) -> u16 {
    u16::try_from((time.0 >> 22) & 0xffff).unwrap_or_default()
}
