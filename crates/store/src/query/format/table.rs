use super::{Answer, texts};
use crate::{Error, Result};
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Rows that decide how wide a column is.
const SAMPLE_ROWS: usize = 1000;

/// A column is not made narrower than this.
const NARROWEST: usize = 6;

/// Between two columns.
const GAP: &str = "  ";

struct Layout {
    widths: Vec<usize>,
    /// Whether a column's values stand at its right edge: numbers do.
    right: Vec<bool>,
}

pub(super) fn write(answer: &mut Answer, width: usize, out: &mut dyn Write) -> Result<()> {
    let schema = answer.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| readable(field.name())).collect();
    let mut lines = Vec::new();
    while lines.len() < SAMPLE_ROWS && read(answer, &mut lines)? {}
    let right = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
    let layout = Layout::new(&names, &lines, right, width);
    layout.write_line(&names, out).map_err(Error::Output)?;
    layout.write_rule(out).map_err(Error::Output)?;
    loop {
        for line in lines.drain(..) {
            layout.write_line(&line, out).map_err(Error::Output)?;
        }
        if !read(answer, &mut lines)? {
            break;
        }
    }
    layout.write_hidden(&names, out).map_err(Error::Output)
}

/// Appends the next rows as texts; false when there are none.
fn read(answer: &mut Answer, lines: &mut Vec<Vec<String>>) -> Result<bool> {
    let Some(rows) = answer.next_rows()? else { return Ok(false) };
    let columns = texts(&rows)?;
    for row in 0..rows.num_rows() {
        let text = |value: Option<String>| value.map_or_else(|| "-".to_owned(), |text| readable(&text));
        lines.push(columns.iter().map(|column| text(column.value(row))).collect());
    }
    Ok(true)
}

/// Escapes what a terminal would obey instead of show: control characters, and those that reorder text.
fn readable(text: &str) -> String {
    let reorders =
        |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let steers = |c: char| c.is_control() || reorders(c);
    if !text.contains(steers) {
        return text.to_owned();
    }
    text.chars().map(|c| if steers(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

impl Layout {
    fn new(names: &[String], lines: &[Vec<String>], right: Vec<bool>, width: usize) -> Self {
        let mut widths: Vec<_> = names.iter().map(|name| name.width()).collect();
        for line in lines {
            for (width, value) in widths.iter_mut().zip(line) {
                *width = (*width).max(value.width());
            }
        }
        fit(&mut widths, width);
        Self { widths, right }
    }

    fn write_line(&self, values: &[String], out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        for ((value, width), right) in values.iter().zip(&self.widths).zip(&self.right) {
            let value = cut(value, *width);
            let room = " ".repeat(width.saturating_sub(value.width()));
            let (before, after) = if *right { (&*room, "") } else { ("", &*room) };
            line.extend([before, &value, after, GAP]);
        }
        writeln!(out, "{}", line.trim_end())
    }

    fn write_rule(&self, out: &mut dyn Write) -> io::Result<()> {
        let rules: Vec<_> = self.widths.iter().map(|width| "─".repeat(*width)).collect();
        writeln!(out, "{}", rules.join(GAP))
    }

    fn write_hidden(&self, names: &[String], out: &mut dyn Write) -> io::Result<()> {
        let hidden = names.get(self.widths.len()..).unwrap_or_default();
        if hidden.is_empty() {
            return Ok(());
        }
        writeln!(out, "no room for {}", hidden.join(", "))
    }
}

/// Makes the widest columns narrower, and where that is not enough drops the last ones, until a line has
/// `width`.
fn fit(widths: &mut Vec<usize>, width: usize) {
    let line = |widths: &[usize]| widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
    while line(widths) > width && widths.len() > 1 {
        let widest = widths.iter().copied().max().unwrap_or_default();
        if widest > NARROWEST {
            let over = line(widths) - width;
            let many = widths.iter().filter(|w| **w == widest).count();
            let next = widths.iter().copied().filter(|w| *w < widest).max().unwrap_or(NARROWEST);
            let narrower = next.max(widest.saturating_sub(over.div_ceil(many))).max(NARROWEST);
            widths.iter_mut().filter(|w| **w == widest).for_each(|w| *w = narrower);
        } else {
            widths.pop();
        }
    }
}

/// The beginning of `text`, with an ellipsis where something is cut off.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let fits = |c: &char| {
        let needed = c.width().unwrap_or(0);
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}
