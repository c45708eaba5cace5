//! Purdue level of an asset, with the reasons for it: a table of rules, each a level, a weight and a
//! sentence.
//!
//! Levels as in IEC 62443-1-1, 5.2 and ISA-95. The weights are judgement: what an asset does counts about
//! twice what it is called, and the maker of its network card hardly counts.

use crate::asset::Asset;
use crate::conduits::{Side, Traffic};
use crate::oui::Makes;
use crate::services::Family;
use model::{Level, Span, Trait};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Weight that a level needs before it is said at all.
const WEIGHT_MIN: u32 = 20;

/// Weight given to what is not known, when the confidence is worked out.
const DOUBT: u32 = 30;

/// Bytes that a controller has answered to a client before this counts as polling and not as a visit.
const POLLED_BYTES_MIN: u64 = 2_000;

/// Or the time that the client has been asking.
const POLLED_MIN: Span = Span::s(60);

/// Most names that a sentence lists.
const LISTED_MAX: usize = 4;

/// Level of an asset, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purdue {
    /// Level; `None` when nothing tells it, or two levels are told alike.
    pub level: Option<Level>,
    /// How sure it is, from 0 to 100 percent.
    pub confidence: u8,
    /// What speaks for this level and for others, the weightiest first.
    pub reasons: Vec<Reason>,
    /// A person said so.
    pub declared: bool,
}

impl Purdue {
    /// What is known before any rule was asked: what a person declared, if anything.
    pub(crate) fn declared(level: Option<Level>) -> Self {
        let declared = level.is_some();
        Self { level, confidence: if declared { 100 } else { 0 }, reasons: Vec::new(), declared }
    }
}

/// Something that speaks for a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The level that it speaks for.
    pub level: Level,
    /// How much it counts; 100 is as good as certain.
    pub weight: u8,
    /// What was seen, in a sentence whose subject is the asset: `answers modbus`.
    pub text: String,
}

