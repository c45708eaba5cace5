//! A file of rules is a stream of YAML documents; each is read by itself, so that one bad rule costs only
//! itself.

/// A document of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Document<'a> {
    /// Line of the file on which it begins, from 1.
    pub(super) line: usize,
    /// Its text.
    pub(super) text: &'a str,
}

/// The documents of a file in order; those without content are left out.
///
/// A file with collection actions (`action: global` and its like) is one document, since its parts need each
/// other.
pub(super) fn documents(text: &str) -> Vec<Document<'_>> {
    let text = text.trim_start_matches('\u{feff}');
    if text.lines().any(|line| line.starts_with("action:")) {
        return vec![Document { line: 1, text }];
    }
    let mut found = vec![];
    let (mut start, mut line, mut offset) = (0, 1, 0);
    for (number, row) in text.split_inclusive('\n').enumerate() {
        if separates(row) {
            push(text, start..offset, line, &mut found);
            (start, line) = (offset + row.len(), number + 2);
        }
        offset += row.len();
    }
    push(text, start..text.len(), line, &mut found);
    found
}

/// YAML 1.2, 9.1.2: three dashes at the start of a line; what may follow is a comment.
fn separates(row: &str) -> bool {
    row.strip_prefix("---").is_some_and(|rest| rest.trim().is_empty() || rest.trim_start().starts_with('#'))
}

fn push<'a>(text: &'a str, part: std::ops::Range<usize>, line: usize, found: &mut Vec<Document<'a>>) {
    let text = text.get(part).unwrap_or_default();
    let blank = |row: &str| row.trim().is_empty() || row.trim_start().starts_with('#');
    let before = text.lines().take_while(|row| blank(row)).count();
    if before < text.lines().count() {
        found.push(Document { line, text });
    }
}

impl Document<'_> {
    /// Whether it is one of our chains, which may lie among rules.
    pub(super) fn is_chain(&self) -> bool {
        self.text.lines().any(|row| row.starts_with("chain:"))
    }

    /// Line of the file that `reason` is about: the one it names, the condition's, or the document's first.
    pub(super) fn line_of(&self, reason: &str) -> usize {
        let named = reason.rsplit_once(" at line ").and_then(|(_, rest)| {
            let digits: &str = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<usize>().ok()
        });
        let offset = match named {
            Some(line) => line.saturating_sub(1),
            None if reason.to_ascii_lowercase().contains("condition") => self.offset_of("condition:"),
            None => self.offset_of("title:"),
        };
        self.line + offset
    }

    fn offset_of(&self, key: &str) -> usize {
        self.text.lines().position(|row| row.trim_start().starts_with(key)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_knows_the_line_on_which_it_begins() {
        let found = documents("---\ntitle: a\n--- # next\n# only a comment\n---\ntitle: b\nx: '---'\n");
        let lines: Vec<_> = found.iter().map(|d| (d.line, d.text)).collect();
        assert_eq!(lines, [(2, "title: a\n"), (6, "title: b\nx: '---'\n")]);
    }

    #[test]
    fn a_reason_points_at_the_line_it_is_about() {
        let found = Document { line: 10, text: "# why\ntitle: a\ndetection:\n  condition: x\n" };
        assert_eq!(found.line_of("missing value at line 3 column 2"), 12);
        assert_eq!(found.line_of("Condition parse error at 1:2"), 13);
        assert_eq!(found.line_of("missing field 'level'"), 11);
    }

    #[test]
    fn any_text_is_cut_into_documents_that_lie_within_it() {
        arbtest::arbtest(|u| {
            let pieces =
                ["---", "\n", " # c", "title: a", "\r\n", "é", "action: global", "--- x", "\u{feff}"];
            let mut text = String::new();
            for _ in 0..u.int_in_range(0..=12)? {
                text.push_str(u.choose(&pieces)?);
            }
            for document in documents(&text) {
                assert!(document.line >= 1 && document.line <= text.split('\n').count());
                assert!(text.contains(document.text));
            }
            Ok(())
        });
    }
}
