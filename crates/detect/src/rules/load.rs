//! From files to a set of rules.

use super::actions::Actions;
use super::documents::{Document, documents};
use super::matcher::Compiled;
use super::route::{Routes, Source};
use super::{Error, Group, RuleFile, RuleInfo, RuleSet, Stage};
use foldhash::{HashMap, HashMapExt};
use model::{Severity, Technique};
use rsigma_parser::{Level, SigmaCollection, SigmaRule};
use std::collections::BTreeMap;

/// What became of the files.
pub struct Loaded {
    /// The rules.
    pub rules: RuleSet,
    /// What is wrong, in the order of the files.
    pub problems: Vec<Problem>,
    /// Sigma correlations, unread: they are chains, not rules.
    pub correlations: Vec<Correlation>,
    /// Files that were looked into.
    pub files: usize,
    /// Rules that were loaded; as many as are in `rules`.
    pub loaded: usize,
}

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: Box<str>,
    /// Line of it that the problem is about, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: Box<str>,
    /// Whether a rule is missing for it; otherwise the rule works, yet not quite as written.
    pub lost: bool,
}

/// A Sigma correlation document, as it stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correlation {
    /// The file.
    pub file: Box<str>,
    /// Line on which it begins, from 1.
    pub line: usize,
    /// Its YAML.
    pub text: Box<str>,
}

#[derive(Default)]
struct Loading {
    rules: Vec<RuleInfo>,
    by_id: HashMap<Box<str>, usize>,
    groups: BTreeMap<Source, (Actions, Vec<Compiled>)>,
    problems: Vec<Problem>,
    correlations: Vec<Correlation>,
}

pub(super) fn load<'a>(files: impl Iterator<Item = RuleFile<'a>>) -> Result<Loaded, Error> {
    let mut loading = Loading { by_id: HashMap::new(), ..Loading::default() };
    let mut count = 0;
    for file in files {
        count += 1;
        documents(file.text).iter().for_each(|document| loading.document(file.name, document));
    }
    if loading.rules.is_empty() {
        return Err(Error::NoRules { files: count, problems: loading.problems });
    }
    Ok(loading.done(count))
}

/// The rules of a document, and what the parser found wrong.
pub(super) fn parse(document: &Document<'_>) -> SigmaCollection {
    rsigma_parser::parse_sigma_yaml(document.text).unwrap_or_else(|error| {
        let mut nothing = SigmaCollection::new();
        nothing.errors.push(error.to_string());
        nothing
    })
}

impl Loading {
    fn document(&mut self, file: &str, document: &Document<'_>) {
        if document.is_chain() {
            return;
        }
        let parsed = parse(document);
        let lost = parsed.rules.is_empty() && parsed.correlations.is_empty();
        for reason in &parsed.errors {
            self.problem(file, document.line_of(reason), reason, lost);
        }
        for _ in &parsed.filters {
            self.problem(
                file,
                document.line,
                "Sigma filters are not supported; write the exclusion into the rule",
                true,
            );
        }
        if !parsed.correlations.is_empty() {
            let text = document.text.into();
            self.correlations.push(Correlation { file: file.into(), line: document.line, text });
        }
        parsed.rules.into_iter().for_each(|rule| self.rule(file, document, rule));
    }

    fn rule(&mut self, file: &str, document: &Document<'_>, rule: SigmaRule) {
        let info = info(file, document.line_of(""), &rule);
        if let Some(known) = self.by_id.get(&info.id).and_then(|known| self.rules.get(*known)) {
            let reason =
                format!("the rule {} is already loaded from {}:{}", known.id, known.file, known.line);
            return self.problem(file, info.line, &reason, true);
        }
        for word in Actions::unknown(&rule.detection) {
            self.problem(file, info.line, &format!("no action is called {word}; this never matches"), false);
        }
        let source = Source::of(&rule.logsource);
        let asked = Actions::matched_by(&rule.detection);
        match Compiled::new(rule, self.rules.len()) {
            Err(reason) => self.problem(file, document.line_of(&reason), &reason, true),
            Ok(compiled) => {
                let group = self.groups.entry(source).or_insert((Actions::NONE, vec![]));
                group.0 = group.0 | asked;
                group.1.push(compiled);
                self.by_id.insert(info.id.clone(), self.rules.len());
                self.rules.push(info);
            }
        }
    }

    fn problem(&mut self, file: &str, line: usize, reason: &str, lost: bool) {
        self.problems.push(Problem { file: file.into(), line, reason: one_line(reason).into(), lost });
    }

    fn done(self, files: usize) -> Loaded {
        let group = |(source, (actions, rules))| Group { source, actions, engine: Stage::Waiting(rules) };
        let groups = self.groups.into_iter().map(group).collect();
        let loaded = self.rules.len();
        let rules = RuleSet { rules: self.rules, groups, routes: Routes::default(), keep: vec![] };
        Loaded { rules, problems: self.problems, correlations: self.correlations, files, loaded }
    }
}

/// Parsers draw an arrow below the place; what is wrong stands in the first line and in the last.
fn one_line(reason: &str) -> String {
    let mut lines = reason.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let first = first.split_once(" -->").map_or(first, |(before, _)| before).trim_end().trim_end_matches(':');
    match lines.next_back() {
        Some(last) => format!("{first}: {}", last.trim_start_matches("= ").trim_start_matches("error: ")),
        None => first.to_owned(),
    }
}

fn info(file: &str, line: usize, rule: &SigmaRule) -> RuleInfo {
    let name = rule.name.as_deref().unwrap_or_default();
    let id = rule.id.as_deref().unwrap_or(if name.is_empty() { &rule.title } else { name });
    RuleInfo {
        id: id.into(),
        name: name.into(),
        title: rule.title.as_str().into(),
        severity: severity(rule.level),
        techniques: techniques(&rule.tags),
        source: Source::of(&rule.logsource).to_string().into(),
        file: file.into(),
        line,
    }
}

fn severity(level: Option<Level>) -> Severity {
    match level {
        Some(Level::Informational) => Severity::Info,
        Some(Level::Low) => Severity::Low,
        Some(Level::Medium) | None => Severity::Medium,
        Some(Level::High) => Severity::High,
        Some(Level::Critical) => Severity::Critical,
    }
}

/// `attack.t1059.001` is the technique T1059.001; tactics, groups and other tags are none.
fn techniques(tags: &[String]) -> Vec<Technique> {
    let mut found = vec![];
    for tag in tags {
        let Some(number) = tag.to_ascii_lowercase().strip_prefix("attack.t").map(str::to_owned) else {
            continue;
        };
        let technique = Technique(format!("T{number}").into());
        if number.starts_with(|c: char| c.is_ascii_digit()) && !found.contains(&technique) {
            found.push(technique);
        }
    }
    found
}