struct Rule {
    level: Level,
    weight: u8,
    /// `{}` stands for what `holds` has found.
    sentence: &'static str,
    holds: fn(&View<'_>) -> Option<String>,
}

const fn rule(
    level: Level,
    weight: u8,
    sentence: &'static str,
    holds: fn(&View<'_>) -> Option<String>,
) -> Rule {
    Rule { level, weight, sentence, holds }
}

const RULES: &[Rule] = &[
    rule(Level::L1, 60, "answers {}, as controllers do", |v| v.answers()),
    rule(Level::L1, 20, "says over a control protocol that it is {}", |v| v.self_description()),
    rule(Level::L1, 15, "its network interface is made by {}, a maker of controllers", |v| {
        v.control_vendor()
    }),
    rule(Level::L2, 50, "polls {} and answers no control protocol itself", |v| v.polled()),
    rule(Level::L2, 15, "visited {} over a control protocol, too briefly for polling", |v| v.visited()),
    rule(Level::L2, 25, "does to controllers what engineering stations do: {}", |v| v.acts()),
    rule(Level::L2, 35, "runs {}, an engineering or operator program", |v| v.programs(Job::Control)),
    rule(Level::L3, 60, "reads from level 1 or 2 ({}) and is queried from above level 3", |v| v.historian()),
    rule(Level::L3, 45, "polls controllers and is entered remotely over {} from the zone between", |v| {
        v.operations()
    }),
    rule(Level::L3, 20, "serves {}, as historians do", |v| v.services(Side::Server, Family::History)),
    rule(Level::Dmz, 70, "is entered remotely from the business side and leads on to {}", |v| v.jump()),
    rule(Level::Dmz, 30, "is entered and left by {}", |v| v.passage()),
    rule(Level::L4, 40, "reads or sends mail over {}", |v| v.services(Side::Client, Family::Mail)),
    rule(Level::L4, 30, "serves {}", |v| v.services(Side::Server, Family::Mail)),
    rule(Level::L4, 35, "runs {}, an office program", |v| v.programs(Job::Office)),
    rule(Level::L4, 25, "uses the web beyond the site", |v| v.browses()),
    rule(Level::L4, 10, "logs on to a domain over {}", |v| v.services(Side::Client, Family::Directory)),
    rule(Level::L5, 50, "has an address beyond the site", |v| v.asset.external.then(String::new)),
    rule(Level::L1, 25, "its name has `{}` in it", |v| {
        v.named(&["plc", "rtu", "pac", "ied", "sis", "controller"])
    }),
    rule(Level::L2, 25, "its name has `{}` in it", |v| v.named(&["hmi", "scada", "ows", "ews", "operator"])),
    rule(Level::L2, 10, "its name has `{}` in it", |v| v.named(&["eng", "engineering"])),
    rule(Level::L3, 25, "its name has `{}` in it", |v| v.named(&["hist", "historian", "mes", "opc", "pims"])),
    rule(Level::Dmz, 25, "its name has `{}` in it", |v| {
        v.named(&["jump", "bastion", "dmz", "gateway", "rdgw"])
    }),
    rule(Level::L4, 25, "its name has `{}` in it", |v| {
        v.named(&["ws", "wks", "workstation", "desktop", "laptop", "nb", "mail", "exch", "print"])
    }),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Job {
    Office,
    Control,
}

/// Programs that tell what a computer is for, by file name.
const PROGRAMS: &[(&str, Job)] = &[
    ("OUTLOOK.EXE", Job::Office),
    ("WINWORD.EXE", Job::Office),
    ("EXCEL.EXE", Job::Office),
    ("POWERPNT.EXE", Job::Office),
    ("Teams.exe", Job::Office),
    ("ms-teams.exe", Job::Office),
    ("thunderbird.exe", Job::Office),
    ("Siemens.Automation.Portal.exe", Job::Control),
    ("s7tgtopx.exe", Job::Control),
    ("PdlRt.exe", Job::Control),
    ("UnityXL.exe", Job::Control),
    ("ControlExpert.exe", Job::Control),
    ("RSLogix5000.exe", Job::Control),
    ("LogixDesigner.exe", Job::Control),
    ("TwinCAT XAE Shell.exe", Job::Control),
    ("CODESYS.exe", Job::Control),
    ("view.exe", Job::Control),
    ("iFIX.exe", Job::Control),
];

/// The program of an image path (`C:\...\OUTLOOK.EXE`), if it tells what its computer is for.
pub(crate) fn telling_program(image: &str) -> Option<&'static str> {
    let file = image.rsplit(['\\', '/']).next()?;
    PROGRAMS.iter().map(|(name, _)| *name).find(|name| name.eq_ignore_ascii_case(file))
}

/// One service that an asset uses or offers, with one peer.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub(crate) service: Arc<str>,
    pub(crate) family: Family,
    pub(crate) side: Side,
    pub(crate) peer: Peer,
    pub(crate) traffic: Traffic,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    /// An asset, by its number.
    Asset(usize),
    /// An address of the site from which nothing was ever heard.
    Unseen,
    /// The world beyond the site.
    Outside,
}

/// What rules look at: an asset, whom it talks to, and what the round before thought of those.
struct View<'a> {
    asset: &'a Asset,
    contacts: &'a [Contact],
    all: &'a [Asset],
    levels: &'a [Option<Level>],
}

/// Rounds until what is known of peers has spread as far as the rules reach: peer, peer's peer, and once
/// more.
const ROUNDS: usize = 3;

/// The level of every asset; `contacts` has a list for each, in the same order.
pub(crate) fn levels(assets: &[Asset], contacts: &[Vec<Contact>]) -> Vec<Purdue> {
    let mut found: Vec<Purdue> = Vec::new();
    let mut levels: Vec<Option<Level>> = assets.iter().map(|asset| asset.purdue.level).collect();
    for _ in 0..ROUNDS {
        let one = |(asset, contacts): (&Asset, &Vec<Contact>)| {
            weigh(&View { asset, contacts, all: assets, levels: &levels })
        };
        found = assets.iter().zip(contacts).map(one).collect();
        levels = found.iter().map(|purdue| purdue.level).collect();
    }
    found
}

