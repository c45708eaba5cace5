//! A script: who is on a site, what always goes on there, and who does what when.
//!
//! A line is one thing; `#` starts a comment. A word comes first, then a name where the thing has one, then
//! `key=value` pairs; a value with spaces stands in double quotes, a double quote in it is written `\"`. A
//! line that starts with `+MM:SS` is a step at that time after the start. The words and their keys stand in
//! [`WORDS`].

mod line;
mod read;

pub use line::{Problem, ScriptError, Word};
pub use read::WORDS;

use crate::umas::Call;
use crate::windows::{Channel, Form};
use model::{Level, Mac, Span, Time};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A whole script.
#[derive(Clone, Debug)]
pub struct Script {
    /// DNS domain of the site, `plant.example`.
    pub domain: Box<str>,
    /// Windows name of the domain, `PLANT`.
    pub netbios: Box<str>,
    /// When the story starts.
    pub start: Time,
    /// How long it goes on.
    pub length: Span,
    /// Networks.
    pub segments: Vec<Arc<Segment>>,
    /// Computers and devices.
    pub hosts: Vec<Arc<Host>>,
    /// People.
    pub accounts: Vec<Arc<Account>>,
    /// Sessions that are open when the story starts.
    pub desks: Vec<Place>,
    /// What is read all the time.
    pub polls: Vec<Poll>,
    /// What happens, in order of time.
    pub steps: Vec<Step>,
    /// Name of the chain that shall tell the story.
    pub chain: Box<str>,
    /// The hops that the chain shall find, in order.
    pub expected: Vec<Expected>,
}

/// A network with one router.
#[derive(Debug)]
pub struct Segment {
    /// Name.
    pub name: Box<str>,
    /// Address of the router in it.
    pub gateway: Ipv4Addr,
    /// Hardware address of the router in it.
    pub mac: Mac,
    /// Name of the host that answers its DNS and DHCP questions.
    pub dns: Box<str>,
}

/// A computer or device.
#[derive(Debug)]
pub struct Host {
    /// Short name.
    pub name: Box<str>,
    /// Full name in DNS.
    pub fqdn: Box<str>,
    /// Network it is in; none when it is somewhere in the internet.
    pub segment: Option<Arc<Segment>>,
    /// Address.
    pub ip: Ipv4Addr,
    /// Hardware address; none where it cannot be seen.
    pub mac: Option<Mac>,
    /// Purdue level.
    pub level: Level,
    /// What it is for, in a word.
    pub role: Box<str>,
    /// How far its clock runs ahead of the site's.
    pub skew: Span,
    /// Channels that are collected from it.
    pub logs: Vec<(Channel, Form)>,
    /// What it controls, when it is a controller.
    pub controller: Option<Controller>,
}

/// What makes a host a controller.
#[derive(Clone, Debug)]
pub struct Controller {
    /// Which registers it has.
    pub map: RegisterMap,
    /// Modbus unit identifier.
    pub unit: u8,
    /// Vendor's reference, `BMX P34 2020`.
    pub reference: Box<str>,
    /// Firmware, `3.10`.
    pub firmware: Box<str>,
    /// Name of its project.
    pub project: Box<str>,
}

/// Registers of a controller, see `registers.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterMap {
    /// The anti-surge controller.
    AntiSurge,
    /// The unit controller: speed and discharge valve.
    Unit,
}

/// A person's account.
#[derive(Debug)]
pub struct Account {
    /// Name without domain.
    pub name: Box<str>,
    /// Last part of its security identifier.
    pub rid: u32,
    /// Name of the person.
    pub person: Box<str>,
}

/// A logon session of somebody on a host.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where.
    pub host: Arc<Host>,
    /// Who.
    pub account: Arc<Account>,
    /// Logon identifier.
    pub session: u64,
}

/// One host reads registers of another all the time.
#[derive(Clone, Debug)]
pub struct Poll {
    /// Who reads.
    pub from: Arc<Host>,
    /// From what.
    pub to: Arc<Host>,
    /// How often.
    pub every: Span,
    /// First register, from 0.
    pub register: u16,
    /// How many.
    pub count: u16,
}

/// What a step is in the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Part of the attack.
    Attack,
    /// Looks like a part of it and is none.
    Decoy,
    /// Everyday life.
    Normal,
}

/// Somebody does something at some time.
#[derive(Clone, Debug)]
pub struct Step {
    /// Line of the script.
    pub line: usize,
    /// Time after the start.
    pub at: Span,
    /// Name, unique in the script.
    pub name: Box<str>,
    /// What it is in the story.
    pub part: Part,
    /// What is done.
    pub act: Act,
}

