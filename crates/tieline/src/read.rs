//! `tieline read`: files in, one story out.

mod affected;
mod inputs;
mod json;
mod reader;
mod source;
mod summary;
mod tap;

use crate::filtered;
use crate::findings::Findings;
use crate::rules::{self, Detection};
use crate::talk::Talk;
use crate::taps::Statement;
use crate::{Outcome, WrongUse};
use clap::ValueEnum;
use detect::chains::Options;
use filter::Filters;
use model::{Incident, Severity};
use reader::Reader;
use sensor::zeek;
use source::Source;
pub(crate) use source::causes;
use std::io::{self, Write};
use std::path::PathBuf;
use store::Lake;
use tap::Taps;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Captures (pcap, pcapng, also gzip or zstd), EVTX, Windows events as XML or JSON lines, mails; or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take only these packets of the captures, as tcpdump would: 'tcp port 502 and not host 10.0.0.9'
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    filter: Option<String>,
    /// Write the logs of the captures into this folder, as Zeek does
    #[arg(long, value_name = "DIR")]
    zeek_dir: Option<PathBuf>,
    /// How these logs are written
    #[arg(long, value_enum, default_value = "tsv")]
    zeek_format: ZeekFormat,
    /// Write every row, event, finding and incident into this lake, for `tieline ask`
    #[arg(long, value_name = "DIR")]
    lake: Option<PathBuf>,
    /// Folder or file of Sigma rules, beside the built-in ones; can be given several times
    #[arg(long = "rules", value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// Workers that follow a capture; they write the same, sooner
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(sensor::WORKERS_MAX)))]
    workers: u8,
    /// Judge whether the tap that took each capture told the truth: copies, one side only, losses, damage, clock; logs
    /// `tap_health` and `capture_loss`. Copies of a tap that is known to make them are left out. Not the default,
    /// since it costs about 4 % of the time, takes one worker, and says more about the capture than about the site
    #[arg(long)]
    tap: bool,
    /// A conduit that is said to be one-way, 10.1.0.0/16>10.2.0.0/16; can be given several times. What comes back, or is
    /// answered, refutes it; log `conduit`
    #[arg(long = "conduit", value_name = "FROM>TO", requires = "tap", value_parser = tap::conduit)]
    conduits: Vec<health::Conduit>,
    /// One JSON object per line instead of a summary: files, logs, assets, conduits, findings, incidents
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum ZeekFormat {
    Tsv,
    Json,
}

impl From<ZeekFormat> for zeek::Format {
    fn from(format: ZeekFormat) -> Self {
        match format {
            ZeekFormat::Tsv => zeek::Format::Tsv,
            ZeekFormat::Json => zeek::Format::Json,
        }
    }
}

/// All that is known once every file is read.
struct Story {
    sources: Vec<Source>,
    /// Rows by log, in order of the name.
    logs: Vec<(String, u64)>,
    assets: Vec<site::Asset>,
    conduits: Vec<site::Conduit>,
    /// Conduits that are said to be one-way, by name, and what may be said of them once a capture was judged.
    one_way: Vec<(String, Option<Statement>)>,
    findings: Findings,
    incidents: Vec<Incident>,
    /// What a bound left out, in a sentence each.
    left_out: Vec<String>,
}

/// Problems with rules that are shown when files are read.
const PROBLEMS_MAX: usize = 5;

/// A finding of this level or above asks for action: exit code 1.
const ACTION: Severity = Severity::Medium;

pub(crate) fn run(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    let paths = inputs::expand(&args.files).map_err(|missing| WrongUse(missing.to_string()))?;
    let filter = args.filter.as_deref().map(filtered::read).transpose()?;
    if args.tap && args.workers > 1 {
        return Err(WrongUse("a tap is judged by one worker: leave out --workers or --tap".to_owned()).into());
    }
    let detection = rules::load(&args.rules, Options::files())?;
    if !detection.problems.is_empty() {
        detection.problems.iter().take(PROBLEMS_MAX).for_each(|problem| talk.warn(problem));
        let (rules, problems) = (detection.rules.len(), detection.problems.len());
        talk.say(format!("{rules} rules loaded, {problems} problems; tieline rules check names them all"));
    }
    let story = read(args, &paths, detection, filter, talk)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        json::write(&story, &mut out)?;
    } else {
        summary::write(&story, &mut out)?;
    }
    out.flush()?;
    let failed = story.sources.iter().filter(|source| source.failed).count();
    if failed > 0 {
        anyhow::bail!("{failed} of {} files could not be read", story.sources.len());
    }
    let action = !story.incidents.is_empty() || story.findings.worst().is_some_and(|worst| worst >= ACTION);
    Ok(if action { Outcome::Findings } else { Outcome::Fine })
}

fn read(
    args: &Args,
    paths: &[PathBuf],
    detection: Detection,
    filter: Option<filter::Text>,
    talk: &Talk,
) -> anyhow::Result<Story> {
    let zeek =
        args.zeek_dir.as_deref().map(|dir| zeek::Folder::create(dir, args.zeek_format.into())).transpose()?;
    let lake = args.lake.as_deref().map(Lake::create).transpose()?;
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    let mut lake = lake.map(|lake| lake.writer(&names.join("\n")));
    if let Some(lake) = &mut lake {
        for (number, name) in (0..).zip(&names) {
            lake.file(number, name);
        }
    }
    let mut reader = Reader::new(detection, zeek, lake, args.workers);
    reader.filter = filter.map(Filters::new);
    reader.taps = args.tap.then(|| Taps::new(&args.conduits, paths));
    let sources = inputs::read_all(paths, &mut reader, talk);
    reader.finish(sources, talk)
}
