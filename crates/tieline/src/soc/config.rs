//! The configuration: one TOML file, every entry with a default that works.

mod keeping;
mod taps;

pub(crate) use keeping::{Age, Bytes, PacketClass, Packets};

use crate::taps::Timestamps;
use model::{Criticality, Level};
use serde::Deserialize;
use site::{Declared, Whom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The commented file that `tieline config` writes; reading it gives [`Config::default`].
pub(crate) const EXAMPLE: &str = include_str!("tieline.toml");

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Name of the site.
    pub(crate) site: String,
    /// Folder of everything that must survive.
    pub(crate) data: PathBuf,
    /// Folders of Sigma rules, beside the built-in ones.
    pub(crate) rules: Vec<PathBuf>,
    /// User to go on as when started by root.
    pub(crate) run_as: Option<String>,
    pub(crate) console: Console,
    pub(crate) interface: Vec<Interface>,
    pub(crate) conduit: Vec<taps::Conduit>,
    pub(crate) folder: Vec<Folder>,
    pub(crate) user: Vec<User>,
    pub(crate) asset: Vec<Asset>,
    pub(crate) watch: Vec<Watch>,
    pub(crate) response: Response,
    pub(crate) packets: Packets,
    pub(crate) keep: Keep,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Console {
    /// Address and port; loopback only, since the first form has no TLS of its own.
    pub(crate) listen: SocketAddr,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interface {
    pub(crate) name: String,
    /// Packets that are taken, in the language of tcpdump; all without it.
    #[serde(default)]
    pub(crate) filter: Option<String>,
    /// Whose clock says when a packet came.
    #[serde(default)]
    pub(crate) timestamps: Timestamps,
    /// Purdue level or place that it shows, for people.
    #[serde(default)]
    pub(crate) segment: Option<String>,
    /// Hosts that are missed together when they are silent.
    #[serde(default)]
    pub(crate) groups: Vec<taps::Group>,
}

impl Interface {
    /// Opens its ring.
    ///
    /// # Errors
    /// When it cannot be listened to as the configuration says.
    pub(crate) fn open(&self) -> anyhow::Result<ring::Ring> {
        Ok(ring::Ring::open(&self.name, self.program()?.as_ref(), self.timestamps.into())?)
    }

    /// The filter for the kernel.
    ///
    /// # Errors
    /// When it is none, or lets nothing through.
    pub(crate) fn program(&self) -> Result<Option<filter::Filter>, ConfigError> {
        let program = self.filter.as_deref().map(crate::filtered::live).transpose();
        program.map_err(|error| ConfigError::Wrong(format!("interface {}: {error}", self.name)))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    Viewer,
    It,
    Ot,
}

/// What a person says about a host or a network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asset {
    pub(crate) host: Option<String>,
    pub(crate) network: Option<String>,
    pub(crate) level: Option<f32>,
    pub(crate) zone: Option<String>,
    pub(crate) criticality: Option<String>,
}

/// A process value that is read along from the polls of others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Watch {
    pub(crate) tag: String,
    #[serde(default)]
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) unit: String,
    /// Equipment that it belongs to, a box on level 0.
    #[serde(default)]
    pub(crate) equipment: String,
    /// Controller that answers with it.
    pub(crate) address: std::net::IpAddr,
    /// Holding register, as on the wire, from 0.
    pub(crate) register: u16,
    /// What one digit is worth.
    #[serde(default = "one")]
    pub(crate) scale: f64,
    /// Whether the register is in two's complement.
    #[serde(default)]
    pub(crate) signed: bool,
    pub(crate) normal: [f64; 2],
    pub(crate) range: [f64; 2],
}

