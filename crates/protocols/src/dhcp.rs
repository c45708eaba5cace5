//! DHCP for IPv4, and BOOTP with options, from which it grew.
//!
//! Sources: *RFC 2131* (messages), *RFC 2132* (options), *RFC 4702* (option 81, the full name), *RFC 1497* (options of BOOTP).
//! A row is a transaction, as in Zeek's `dhcp.log`: the messages with one identifier that follow each other within
//! seconds. Half of them are broadcast, so that a transaction spans conversations; [`Known`](crate::Known) keeps it.

mod message;
mod transaction;

use crate::told::Told;
use crate::{Guess, Out, Protocol, Session, Side};
use message::Message;
use model::{Set, Span};
use std::net::IpAddr;
pub(crate) use transaction::Transactions;
use wire::Result;

/// RFC 2131, 4.1: a server's port is 67, a client's 68; 4011 is the PXE proxy's.
pub static PROTOCOL: Protocol = Protocol {
    name: "dhcp",
    spec: "RFC 2131, RFC 2132, RFC 4702",
    tcp: None,
    udp: &[67, CLIENT, 4011],
    quiet: None,
    opening: &[&[1..=2]],
    recognise: |bytes, _| match Message::read(bytes) {
        Ok(_) => Guess::Sure,
        Err(_) => Guess::No,
    },
    open: || Box::<Conversation>::default(),
    logs: &[Dhcp::SCHEMA],
};

const CLIENT: u16 = 68;

/// Ports of conversations that everybody who shares the traffic follows; messages elsewhere may be seen by one only.
const SHARED: [u16; 2] = [67, CLIENT];

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

/// One of the conversations in which transactions take place.
#[derive(Default)]
struct Conversation {
    /// Holds the transactions where nothing is known across conversations, or not by everybody.
    alone: Transactions,
    told: Told,
}

impl Session for Conversation {
    fn pdu(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        let message = Message::read(bytes)?;
        out.confirm();
        let mut transactions = std::mem::take(self.transactions(out));
        transactions.message(&message, from, &mut self.told, out);
        *self.transactions(out) = transactions;
        out.hold(self.told.held() + self.alone.held());
        Ok(())
    }

    fn end(&mut self, out: &mut Out<'_>) {
        let mut transactions = std::mem::take(self.transactions(out));
        transactions.end_conversation(out);
        *self.transactions(out) = transactions;
    }

    fn let_go(&mut self, out: &mut Out<'_>) {
        self.end(out);
        self.told = Told::default();
    }
}

impl Conversation {
    fn transactions<'a>(&'a mut self, out: &'a mut Out<'_>) -> &'a mut Transactions {
        let ports = [out.conversation.orig.port, out.conversation.resp.port];
        let known = out.known().filter(|_| ports.iter().any(|port| SHARED.contains(port)));
        known.map_or(&mut self.alone, |known| &mut known.transactions)
    }
}

#[cfg(test)]
mod tests;
