//! Which actions on the process a rule can match at all, so that a poll of a controller is let go unread.

use model::Action;
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Quantifier, SelectorPattern, SigmaValue,
};
use std::ops::{BitAnd, BitOr};

/// A set of actions, and of the rows that have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Actions(u32);

/// The field by which rules name an action.
const FIELD: &str = "ot.action";

impl Actions {
    /// Nothing.
    pub(super) const NONE: Actions = Actions(0);
    /// Everything.
    pub(super) const ALL: Actions = Actions(u32::MAX);
    /// Rows without an action.
    pub(super) const ABSENT: Actions = Actions(1 << 31);
    /// Rows with any action.
    pub(super) const PRESENT: Actions = Actions(!Self::ABSENT.0);

    /// One action; nothing for rows that have none is in it.
    pub(super) fn one(action: Action) -> Self {
        Actions(1 << (action as u32))
    }

    /// What a row with this action, or without any, is.
    pub(super) fn of(action: Option<Action>) -> Self {
        action.map_or(Self::ABSENT, Self::one)
    }

    /// Whether the two sets have something in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What a rule with these detections can match: it may be less, never more.
    pub(super) fn matched_by(detections: &Detections) -> Self {
        detections
            .conditions
            .iter()
            .map(|condition| allowed(condition, detections))
            .fold(Self::NONE, BitOr::bitor)
    }

    /// Words that a rule asks for in `ot.action` and that no action has; such a rule is misspelt.
    pub(super) fn unknown(detections: &Detections) -> Vec<String> {
        let mut found = vec![];
        detections.named.values().for_each(|detection| misspelt(detection, &mut found));
        found.sort();
        found
    }
}

impl BitAnd for Actions {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Actions {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

fn allowed(condition: &ConditionExpr, detections: &Detections) -> Actions {
    match condition {
        ConditionExpr::And(parts) => all(parts.iter().map(|part| allowed(part, detections))),
        ConditionExpr::Or(parts) => any(parts.iter().map(|part| allowed(part, detections))),
        // What is excluded is not followed: it can only make the set smaller.
        ConditionExpr::Not(_) => Actions::ALL,
        ConditionExpr::Identifier(name) => detections.named.get(name).map_or(Actions::ALL, detected),
        ConditionExpr::Selector { quantifier, pattern } => selected(quantifier, pattern, detections),
    }
}

fn selected(quantifier: &Quantifier, pattern: &SelectorPattern, detections: &Detections) -> Actions {
    let named = detections.named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
    let sets = named.map(|(_, detection)| detected(detection));
    match quantifier {
        Quantifier::All => all(sets),
        Quantifier::Any | Quantifier::Count(1..) => any(sets),
        Quantifier::Count(0) => Actions::ALL,
    }
}

fn detected(detection: &Detection) -> Actions {
    match detection {
        Detection::AllOf(items) => all(items.iter().map(item)),
        Detection::AnyOf(parts) => any(parts.iter().map(detected)),
        Detection::And(parts) => all(parts.iter().map(detected)),
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => Actions::ALL,
    }
}

fn item(item: &DetectionItem) -> Actions {
    let Some(words) = words(item) else { return Actions::ALL };
    any(words
        .iter()
        .map(|word| word.as_deref().map_or(Actions::ALL, |word| known(word).unwrap_or(Actions::NONE))))
}

/// The words an item wants in `ot.action`, `None` for a value that is no plain word; nothing for any other
/// item.
fn words(item: &DetectionItem) -> Option<Vec<Option<String>>> {
    let plain = item.field.name.as_deref() == Some(FIELD) && item.field.modifiers.is_empty();
    plain.then(|| item.values.iter().map(word).collect())
}

fn word(value: &SigmaValue) -> Option<String> {
    match value {
        SigmaValue::String(text) => text.as_plain(),
        SigmaValue::Integer(_) | SigmaValue::Float(_) | SigmaValue::Bool(_) | SigmaValue::Null => None,
    }
}

fn known(word: &str) -> Option<Actions> {
    Action::ALL
        .iter()
        .find(|action| action.name().eq_ignore_ascii_case(word))
        .map(|action| Actions::one(*action))
}

fn misspelt(detection: &Detection, found: &mut Vec<String>) {
    match detection {
        Detection::AllOf(items) => {
            let words = items.iter().filter_map(words).flatten().flatten();
            found.extend(words.filter(|word| known(word).is_none()));
        }
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter().for_each(|part| misspelt(part, found))
        }
        Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

fn any(sets: impl Iterator<Item = Actions>) -> Actions {
    sets.fold(Actions::NONE, BitOr::bitor)
}

fn all(sets: impl Iterator<Item = Actions>) -> Actions {
    sets.fold(Actions::ALL, BitAnd::bitand)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(detection: &str) -> Actions {
        let yaml =
            format!("title: t\nlogsource: {{product: tieline, category: ot}}\ndetection:\n{detection}");
        let rules = rsigma_parser::parse_sigma_yaml(&yaml).unwrap().rules;
        Actions::matched_by(&rules[0].detection)
    }

    fn set(actions: &[Action]) -> Actions {
        any(actions.iter().map(|action| Actions::one(*action)))
    }

    #[test]
    fn a_rule_is_asked_only_for_the_actions_it_requires() {
        let stop = of("  s: {ot.action: stop, ot.outcome: accepted}\n  condition: s");
        assert_eq!(stop, set(&[Action::Stop]));
        let either = of("  s: {ot.action: [stop, START]}\n  f: {ot.action: stop}\n  condition: s and not f");
        assert_eq!(either, set(&[Action::Stop, Action::Start]));
        let parts = of("  s_a: {ot.action: stop}\n  s_b: {ot.action: force}\n  condition: 1 of s_*");
        assert_eq!(parts, set(&[Action::Stop, Action::Force]));
        assert_eq!(
            of("  s_a: {ot.action: stop}\n  s_b: {ot.action: force}\n  condition: all of s_*"),
            Actions::NONE
        );
    }

    #[test]
    fn a_rule_that_leaves_the_action_open_is_always_asked() {
        for detection in [
            "  s: {ot.outcome: accepted}\n  condition: s",
            "  s: {ot.action: stop}\n  o: {ot.object: x}\n  condition: s or o",
            "  s: {ot.action|startswith: program}\n  condition: s",
            "  s: {ot.action: 'program_*'}\n  condition: s",
            "  s: {ot.action: read}\n  condition: not s",
        ] {
            assert_eq!(of(detection), Actions::ALL, "{detection}");
        }
    }
}
