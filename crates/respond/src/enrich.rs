use crate::{AssetFact, Case, GuardInput, Party, Seen};

/// What is known of the two ends and of the flow between them, in a sentence for whoever decides.
pub(crate) fn enrich(case: &Case, input: &GuardInput) -> String {
    let [source, target] = [&case.source, &case.target].map(|party| describe(party, input));
    let flow = input.conduits.iter().find(|seen| is_flow(seen, case));
    let flow = flow.map_or_else(
        || "this flow was never seen before the incident".to_owned(),
        |seen| format!("this flow ({}) was first seen {}, last {}", seen.service, seen.first, seen.last),
    );
    format!("{source}; {target}; {flow}")
}

fn is_flow(seen: &Seen, case: &Case) -> bool {
    case.source.addrs.contains(&seen.client)
        && case.target.addrs.contains(&seen.server)
        && (seen.transport, seen.port) == (case.transport, case.port)
}

fn describe(party: &Party, input: &GuardInput) -> String {
    let addrs: Vec<_> = party.addrs.iter().map(ToString::to_string).collect();
    let known = party.addrs.iter().find_map(|addr| input.asset(*addr));
    let facts = known.map_or_else(|| "not in the inventory".to_owned(), facts);
    format!("{} ({}): {facts}", party.name, addrs.join(", "))
}

fn facts(asset: &AssetFact) -> String {
    let level = asset.level.map_or_else(|| "level unknown".to_owned(), |l| format!("level {}", l.name()));
    let criticality = asset.criticality.map_or("not declared", |criticality| criticality.name());
    format!("{level}, criticality {criticality}")
}
