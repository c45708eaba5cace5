use crate::Outcome;
use model::{Identity, Schema};
use std::io::{self, Write};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show the columns of every log
    #[arg(long)]
    columns: bool,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// The sensor's own logs, and the inventory's, beside those of the protocols.
fn own() -> [&'static Schema; 8] {
    [
        sensor::Conn::SCHEMA,
        sensor::TunnelRow::SCHEMA,
        sensor::Stats::SCHEMA,
        health::CaptureLoss::SCHEMA,
        health::TapHealth::SCHEMA,
        health::ConduitRow::SCHEMA,
        protocols::Weird::SCHEMA,
        Identity::SCHEMA,
    ]
}

/// Every log that the sensor writes.
pub(crate) fn all() -> impl Iterator<Item = &'static Schema> {
    own().into_iter().chain(protocols::ALL.iter().flat_map(|protocol| protocol.logs.iter().copied()))
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for protocol in protocols::ALL {
        let ports = protocol.tcp.as_ref().map(|tcp| tcp.ports).unwrap_or_default();
        let logs: Vec<_> = protocol.logs.iter().map(|schema| schema.log).collect();
        if args.json {
            let line = serde_json::json!({
                "protocol": protocol.name, "tcp": ports, "udp": protocol.udp, "logs": logs, "spec": protocol.spec,
            });
            writeln!(out, "{line}")?;
        } else {
            let numbers = |kind: &str, ports: &[u16]| {
                let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
                if ports.is_empty() { String::new() } else { format!("{kind} {} ", ports.join(",")) }
            };
            let ports = numbers("tcp", ports) + &numbers("udp", protocol.udp);
            writeln!(out, "{:10} {ports:24} {}", protocol.name, logs.join(", "))?;
        }
    }
    if !args.json {
        let named: Vec<_> = sensor::named_services().collect();
        writeln!(out, "\nNot decoded, but named in the service column: {}", named.join(", "))?;
    }
    if args.columns {
        all().try_for_each(|schema| columns(schema, args.json, &mut out))?;
    }
    out.flush()?;
    Ok(Outcome::Fine)
}

fn columns(schema: &Schema, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if !json {
        writeln!(out, "\n{}.log:{}", schema.log, schema.doc)?;
    }
    for column in schema.columns() {
        let (kind, doc) = (column.kind.zeek(), column.doc.trim());
        if json {
            let line =
                serde_json::json!({ "log": schema.log, "column": column.name, "type": kind, "doc": doc });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "  {:24} {kind:16} {doc}", column.name)?;
        }
    }
    Ok(())
}
