use model::{At, Conversation, Identity, Name, Once, Origin, Ot, Record, Rows, Time, Trait};
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::net::IpAddr;

model::log! {
    /// Something that should not happen on a network: damage, nonsense, a broken rule of a protocol.
    pub struct Weird<'a>: "weird", Conversation {
        /// Name of the condition, Zeek's where Zeek has it.
        name: &'a str,
        /// Details: which field, at which byte, with which value.
        addl: Option<&'a str>,
        /// Whether the condition was also raised as a notice.
        notice: bool,
        /// Which sensor process saw it.
        peer: Option<&'a str>,
        /// Which part of the sensor saw it: the protocol's name, or nothing for link, network and transport.
        source: Option<&'a str>,
    }
}

/// When and where a PDU was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Time of the packet that completed the PDU.
    pub time: Time,
    /// That packet.
    pub origin: Origin,
}

/// Where a session writes its rows and says what it found out about the conversation.
pub struct Out<'a> {
    rows: &'a mut dyn Rows,
    /// Whose rows these are.
    pub conversation: &'a Conversation,
    /// When and where the PDU at hand was seen.
    pub now: Stamp,
    protocol: &'static str,
    confirmed: bool,
    reversed: bool,
    left_out: bool,
    held: usize,
    inside: [Option<&'static str>; INSIDE_MAX],
    known: Option<&'a mut Known>,
}

/// Protocols inside the protocol that one PDU can tell; further ones are left out.
const INSIDE_MAX: usize = 2;

/// What is remembered across conversations.
#[derive(Debug, Default)]
pub struct Known {
    /// What was told already and is not told again: hosts in their parts.
    told: HashSet<(IpAddr, &'static str), foldhash::fast::RandomState>,
    /// Transactions of DHCP, each of which spans conversations.
    pub(crate) transactions: crate::dhcp::Transactions,
}

/// Hosts and parts that are remembered; beyond it a host may be told again.
const KNOWN_MAX: usize = 100_000;

impl<'a> Out<'a> {
    /// Rows of `protocol` in `conversation`, made at `now`, go to `rows`.
    #[inline]
    pub fn new(
        rows: &'a mut dyn Rows,
        conversation: &'a Conversation,
        now: Stamp,
        protocol: &'static str,
    ) -> Self {
        Self {
            rows,
            conversation,
            now,
            protocol,
            confirmed: false,
            reversed: false,
            left_out: false,
            held: 0,
            inside: [None; INSIDE_MAX],
            known: None,
        }
    }

    /// Remembers across conversations what [`Out::once`] has told.
    #[inline]
    pub fn knowing(mut self, known: &'a mut Known) -> Self {
        self.known = Some(known);
        self
    }

    /// What is remembered across conversations, if anything is.
    pub(crate) fn known(&mut self) -> Option<&mut Known> {
        self.known.as_deref_mut()
    }

    /// Writes a row about `host` in its `part`, unless another conversation has told the same before.
    pub fn once(&mut self, host: IpAddr, part: &'static str, row: &dyn Record) {
        let new = self.known.as_mut().is_none_or(|known| {
            if known.told.len() >= KNOWN_MAX {
                known.told.clear();
            }
            known.told.insert((host, part))
        });
        if new {
            let at = At { time: self.now.time, origin: self.now.origin, conversation: None, ot: None };
            let key = foldhash::fast::FixedState::default().hash_one((host, part));
            self.rows.put_once(Once { key, period: None }, &at, row);
        }
    }

    /// Writes a row about the PDU at hand.
    #[inline]
    pub fn row(&mut self, row: &dyn Record) {
        self.put(self.now, row, None);
    }

    /// Writes a row about the PDU at hand, with what it does to the process.
    #[inline]
    pub fn row_ot(&mut self, row: &dyn Record, ot: Ot<'_>) {
        self.put(self.now, row, Some(ot));
    }

    /// Writes a row that belongs to an earlier PDU: a request that now has its response.
    #[inline]
    pub fn put(&mut self, when: Stamp, row: &dyn Record, ot: Option<Ot<'_>>) {
        let at = At { time: when.time, origin: when.origin, conversation: Some(self.conversation), ot };
        self.rows.put(&at, row);
    }

    /// Reports what `host` told about itself, for the inventory.
    pub fn identity(&mut self, host: IpAddr, about: Trait, value: &str) {
        self.identity_with(host, None, about, value);
    }

    /// Reports what `host` with the hardware address `mac` told about itself.
    pub fn identity_with(&mut self, host: IpAddr, mac: Option<&str>, about: Trait, value: &str) {
        let row = Identity { host, mac, about: about.name(), value, protocol: Name(self.protocol) };
        let at = At { time: self.now.time, origin: self.now.origin, conversation: None, ot: None };
        self.rows.put(&at, &row);
    }

    /// Reports a broken rule of the protocol; the conversation goes on.
    pub fn weird(&mut self, name: &str, addl: Option<&str>) {
        let row = Weird { name, addl, notice: false, peer: None, source: Some(self.protocol) };
        self.put(self.now, &row, None);
    }

    /// Says that the conversation is certainly of this protocol: it gets its name in the `service` column.
    #[inline]
    pub fn confirm(&mut self) {
        self.confirmed = true;
    }

    /// Says that the PDU at hand carries another protocol, which gets its name in the `service` column too.
    pub fn confirm_inside(&mut self, name: &'static str) {
        if let Some(place) = self.inside.iter_mut().find(|place| place.is_none()) {
            *place = Some(name);
        }
    }

    /// Names given to [`Out::confirm_inside`].
    pub fn inside(&self) -> impl Iterator<Item = &'static str> {
        self.inside.into_iter().flatten()
    }

    /// Whether [`Out::confirm`] was called.
    #[inline]
    pub fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Says that the end which sent the first PDU is the one that was called: what came first was an answer.
    #[inline]
    pub fn reverse(&mut self) {
        self.reversed = true;
    }

    /// Says that the PDU at hand is left undecoded.
    pub fn leave_out(&mut self) {
        self.left_out = true;
    }

    /// Says how much memory the session holds until more comes, in bytes; needless where that is next to nothing.
    #[inline]
    pub fn hold(&mut self, bytes: usize) {
        self.held = bytes;
    }

    /// What [`Out::hold`] was told.
    #[inline]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Whether [`Out::leave_out`] was called.
    pub fn is_left_out(&self) -> bool {
        self.left_out
    }

    /// Whether [`Out::reverse`] was called: from the next PDU on, the ends are to be taken the other way round.
    #[inline]
    pub fn is_reversed(&self) -> bool {
        self.reversed
    }
}
