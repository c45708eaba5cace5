//! Reads a playbook strictly: what Tieline would not do as it is written is an error, and nothing is passed
//! over.

use super::node::{Node, PlaybookError, Read, is_identifier};
use super::{Playbook, STEPS_MAX, Step, Work};
use crate::{Role, Ttl, Verdict};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Identifier of Tieline's safety extension.
const EXTENSION: &str = "extension-definition--6b1f0b5c-6d3f-4f0e-9a51-0c3f5d2e7a10";

/// What may stand at the top (CACAO 3.1). Signatures are not among it: Tieline does not verify them yet, and
/// to pass one over would look like having verified it.
const TOP: &[&str] = &[
    "type",
    "spec_version",
    "id",
    "name",
    "description",
    "playbook_types",
    "playbook_activities",
    "created_by",
    "created",
    "modified",
    "revoked",
    "priority",
    "severity",
    "impact",
    "industry_sectors",
    "labels",
    "external_references",
    "playbook_variables",
    "workflow_start",
    "workflow",
    "agent_definitions",
    "extension_definitions",
];

/// What may stand in an action (CACAO 4.1, 4.5); delays and branches may not, since they would not be run.
const ACTION: &[&str] =
    &["type", "name", "description", "on_completion", "commands", "agent", "step_extensions"];

/// What may be put in place of `__name__:value`.
const VARIABLES: &[&str] = &["__asset__", "__source__", "__flow__", "__incident__"];

pub(super) fn playbook(text: &str) -> Read<Playbook> {
    let value: Value = serde_json::from_str(text).map_err(|error| PlaybookError {
        place: "playbook".to_owned(),
        what: format!("is not JSON: {error}"),
    })?;
    let top = Node::top(&value);
    top.only(TOP)?;
    top.need("type")?.is("playbook")?;
    top.need("spec_version")?.is("cacao-2.0")?;
    top.need("created_by")?.identifier("identity")?;
    top.need("created")?.text()?;
    if let Some(revoked) = top.maybe("revoked")?.filter(|revoked| revoked.value.as_bool() != Some(false)) {
        return revoked.wrong("the playbook is revoked");
    }
    variables(&top)?;
    let extended = extension(&top)?;
    let steps = workflow(&top, extended)?;
    order(&top.need("workflow")?, &steps)?;
    Ok(Playbook {
        id: top.need("id")?.identifier("playbook")?.to_owned(),
        name: top.need("name")?.text()?.to_owned(),
        version: top.need("modified")?.text()?.to_owned(),
        digest: Sha256::digest(text).into(),
        steps,
    })
}

fn variables(top: &Node<'_>) -> Read<()> {
    let Some(variables) = top.maybe("playbook_variables")? else { return Ok(()) };
    variables.only(VARIABLES)
}

/// Whether the playbook has Tieline's safety extension.
fn extension(top: &Node<'_>) -> Read<bool> {
    let Some(definitions) = top.maybe("extension_definitions")? else { return Ok(false) };
    definitions.only(&[EXTENSION])?;
    let Some(definition) = definitions.maybe(EXTENSION)? else { return Ok(false) };
    definition.need("type")?.is("extension-definition")?;
    for field in ["name", "created_by", "schema"] {
        definition.need(field)?.text()?;
    }
    definition.need("version")?.is("1.0.0")?;
    Ok(true)
}

/// Follows the line from the start to an end; every step must lie on it.
fn workflow(top: &Node<'_>, extended: bool) -> Read<Vec<Step>> {
    let workflow = top.need("workflow")?;
    let entries = workflow.entries()?;
    if entries.len() > STEPS_MAX {
        return workflow.wrong(format!("has {} steps; at most {STEPS_MAX}", entries.len()));
    }
    let mut reached = Vec::new();
    let mut steps = Vec::new();
    let mut next = Some((top.need("workflow_start")?, "start"));
    while let Some((pointer, kind)) = next {
        let id = pointer.text()?;
        let Some((_, step)) = entries.iter().find(|(key, _)| *key == id) else {
            return pointer.wrong(format!("there is no step {id}"));
        };
        if reached.contains(&id) {
            return pointer.wrong(format!("comes back to {id}, so the playbook would never end"));
        }
        reached.push(id);
        steps.push(read_step(step, id, kind, (top, extended))?);
        next = step.maybe("on_completion")?.map(|pointer| (pointer, "action"));
    }
    match entries.iter().find(|(key, _)| !reached.contains(key)) {
        Some((_, step)) => step.wrong("is never reached"),
        None => Ok(steps),
    }
}

fn read_step(step: &Node<'_>, id: &str, expected: &str, context: (&Node<'_>, bool)) -> Read<Step> {
    let kind = step.need("type")?;
    let kind_name = kind.text()?;
    if !is_identifier(id, kind_name) {
        return step.wrong(format!("its name is not {kind_name}--UUID"));
    }
    let name = step.maybe("name")?.map(|name| name.text()).transpose()?.unwrap_or(kind_name).to_owned();
    let work = match (kind_name, expected) {
        ("start", "start") => {
            step.only(&["type", "name", "description", "on_completion"])?;
            step.need("on_completion")?;
            Work::Start
        }
        ("end", "action") => {
            step.only(&["type", "name", "description"])?;
            Work::End
        }
        ("action", "action") => {
            step.only(ACTION)?;
            step.need("on_completion")?;
            action(step, context)?
        }
        (_, "start") => return kind.wrong("the first step is not a start"),
        _ => return kind.wrong(format!("Tieline runs start, action and end, not {kind_name}")),
    };
    Ok(Step { name, work })
}

