use model::{Mac, Span, Time};
use std::str::FromStr;

/// Why a script cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// Line, from 1; 0 when something is missing from the whole.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line of a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A line starts with a word that scripts do not have, or a step with one that is none.
    #[error("{0:?} is not a word that can stand here")]
    UnknownWord(String),
    /// A key that the word does not have.
    #[error("{word} has no {key}=; it knows {known}")]
    UnknownKey {
        /// The word.
        word: &'static str,
        /// The key.
        key: String,
        /// The keys it has.
        known: String,
    },
    /// A key stands twice.
    #[error("{0}= stands here twice")]
    Twice(String),
    /// A key is missing.
    #[error("{word} needs {key}=")]
    Missing {
        /// The word.
        word: &'static str,
        /// The key.
        key: &'static str,
    },
    /// The name behind the word is missing, or there is one too many.
    #[error("{0} needs one name behind it")]
    Name(&'static str),
    /// A value is not what the key wants.
    #[error("{key}={value} is not {wanted}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A name that nothing above defines.
    #[error("there is no {what} named {name}")]
    Unknown {
        /// What it should name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name that is taken.
    #[error("{0} is already defined")]
    Taken(String),
    /// A quotation mark without its partner.
    #[error("a quotation mark is not closed")]
    Quote,
    /// A step after the end of the story.
    #[error("the step is after the end of the story")]
    Late,
    /// Registers are written or asked where nothing is polled.
    #[error("nothing polls {0} from there, so there is no conversation to do it in")]
    NoPoll(String),
    /// A word that must stand once is not there.
    #[error("there is no {0} line")]
    Absent(&'static str),
}

/// What may stand behind a word.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The word.
    pub word: &'static str,
    /// Whether it stands behind a time.
    pub step: bool,
    /// Whether a name stands behind it.
    pub named: bool,
    /// Keys that must be there.
    pub needs: &'static [&'static str],
    /// Keys that may be there.
    pub may: &'static [&'static str],
}

/// One line, taken apart.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: usize,
    /// Time after the start, when it is a step.
    pub(crate) at: Option<Span>,
    pub(crate) word: &'static Word,
    pub(crate) name: Box<str>,
    keys: Vec<(String, String)>,
}

impl Line {
    /// Takes a line apart; `None` when nothing stands on it.
    pub(crate) fn read(
        number: usize,
        text: &str,
        words: &'static [Word],
    ) -> Result<Option<Self>, ScriptError> {
        let fail = |problem| ScriptError { line: number, problem };
        let mut parts = split(text).map_err(fail)?.into_iter();
        let Some(first) = parts.next() else { return Ok(None) };
        let at =
            first.strip_prefix('+').map(|offset| span_after("time", offset)).transpose().map_err(fail)?;
        let word = if at.is_some() { parts.next().unwrap_or_default() } else { first };
        let found = words.iter().find(|known| known.word == word && known.step == at.is_some());
        let word = found.ok_or_else(|| fail(Problem::UnknownWord(word)))?;
        let (keys, names): (Vec<_>, Vec<_>) = parts.partition(|part| part.contains('='));
        let mut names = names.into_iter();
        let name = names.next().unwrap_or_default();
        if name.is_empty() == word.named || names.next().is_some() {
            return Err(fail(Problem::Name(word.word)));
        }
        let keys =
            keys.iter().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect();
        let line = Self { number, at, word, name: name.into(), keys };
        line.check().map_err(fail)?;
        Ok(Some(line))
    }

    fn check(&self) -> Result<(), Problem> {
        let Word { word, needs, may, .. } = *self.word;
        for (number, (key, _)) in self.keys.iter().enumerate() {
            let known = needs.iter().chain(may);
            if !known.clone().any(|known| known == key) {
                let known = known.copied().collect::<Vec<_>>().join(", ");
                return Err(Problem::UnknownKey { word, key: key.clone(), known });
            }
            if self.keys.iter().take(number).any(|(earlier, _)| earlier == key) {
                return Err(Problem::Twice(key.clone()));
            }
        }
        match needs.iter().find(|key| self.maybe(key).is_none()) {
            Some(key) => Err(Problem::Missing { word, key }),
            None => Ok(()),
        }
    }

    pub(crate) fn fail(&self, problem: Problem) -> ScriptError {
        ScriptError { line: self.number, problem }
    }

    /// Value of `key`, if it stands there.
    pub(crate) fn maybe(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Value of `key`; empty when it is not there.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.maybe(key).unwrap_or_default()
    }

    /// Value of `key`, which is `wanted`, as a `T`.
    pub(crate) fn parse<T: FromStr>(
        &self,
        key: &'static str,
        wanted: &'static str,
    ) -> Result<T, ScriptError> {
        let value = self.text(key);
        value.parse().map_err(|_| self.fail(Problem::Value { key, value: value.to_owned(), wanted }))
    }

    /// Value of `key` as a length of time: `250ms`, `-1.5s`, `7m`.
    pub(crate) fn span(&self, key: &'static str) -> Result<Span, ScriptError> {
        span(key, self.text(key)).map_err(|problem| self.fail(problem))
    }

