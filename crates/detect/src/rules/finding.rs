//! What is kept of a match: whom it names, and the evidence.

use super::RuleInfo;
use super::describe;
use super::view::{RowView, View};
use model::{Entity, EntityKind, Event, Evidence, Finding, Role, Subject, Time};

/// The finding that `rule` makes of an event; `looked_at` names the fields that the rule looked at, `keep`
/// those whose values a chain wants to have.
pub(super) fn of_event(rule: &RuleInfo, event: &Event, looked_at: &[String], keep: &[Box<str>]) -> Finding {
    let evidence = Evidence {
        time: event.time,
        origin: event.origin,
        log: event.log.clone(),
        uid: None,
        text: describe::event(event, looked_at).into(),
    };
    let fields = kept(&View::Event(event), keep);
    finding(rule, event.arrived, event.entities.clone(), fields, evidence)
}

/// The finding that `rule` makes of a typed row.
pub(super) fn of_row(rule: &RuleInfo, row: &RowView<'_>, looked_at: &[String], keep: &[Box<str>]) -> Finding {
    let at = row.at;
    let evidence = Evidence {
        time: at.time,
        origin: at.origin,
        log: row.schema.log.into(),
        uid: at.conversation.map(|c| c.uid.as_str().into()),
        text: describe::row(row, looked_at).into(),
    };
    // A capture does not tell when it was received: what is on the wire arrives when it happens.
    finding(rule, at.time, entities(row), kept(&View::Row(*row), keep), evidence)
}

type Fields = Vec<(Box<str>, Box<str>)>;

fn finding(
    rule: &RuleInfo,
    arrived: Time,
    entities: Vec<Entity>,
    fields: Fields,
    evidence: Evidence,
) -> Finding {
    Finding {
        time: evidence.time,
        arrived,
        rule: rule.id.clone(),
        name: rule.name.clone(),
        title: rule.title.clone(),
        severity: rule.severity,
        techniques: rule.techniques.clone(),
        entities,
        fields,
        evidence,
    }
}

fn kept(view: &View<'_>, keep: &[Box<str>]) -> Fields {
    keep.iter().filter_map(|name| Some((name.clone(), describe::whole(view.field(name)?).into()))).collect()
}

fn entities(view: &RowView<'_>) -> Vec<Entity> {
    let mut found = vec![];
    if let Some(c) = view.at.conversation {
        found.push(Entity::new(Role::Source, EntityKind::Ip, c.orig.addr.to_string()));
        found.push(Entity::new(Role::Target, EntityKind::Ip, c.resp.addr.to_string()));
    }
    for (field, cell) in view.schema.fields.iter().zip(view.cells) {
        let Some(kind) = field.entity else { continue };
        let role = role(kind, view.schema.subject);
        describe::each_value(*cell, &mut |value| found.push(Entity::new(role, kind, value)));
    }
    found.retain(|entity| !entity.value.is_empty());
    if let Some(ot) = view.at.ot.filter(|ot| !ot.object.is_empty() && !describe::on_device(ot.action)) {
        found.push(Entity::new(Role::Object, EntityKind::Tag, ot.object));
    }
    found
}

/// Accounts and what runs under them act; in a row about the site a host is what the row is about, in a row
/// of a conversation it is a thing that is spoken of.
fn role(kind: EntityKind, subject: Subject) -> Role {
    use EntityKind as Kind;
    match (kind, subject) {
        (Kind::User | Kind::Session | Kind::Process | Kind::Credential, _) => Role::Actor,
        (Kind::File | Kind::Mail | Kind::Tag, _) => Role::Object,
        (Kind::Host | Kind::Ip | Kind::Mac | Kind::Asset, Subject::Site) => Role::Target,
        (Kind::Host | Kind::Ip | Kind::Mac | Kind::Asset, Subject::Conversation) => Role::Object,
    }
}
