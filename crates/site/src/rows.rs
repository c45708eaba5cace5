//! What typed rows tell about the site.

use crate::Site;
use crate::columns::{Columns, count, each_text, text};
use crate::conduits::{End, Talk, Traffic};
use crate::network::{Place, canonical, parse, place};
use crate::services::{self, Unlisted};
use crate::timeline::Source;
use crate::{names, oui};
use model::{Action, At, Cell, Conversation, Mac, Ot, Outcome, Record, Schema, Span, Time, Trait, Transport};
use std::net::IpAddr;

/// Places of the columns that are looked at.
#[derive(Debug)]
pub(crate) struct Wanted {
    conn: Columns<8>,
    identity: Columns<5>,
    dhcp: Columns<7>,
    dns: Columns<2>,
    ntlm: Columns<3>,
    rdp: Columns<1>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            conn: Columns::new([
                "service",
                "duration",
                "orig_bytes",
                "resp_bytes",
                "conn_state",
                "resp_pkts",
                "orig_l2_addr",
                "resp_l2_addr",
            ]),
            identity: Columns::new(["host", "mac", "trait", "value", "protocol"]),
            dhcp: Columns::new([
                "msg_types",
                "client_addr",
                "assigned_addr",
                "mac",
                "host_name",
                "client_fqdn",
                "domain",
            ]),
            dns: Columns::new(["query", "answers"]),
            ntlm: Columns::new(["hostname", "server_nb_computer_name", "server_dns_computer_name"]),
            rdp: Columns::new(["client_name"]),
        }
    }
}

/// What an [`model::Identity`] row can tell that is kept.
const TRAITS: [Trait; 7] =
    [Trait::HostName, Trait::Domain, Trait::Vendor, Trait::Model, Trait::Firmware, Trait::Serial, Trait::Os];

pub(crate) fn observe(site: &mut Site, at: &At<'_>, row: &dyn Record) {
    if let (Some(ot), Some(conversation)) = (&at.ot, at.conversation) {
        act(site, at.time, ot, conversation);
    }
    if let Some(read) = site.routes.of(row.schema()) {
        read(site, at, row);
    }
}

type Read = fn(&mut Site, &At<'_>, &dyn Record);

/// Who reads the rows of a log, looked up by name once per log.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    known: Vec<(&'static Schema, Option<Read>)>,
}

impl Routes {
    fn of(&mut self, schema: &'static Schema) -> Option<Read> {
        if let Some((_, read)) = self.known.iter().find(|(known, _)| std::ptr::eq(*known, schema)) {
            return *read;
        }
        let read = reader(schema);
        self.known.push((schema, read));
        read
    }
}

fn reader(schema: &Schema) -> Option<Read> {
    match schema.log {
        "conn" => Some(conn),
        "identity" => Some(identity),
        "dhcp" => Some(dhcp),
        "dns" => Some(dns),
        "ntlm" => Some(ntlm),
        "rdp" => Some(rdp),
        _ => None,
    }
}

/// Whether a row of this log, with this action, tells anything about the site.
pub(crate) fn is_telling(schema: &Schema, action: Option<Action>) -> bool {
    action.is_some_and(|action| action != Action::Read) || reader(schema).is_some()
}

/// Remembers who changes controllers; reading and writing values is what everybody there does.
fn act(site: &mut Site, time: Time, ot: &Ot<'_>, conversation: &Conversation) {
    if matches!(ot.action, Action::Write | Action::ControlOperate) && ot.outcome != Outcome::Rejected {
        let (client, server) = (canonical(conversation.orig.addr), canonical(conversation.resp.addr));
        let (client, server) = (site.end(client), site.end(server));
        site.conduits.wrote(client, server, time);
    }
    let changes = matches!(
        ot.action,
        Action::ProgramDownload
            | Action::ProgramUpload
            | Action::ProgramDelete
            | Action::Firmware
            | Action::ModeChange
            | Action::ConfigSet
    );
    if changes && let Some(facts) = site.inventory.see(canonical(conversation.orig.addr), time, time) {
        facts.act(ot.action.name());
    }
}