/// What somebody does.
#[derive(Clone, Debug)]
pub enum Act {
    /// A computer gets its address and name by DHCP.
    Lease {
        /// The computer.
        host: Arc<Host>,
    },
    /// A computer asks for the address of another.
    Lookup {
        /// Who asks.
        from: Arc<Host>,
        /// For whom.
        of: Arc<Host>,
    },
    /// A mail is delivered.
    Mail(Box<Mail>),
    /// A web page or mailbox is read over TLS.
    Browse {
        /// Who reads.
        from: Arc<Host>,
        /// Where.
        to: Arc<Host>,
    },
    /// A program starts.
    Run(Box<Run>),
    /// A program creates a file.
    Drop {
        /// In whose session.
        place: Place,
        /// Program: a whole path, or `@` and the step that started it.
        by: Box<str>,
        /// Whole path of the file.
        path: Box<str>,
    },
    /// A program calls home over HTTP, again and again.
    Beacon {
        /// In whose session.
        place: Place,
        /// Program, as in `Drop`.
        by: Box<str>,
        /// Home.
        to: Arc<Host>,
        /// How often.
        every: Span,
        /// How many times.
        count: u16,
    },
    /// Somebody opens a remote desktop.
    Remote {
        /// From where.
        place: Place,
        /// Where to, and the session that begins there.
        to: Place,
        /// How long it stays open.
        length: Span,
    },
    /// Somebody mistypes the password of a remote desktop.
    Mistype {
        /// From where.
        place: Place,
        /// Where to.
        to: Arc<Host>,
    },
    /// An engineering conversation with a controller.
    Umas {
        /// Who asks.
        from: Arc<Host>,
        /// Whom.
        to: Arc<Host>,
        /// What, and how long after the call before.
        calls: Vec<(Call, Span)>,
        /// Session and program (as in `Drop`) that do it, where the host is watched.
        by: Option<(Place, Box<str>)>,
        /// Whether it ends as soon as the controller says that it does not run.
        when_running: bool,
    },
    /// Registers are written in the conversation in which they are read.
    Write {
        /// Who writes.
        from: Arc<Host>,
        /// Where.
        to: Arc<Host>,
        /// First register, from 0.
        register: u16,
        /// Values, one for each register.
        values: Vec<u16>,
    },
    /// A controller is asked for vendor, product and version in the conversation in which it is read.
    Identify {
        /// Who asks.
        from: Arc<Host>,
        /// Whom.
        to: Arc<Host>,
    },
}

/// A mail and its way.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Sender's address.
    pub from: Box<str>,
    /// Sender's name.
    pub person: Box<str>,
    /// Recipient's address.
    pub to: Box<str>,
    /// Subject.
    pub subject: Box<str>,
    /// Text; `\n` starts a new line.
    pub text: Box<str>,
    /// Name of the attachment.
    pub attachment: Option<Box<str>>,
    /// Host that brings it.
    pub relay: Arc<Host>,
    /// Host that takes it.
    pub server: Arc<Host>,
}

/// A program that starts.
#[derive(Clone, Debug)]
pub struct Run {
    /// In whose session.
    pub place: Place,
    /// Whole path.
    pub image: Box<str>,
    /// Command line.
    pub command: Box<str>,
    /// Who starts it: a whole path, or `@` and the step that started that.
    pub parent: Box<str>,
}

/// A hop that the chain shall find.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Step of the script.
    pub step: Box<str>,
    /// Which of its evidence shows it.
    pub kind: Box<str>,
    /// Why it belongs to the story.
    pub joins: Vec<ExpectedJoin>,
}

/// A value that two hops share.
#[derive(Clone, Debug)]
pub struct ExpectedJoin {
    /// Variable of the chain.
    pub variable: Box<str>,
    /// Its value.
    pub value: Box<str>,
    /// Step of the earlier hop.
    pub with: Box<str>,
}

impl Part {
    /// Word in scripts and in the truth.
    pub fn name(self) -> &'static str {
        match self {
            Part::Attack => "attack",
            Part::Decoy => "decoy",
            Part::Normal => "normal",
        }
    }
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// At the first line that does not say what it should, with the line's number.
    pub fn read(text: &str) -> Result<Self, ScriptError> {
        read::script(text)
    }

    /// The host `name`, in any case; `None` when there is none.
    pub fn host(&self, name: &str) -> Option<&Arc<Host>> {
        self.hosts.iter().find(|host| host.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests;
