//! Names of incidents: one keeps its name while it grows, when it is told anew, and after a restart.

use super::progress::KnownIncident;
use model::{Incident, Step};
use std::collections::BTreeSet;

/// Names that are remembered; the oldest is forgotten.
const NAMES_MAX: usize = 1_000;

/// Where a row stands: source and number.
pub(crate) type Place = (u32, u64);

/// The name of `incident`, and whether it says something new. It is known by the deed that it ends in: the row of its
/// last step, or the last step of what was told of it before. What comes before the deed, several may share: a mail
/// from which two controllers were stopped makes two incidents.
pub(crate) fn name(known: &mut Vec<KnownIncident>, incident: &Incident) -> (String, bool) {
    let steps: BTreeSet<Place> = incident.steps.iter().map(place).collect();
    let Some(deed) = incident.steps.last().map(place) else { return (String::new(), false) };
    let same = |known: &KnownIncident| known.steps.contains(&deed) || steps.contains(&known.deed);
    if let Some(known) = known.iter_mut().rev().find(|known| same(known)) {
        let new = known.steps != steps;
        (known.steps, known.deed) = (steps, deed);
        return (known.id.clone(), new);
    }
    let last = known.last().and_then(|known| known.id.strip_prefix("INC-")?.parse().ok());
    let id = format!("INC-{}", last.unwrap_or(0_u64) + 1);
    known.push(KnownIncident { id: id.clone(), steps, deed });
    if known.len() > NAMES_MAX {
        known.remove(0);
    }
    (id, true)
}

fn place(step: &Step) -> Place {
    let origin = step.finding.evidence.origin;
    (origin.file, origin.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Evidence, Finding, Origin, Severity, Time};

    fn incident(numbers: &[u64]) -> Incident {
        let step = |number: &u64| {
            let origin = Origin { file: 1, number: *number };
            let evidence = Evidence { time: Time(0), origin, log: "x".into(), uid: None, text: "".into() };
            let finding = Finding {
                time: Time(0),
                arrived: Time(0),
                rule: "r".into(),
                name: "".into(),
                title: "".into(),
                severity: Severity::High,
                techniques: vec![],
                entities: vec![],
                fields: vec![],
                evidence,
            };
            Step { text: "".into(), finding, joins: vec![], repeats: 0 }
        };
        Incident {
            chain: "c".into(),
            title: "".into(),
            severity: Severity::High,
            techniques: vec![],
            consequence: "".into(),
            complete: Time(0),
            steps: numbers.iter().map(step).collect(),
            variables: vec![],
        }
    }

    #[test]
    fn a_story_that_grows_keeps_its_name_and_two_deeds_have_two() {
        let mut known = vec![];
        let mut named = |steps: &[u64]| name(&mut known, &incident(steps));
        assert_eq!(named(&[3, 7]), ("INC-1".to_owned(), true));
        assert_eq!(named(&[3, 7]), ("INC-1".to_owned(), false));
        // Its beginning becomes known, then another deed from the same beginning, then what came after the first.
        assert_eq!(named(&[1, 2, 3, 7]), ("INC-1".to_owned(), true));
        assert_eq!(named(&[1, 2, 3, 8]), ("INC-2".to_owned(), true));
        assert_eq!(named(&[1, 2, 3, 7, 9]), ("INC-1".to_owned(), true));
        assert_eq!(named(&[1, 2, 3, 8]), ("INC-2".to_owned(), false));
        assert_eq!(named(&[4, 5]), ("INC-3".to_owned(), true));
    }
}
