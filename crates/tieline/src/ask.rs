use crate::talk::Talk;
use crate::{Outcome, WrongUse};
use clap::ValueEnum;
use std::io::{self, Write};
use std::path::PathBuf;
use store::{Format, Lake, Limits};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A SELECT; without it, the tables of the lake are listed
    sql: Option<String>,
    /// Folder of the lake, as written by `tieline read --lake`
    #[arg(long, default_value = "lake", value_name = "DIR")]
    lake: PathBuf,
    /// How the answer is written
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    /// The same as --format jsonl
    #[arg(long)]
    json: bool,
    /// Give no more rows than these
    #[arg(long, value_name = "ROWS")]
    limit: Option<usize>,
    /// Memory that a query may take, in megabytes
    #[arg(long, default_value_t = 512, value_name = "MB")]
    memory: usize,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Form {
    Table,
    Jsonl,
    Csv,
}

/// Characters in a line of a table where the terminal does not say.
const WIDTH: usize = 160;

pub(crate) fn run(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    if !args.lake.is_dir() {
        let hint = "make one with: tieline read --lake DIR FILE...";
        return Err(WrongUse(format!("there is no lake in {}; {hint}", args.lake.display())).into());
    }
    let lake = Lake::open(&args.lake)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let Some(sql) = &args.sql else {
        tables(&lake, args.json || args.format == Form::Jsonl, &mut out)?;
        return Ok(Outcome::Fine);
    };
    let limits = Limits { memory_bytes: args.memory.saturating_mul(1_000_000), rows: args.limit, time: None };
    let format = match args.format {
        _ if args.json => Format::Jsonl,
        Form::Table => Format::Table { width: width() },
        Form::Jsonl => Format::Jsonl,
        Form::Csv => Format::Csv,
    };
    let answer = lake.query(sql, &limits).map_err(|error| match error.is_the_question() {
        true => WrongUse(error.to_string()).into(),
        false => anyhow::Error::from(error),
    })?;
    let written = answer.write(format, &mut out)?;
    out.flush()?;
    if written.cut {
        talk.say(format!("cut off after {} rows (--limit)", written.rows));
    }
    Ok(Outcome::Fine)
}

fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(WIDTH)
}

fn tables(lake: &Lake, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    for table in lake.tables()? {
        let span = table.first.zip(table.last);
        if json {
            let (first, last) = (table.first.map(|t| t.iso()), table.last.map(|t| t.iso()));
            let line =
                serde_json::json!({ "table": table.name, "rows": table.rows, "first": first, "last": last });
            writeln!(out, "{line}")?;
        } else {
            let span = span.map_or_else(String::new, |(first, last)| format!("{first}  {last}"));
            writeln!(out, "{:36} {:>10}  {span}", table.name, table.rows)?;
        }
    }
    out.flush()?;
    Ok(())
}
