use super::clock::Clock;
use super::firewall::{Firewall, Flow};
use super::tap::Tap;
use crate::plc::Plc;
use crate::script::{Host, Script};
use model::{Level, Mac};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};

/// What all parts of the running site share.
pub(crate) struct Site {
    pub(crate) script: Arc<Script>,
    pub(crate) seed: u64,
    pub(crate) clock: Arc<Clock>,
    pub(crate) tap: Tap,
    pub(crate) firewall: Arc<Firewall>,
    pub(crate) plcs: Vec<Arc<Plc>>,
    /// Where each controller listens, by its plant address.
    pub(crate) sockets: BTreeMap<Ipv4Addr, SocketAddrV4>,
    /// Whoever calls from an address that no host of the site has.
    pub(crate) notebook: Arc<Host>,
    /// Port of the last conversation that each client opened.
    pub(crate) ports: Mutex<BTreeMap<Ipv4Addr, u16>>,
    /// How often the control room was told that somebody is being kept out.
    pub(crate) told: AtomicU32,
}

/// Port of Modbus in the plant.
pub(crate) const MODBUS: u16 = 502;

/// Address of the notebook in the control network.
const NOTEBOOK: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 99);

impl Site {
    /// The host behind a loopback address: the site's own, or the notebook.
    pub(crate) fn caller(&self, address: IpAddr) -> Arc<Host> {
        let own = |host: &&Arc<Host>| IpAddr::V4(loopback(host.ip)) == address;
        self.script.hosts.iter().find(own).unwrap_or(&self.notebook).clone()
    }

    /// Whether the firewall keeps `from` away from the Modbus port of `to`.
    pub(crate) fn blocked(&self, from: &Host, to: &Host) -> bool {
        self.firewall.blocks(&Flow { src: from.ip, dst: to.ip, port: MODBUS })
    }

    /// Where the controllers are reached: name, plant address, socket.
    pub(crate) fn addresses(&self) -> Vec<(Box<str>, Ipv4Addr, SocketAddr)> {
        let socket = |plc: &Arc<Plc>| self.sockets.get(&plc.host.ip).copied();
        let one = |plc: &Arc<Plc>| Some((plc.host.name.clone(), plc.host.ip, socket(plc)?.into()));
        self.plcs.iter().filter_map(one).collect()
    }
}

/// The loopback address that stands for an address of the plant: 10.1.10.5 is 127.1.10.5.
pub(crate) fn loopback(plant: Ipv4Addr) -> Ipv4Addr {
    let [_, b, c, d] = plant.octets();
    Ipv4Addr::new(127, b, c, d)
}

/// Somebody's notebook, plugged into the control network.
pub(crate) fn notebook(script: &Script) -> Host {
    let near = |gateway: Ipv4Addr| gateway.octets().starts_with(&[10, 2, 0]);
    Host {
        name: "NOTEBOOK".into(),
        fqdn: format!("notebook.{}", script.domain).into(),
        segment: script.segments.iter().find(|segment| near(segment.gateway)).cloned(),
        ip: NOTEBOOK,
        // Locally administered, as of a virtual machine.
        mac: Some(Mac([0x02, 0, 0x0a, 0x02, 0x00, 0x63])),
        level: Level::L2,
        role: "notebook".into(),
        skew: model::Span(0),
        logs: vec![],
        controller: None,
    }
}
