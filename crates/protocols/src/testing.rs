//! One way to test every protocol: hexadecimal conversation in, log lines out.

use crate::{ALL, Guess, OPENING_MAX, Out, Protocol, Session, Side, Stamp};
use expect_test::Expect;
use model::{At, Cell, Conversation, Endpoint, Origin, Record, Rows, Time, Transport, Uid};
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Plays `conversation`, a PDU a line (`>` from the client, `<` from the server), and compares the log; `#` starts
/// a comment. PDUs are a second apart. A row shows its log and the columns that are set, then what it does to the process.
#[track_caller]
pub(crate) fn check(protocol: &Protocol, conversation: &str, expected: Expect) {
    check_between(protocol, &talk(), conversation, expected);
}

/// [`check`] between the ends of `talk`, for protocols that care about addresses, ports or the transport.
#[track_caller]
pub(crate) fn check_between(protocol: &Protocol, talk: &Conversation, conversation: &str, expected: Expect) {
    let mut session = (protocol.open)();
    let text = play(protocol, &mut *session, talk, conversation);
    expected.assert_eq(&text);
    if session.renew() {
        assert_eq!(play(protocol, &mut *session, talk, conversation), text, "a renewed session is as new");
    }
}

/// The rows of a conversation as text.
fn play(protocol: &Protocol, session: &mut dyn Session, talk: &Conversation, conversation: &str) -> String {
    let mut log = Log::default();
    let lines = conversation.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    let mut number = 0;
    for line in lines.filter(|line| !line.is_empty()) {
        number += 1;
        let (from, hex) = match line.split_at(1) {
            (">", hex) => (Side::Client, hex),
            ("<", hex) => (Side::Server, hex),
            _ => panic!("a line starts with > or <: {line}"),
        };
        let mut out = Out::new(&mut log, talk, stamp(number), protocol.name);
        if let Err(error) = session.pdu(from, &unhex(hex), &mut out) {
            writeln!(log.text, "damaged: {error}").unwrap();
        }
    }
    session.end(&mut Out::new(&mut log, talk, stamp(number + 1), protocol.name));
    log.text
}

/// Plays the PDUs of a good `conversation` with bytes changed and cut off: no panic, whatever the damage.
pub(crate) fn survives_damage(protocol: &Protocol, talk: &Conversation, conversation: &str) {
    let lines = conversation.lines().map(str::trim).filter(|line| !line.is_empty());
    let pdus: Vec<_> = lines.map(|line| (line.starts_with('>'), unhex(line))).collect();
    arbtest::arbtest(|u| {
        let mut session = (protocol.open)();
        for (number, (from_client, pdu)) in (1..).zip(&pdus) {
            let mut pdu = pdu.clone();
            for _ in 0..u.int_in_range(0..=4)? {
                let at = u.choose_index(pdu.len())?;
                pdu[at] = u.arbitrary()?;
            }
            pdu.truncate(u.int_in_range(0..=pdu.len() * 2)?);
            let from = if *from_client { Side::Client } else { Side::Server };
            let mut nowhere = Nowhere;
            let mut out = Out::new(&mut nowhere, talk, stamp(number), protocol.name);
            let _ = session.pdu(from, &pdu, &mut out);
        }
        session.end(&mut Out::new(&mut Nowhere, talk, stamp(99), protocol.name));
        Ok(())
    });
}

/// Bytes from hexadecimal digits; everything else is passed over.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

pub(crate) fn talk() -> Conversation {
    let end = |last, port| Endpoint { addr: [10, 0, 0, last].into(), port };
    Conversation::new(Uid::from_hash(0), end(1, 40_000), end(2, 502), Transport::Tcp)
}

fn stamp(number: u64) -> Stamp {
    Stamp { time: Time::from_s_ns(i64::try_from(number).unwrap(), 0), origin: Origin { file: 0, number } }
}

/// Rows as text.
#[derive(Default)]
struct Log {
    text: String,
}

