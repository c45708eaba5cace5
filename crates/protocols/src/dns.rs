//! DNS over UDP and TCP, multicast DNS, LLMNR and the NetBIOS name service, which share one message format.
//!
//! Sources: *RFC 1035* (messages, TCP framing), *RFC 1002* (NetBIOS names, NB and NBSTAT records), *RFC 4795*
//! (LLMNR), *RFC 6762* (multicast DNS) and the RFCs named at the record types. Rows, columns and the pairing of
//! queries with replies are those of Zeek's `dns.log`, so that what was built on Zeek's logs goes on working.

mod identity;
mod message;
mod names;
mod record;

use crate::{Guess, Out, Protocol, Session, Side, Stamp, Stream};
use identity::Names;
use message::{Header, Message, Question, Section};
use model::{Name, Span, Time, Transport};
use std::collections::{BTreeMap, VecDeque};
use wire::{Endian, Framing, Reader, Result};

/// RFC 1035, 4.2: port 53, over TCP with two bytes of length in front; RFC 1002: 137; RFC 6762: 5353; RFC 4795: 5355.
pub static PROTOCOL: Protocol = Protocol {
    name: "dns",
    spec: "RFC 1035, RFC 1002, RFC 4795, RFC 6762",
    tcp: Some(Stream {
        ports: &[53],
        framing: Framing::Length { at: 0, width: 2, endian: Endian::Big, plus: 2, max: 65_537 },
    }),
    udp: &[53, NETBIOS, 5353, 5355],
    quiet: Some(Span::s(10)),
    opening: &[],
    recognise: |bytes, _| if bytes.is_empty() { Guess::NeedMore } else { Guess::Maybe },
    open: || Box::<Conversation>::default(),
    logs: &[Dns::SCHEMA],
};

/// Port of the NetBIOS name service, whose names and record types differ, RFC 1002, 4.2.
const NETBIOS: u16 = 137;

/// Messages with one identifier that await their counterpart; one more writes them all out unpaired.
const WAITING_MAX: usize = 51;

/// Identifiers under which messages await their counterpart; one more writes them all out unpaired.
const IDENTIFIERS_MAX: usize = 51;

/// Bytes of the answers of a reply. Names that point to each other let a message say megabytes; of what is beyond, nothing
/// is told but that something is left out.
const ANSWERS_MAX: usize = 64 * 1024;

/// Oddities of one conversation that have a row; a message can have thousands, and nonsense must not fill the disk.
const ODD_MAX: u16 = 250;

/// Silence after which Zeek takes what follows on the same UDP ports for another conversation.
const SILENCE: Span = Span::s(10);

model::log! {
    /// A name query with its reply.
    pub struct Dns<'a>: "dns", Conversation {
        /// Transport that carried it.
        proto: Name,
        /// Identifier that pairs a reply with its query.
        trans_id: u16,
        /// Time from the query to the reply that answered it.
        rtt: Option<Span>,
        /// Name that is asked for, in lower case; a NetBIOS name is decoded.
        query: Option<&'a [u8]>,
        /// Class that is asked for, as a number.
        qclass: Option<u16>,
        /// Class that is asked for, by name.
        qclass_name: Option<&'a str>,
        /// Type of record that is asked for, as a number.
        qtype: Option<u16>,
        /// Type of record that is asked for, by name.
        qtype_name: Option<&'a str>,
        /// Response code of the reply, as a number.
        rcode: Option<u8>,
        /// Response code of the reply, by name.
        rcode_name: Option<&'a str>,
        /// Whether the replying server is an authority for the name.
        aa = "AA": bool,
        /// Whether the query was cut short.
        tc = "TC": bool,
        /// Whether the client wants the server to ask others.
        rd = "RD": bool,
        /// Whether the server asks others.
        ra = "RA": bool,
        /// The three bits behind `RA`: reserved, authentic data, checking disabled.
        z = "Z": u8,
        /// The answers as text, a record each.
        answers: Option<&'a [&'a [u8]]>,
        /// How long each answer may be kept.
        ttls = "TTLs": Option<&'a [Span]>,
        /// Whether the server turned the query down: a reply without any record.
        rejected: bool,
        /// Kind of operation, as a number.
        opcode: Option<u8>,
        /// Kind of operation, by name.
        opcode_name: Option<&'a str>,
    }
}

/// Queries and replies of one conversation that await their counterpart, and what was told about hosts.
#[derive(Default)]
struct Conversation {
    queries: Waiting,
    replies: Waiting,
    /// When the last message was seen.
    last: Option<Time>,
    names: Names,
    /// Oddities so far.
    odd: u16,
}

