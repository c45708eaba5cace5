//! Counters for a monitoring system, as Prometheus reads them (text format 0.0.4). No names of hosts or people stand in
//! them, only those of interfaces, so that they may be read without a login by whoever may reach the loopback.

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
    taps(&mut out, health);
    head(&mut out, "alarms", "gauge", "Alarms that nobody acknowledged.");
    for (priority, count) in (1..).zip(status.alarms) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "tieline_alarms{{priority=\"{priority}\"}} {count}");
    }
    head(&mut out, "log_rows_total", "counter", "Rows by log.");
    for (log, rows) in &health.logs {
        let _ = writeln!(out, "tieline_log_rows_total{{log=\"{}\"}} {rows}", plain(log));
    }
    out
}

/// What each tap is worth, and what its ring lost.
fn taps(out: &mut String, health: &Health) {
    let interfaces = || health.sources.iter().filter(|source| source.kind == "interface");
    head(out, "tap_healthy", "gauge", "Whether a tap shows what is there, once it was judged.");
    for (tap, healthy) in interfaces().filter_map(|tap| Some((tap, tap.healthy?))) {
        let _ = writeln!(out, "tieline_tap_healthy{{tap=\"{}\"}} {}", plain(&tap.name), u8::from(healthy));
    }
    head(out, "tap_condition", "gauge", "What is wrong with a tap.");
    for (tap, condition) in interfaces().flat_map(|tap| tap.conditions.iter().map(move |of| (tap, of))) {
        let (tap, condition) = (plain(&tap.name), plain(condition));
        let _ = writeln!(out, "tieline_tap_condition{{tap=\"{tap}\",condition=\"{condition}\"}} 1");
    }
    head(out, "tap_lost_packets_total", "counter", "Packets lost at the ring of an interface.");
    for tap in interfaces() {
        let _ = writeln!(out, "tieline_tap_lost_packets_total{{tap=\"{}\"}} {}", plain(&tap.name), tap.lost);
    }
}

/// A name as a label's value, without what could end it.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).collect()
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
        let tap = crate::view::Source {
            name: "et\"h1".to_owned(),
            kind: "interface".to_owned(),
            lost: 5,
            healthy: Some(false),
            conditions: vec!["tap-loss".to_owned()],
            ..Default::default()
        };
        let logs = vec![("odd\"} name\n".to_owned(), 3)];
        let health = Health { logs, stored: 7, sources: vec![tap], ..Health::default() };
        let text = text(&health, &Status { alarms: [1, 0, 2], ..Status::default() });
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("tieline_") && value.parse::<u64>().is_ok(), "{line}");
        }
        assert!(text.contains("tieline_rows_stored_total 7\n"));
        assert!(text.contains("tieline_alarms{priority=\"3\"} 2\n"));
        assert!(text.contains("tieline_tap_healthy{tap=\"eth1\"} 0\n"));
        assert!(text.contains("tieline_tap_condition{tap=\"eth1\",condition=\"tap-loss\"} 1\n"));
        assert!(text.contains("tieline_tap_lost_packets_total{tap=\"eth1\"} 5\n"));
        assert!(text.contains("tieline_log_rows_total{log=\"oddname\"} 3\n"));
    }
}
