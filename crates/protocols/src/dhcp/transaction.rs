//! Joining the messages of a transaction.

use super::message::Message;
use super::{CLIENT, Dhcp};
use crate::told::{Told, readable};
use crate::{Out, Side, Stamp};
use model::{Endpoint, Set, Span, Time, Trait, Uid};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Transactions that are followed; one more writes them all out.
const OPEN_MAX: usize = 1024;

/// Memory that a transaction takes, about: ten options, and names of as many conversations.
const COST: usize = 2048;

/// Messages in one row; with this one the row is written and another begins.
const MESSAGES_MAX: usize = 50;

/// Conversations in one row; with this one the row is written and another begins.
const CONVERSATIONS_MAX: usize = 10;

/// Silence after which a transaction is over, ...
const SILENCE: Span = Span::s(5);

/// ... once it is so old. Zeek looks every ten seconds for what is older than ten; this comes closest to its rows.
const SETTLED: Span = Span::s(11);

/// Age at which a transaction is over in any case.
const AGE_MAX: Span = Span::s(30);

/// How often transactions that nobody continues are looked for.
const ROUND: Span = Span::s(1);

/// Transactions by their identifier.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    open: BTreeMap<u32, Transaction>,
    next_round: Time,
}

/// What is known of a transaction.
#[derive(Debug, Default)]
struct Transaction {
    first: Stamp,
    last: Time,
    uids: Vec<String>,
    /// Conversation of the last message; when it ends, so does the transaction.
    last_uid: Option<Uid>,
    client_addr: Option<Ipv4Addr>,
    server_addr: Option<IpAddr>,
    /// From the client's identifier, or else from the server's copy of its hardware address.
    mac: Option<String>,
    /// Hardware address in the header of the client's messages.
    client_mac: Option<String>,
    host_name: Option<Vec<u8>>,
    client_fqdn: Option<Vec<u8>>,
    domain: Option<Vec<u8>>,
    requested_addr: Option<Ipv4Addr>,
    assigned_addr: Option<Ipv4Addr>,
    lease_time: Option<Span>,
    client_message: Option<Vec<u8>>,
    server_message: Option<Vec<u8>>,
    msg_types: Vec<Cow<'static, str>>,
    client_software: Option<Vec<u8>>,
    server_software: Option<Vec<u8>>,
}

impl Transactions {
    /// Takes a message that the end `from` sent.
    pub(super) fn message(&mut self, message: &Message<'_>, from: Side, told: &mut Told, out: &mut Out<'_>) {
        let now = out.now.time;
        if now >= self.next_round || self.open.get(&message.xid).is_some_and(|open| open.is_over(now)) {
            self.next_round = now + ROUND;
            self.write_if(out, |transaction| transaction.is_over(now));
        }
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&message.xid) {
            self.write_if(out, |_| true);
        }
        let first = Transaction { first: out.now, ..Transaction::default() };
        let transaction = self.open.entry(message.xid).or_insert(first);
        transaction.learn(message, from, out);
        transaction.tell(message, told, out);
        if transaction.is_full() {
            transaction.write(out);
            self.open.remove(&message.xid);
        }
    }

    /// Memory that they take.
    pub(super) fn held(&self) -> usize {
        self.open.len() * COST
    }

    /// The conversation of `out` is over, and with it what it was the last to take part in.
    pub(super) fn end_conversation(&mut self, out: &mut Out<'_>) {
        let uid = Some(out.conversation.uid);
        self.write_if(out, |transaction| transaction.last_uid == uid);
    }

    fn write_if(&mut self, out: &mut Out<'_>, over: impl Fn(&Transaction) -> bool) {
        for (_, transaction) in self.open.extract_if(.., |_, transaction| over(transaction)) {
            transaction.write(out);
        }
    }
}

impl Transaction {
    fn is_over(&self, now: Time) -> bool {
        let (age, silence) = (now - self.first.time, now - self.last);
        (age > SETTLED && silence > SILENCE) || age > AGE_MAX
    }

    fn is_full(&self) -> bool {
        self.uids.len() >= CONVERSATIONS_MAX || self.msg_types.len() >= MESSAGES_MAX
    }

    fn learn(&mut self, message: &Message<'_>, from: Side, out: &Out<'_>) {
        let (orig, resp) = (out.conversation.orig, out.conversation.resp);
        self.last = out.now.time;
        let uid = out.conversation.uid;
        self.last_uid = Some(uid);
        if !self.uids.iter().any(|known| known == uid.as_str()) {
            self.uids.push(uid.to_string());
        }
        self.msg_types.push(message.type_name());
        if from == Side::Client && is_client(orig, resp) {
            self.learn_from_client(message, orig.addr);
        } else {
            self.learn_from_server(message, if from == Side::Client { orig.addr } else { resp.addr });
        }
    }