impl Rows for Log {
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        let schema = row.schema();
        write!(self.text, "{} @{}", schema.log, at.origin.number).unwrap();
        row.cells(&mut |cells| {
            assert_eq!(cells.len(), schema.fields.len());
            for (field, cell) in schema.fields.iter().zip(cells) {
                if !cell.is_unset() {
                    write!(self.text, " {}={}", field.name, show(cell)).unwrap();
                }
            }
        });
        if let Some(ot) = at.ot {
            write!(self.text, " | {} {} {}", ot.action.name(), ot.outcome.name(), ot.object).unwrap();
            ot.value.iter().for_each(|v| write!(self.text, " = {v}").unwrap());
            ot.old_value.iter().for_each(|v| write!(self.text, " (was {v})").unwrap());
        }
        self.text.push('\n');
    }
}

fn show(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Unset => String::new(),
        Cell::Bool(v) => v.to_string(),
        Cell::Count(v) => v.to_string(),
        Cell::Int(v) => v.to_string(),
        Cell::Double(v) => v.to_string(),
        Cell::Time(v) => v.to_string(),
        Cell::Interval(v) => format!("{}ns", v.0),
        Cell::Addr(v) => v.to_string(),
        Cell::Text(v) => (*v).to_owned(),
        Cell::Bytes(v) => model::escape(v),
        Cell::Counts(v) => format!("{v:?}"),
        Cell::Intervals(v) => format!("{v:?}"),
        Cell::Texts(v) => format!("{v:?}"),
        Cell::BytesList(v) => format!("{:?}", v.iter().map(|b| model::escape(b)).collect::<Vec<_>>()),
        Cell::Strings(v) => format!("{v:?}"),
        Cell::Addrs(v) => format!("{v:?}"),
    }
}

/// Takes rows and forgets them.
struct Nowhere;

impl Rows for Nowhere {
    fn put(&mut self, _: &At<'_>, row: &dyn Record) {
        row.cells(&mut |cells| assert_eq!(cells.len(), row.schema().fields.len()));
    }
}

#[test]
fn no_protocol_panics_on_any_bytes() {
    let talk = talk();
    for protocol in ALL {
        arbtest::arbtest(|u| {
            let mut session = (protocol.open)();
            for number in 0..4 {
                let from = if u.arbitrary()? { Side::Client } else { Side::Server };
                let bytes: Vec<u8> = u.arbitrary()?;
                let _ = (protocol.recognise)(&bytes, from);
                let _ = protocol.tcp.as_ref().map(|stream| stream.framing.cut(&bytes));
                let mut nowhere = Nowhere;
                let mut out = Out::new(&mut nowhere, &talk, stamp(number), protocol.name);
                let _ = session.pdu(from, &bytes, &mut out);
            }
            session.end(&mut Out::new(&mut Nowhere, &talk, stamp(5), protocol.name));
            Ok(())
        });
    }
}

#[test]
fn what_is_recognised_begins_as_the_protocol_says() {
    for protocol in ALL {
        assert!(protocol.opening.len() <= OPENING_MAX);
        arbtest::arbtest(|u| {
            let from = if u.arbitrary()? { Side::Client } else { Side::Server };
            // Few values, so that recognised beginnings come up.
            let bytes: Vec<u8> = u.arbitrary_iter::<u8>()?.take(16).collect::<Result<_, _>>()?;
            let bytes: Vec<u8> = bytes.iter().map(|byte| byte % 8).collect();
            let admits = |(ranges, byte): (&&[RangeInclusive<u8>], &u8)| {
                ranges.is_empty() || ranges.iter().any(|range| range.contains(byte))
            };
            if !protocol.opening.iter().zip(&bytes).all(admits) {
                assert_eq!((protocol.recognise)(&bytes, from), Guess::No, "{} {bytes:x?}", protocol.name);
            }
            Ok(())
        });
    }
}

#[test]
fn names_sources_and_logs_are_given() {
    for protocol in ALL {
        assert!(protocol.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        assert!(protocol.spec.chars().any(|c| c.is_ascii_digit()), "{}: name the edition", protocol.name);
        for schema in protocol.logs {
            assert!(schema.doc.trim().ends_with('.'), "{}: a sentence ends with a full stop", schema.log);
            for field in schema.fields {
                let told = field.doc.trim().ends_with('.') && field.doc.len() > 8;
                assert!(told, "{}.{}: say what it holds", schema.log, field.name);
            }
        }
    }
}
