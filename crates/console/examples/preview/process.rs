//! The compressor as a drawing of itself: steady, in surge after its controller stopped, and coasting down.

use console::view::{Effect, Ms, Tag};

/// The controller stops this long before the preview starts, in milliseconds.
pub(crate) const STOP_BEFORE: Ms = 130_000;

/// From the stop to the first surge, and to the trip, in seconds.
const SURGE: f64 = 25.0;
const TRIP: f64 = 70.0;

/// A point every two seconds.
const EVERY: Ms = 2000;

type Curve = fn(f64) -> f64;

/// Tag, text, unit, normal range, range of the instrument, and value by seconds since the stop.
type Drawn = (&'static str, &'static str, &'static str, [f64; 2], [f64; 2], Curve);

const TAGS: [Drawn; 5] = [
    ("PT-101", "suction pressure", "bar", [39.0, 44.0], [0.0, 60.0], |s| {
        41.2 + 0.2 * (s / 40.0).sin() + 4.0 * after(s)
    }),
    ("PT-102", "discharge pressure", "bar", [68.0, 76.0], [0.0, 100.0], |s| {
        72.4 + 0.3 * (s / 31.0).sin() - 6.5 * surge(s) - 18.0 * after(s)
    }),
    ("FT-101", "flow through the compressor", "kg/s", [55.0, 75.0], [0.0, 100.0], |s| {
        (64.0 + 0.6 * (s / 23.0).sin() - 34.0 * surge(s)) * (1.0 - after(s))
    }),
    ("ST-101", "speed of K-101", "rpm", [8800.0, 9800.0], [0.0, 11000.0], |s| 9420.0 * (1.0 - after(s))),
    ("UIC-101", "surge margin", "%", [8.0, 40.0], [-20.0, 60.0], |s| {
        18.0 + (s / 37.0).sin() - 24.0 * f64::from(s > SURGE && s < TRIP) - 9.0 * after(s)
    }),
];

/// How far a surge cycle is, 0 to 1.
fn surge(s: f64) -> f64 {
    if s > SURGE && s < TRIP { (s * 1.3).sin().powi(2) } else { 0.0 }
}

/// How much of the coast-down is over, 0 to 1.
fn after(s: f64) -> f64 {
    if s < TRIP { 0.0 } else { 1.0 - (-(s - TRIP) / 35.0).exp() }
}

/// The watched values over the last `points` points.
pub(crate) fn tags(stop: Ms, now: Ms, points: i64) -> Vec<Tag> {
    let seconds = |at: Ms| (at - stop) as f64 / 1000.0;
    let last = now - now % EVERY;
    TAGS.iter()
        .map(|(id, text, unit, normal, range, curve)| Tag {
            id: (*id).into(),
            text: (*text).into(),
            unit: (*unit).into(),
            normal: *normal,
            range: *range,
            value: Some(curve(seconds(last))),
            at: last,
            points: (0..points).rev().map(|n| last - n * EVERY).map(|at| (at, curve(seconds(at)))).collect(),
        })
        .collect()
}

/// What happened to the process since the stop.
pub(crate) fn effects(stop: Ms) -> Vec<Effect> {
    [
        (25, "UIC-101", "UIC-101 (surge margin) is -5.8 %, below 8", 1),
        (27, "FT-101", "FT-101 (flow through the compressor) is 31.4 kg/s, below 55", 1),
        (70, "ST-101", "ST-101 (speed of K-101) is 7912 rpm, below 8800", 1),
    ]
    .map(|(after, tag, text, priority)| Effect {
        time: stop + after * 1000,
        tag: tag.into(),
        equipment: "K-101".into(),
        text: text.into(),
        priority,
    })
    .into()
}
