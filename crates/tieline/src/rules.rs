use crate::talk::Talk;
use crate::{Outcome, WrongUse};
use detect::chains::{self, Chains, Options};
use detect::rules::{BUILT_IN, Loaded, RuleFile, RuleSet, examples};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to do with the rules
    #[arg(value_enum)]
    what: What,
    /// Folder or file of Sigma rules, beside the built-in ones; can be given several times
    #[arg(long = "rules", value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum What {
    /// Name every rule
    List,
    /// Load all rules and tell what is wrong with them
    Check,
    /// Try the examples that rules carry
    Test,
}

/// Rules and chains, ready.
pub(crate) struct Detection {
    pub(crate) rules: RuleSet,
    pub(crate) chains: Chains,
    /// Chains and correlations that can fire.
    pub(crate) chains_loaded: usize,
    /// Documents that are not used, or not quite as written, in a sentence each.
    pub(crate) problems: Vec<String>,
}

/// Keys that only a rule, a correlation or a chain has at the top; a file without any of them is not looked into.
const RULE_KEYS: [&str; 5] = ["title:", "logsource:", "detection:", "correlation:", "chain:"];

/// Name and text of rule files.
type Files = Vec<(String, String)>;

pub(crate) fn run(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    match args.what {
        What::List => list(args),
        What::Check => check(args, talk),
        What::Test => test(args),
    }
}

/// The built-in rules and those in `dirs`.
///
/// # Errors
/// When a folder cannot be read, or holds not one rule that can be loaded.
pub(crate) fn load(dirs: &[PathBuf], options: Options) -> anyhow::Result<Detection> {
    let files = files(dirs)?;
    let Loaded { mut rules, problems, .. } = rule_set(&files, dirs)?;
    let of_chains = chains::BUILT_IN.iter().map(|(name, text)| (*name, *text));
    let of_chains = of_chains.chain(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let (chains, wrong) = Chains::load(of_chains, options);
    rules.keep(chains.wanted_fields().iter().cloned());
    let known: BTreeSet<&str> = rules.list().iter().flat_map(|rule| [&*rule.id, &*rule.name]).collect();
    let unknown = chains.unknown_rules(&known);
    let problems = problems.iter().map(|p| format!("{}:{}: {}", p.file, p.line, p.reason));
    let problems = problems.chain(wrong.iter().chain(&unknown).map(ToString::to_string)).collect();
    let chains_loaded = chains.len();
    Ok(Detection { rules, chains, chains_loaded, problems })
}

fn rule_set(files: &Files, dirs: &[PathBuf]) -> anyhow::Result<Loaded> {
    for dir in dirs {
        let prefix = dir.display().to_string();
        if !files.iter().any(|(name, _)| name.starts_with(&prefix)) {
            return Err(WrongUse(format!("there is no rule in {prefix}")).into());
        }
    }
    let all = BUILT_IN.iter().map(|(name, text)| RuleFile { name, text });
    let all = all.chain(files.iter().map(|(name, text)| RuleFile { name, text }));
    RuleSet::load(all).map_err(|error| WrongUse(error.to_string()).into())
}

fn files(dirs: &[PathBuf]) -> anyhow::Result<Files> {
    let mut found = vec![];
    for dir in dirs {
        gather(dir, &mut found)
            .map_err(|error| WrongUse(format!("cannot read the rules in {}: {error}", dir.display())))?;
    }
    Ok(found)
}

fn gather(path: &Path, found: &mut Files) -> io::Result<()> {
    if path.is_dir() {
        let mut inside: Vec<_> =
            std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        inside.sort();
        return inside.iter().try_for_each(|path| gather(path, found));
    }
    if path.extension().is_some_and(|end| end == "yml" || end == "yaml") {
        let text = std::fs::read_to_string(path)?;
        // Collections of rules hold other YAML too: notes on tests, settings.
        if text.lines().any(|line| RULE_KEYS.iter().any(|key| line.starts_with(key))) {
            found.push((path.display().to_string(), text));
        }
    }
    Ok(())
}

fn list(args: &Args) -> anyhow::Result<Outcome> {
    let detection = load(&args.dirs, Options::files())?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for rule in detection.rules.list() {
        if args.json {
            let line = serde_json::json!({
                "id": rule.id, "name": rule.name, "title": rule.title, "level": rule.severity.name(),
                "source": rule.source, "file": rule.file, "line": rule.line,
                "techniques": rule.techniques.iter().map(|t| &*t.0).collect::<Vec<_>>(),
            });
            writeln!(out, "{line}")?;
        } else {
            writeln!(
                out,
                "{:13} {}  ({}, {}:{})",
                rule.severity.name(),
                rule.title,
                rule.source,
                rule.file,
                rule.line
            )?;
        }
    }
    out.flush()?;
    Ok(Outcome::Fine)
}

fn check(args: &Args, talk: &Talk) -> anyhow::Result<Outcome> {
    let detection = load(&args.dirs, Options::files())?;
    let mut out = io::stdout().lock();
    for problem in &detection.problems {
        writeln!(out, "{problem}")?;
    }
    talk.say(format!("{} rules loaded, {} problems", detection.rules.len(), detection.problems.len()));
    Ok(if detection.problems.is_empty() { Outcome::Fine } else { Outcome::Findings })
}

fn test(args: &Args) -> anyhow::Result<Outcome> {
    let files = files(&args.dirs)?;
    let all = BUILT_IN.iter().map(|(name, text)| RuleFile { name, text });
    let result = examples(all.chain(files.iter().map(|(name, text)| RuleFile { name, text })));
    let mut out = io::stdout().lock();
    for wrong in &result.wrong {
        writeln!(out, "{}:{}: {}: {}", wrong.file, wrong.line, wrong.title, wrong.example)?;
    }
    let (good, without) = (result.tried - result.wrong.len().min(result.tried), result.without.len());
    writeln!(out, "{good} of {} examples as they should be; {without} rules have none", result.tried)?;
    Ok(if result.wrong.is_empty() { Outcome::Fine } else { Outcome::Findings })
}
