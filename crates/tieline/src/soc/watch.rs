//! Process values, read along when somebody polls them; and when one leaves its normal range.

use super::config;
use model::{At, Cell, Record, Schema, Span, Time};
use std::collections::VecDeque;
use std::net::IpAddr;

/// Points kept of a value; with one every [`SPACING`] that is an hour.
const POINTS_MAX: usize = 14_400;
/// Time between two points that are kept.
const SPACING: Span = Span(250_000_000);
/// A value is normal again when it stayed in its range for so long.
const QUIET: Span = Span::s(5);
/// Times at which a value left its range and came back, kept at most; the oldest make room.
const EFFECTS_MAX: usize = 1000;

/// Watched values and what they did.
#[derive(Default)]
pub(crate) struct Watches {
    tags: Vec<Tag>,
    effects: VecDeque<Effect>,
    schema: Option<(&'static Schema, Places)>,
}

/// Places of the columns of `modbus_detailed`.
#[derive(Clone, Copy)]
struct Places {
    function: usize,
    address: usize,
    values: usize,
}

/// A watched value.
#[derive(Clone)]
pub(crate) struct Tag {
    pub(crate) about: config::Watch,
    pub(crate) points: VecDeque<(Time, f64)>,
    pub(crate) last: Option<(Time, f64)>,
    pub(crate) abnormal: bool,
    /// Since when it has been within its range again, while it is not yet taken for normal.
    within_since: Option<Time>,
}

/// A value left its normal range, or is back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Effect {
    pub(crate) time: Time,
    pub(crate) tag: String,
    pub(crate) text: String,
    /// Whether it is back.
    pub(crate) back: bool,
}

impl Watches {
    pub(crate) fn new(about: &[config::Watch]) -> Self {
        let tag = |about: &config::Watch| Tag {
            about: about.clone(),
            points: VecDeque::new(),
            last: None,
            abnormal: false,
            within_since: None,
        };
        Self { tags: about.iter().map(tag).collect(), ..Self::default() }
    }

    pub(crate) fn tags(&self) -> &[Tag] {
        &self.tags
    }

    pub(crate) fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.effects.iter()
    }

    /// Looks into a row for values that are watched.
    pub(crate) fn see(&mut self, at: &At<'_>, row: &dyn Record) {
        if self.tags.is_empty() || row.schema().log != "modbus_detailed" {
            return;
        }
        let Some(conversation) = at.conversation else { return };
        let server = conversation.resp.addr;
        if !self.tags.iter().any(|tag| tag.about.address == server) {
            return;
        }
        let Some(places) = self.places(row.schema()) else { return };
        row.cells(&mut |cells| {
            let of = |place: usize| cells.get(place).copied();
            let read = matches!(of(places.function), Some(Cell::Text("READ_HOLDING_REGISTERS")));
            if let (true, Some(Cell::Count(first)), Some(Cell::Counts(values))) =
                (read, of(places.address), of(places.values))
            {
                self.registers(server, first, values, at.time);
            }
        });
    }

    fn places(&mut self, schema: &'static Schema) -> Option<Places> {
        if let Some((known, places)) = self.schema
            && std::ptr::eq(known, schema)
        {
            return Some(places);
        }
        let place = |name: &str| schema.fields.iter().position(|field| field.name == name);
        let places = Places {
            function: place("func")?,
            address: place("address")?,
            values: place("response_values")?,
        };
        self.schema = Some((schema, places));
        Some(places)
    }

    fn registers(&mut self, server: IpAddr, first: u64, values: &[u64], time: Time) {
        for tag in self.tags.iter_mut().filter(|tag| tag.about.address == server) {
            let Some(place) = u64::from(tag.about.register).checked_sub(first) else { continue };
            let value = usize::try_from(place).ok().and_then(|place| values.get(place));
            if let Some(effect) = value.and_then(|value| tag.take(time, *value)) {
                if self.effects.len() >= EFFECTS_MAX {
                    self.effects.pop_front();
                }
                self.effects.push_back(effect);
            }
        }
    }
}

impl Tag {
    fn take(&mut self, time: Time, register: u64) -> Option<Effect> {
        let word = u16::try_from(register).ok()?;
        let digits = if self.about.signed { f64::from(word.cast_signed()) } else { f64::from(word) };
        let value = digits * self.about.scale;
        if self.last.is_some_and(|(last, _)| time < last) {
            return None;
        }
        self.last = Some((time, value));
        let due = self.points.back().is_none_or(|(last, _)| time - *last >= SPACING);
        let [low, high] = self.about.normal;
        let outside = value < low || value > high;
        // What leaves the range is kept whenever it comes.
        if due || outside != self.abnormal {
            if self.points.len() >= POINTS_MAX {
                self.points.pop_front();
            }
            self.points.push_back((time, value));
        }
        self.judge(time, value, outside)
    }

    fn judge(&mut self, time: Time, value: f64, outside: bool) -> Option<Effect> {
        let about = &self.about;
        let (low, high, unit, tag) = (about.normal[0], about.normal[1], &about.unit, &about.tag);
        if outside {
            self.within_since = None;
            if self.abnormal {
                return None;
            }
            self.abnormal = true;
            let limit = if value < low { format!("below {low}") } else { format!("above {high}") };
            let text = format!("{} is {} {unit}, {limit}", name(about), digits(value));
            return Some(Effect { time, tag: tag.clone(), text, back: false });
        }
        let since = *self.within_since.get_or_insert(time);
        if !self.abnormal || time - since < QUIET {
            return None;
        }
        self.abnormal = false;
        let text = format!("{} is normal again at {} {unit}", name(about), digits(value));
        Some(Effect { time, tag: tag.clone(), text, back: true })
    }
}

fn name(about: &config::Watch) -> String {
    if about.text.is_empty() { about.tag.clone() } else { format!("{} ({})", about.tag, about.text) }
}

/// A value with as many digits as a person wants to read.
pub(crate) fn digits(value: f64) -> String {
    let decimals = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        3
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag() -> Tag {
        let about = config::Watch {
            tag: "FT-101".to_owned(),
            text: String::new(),
            unit: "kg/s".to_owned(),
            equipment: String::new(),
            address: [10, 1, 10, 5].into(),
            register: 102,
            scale: 0.0001,
            signed: true,
            normal: [0.08, 0.25],
            range: [-0.1, 0.4],
        };
        Watches::new(&[about]).tags.remove(0)
    }

    #[test]
    fn a_value_that_swings_leaves_its_range_once_and_comes_back_once() {
        let mut tag = tag();
        let mut effects = vec![];
        for tenth in 0..400_i64 {
            let swings = (100..200).contains(&tenth) && tenth % 10 < 5;
            let register = if swings { (-300_i16).cast_unsigned() } else { 1500 };
            effects.extend(tag.take(Time(tenth * 100_000_000), register.into()));
        }
        let told: Vec<_> = effects.iter().map(|e| (e.time.0 / 100_000_000, e.text.as_str())).collect();
        let expected =
            [(100, "FT-101 is -0.030 kg/s, below 0.08"), (245, "FT-101 is normal again at 0.150 kg/s")];
        assert_eq!(told, expected);
    }

    #[test]
    fn points_are_spaced_and_bounded() {
        let mut tag = tag();
        for n in 0..200_000_i64 {
            tag.take(Time(n * 100_000_000), 1500);
        }
        assert_eq!(tag.points.len(), POINTS_MAX);
        assert!(tag.points.iter().zip(tag.points.iter().skip(1)).all(|(a, b)| b.0 - a.0 >= SPACING));
    }
}
