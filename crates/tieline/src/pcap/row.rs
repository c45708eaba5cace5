//! From a row to its conversation.

use crate::WrongUse;
use model::{Span, Time};
use packets::{Archive, Conversation, Query, Who};
use std::net::IpAddr;
use std::path::Path;
use store::{Lake, Limits};

/// Where a row came from, and whose it is.
pub(crate) struct Row {
    /// Interface or capture.
    pub(crate) file: String,
    /// Packet.
    pub(crate) number: u64,
    /// Its conversation and when that was, where the row says it.
    conversation: Option<(Conversation, Time, Time)>,
}

/// Tables in which a conversation that is not over is looked for, the surest first.
const TABLES: [&str; 3] = ["modbus", "dns", "modbus_umas"];
/// How long after its end packets may still be of a conversation: what was sent once more, or too late.
const TRAILS: Span = Span::s(5);

impl Row {
    /// A packet as `FILE:NUMBER`.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn frame(text: &str) -> Result<Self, WrongUse> {
        let wrong = || WrongUse(format!("{text} does not name a packet; it takes FILE:NUMBER"));
        let (file, number) = text.rsplit_once(':').ok_or_else(wrong)?;
        let number = number.parse().map_err(|_| wrong())?;
        Ok(Self { file: file.to_owned(), number, conversation: None })
    }

    /// A row of the conversation `uid`.
    ///
    /// # Errors
    /// When the lake cannot be read, or has none.
    pub(crate) fn of(lake: &Path, uid: &str) -> anyhow::Result<Self> {
        if uid.is_empty() || !uid.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(WrongUse(format!("{uid} is not the name of a conversation")).into());
        }
        let lake = Lake::open(lake)?;
        let there: Vec<String> = lake.tables()?.into_iter().map(|table| table.name).collect();
        let has = |name: &str| there.iter().any(|table| table == name);
        if has("conn")
            && let Some(row) = Self::whole(&lake, uid)?
        {
            return Ok(row);
        }
        for table in TABLES.iter().filter(|table| has(table)) {
            let sql =
                format!("SELECT _file, _number FROM {table} WHERE uid = '{uid}' ORDER BY _number LIMIT 1");
            if let Some([Some(file), Some(number)]) = first(&lake, &sql)?.as_deref() {
                return Ok(Self { file: file.clone(), number: number.parse()?, conversation: None });
            }
        }
        Err(WrongUse(format!("no row of the lake is of the conversation {uid}")).into())
    }

    /// The row about a conversation that is over.
    fn whole(lake: &Lake, uid: &str) -> anyhow::Result<Option<Self>> {
        let columns = "_file, _number, CAST(ts AS BIGINT) AS began, duration, ip_proto, id.orig_h, id.orig_p, id.resp_h, id.resp_p";
        let sql = format!("SELECT {columns} FROM conn WHERE uid = '{uid}' ORDER BY began LIMIT 1");
        let Some(row) = first(lake, &sql)? else { return Ok(None) };
        let text = |place: usize| row.get(place).and_then(Option::as_deref).unwrap_or_default();
        let end = |place: usize| Some((text(place).parse::<IpAddr>().ok()?, text(place + 1).parse().ok()?));
        let conversation = || {
            let begin = Time(text(2).parse().ok()?);
            let protocol = text(4).parse().ok()?;
            // Type and code of ICMP are no ports.
            let ports =
                |(addr, port): (IpAddr, u16)| (addr, if matches!(protocol, 6 | 17) { port } else { 0 });
            let (one, other) = (ports(end(5)?), ports(end(7)?));
            Some((Conversation::Ip { one, other, protocol }, begin, begin + span(text(3)) + TRAILS))
        };
        let number = text(1).parse()?;
        Ok(Some(Self { file: text(0).to_owned(), number, conversation: conversation() }))
    }

    /// What to look for; `None` when the packet is not there any more.
    ///
    /// # Errors
    /// When the packets cannot be read.
    pub(crate) fn query(&self, archive: &Archive) -> packets::Result<Option<Query>> {
        let of = |conversation| Query::of(Who::Conversation(conversation));
        Ok(match self.conversation {
            Some((conversation, since, until)) => {
                Some(Query { since: Some(since), until: Some(until), ..of(conversation) })
            }
            None => archive.conversation(self.number)?.map(of),
        })
    }
}

/// The first row of an answer.
fn first(lake: &Lake, sql: &str) -> anyhow::Result<Option<Vec<Option<String>>>> {
    let limits = Limits { rows: Some(1), ..Limits::default() };
    Ok(lake.query(sql, &limits)?.texts()?.rows.into_iter().next())
}

/// Seconds with decimals; none are no time.
fn span(seconds: &str) -> Span {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let digits = format!("{fraction:0<9}");
    let ns = digits.get(..9).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    Span(Span::s(whole.parse().unwrap_or(0)).0.saturating_add(ns))
}
