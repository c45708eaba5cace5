//! Counters for a monitoring system, as Prometheus reads them (text format 0.0.4). No names of hosts or people stand in
//! them, so that they may be read without a login by whoever may reach the loopback.

use crate::refusal::Refusal;
use crate::refusal::aside;
use crate::server::App;
use crate::view::{Health, Status};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fmt::{Display, Write};
use std::sync::Arc;

/// Packets, losses, rows, alarms and memory.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let text = aside(&app.soc, |soc| text(&soc.health(), &soc.status())).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn text(health: &Health, status: &Status) -> String {
    let mut out = String::new();
    let of = |kind: fn(&crate::view::Source) -> u64| health.sources.iter().map(kind).sum::<u64>();
    one(&mut out, "entries_total", "counter", "Packets and events taken.", of(|source| source.entries));
    one(&mut out, "bytes_total", "counter", "Bytes taken.", of(|source| source.bytes));
    one(&mut out, "damaged_total", "counter", "Entries that were damaged.", of(|source| source.damaged));
    one(
        &mut out,
        "lost_packets_total",
        "counter",
        "Packets lost before they were seen.",
        of(|source| source.lost),
    );
    one(&mut out, "sources", "gauge", "Sources.", status.sources[1]);
    one(&mut out, "sources_delivering", "gauge", "Sources that deliver.", status.sources[0]);
    one(&mut out, "rows_stored_total", "counter", "Rows written to the lake.", health.stored);
    one(&mut out, "rows_waiting", "gauge", "Rows that wait for the lake.", health.waiting);
    one(&mut out, "runs_waiting", "gauge", "Runs that wait for an approval.", status.waiting);
    one(&mut out, "problems", "gauge", "Things that are wrong.", health.problems.len());
    one(&mut out, "memory_bytes", "gauge", "Memory in use.", health.memory);
    head(&mut out, "alarms", "gauge", "Alarms that nobody acknowledged.");
    for (priority, count) in (1..).zip(status.alarms) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "tieline_alarms{{priority=\"{priority}\"}} {count}");
    }
    head(&mut out, "log_rows_total", "counter", "Rows by log.");
    for (log, rows) in &health.logs {
        let plain: String = log.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let _ = writeln!(out, "tieline_log_rows_total{{log=\"{plain}\"}} {rows}");
    }
    out
}

fn one(out: &mut String, name: &str, kind: &str, help: &str, value: impl Display) {
    head(out, name, kind, help);
    let _ = writeln!(out, "tieline_{name} {value}");
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(out, "# HELP tieline_{name} {help}\n# TYPE tieline_{name} {kind}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_number_with_a_plain_name() {
        let health = Health { logs: vec![("odd\"} name\n".to_owned(), 3)], stored: 7, ..Health::default() };
        let text = text(&health, &Status { alarms: [1, 0, 2], ..Status::default() });
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("tieline_") && value.parse::<u64>().is_ok(), "{line}");
        }
        assert!(text.contains("tieline_rows_stored_total 7\n"));
        assert!(text.contains("tieline_alarms{priority=\"3\"} 2\n"));
        assert!(text.contains("tieline_log_rows_total{log=\"oddname\"} 3\n"));
    }
}
