use crate::Outcome;
use crate::talk::Talk;
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder to write into
    dir: PathBuf,
    /// Numbers that the script leaves open follow from this one; the same seed gives the same bytes
    #[arg(long, default_value_t = lab::sample::SEED)]
    seed: u64,
}

pub(crate) fn run(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    let sample = lab::sample::write(&args.dir, args.seed)?;
    let evidence = args.dir.join(lab::sample::EVIDENCE);
    let mut out = std::io::stdout().lock();
    for (name, bytes) in sample.files() {
        let dir = if name == lab::sample::TRUTH { &args.dir } else { &evidence };
        writeln!(out, "{}\t{}", dir.join(name).display(), bytes.len())?;
    }
    talk.say(format!("read it as one story: tieline read {}", evidence.display()));
    Ok(Outcome::Fine)
}
