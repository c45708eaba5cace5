//! `tieline pcap`: the packets behind a row, of a host, of a time.

mod moment;
mod row;
mod stream;

use crate::soc::config::Config;
use crate::talk::Talk;
use crate::{Outcome, WrongUse, serve};
use anyhow::Context;
use moment::Moment;
use packets::{Archive, Carved, Query, Who, carve_capture};
use row::Row;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use stream::{Merged, Written};

#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Which {
    /// Conversation, as `uid` names it in every log
    #[arg(long, conflicts_with_all = ["frame", "host"])]
    uid: Option<String>,
    /// Packet, as `_file` and `_number` name it in the lake, with its conversation: eth1:1466, or site.pcap:1466
    #[arg(long, value_name = "FILE:NUMBER", conflicts_with = "host")]
    frame: Option<String>,
    /// Host by its address, or station by its hardware address; given twice, what both take part in
    #[arg(long, value_name = "ADDR")]
    host: Vec<Host>,
    /// Not before: 2026-11-25T08:00:00Z, or -10m for ten minutes ago
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<Moment>,
    /// Not after
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<Moment>,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Only what this interface heard
    #[arg(long, value_name = "NAME", conflicts_with_all = ["uid", "frame"])]
    interface: Option<String>,
    /// Packets that are written at most
    #[arg(long, value_name = "PACKETS", default_value_t = 1_000_000)]
    limit: u64,
    /// Configuration of the centre that keeps the packets; without it ./tieline.toml, then /etc/tieline/tieline.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder of the centre, in place of a configuration
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// File to write; without it, standard output
    #[arg(short, long, visible_alias = "out", value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A host or a station.
#[derive(Clone, Copy)]
struct Host(Who);

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(addr) = text.parse::<IpAddr>() {
            return Ok(Self(Who::Host(addr.to_canonical())));
        }
        let octets: Option<Vec<u8>> =
            text.split([':', '-']).map(|two| u8::from_str_radix(two, 16).ok()).collect();
        let mac = octets.and_then(|octets| octets.try_into().ok());
        let mac = mac.ok_or_else(|| "it is neither an IP address nor a hardware address".to_owned())?;
        Ok(Self(Who::Station(model::Mac(mac))))
    }
}

/// Where a centre keeps things.
struct Places {
    lake: PathBuf,
    packets: PathBuf,
}

impl Places {
    fn new(args: &Args) -> anyhow::Result<Self> {
        let config = match &args.data {
            Some(data) => Config { data: data.clone(), ..Config::default() },
            None => serve::config(args.config.as_deref())?.1,
        };
        Ok(Self { lake: config.data.join("lake"), packets: config.packets_folder() })
    }

    /// Folder of the packets of an interface; `None` where the name is none.
    fn interface(&self, name: &str) -> Option<PathBuf> {
        let inside = !name.contains('/') && !name.is_empty();
        Some(self.packets.join(name)).filter(|dir| inside && dir.is_dir())
    }

    fn interfaces(&self) -> anyhow::Result<Vec<PathBuf>> {
        let read = || -> io::Result<Vec<PathBuf>> {
            std::fs::read_dir(&self.packets)?.map(|entry| Ok(entry?.path())).collect()
        };
        let mut all =
            read().with_context(|| format!("there are no packets in {}", self.packets.display()))?;
        all.retain(|path| path.is_dir());
        all.sort();
        Ok(all)
    }
}

/// What is to be written.
enum Found {
    /// Packets that are looked for as they are written; whether some before them were left out.
    Kept(Vec<Archive>, Query, bool),
    Carved(Carved),
}

