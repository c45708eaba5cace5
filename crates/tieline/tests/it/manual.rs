//! The manual's tables are written from the code: a change shows here, and `UPDATE_EXPECT=1` writes it.

use detect::chains;
use detect::rules::{BUILT_IN, RuleFile, RuleSet};
use expect_test::expect_file;
use model::{Action, Identity, Schema};
use std::fmt::Write;

fn logs() -> Vec<&'static Schema> {
    let own = [
        sensor::Conn::SCHEMA,
        sensor::TunnelRow::SCHEMA,
        sensor::Stats::SCHEMA,
        health::CaptureLoss::SCHEMA,
        health::TapHealth::SCHEMA,
        health::ConduitRow::SCHEMA,
        protocols::Weird::SCHEMA,
        Identity::SCHEMA,
    ];
    own.into_iter().chain(protocols::ALL.iter().flat_map(|protocol| protocol.logs.iter().copied())).collect()
}

#[test]
fn the_page_of_logs_is_up_to_date() {
    let mut page = String::from(
        "# Logs\n\nWritten from the code. Names are Zeek's and ICSNPP's where those exist; the same names are the columns of \
         the lake and the fields that rules use.\n",
    );
    for schema in logs() {
        write!(
            page,
            "\n## {}\n\n{}\n\n| column | type | what it says |\n|---|---|---|\n",
            schema.log,
            schema.doc.trim()
        )
        .unwrap();
        for column in schema.columns() {
            writeln!(page, "| `{}` | {} | {} |", column.name, column.kind.zeek(), column.doc.trim()).unwrap();
        }
    }
    expect_file!["../../../../docs/reference/logs.md"].assert_eq(&page);
}

#[test]
fn the_page_of_protocols_is_up_to_date() {
    let mut page = String::from(
        "# Protocols\n\nWritten from the code. Each is recognised by content first, port second.\n\n",
    );
    page.push_str("| protocol | ports | logs | source |\n|---|---|---|---|\n");
    for protocol in protocols::ALL {
        let numbers =
            |kind: &str, ports: &[u16]| ports.iter().map(|port| format!("{kind}/{port}")).collect::<Vec<_>>();
        let mut ports = numbers("tcp", protocol.tcp.as_ref().map(|tcp| tcp.ports).unwrap_or_default());
        ports.extend(numbers("udp", protocol.udp));
        let logs: Vec<_> = protocol.logs.iter().map(|schema| format!("`{}`", schema.log)).collect();
        writeln!(
            page,
            "| {} | {} | {} | {} |",
            protocol.name,
            ports.join(", "),
            logs.join(", "),
            protocol.spec
        )
        .unwrap();
    }
    let named: Vec<_> = sensor::named_services().map(|name| format!("`{name}`")).collect();
    writeln!(
        page,
        "\nNot decoded, but named in the `service` column by their first bytes: {}.",
        named.join(", ")
    )
    .unwrap();
    page.push_str("\n## OT actions\n\nThe words in `ot.action`, the same for every protocol: ");
    let words: Vec<_> = Action::ALL.iter().map(|action| format!("`{}`", action.name())).collect();
    writeln!(
        page,
        "{}.\n\nThe words in `ot.outcome`: `request`, `accepted`, `rejected`, `no_answer`.",
        words.join(", ")
    )
    .unwrap();
    expect_file!["../../../../docs/reference/protocols.md"].assert_eq(&page);
}

#[test]
fn the_page_of_rules_is_up_to_date() {
    let files = BUILT_IN.iter().map(|(name, text)| RuleFile { name, text });
    let rules = RuleSet::load(files).unwrap().rules;
    let mut page = String::from("# Built-in rules\n\nWritten from the code. Sigma, under `rules/`.\n\n");
    page.push_str("| rule | level | looks at | techniques | title |\n|---|---|---|---|---|\n");
    for rule in rules.list() {
        let techniques: Vec<_> = rule.techniques.iter().map(|technique| &*technique.0).collect();
        let level = rule.severity.name();
        writeln!(
            page,
            "| `{}` | {level} | {} | {} | {} |",
            rule.name,
            rule.source,
            techniques.join(" "),
            rule.title
        )
        .unwrap();
    }
    page.push_str("\n## Chains\n\n");
    for (name, text) in chains::BUILT_IN {
        let title = text.lines().find_map(|line| line.strip_prefix("title: ")).unwrap();
        writeln!(page, "- `{name}`: {title}").unwrap();
    }
    expect_file!["../../../../docs/reference/rules.md"].assert_eq(&page);
}

#[test]
fn the_page_of_the_configuration_is_up_to_date() {
    let example = include_str!("../../src/soc/tieline.toml");
    let page = format!(
        "# Configuration\n\nWritten from the code; `tieline config` prints it. A test reads it with and without the lines that \
         begin with `#: `.\n\n```toml\n{}\n```\n",
        example.trim_end()
    );
    expect_file!["../../../../docs/reference/configuration.md"].assert_eq(&page);
}
