use crate::Name;
use std::net::IpAddr;

crate::log! {
    /// What a host tells about itself or others tell about it; feeds the inventory.
    pub struct Identity<'a>: "identity", Site {
        /// Address of the host.
        host: IpAddr => Ip,
        /// Its hardware address, where the message was seen on its own segment.
        mac: Option<&'a str> => Mac,
        /// What is told: `name`, `domain`, `vendor`, `model`, `firmware`, `serial`, `os`.
        about = "trait": Name,
        /// The value, as told.
        value: &'a str,
        /// Protocol that told it, as in the `service` column.
        protocol: Name,
    }
}

/// What an [`Identity`] row can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trait {
    /// Name of the host, without its domain when one is known.
    HostName,
    /// Domain that the host belongs to.
    Domain,
    /// Who made it.
    Vendor,
    /// Model or product code.
    Model,
    /// Version of its firmware.
    Firmware,
    /// Serial number.
    Serial,
    /// Operating system.
    Os,
}

impl Trait {
    /// The word in the column `trait`.
    pub const fn name(self) -> Name {
        Name(match self {
            Trait::HostName => "name",
            Trait::Domain => "domain",
            Trait::Vendor => "vendor",
            Trait::Model => "model",
            Trait::Firmware => "firmware",
            Trait::Serial => "serial",
            Trait::Os => "os",
        })
    }
}
