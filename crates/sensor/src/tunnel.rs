//! Tunnels: what packets came through, and which tunnels there are.
//!
//! A tunnel is told like in Zeek's `tunnel.log`: when the first packet inside is followed, when the conversation that
//! carries it is over, or when it carried nothing for an hour.

use crate::flow::Key;
use model::{At, Conversation, Name, Rows, Span, Time, Transport, Uid};
use protocols::Stamp;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

model::log! {
    /// A tunnel that was found, or that is over.
    pub struct TunnelRow: "tunnel", Conversation {
        /// What makes the tunnel: `Tunnel::GRE`, `Tunnel::VXLAN` and so on.
        tunnel_type: Name,
        /// `Tunnel::DISCOVER`, `Tunnel::CLOSE` when the conversation that carries it is over, `Tunnel::EXPIRE` when
        /// it carried nothing for an hour.
        action: Name,
    }
}

/// What a packet came through, as a number: 0 is no tunnel, and different tunnels most likely have different numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tunnel(u64);

impl Tunnel {
    /// The tunnel inside this one between two hosts, whichever of them sends.
    pub(crate) fn between(self, a: IpAddr, b: IpAddr, protocol: u8) -> Self {
        self.with((a.min(b), a.max(b), protocol))
    }

    /// The tunnel inside this one that the conversation `key` carries.
    pub(crate) fn inside(self, key: &Key) -> Self {
        self.with(key)
    }

    fn with(self, part: impl Hash) -> Self {
        Self(foldhash::fast::FixedState::default().hash_one((self.0, part)) | 1)
    }
}

/// Tunnels that were met.
#[derive(Default)]
pub(crate) struct Tunnels {
    by: HashMap<Tunnel, Known>,
    /// When tunnels may have carried nothing for long enough; those that have carried something since come again.
    looks: VecDeque<(Time, Tunnel)>,
}

/// A tunnel that was met.
struct Known {
    kind: Name,
    ends: Conversation,
    outer: Tunnel,
    /// When it carried something last; `None` before that, and again when it is over.
    used: Option<Time>,
}

/// Tunnels remembered. Beyond it all are forgotten, and told once more.
const TUNNELS_MAX: usize = 16_384;
/// A tunnel that carries nothing for so long is over.
const EXPIRE: Span = Span::s(3600);

impl Tunnels {
    /// Takes note of a tunnel inside `outer`; `ends` says between whom it is when it is met for the first time.
    pub(crate) fn meet(
        &mut self,
        tunnel: Tunnel,
        outer: Tunnel,
        kind: Name,
        ends: impl FnOnce() -> Option<Conversation>,
    ) {
        if self.by.contains_key(&tunnel) {
            return;
        }
        let Some(ends) = ends() else { return };
        if self.by.len() >= TUNNELS_MAX {
            *self = Self::default();
        }
        self.by.insert(tunnel, Known { kind, ends, outer, used: None });
    }

    /// Name of a tunnel; `None` for what is none.
    pub(crate) fn name(&self, tunnel: Tunnel) -> Option<Uid> {
        self.by.get(&tunnel).map(|known| known.ends.uid)
    }

    /// A packet inside is followed: tells of the tunnel and those around it, if they are news.
    pub(crate) fn carry(&mut self, tunnel: Tunnel, now: Stamp, rows: &mut dyn Rows) {
        self.expire(now, rows);
        let mut tunnel = tunnel;
        while let Some(known) = self.by.get_mut(&tunnel) {
            if known.used.replace(now.time).is_none() {
                // Those that a conversation carries are over with it.
                if matches!(known.ends.transport, Transport::Other(_)) {
                    self.looks.push_back((now.time + EXPIRE, tunnel));
                }
                known.tell("Tunnel::DISCOVER", now, rows);
            }
            tunnel = known.outer;
        }
    }

    /// The conversation that carries the tunnel, if it is one, is over.
    pub(crate) fn close(&mut self, tunnel: Tunnel, now: Stamp, rows: &mut dyn Rows) {
        if let Some(known) = self.by.remove(&tunnel).filter(|known| known.used.is_some()) {
            known.tell("Tunnel::CLOSE", now, rows);
        }
    }