pub(crate) fn run(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    if args.output.is_none() && io::stdout().is_terminal() {
        return Err(WrongUse("packets do not belong on a terminal; give --output FILE".to_owned()).into());
    }
    let places = Places::new(args)?;
    let which = &args.which;
    let (found, none) = match (&which.uid, &which.frame) {
        (Some(uid), _) => {
            let none = format!("the packets of {uid} are not there any more");
            (of_row(args, &places, &Row::of(&places.lake, uid)?)?, none)
        }
        (None, Some(frame)) => {
            let row = Row::frame(frame)?;
            let none = format!("packet {} of {} is not there any more", row.number, row.file);
            (of_row(args, &places, &row)?, none)
        }
        (None, None) => (of_hosts(args, &places)?, "nothing of that is kept".to_owned()),
    };
    let written = match found {
        Some(Found::Kept(archives, query, cut)) => {
            let merged = Merged::new(&archives, &query);
            let written = merged.write(args.limit, || sink(args.output.as_deref()))?;
            Written { cut: written.cut || cut, ..written }
        }
        Some(Found::Carved(carved)) => {
            sink(args.output.as_deref())?.write_all(&carved.pcap).context("cannot write the packets")?;
            Written { packets: carved.packets, cut: carved.cut }
        }
        None => Written::default(),
    };
    if written.packets == 0 {
        return Err(WrongUse(none).into());
    }
    if written.cut {
        talk.warn(format!("there are more packets than --limit {}: not all were written", args.limit));
    }
    let Written { packets, .. } = written;
    let place = args.output.as_ref().map_or(String::new(), |path| format!(" in {}", path.display()));
    talk.say(format!("{packets} {}{place}", if packets == 1 { "packet" } else { "packets" }));
    Ok(Outcome::Fine)
}

/// The conversation of a row, in the capture or at the interface that the row came from.
fn of_row(args: &Args, places: &Places, row: &Row) -> anyhow::Result<Option<Found>> {
    let Some(dir) = places.interface(&row.file) else {
        let path = Path::new(&row.file);
        if !path.is_file() {
            return Err(WrongUse(format!("there are no packets of {} any more", row.file)).into());
        }
        return Ok(carve_capture(path, row.number, args.limit)?.map(Found::Carved));
    };
    let archive = Archive::open(&dir)?;
    let Some(query) = row.query(&archive)? else { return Ok(None) };
    let query = args.which.within(query)?;
    let (from, cut) = archive.start_around(&query, row.number, args.limit)?;
    Ok(Some(Found::Kept(vec![archive], Query { from, ..query }, cut)))
}

fn of_hosts(args: &Args, places: &Places) -> anyhow::Result<Option<Found>> {
    let folders = match &args.interface {
        Some(name) => {
            let none = || WrongUse(format!("there are no packets of {name} in {}", places.packets.display()));
            vec![places.interface(name).ok_or_else(none)?]
        }
        None => places.interfaces()?,
    };
    let archives = folders.iter().map(|dir| Archive::open(dir)).collect::<Result<_, _>>()?;
    let who = args.which.host.iter().map(|host| host.0).collect();
    let query = args.which.within(Query { who, ..Query::default() })?;
    Ok(Some(Found::Kept(archives, query, false)))
}

impl Which {
    /// What is looked for between the times that were given.
    fn within(&self, query: Query) -> anyhow::Result<Query> {
        let now = moment::now();
        let time = |moment: Option<Moment>| moment.map(|moment| moment.at(now));
        let (since, until) = (time(self.since), time(self.until));
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            return Err(WrongUse("--since is after --until".to_owned()).into());
        }
        let until = [query.until, until].into_iter().flatten().min();
        Ok(Query { since: query.since.max(since), until, ..query })
    }
}

/// Where packets go; begun only when there are some.
fn sink(output: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    match output {
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Ok(Box::new(file))
        }
        None => Ok(Box::new(io::stdout())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_of_either_kind() {
        let read = |text: &str| text.parse::<Host>().map(|host| host.0);
        assert_eq!(read("10.1.10.5"), Ok(Who::Host([10, 1, 10, 5].into())));
        assert_eq!(read("::ffff:10.1.10.5"), read("10.1.10.5"));
        assert_eq!(read("00:80:F4:1c:ab:05"), Ok(Who::Station(model::Mac([0, 0x80, 0xf4, 0x1c, 0xab, 5]))));
        assert_eq!(read("00-80-f4-1c-ab-05"), read("00:80:f4:1c:ab:05"));
        assert!(read("plc-1").is_err() && read("1:2:3").is_err());
    }
}
