use super::Story;
use super::source::Source;
use super::tap::{Tap, Taps};
use crate::findings::Findings;
use crate::pipeline::{Pipeline, sentences};
use crate::rules::Detection;
use crate::talk::Talk;
use detect::chains::Chains;
use filter::Filters;
use model::{At, Event, Incident, Kept, Record, Rows, Schema, Time};
use sensor::capture::{Capture, Packet};
use sensor::crew::{self, Gather, Orders};
use sensor::zeek::Folder;
use sensor::{Counters, Sensor};
use site::Site;
use store::LakeWriter;

/// Takes everything that the files hold, and tells the story at the end.
pub(crate) struct Reader {
    pipeline: Pipeline,
    chains: Chains,
    findings: Findings,
    /// Workers that follow a capture.
    pub(crate) workers: u8,
    /// Which packets of captures are taken.
    pub(crate) filter: Option<Filters>,
    /// Judges the taps that took the captures, where that is wanted.
    pub(crate) taps: Option<Taps>,
}

/// Takes what the workers wrote about a capture.
struct Gathering<'a> {
    reader: &'a mut Reader,
    source: &'a mut Source,
    /// Why a packet could not be filtered.
    failed: Option<filter::Error>,
}

impl Reader {
    pub(crate) fn new(
        detection: Detection,
        zeek: Option<Folder>,
        lake: Option<LakeWriter>,
        workers: u8,
    ) -> Self {
        let mut pipeline = Pipeline::new(Site::default(), detection.rules);
        (pipeline.zeek, pipeline.lake) = (zeek, lake);
        let findings = Findings::default();
        Self { pipeline, chains: detection.chains, findings, workers, filter: None, taps: None }
    }

    /// Whether a packet is taken.
    #[inline]
    pub(crate) fn takes(&mut self, packet: &Packet<'_>) -> Result<bool, filter::Error> {
        let Some(filter) = &mut self.filter else { return Ok(true) };
        filter.matches(packet.link, packet.bytes, packet.wire_len)
    }

    /// Judges the tap of the capture that `sensor` follows by the period that ends at `now`.
    #[cold]
    pub(crate) fn judge(&mut self, tap: &mut Tap, sensor: &mut Sensor, now: Time) {
        // The taps lie in the reader, which is where their rows go.
        let Some(mut taps) = self.taps.take() else { return };
        if let Some(period) = sensor.tap_period() {
            let found = taps.judge(tap, now, period, self);
            self.pipeline.find(found);
            self.keep();
        }
        self.taps = Some(taps);
    }

    /// Follows the capture number `file` with several workers.
    pub(crate) fn follow(
        &mut self,
        capture: &mut Capture,
        file: u32,
        source: &mut Source,
    ) -> (Counters, anyhow::Result<()>) {
        let lines = self.pipeline.zeek.as_ref().map(Folder::format);
        let orders = Orders { file, workers: self.workers, lines, wanted: self.pipeline.wanted() };
        let mut gathering = Gathering { reader: self, source, failed: None };
        let (counters, ended) = crew::follow(capture, &orders, &mut gathering);
        let ended = gathering.failed.map_or(ended.map_err(Into::into), |error| Err(error.into()));
        (counters, ended)
    }

    pub(crate) fn event(&mut self, event: &Event) {
        self.pipeline.event(event);
        self.keep();
    }

    #[inline]
    fn keep(&mut self) {
        if self.pipeline.has_found() {
            self.pipeline.take_found().into_iter().for_each(|finding| self.findings.keep(finding));
        }
    }

    /// Tells the story: names are resolved and chains joined now that everything is known.
    pub(crate) fn finish(mut self, sources: Vec<Source>, talk: &Talk) -> anyhow::Result<Story> {
        for mut finding in self.findings.take() {
            self.pipeline.site.resolve(&mut finding);
            if let Some(lake) = &mut self.pipeline.lake {
                lake.finding(&finding);
            }
            self.findings.fold(&finding);
            self.chains.push(finding);
        }
        let mut incidents = self.chains.flush();
        incidents.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), first(incident)));
        if let Some(mut lake) = self.pipeline.lake.take() {
            incidents.iter().for_each(|incident| lake.incident(incident));
            let summary = lake.finish()?;
            let rows: u64 = summary.tables.iter().map(|(_, rows)| rows).sum();
            talk.say(format!(
                "lake: {rows} rows in {} tables, {} files",
                summary.tables.len(),
                summary.parts
            ));
        }
        if let Some(zeek) = self.pipeline.zeek.take() {
            zeek.finish()?;
        }
        let left_out = self.left_out();
        Ok(Story {
            sources,
            logs: self.pipeline.logs(),
            assets: self.pipeline.site.assets(),
            conduits: self.pipeline.site.conduits(),
            one_way: self.taps.as_ref().map(Taps::said).unwrap_or_default(),
            findings: self.findings,
            incidents,
            left_out,
        })
    }

    fn left_out(&self) -> Vec<String> {
        let chains = self.chains.counters();
        let mut all =
            sentences(&[(self.findings.beyond, "findings are counted only, since there were too many")]);
        all.extend(self.pipeline.left_out());
        all.extend(sentences(&[(
            chains.work_cut + chains.threads_forgotten,
            "stories under way were not carried on, since there were too many",
        )]));
        all
    }
}

fn first(incident: &Incident) -> Option<model::Time> {
    incident.steps.first().map(|step| step.finding.time)
}

impl Rows for Reader {
    #[inline]
    fn put(&mut self, at: &At<'_>, row: &dyn Record) {
        self.pipeline.put(at, row);
        self.keep();
    }
}

impl Gather for Gathering<'_> {
    fn line(&mut self, schema: &'static Schema, time: Time, line: &[u8]) {
        self.reader.pipeline.line(schema, time, line);
    }

    fn row(&mut self, row: &Kept) {
        self.reader.pipeline.learn(&row.at(), row);
        self.reader.keep();
    }

    fn read(&mut self, packets: u64, times: (Time, Time)) {
        self.source.saw_many(packets, times);
    }

    fn takes(&mut self, packet: &Packet<'_>) -> bool {
        let taken = self.reader.takes(packet).unwrap_or_else(|error| {
            self.failed.get_or_insert(error);
            false
        });
        self.source.left_out += u64::from(!taken && self.failed.is_none());
        taken
    }

    fn goes_on(&self) -> bool {
        self.failed.is_none()
    }
}