/// Messages that await their counterpart, by their identifier.
#[derive(Default)]
struct Waiting {
    by: BTreeMap<u16, VecDeque<Exchange>>,
    /// Memory that they take.
    held: usize,
}

/// Memory that an answer takes beside its text.
const ANSWER_COST: usize = 48;

/// What is known of a query and its reply.
struct Exchange {
    /// When the first of the two was seen.
    first: Stamp,
    trans_id: u16,
    opcode: u8,
    query: Option<Vec<u8>>,
    asked: Option<Asked>,
    replied: Option<Replied>,
    rejected: bool,
}

/// What the query adds.
struct Asked {
    class: u16,
    kind: u16,
    tc: bool,
    rd: bool,
    z: u8,
}

/// What the reply adds.
struct Replied {
    rcode: u8,
    /// Set by the first answer, together with `aa` and `ra`.
    rtt: Option<Span>,
    aa: bool,
    ra: bool,
    answers: Vec<(Vec<u8>, Span)>,
}

impl Session for Conversation {
    fn pdu(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        let read = self.message(from, bytes, out);
        out.hold(self.queries.held + self.replies.held + self.names.held());
        read
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.queries.flush(out);
        self.replies.flush(out);
    }

    fn let_go(&mut self, out: &mut Out<'_>) {
        self.end(out);
        self.names = Names::default();
    }
}

impl Conversation {
    fn message(&mut self, from: Side, bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
        self.expire(out);
        let mut r = Reader::new(bytes);
        let stream = out.conversation.transport == Transport::Tcp;
        if stream {
            r.u16_be("length")?;
        }
        let netbios = out.conversation.resp.port == NETBIOS;
        let Some(message) = Message::read(r.rest(), netbios) else {
            out.weird("DNS_truncated_len_lt_hdr_len", None);
            return Ok(());
        };
        self.report(&message, from, out);
        // A stream cuts nothing short: what cannot be read there is not a message, but the middle of one.
        if stream && !message.whole {
            return Ok(());
        }
        self.names.message(&message, from, netbios, out);
        if message.header.opcode == Header::QUERY {
            self.pair(message, netbios, out);
        } else if !netbios {
            out.weird("DNS_unknown_opcode", Some(&message.header.opcode.to_string()));
            out.leave_out();
        }
        Ok(())
    }

    /// Gives up on counterparts after a long silence: multicast DNS uses the same ports and identifier for ever.
    fn expire(&mut self, out: &mut Out<'_>) {
        let silent = self.last.is_some_and(|last| out.now.time - last >= SILENCE);
        if silent && out.conversation.transport == Transport::Udp {
            self.end(out);
        }
    }

    /// Says what the message, good or bad, tells about the conversation.
    fn report(&mut self, message: &Message<'_>, from: Side, out: &mut Out<'_>) {
        if self.last.replace(out.now.time).is_none() {
            reverse_if_answered_first(message, from, out);
        }
        let room = ODD_MAX.saturating_sub(self.odd);
        self.odd += u16::try_from(message.oddities.len()).map_or(room, |count| count.min(room));
        for odd in message.oddities.iter().take(room.into()) {
            out.weird(odd.name, odd.detail.map(|detail| detail.to_string()).as_deref());
        }
        if message.whole {
            out.confirm();
        }
    }

    fn pair(&mut self, message: Message<'_>, netbios: bool, out: &mut Out<'_>) {
        let id = message.header.id;
        let counterpart = if message.header.reply { &mut self.queries } else { &mut self.replies };
        if let Some(mut exchange) = counterpart.take(id) {
            exchange.learn(message, netbios, out);
            return exchange.write(out);
        }
        let mut exchange = Exchange::new(out.now, &message.header);
        let reply = message.header.reply;
        exchange.learn(message, netbios, out);
        (if reply { &mut self.replies } else { &mut self.queries }).wait(exchange, out);
    }
}

/// A conversation that begins with a reply was opened by the end that the reply went to, whose query was not seen.
fn reverse_if_answered_first(message: &Message<'_>, from: Side, out: &mut Out<'_>) {
    if message.header.reply && from == Side::Client && !out.conversation.resp.addr.is_multicast() {
        out.reverse();
    }
}

impl Waiting {
    /// Takes the message that has waited longest under `id`.
    fn take(&mut self, id: u16) -> Option<Exchange> {
        let queue = self.by.get_mut(&id)?;
        let exchange = queue.pop_front();
        if queue.is_empty() {
            self.by.remove(&id);
        }
        self.held -= exchange.as_ref().map_or(0, Exchange::held);
        exchange
    }

