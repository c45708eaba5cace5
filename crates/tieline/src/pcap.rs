//! `tieline pcap`: the packets behind a row.

use crate::serve;
use crate::soc::spool;
use crate::{Outcome, WrongUse};
use anyhow::Context;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use store::{Lake, Limits};

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Conversation, as `uid` names it in every log
    #[arg(long)]
    uid: Option<String>,
    /// Packet, as `_file` and `_number` name it in the lake: eth1:1466, or site.pcap:1466
    #[arg(long, value_name = "FILE:NUMBER")]
    frame: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Configuration of the centre that keeps the packets; without it ./tieline.toml, then /etc/tieline/tieline.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// File to write; without it, standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Tables in which a conversation is looked for, the surest first.
const TABLES: [&str; 4] = ["conn", "modbus", "dns", "modbus_umas"];

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (_, config) = serve::config(args.config.as_deref())?;
    let (file, number) = match (&args.which.uid, &args.which.frame) {
        (Some(uid), _) => of_conversation(&Lake::open(&config.data.join("lake"))?, uid)?,
        (None, frame) => of_frame(frame.as_deref().unwrap_or_default())?,
    };
    let interface = config.interface.iter().any(|interface| interface.name == file);
    let from = if interface { config.packets_of(&file) } else { PathBuf::from(&file) };
    if !from.exists() {
        return Err(WrongUse(format!("there are no packets of {file} any more")).into());
    }
    let none = || WrongUse(format!("packet {number} of {file} is not there any more"));
    let packets = spool::carve(&from, number).ok_or_else(none)?;
    match &args.output {
        Some(path) => {
            std::fs::write(path, packets).with_context(|| format!("cannot write {}", path.display()))?;
        }
        None if io::stdout().is_terminal() => {
            return Err(WrongUse("packets do not belong on a terminal; give --output FILE".to_owned()).into());
        }
        None => io::stdout().write_all(&packets)?,
    }
    Ok(Outcome::Fine)
}

fn of_frame(text: &str) -> anyhow::Result<(String, u64)> {
    let wrong = || WrongUse(format!("{text} does not name a packet; it takes FILE:NUMBER"));
    let (file, number) = text.rsplit_once(':').ok_or_else(wrong)?;
    Ok((file.to_owned(), number.parse().map_err(|_| wrong())?))
}

fn of_conversation(lake: &Lake, uid: &str) -> anyhow::Result<(String, u64)> {
    if !uid.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(WrongUse(format!("{uid} is not the name of a conversation")).into());
    }
    let there: Vec<String> = lake.tables()?.into_iter().map(|table| table.name).collect();
    let limits = Limits { rows: Some(1), ..Limits::default() };
    for table in TABLES.iter().filter(|table| there.iter().any(|name| name == *table)) {
        let sql = format!("SELECT _file, _number FROM {table} WHERE uid = '{uid}' ORDER BY _number LIMIT 1");
        let answer = lake.query(&sql, &limits)?.texts()?;
        if let Some([Some(file), Some(number)]) = answer.rows.first().map(Vec::as_slice) {
            return Ok((file.clone(), number.parse()?));
        }
    }
    Err(WrongUse(format!("no row of the lake is of the conversation {uid}")).into())
}