fn one() -> f64 {
    1.0
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Response {
    pub(crate) firewall: Firewall,
    /// Network namespace in which the firewall works; none for Tieline's own.
    pub(crate) netns: Option<String>,
    /// How long a block is in force, in hours; 24 at most.
    pub(crate) hours: u32,
    /// How long traffic must have been seen before the guard judges.
    pub(crate) learn_hours: f64,
    /// Whether an incident starts the playbook by itself; it still waits for two people.
    pub(crate) automatic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Firewall {
    /// Plans and simulates, puts nothing in force.
    None,
    Nftables,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Keep {
    /// `packets.size` in megabytes and `packets.folder`, as they were said before there was `[packets]`.
    pub(crate) packets_mb: Option<u64>,
    pub(crate) packets: Option<PathBuf>,
    /// Days of rows in the lake.
    pub(crate) lake_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            site: "Site".to_owned(),
            data: PathBuf::from("/var/lib/tieline"),
            rules: vec![],
            run_as: None,
            console: Console::default(),
            interface: vec![],
            conduit: vec![],
            folder: vec![],
            user: vec![],
            asset: vec![],
            watch: vec![],
            response: Response::default(),
            packets: Packets::default(),
            keep: Keep::default(),
        }
    }
}

impl Default for Console {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8460)) }
    }
}

impl Default for Response {
    fn default() -> Self {
        Self { firewall: Firewall::None, netns: None, hours: 4, learn_hours: 168.0, automatic: true }
    }
}

impl Default for Keep {
    fn default() -> Self {
        Self { packets_mb: None, packets: None, lake_days: 90 }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {error}", path.display())]
    Toml { path: PathBuf, error: Box<toml::de::Error> },
    #[error("{0}")]
    Wrong(String),
}

impl Config {
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| ConfigError::Toml { path: path.to_owned(), error: Box::new(error) })?;
        if let Some(megabytes) = config.keep.packets_mb {
            config.packets.size = Bytes(megabytes.saturating_mul(1_000_000));
        }
        config.packets.folder = config.packets.folder.or_else(|| config.keep.packets.clone());
        config.check()?;
        Ok(config)
    }

    /// What the types cannot say.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: String| Err(ConfigError::Wrong(text));
        if !self.console.listen.ip().is_loopback() {
            return wrong(format!(
                "console.listen is {}: only loopback addresses are allowed, since the console has no TLS of its own; \
                 reach it through an SSH tunnel or a reverse proxy with TLS",
                self.console.listen
            ));
        }
        if !(1..=24).contains(&self.response.hours) {
            return wrong(format!("response.hours is {}: a block lasts 1 to 24 hours", self.response.hours));
        }
        for (n, user) in self.user.iter().enumerate() {
            if self.user.iter().take(n).any(|other| other.name == user.name) {
                return wrong(format!("the user {} is there twice", user.name));
            }
        }
        self.interface.iter().try_for_each(|interface| interface.program().map(|_| ()))?;
        self.packets.check()?;
        self.interface.iter().try_for_each(|interface| self.groups_of(&interface.name).map(|_| ()))?;
        self.one_way()?;
        self.declared().map(|_| ())
    }

    /// Folder of the packets of all interfaces.
    pub(crate) fn packets_folder(&self) -> PathBuf {
        self.packets.folder.clone().unwrap_or_else(|| self.data.join("packets"))
    }

    /// Folder of the packets of an interface.
    pub(crate) fn packets_of(&self, interface: &str) -> PathBuf {
        self.packets_folder().join(interface)
    }

    /// What the file says about assets.
    pub(crate) fn declared(&self) -> Result<Vec<Declared>, ConfigError> {
        self.asset.iter().map(Asset::declared).collect()
    }
}

impl Asset {
    fn declared(&self) -> Result<Declared, ConfigError> {
        let whom = match (&self.host, &self.network) {
            (Some(host), None) => Whom::Host(host.as_str().into()),
            (None, Some(network)) => {
                let parsed = network.parse();
                Whom::Network(
                    parsed.map_err(|error| ConfigError::Wrong(format!("network {network}: {error}")))?,
                )
            }
            _ => return Err(ConfigError::Wrong("an [[asset]] needs either host or network".to_owned())),
        };
        let level = self.level.map(level).transpose()?;
        let criticality = self.criticality.as_deref().map(criticality).transpose()?;
        Ok(Declared { whom, level, zone: self.zone.as_deref().map(Into::into), criticality })
    }
}