    /// Lets `exchange` wait; at the bounds, those that wait are written as they are.
    fn wait(&mut self, exchange: Exchange, out: &mut Out<'_>) {
        let id = exchange.trans_id;
        if !self.by.contains_key(&id) && self.by.len() >= IDENTIFIERS_MAX {
            self.flush(out);
        }
        while self.by.get(&id).is_some_and(|queue| queue.len() >= WAITING_MAX)
            && let Some(exchange) = self.take(id)
        {
            exchange.write(out);
        }
        self.held += exchange.held();
        self.by.entry(id).or_default().push_back(exchange);
    }

    fn flush(&mut self, out: &mut Out<'_>) {
        for queue in std::mem::take(self).by.into_values() {
            queue.iter().for_each(|exchange| exchange.write(out));
        }
    }
}

impl Exchange {
    fn new(first: Stamp, header: &Header) -> Self {
        Self {
            first,
            trans_id: header.id,
            opcode: header.opcode,
            query: None,
            asked: None,
            replied: None,
            rejected: false,
        }
    }

    /// Memory that it takes.
    fn held(&self) -> usize {
        let query = self.query.as_ref().map_or(0, Vec::len);
        let answers = self.replied.as_ref().map_or(&[][..], |replied| &replied.answers);
        let answers: usize = answers.iter().map(|(text, _)| text.len() + ANSWER_COST).sum();
        size_of::<Self>() + query + answers
    }

    fn learn(&mut self, message: Message<'_>, netbios: bool, out: &mut Out<'_>) {
        if message.header.reply {
            self.learn_reply(message, out);
        } else if let Some(question) = message.questions.last() {
            self.learn_query(&message.header, question, netbios);
        }
    }

    /// A query with several questions, which nobody but multicast DNS sends, is told by its last one.
    fn learn_query(&mut self, header: &Header, question: &Question, netbios: bool) {
        let Question { name, kind, class } = question;
        let name = if netbios { names::netbios(name) } else { name.clone() };
        self.query = Some(name);
        self.asked = Some(Asked { class: *class, kind: *kind, tc: header.tc, rd: header.rd, z: header.z });
    }

    fn learn_reply(&mut self, message: Message<'_>, out: &mut Out<'_>) {
        let mut room = ANSWERS_MAX;
        let header = &message.header;
        self.rejected |= header.rejects(!message.questions.is_empty());
        let mut replied =
            Replied { rcode: header.rcode, rtt: None, aa: false, ra: false, answers: Vec::new() };
        for record in message.records.into_iter().filter(|record| record.section == Section::Answer) {
            let Some(text) = record.text else { continue };
            self.query.get_or_insert(record.name);
            replied.aa = header.aa;
            replied.ra = header.ra;
            // Nothing passed between a reply and itself: nobody saw the query.
            replied.rtt = Some(out.now.time - self.first.time).filter(|rtt| rtt.0 != 0);
            if text.len() > room {
                out.leave_out();
            } else if !text.is_empty() {
                room -= text.len();
                replied.answers.push((text, Span::s(record.ttl.into())));
            }
        }
        self.replied = Some(replied);
    }

    fn write(&self, out: &mut Out<'_>) {
        let netbios = out.conversation.resp.port == NETBIOS;
        let (asked, replied) = (self.asked.as_ref(), self.replied.as_ref());
        let class = asked.map(|asked| names::class(asked.class));
        let kind = asked.map(|asked| names::kind(asked.kind, netbios));
        let answered = replied.map_or(&[][..], |replied| &replied.answers);
        let answers: Vec<&[u8]> = answered.iter().map(|(text, _)| &text[..]).collect();
        let ttls: Vec<Span> = answered.iter().map(|(_, ttl)| *ttl).collect();
        let row = Dns {
            proto: Name(out.conversation.transport.name()),
            trans_id: self.trans_id,
            rtt: replied.and_then(|replied| replied.rtt),
            query: self.query.as_deref(),
            qclass: asked.map(|asked| asked.class),
            qclass_name: class.as_deref(),
            qtype: asked.map(|asked| asked.kind),
            qtype_name: kind.as_deref(),
            rcode: replied.map(|replied| replied.rcode),
            rcode_name: replied.map(|replied| names::response(replied.rcode)),
            aa: replied.is_some_and(|replied| replied.aa),
            tc: asked.is_some_and(|asked| asked.tc),
            rd: asked.is_some_and(|asked| asked.rd),
            ra: replied.is_some_and(|replied| replied.ra),
            z: asked.map_or(0, |asked| asked.z),
            answers: Some(&answers[..]).filter(|answers| !answers.is_empty()),
            ttls: Some(&ttls[..]).filter(|ttls| !ttls.is_empty()),
            rejected: self.rejected,
            opcode: Some(self.opcode),
            opcode_name: Some(names::opcode(self.opcode, netbios)),
        };
        out.put(self.first, &row, None);
    }
}

#[cfg(test)]
mod tests;
