//! The engine against brute force, and arrival in any order against the order of event time.

use super::*;
use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A chain as brute force sees it.
struct Chain {
    window_s: i64,
    steps: &'static [Step],
}

struct Step {
    rules: &'static [&'static str],
    within_s: Option<i64>,
    binds: &'static [(&'static str, &'static str)],
}

/// The key changes from account and host to jump host to asset.
const HOPS: Chain = Chain {
    window_s: 60,
    steps: &[
        Step { rules: &["a"], within_s: None, binds: &[("user", "actor.user"), ("from", "target.host")] },
        Step {
            rules: &["b"],
            within_s: Some(20),
            binds: &[("user", "actor.user"), ("from", "source.host"), ("jump", "target.host")],
        },
        Step { rules: &["c"], within_s: None, binds: &[("jump", "source.host"), ("asset", "target.host")] },
    ],
};

/// The same rule twice, one finding of which might stand for both steps.
const TWICE: Chain = Chain {
    window_s: 40,
    steps: &[
        Step { rules: &["b"], within_s: None, binds: &[("user", "actor.user"), ("jump", "target.host")] },
        Step {
            rules: &["b"],
            within_s: Some(30),
            binds: &[("user", "actor.user"), ("jump", "source.host"), ("end", "target.host")],
        },
        Step { rules: &["c"], within_s: Some(10), binds: &[("end", "source.host"), ("user", "actor.user")] },
    ],
};

/// One key for all steps, and a rule that comes again.
const SAME: Chain = Chain {
    window_s: 50,
    steps: &[
        Step { rules: &["a"], within_s: None, binds: &[("user", "actor.user")] },
        Step { rules: &["b"], within_s: Some(15), binds: &[("user", "actor.user")] },
        Step { rules: &["a"], within_s: None, binds: &[("user", "actor.user")] },
        Step { rules: &["c"], within_s: Some(25), binds: &[("user", "actor.user")] },
    ],
};

/// Of two findings of one moment, only one may be the first step, and so the other has the later beginning.
const EITHER: Chain = Chain {
    window_s: 20,
    steps: &[
        Step { rules: &["a"], within_s: None, binds: &[("user", "actor.user")] },
        Step { rules: &["a", "b"], within_s: None, binds: &[("user", "actor.user")] },
        Step { rules: &["b", "c"], within_s: None, binds: &[("user", "actor.user")] },
        Step { rules: &["c"], within_s: None, binds: &[("user", "actor.user")] },
    ],
};

impl Chain {
    fn yaml(&self) -> String {
        let mut yaml = format!("title: t\nid: id\nwindow: {}s\nchain:\n", self.window_s);
        for step in self.steps {
            writeln!(yaml, "  - rule: [{}]", step.rules.join(", ")).unwrap();
            if let Some(within_s) = step.within_s {
                writeln!(yaml, "    within: {within_s}s").unwrap();
            }
            let binds: Vec<_> = step.binds.iter().map(|(v, place)| format!("{v}: {place}")).collect();
            writeln!(yaml, "    bind: {{ {} }}", binds.join(", ")).unwrap();
        }
        yaml
    }
}

/// Variables, and for each step the first finding and how many more.
type Seen = (Vec<(String, String)>, Vec<((Time, u32, u64), usize)>);

fn key(finding: &Finding) -> (Time, u32, u64) {
    (finding.time, finding.evidence.origin.file, finding.evidence.origin.number)
}

fn seen(incident: &Incident) -> Seen {
    let mut variables: Vec<_> =
        incident.variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    variables.sort();
    (variables, incident.steps.iter().map(|step| (key(&step.finding), step.repeats)).collect())
}

fn sorted(incidents: &[Incident]) -> Vec<Seen> {
    let mut all: Vec<_> = incidents.iter().map(seen).collect();
    all.sort();
    all
}

/// Every way to fill the steps, tried one by one.
fn brute_force(chain: &Chain, findings: &[Finding]) -> Vec<Seen> {
    let mut matches: BTreeMap<BTreeMap<&str, &str>, Vec<Vec<&Finding>>> = BTreeMap::new();
    fill(chain, findings, &mut vec![], &BTreeMap::new(), &mut matches);
    let mut all = vec![];
    for (variables, mut matches) in matches {
        matches.sort_by_key(|m| m.last().map(|f| key(f)));
        while let Some(first) = matches.first().and_then(|m| m.last()).map(|f| f.time) {
            let (story, rest) = matches
                .into_iter()
                .partition(|m: &Vec<&Finding>| m[m.len() - 1].time - first <= Span::s(chain.window_s));
            matches = rest;
            let steps = (0..chain.steps.len()).map(|i| {
                let of_step: BTreeSet<_> = story.iter().map(|m: &Vec<&Finding>| key(m[i])).collect();
                (*of_step.first().unwrap(), of_step.len() - 1)
            });
            let variables = variables.iter().map(|(v, value)| ((*v).to_owned(), (*value).to_owned()));
            all.push((variables.collect(), steps.collect()));
        }
    }
    all.sort();
    all
}