    /// Tells of tunnels that have carried nothing for long, as of when they were over. Whoever calls it when, the rows
    /// are the same.
    pub(crate) fn expire(&mut self, now: Stamp, rows: &mut dyn Rows) {
        while let Some((due, tunnel)) = self.looks.front().copied().filter(|(due, _)| *due <= now.time) {
            self.looks.pop_front();
            let Some(known) = self.by.get_mut(&tunnel) else { continue };
            let Some(used) = known.used else { continue };
            if used + EXPIRE > due {
                self.looks.push_back((used + EXPIRE, tunnel));
            } else {
                known.used = None;
                known.tell("Tunnel::EXPIRE", Stamp { time: due, ..now }, rows);
            }
        }
    }
}

impl Known {
    fn tell(&self, action: &'static str, now: Stamp, rows: &mut dyn Rows) {
        let at = At { time: now.time, origin: now.origin, conversation: Some(&self.ends), ot: None };
        rows.put(&at, &TunnelRow { tunnel_type: self.kind, action: Name(action) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Endpoint, Origin, Record};

    #[derive(Default)]
    struct Actions(Vec<String>);

    impl Rows for Actions {
        fn put(&mut self, at: &At<'_>, row: &dyn Record) {
            row.cells(&mut |cells| self.0.push(format!("{} {cells:?}", at.time.0 / 1_000_000_000)));
        }
    }

    fn ends(host: u8) -> Conversation {
        let end = Endpoint { addr: [10, 0, 0, host].into(), port: 0 };
        Conversation::new(Uid::from_hash(host.into()), end, end, Transport::Other(47))
    }

    fn at(s: i64) -> Stamp {
        Stamp { time: Time::from_s_ns(s, 0), origin: Origin { file: 0, number: 1 } }
    }

    #[test]
    fn a_tunnel_in_a_tunnel_is_told_with_the_one_around_it_and_both_expire() {
        let (mut tunnels, mut rows, none) = (Tunnels::default(), Actions::default(), Tunnel::default());
        let a = IpAddr::from([10, 0, 0, 1]);
        let outer = none.between(a, a, 47);
        let inner = outer.between(a, a, 4);
        tunnels.meet(outer, none, Name("GRE"), || Some(ends(1)));
        tunnels.meet(inner, outer, Name("IP"), || Some(ends(2)));
        assert_eq!((tunnels.name(inner), tunnels.name(none)), (Some(ends(2).uid), None));
        assert!(rows.0.is_empty(), "nothing was carried yet");
        for s in [0, 3000] {
            tunnels.carry(inner, at(s), &mut rows);
        }
        tunnels.expire(at(6599), &mut rows);
        assert_eq!(rows.0.len(), 2, "{:?}", rows.0);
        tunnels.carry(inner, at(9000), &mut rows);
        expect_test::expect![[r#"
            0 [Text("IP"), Text("Tunnel::DISCOVER")]
            0 [Text("GRE"), Text("Tunnel::DISCOVER")]
            6600 [Text("IP"), Text("Tunnel::EXPIRE")]
            6600 [Text("GRE"), Text("Tunnel::EXPIRE")]
            9000 [Text("IP"), Text("Tunnel::DISCOVER")]
            9000 [Text("GRE"), Text("Tunnel::DISCOVER")]"#]]
        .assert_eq(&rows.0.join("\n"));
    }

    #[test]
    fn a_tunnel_that_carried_nothing_is_not_closed() {
        let (mut tunnels, mut rows, none) = (Tunnels::default(), Actions::default(), Tunnel::default());
        let a = IpAddr::from([10, 0, 0, 1]);
        let tunnel = none.between(a, a, 17);
        tunnels.meet(tunnel, none, Name("VXLAN"), || Some(ends(1)));
        tunnels.close(tunnel, at(1), &mut rows);
        assert!(rows.0.is_empty() && tunnels.by.is_empty());
    }

    #[test]
    fn a_flood_of_tunnels_is_bounded() {
        let (mut tunnels, mut rows, none) = (Tunnels::default(), Actions::default(), Tunnel::default());
        for number in 0..40_000u32 {
            let a = IpAddr::from(number.to_be_bytes());
            let tunnel = none.between(a, a, 47);
            tunnels.meet(tunnel, none, Name("GRE"), || Some(ends(1)));
            tunnels.carry(tunnel, at(0), &mut rows);
            assert!(tunnels.by.len() <= TUNNELS_MAX && tunnels.looks.len() <= TUNNELS_MAX);
        }
    }
}