fn weigh(view: &View<'_>) -> Purdue {
    let mut reasons: Vec<Reason> = RULES.iter().filter_map(|rule| rule.apply(view)).collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.weight));
    if view.asset.purdue.declared {
        return Purdue { reasons, ..view.asset.purdue.clone() };
    }
    let (level, confidence) = verdict(&reasons);
    Purdue { level, confidence, reasons, declared: false }
}

fn verdict(reasons: &[Reason]) -> (Option<Level>, u8) {
    const LEVELS: [Level; 7] = [Level::L0, Level::L1, Level::L2, Level::L3, Level::Dmz, Level::L4, Level::L5];
    let weight =
        |level| reasons.iter().filter(|r| r.level == level).map(|r| u32::from(r.weight)).sum::<u32>();
    let mut sums: Vec<(u32, Level)> = LEVELS.map(|level| (weight(level), level)).to_vec();
    sums.sort_by_key(|(sum, _)| std::cmp::Reverse(*sum));
    let (Some((best, level)), Some((second, _))) = (sums.first(), sums.get(1)) else { return (None, 0) };
    if *best < WEIGHT_MIN || best == second {
        return (None, 0);
    }
    let all: u32 = sums.iter().map(|(sum, _)| sum).sum();
    (Some(*level), u8::try_from(best * 100 / (all + DOUBT)).unwrap_or(100))
}

impl Rule {
    fn apply(&self, view: &View<'_>) -> Option<Reason> {
        let detail = (self.holds)(view)?;
        Some(Reason { level: self.level, weight: self.weight, text: self.sentence.replace("{}", &detail) })
    }
}

