//! Puts the site's names into a finding, as they were at the time of what was found.

use crate::Site;
use crate::names::{Account, account, host_label};
use crate::network::{Place, parse, place};
use crate::sessions;
use model::{Entity, EntityKind, Finding, Role, Time};
use std::net::IpAddr;

impl Site {
    /// Names the hosts, users and sessions of a finding as the site knows them at its time.
    ///
    /// Each address gets its host beside it, in the same role: the short lower-case name, or the address
    /// itself where nobody is known to have it. Hosts, users and sessions that stand there are replaced by
    /// their one spelling; accounts that every Windows has (`SYSTEM`) go, because they join what does not
    /// belong together. Doing it twice changes nothing.
    pub fn resolve(&self, finding: &mut Finding) {
        let time = finding.time;
        let here = own_host(&finding.entities);
        let mut resolved: Vec<Entity> = Vec::with_capacity(finding.entities.len() + 2);
        let mut put = |entity: Entity| {
            let same = |e: &Entity| (e.role, e.kind, &e.value) == (entity.role, entity.kind, &entity.value);
            if !resolved.iter().any(same) {
                resolved.push(entity);
            }
        };
        for entity in std::mem::take(&mut finding.entities) {
            let addr = (entity.kind == EntityKind::Ip).then(|| parse(&entity.value)).flatten();
            let host = addr.and_then(|addr| self.host_of(addr, time, here.as_deref()));
            let found =
                host.map(|host| Entity::resolved(entity.role, EntityKind::Host, host, entity.in_row()));
            self.spelled(entity, time).into_iter().chain(found).for_each(&mut put);
        }
        if let Some(here) = here {
            drop_own_name_as_source(&mut resolved, self.timeline.whole(&here));
        }
        finding.entities = resolved;
    }

    /// Name of the host at `addr`; a loopback address is the computer that logged it.
    fn host_of(&self, addr: IpAddr, time: Time, here: Option<&str>) -> Option<Box<str>> {
        match place(addr) {
            Place::Nobody if addr.is_loopback() => here.map(|here| self.timeline.whole(here).into()),
            Place::Nobody => None,
            Place::Site | Place::Outside => Some(self.name_at(addr, time)),
        }
    }

    fn name_at(&self, addr: IpAddr, time: Time) -> Box<str> {
        self.host(addr, time).map_or_else(|| addr.to_string().into(), |binding| binding.host)
    }

    /// The entity in its one spelling; `None` when it names nobody.
    fn spelled(&self, entity: Entity, time: Time) -> Option<Entity> {
        let Entity { role, kind, value: text, raw } = entity;
        let value: Box<str> = match kind {
            EntityKind::Host => self.host_name(&text, time)?,
            EntityKind::User => self.user_name(role, &text)?,
            EntityKind::Session => match sessions::split(&text) {
                Some((host, id)) => format!("{}/{id}", self.timeline.whole(&host)).into(),
                None => text.clone(),
            },
            EntityKind::Ip => parse(&text).map_or_else(|| text.clone(), |addr| addr.to_string().into()),
            EntityKind::Mac
            | EntityKind::Process
            | EntityKind::File
            | EntityKind::Asset
            | EntityKind::Tag
            | EntityKind::Credential
            | EntityKind::Mail => text.clone(),
        };
        let raw = raw.or_else(|| (value != text).then_some(text));
        Some(Entity { role, kind, value, raw })
    }

    fn host_name(&self, text: &str, time: Time) -> Option<Box<str>> {
        match parse(text) {
            Some(addr) => Some(self.name_at(addr, time)),
            None => host_label(text).map(|label| self.timeline.whole(&label).into()),
        }
    }

    /// The bare account. A sender's address stays whole unless its domain is the site's: strangers are no
    /// colleagues.
    fn user_name(&self, role: Role, text: &str) -> Option<Box<str>> {
        if let (Role::Source, Some((_, domain))) = (role, text.rsplit_once('@'))
            && !self.inventory.is_own(domain)
        {
            return Some(text.trim().to_lowercase().into());
        }
        match account(text)? {
            Account::Person(name) => Some(name.into()),
            Account::Machine(host) => Some(format!("{host}$").into()),
            Account::System => None,
        }
    }
}

/// Short name of the computer that logged it.
fn own_host(entities: &[Entity]) -> Option<String> {
    let of = |entity: &&Entity| (entity.role, entity.kind) == (Role::Target, EntityKind::Host);
    entities.iter().find(of).and_then(|entity| host_label(&entity.value))
}

/// Windows names the server itself as the workstation of a logon by remote desktop; the address knows better.
fn drop_own_name_as_source(entities: &mut Vec<Entity>, here: &str) {
    let source_host = |entity: &Entity| (entity.role, entity.kind) == (Role::Source, EntityKind::Host);
    if entities.iter().any(|entity| source_host(entity) && &*entity.value != here) {
        entities.retain(|entity| !(source_host(entity) && &*entity.value == here));
    }
}
