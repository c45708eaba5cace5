use crate::input::Input;
use crate::rows::{Line, Log};
use health::Setup;
use model::{At, Kept, Schema, Time};
use sensor::capture::{Capture, Packet};
use sensor::crew::{Gather, Orders};
use sensor::zeek::Format;
use sensor::{Counters, Sensor};
use std::io::Cursor;
use std::sync::Arc;
use wire::link::Link;

/// Kinds of links; the last is one that nobody knows.
const LINKS: [u16; 18] = [1, 101, 113, 276, 0, 9, 10, 12, 14, 50, 105, 108, 127, 228, 229, 239, 2, 999];

/// When the capture begins: at times that are usual, and where numbers end.
const STARTS: [i64; 5] = [1_700_000_000_000_000_000, 0, -1, i64::MIN, i64::MAX];

/// Frames of a capture that are played.
const FRAMES_MAX: usize = 512;

/// A whole sensor: frames at times, with conversations, fragments, tunnels and timers.
///
/// Bytes: link (by its place in a list), start (likewise), what is compared, then frames: time since the frame before
/// (two bytes: a sign, five bits of exponent, ten of nanoseconds), bytes that were not captured, length, bytes.
///
/// Every conversation has one row, no decoder panics, rows are well formed, and neither the number of workers nor a
/// second run changes them.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let link = Link(input.choose(&LINKS));
    let start = input.choose(&STARTS);
    let compared = input.u8();
    let frames = frames(start, input);
    let (counters, lines) = play(link, &frames, 0, Sensor::new(0));
    assert_eq!(counters.panics, 0);
    let ended = lines.iter().filter(|line| line.log == "conn").count();
    assert_eq!(counters.conversations, ended as u64, "every conversation has one row");
    match compared % 4 {
        0 => drop(play(link, &frames, 0, watching())),
        1 => {
            assert_eq!(play(link, &frames, 0, Sensor::new(0)).1, lines, "the same packets give the same rows")
        }
        2 => assert_eq!(together(link, &frames, 3), sorted(lines), "workers share the rows"),
        _ => assert_eq!(crew(link, &frames, 3), crew(link, &frames, 1), "a crew writes what one writes"),
    }
}

/// Lines that a crew writes, in order, from the frames as a capture file, in which times are between 1970 and 2106.
fn crew(link: Link, frames: &[Frame<'_>], workers: u8) -> Lines {
    let mut file = vec![0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    file.extend(link.0.to_be_bytes());
    for frame in frames {
        let (seconds, ns) = frame.time.s_ns();
        let seconds = u32::try_from(seconds.clamp(0, u32::MAX.into())).unwrap();
        let kept = u32::try_from(frame.bytes.len()).unwrap();
        let length = u32::try_from(frame.bytes.len() + frame.left_out).unwrap();
        [seconds, u32::try_from(ns).unwrap(), kept, length]
            .iter()
            .for_each(|word| file.extend(word.to_be_bytes()));
        file.extend(frame.bytes);
    }
    let mut capture = Capture::open(Box::new(Cursor::new(file))).unwrap();
    let wanted = Arc::new(|_: &At<'_>, _: &'static Schema| false);
    let orders = Orders { file: 0, workers, lines: Some(Format::Tsv), wanted };
    let mut lines = Lines::default();
    let (counters, ended) = sensor::crew::follow(&mut capture, &orders, &mut lines);
    ended.unwrap();
    assert_eq!(counters.panics, 0);
    lines
}

#[derive(Debug, Default, PartialEq)]
struct Lines(Vec<(&'static str, String)>);

impl Gather for Lines {
    fn line(&mut self, schema: &'static Schema, _: Time, line: &[u8]) {
        self.0.push((schema.log, String::from_utf8(line.to_vec()).unwrap()));
    }

    fn row(&mut self, _: &Kept) {}
}

struct Frame<'a> {
    time: Time,
    left_out: usize,
    bytes: &'a [u8],
}

fn frames(start: i64, mut input: Input<'_>) -> Vec<Frame<'_>> {
    let (mut frames, mut time) = (vec![], start);
    while !input.is_empty() && frames.len() < FRAMES_MAX {
        let code = input.u16();
        let length = i64::from(code & 0x3ff) << (code >> 10 & 0x1f);
        time = time.saturating_add(if code & 0x8000 == 0 { length } else { -length });
        let left_out = usize::from(input.u8());
        frames.push(Frame { time: Time(time), left_out, bytes: input.counted() });
    }
    frames
}

/// A sensor that judges its tap, and leaves out what that shows twice.
fn watching() -> Sensor {
    let mut sensor = Sensor::new(0);
    sensor.watch_tap(Setup { seed: 7, ..Setup::default() });
    sensor
}

fn play(link: Link, frames: &[Frame<'_>], worker: u8, mut sensor: Sensor) -> (Counters, Vec<Line>) {
    let mut log = Log::default();
    for (frame, number) in frames.iter().zip(1..) {
        let wire_len = frame.bytes.len() + frame.left_out;
        sensor.packet(&Packet { number, time: frame.time, link, wire_len, bytes: frame.bytes }, &mut log);
    }
    let ended = log.count("conn");
    let mut open = Log::default();
    sensor.open_conversations(&mut open);
    sensor.finish(&mut log);
    assert_eq!(sensor.held(), 0, "nothing is held for conversations that are over");
    // Conversations that all workers follow are written by the first.
    if worker == 0 {
        assert_eq!(ended + open.lines.len(), log.count("conn"));
    }
    let _ = sensor.tap_period();
    (sensor.counters(), log.lines)
}

/// The rows of several workers. What is told once is told by whoever sees it first: it is left to one kind of row.
fn together(link: Link, frames: &[Frame<'_>], workers: u8) -> Vec<Line> {
    sorted(
        (0..workers)
            .flat_map(|worker| play(link, frames, worker, Sensor::worker(0, worker, workers)).1)
            .collect(),
    )
}

/// In one order. Rows that are told once say nothing here: several workers tell them several times, and who gathers
/// their rows decides.
fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
    lines.retain(|line| !line.once);
    lines.sort_unstable();
    lines
}
