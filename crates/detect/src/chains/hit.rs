use foldhash::fast::FixedState;
use model::{Entity, EntityKind, Finding, Origin, Role, Time};
use std::hash::BuildHasher;
use std::sync::Arc;

/// Combinations of values that one finding may stand for in one step; further ones are not tried, and counted.
pub(super) const COMBINATIONS_MAX: usize = 64;

/// Values of variables, folded for comparison, in the order of the variables.
pub(super) type Values = Box<[Arc<str>]>;

/// A finding at its place in time.
#[derive(Debug)]
pub(super) struct Hit {
    /// Its place among all findings.
    pub(super) key: Order,
    /// The rule hit.
    pub(super) finding: Finding,
    /// Values of its entities as they are compared.
    folded: Box<[Arc<str>]>,
}

/// Total order of findings: event time first, then what tells two findings of one moment apart.
///
/// Two findings with the same key are the same finding, received twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Order {
    /// When it happened; when it arrived, for a clock that runs ahead.
    pub(super) at: Time,
    origin: Origin,
    content: u64,
}

impl Hit {
    /// `finding`, taken as of `at`.
    pub(super) fn new(finding: Finding, at: Time) -> Self {
        let content =
            FixedState::with_seed(0).hash_one((&finding.rule, &finding.evidence.text, &finding.entities));
        let folded = finding.entities.iter().map(|entity| fold(&entity.value)).collect();
        Self { key: Order { at, origin: finding.evidence.origin, content }, finding, folded }
    }

    /// When it happened.
    pub(super) fn at(&self) -> Time {
        self.key.at
    }
}

/// Where in a finding a value is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `actor.user`.
    Entity(Role, EntityKind),
    /// A raw field.
    Field(Box<str>),
}

impl Place {
    /// Reads `role.kind`; `None` when either word is unknown.
    pub(super) fn entity(text: &str) -> Option<Self> {
        let (role, kind) = text.split_once('.')?;
        let role = Role::ALL.into_iter().find(|r| r.name() == role)?;
        let kind = EntityKind::ALL.into_iter().find(|k| k.name() == kind)?;
        Some(Place::Entity(role, kind))
    }

    /// Reads `role.kind` or else the name of a raw field.
    pub(super) fn any(text: &str) -> Self {
        Self::entity(text).unwrap_or_else(|| Place::Field(text.into()))
    }

    fn role(&self) -> Option<(Role, EntityKind)> {
        match self {
            Place::Entity(role, kind) => Some((*role, *kind)),
            Place::Field(_) => None,
        }
    }

    /// Name of the raw field, where it is one.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Place::Field(name) => Some(name),
            Place::Entity(..) => None,
        }
    }

    /// Every value at this place, as it is compared.
    fn folded(&self, hit: &Hit) -> impl Iterator<Item = Arc<str>> {
        let (wanted, field) = (self.role(), self.field());
        let entities = hit.finding.entities.iter().zip(&hit.folded);
        let entities = entities.filter(move |(e, _)| wanted == Some((e.role, e.kind)));
        let fields = hit.finding.fields.iter().filter(move |(name, _)| Some(&**name) == field);
        entities.map(|(_, value)| Arc::clone(value)).chain(fields.map(|(_, value)| fold(value)))
    }

    /// Entities of `finding` at this place; none for a raw field.
    pub(super) fn entities<'f>(&self, finding: &'f Finding) -> impl Iterator<Item = &'f Entity> {
        let wanted = self.role();
        finding.entities.iter().filter(move |e| wanted == Some((e.role, e.kind)))
    }

    /// Every value at this place, as it is written, in the order of the finding.
    pub(super) fn values<'f>(&self, finding: &'f Finding) -> impl Iterator<Item = &'f str> {
        let field = self.field();
        let fields = finding.fields.iter().filter(move |(name, _)| Some(&**name) == field);
        self.entities(finding).map(|e| &*e.value).chain(fields.map(|(_, value)| &**value))
    }
}

/// `value` as it is compared: names of accounts, hosts and files mean the same in any case.
pub(super) fn fold(value: &str) -> Arc<str> {
    if value.chars().any(char::is_uppercase) { value.to_lowercase().into() } else { value.into() }
}

/// Every way to choose one value for each list of `places` (any place of a list may give it), in the order of the
/// finding, and how many ways beyond [`COMBINATIONS_MAX`] were left out. None when a list has no value.
pub(super) fn combinations<'p>(
    hit: &Hit,
    places: impl Iterator<Item = &'p [Place]>,
) -> (Vec<Vec<Arc<str>>>, usize) {
    let mut ways: Vec<Vec<Arc<str>>> = vec![vec![]];
    let mut left_out = 0;
    for list in places {
        let mut values = list.iter().flat_map(|place| place.folded(hit)).filter(|value| !value.is_empty());
        let Some(first) = values.next() else { return (vec![], 0) };
        let mut others: Vec<Arc<str>> = vec![];
        for value in values {
            if value != first && !others.contains(&value) {
                others.push(value);
            }
        }
        let all = ways.len() * (1 + others.len());
        let more: Vec<_> = ways.iter().flat_map(|way| others.iter().map(move |v| longer(way, v))).collect();
        ways.iter_mut().for_each(|way| way.push(Arc::clone(&first)));
        ways.extend(more);
        ways.truncate(COMBINATIONS_MAX);
        left_out += all - ways.len();
    }
    (ways, left_out)
}

fn longer(way: &[Arc<str>], value: &Arc<str>) -> Vec<Arc<str>> {
    way.iter().chain([value]).map(Arc::clone).collect()
}
