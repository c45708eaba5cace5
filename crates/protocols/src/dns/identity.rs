//! What name messages tell about hosts of the site, for the inventory.

use super::message::{Header, Message, Record, Section};
use super::names;
use crate::told::{Told, readable};
use crate::{Out, Side};
use model::{Mac, Trait};
use std::net::{IpAddr, Ipv4Addr};
use wire::{Reader, Result};

/// Type of a NetBIOS name record, RFC 1002, 4.2.1.3.
const NB: u16 = 32;

/// Type of a NetBIOS node status record.
const NBSTAT: u16 = 33;

/// Group bit of `NB_FLAGS`, RFC 1002, 4.2.1.3.
const GROUP: u16 = 0x8000;

/// What the messages of a conversation tell.
#[derive(Default)]
pub(super) struct Names(Told);

impl Names {
    /// Memory of what was told.
    pub(super) fn held(&self) -> usize {
        self.0.held()
    }

    /// Tells what `message`, sent by the end `from`, says about hosts with private addresses.
    pub(super) fn message(&mut self, message: &Message<'_>, from: Side, netbios: bool, out: &mut Out<'_>) {
        let sender = match from {
            Side::Client => out.conversation.orig.addr,
            Side::Server => out.conversation.resp.addr,
        };
        for record in &message.records {
            if netbios {
                self.netbios(message, record, sender, out);
            } else if message.header.reply && message.header.opcode == Header::QUERY {
                self.dns(record, out);
            }
        }
    }

    fn dns(&mut self, record: &Record<'_>, out: &mut Out<'_>) {
        if let Some(address) = record.address {
            self.host_name(address, &record.name, out);
        } else if let (Some(address), Some(name)) = (reverse(&record.name), &record.text)
            && record.kind == 12
        {
            self.host_name(address, name, out);
        }
    }

    /// Registrations and refreshes name their sender's address, and so do answers to queries, RFC 1002, 4.2.2 to 4.2.13.
    fn netbios(&mut self, message: &Message<'_>, record: &Record<'_>, sender: IpAddr, out: &mut Out<'_>) {
        let registers = !message.header.reply && matches!(message.header.opcode, 5 | 8 | 9 | 15);
        let answers = message.header.reply && message.header.opcode == Header::QUERY;
        if record.kind == NBSTAT && answers {
            let _ = self.node_status(record.data, sender, out);
        } else if record.kind == NB && (registers || (answers && record.section == Section::Answer)) {
            let _ = self.netbios_addresses(record, out);
        }
    }

    /// RFC 1002, 4.2.1.3: flags and address, once for each address of the name.
    fn netbios_addresses(&mut self, record: &Record<'_>, out: &mut Out<'_>) -> Result<()> {
        let mut r = Reader::new(record.data);
        let name = names::netbios_bytes(&record.name);
        while !r.is_empty() {
            let flags = r.u16_be("name flags")?;
            let address = Ipv4Addr::from(r.bytes("address")?);
            self.netbios_name(address.into(), None, &name, flags, out);
        }
        Ok(())
    }

    /// RFC 1002, 4.2.18: the names of a node, then its hardware address.
    fn node_status(&mut self, data: &[u8], sender: IpAddr, out: &mut Out<'_>) -> Result<()> {
        let mut r = Reader::new(data);
        let count = r.u8("name count")?;
        let mut names = r;
        r.take("names", usize::from(count) * 18)?;
        let mac = Mac(r.bytes("unit identifier")?).to_string();
        for _ in 0..count {
            let name: [u8; 16] = names.bytes("name")?;
            let flags = names.u16_be("name flags")?;
            self.netbios_name(sender, Some(&mac), &name, flags, out);
        }
        Ok(())
    }

    /// The last byte says what a name stands for: 0x00 a host or, of a group, its domain; 0x20 a file server.
    fn netbios_name(
        &mut self,
        host: IpAddr,
        mac: Option<&str>,
        name: &[u8; 16],
        flags: u16,
        out: &mut Out<'_>,
    ) {
        let [name @ .., kind] = name;
        let about = match (flags & GROUP != 0, kind) {
            (false, 0x00 | 0x20) => Trait::HostName,
            (true, 0x00 | 0x1c) => Trait::Domain,
            _ => return,
        };
        if let Some(name) = readable(name.trim_ascii_end())
            && is_private(host)
        {
            self.0.tell(host, mac, about, name, out);
        }
    }

    fn host_name(&mut self, host: IpAddr, name: &[u8], out: &mut Out<'_>) {
        if is_private(host) {
            self.0.tell_full_name(host, None, name, out);
        }
    }
}

/// Addresses that sites give to their own hosts: RFC 1918, RFC 4193, and link-local.
fn is_private(host: IpAddr) -> bool {
    match host {
        IpAddr::V4(host) => host.is_private() || host.is_link_local(),
        IpAddr::V6(host) => host.is_unique_local() || host.is_unicast_link_local(),
    }
}

/// The address in `4.3.2.1.in-addr.arpa`, RFC 1035, 3.5.
fn reverse(name: &[u8]) -> Option<IpAddr> {
    let digits = str::from_utf8(name).ok()?.strip_suffix(".in-addr.arpa")?;
    let forward: Ipv4Addr = digits.parse().ok()?;
    let [a, b, c, d] = forward.octets();
    Some(Ipv4Addr::new(d, c, b, a).into())
}
