//! What an approval stands on: all that was judged, and nothing that changes by itself.

use crate::facts::assets_at;
use crate::{AssetFact, AssetRole, Block, GuardInput, Seen, Verdict};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Times and counters are not in it: a poll that goes on is no reason to ask people again. Nor are conduits
/// that the blocks do not touch: an attacker who opens connections elsewhere would void every approval.
#[derive(Serialize)]
struct Judged<'a> {
    kind: &'static str,
    blocks: &'a [Block],
    verdict: Verdict,
    stopped: BTreeSet<Conduit<'a>>,
    ends: BTreeSet<End<'a>>,
    essential: BTreeSet<&'a crate::Essential>,
    young: bool,
    blind: bool,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Conduit<'a> {
    client: IpAddr,
    server: IpAddr,
    transport: &'static str,
    port: u16,
    service: &'a str,
    process: bool,
    writes: bool,
    levels: [Option<&'static str>; 2],
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct End<'a> {
    addr: IpAddr,
    name: &'a str,
    level: Option<&'static str>,
    criticality: Option<&'static str>,
    safety: bool,
    roles: BTreeSet<AssetRole>,
}

pub(super) fn hash(blocks: &[Block], input: &GuardInput, stopped: &[&Seen], verdict: Verdict) -> [u8; 32] {
    let ends = blocks.iter().flat_map(|block| [block.source(), block.target()]);
    let judged = Judged {
        kind: "tieline guard 1",
        blocks,
        verdict,
        stopped: stopped.iter().map(|seen| conduit(seen)).collect(),
        ends: ends.flat_map(|addr| assets_at(&input.assets, addr).map(move |a| end(addr, a))).collect(),
        essential: super::essential(blocks, input).collect(),
        young: input.now - input.learned_since < input.learn_min,
        blind: input.blind.is_some(),
    };
    // Maps with keys of text and numbers always have a JSON form.
    Sha256::digest(serde_json::to_vec(&judged).unwrap_or_default()).into()
}

fn conduit(seen: &Seen) -> Conduit<'_> {
    Conduit {
        client: seen.client.to_canonical(),
        server: seen.server.to_canonical(),
        transport: seen.transport.name(),
        port: seen.port,
        service: &seen.service,
        process: seen.process,
        writes: seen.writes,
        levels: [seen.client_level, seen.server_level].map(|level| level.map(|level| level.name())),
    }
}

fn end(addr: IpAddr, asset: &AssetFact) -> End<'_> {
    End {
        addr,
        name: &asset.name,
        level: asset.level.map(|level| level.name()),
        criticality: asset.criticality.map(|criticality| criticality.name()),
        safety: asset.is_safety(),
        roles: asset.roles.iter().copied().collect(),
    }
}