    /// Value of `key` as a moment: `2026-03-12T06:40:00Z`.
    pub(crate) fn moment(&self, key: &'static str) -> Result<Time, ScriptError> {
        let value = self.text(key).to_owned();
        moment(&value).ok_or_else(|| self.fail(Problem::Value { key, value, wanted: "a time in UTC" }))
    }

    /// Value of `key` as a hardware address.
    pub(crate) fn mac(&self, key: &'static str) -> Result<Mac, ScriptError> {
        let value = self.text(key).to_owned();
        mac(&value).ok_or_else(|| self.fail(Problem::Value { key, value, wanted: "a hardware address" }))
    }

    /// Value of `key` as a hexadecimal number with `0x` before it.
    pub(crate) fn hex(&self, key: &'static str) -> Result<u64, ScriptError> {
        let value = self.text(key).to_owned();
        hex(&value).ok_or_else(|| self.fail(Problem::Value { key, value, wanted: "a number like 0x3e7" }))
    }
}

/// Words of a line: parted by spaces, except within quotation marks, which fall away.
fn split(text: &str) -> Result<Vec<String>, Problem> {
    let (mut parts, mut part, mut started, mut quoted) = (vec![], String::new(), false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted && letters.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => (quoted, started) = (!quoted, true),
            '#' if !quoted && !started => break,
            space if space.is_whitespace() && !quoted => {
                if started {
                    parts.push(std::mem::take(&mut part));
                }
                started = false;
            }
            other => {
                part.push(other);
                started = true;
            }
        }
    }
    if quoted {
        return Err(Problem::Quote);
    }
    parts.extend(started.then_some(part));
    Ok(parts)
}

/// `06:30` or `06:30.250`: minutes and seconds after the start.
fn span_after(key: &'static str, text: &str) -> Result<Span, Problem> {
    let minutes_seconds = text.split_once(':').and_then(|(m, s)| {
        let (minutes, seconds): (i64, f64) = (m.parse().ok()?, s.parse().ok()?);
        (minutes >= 0 && (0.0..60.0).contains(&seconds))
            .then(|| Span(Span::s(minutes * 60).0 + ms(seconds * 1e3).0))
    });
    let wanted = "minutes and seconds after the start, like +06:30";
    minutes_seconds.ok_or(Problem::Value { key, value: text.to_owned(), wanted })
}

/// A length of time with its unit.
pub(crate) fn span(key: &'static str, text: &str) -> Result<Span, Problem> {
    let units = [("ms", 1.0), ("s", 1e3), ("m", 6e4)];
    let found = units.iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        number.is_finite().then(|| ms(number * factor))
    });
    found.ok_or(Problem::Value {
        key,
        value: text.to_owned(),
        wanted: "a length of time like 250ms, 8s or 7m",
    })
}

#[allow(clippy::cast_possible_truncation, reason = "a cast from float saturates, and a day has 8.6e7 ms")]
fn ms(ms: f64) -> Span {
    Span((ms.round() as i64).saturating_mul(1_000_000))
}

fn moment(text: &str) -> Option<Time> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let three = |text: &str, by: char| -> Option<[i64; 3]> {
        let numbers: Vec<i64> = text.split(by).map(str::parse).collect::<Result<_, _>>().ok()?;
        numbers.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (three(date, '-')?, three(clock, ':')?);
    // Howard Hinnant, "chrono-compatible low-level date algorithms".
    let y = if month <= 2 { year - 1 } else { year };
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let yoe = y.rem_euclid(400);
    let days = y.div_euclid(400) * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    let time = Time::from_s_ns(days * 86_400 + hour * 3600 + minute * 60 + second, 0);
    // What does not come back the same was no date.
    (time.iso().get(..19) == text.get(..19)).then_some(time)
}

fn mac(text: &str) -> Option<Mac> {
    let bytes: Vec<u8> = text.split(':').map(|b| u8::from_str_radix(b, 16)).collect::<Result<_, _>>().ok()?;
    Some(Mac(bytes.try_into().ok()?))
}

/// A hexadecimal number with `0x` before it.
pub(crate) fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotation_marks_hold_a_value_together_and_a_hash_ends_the_line() {
        let line = r#"+01:00 run x command="a \"b\" C:\d" parent=e#f # rest"#;
        assert_eq!(split(line).unwrap(), ["+01:00", "run", "x", r#"command=a "b" C:\d"#, "parent=e#f"]);
        assert_eq!(split("a \"b"), Err(Problem::Quote));
    }

    #[test]
    fn a_moment_is_a_date_that_exists() {
        assert_eq!(moment("2026-03-12T06:40:00Z").unwrap().iso(), "2026-03-12T06:40:00.000000Z");
        assert_eq!(moment("2024-02-29T00:00:00Z").unwrap().iso(), "2024-02-29T00:00:00.000000Z");
        assert_eq!(moment("2026-02-30T00:00:00Z"), None);
    }
}
