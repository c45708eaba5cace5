use crate::random::Random;
use crate::windows::{Channel, Event, Kind};
use model::Time;
use std::net::Ipv4Addr;

/// An account as an event names it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Security identifier.
    pub(crate) sid: String,
    /// Name without domain; a computer's ends with `$`.
    pub(crate) name: String,
    /// Short name of the domain.
    pub(crate) domain: String,
}

/// A logon session of an account.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) account: Account,
    /// Logon identifier.
    pub(crate) id: u64,
}

/// How somebody logged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogonType {
    Network = 3,
    Service = 5,
    RemoteInteractive = 10,
}

/// A successful logon.
pub(crate) struct Logon<'a> {
    pub(crate) kind: LogonType,
    pub(crate) session: &'a Session,
    /// Address and port it came from; none for a service.
    pub(crate) from: Option<(Ipv4Addr, u16)>,
    /// Short name of the computer that logs.
    pub(crate) computer: &'a str,
    /// Session of the computer itself, which does the work.
    pub(crate) system: &'a Session,
}

const fn kind(id: u16, version: u8, task: u16, category: &'static str) -> Kind {
    Kind { channel: Channel::Security, id, version, task, category }
}

fn event(kind: Kind, at: Time, random: &mut Random, data: Vec<(&'static str, String)>) -> Event {
    let thread = u16::try_from(random.between(180, 2200) * 4).unwrap_or_default();
    Event { kind, at, thread, data }
}

/// Names the account and session in fields that begin with `role`.
fn fields(session: &Session, names: [&'static str; 4]) -> Vec<(&'static str, String)> {
    let account = &session.account;
    let values = [account.sid.clone(), account.name.clone(), account.domain.clone(), hex(session.id)];
    names.into_iter().zip(values).collect()
}

const SUBJECT: [&str; 4] = ["SubjectUserSid", "SubjectUserName", "SubjectDomainName", "SubjectLogonId"];
const TARGET: [&str; 4] = ["TargetUserSid", "TargetUserName", "TargetDomainName", "TargetLogonId"];

/// An identifier as events have it, `0x3e7`.
pub(crate) fn hex(id: u64) -> String {
    format!("{id:#x}")
}

/// 4624: an account was logged on.
pub(crate) fn logon(at: Time, logon: &Logon<'_>, random: &mut Random) -> Event {
    let network = logon.kind == LogonType::Network;
    let (by, process, package) = match logon.kind {
        LogonType::Network => ("0x0", "-", "Kerberos"),
        LogonType::Service => ("0x2c4", r"C:\Windows\System32\services.exe", "Negotiate"),
        LogonType::RemoteInteractive => ("0x4f8", r"C:\Windows\System32\svchost.exe", "Negotiate"),
    };
    let nobody = Session {
        account: Account { sid: "S-1-0-0".to_owned(), name: "-".to_owned(), domain: "-".to_owned() },
        id: 0,
    };
    let mut data = fields(if network { &nobody } else { logon.system }, SUBJECT);
    data.extend(fields(logon.session, TARGET));
    // A remote interactive logon names the computer itself as its workstation; Kerberos names none.
    let workstation = if logon.kind == LogonType::RemoteInteractive { logon.computer } else { "-" };
    let address = logon.from.map_or("-".to_owned(), |(address, _)| address.to_string());
    let port = logon.from.map_or("-".to_owned(), |(_, port)| port.to_string());
    let logon_process = match logon.kind {
        LogonType::Network => "Kerberos",
        LogonType::Service => "Advapi  ",
        LogonType::RemoteInteractive => "User32 ",
    };
    let rest = [
        ("LogonType", (logon.kind as u8).to_string()),
        ("LogonProcessName", logon_process.to_owned()),
        ("AuthenticationPackageName", package.to_owned()),
        ("WorkstationName", workstation.to_owned()),
        ("LogonGuid", random.guid()),
        ("TransmittedServices", "-".to_owned()),
        ("LmPackageName", "-".to_owned()),
        ("KeyLength", "0".to_owned()),
        ("ProcessId", by.to_owned()),
        ("ProcessName", process.to_owned()),
        ("IpAddress", address),
        ("IpPort", port),
        ("ImpersonationLevel", "%%1833".to_owned()),
        ("RestrictedAdminMode", if network { "-" } else { "%%1843" }.to_owned()),
        ("TargetOutboundUserName", "-".to_owned()),
        ("TargetOutboundDomainName", "-".to_owned()),
        ("VirtualAccount", "%%1843".to_owned()),
        ("TargetLinkedLogonId", "0x0".to_owned()),
        ("ElevatedToken", "%%1842".to_owned()),
    ];
    data.extend(rest);
    event(kind(4624, 2, 12_544, "Logon"), at, random, data)
}

/// 4634: an account was logged off.
pub(crate) fn logoff(at: Time, session: &Session, how: LogonType, random: &mut Random) -> Event {
    let mut data = fields(session, TARGET);
    data.push(("LogonType", (how as u8).to_string()));
    event(kind(4634, 0, 12_545, "Logoff"), at, random, data)
}

/// 4672: special privileges were assigned to a new logon.
pub(crate) fn privileges(at: Time, session: &Session, random: &mut Random) -> Event {
    let mut data = fields(session, SUBJECT);
    let list =
        "SeSecurityPrivilege\n\t\t\tSeBackupPrivilege\n\t\t\tSeRestorePrivilege\n\t\t\tSeDebugPrivilege";
    data.push(("PrivilegeList", list.to_owned()));
    event(kind(4672, 0, 12_548, "Special Logon"), at, random, data)
}

/// 4648: somebody logged on elsewhere with credentials typed in.
pub(crate) fn explicit(at: Time, by: &Session, target: (&str, Ipv4Addr), random: &mut Random) -> Event {
    let mut data = fields(by, SUBJECT);
    let (server, address) = target;
    data.extend([
        ("LogonGuid", "{00000000-0000-0000-0000-000000000000}".to_owned()),
        ("TargetUserName", by.account.name.clone()),
        ("TargetDomainName", by.account.domain.clone()),
        ("TargetLogonGuid", random.guid()),
        ("TargetServerName", server.to_owned()),
        ("TargetInfo", format!("TERMSRV/{server}")),
        ("ProcessId", "0x2f8".to_owned()),
        ("ProcessName", r"C:\Windows\System32\lsass.exe".to_owned()),
        ("IpAddress", address.to_string()),
        ("IpPort", "3389".to_owned()),
    ]);
    event(kind(4648, 0, 12_544, "Logon"), at, random, data)
}

/// 4688: a process was created. `image` and `parent` are whole paths.
pub(crate) fn process(at: Time, by: &Session, program: [&str; 3], random: &mut Random) -> Event {
    let [image, command, parent] = program;
    let mut data = fields(by, SUBJECT);
    data.extend([
        ("NewProcessId", hex(random.between(600, 3000).unsigned_abs() * 4)),
        ("NewProcessName", image.to_owned()),
        ("TokenElevationType", "%%1938".to_owned()),
        ("ProcessId", hex(random.between(300, 2000).unsigned_abs() * 4)),
        ("CommandLine", command.to_owned()),
        ("TargetUserSid", "S-1-0-0".to_owned()),
        ("TargetUserName", "-".to_owned()),
        ("TargetDomainName", "-".to_owned()),
        ("TargetLogonId", "0x0".to_owned()),
        ("ParentProcessName", parent.to_owned()),
        ("MandatoryLabel", "S-1-16-8192".to_owned()),
    ]);
    event(kind(4688, 2, 13_312, "Process Creation"), at, random, data)
}

/// 4625: an account failed to log on, for its password was wrong.
pub(crate) fn failed(at: Time, account: &Account, from: (Ipv4Addr, &str), random: &mut Random) -> Event {
    let (address, workstation) = from;
    let data = [
        ("SubjectUserSid", "S-1-0-0"),
        ("SubjectUserName", "-"),
        ("SubjectDomainName", "-"),
        ("SubjectLogonId", "0x0"),
        ("TargetUserSid", "S-1-0-0"),
        ("TargetUserName", &account.name),
        ("TargetDomainName", &account.domain),
        ("Status", "0xc000006d"),
        ("FailureReason", "%%2313"),
        ("SubStatus", "0xc000006a"),
        ("LogonType", "3"),
        ("LogonProcessName", "NtLmSsp "),
        ("AuthenticationPackageName", "NTLM"),
        ("WorkstationName", workstation),
        ("TransmittedServices", "-"),
        ("LmPackageName", "-"),
        ("KeyLength", "0"),
        ("ProcessId", "0x0"),
        ("ProcessName", "-"),
        ("IpAddress", &address.to_string()),
        ("IpPort", "0"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    event(kind(4625, 0, 12_544, "Logon"), at, random, data.into())
}
