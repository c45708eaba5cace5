use crate::random::{Random, fnv1a};
use crate::windows::security::{Session, hex};
use crate::windows::{Channel, Event, Kind, UTC_TIME};
use model::Time;
use std::net::Ipv4Addr;

/// A running program.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// Whole path.
    pub(crate) image: String,
    pub(crate) command: String,
    /// Process identifier.
    pub(crate) id: u32,
    /// Sysmon's identifier.
    pub(crate) guid: String,
}

/// The ends of a connection.
pub(crate) struct Ends<'a> {
    pub(crate) transport: &'static str,
    pub(crate) source: (Ipv4Addr, u16, &'a str),
    pub(crate) target: (Ipv4Addr, u16, &'a str),
}

impl Process {
    /// A program that starts now.
    pub(crate) fn new(image: &str, command: &str, random: &mut Random) -> Self {
        let id = u32::try_from(random.between(500, 4000) * 4).unwrap_or_default();
        Self { image: image.to_owned(), command: command.to_owned(), id, guid: random.guid() }
    }

    /// File name of the program.
    pub(crate) fn file(&self) -> &str {
        self.image.rsplit('\\').next().unwrap_or_default()
    }
}

const fn kind(id: u16, version: u8, category: &'static str) -> Kind {
    Kind { channel: Channel::Sysmon, id, version, task: id, category }
}

fn event(kind: Kind, at: Time, random: &mut Random, data: Vec<(&'static str, String)>) -> Event {
    let thread = u16::try_from(random.between(700, 1400) * 4).unwrap_or_default();
    let common = [("RuleName", "-".to_owned()), ("UtcTime", UTC_TIME.to_owned())];
    Event { kind, at, thread, data: common.into_iter().chain(data).collect() }
}

/// The user as Sysmon writes it.
fn user(session: &Session) -> String {
    format!(r"{}\{}", session.account.domain, session.account.name)
}

/// 1: a process was created.
pub(crate) fn process(at: Time, by: &Session, new: &Process, parent: &Process, random: &mut Random) -> Event {
    let interactive = session_number(by);
    let data = vec![
        ("ProcessGuid", new.guid.clone()),
        ("ProcessId", new.id.to_string()),
        ("Image", new.image.clone()),
        ("FileVersion", "10.0.20348.1 (WinBuild.160101.0800)".to_owned()),
        ("Description", new.file().trim_end_matches(".exe").to_owned()),
        ("Product", product(&new.image).to_owned()),
        ("Company", company(&new.image).to_owned()),
        ("OriginalFileName", original(new.file()).to_owned()),
        ("CommandLine", new.command.clone()),
        ("CurrentDirectory", r"C:\Windows\system32\".to_owned()),
        ("User", user(by)),
        ("LogonGuid", logon_guid(by)),
        ("LogonId", hex(by.id)),
        ("TerminalSessionId", if interactive { "2" } else { "0" }.to_owned()),
        ("IntegrityLevel", if interactive { "Medium" } else { "System" }.to_owned()),
        ("Hashes", hashes(&new.image)),
        ("ParentProcessGuid", parent.guid.clone()),
        ("ParentProcessId", parent.id.to_string()),
        ("ParentImage", parent.image.clone()),
        ("ParentCommandLine", parent.command.clone()),
        ("ParentUser", user(by)),
    ];
    event(kind(1, 5, "Process Create (rule: ProcessCreate)"), at, random, data)
}

/// 3: a connection was made.
pub(crate) fn connection(
    at: Time,
    by: &Session,
    of: &Process,
    ends: &Ends<'_>,
    random: &mut Random,
) -> Event {
    let (source, target) = (ends.source, ends.target);
    let data = vec![
        ("ProcessGuid", of.guid.clone()),
        ("ProcessId", of.id.to_string()),
        ("Image", of.image.clone()),
        ("User", user(by)),
        ("Protocol", ends.transport.to_owned()),
        ("Initiated", "true".to_owned()),
        ("SourceIsIpv6", "false".to_owned()),
        ("SourceIp", source.0.to_string()),
        ("SourceHostname", source.2.to_owned()),
        ("SourcePort", source.1.to_string()),
        ("SourcePortName", "-".to_owned()),
        ("DestinationIsIpv6", "false".to_owned()),
        ("DestinationIp", target.0.to_string()),
        ("DestinationHostname", target.2.to_owned()),
        ("DestinationPort", target.1.to_string()),
        ("DestinationPortName", "-".to_owned()),
    ];
    event(kind(3, 5, "Network connection detected (rule: NetworkConnect)"), at, random, data)
}

/// 5: a process ended.
pub(crate) fn terminated(at: Time, by: &Session, of: &Process, random: &mut Random) -> Event {
    let data = vec![
        ("ProcessGuid", of.guid.clone()),
        ("ProcessId", of.id.to_string()),
        ("Image", of.image.clone()),
        ("User", user(by)),
    ];
    event(kind(5, 3, "Process terminated (rule: ProcessTerminate)"), at, random, data)
}

/// 11: a file was created.
pub(crate) fn file(at: Time, by: &Session, of: &Process, path: &str, random: &mut Random) -> Event {
    let data = vec![
        ("ProcessGuid", of.guid.clone()),
        ("ProcessId", of.id.to_string()),
        ("Image", of.image.clone()),
        ("TargetFilename", path.to_owned()),
        ("CreationUtcTime", UTC_TIME.to_owned()),
        ("User", user(by)),
    ];
    event(kind(11, 2, "File created (rule: FileCreate)"), at, random, data)
}

/// 22: a name was looked up.
pub(crate) fn lookup(
    at: Time,
    by: &Session,
    of: &Process,
    found: (&str, Ipv4Addr),
    random: &mut Random,
) -> Event {
    let data = vec![
        ("ProcessGuid", of.guid.clone()),
        ("ProcessId", of.id.to_string()),
        ("QueryName", found.0.to_owned()),
        ("QueryStatus", "0".to_owned()),
        ("QueryResults", format!("::ffff:{};", found.1)),
        ("Image", of.image.clone()),
        ("User", user(by)),
    ];
    event(kind(22, 5, "Dns query (rule: DnsQuery)"), at, random, data)
}

/// Whether somebody sits at the session: the well-known sessions of services are below 0x1000.
fn session_number(by: &Session) -> bool {
    by.id >= 0x1000
}

fn logon_guid(by: &Session) -> String {
    Random::new(by.id, &by.account.name).guid()
}

fn company(image: &str) -> &'static str {
    if image.contains("Python") { "Python Software Foundation" } else { "Microsoft Corporation" }
}

fn product(image: &str) -> &'static str {
    match image {
        _ if image.contains("Python") => "Python",
        _ if image.contains("Office") => "Microsoft Office",
        _ => "Microsoft® Windows® Operating System",
    }
}

/// Name that the linker gave the program; a few of Windows' own differ from the file's name.
fn original(file: &str) -> &str {
    match file {
        "WINWORD.EXE" => "WinWord.exe",
        "powershell.exe" => "PowerShell.EXE",
        "cmd.exe" => "Cmd.Exe",
        "notepad.exe" => "NOTEPAD.EXE",
        other => other,
    }
}

/// Hashes that follow from the path alone: the same program has the same ones everywhere.
fn hashes(image: &str) -> String {
    let mut random = Random::new(fnv1a(image.to_lowercase().as_bytes()), "hashes");
    let mut hex = |count| random.vec(count).iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    format!("SHA1={},MD5={},SHA256={},IMPHASH={}", hex(20), hex(16), hex(32), hex(16))
}
