//! DHCP for IPv4, and BOOTP with options, from which it grew.
//!
//! Sources: *RFC 2131* (messages), *RFC 2132* (options), *RFC 4702* (option 81, the full name), *RFC 1497* (options of BOOTP).
//! A row is a transaction, as in Zeek's `dhcp.log`: the messages with one identifier that follow each other within
//! seconds. A session joins whatever conversations it is shown.

mod message;

use crate::told::Told;
use crate::{Guess, Out, Protocol, Session, Side, Stamp};
use message::Message;
use model::{Endpoint, Set, Span, Time, Trait};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use wire::Result;

/// RFC 2131, 4.1: a server's port is 67, a client's 68; 4011 is the PXE proxy's.
pub static PROTOCOL: Protocol = Protocol {
    name: "dhcp",
    spec: "RFC 2131, RFC 2132, RFC 4702",
    tcp: None,
    udp: &[67, CLIENT, 4011],
    recognise: |bytes, _| match Message::read(bytes) {
        Ok(_) => Guess::Sure,
        Err(_) => Guess::No,
    },
    open: || Box::<Transactions>::default(),
    logs: &[Dhcp::SCHEMA],
};

const CLIENT: u16 = 68;

/// Transactions that are followed; one more writes them all out.
const OPEN_MAX: usize = 1024;

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

model::log! {
    /// A transaction between a host that wants an address and those who give addresses.
    pub struct Dhcp<'a>: "dhcp", Site {
        /// Conversations in which its messages were seen.
        uids: Set<&'a [String]>,
        /// Address of the client: its own, or else the assigned one.
        client_addr: Option<IpAddr> => Ip,
        /// Address of the server that assigned an address.
        server_addr: Option<IpAddr> => Ip,
        /// Hardware address of the client.
        mac: Option<&'a str> => Mac,
        /// Name that the client gives itself, option 12.
        host_name: Option<&'a [u8]> => Host,
        /// Full name that the client gives itself, option 81.
        client_fqdn: Option<&'a [u8]> => Host,
        /// Domain that the server gives the client, option 15.
        domain: Option<&'a [u8]>,
        /// Address that the client asks for.
        requested_addr: Option<IpAddr>,
        /// Address that the server gives.
        assigned_addr: Option<IpAddr> => Ip,
        /// How long the client may keep it.
        lease_time: Option<Span>,
        /// Why the client declines, option 56.
        client_message: Option<&'a [u8]>,
        /// Why the server refuses, option 56.
        server_message: Option<&'a [u8]>,
        /// Types of its messages in order.
        msg_types: &'a [&'a str],
        /// Time from its first message to its last.
        duration: Span,
        /// What the client says it is, option 60.
        client_software: Option<&'a [u8]>,
        /// What the server says it is, option 60.
        server_software: Option<&'a [u8]>,
    }
}

/// Transactions by their identifier, and what was told about hosts.
#[derive(Default)]
struct Transactions {
    open: BTreeMap<u32, Transaction>,
    told: Told,
}

/// What is known of a transaction.
#[derive(Default)]
struct Transaction {
    first: Stamp,
    last: Time,
    uids: Vec<String>,
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

impl Session for Transactions {
    fn pdu(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        let message = Message::read(bytes)?;
        out.confirm();
        self.expire(out);
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&message.xid) {
            self.end(out);
        }
        let (first, last) = (out.now, out.now.time);
        let transaction = self.open.entry(message.xid).or_insert_with(|| Transaction {
            first,
            last,
            ..Transaction::default()
        });
        transaction.learn(&message, from, out);
        transaction.tell(&message, &mut self.told, out);
        if transaction.is_full() {
            transaction.write(out);
            self.open.remove(&message.xid);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) {
        for transaction in std::mem::take(&mut self.open).into_values() {
            transaction.write(out);
        }
    }
}

impl Transactions {
    fn expire(&mut self, out: &mut Out<'_>) {
        let now = out.now.time;
        for (_, transaction) in self.open.extract_if(.., |_, transaction| transaction.is_over(now)) {
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
        let uid = out.conversation.uid.as_str();
        if !self.uids.iter().any(|known| known == uid) {
            self.uids.push(uid.to_owned());
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
        for name in [message.host_name, message.client_fqdn.as_deref()].into_iter().flatten() {
            told.tell_full_name(host, mac, name, out);
        }
        if let Some(domain) = message.domain.and_then(crate::told::readable) {
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

#[cfg(test)]
mod tests;
