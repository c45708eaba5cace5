//! What Windows computers log when nothing happens.

use crate::random::Random;
use crate::windows::security::{self, Account, Logon, LogonType, Session};
use crate::windows::sysmon::{self, Ends, Process};
use crate::windows::{Channel, Log};
use model::{Span, Time};
use std::net::Ipv4Addr;

/// A computer and its surroundings.
pub(crate) struct Computer<'a> {
    /// Short name.
    pub(crate) name: &'a str,
    pub(crate) address: Ipv4Addr,
    /// Session of the computer's own account.
    pub(crate) system: Session,
    /// Name and address of the domain controller that it talks to.
    pub(crate) controller: (&'a str, Ipv4Addr),
    /// Short name of the domain.
    pub(crate) domain: &'a str,
}

/// Program, arguments, parent.
type Chore = (&'static str, &'static str, &'static str);

const SERVICES: &str = r"C:\Windows\System32\services.exe";
const SVCHOST: &str = r"C:\Windows\System32\svchost.exe";
const CHORES: [Chore; 8] = [
    (SVCHOST, "-k netsvcs -p -s wlidsvc", SERVICES),
    (SVCHOST, "-k LocalService -s W32Time", SERVICES),
    (r"C:\Windows\System32\taskhostw.exe", "Install $(Arg0)", SVCHOST),
    (r"C:\Windows\System32\wbem\WmiPrvSE.exe", "-Embedding", SVCHOST),
    (
        r"C:\Program Files (x86)\Microsoft\EdgeUpdate\MicrosoftEdgeUpdate.exe",
        "/ua /installsource scheduler",
        SVCHOST,
    ),
    (
        r"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18\MpCmdRun.exe",
        "SignatureUpdate -ScheduleJob",
        SVCHOST,
    ),
    (
        r"C:\Windows\System32\backgroundTaskHost.exe",
        "-ServerName:BackgroundTaskHost.WebAccountProvider",
        SVCHOST,
    ),
    (r"C:\Windows\System32\sc.exe", "start w32time task_started", SVCHOST),
];
const FILES: [&str; 4] = [
    r"C:\Windows\Prefetch\SVCHOST.EXE-6A248C12.pf",
    r"C:\Windows\ServiceState\EventLog\Data\lastalive1.dat",
    r"C:\Windows\SoftwareDistribution\DataStore\Logs\edb.chk",
    r"C:\ProgramData\Microsoft\Windows Defender\Scans\History\Results\Quick\scan.bin",
];

/// Fills `log` with what the computer writes from `start` for `length`.
pub(crate) fn fill(log: &mut Log, computer: &Computer<'_>, start: Time, length: Span, random: &mut Random) {
    let mut now = start + Span::s(random.between(2, 12));
    while now < start + length {
        match log.channel {
            Channel::Security => security_chore(log, computer, now, random),
            Channel::Sysmon => sysmon_chore(log, computer, now, random),
        }
        now = now + Span(random.between(4_000, 18_000) * 1_000_000 + random.between(0, 999_999));
    }
}

fn security_chore(log: &mut Log, computer: &Computer<'_>, now: Time, random: &mut Random) {
    let later = |ms| now + Span(ms * 1_000_000);
    let system = &computer.system;
    let logon = |kind, session, from| Logon { kind, session, from, computer: computer.name, system };
    match random.between(0, 9) {
        0..=3 => {
            let service = well_known("SYSTEM", "S-1-5-18", 0x3e7);
            log.add(security::logon(now, &logon(LogonType::Service, &service, None), random));
            log.add(security::privileges(later(1), &service, random));
        }
        4..=7 => {
            let id = random.between(0x90_0000, 0xff_ffff).unsigned_abs();
            let account = machine(computer);
            let session = Session { account, id };
            let from =
                (computer.controller.1, u16::try_from(random.between(49_700, 60_000)).unwrap_or_default());
            log.add(security::logon(now, &logon(LogonType::Network, &session, Some(from)), random));
            let held = random.between(300, 12_000);
            log.add(security::logoff(later(held), &session, LogonType::Network, random));
        }
        _ => {
            let (image, arguments, parent) = random.pick(&CHORES).copied().unwrap_or((SVCHOST, "", SERVICES));
            log.add(security::process(now, system, [image, &format!("{image} {arguments}"), parent], random));
        }
    }
}

fn sysmon_chore(log: &mut Log, computer: &Computer<'_>, now: Time, random: &mut Random) {
    let later = |ms| now + Span(ms * 1_000_000);
    let system = well_known("SYSTEM", "S-1-5-18", 0x3e7);
    let (image, arguments, parent) = random.pick(&CHORES).copied().unwrap_or((SVCHOST, "", SERVICES));
    let parent = Process::new(parent, parent, random);
    let new = Process::new(image, &format!("{image} {arguments}"), random);
    match random.between(0, 9) {
        0..=3 => {
            log.add(sysmon::process(now, &system, &new, &parent, random));
            let ran = random.between(200, 20_000);
            log.add(sysmon::terminated(later(ran), &system, &new, random));
        }
        4..=5 => {
            let path = random.pick(&FILES).copied().unwrap_or_default();
            log.add(sysmon::file(now, &system, &parent, path, random));
        }
        6..=7 => {
            let port = u16::try_from(random.between(49_700, 60_000)).unwrap_or_default();
            let (name, address) = computer.controller;
            let source = (computer.address, port, computer.name);
            let ends = Ends { transport: "tcp", source, target: (address, 389, name) };
            let lsass =
                Process::new(r"C:\Windows\System32\lsass.exe", r"C:\Windows\system32\lsass.exe", random);
            log.add(sysmon::connection(now, &system, &lsass, &ends, random));
        }
        _ => {
            let svchost = Process::new(SVCHOST, SVCHOST, random);
            log.add(sysmon::lookup(now, &system, &svchost, computer.controller, random));
        }
    }
}

/// The domain controller's own account.
fn machine(computer: &Computer<'_>) -> Account {
    let short = computer.controller.0.split('.').next().unwrap_or_default().to_uppercase();
    Account { sid: "S-1-5-18".to_owned(), name: format!("{short}$"), domain: computer.domain.to_owned() }
}

/// A session that every Windows computer has.
pub(crate) fn well_known(name: &str, sid: &str, id: u64) -> Session {
    Session {
        account: Account { sid: sid.to_owned(), name: name.to_owned(), domain: "NT AUTHORITY".to_owned() },
        id,
    }
}