fn action(step: &Node<'_>, (top, extended): (&Node<'_>, bool)) -> Read<Work> {
    let agent = step.need("agent")?;
    if top.need("agent_definitions")?.maybe(agent.text()?)?.is_none() {
        return agent.wrong("is not among the agent_definitions");
    }
    let text = manual(step)?;
    let Some(extensions) = step.maybe("step_extensions")? else { return Ok(Work::Tell { text }) };
    if !extended {
        return extensions.wrong("the playbook has no definition of Tieline's safety extension");
    }
    extensions.only(&[EXTENSION])?;
    safety(&extensions.need(EXTENSION)?, text)
}

/// The commands, which are for people: an engine that does not know the extension asks them.
fn manual(step: &Node<'_>) -> Read<String> {
    let commands = step.need("commands")?;
    let mut texts = Vec::new();
    for command in commands.list()? {
        command.only(&["type", "command", "description", "playbook_activity"])?;
        let kind = command.need("type")?;
        if kind.text()? != "manual" {
            return kind.wrong(format!("Tieline runs no command of the type {}", kind.text()?));
        }
        texts.push(command.need("command")?.text()?);
    }
    if texts.is_empty() { commands.wrong("is empty") } else { Ok(texts.join("\n")) }
}

/// What the safety extension says of a step. Classes: C0 looks and tells, C3 touches a process conduit and
/// needs two people, C4 is never done by an engine.
fn safety(safety: &Node<'_>, text: String) -> Read<Work> {
    let work = safety.need("work")?;
    let (class, fields): (_, &[&str]) = match work.text()? {
        "enrich" | "tell" => ("C0", &["work", "class"]),
        "simulate" => ("C0", &["work", "class", "go_on"]),
        "approve" => ("C0", &["work", "class", "roles", "lapse_s"]),
        "apply" => ("C3", &["work", "class", "ttl_max_s", "undo"]),
        other => return work.wrong(format!("Tieline knows no work {other}")),
    };
    safety.only(fields)?;
    safety.need("class")?.is(class)?;
    match work.text()? {
        "enrich" => Ok(Work::Enrich),
        "simulate" => simulate(safety),
        "approve" => approve(safety),
        "apply" => apply(safety),
        _ => Ok(Work::Tell { text }),
    }
}

fn simulate(safety: &Node<'_>) -> Read<Work> {
    let node = safety.need("go_on")?;
    let go_on = node.words(Verdict::named)?;
    if go_on.contains(&Verdict::Breaks) {
        return node.wrong("nobody is asked to break the control of a process");
    }
    if go_on.is_empty() {
        node.wrong("is empty, so nothing would ever go on")
    } else {
        Ok(Work::Simulate { go_on })
    }
}

fn approve(safety: &Node<'_>) -> Read<Work> {
    let node = safety.need("roles")?;
    let roles = node.words(Role::named)?;
    if !(roles.contains(&Role::It) && roles.contains(&Role::Ot)) {
        return node.wrong("it and ot must both approve");
    }
    let lapse_s = safety.need("lapse_s")?.whole(60, 3600)?;
    Ok(Work::Approve { roles, lapse_s })
}

fn apply(safety: &Node<'_>) -> Read<Work> {
    safety.need("undo")?.is("remove")?;
    let node = safety.need("ttl_max_s")?;
    let seconds = node.whole(Ttl::MIN.seconds(), Ttl::MAX.seconds())?;
    Ttl::new(seconds).map_or_else(|| node.wrong("is out of range"), |ttl_max| Ok(Work::Apply { ttl_max }))
}

/// A rule is judged, then approved, then put in force, each once and in this order.
fn order(workflow: &Node<'_>, steps: &[Step]) -> Read<()> {
    let rank = |step: &Step| match step.work {
        Work::Enrich => Some((0, "enrich")),
        Work::Simulate { .. } => Some((1, "simulate")),
        Work::Approve { .. } => Some((2, "approve")),
        Work::Apply { .. } => Some((3, "apply")),
        Work::Start | Work::Tell { .. } | Work::End => None,
    };
    let ranks: Vec<_> = steps.iter().filter_map(rank).collect();
    if let Some([(_, before), (_, after)]) = ranks.array_windows().find(|[a, b]| a.0 >= b.0) {
        return workflow.wrong(format!("{after} cannot come after {before}"));
    }
    let has = |name| ranks.iter().any(|(_, other)| *other == name);
    if has("apply") && !(has("simulate") && has("approve")) {
        return workflow.wrong("apply needs simulate and approve before it");
    }
    Ok(())
}
