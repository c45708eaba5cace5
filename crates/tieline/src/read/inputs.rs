//! Finds out what each file is and feeds it to the reader.

use super::reader::Reader;
use super::source::{Source, causes};
use crate::talk::Talk;
use exchange::Format;
use indicatif::ProgressBar;
use sensor::Sensor;
use sensor::capture::Capture;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

/// A file that is not there.
#[derive(Debug, thiserror::Error)]
#[error("there is no file {}", .0.display())]
pub(crate) struct NoFile(PathBuf);

/// Bytes that are looked at to tell what a file is.
const HEAD: usize = 4096;

/// The files that `given` names, folders replaced by what lies in them, in order.
///
/// # Errors
/// When one of them is not there, or is a folder without a file.
pub(crate) fn expand(given: &[PathBuf]) -> Result<Vec<PathBuf>, NoFile> {
    let mut files = vec![];
    for path in given {
        if !path.exists() {
            return Err(NoFile(path.clone()));
        }
        let before = files.len();
        gather(path, &mut files);
        if files.len() == before {
            return Err(NoFile(path.join("*")));
        }
    }
    Ok(files)
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) {
    let Ok(inside) = std::fs::read_dir(path) else {
        files.push(path.to_owned());
        return;
    };
    let mut inside: Vec<_> = inside.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    inside.sort();
    // What lies beside the packets of an interface says nothing by itself.
    inside.retain(|path| !packets::is_beside_a_piece(path));
    inside.iter().for_each(|path| gather(path, files));
}

/// Reads the files one after the other; what is wrong with one costs only itself.
pub(crate) fn read_all(paths: &[PathBuf], reader: &mut Reader, talk: &Talk) -> Vec<Source> {
    let sizes: Vec<u64> = paths.iter().map(|path| path.metadata().map_or(0, |data| data.len())).collect();
    let bar = talk.progress(sizes.iter().sum());
    let mut sources = vec![];
    for ((number, path), bytes) in (0..).zip(paths).zip(sizes) {
        bar.set_message(path.display().to_string());
        let mut source = Source::new(path, bytes);
        if let Err(error) = read_one(&mut source, number, reader, &bar) {
            source.complain(&error);
            source.failed = source.entries == 0;
        }
        source.tell_damage(talk);
        sources.push(source);
    }
    bar.finish_and_clear();
    sources
}

fn read_one(source: &mut Source, number: u32, reader: &mut Reader, bar: &ProgressBar) -> anyhow::Result<()> {
    let mut file = File::open(&source.path)?;
    let mut head = vec![0; HEAD];
    let mut filled = 0;
    while let count @ 1.. = file.read(head.get_mut(filled..).unwrap_or_default())? {
        filled += count;
    }
    head.truncate(filled);
    file.rewind()?;
    if Capture::sniff(&head) {
        source.kind = "capture";
        return capture(source, number, Box::new(Counted { inner: file, bar: bar.clone() }), reader);
    }
    let name = source.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(format) = exchange::sniff(&name, &head) else {
        source.kind = "unknown";
        if filled == 0 {
            anyhow::bail!("the file is empty");
        }
        anyhow::bail!("neither a capture nor EVTX, Windows event XML, JSON lines or a mail");
    };
    source.kind = match format {
        Format::Evtx => "EVTX",
        Format::WindowsXml => "Windows event XML",
        Format::JsonLines => "JSON lines",
        Format::Eml => "mail",
    };
    events(source, number, format, file, reader);
    bar.inc(source.bytes);
    Ok(())
}

fn capture(
    source: &mut Source,
    number: u32,
    input: Box<dyn Read + Send>,
    reader: &mut Reader,
) -> anyhow::Result<()> {
    let mut capture = Capture::open(input)?;
    if reader.workers > 1 {
        let (counters, ended) = reader.follow(&mut capture, number, source);
        source.counters = Some(counters);
        return ended;
    }
    let mut sensor = Sensor::new(number);
    let (mut tap, setup) = reader.taps.as_ref().map(|taps| taps.begin(&source.path)).unzip();
    setup.into_iter().for_each(|setup| sensor.watch_tap(setup));
    let ended: anyhow::Result<()> = loop {
        match capture.next_packet() {
            Ok(Some(ref packet)) => match reader.takes(packet) {
                Ok(true) => {
                    source.saw(packet.time);
                    sensor.packet(packet, reader);
                    if let Some(tap) = &mut tap
                        && tap.is_due(packet.time)
                    {
                        reader.judge(tap, &mut sensor, packet.time);
                    }
                }
                Ok(false) => source.left_out += 1,
                Err(error) => break Err(anyhow::Error::from(error).context("cannot filter")),
            },
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    sensor.finish(reader);
    if let (Some(tap), Some(last)) = (&mut tap, source.last) {
        reader.judge(tap, &mut sensor, last);
    }
    source.counters = Some(sensor.counters());
    ended
}

fn events(source: &mut Source, number: u32, format: Format, file: File, reader: &mut Reader) {
    exchange::read(format, io::BufReader::new(file), number, &mut |event| match event {
        Ok(event) => {
            source.saw(event.time);
            reader.event(&event);
        }
        Err(damage) => {
            source.damaged += 1;
            source.damage.get_or_insert_with(|| causes(&damage));
        }
    });
    source.failed = source.entries == 0 && source.damaged > 0;
}

/// A file that tells the bar how far it is.
struct Counted {
    inner: File,
    bar: ProgressBar,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.bar.inc(u64::try_from(count).unwrap_or_default());
        Ok(count)
    }
}
