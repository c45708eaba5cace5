//! How hosts and accounts are spelled: one spelling for each, so that the same thing is equal in every row.

use std::net::IpAddr;

/// A DNS label has at most 63 bytes (RFC 1035, 2.3.4); devices' own labels that are longer are cut off as no
/// names.
const LABEL_MAX: usize = 63;

/// NetBIOS keeps 15 characters of a computer's name (RFC 1001, 14.1); longer names arrive cut.
pub(crate) const NETBIOS_MAX: usize = 15;

/// Texts that programs write where they know no name.
const NO_NAMES: &[&str] = &[
    "-",
    "*",
    "localhost",
    "localhost6",
    "unknown",
    "none",
    "(none)",
    "null",
    "n/a",
    "workstation",
    "local",
];

/// Accounts of the operating system itself, in the languages of Windows' own names.
const SYSTEM_ACCOUNTS: &[&str] = &[
    "system",
    "local service",
    "network service",
    "localservice",
    "networkservice",
    "anonymous logon",
    "iusr",
    "lokaler dienst",
    "netzwerkdienst",
    "anonymous-anmeldung",
    "système",
    "service local",
    "service réseau",
    "sistema",
    "defaultaccount",
    "wdagutilityaccount",
];

/// Domains that hold nothing but the system's own accounts.
const SYSTEM_DOMAINS: &[&str] = &[
    "nt authority",
    "nt-autorität",
    "autorite nt",
    "autorité nt",
    "window manager",
    "font driver host",
    "nt service",
    "iis apppool",
    "nt virtual machine",
];

/// Well-known security identifiers of the system (Windows Protocols, MS-DTYP 2.4.2.4).
const SYSTEM_SIDS: &[&str] = &["s-1-0-0", "s-1-5-7", "s-1-5-17", "s-1-5-18", "s-1-5-19", "s-1-5-20"];

/// Who an account name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// A person or a service with its own account, bare and lower-case: `m.keller`.
    Person(String),
    /// A computer's own account (`HIST01$`), by the computer's short name: `hist01`.
    Machine(String),
    /// An account that every Windows computer has (`SYSTEM`); says nothing about who it was.
    System,
}

/// Short lower-case name of a host, `hist01` from `HIST01.plant.example`; `None` when the text is an address,
/// empty, or says that no name is known.
pub fn host_label(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0').trim_start_matches('\\');
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.parse::<IpAddr>().is_ok() || text.contains(|c: char| c.is_control() || c == '/' || c == ':') {
        return None;
    }
    let label = if text.contains(char::is_whitespace) { text } else { text.split('.').next()? };
    let label = label.to_lowercase();
    let usable = (1..=LABEL_MAX).contains(&label.len())
        && !label.starts_with('_')
        && label.contains(char::is_alphanumeric)
        && !NO_NAMES.contains(&label.as_str());
    usable.then_some(label)
}

/// Domain of a full name, lower-case: `plant.example` from `HIST01.plant.example`; `None` for a bare name.
pub(crate) fn domain(text: &str) -> Option<String> {
    host_label(text)?;
    let (_, domain) = text.trim().trim_end_matches('.').split_once('.')?;
    (domain.contains('.') && !domain.contains(char::is_whitespace)).then(|| domain.to_lowercase())
}

/// Who `text` stands for, in any of the spellings `DOMAIN\name`, `name@domain`, `name/REALM` and `name`;
/// `None` when it names nobody.
pub fn account(text: &str) -> Option<Account> {
    let text = text.trim().to_lowercase();
    let (domain, name) = match text.rsplit_once('\\') {
        Some((domain, name)) => (domain, name),
        None => ("", text.split(['@', '/']).next().unwrap_or(&text)),
    };
    if name.is_empty() || matches!(name, "-" | "n/a" | "null") {
        return None;
    }
    if is_system(domain, name) {
        return Some(Account::System);
    }
    match name.strip_suffix('$') {
        Some(host) => Some(Account::Machine(host_label(host)?)),
        None => Some(Account::Person(name.to_owned())),
    }
}

fn is_system(domain: &str, name: &str) -> bool {
    let numbered = |prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest: &str| rest.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
    };
    SYSTEM_DOMAINS.contains(&domain)
        || SYSTEM_ACCOUNTS.contains(&name)
        || SYSTEM_SIDS.contains(&name)
        || numbered("dwm-")
        || numbered("umfd-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_host_is_one_name() {
        for text in ["HIST01", "HIST01.plant.example", "hist01.plant.example.", r"\\HIST01", "HIST01\0"] {
            assert_eq!(host_label(text).as_deref(), Some("hist01"), "{text}");
        }
        for text in ["", "-", "10.3.0.20", "fe80::1", "localhost", "_ldap._tcp.plant.example", "..."] {
            assert_eq!(host_label(text), None, "{text}");
        }
        assert_eq!(domain("HIST01.plant.example").as_deref(), Some("plant.example"));
        assert_eq!(domain("HIST01"), None);
    }

    #[test]
    fn every_spelling_of_an_account_is_one_name() {
        for text in [r"PLANT\m.keller", "m.keller@plant.example", "M.Keller", "m.keller/PLANT.EXAMPLE"] {
            assert_eq!(account(text), Some(Account::Person("m.keller".to_owned())), "{text}");
        }
        assert_eq!(account(r"PLANT\HIST01$"), Some(Account::Machine("hist01".to_owned())));
        assert_eq!(account("-"), None);
    }

    #[test]
    fn accounts_of_the_system_are_nobody() {
        for text in [r"NT AUTHORITY\SYSTEM", "LOCAL SERVICE", "S-1-5-18", r"Window Manager\DWM-1", "UMFD-0"] {
            assert_eq!(account(text), Some(Account::System), "{text}");
        }
    }
}
