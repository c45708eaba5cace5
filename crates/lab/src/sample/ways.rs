use crate::frames::{self, Station, Tape};
use crate::script::{Host, Segment};
use crate::tcp::{Path, Stack};
use model::{Mac, Span, Time};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The ways between hosts as the tap sees them.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    /// Who has asked for whose hardware address by now.
    met: BTreeSet<(Ipv4Addr, Ipv4Addr)>,
}

/// Time to live that is left in packets from the internet.
const FAR_TTL: u8 = 52;
/// To a server in the internet and back.
const FAR: Span = Span(18_000_000);
/// Across the site's routers and back, without the server's own time.
const NEAR: Span = Span(90_000);

impl Ways {
    /// The way between two hosts as the tap sees it: in the server's network, or in the client's when the
    /// server is somewhere in the internet. The first time somebody asks for the hardware address before.
    pub(crate) fn path(&mut self, tape: &mut Tape, from: &Host, to: &Host, at: Time) -> Path {
        let far = |host: &Host, router: &Segment| Station { mac: router.mac, ip: host.ip, ttl: FAR_TTL };
        let (client, server) = match (&to.segment, &from.segment) {
            (Some(segment), _) => (seen(from, segment), seen(to, segment)),
            (None, Some(segment)) => (seen(from, segment), far(to, segment)),
            (None, None) => (far(from, &NOWHERE), far(to, &NOWHERE)),
        };
        if let Some(segment) = to.segment.as_ref().or(from.segment.as_ref()) {
            self.meet(tape, segment, (from, client), (to, server), at);
        }
        let trip = |host: &Host, own: Span| if host.segment.is_some() { own } else { FAR };
        let server_stack = if to.controller.is_some() { Stack::Embedded } else { Stack::Windows };
        let server_trip = trip(to, Span(340_000));
        Path { client, server, server_stack, server_trip, client_trip: trip(from, NEAR) }
    }

    /// A host asks for the router of its own network, once.
    pub(crate) fn arrive(&mut self, tape: &mut Tape, host: &Host, at: Time) {
        let (Some(segment), Some(mac)) = (&host.segment, host.mac) else { return };
        if self.met.insert((host.ip, segment.gateway)) {
            let own = Station { mac, ip: host.ip, ttl: 128 };
            let router = Station { mac: segment.mac, ip: segment.gateway, ttl: 64 };
            tape.record(at - Span(2_100_000), frames::arp_request(own, segment.gateway));
            tape.record(at - Span(1_800_000), frames::arp_reply(router, own));
        }
    }

    /// Asks for the hardware address that the first packet needs.
    fn meet(
        &mut self,
        tape: &mut Tape,
        segment: &Segment,
        client: (&Host, Station),
        server: (&Host, Station),
        at: Time,
    ) {
        let router = Station { mac: segment.mac, ip: segment.gateway, ttl: 64 };
        let local = |host: &Host| host.segment.as_ref().is_some_and(|own| own.name == segment.name);
        let asker = if local(client.0) { client.1 } else { router };
        let asked = if local(server.0) { server.1 } else { router };
        if self.met.insert((asker.ip, asked.ip)) {
            tape.record(at - Span(900_000), frames::arp_request(asker, asked.ip));
            tape.record(at - Span(500_000), frames::arp_reply(asked, asker));
        }
    }
}

/// A host as it is seen in `segment`: its own hardware address when it is in it, the router's otherwise.
fn seen(host: &Host, segment: &Segment) -> Station {
    let ttl: u8 = match (&host.segment, &host.controller) {
        (None, _) => FAR_TTL,
        (Some(_), Some(_)) => 64,
        (Some(_), None) => 128,
    };
    match (&host.segment, host.mac) {
        (Some(own), Some(mac)) if own.name == segment.name => Station { mac, ip: host.ip, ttl },
        _ => Station { mac: segment.mac, ip: host.ip, ttl: ttl - 1 },
    }
}

static NOWHERE: std::sync::LazyLock<Segment> = std::sync::LazyLock::new(|| Segment {
    name: "".into(),
    gateway: Ipv4Addr::UNSPECIFIED,
    mac: Mac([2, 0, 0, 0, 0, 1]),
    dns: "".into(),
});