    fn learn_from_client(&mut self, message: &Message<'_>, source: IpAddr) {
        if let IpAddr::V4(source) = source
            && !source.is_unspecified()
            && !source.is_broadcast()
        {
            self.client_addr = Some(source);
        }
        learn(&mut self.host_name, message.host_name);
        learn(&mut self.client_fqdn, message.client_fqdn.as_deref());
        learn(&mut self.client_message, message.message);
        learn(&mut self.client_software, message.vendor_class);
        match message.client_mac {
            Some(mac) => self.mac = Some(mac.to_string()),
            None => self.client_mac = message.mac.map(|mac| mac.to_string()),
        }
        self.requested_addr = message.requested.or(self.requested_addr);
    }

    fn learn_from_server(&mut self, message: &Message<'_>, source: IpAddr) {
        if message.assigned.is_some() {
            self.server_addr = Some(source);
            self.assigned_addr = message.assigned;
        }
        if self.mac.is_none() {
            self.mac = message.mac.map(|mac| mac.to_string());
        }
        self.client_addr = self.client_addr.or(self.assigned_addr);
        learn(&mut self.domain, message.domain);
        learn(&mut self.server_message, message.message);
        learn(&mut self.server_software, message.vendor_class);
        self.lease_time = message.lease.or(self.lease_time);
    }

    /// Tells who has an address: the client that asks to keep one or states its own, or the server that gives it.
    fn tell(&self, message: &Message<'_>, told: &mut Told, out: &mut Out<'_>) {
        let address = match message.kind {
            Some(Message::REQUEST | Message::INFORM) => message.client.or(message.requested),
            Some(Message::ACK) => message.assigned.or(message.client),
            _ => None,
        };
        let Some(host) = address.map(IpAddr::V4) else { return };
        let mac = message.mac.map(|mac| mac.to_string());
        let mac = mac.as_deref();
        for name in [self.host_name.as_deref(), self.client_fqdn.as_deref()].into_iter().flatten() {
            told.tell_full_name(host, mac, name, out);
        }
        if let Some(domain) = message.domain.and_then(readable) {
            told.tell(host, mac, Trait::Domain, domain, out);
        }
        if message.kind != Some(Message::ACK)
            && let Some(system) = message.vendor_class.and_then(operating_system)
        {
            told.tell(host, mac, Trait::Os, system, out);
        }
    }

    fn write(&self, out: &mut Out<'_>) {
        let msg_types: Vec<&str> = self.msg_types.iter().map(|name| &**name).collect();
        let row = Dhcp {
            uids: Set(&self.uids),
            client_addr: self.client_addr.map(IpAddr::V4),
            server_addr: self.server_addr,
            mac: self.mac.as_deref().or(self.client_mac.as_deref()),
            host_name: self.host_name.as_deref(),
            client_fqdn: self.client_fqdn.as_deref(),
            domain: self.domain.as_deref(),
            requested_addr: self.requested_addr.map(IpAddr::V4),
            assigned_addr: self.assigned_addr.map(IpAddr::V4),
            lease_time: self.lease_time,
            client_message: self.client_message.as_deref(),
            server_message: self.server_message.as_deref(),
            msg_types: &msg_types,
            duration: self.last - self.first.time,
            client_software: self.client_software.as_deref(),
            server_software: self.server_software.as_deref(),
        };
        out.put(self.first, &row, None);
    }
}

/// Keeps the latest value of an option.
fn learn(known: &mut Option<Vec<u8>>, said: Option<&[u8]>) {
    if let Some(said) = said {
        *known = Some(said.to_vec());
    }
}

/// Whether the end that opened the conversation is a client; a server opens one to broadcast.
fn is_client(orig: Endpoint, resp: Endpoint) -> bool {
    orig.addr.is_unspecified() || orig.port == CLIENT || resp.port == 67
}

/// The operating system that a vendor class (RFC 2132, 9.13) names, if it names one.
fn operating_system(vendor_class: &[u8]) -> Option<&'static str> {
    let class = str::from_utf8(vendor_class).ok()?;
    let is = |word| class.contains(word);
    match class {
        _ if class.starts_with("MSFT ") => Some("Windows"),
        _ if is("android-dhcp") => Some("Android"),
        _ if is("Linux") => Some("Linux"),
        _ if is("FreeBSD") => Some("FreeBSD"),
        _ if is("VxWorks") => Some("VxWorks"),
        _ => None,
    }
}
