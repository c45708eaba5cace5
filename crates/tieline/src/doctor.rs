//! `tieline doctor`: says what is missing before it is missed.

use crate::Outcome;
use crate::rights::Afterwards;
use crate::rules;
use crate::serve;
use crate::soc::config::{Config, Firewall, Interface};
use detect::chains::Options;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration; without it ./tieline.toml, then /etc/tieline/tieline.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// What a look came to.
enum Found {
    Good(String),
    /// What is wrong, and what to do.
    Bad(String, &'static str),
}

use Found::{Bad, Good};

/// Room on disk below which it is said, in megabytes.
const ROOM_MB: u64 = 2_000;

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (path, config) = serve::config(args.config.as_deref())?;
    let mut looks = vec![("configuration", Good(format!("{} can be used", path.display())))];
    looks.extend(config.interface.iter().map(|interface| ("interface", interface_of(interface))));
    // From here on it looks with the eyes of the centre at work.
    looks.push(("rights", rights(&config)));
    looks.push(("data", data(&config.data)));
    looks.push(("disk", disk(&config)));
    looks.push(("clock", clock()));
    looks.push(("rules", rules_of(&config)));
    looks.extend(config.folder.iter().map(|folder| ("folder", folder_of(&folder.path))));
    if config.interface.is_empty() && config.folder.is_empty() {
        looks.push(("sources", Bad("nothing is watched".to_owned(), "add an [[interface]] or a [[folder]]")));
    }
    looks.push(("people", people(&config)));
    looks.push(("firewall", firewall(&config)));
    let mut out = io::stdout().lock();
    for (what, found) in &looks {
        let (good, text, hint) = match found {
            Good(text) => (true, text, ""),
            Bad(text, hint) => (false, text, *hint),
        };
        if args.json {
            let line = serde_json::json!({ "look": what, "good": good, "text": text, "hint": hint });
            writeln!(out, "{line}")?;
        } else if good {
            writeln!(out, "good  {what:13} {text}")?;
        } else {
            writeln!(out, "BAD   {what:13} {text}; {hint}")?;
        }
    }
    let bad = looks.iter().any(|(_, found)| matches!(found, Bad(..)));
    Ok(if bad { Outcome::Findings } else { Outcome::Fine })
}

fn rights(config: &Config) -> Found {
    let given_up = Afterwards::of(config).and_then(|mut afterwards| {
        afterwards.hand_over_all(config)?;
        afterwards.begin()?;
        Ok(afterwards.text())
    });
    match given_up {
        Ok(text) => Good(format!("goes on as {text}")),
        Err(error) => Bad(format!("{error:#}"), "see run_as, and whom the folders belong to"),
    }
}

fn data(dir: &Path) -> Found {
    let probe = dir.join(".doctor");
    let wrote = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&probe, ""))
        .and_then(|()| std::fs::remove_file(&probe));
    match wrote {
        Ok(()) => Good(format!("{} can be written", dir.display())),
        Err(error) => {
            Bad(format!("{}: {error}", dir.display()), "set data to a folder of the user that runs Tieline")
        }
    }
}

fn disk(config: &Config) -> Found {
    let interfaces = config.interface.len().max(1) as u64;
    let packets = config.packets.plan().bytes_max().saturating_mul(interfaces);
    let needed = packets / 1_000_000 + ROOM_MB;
    let said = Command::new("df").args(["--output=avail", "-BM"]).arg(&config.data).output();
    let text = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default();
    let room = text.lines().nth(1).and_then(|line| line.trim().trim_end_matches('M').parse::<u64>().ok());
    match room {
        Some(room) if room >= needed => Good(format!("{room} MB are free, {needed} MB are wanted")),
        Some(room) => Bad(
            format!("{room} MB are free where the data lies, {needed} MB are wanted"),
            "free some, or set packets.size lower",
        ),
        None => Bad("cannot tell how much is free".to_owned(), "look with df"),
    }
}

fn clock() -> Found {
    let said = Command::new("timedatectl").args(["show", "-p", "NTPSynchronized", "--value"]).output();
    let synchronised = said.ok().map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    match synchronised.as_deref() {
        Some("yes") => Good("is set over the network".to_owned()),
        Some("no") => Bad(
            "is not set over the network".to_owned(),
            "set it with chrony or systemd-timesyncd: stories join by time",
        ),
        _ => Bad("cannot tell whether it is set over the network".to_owned(), "check with chronyc or ntpq"),
    }
}

fn rules_of(config: &Config) -> Found {
    match rules::load(&config.rules, Options::files()) {
        Err(error) => Bad(error.to_string(), "mend the rules, or take the folder out"),
        Ok(detection) if detection.rules.len() == 0 => {
            Bad("none are loaded".to_owned(), "add a folder of rules")
        }
        Ok(detection) if detection.problems.is_empty() => {
            Good(format!("{} rules and {} chains", detection.rules.len(), detection.chains_loaded))
        }
        Ok(detection) => Bad(
            format!(
                "{} rules are loaded, {} are not used as written",
                detection.rules.len(),
                detection.problems.len()
            ),
            "tieline rules check names them",
        ),
    }
}

fn interface_of(interface: &Interface) -> Found {
    let name = &interface.name;
    if let Err(error) = interface.program() {
        return Bad(error.to_string(), "see pcap-filter(7)");
    }
    match interface.open() {
        Ok(_) => Good(format!("{name} can be listened to")),
        Err(error) => {
            Bad(format!("{name}: {error}"), "give it the rights and the right name (ip link), see ethtool -T")
        }
    }
}

fn folder_of(path: &Path) -> Found {
    match std::fs::read_dir(path) {
        Ok(_) => Good(format!("{} can be read", path.display())),
        Err(error) => Bad(format!("{}: {error}", path.display()), "make it, or let Tieline read it"),
    }
}

fn people(config: &Config) -> Found {
    use crate::soc::config::Role;
    let has = |role: Role| config.user.iter().any(|user| user.role == role);
    match (has(Role::It), has(Role::Ot)) {
        (true, true) => Good("both sides have somebody who can approve".to_owned()),
        (false, _) => {
            Bad("nobody has the role it".to_owned(), "add a [[user]]: without both, nothing can be approved")
        }
        (_, false) => {
            Bad("nobody has the role ot".to_owned(), "add a [[user]]: without both, nothing can be approved")
        }
    }
}

fn firewall(config: &Config) -> Found {
    if config.response.firewall == Firewall::None {
        return Good("none: responses are planned and simulated, not put in force".to_owned());
    }
    let mut firewall =
        respond::Nftables { netns: config.response.netns.clone(), ..respond::Nftables::default() };
    match respond::Firewall::list(&mut firewall) {
        Ok(in_force) => Good(format!("nftables answers; {} blocks are in force", in_force.len())),
        Err(error) => {
            Bad(format!("{:#}", anyhow::Error::from(error)), "install nftables and run with CAP_NET_ADMIN")
        }
    }
}
