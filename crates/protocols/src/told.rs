use crate::Out;
use model::Trait;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Facts told in a conversation; at the bound nothing more is told, so that a flood of names stays here.
const FACTS_MAX: usize = 64;

/// Memory that a fact takes beside its value.
const FACT_COST: usize = 96;

/// What a conversation has told about hosts, so that nothing is told twice.
#[derive(Default)]
pub(crate) struct Told {
    facts: BTreeSet<(IpAddr, &'static str, String)>,
    held: usize,
}

impl Told {
    /// Reports a fact about `host`, which has the hardware address `mac`, unless it is known already.
    pub(crate) fn tell(
        &mut self,
        host: IpAddr,
        mac: Option<&str>,
        about: Trait,
        value: &str,
        out: &mut Out<'_>,
    ) {
        let room = self.facts.len() < FACTS_MAX;
        if room && self.facts.insert((host, about.name().0, value.to_owned())) {
            self.held += FACT_COST + value.len();
            out.identity_with(host, mac, about, value);
        }
    }

    /// Memory that it takes.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Reports what the full name of `host` says: its first label is the host, the rest its domain. The domain
    /// `local` (RFC 6762, 3) is none that hosts belong to.
    pub(crate) fn tell_full_name(&mut self, host: IpAddr, mac: Option<&str>, name: &[u8], out: &mut Out<'_>) {
        let Some(name) = readable(name) else { return };
        let (short, domain) = name.split_once('.').unwrap_or((name, ""));
        if short.is_empty() || short.starts_with('_') {
            return;
        }
        self.tell(host, mac, Trait::HostName, short, out);
        let domain = domain.trim_end_matches('.');
        if !domain.is_empty() && domain != "local" {
            self.tell(host, mac, Trait::Domain, domain, out);
        }
    }
}

/// Host names as they are used, RFC 1123, 2.1 and a little more; anything else is not a name to know a host by.
pub(crate) fn readable(name: &[u8]) -> Option<&str> {
    let used = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let name = str::from_utf8(name).ok()?;
    (!name.is_empty() && name.bytes().all(used)).then_some(name)
}
