//! The taps that took the captures, judged while these are read.

use crate::taps::{Claims, Declared, Followed, Rhythm, Statement, Told};
use health::{Conduit, Judge, Period, Place, Prefix, Setup, Side};
use model::{Finding, Rows, Time};
use std::path::{Path, PathBuf};

/// The same for every reading, so that a capture that is read again gives the same rows.
const SEED: u64 = 0x7469_656c_696e_6501;

/// Reads `10.1.0.0/16>10.2.0.0/16`.
pub(crate) fn conduit(text: &str) -> Result<Conduit, String> {
    let (from, to) =
        text.split_once('>').ok_or("there is no > between the side that may send and the other")?;
    let prefix =
        |text: &str| text.trim().parse::<Prefix>().map_err(|error| format!("{}: {error}", text.trim()));
    let (from, to) = (prefix(from)?, prefix(to)?);
    let side = |network| Side { networks: vec![network], stations: vec![] };
    Ok(Conduit { name: format!("{from} > {to}").into(), from: side(from), to: side(to), canary: None })
}

/// What is judged over all captures.
pub(crate) struct Taps {
    claims: Claims,
}

/// The tap that took a capture.
pub(crate) struct Tap {
    name: String,
    judge: Judge,
    rhythm: Rhythm,
}

impl Taps {
    pub(crate) fn new(conduits: &[Conduit], captures: &[PathBuf]) -> Self {
        let taps: Vec<_> = captures.iter().map(|path| (name(path).into(), Place::Link)).collect();
        let declared = |conduit: &Conduit| Declared {
            conduit: conduit.clone(),
            taps: taps.clone(),
            window: None,
            renewed: None,
        };
        Self { claims: Claims::new(conduits.iter().map(declared).collect()) }
    }

    /// The tap of the capture in `path`, and what it is to watch.
    pub(crate) fn begin(&self, path: &Path) -> (Tap, Setup) {
        let name = name(path);
        let setup = Setup { conduits: self.claims.of(&name), seed: SEED, groups: vec![] };
        (Tap { judge: Judge::new(&name, vec![]), name, rhythm: Rhythm::default() }, setup)
    }

    /// Judges a tap by a period that ends at `now`, and the conduits; what was found.
    pub(crate) fn judge(
        &mut self,
        tap: &mut Tap,
        now: Time,
        period: Period,
        rows: &mut dyn Rows,
    ) -> Vec<Finding> {
        let report = tap.judge.judge(now, period, rows);
        self.claims.take(&tap.name, &report);
        let mut findings = report.findings;
        for Told { rows: told, finding, .. } in self.claims.judge(now) {
            told.iter().for_each(|row| rows.put(&row.at(), row));
            findings.extend(finding);
        }
        findings
    }

    /// What is said of the conduits, by name.
    pub(crate) fn said(&self) -> Vec<(String, Option<Statement>)> {
        let said = |followed: &Followed| (followed.conduit().name.to_string(), followed.said().cloned());
        self.claims.all().iter().map(said).collect()
    }
}

impl Tap {
    /// Whether a period is over with the packet of this time.
    #[inline]
    pub(crate) fn is_due(&mut self, time: Time) -> bool {
        self.rhythm.is_over(time)
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}
