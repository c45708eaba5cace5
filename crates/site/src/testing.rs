//! Rows, events and findings for tests, and the site as text.

use crate::Site;
use model::{
    At, Conversation, Endpoint, Entity, Event, Evidence, Finding, Identity, Origin, Severity, Span, Time,
    Transport, Uid, Value,
};
use std::fmt::Write;

model::log! {
    /// One row per conversation, the columns that the site looks at and some that it does not.
    pub(crate) struct Conn<'a>: "conn", Conversation {
        /// Transport.
        proto: &'a str,
        /// Protocols recognised.
        service: Option<&'a str>,
        /// From the first to the last packet.
        duration: Option<Span>,
        /// Payload of the originator.
        orig_bytes: Option<u64>,
        /// Payload of the responder.
        resp_bytes: Option<u64>,
        /// Zeek's word for how it went.
        conn_state: &'a str,
        /// Packets of the responder.
        resp_pkts: Option<u64>,
        /// Hardware address of the originator.
        orig_l2_addr: Option<&'a str>,
        /// Hardware address of the responder.
        resp_l2_addr: Option<&'a str>,
    }
}

model::log! {
    /// One row per lease.
    pub(crate) struct Dhcp<'a>: "dhcp", Site {
        /// Hardware address of the client.
        mac: &'a str,
        /// Address given.
        assigned_addr: std::net::IpAddr,
        /// Name that the client told.
        host_name: Option<&'a str>,
    }
}

/// A conversation that went well: 100 bytes asked and `answered` bytes answered in ten seconds.
#[derive(Clone, Copy)]
pub(crate) struct Talk<'a> {
    pub(crate) second: i64,
    /// Address of the client, with `/` and its hardware address where that was seen.
    pub(crate) client: &'a str,
    /// Address and port of the server, likewise.
    pub(crate) server: &'a str,
    pub(crate) service: &'a str,
    pub(crate) answered: u64,
}

pub(crate) fn at(second: i64) -> Time {
    Time::default() + Span::s(second)
}

pub(crate) fn talk<'a>(client: &'a str, server: &'a str, service: &'a str, answered: u64) -> Talk<'a> {
    Talk { second: 100, client, server, service, answered }
}

pub(crate) fn conversation(client: &str, server: &str) -> Conversation {
    let server: std::net::SocketAddr = server.parse().unwrap();
    let orig = Endpoint { addr: client.parse().unwrap(), port: 40_000 };
    let resp = Endpoint { addr: server.ip(), port: server.port() };
    Conversation::new(Uid::from_hash(1), orig, resp, Transport::Tcp)
}

pub(crate) fn put(site: &mut Site, talk: Talk<'_>) {
    put_as(site, talk, "SF");
}

pub(crate) fn put_as(site: &mut Site, talk: Talk<'_>, state: &str) {
    let part = |text: &'_ str| match text.split_once('/') {
        Some((addr, mac)) => (addr.to_owned(), Some(mac.to_owned())),
        None => (text.to_owned(), None),
    };
    let ((client, client_mac), (server, server_mac)) = (part(talk.client), part(talk.server));
    let row = Conn {
        proto: "tcp",
        service: Some(talk.service).filter(|service| !service.is_empty()),
        duration: Some(Span::s(10)),
        orig_bytes: Some(100),
        resp_bytes: Some(talk.answered),
        conn_state: state,
        resp_pkts: Some(talk.answered.div_ceil(100)),
        orig_l2_addr: client_mac.as_deref(),
        resp_l2_addr: server_mac.as_deref(),
    };
    let conversation = conversation(&client, &server);
    site.observe_row(&circumstances(talk.second, Some(&conversation)), &row);
}

pub(crate) fn circumstances(second: i64, conversation: Option<&Conversation>) -> At<'_> {
    At { time: at(second), origin: Origin::default(), conversation, ot: None }
}

pub(crate) fn lease(site: &mut Site, second: i64, addr: &str, mac: &str, name: Option<&str>) {
    let row = Dhcp { mac, assigned_addr: addr.parse().unwrap(), host_name: name };
    site.observe_row(&circumstances(second, None), &row);
}

pub(crate) fn identity(
    site: &mut Site,
    second: i64,
    addr: &str,
    about: model::Trait,
    value: &str,
    protocol: &'static str,
) {
    let protocol = model::Name(protocol);
    let row = Identity { host: addr.parse().unwrap(), mac: None, about: about.name(), value, protocol };
    site.observe_row(&circumstances(second, None), &row);
}

/// A Windows event; a field `EventID` is a number as in the events themselves.
pub(crate) fn event(second: i64, log: &str, computer: &str, id: i64, fields: &[(&str, &str)]) -> Event {
    let texts = fields.iter().map(|(name, value)| ((*name).into(), Value::Text((*value).into())));
    let head = [("EventID".into(), Value::Int(id)), ("Computer".into(), Value::Text(computer.into()))];
    Event {
        time: at(second),
        arrived: at(second),
        origin: Origin::default(),
        log: log.into(),
        sources: Vec::new(),
        fields: head.into_iter().chain(texts).collect(),
        entities: Vec::new(),
    }
}

pub(crate) fn finding(second: i64, entities: &[Entity]) -> Finding {
    let evidence =
        Evidence { time: at(second), origin: Origin::default(), log: "".into(), uid: None, text: "".into() };
    Finding {
        time: at(second),
        arrived: at(second),
        rule: "rule".into(),
        name: "".into(),
        fields: Vec::new(),
        title: "title".into(),
        severity: Severity::Low,
        techniques: Vec::new(),
        entities: entities.to_vec(),
        evidence,
    }
}

/// Entities of the finding after resolution, one a line.
pub(crate) fn resolved(site: &Site, second: i64, entities: &[Entity]) -> String {
    let mut finding = finding(second, entities);
    site.resolve(&mut finding);
    let once = finding.clone();
    site.resolve(&mut finding);
    assert_eq!(once, finding, "resolving twice changes nothing");
    finding.entities.iter().fold(String::new(), |mut text, entity| {
        writeln!(text, "{entity}").unwrap();
        text
    })
}

/// Every asset with its level and the reasons.
pub(crate) fn levels(site: &Site) -> String {
    let mut text = String::new();
    for asset in site.assets() {
        let purdue = &asset.purdue;
        let level = purdue.level.map_or("?", model::Level::name);
        let declared = if purdue.declared { " declared" } else { "" };
        writeln!(text, "{}: {level}, {} %{declared}", asset.id, purdue.confidence).unwrap();
        for reason in &purdue.reasons {
            writeln!(text, "    {} +{} {}", reason.level.name(), reason.weight, reason.text).unwrap();
        }
    }
    text
}
