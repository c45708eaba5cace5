//! Who was logged on where, and where each session came from.

use crate::names::{Account, account, host_label};
use model::Time;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Sessions remembered per host; beyond it a quarter goes, those that were active longest ago.
pub(crate) const SESSIONS_MAX: usize = 4096;

/// Hosts whose sessions are remembered; sessions of further hosts are not.
pub(crate) const HOSTS_MAX: usize = 16_384;

/// Logons and logoffs kept per session number, which Windows uses again after a restart; the oldest go.
const USES_MAX: usize = 16;

/// A logon on a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// Host that it runs on, short name.
    pub host: Box<str>,
    /// Its number there, as in the events: `0x7be02`.
    pub id: Box<str>,
    /// When it began, or was first seen.
    pub start: Time,
    /// When it ended, where that was told.
    pub end: Option<Time>,
    /// Whose it is, bare account.
    pub user: Box<str>,
    /// Address that it came from, where it came over the network.
    pub from: Option<IpAddr>,
    /// Windows' logon type: 2 at the console, 3 network, 10 remote desktop.
    pub kind: Option<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    hosts: BTreeMap<Box<str>, BTreeMap<Box<str>, Uses>>,
    pub(crate) dropped: u64,
}

/// Everything told of one session number.
#[derive(Debug, Default)]
struct Uses {
    starts: Vec<Start>,
    ends: Vec<Time>,
    /// Users seen at work in it, with the first and the last time.
    seen: BTreeMap<Box<str>, (Time, Time)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    time: Time,
    user: Box<str>,
    from: Option<IpAddr>,
    kind: Option<u8>,
}

impl Sessions {
    /// `user` logged on to `host`; accounts of machines and of the system leave no session.
    pub(crate) fn start(
        &mut self,
        time: Time,
        (host, id): (&str, &str),
        user: &str,
        from: Option<IpAddr>,
        kind: Option<u8>,
    ) {
        let Some(Account::Person(user)) = account(user) else { return };
        if let Some(uses) = self.uses(host, id) {
            let start = Start { time, user: user.into(), from, kind };
            keep(&mut uses.starts, start);
        }
    }

    /// The session ended.
    pub(crate) fn end(&mut self, time: Time, host: &str, id: &str) {
        if let Some(uses) = self.uses(host, id) {
            keep(&mut uses.ends, time);
        }
    }

    /// `user` was at work in it.
    pub(crate) fn seen(&mut self, time: Time, host: &str, id: &str, user: &str) {
        let Some(Account::Person(user)) = account(user) else { return };
        if let Some(uses) = self.uses(host, id)
            && (uses.seen.len() < USES_MAX || uses.seen.contains_key(user.as_str()))
        {
            let span = uses.seen.entry(user.into()).or_insert((time, time));
            *span = (span.0.min(time), span.1.max(time));
        }
    }

    /// The session `id` on `host` as it was at `time`: the last that began at or before, else the first
    /// after.
    pub(crate) fn find(&self, host: &str, id: &str, time: Time) -> Option<Session> {
        let sessions = self.hosts.get(host)?.get(id)?.sessions(host, id);
        let before = sessions.iter().rev().find(|session| session.start <= time);
        before.or_else(|| sessions.first()).cloned()
    }

    /// Sessions open on `host` at `time`, by session number.
    pub(crate) fn open(&self, host: &str, time: Time) -> Vec<Session> {
        let open = |session: &Session| session.start <= time && session.end.is_none_or(|end| time < end);
        self.of(host).into_iter().filter(open).collect()
    }

    /// All sessions of `host`.
    pub(crate) fn of(&self, host: &str) -> Vec<Session> {
        let sessions = self.hosts.get(host).into_iter().flatten();
        sessions.flat_map(|(id, uses)| uses.sessions(host, id)).collect()
    }

    fn uses(&mut self, host: &str, id: &str) -> Option<&mut Uses> {
        // Number 0x0 stands for no session at all.
        if id.trim_start_matches("0x").trim_start_matches('0').is_empty() {
            return None;
        }
        if self.hosts.len() >= HOSTS_MAX && !self.hosts.contains_key(host) {
            self.dropped += 1;
            return None;
        }
        let sessions = self.hosts.entry(host.into()).or_default();
        if sessions.len() >= SESSIONS_MAX && !sessions.contains_key(id) {
            self.dropped += forget(sessions);
        }
        Some(sessions.entry(id.into()).or_default())
    }
}

