use crate::stored::transport;
use crate::{Refusal, Ttl};
use model::Transport;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One flow that shall not pass: from one host to one port of another. Nothing wider can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Block {
    source: IpAddr,
    target: IpAddr,
    transport: Transport,
    port: u16,
}

impl Block {
    /// A block of `source` from reaching `port` of `target`. An IPv4 address that is written as IPv6
    /// (`::ffff:10.1.10.5`; RFC 4291, 2.5.5.2) is taken as the IPv4 address that it is.
    ///
    /// # Errors
    /// When an end is not a single host, the two are of different families, or there is no port to name.
    pub fn new(source: IpAddr, target: IpAddr, transport: Transport, port: u16) -> Result<Self, Refusal> {
        let (source, target) = (source.to_canonical(), target.to_canonical());
        for addr in [source, target] {
            if !is_host(addr) {
                return Err(Refusal::NotAHost(addr));
            }
        }
        if !matches!(transport, Transport::Tcp | Transport::Udp) || port == 0 {
            return Err(Refusal::NoPort);
        }
        if source.is_ipv4() != target.is_ipv4() || source == target {
            return Err(Refusal::NoFlow);
        }
        Ok(Self { source, target, transport, port })
    }

    /// Host that is kept away.
    pub fn source(&self) -> IpAddr {
        self.source
    }

    /// Host that it is kept from.
    pub fn target(&self) -> IpAddr {
        self.target
    }

    /// TCP or UDP.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Destination port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether packets of this flow are stopped.
    pub fn stops(&self, source: IpAddr, target: IpAddr, transport: Transport, port: u16) -> bool {
        self.source == source.to_canonical()
            && self.target == target.to_canonical()
            && self.transport == transport
            && self.port == port
    }
}

fn is_host(addr: IpAddr) -> bool {
    let broadcast = matches!(addr, IpAddr::V4(v4) if v4.is_broadcast());
    !(addr.is_unspecified() || addr.is_multicast() || broadcast)
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}, {} {}", self.source, self.target, self.transport.name(), self.port)
    }
}

#[derive(Serialize, Deserialize)]
struct Raw {
    source: IpAddr,
    target: IpAddr,
    #[serde(with = "transport")]
    transport: Transport,
    port: u16,
}

impl TryFrom<Raw> for Block {
    type Error = Refusal;
    fn try_from(raw: Raw) -> Result<Self, Refusal> {
        Self::new(raw.source, raw.target, raw.transport, raw.port)
    }
}

impl From<Block> for Raw {
    fn from(Block { source, target, transport, port }: Block) -> Raw {
        Raw { source, target, transport, port }
    }
}

/// Name of a run: `RUN-3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(pub u64);

/// Name of one effect of a run: `RUN-3.1`. It stands in the firewall beside the rule, so that what is there
/// can be told from what others put there, and putting it twice is putting it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId {
    /// Run that it belongs to.
    pub run: RunId,
    /// Which of its blocks, from 1.
    pub part: u16,
}

/// A block with its name and its end: what a firewall is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effect {
    /// Name.
    pub id: EffectId,
    /// What is stopped.
    pub block: Block,
    /// For how long.
    pub ttl: Ttl,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RUN-{}", self.0)
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.run, self.part)
    }
}

/// A text that is not the name of a run or effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the name of a run, RUN-3, or effect, RUN-3.1")]
pub struct NotAName(String);

impl FromStr for RunId {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        let number = text.strip_prefix("RUN-").and_then(|number| number.parse().ok());
        // A second spelling of a name (`RUN-03`) would be a second name.
        number.map(RunId).filter(|id| id.to_string() == text).ok_or_else(|| NotAName(text.to_owned()))
    }
}

impl FromStr for EffectId {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        let parts =
            text.split_once('.').and_then(|(run, part)| Some((run.parse().ok()?, part.parse().ok()?)));
        let id = parts.map(|(run, part)| EffectId { run, part });
        id.filter(|id| id.to_string() == text).ok_or_else(|| NotAName(text.to_owned()))
    }
}

impl TryFrom<String> for RunId {
    type Error = NotAName;
    fn try_from(text: String) -> Result<Self, NotAName> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_flow_between_two_hosts_is_a_block() {
        let block = |source: &str, target: &str, transport, port| {
            Block::new(source.parse().unwrap(), target.parse().unwrap(), transport, port)
        };
        let good = block("10.3.0.20", "10.1.10.5", Transport::Tcp, 502).unwrap();
        assert_eq!(block("::ffff:10.3.0.20", "::ffff:10.1.10.5", Transport::Tcp, 502), Ok(good));
        for wide in ["0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0"] {
            let refused = block("10.3.0.20", wide, Transport::Tcp, 502).unwrap_err();
            assert!(matches!(refused, Refusal::NotAHost(_)), "{wide}: {refused}");
        }
        assert_eq!(block("10.3.0.20", "10.1.10.5", Transport::Tcp, 0), Err(Refusal::NoPort));
        assert_eq!(block("10.3.0.20", "10.1.10.5", Transport::Icmp, 8), Err(Refusal::NoPort));
        assert_eq!(block("10.3.0.20", "fd00::5", Transport::Udp, 502), Err(Refusal::NoFlow));
        assert_eq!(block("10.3.0.20", "10.3.0.20", Transport::Udp, 502), Err(Refusal::NoFlow));
    }

    #[test]
    fn a_name_has_one_spelling() {
        let id = EffectId { run: RunId(3), part: 1 };
        assert_eq!("RUN-3.1".parse(), Ok(id));
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["RUN-03.1", "RUN-3.01", "RUN-3", "run-3.1", "RUN-+3.1", "RUN-3.1 "] {
            bad.parse::<EffectId>().unwrap_err();
        }
    }
}