fn level(number: f32) -> Result<Level, ConfigError> {
    let all = [Level::L0, Level::L1, Level::L2, Level::L3, Level::Dmz, Level::L4, Level::L5];
    let is = |level: &Level| level.name() == number.to_string();
    all.into_iter()
        .find(is)
        .ok_or_else(|| ConfigError::Wrong(format!("level {number}: it is 0, 1, 2, 3, 3.5, 4 or 5")))
}

fn criticality(word: &str) -> Result<Criticality, ConfigError> {
    let all = [Criticality::Low, Criticality::Medium, Criticality::High, Criticality::Safety];
    all.into_iter()
        .find(|criticality| criticality.name() == word)
        .ok_or_else(|| ConfigError::Wrong(format!("criticality {word}: it is low, medium, high or safety")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let config: Config = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn the_example_is_the_default() {
        assert_eq!(format!("{:?}", read(EXAMPLE).unwrap()), format!("{:?}", Config::default()));
    }

    #[test]
    fn the_example_explains_every_entry_and_its_commented_parts_can_be_used() {
        let uncommented: String =
            EXAMPLE.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n").collect();
        let config = read(&uncommented).unwrap();
        assert_eq!((config.interface.len(), config.folder.len(), config.user.len()), (1, 1, 2));
        assert_eq!((config.conduit.len(), config.one_way().unwrap().len()), (1, 1));
        assert_eq!((config.asset.len(), config.watch.len(), config.packets.class.len()), (2, 1, 2));
        assert_eq!(config.interface[0].timestamps, Timestamps::Hardware);
        assert!(config.packets.keep.is_some() && config.run_as.is_some() && config.response.netns.is_some());
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let refused = |text: &str| read(text).unwrap_err();
        assert!(refused("console.listen = \"0.0.0.0:80\"").contains("loopback"));
        assert!(refused("response.hours = 25").contains("1 to 24"));
        assert!(refused("[[asset]]\nlevel = 1").contains("host or network"));
        assert!(refused("[[asset]]\nhost = \"a\"\nlevel = 2.5").contains("level 2.5"));
        let blind = "[[interface]]\nname = \"eth1\"\nfilter = \"tcp prt 502\"";
        assert!(refused(blind).contains("interface eth1: the filter \"tcp prt 502\": column 5"));
        let eth1 = "[[interface]]\nname = \"eth1\"\n";
        let group = format!("{eth1}groups = [{{ name = \"boilers\", networks = [\"10.1/16\"] }}]");
        assert!(refused(&group).contains("group boilers of eth1: network 10.1/16: no IP address"));
        let conduit = |more: &str| {
            let from = "[[conduit]]\nname = \"out\"\nfrom = [\"10.1.0.0/16\"]\nto = [\"10.2.0.0/16\"]";
            refused(&format!("{eth1}{from}\none_way = true\n{more}"))
        };
        assert!(conduit("taps = [{ tap = \"eth2\" }]").contains("conduit out: there is no interface eth2"));
        assert!(conduit("taps = []\nto_stations = [\"2:0\"]").contains("station 2:0"));
        let canary = "canary = { forward = \"00\", reverse = \"\", check = \"\" }";
        assert!(conduit(&format!("taps = []\n{canary}")).contains("canary 00: it is not 32"));
        assert!(conduit("taps = []\nrenewed = 2026-11-20").contains("2026-11-20: it is no moment"));
        assert!(refused("interfaces = 1").contains("unknown field"));
        assert!(refused("[packets]\nsize = \"1MB\"").contains("too small"));
        assert!(refused("[packets]\nkeep = \"14\"").contains("as in 14d"));
        let class = |more: &str| refused(&format!("[[packets.class]]\nsize = \"9GB\"\n{more}"));
        assert!(class("name = \"a b\"\nlevels = [1]").contains("\"a b\" cannot be the name of a class"));
        assert!(class("name = \"a\"").contains("needs levels or zones"));
        assert!(class("name = \"a\"\nlevels = [7]").contains("level 7"));
        assert!(
            refused("[[user]]\nname=\"a\"\nrole=\"it\"\n[[user]]\nname=\"a\"\nrole=\"ot\"").contains("twice")
        );
    }
}
