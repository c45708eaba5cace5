//! `tieline conduits`: what may be said of conduits that should go one way, and by which evidence.

use crate::Outcome;
use crate::serve;
use crate::soc::{KnownConduit, ProgressFile};
use crate::taps::Declared;
use anyhow::Context;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration; without it ./tieline.toml, then /etc/tieline/tieline.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (_, config) = serve::config(args.config.as_deref())?;
    let progress = ProgressFile::new(&config.data).load();
    let progress =
        progress.with_context(|| format!("cannot read the progress in {}", config.data.display()))?;
    let mut refuted = false;
    let mut out = io::stdout().lock();
    for declared in config.one_way()? {
        let known = progress.conduits.iter().find(|known| known.is_of(&declared.conduit));
        refuted |= known.is_some_and(|known| known.known().refuted.is_some());
        write(&declared, known, args.json, &mut out)?;
    }
    Ok(if refuted { Outcome::Findings } else { Outcome::Fine })
}

fn write(
    declared: &Declared,
    known: Option<&KnownConduit>,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let name = &declared.conduit.name;
    let said = known.and_then(|known| known.said.as_ref());
    let about = known.map(KnownConduit::known).unwrap_or_default();
    let [before, behind] = about.forward;
    let packets = before.packets.max(behind.packets);
    let evidence = about.refuted.as_ref().map(|(proof, mark, tap)| {
        (proof.name(), proof.sentence(), mark.time.iso(), format!("{tap}:{}", mark.origin.number))
    });
    if json {
        let evidence = evidence.map(
            |(proof, _, time, frame)| serde_json::json!({ "proof": proof, "time": time, "frame": frame }),
        );
        let line = serde_json::json!({
            "conduit": name, "verdict": said.map(|said| &said.verdict),
            "reason": said.and_then(|said| said.reason.as_ref()), "missing": said.map(|said| &said.missing),
            "packets": packets, "attempts": about.attempts, "since": about.since.map(|since| since.iso()),
            "judged": about.judged.map(|judged| judged.iso()), "evidence": evidence,
        });
        writeln!(out, "{line}")?;
        return Ok(());
    }
    match said {
        Some(said) => writeln!(out, "{name}: {}", said.sentence())?,
        None => writeln!(out, "{name}: was not judged yet")?,
    }
    if let Some((_, sentence, time, frame)) = evidence {
        writeln!(out, "  {sentence} at {time}: tieline pcap --frame {frame}")?;
    }
    if let Some(judged) = about.judged {
        let (attempts, judged) = (about.attempts, judged.iso());
        writeln!(
            out,
            "  {packets} packets the right way, {attempts} attempts behind it; judged at {judged}"
        )?;
    }
    Ok(())
}
