//! Writes rows of twenty columns into a lake in a temporary folder, asks it some questions, and prints how
//! long each took: `cargo run -p store --example speed [ROWS [MILLISECONDS BETWEEN ROWS]]`.

#![allow(clippy::print_stdout, reason = "a measurement is for the terminal")]

use model::{
    Action, At, Conversation, Endpoint, Name, Origin, Ot, Outcome, Rows, Span, Time, Transport, Uid,
};
use std::time::Instant;
use store::{Format, Lake, Limits};

model::log! {
    /// Six leading columns and these fourteen.
    struct Wide<'a>: "wide", Conversation {
        /// Transaction.
        tid: u64,
        /// Unit.
        unit: u8,
        /// Function.
        function = "func": &'a str,
        /// Request or response.
        direction: Name,
        /// First register.
        address: Option<u64>,
        /// How many.
        quantity: Option<u64>,
        /// Their values.
        values: Option<&'a [u64]>,
        /// Why not.
        exception: Option<&'a str>,
        /// Length.
        bytes: u64,
        /// Time to answer.
        duration: Option<Span>,
        /// Name on the wire.
        object: Option<&'a [u8]>,
        /// Whether it went well.
        ok: bool,
        /// A measurement.
        level: f64,
        /// A remark.
        note: &'a str,
    }
}

const START: Time = Time(1_774_000_000_000_000_000);

const QUESTIONS: [&str; 5] = [
    "SELECT count(*) FROM wide",
    "SELECT func, count(*), avg(duration) FROM wide GROUP BY func",
    "SELECT ts, uid, id.orig_h, tid FROM wide WHERE tid = 4711 ORDER BY ts LIMIT 5",
    "SELECT id.orig_h, sum(bytes) AS b FROM wide WHERE ot.action = 'read' GROUP BY id.orig_h ORDER BY b DESC LIMIT 5",
    "SELECT count(*) FROM wide WHERE note LIKE '%nothing%'",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(Ok(200_000), |rows| rows.parse())?;
    let step_ms: i64 = arguments.next().map_or(Ok(3), |step| step.parse())?;
    let dir = std::env::temp_dir().join(format!("lake-speed-{}", std::process::id()));
    let lake = Lake::create(&dir)?;
    let begin = Instant::now();
    let parts = write(&lake, rows, step_ms)?;
    let rate = u128::from(rows) * 1000 / begin.elapsed().as_millis().max(1);
    println!("write: {rows} rows in {:.2?}, {rate} rows/s, {parts} parts", begin.elapsed());
    for sql in QUESTIONS {
        let begin = Instant::now();
        let answer = lake.query(sql, &Limits::default())?;
        let written = answer.write(Format::Table { width: 120 }, &mut std::io::sink())?;
        println!("{:>9.2?} for {} rows: {sql}", begin.elapsed(), written.rows);
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

fn write(lake: &Lake, rows: u64, step_ms: i64) -> Result<usize, store::Error> {
    let conversations: Vec<_> = (0..200).map(conversation).collect();
    let mut writer = lake.writer("speed");
    writer.file(1, "plant.pcap");
    for (number, conversation) in (0..rows).zip(conversations.iter().cycle()) {
        let time = START + Span(i64::try_from(number).unwrap_or(0) * step_ms * 1_000_000);
        let ot = Ot {
            protocol: "modbus",
            action: Action::Read,
            outcome: Outcome::Accepted,
            object: "holding_register 40/2",
            value: Some("17"),
            old_value: None,
        };
        let origin = Origin { file: 1, number };
        let at = At { time, origin, conversation: Some(conversation), ot: Some(ot) };
        writer.put(&at, &row(number, &[number, number + 1]));
    }
    Ok(writer.finish()?.parts)
}

fn row(number: u64, values: &[u64]) -> Wide<'_> {
    let wobble = number * 1237 % 5_000_000;
    Wide {
        tid: number & 0xffff,
        unit: 1,
        function: if number.is_multiple_of(3) { "READ_COILS" } else { "READ_HOLDING_REGISTERS" },
        direction: Name("request"),
        address: Some(number % 1000),
        quantity: Some(2),
        values: Some(values),
        exception: None,
        bytes: number * 31 % 1500,
        duration: Some(Span(i64::try_from(wobble).unwrap_or(0))),
        object: Some(b"pump 1"),
        ok: true,
        level: f64::from(u32::try_from(wobble).unwrap_or(0)) / 3.0,
        note: "a remark",
    }
}

fn conversation(number: u8) -> Conversation {
    let end = |last, port| Endpoint { addr: std::net::Ipv4Addr::new(10, 1, 10, last).into(), port };
    let uid = Uid::from_hash(u128::from(number) * 77_777_777_777_777_777_777_777);
    Conversation::new(uid, end(number, 40_000 + u16::from(number)), end(5, 502), Transport::Tcp)
}
