//! What Windows' events tell about the site. Field names are those of the events' own manifests.

use crate::Site;
use crate::names::host_label;
use crate::network::{Place, canonical, parse, place};
use crate::purdue::telling_program;
use crate::timeline::Source;
use model::{EntityKind, Event, Role, Value};
use std::net::IpAddr;

pub(crate) fn observe(site: &mut Site, event: &Event) {
    let of = |entity: &&model::Entity| (entity.role, entity.kind) == (Role::Target, EntityKind::Host);
    let named = event.text("Computer").or_else(|| event.entities.iter().find(of).map(|e| &*e.value));
    // A mail has no computer, and a syslog sender without a name is an address.
    let Some(computer) = named.and_then(|name| site.computer(event.time, name)) else { return };
    let Some(id) = number(event, "EventID") else { return };
    match &*event.log {
        "windows_sysmon" => sysmon(site, event, &computer, id),
        "windows_security" => security(site, event, &computer, id),
        _ => {}
    }
}

fn sysmon(site: &mut Site, event: &Event, computer: &str, id: i64) {
    match id {
        1 => process(site, event, computer, ("Image", "LogonId"), event.text("User")),
        3 => connection(site, event, computer),
        22 => lookup(site, event),
        _ => {}
    }
}

fn security(site: &mut Site, event: &Event, computer: &str, id: i64) {
    match id {
        4624 => logon(site, event, computer),
        4634 | 4647 => {
            if let Some(session) = logon_id(event, "TargetLogonId") {
                site.sessions.end(event.time, computer, &session);
            }
        }
        4688 => {
            process(
                site,
                event,
                computer,
                ("NewProcessName", "SubjectLogonId"),
                event.text("SubjectUserName"),
            );
        }
        4778 => reconnect(site, event, computer),
        _ => {}
    }
}

fn process(
    site: &mut Site,
    event: &Event,
    computer: &str,
    (image, session): (&str, &str),
    user: Option<&str>,
) {
    let program = event.text(image).and_then(telling_program);
    if let (Some(program), Some(known)) = (program, site.inventory.log(event.time, computer)) {
        known.programs.insert(program);
    }
    if let (Some(session), Some(user)) = (logon_id(event, session), user) {
        site.sessions.seen(event.time, computer, &session, user);
    }
}

/// Address and name of each end of a connection in Sysmon 3; the names are what the computer itself looked
/// up.
const ENDS: [(&str, &str); 2] = [("SourceIp", "SourceHostname"), ("DestinationIp", "DestinationHostname")];

/// Sysmon 3: the computer is the source of what it initiated. Of the rest some versions make it the source
/// too and others the destination, so that only its own name beside one address tells which is its own.
fn connection(site: &mut Site, event: &Event, computer: &str) {
    let named = ENDS.map(|(_, name)| event.text(name).and_then(host_label));
    let [source, destination] = named.each_ref().map(|name| name.as_deref() == Some(computer));
    let own = match flag(event, "Initiated") {
        Some(true) => [true, false],
        Some(false) if source != destination => [source, destination],
        Some(false) | None => return,
    };
    for (((addr, _), name), own) in ENDS.into_iter().zip(named).zip(own) {
        let Some(addr) = event.text(addr).and_then(parse) else { continue };
        match name {
            _ if own => site.timeline.observe(event.time, addr, computer, Source::Proof),
            Some(name) if name != computer && place(addr) == Place::Site => {
                site.timeline.observe(event.time, addr, &name, Source::Lookup);
            }
            Some(_) | None => {}
        }
    }
}

/// Sysmon 22: `QueryResults` lists addresses and names between semicolons.
fn lookup(site: &mut Site, event: &Event) {
    let (Some(name), Some(results)) = (event.text("QueryName"), event.text("QueryResults")) else { return };
    for addr in results.split(';').filter_map(parse).filter(|addr| place(*addr) == Place::Site) {
        site.timeline.observe(event.time, addr, name, Source::Lookup);
    }
}

fn logon(site: &mut Site, event: &Event, computer: &str) {
    let from = remote(event, "IpAddress");
    let kind = number(event, "LogonType").and_then(|kind| u8::try_from(kind).ok());
    let user = with_domain(event, "TargetDomainName", "TargetUserName");
    if let (Some(session), Some(user)) = (logon_id(event, "TargetLogonId"), user) {
        site.sessions.start(event.time, (computer, &session), &user, from, kind);
    }
    // In a logon by remote desktop the workstation is the server itself; only NTLM carries the client's own
    // name.
    let ntlm = event.text("AuthenticationPackageName").is_some_and(|name| name.starts_with("NTLM"));
    let client = event.text("WorkstationName").filter(|name| host_label(name).is_some_and(|n| n != computer));
    if let (true, Some(client), Some(from)) = (ntlm && kind == Some(3), client, from) {
        site.timeline.observe(event.time, from, client, Source::Claim);
    }
}

/// 4778: somebody took up a remote desktop session again, perhaps from elsewhere.
fn reconnect(site: &mut Site, event: &Event, computer: &str) {
    let from = remote(event, "ClientAddress");
    let user = with_domain(event, "AccountDomain", "AccountName");
    if let (Some(session), Some(user)) = (logon_id(event, "LogonID"), user) {
        site.sessions.start(event.time, (computer, &session), &user, from, Some(10));
    }
    if let (Some(from), Some(client)) = (from, event.text("ClientName")) {
        site.timeline.observe(event.time, from, client, Source::Claim);
    }
}

fn with_domain(event: &Event, domain: &str, user: &str) -> Option<String> {
    Some(format!("{}\\{}", event.text(domain).unwrap_or_default(), event.text(user)?))
}

/// An address other than the computer's own loopback.
fn remote(event: &Event, field: &str) -> Option<IpAddr> {
    parse(event.text(field)?).map(canonical).filter(|addr| place(*addr) != Place::Nobody)
}

/// A session number as `0x…` in lower case.
fn logon_id(event: &Event, field: &str) -> Option<String> {
    match event.text(field) {
        Some(text) => Some(text.to_lowercase()),
        None => number(event, field).map(|number| format!("{number:#x}")),
    }
}

fn number(event: &Event, field: &str) -> Option<i64> {
    match &event.fields.iter().find(|(name, _)| &**name == field)?.1 {
        Value::Int(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Double(_) | Value::List(_) => None,
    }
}

fn flag(event: &Event, field: &str) -> Option<bool> {
    match &event.fields.iter().find(|(name, _)| &**name == field)?.1 {
        Value::Bool(flag) => Some(*flag),
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::Text(_) | Value::Null | Value::Int(_) | Value::Double(_) | Value::List(_) => None,
    }
}
