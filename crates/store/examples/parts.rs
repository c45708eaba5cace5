//! Makes a lake of many small parts in a temporary folder, and prints how long what is asked of it takes,
//! before they are merged and after: `cargo run -p store --example parts [PARTS [ROWS IN EACH]]`.

#![allow(clippy::print_stdout, reason = "a measurement is for the terminal")]

use model::{At, Conversation, Endpoint, Origin, Rows, Span, Time, Transport, Uid};
use std::time::Instant;
use store::{Budget, Format, Lake, Limits};

model::log! {
    /// A poll of a controller.
    struct Poll<'a>: "poll", Conversation {
        /// Function.
        function = "func": &'a str,
        /// First register.
        address: u64,
        /// What it held.
        level: f64,
    }
}

const START: Time = Time(1_774_000_000_000_000_000);

/// Rows in ten seconds of two controllers that are polled four times a second.
const ROWS: u64 = 80;

const QUESTIONS: [&str; 3] = [
    "SELECT count(*) FROM poll",
    "SELECT func, avg(level) FROM poll GROUP BY func",
    "SELECT ts, address FROM poll WHERE hour = '2026-03-20T10' ORDER BY ts DESC LIMIT 5",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let parts: u64 = arguments.next().map_or(Ok(2_000), |parts| parts.parse())?;
    let rows: u64 = arguments.next().map_or(Ok(ROWS), |rows| rows.parse())?;
    let dir = std::env::temp_dir().join(format!("lake-parts-{}", std::process::id()));
    let lake = Lake::create(&dir)?;
    timed("write", || (0..parts).try_for_each(|number| write(&lake, number, rows)))?;
    ask(&lake)?;
    let tomorrow = START + Span::s(i64::try_from(parts * 10 + 86_400).unwrap_or(i64::MAX));
    for turn in ["merges", "deletes", "looks", "looks at times alone"] {
        let begin = Instant::now();
        let done = lake.compact(tomorrow, parts, Budget::default())?;
        println!("{:>10.2?} compact() {turn}: {done:?}", begin.elapsed());
    }
    ask(&lake)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

fn ask(lake: &Lake) -> Result<(), store::Error> {
    for turn in ["first", "second"] {
        timed(&format!("{turn} tables()"), || lake.tables().map(drop))?;
    }
    for sql in QUESTIONS {
        for turn in ["first", "second"] {
            let answer = || lake.query(sql, &Limits::default())?.write(Format::Csv, &mut std::io::sink());
            timed(&format!("{turn} {sql}"), || answer().map(drop))?;
        }
    }
    Ok(())
}

fn timed(what: &str, work: impl FnOnce() -> Result<(), store::Error>) -> Result<(), store::Error> {
    let begin = Instant::now();
    work()?;
    println!("{:>10.2?} {what}", begin.elapsed());
    Ok(())
}

fn write(lake: &Lake, segment: u64, rows: u64) -> Result<(), store::Error> {
    let end = |last, port| Endpoint { addr: std::net::Ipv4Addr::new(10, 1, 10, last).into(), port };
    let conversation = Conversation::new(Uid::from_hash(7), end(20, 49_152), end(5, 502), Transport::Tcp);
    let mut writer = lake.segment(segment);
    for number in 0..rows {
        let time = START + Span::s(i64::try_from(segment * 10).unwrap_or(0));
        let time = time + Span(i64::try_from(number * 10_000_000_000 / rows).unwrap_or(0));
        let origin = Origin { file: 1, number };
        let at = At { time, origin, conversation: Some(&conversation), ot: None };
        writer.put(&at, &Poll { function: "READ_HOLDING_REGISTERS", address: number, level: 0.5 });
    }
    writer.finish().map(drop)
}
