//! What a person who runs the virtual site would have written into its configuration.

use crate::soc::config::{Asset, Config, Console, Folder, Packets, Response, Role, User, Watch};
use lab::script::Script;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Zones by segment of the script.
const ZONES: [(&str, &str); 6] = [
    ("office", "Corporate: workstations"),
    ("servers", "Corporate: mail, directory"),
    ("jump", "Jump hosts"),
    ("operations", "Operations: historian"),
    ("control", "Compressor house: HMI"),
    ("cell", "Compressor PLCs"),
];

/// Register, tag, text, unit, worth of a digit, two's complement, normal range, range of the instrument.
type Instrument = (u16, &'static str, &'static str, &'static str, f64, bool, [f64; 2], [f64; 2]);

/// What the unit controller is polled for; the anti-surge controller shows the same, but not when it is stopped.
const INSTRUMENTS: [Instrument; 6] = [
    (201, "PT-101", "discharge pressure", "bar", 0.001, false, [1.05, 1.2], [0.9, 1.3]),
    (202, "FT-101", "flow through the compressor", "kg/s", 0.0001, true, [0.06, 0.25], [-0.1, 0.3]),
    (203, "ST-101", "shaft speed", "1/min", 1.0, false, [3500.0, 4800.0], [0.0, 6000.0]),
    (204, "ZT-102", "discharge valve", "%", 0.1, false, [0.0, 100.0], [0.0, 100.0]),
    (205, "SD-101", "distance to surge", "%", 0.1, true, [1.0, 40.0], [-20.0, 20.0]),
    (206, "VT-101", "vibration", "µm", 0.1, false, [0.0, 40.0], [0.0, 120.0]),
];

pub(crate) fn config(script: &Script, data: &Path, listen: SocketAddr) -> Config {
    let evidence = data.with_file_name("evidence");
    let folder = |part: &str| Folder { path: evidence.join(part) };
    let unit = script.host("PLC-UNIT-2").map(|host| IpAddr::V4(host.ip));
    Config {
        site: "Compressor station K-101".to_owned(),
        data: data.to_owned(),
        console: Console { listen },
        folder: vec![folder("events"), folder("mail")],
        user: vec![
            User { name: "m.ito".to_owned(), role: Role::It },
            User { name: "k.sato".to_owned(), role: Role::Ot },
        ],
        asset: assets(script),
        watch: unit.map(watches).unwrap_or_default(),
        response: Response {
            hours: 4,
            // The virtual site is all that there is to learn, and it is new.
            learn_hours: 30.0 / 3600.0,
            ..Response::default()
        },
        packets: Packets { folder: Some(evidence.join("packets")), ..Packets::default() },
        ..Config::default()
    }
}

fn assets(script: &Script) -> Vec<Asset> {
    let hosts = script.hosts.iter().filter_map(|host| {
        let segment = host.segment.as_ref()?;
        let zone = ZONES.iter().find(|(name, _)| *name == &*segment.name).map(|(_, zone)| (*zone).to_owned());
        let criticality = host.controller.as_ref().map(|_| "high".to_owned());
        // Levels are for Tieline to find out by listening.
        Some(Asset { host: Some(host.name.to_string()), network: None, level: None, zone, criticality })
    });
    hosts.collect()
}

fn watches(address: IpAddr) -> Vec<Watch> {
    let watch = |(register, tag, text, unit, scale, signed, normal, range): Instrument| Watch {
        tag: tag.to_owned(),
        text: text.to_owned(),
        unit: unit.to_owned(),
        equipment: "K-101".to_owned(),
        address,
        register,
        scale,
        signed,
        normal,
        range,
    };
    INSTRUMENTS.into_iter().map(watch).collect()
}