fn conn(site: &mut Site, at: &At<'_>, row: &dyn Record) {
    let Some(conversation) = at.conversation else { return };
    row.cells(&mut |cells| {
        let cells = site.wanted.conn.pick(row.schema(), cells);
        talk(site, at.time, conversation, cells);
    });
}

fn talk(site: &mut Site, start: Time, conversation: &Conversation, cells: [Cell<'_>; 8]) {
    let [service, duration, asked, answered, state, resp_packets, orig_card, resp_card] = cells;
    let lasted = if let Cell::Interval(span) = duration { span } else { Span(0) };
    let (asked, answered) = (count(asked).unwrap_or(0), count(answered).unwrap_or(0));
    let traffic = Traffic { connections: 1, asked, answered, first: start, last: start + lasted };
    let (client, server) = (canonical(conversation.orig.addr), canonical(conversation.resp.addr));
    let state = text(state);
    let spoke = count(resp_packets).map_or_else(|| answered > 0 || replied(state), |packets| packets > 0);
    sight(site, client, spoke.then_some(server), &traffic, orig_card);
    // An address that never answered may be nobody's: a scan must not fill the inventory.
    if spoke {
        sight(site, server, Some(client), &traffic, resp_card);
    }
    let one_way = asked > 0 && matches!(conversation.transport, Transport::Udp);
    if served(state, answered) || (one_way && place(server) != Place::Nobody) {
        let (client, server) = (site.end(client), site.end(server));
        serve(site, conversation, text(service), (client, server), traffic);
    }
}

fn sight(site: &mut Site, addr: IpAddr, peer: Option<IpAddr>, traffic: &Traffic, card: Cell<'_>) {
    let Some(facts) = site.inventory.see(addr, traffic.first, traffic.last) else { return };
    if let Some(peer) = peer {
        facts.peer(peer);
    }
    if let Some(mac) = text(card).and_then(oui::parse).filter(|mac| !facts.has(*mac, false)) {
        site.inventory.card(addr, mac, false);
    }
}

fn serve(
    site: &mut Site,
    conversation: &Conversation,
    words: Option<&str>,
    (client, server): (End, End),
    traffic: Traffic,
) {
    if (client, server) == (End::Outside, End::Outside) {
        return;
    }
    let (transport, port) = (conversation.transport, conversation.resp.port);
    let add = |site: &mut Site, service: &str| {
        site.conduits.add(&Talk { client, server, service, transport, port, traffic });
    };
    match services::name(words, transport, port) {
        Ok(name) | Err(Unlisted::Word(name)) => add(site, name),
        // The port of an ICMP responder is a code, and a high port may be anybody's for a moment.
        Err(Unlisted::Port(transport, port)) => {
            let name = match transport {
                Transport::Tcp | Transport::Udp => format!("{}/{port}", transport.name()),
                Transport::Icmp => "icmp".to_owned(),
                Transport::Other(number) => format!("ip/{number}"),
            };
            add(site, &name);
        }
    }
}

/// Whether the responder sent anything at all, from Zeek's `conn_state`.
fn replied(state: Option<&str>) -> bool {
    !matches!(state, Some("S0" | "SH" | "RSTOS0" | "OTH"))
}

/// Whether something was served: both ends were willing.
fn served(state: Option<&str>, answered: u64) -> bool {
    match state {
        Some("S1" | "SF" | "S2" | "S3" | "RSTO" | "RSTR") | None => true,
        Some("S0" | "REJ" | "SH" | "SHR" | "RSTOS0" | "RSTRH") => false,
        Some(_) => answered > 0,
    }
}

fn identity(site: &mut Site, at: &At<'_>, row: &dyn Record) {
    row.cells(&mut |cells| {
        let [host, mac, about, value, protocol] = site.wanted.identity.pick(row.schema(), cells);
        let (Cell::Addr(host), Some(about), Some(value)) = (host, text(about), text(value)) else { return };
        let host = canonical(host);
        let Some(about) = TRAITS.into_iter().find(|known| known.name().0 == about) else { return };
        let protocol = text(protocol).unwrap_or_default();
        let source = source(protocol);
        let mac = text(mac).and_then(oui::parse);
        match (about, source, mac) {
            (Trait::HostName, Source::Lease, Some(mac)) => {
                site.timeline.lease(at.time, host, mac, Some(value))
            }
            (Trait::HostName, ..) => site.timeline.observe(at.time, host, value, source),
            _ => {}
        }
        if about == Trait::Domain {
            site.inventory.domain(&value.to_lowercase());
        }
        // A name that others look up says nothing about whether the address is alive.
        if source != Source::Lookup || mac.is_some() {
            site.inventory.tell(at.time, host, about, value, protocol);
        }
        if let Some(mac) = mac {
            site.inventory.card(host, mac, true);
        }
    });
}

/// How much a name counts, by the protocol that told it. Answers of LLMNR, NBNS and mDNS can be anybody's.
fn source(protocol: &str) -> Source {
    match protocol {
        "dhcp" => Source::Lease,
        "ntlm" | "rdp" | "smb" => Source::Claim,
        "dns" | "mdns" | "llmnr" | "nbns" | "netbios" => Source::Lookup,
        _ => Source::Label,
    }
}

fn dhcp(site: &mut Site, at: &At<'_>, row: &dyn Record) {
    row.cells(&mut |cells| {
        let [messages, client, assigned, mac, name, full, domain] =
            site.wanted.dhcp.pick(row.schema(), cells);
        if !is_granted(messages) {
            return;
        }
        let given = |cell| if let Cell::Addr(addr) = cell { Some(canonical(addr)) } else { None };
        let addr = given(assigned).or(given(client)).filter(|addr| place(*addr) != Place::Nobody);
        let (Some(addr), Some(mac)) = (addr, text(mac).and_then(oui::parse)) else { return };
        let name = text(full).filter(|full| names::host_label(full).is_some()).or(text(name));
        site.timeline.lease(at.time, addr, mac, name);
        if let Some(domain) = text(domain) {
            site.inventory.domain(&domain.to_lowercase());
        }
        prove(site, at.time, addr, mac);
    });
}

/// Whether the server has said yes, as far as the log tells: what is only offered is nobody's yet (RFC 2131,
/// 3.1).
fn is_granted(messages: Cell<'_>) -> bool {
    let mut granted = messages.is_unset();
    each_text(messages, &mut |message| granted |= message == "ACK");
    granted
}

fn prove(site: &mut Site, time: Time, addr: IpAddr, mac: Mac) {
    if site.inventory.see(addr, time, time).is_some() {
        site.inventory.card(addr, mac, true);
    }
}

fn dns(site: &mut Site, at: &At<'_>, row: &dyn Record) {
    row.cells(&mut |cells| {
        let [query, answers] = site.wanted.dns.pick(row.schema(), cells);
        let Some(query) = text(query) else { return };
        each_text(answers, &mut |answer| {
            // What the world outside is called is of no use here, and there is much of it.
            if let Some(addr) = parse(answer).filter(|addr| matches!(site.end(*addr), End::Site(_))) {
                site.timeline.observe(at.time, addr, query, Source::Lookup);
            }
        });
    });
}

fn ntlm(site: &mut Site, at: &At<'_>, row: &dyn Record) {
    let Some(conversation) = at.conversation else { return };
    row.cells(&mut |cells| {
        let [client, server, server_full] = site.wanted.ntlm.pick(row.schema(), cells).map(text);
        if let Some(client) = client {
            site.timeline.observe(at.time, conversation.orig.addr, client, Source::Claim);
        }
        if let Some(server) = server_full.or(server) {
            site.timeline.observe(at.time, conversation.resp.addr, server, Source::Claim);
        }
        if let Some(domain) = server_full.and_then(names::domain) {
            site.inventory.domain(&domain);
        }
    });
}

fn rdp(site: &mut Site, at: &At<'_>, row: &dyn Record) {
    let Some(conversation) = at.conversation else { return };
    row.cells(&mut |cells| {
        let [client] = site.wanted.rdp.pick(row.schema(), cells).map(text);
        if let Some(client) = client {
            site.timeline.observe(at.time, conversation.orig.addr, client, Source::Claim);
        }
    });
}