impl View<'_> {
    fn contacts(&self, side: Side, family: Family) -> impl Iterator<Item = &Contact> {
        self.contacts.iter().filter(move |contact| contact.side == side && contact.family == family)
    }

    fn services(&self, side: Side, family: Family) -> Option<String> {
        list(self.contacts(side, family).map(|contact| &*contact.service))
    }

    fn level(&self, contact: &Contact) -> Option<Level> {
        match contact.peer {
            Peer::Asset(n) => self.levels.get(n).copied().flatten(),
            Peer::Unseen => None,
            Peer::Outside => Some(Level::L5),
        }
    }

    fn name<'a>(&'a self, contact: &Contact) -> &'a str {
        match contact.peer {
            Peer::Asset(n) => self.all.get(n).map_or("", |asset| &*asset.id),
            Peer::Unseen => "a silent address",
            Peer::Outside => "outside",
        }
    }

    fn self_description(&self) -> Option<String> {
        let told = |about| self.asset.told.iter().find(|told| told.about == about && told.is_control());
        list([Trait::Vendor, Trait::Model].into_iter().filter_map(told).map(|told| &*told.value))
    }

    fn control_vendor(&self) -> Option<String> {
        let by_controls = |(vendor, makes)| (makes == Makes::Control).then_some(vendor);
        list(self.asset.hardware.iter().filter_map(|card| card.vendor.and_then(by_controls)))
    }

    fn answers(&self) -> Option<String> {
        let answered = self.contacts(Side::Server, Family::Control).filter(|c| c.traffic.answered > 0);
        list(answered.map(|contact| &*contact.service))
    }

    /// Controllers that answered it; what it sends to everybody makes nobody its slave.
    fn controllers(&self) -> impl Iterator<Item = &Contact> {
        self.contacts(Side::Client, Family::Control).filter(|contact| contact.traffic.answered > 0)
    }

    fn polled(&self) -> Option<String> {
        if self.answers().is_some() {
            return None;
        }
        let polled = self.controllers().filter(|contact| is_polling(&contact.traffic));
        list(polled.map(|contact| self.name(contact)))
    }

    fn visited(&self) -> Option<String> {
        if self.controllers().any(|contact| is_polling(&contact.traffic)) {
            return None;
        }
        list(self.controllers().map(|contact| self.name(contact)))
    }

    fn acts(&self) -> Option<String> {
        list(self.asset.acts.iter().map(|(action, _)| *action))
    }

    fn programs(&self, job: Job) -> Option<String> {
        let of_job = |program: &&str| PROGRAMS.iter().any(|(name, of)| name == program && *of == job);
        list(self.asset.programs.iter().copied().filter(of_job))
    }

    fn historian(&self) -> Option<String> {
        let asks_above = |contact: &&Contact| {
            contact.side == Side::Server
                && contact.family != Family::Remote
                && self.level(contact) > Some(Level::L3)
        };
        let below = |contact: &&Contact| {
            let reads = matches!(contact.family, Family::Control | Family::Supervision | Family::History);
            let level = self.level(contact);
            contact.side == Side::Client
                && reads
                && is_polling(&contact.traffic)
                && matches!(level, Some(Level::L1 | Level::L2))
        };
        self.contacts.iter().any(|contact| asks_above(&contact)).then_some(())?;
        list(self.contacts.iter().filter(below).map(|contact| self.name(contact)))
    }

    /// A server of site operations is worked on from afar; an operator station is sat at.
    fn operations(&self) -> Option<String> {
        self.polled()?;
        let entered = |contact: &&Contact| self.level(contact) == Some(Level::Dmz);
        list(self.contacts(Side::Server, Family::Remote).filter(entered).map(|contact| &*contact.service))
    }

    fn jump(&self) -> Option<String> {
        let entered = |contact: &Contact| self.level(contact) >= Some(Level::L4);
        self.contacts(Side::Server, Family::Remote).any(entered).then_some(())?;
        let leads = |contact: &&Contact| self.level(contact).is_some_and(|level| level <= Level::L3);
        list(self.contacts(Side::Client, Family::Remote).filter(leads).map(|contact| self.name(contact)))
    }

    fn passage(&self) -> Option<String> {
        let into = self.services(Side::Server, Family::Remote)?;
        self.contacts(Side::Client, Family::Remote)
            .any(|contact| contact.peer != Peer::Outside)
            .then_some(into)
    }

    fn browses(&self) -> Option<String> {
        let mut web = self.contacts(Side::Client, Family::Web);
        web.any(|contact| contact.peer == Peer::Outside).then(String::new)
    }

    fn named(&self, words: &[&str]) -> Option<String> {
        let names = [&self.asset.name, &self.asset.label].into_iter().flatten();
        let parts: Vec<String> = names.flat_map(|name| parts(name)).collect();
        let said = |word: &&&str| parts.iter().any(|part| is_meant(part, word));
        words.iter().find(said).map(|word| (*word).to_owned())
    }
}

fn is_polling(traffic: &Traffic) -> bool {
    traffic.answered >= POLLED_BYTES_MIN || traffic.last - traffic.first >= POLLED_MIN
}

/// Parts of a name between digits and marks: `ws`, `eng` of `ws-eng-07`.
fn parts(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_alphabetic()).filter(|part| !part.is_empty()).map(str::to_lowercase).collect()
}

/// Short words must stand alone; long ones and those that start no other word may have something behind them.
fn is_meant(part: &str, word: &str) -> bool {
    part == word
        || ((word.len() > 4 || matches!(word, "plc" | "hmi" | "rtu" | "hist")) && part.starts_with(word))
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> Option<String> {
    let items: BTreeSet<&str> = items.collect();
    let more = items.len().saturating_sub(LISTED_MAX);
    let shown: Vec<&str> = items.into_iter().take(LISTED_MAX).collect();
    match (shown.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(shown.join(", ")),
        (false, more) => Some(format!("{} and {more} more", shown.join(", "))),
    }
}
