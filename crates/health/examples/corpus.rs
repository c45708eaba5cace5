//! Judges captures: `cargo run -p health --example corpus -- FILE...` prints what is wrong with each.

#[path = "../src/testing.rs"]
mod testing;

use health::{Judge, Look, Mark, Setup, Tap, Trace};
use model::{At, Cell, Record, Rows, Span, Time};
use sensor::capture::Capture;
use std::fs::File;
use std::io::{self, Write};

/// Length of a period, as Zeek's `CaptureLoss::watch_interval`.
const PERIOD: Span = Span::s(900);

/// Prints rows.
struct Print {
    out: io::StdoutLock<'static>,
    rows: bool,
}

impl Rows for Print {
    fn put(&mut self, _: &At<'_>, row: &dyn Record) {
        let schema = row.schema();
        if !self.rows && schema.log != "conduit" {
            return;
        }
        row.cells(&mut |cells| {
            let named = schema.fields.iter().zip(cells).filter(|(_, cell)| !matches!(cell, Cell::Count(0)));
            let text: Vec<String> = named.map(|(field, cell)| format!("{}={cell:?}", field.name)).collect();
            drop(writeln!(self.out, "  {} {}", schema.log, text.join(" ")));
        });
    }
}

fn judge(file: &str, print: &mut Print) -> anyhow::Result<()> {
    let mut capture = Capture::open(Box::new(File::open(file)?))?;
    let mut driver = testing::Driver::new(Tap::new(Setup::default()));
    let mut judge = Judge::new("tap", vec![]);
    let (mut findings, mut due, mut newest) = (vec![], None, Time(0));
    loop {
        let packet = match capture.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(error) => {
                writeln!(print.out, "  {error}")?;
                break;
            }
        };
        newest = packet.time;
        driver.frame(packet.number, packet.time, packet.link, packet.bytes);
        if newest > *due.get_or_insert(newest + PERIOD) {
            findings.extend(judge.judge(newest, driver.tap.period(), print).findings);
            due = Some(newest + PERIOD);
        }
    }
    driver.end();
    findings.extend(judge.judge(newest, driver.tap.period(), print).findings);
    for finding in findings {
        let number = finding.evidence.origin.number;
        writeln!(print.out, "{}\t{file}\t{number}\t{}", finding.rule, finding.evidence.text)?;
    }
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let mut print = Print { out: io::stdout().lock(), rows: false };
    for file in std::env::args().skip(1) {
        if file == "--rows" {
            print.rows = true;
        } else if let Err(error) = judge(&file, &mut print) {
            writeln!(print.out, "  {file}: {error}")?;
        }
    }
    Ok(())
}