fn fill<'a>(
    chain: &Chain,
    findings: &'a [Finding],
    story: &mut Vec<&'a Finding>,
    variables: &BTreeMap<&'static str, &'a str>,
    matches: &mut BTreeMap<BTreeMap<&'static str, &'a str>, Vec<Vec<&'a Finding>>>,
) {
    let Some(step) = chain.steps.get(story.len()) else {
        matches.entry(variables.clone()).or_default().push(story.clone());
        return;
    };
    for finding in findings.iter().filter(|f| step.rules.contains(&&*f.name)) {
        if let (Some(last), Some(first)) = (story.last(), story.first()) {
            let since = finding.time - last.time;
            if since < Span(0)
                || step.within_s.is_some_and(|s| since > Span::s(s))
                || finding.time - first.time > Span::s(chain.window_s)
                || key(last) == key(finding)
            {
                continue;
            }
        }
        for variables in bind(step.binds, finding, variables) {
            story.push(finding);
            fill(chain, findings, story, &variables, matches);
            story.pop();
        }
    }
}

fn bind<'a>(
    binds: &[(&'static str, &'static str)],
    finding: &'a Finding,
    variables: &BTreeMap<&'static str, &'a str>,
) -> Vec<BTreeMap<&'static str, &'a str>> {
    let mut ways = vec![variables.clone()];
    for (variable, place) in binds {
        let place = Place::entity(place).unwrap();
        let values: BTreeSet<&str> = place.values(finding).collect();
        ways = ways
            .iter()
            .flat_map(|way| values.iter().map(move |value| (way, *value)))
            .filter(|(way, value)| way.get(variable).is_none_or(|known| known == value))
            .map(|(way, value)| way.iter().map(|(k, v)| (*k, *v)).chain([(*variable, value)]).collect())
            .collect();
    }
    ways
}

fn some_findings(u: &mut Unstructured<'_>, count: u64) -> Result<Vec<Finding>> {
    (0..count)
        .map(|number| {
            let rule = *u.choose(&["a", "b", "c"])?;
            let mut values = vec![];
            for place in ["actor.user", "source.host", "target.host"] {
                values.push((place, *u.choose(&["x", "y"])?));
                if u.ratio(1, 8)? {
                    values.push((place, "z"));
                }
            }
            // Few moments, so that many are equal.
            let ns = i64::from(u.int_in_range(0u8..=30)?) * 5 * S;
            Ok(row(u.int_in_range(0..=2)?, number, finding(rule, ns, &values)))
        })
        .collect()
}

fn shuffled(u: &mut Unstructured<'_>, findings: &[Finding]) -> Result<Vec<Finding>> {
    let mut rest = findings.to_vec();
    let mut out = vec![];
    while !rest.is_empty() {
        out.push(rest.swap_remove(u.choose_index(rest.len())?));
    }
    Ok(out)
}

#[test]
fn chains_find_what_brute_force_finds() {
    arbtest(|u| {
        for chain in [HOPS, TWICE, SAME, EITHER] {
            let count = u.int_in_range(0..=14)?;
            let findings = some_findings(u, count)?;
            let told = sorted(&run(&chain.yaml(), Options::files(), findings.clone()));
            assert_eq!(told, brute_force(&chain, &findings), "{}", chain.yaml());
        }
        Ok(())
    })
    .size_min(4096)
    .budget_ms(1000);
}

#[test]
fn findings_taken_in_any_order_give_what_brute_force_gives() {
    arbtest(|u| {
        for chain in [HOPS, TWICE, SAME, EITHER] {
            let count = u.int_in_range(0..=12)?;
            let findings = some_findings(u, count)?;
            // Without lateness every finding is taken as it comes, most of them late.
            let mut chains = chains(&chain.yaml(), live(0));
            let now = Time(1000 * S);
            (0..=2).for_each(|source| chains.progress(source, now, now));
            let mut latest: Vec<Incident> = vec![];
            for finding in shuffled(u, &findings)? {
                chains.push(arrived(now.0, finding));
                renew(&chains.advance(now), &mut latest, &chains);
            }
            assert_eq!(sorted(&latest), brute_force(&chain, &findings), "{}", chain.yaml());
        }
        Ok(())
    })
    .size_min(4096)
    .budget_ms(1000);
}