impl Uses {
    fn sessions(&self, host: &str, id: &str) -> Vec<Session> {
        let mut starts = self.starts.clone();
        if starts.is_empty() {
            let seen = self.seen.iter();
            starts.extend(seen.map(|(user, span)| Start {
                time: span.0,
                user: user.clone(),
                from: None,
                kind: None,
            }));
            starts.sort();
        }
        let next = starts.iter().skip(1).map(|start| Some(start.time)).chain([None]);
        let session = |(start, next): (&Start, Option<Time>)| Session {
            host: host.into(),
            id: id.into(),
            start: start.time,
            end: self
                .ends
                .iter()
                .copied()
                .find(|end| *end >= start.time && next.is_none_or(|next| *end <= next)),
            user: start.user.clone(),
            from: start.from,
            kind: start.kind,
        };
        starts.iter().zip(next).map(session).collect()
    }

    fn last(&self) -> Time {
        let starts = self.starts.last().map(|start| start.time);
        let seen = self.seen.values().map(|span| span.1).max();
        [starts, self.ends.last().copied(), seen].into_iter().flatten().max().unwrap_or_default()
    }
}

/// Short host and number of a session named `Computer/0x…`, the number lower-case.
pub(crate) fn split(session: &str) -> Option<(String, String)> {
    let (host, id) = session.rsplit_once('/')?;
    Some((host_label(host)?, id.to_lowercase()))
}

fn keep<T: Ord>(list: &mut Vec<T>, value: T) {
    let Err(place) = list.binary_search(&value) else { return };
    list.insert(place, value);
    if list.len() > USES_MAX {
        list.remove(0);
    }
}

fn forget(sessions: &mut BTreeMap<Box<str>, Uses>) -> u64 {
    let mut lasts: Vec<Time> = sessions.values().map(Uses::last).collect();
    lasts.sort_unstable();
    let Some(cut) = lasts.get(lasts.len() / 4).copied() else { return 0 };
    let before = sessions.len();
    sessions.retain(|_, uses| uses.last() > cut);
    u64::try_from(before - sessions.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Span;

    fn at(second: i64) -> Time {
        Time::default() + Span::s(second)
    }

    #[test]
    fn a_session_number_used_again_is_another_session() {
        let mut sessions = Sessions::default();
        sessions.end(at(300), "hist01", "0x7be02");
        sessions.start(at(200), ("hist01", "0x7be02"), r"PLANT\a.other", None, Some(2));
        let jump = "10.35.0.10".parse().ok();
        sessions.start(at(100), ("hist01", "0x7be02"), r"PLANT\m.keller", jump, Some(10));
        sessions.end(at(150), "hist01", "0x7be02");
        let found = sessions.find("hist01", "0x7be02", at(120)).unwrap();
        assert_eq!((&*found.user, found.from, found.end), ("m.keller", jump, Some(at(150))));
        assert_eq!(&*sessions.find("hist01", "0x7be02", at(250)).unwrap().user, "a.other");
        assert_eq!(sessions.open("hist01", at(160)), []);
        assert_eq!(sessions.open("hist01", at(210)).len(), 1);
    }

    #[test]
    fn the_systems_own_accounts_leave_no_session() {
        let mut sessions = Sessions::default();
        sessions.start(at(1), ("hist01", "0x3e7"), r"NT AUTHORITY\SYSTEM", None, Some(5));
        sessions.start(at(1), ("hist01", "0x9999"), "HIST01$", None, Some(3));
        assert_eq!(sessions.of("hist01"), []);
    }

    #[test]
    fn at_the_bound_those_go_that_were_active_longest_ago() {
        let mut sessions = Sessions::default();
        let count = i64::try_from(SESSIONS_MAX).unwrap();
        for n in 1..=count + 1 {
            sessions.start(at(n), ("dc01", &format!("{n:#x}")), "m.keller", None, Some(3));
        }
        assert!(sessions.of("dc01").len() <= SESSIONS_MAX);
        assert!(sessions.dropped > 0);
        assert!(sessions.find("dc01", "0x1", at(1)).is_none());
        assert!(sessions.find("dc01", &format!("{:#x}", count + 1), at(count)).is_some());
    }
}