/// Attacks of several users through the built-in chain's kind of hops, and noise that shares their values.
fn attacks(u: &mut Unstructured<'_>) -> Result<Vec<Finding>> {
    let mut findings = vec![];
    for user in ["anna", "ben", "carla", "dora"] {
        let from = format!("ws-{user}");
        let jump = *u.choose(&["jump1", "jump2"])?;
        let mut at = i64::from(u.int_in_range(0u16..=7200)?);
        let hops: [(&str, [(&str, &str); 3]); 3] = [
            ("a", [("actor.user", user), ("source.host", "mail"), ("target.host", &from)]),
            ("b", [("actor.user", user), ("source.host", &from), ("target.host", jump)]),
            ("c", [("actor.user", user), ("source.host", jump), ("target.host", "plc")]),
        ];
        for (rule, values) in hops {
            for _ in 0..u.int_in_range(0..=3)? {
                findings.push(finding(rule, at * S, &values));
                at += i64::from(u.int_in_range(0u16..=900)?);
            }
        }
    }
    for _ in 0..u.int_in_range(0..=60)? {
        let rule = *u.choose(&["a", "b", "c"])?;
        let at = i64::from(u.int_in_range(0u16..=14_400)?);
        let user = *u.choose(&["anna", "ben", "eve"])?;
        let hosts = ["ws-anna", "ws-ben", "jump1", "jump2", "plc"];
        let (source, target) = (*u.choose(&hosts)?, *u.choose(&hosts)?);
        let values = [("actor.user", user), ("source.host", source), ("target.host", target)];
        findings.push(finding(rule, at * S, &values));
    }
    Ok(findings.into_iter().zip(0u32..).map(|(f, i)| row(i % 3, i.into(), f)).collect())
}

#[test]
fn arrival_up_to_ten_minutes_late_changes_nothing() {
    let chain = Chain { window_s: 3600, ..HOPS };
    let yaml = chain.yaml().replace("within: 20s", "within: 1200s");
    arbtest(|u| {
        let mut findings = attacks(u)?;
        findings.sort_by_key(|f| f.time);
        let in_order = sorted(&run(&yaml, Options::files(), findings.clone()));
        let steps = chain_with_within();
        assert_eq!(in_order, brute_force(&steps, &findings));
        for finding in &mut findings {
            finding.arrived = finding.time + Span::s(u.int_in_range(0..=600)?);
        }
        findings.sort_by_key(|f| f.arrived);
        // With the lateness that covers the delays, and with one that does not.
        for lateness_s in [600, 30] {
            let mut chains = chains(&yaml, live(lateness_s));
            let mut latest = vec![];
            for (i, finding) in findings.iter().enumerate() {
                chains.push(finding.clone());
                if i % 7 == 0 {
                    renew(&chains.advance(finding.arrived), &mut latest, &chains);
                }
            }
            renew(&chains.flush(), &mut latest, &chains);
            assert_eq!(sorted(&latest), in_order, "lateness {lateness_s} s");
        }
        Ok(())
    })
    .size_min(4096)
    .budget_ms(1000);
}

fn chain_with_within() -> Chain {
    const STEPS: &[Step] = &[
        Step { rules: &["a"], within_s: None, binds: &[("user", "actor.user"), ("from", "target.host")] },
        Step {
            rules: &["b"],
            within_s: Some(1200),
            binds: &[("user", "actor.user"), ("from", "source.host"), ("jump", "target.host")],
        },
        Step { rules: &["c"], within_s: None, binds: &[("jump", "source.host"), ("asset", "target.host")] },
    ];
    Chain { window_s: 3600, steps: STEPS }
}

/// Of two findings of one moment, only one can be the step before or after as well.
#[test]
fn at_equal_times_the_story_that_fits_is_found_whichever_comes_first() {
    const USER: &[(&str, &str)] = &[("user", "actor.user")];
    const BEFORE: Chain = Chain {
        window_s: 5,
        steps: &[
            Step { rules: &["a"], within_s: None, binds: USER },
            Step { rules: &["a", "b"], within_s: None, binds: USER },
            Step { rules: &["c"], within_s: None, binds: USER },
        ],
    };
    const AFTER: Chain = Chain {
        window_s: 5,
        steps: &[
            Step { rules: &["c"], within_s: None, binds: USER },
            Step { rules: &["a", "b"], within_s: None, binds: USER },
            Step { rules: &["a"], within_s: None, binds: USER },
        ],
    };
    let hit = |rule, s: i64, number| row(0, number, finding(rule, s * S, &[("actor.user", "u")]));
    for (one, other) in [(1, 2), (2, 1)] {
        let before = [hit("a", 1, 0), hit("a", 5, one), hit("b", 5, other), hit("c", 8, 3)];
        let after = [hit("c", 0, 4), hit("c", 1, 5), hit("a", 5, one), hit("b", 5, other), hit("a", 6, 6)];
        for (chain, findings) in [(BEFORE, before.to_vec()), (AFTER, after.to_vec())] {
            let told = sorted(&run(&chain.yaml(), Options::files(), findings.clone()));
            assert_eq!(told.len(), 1);
            assert_eq!(told, brute_force(&chain, &findings));
        }
    }
}
