//! What may be read by everybody who is logged in.

use crate::refusal::Body;
use crate::refusal::{Problem, Refusal, aside};
use crate::server::App;
use crate::session::Reader;
use crate::view::{Answer, Assets, Health, Incident, Overview, Question, Run, Status, Table};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

type Shared = State<Arc<App>>;
type Reply<T> = Result<Json<T>, Refusal>;

/// Rows of the inventory in one answer; who asks for more gets this many.
const ROWS_MAX: usize = 500;

/// Says that the console answers.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The strip at the top.
#[utoipa::path(
    get,
    path = "/api/status",
    responses((status = 200, body = Status), (status = 401, body = Problem))
)]
pub(crate) async fn status(State(app): Shared, _: Reader) -> Reply<Status> {
    aside(&app.soc, |soc| soc.status()).await.map(Json)
}

/// The first screen.
#[utoipa::path(
    get,
    path = "/api/overview",
    responses((status = 200, body = Overview), (status = 401, body = Problem))
)]
pub(crate) async fn overview(State(app): Shared, _: Reader) -> Reply<Overview> {
    aside(&app.soc, |soc| soc.overview()).await.map(Json)
}

/// One attack as one story.
#[utoipa::path(
    get,
    path = "/api/incidents/{id}",
    params(("id" = String, Path, description = "`INC-7`")),
    responses((status = 200, body = Incident), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn incident(State(app): Shared, _: Reader, id: Path<String>) -> Reply<Incident> {
    let Path(id) = id;
    let name = format!("incident {id}");
    let found = aside(&app.soc, move |soc| soc.incident(&id)).await?;
    found.map(Json).ok_or_else(|| Refusal::unknown(name))
}

/// The packets that a step rests on, as a pcap file.
#[utoipa::path(
    get,
    path = "/api/incidents/{id}/steps/{number}/packets",
    params(("id" = String, Path, description = "`INC-7`"), ("number" = u32, Path, description = "From 0")),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/vnd.tcpdump.pcap"),
        (status = 401, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(crate) async fn packets(
    State(app): Shared,
    _: Reader,
    place: Result<Path<(String, u32)>, PathRejection>,
) -> Result<([(HeaderName, String); 2], Vec<u8>), Refusal> {
    let Path((id, number)) = place?;
    let word: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let file = format!("attachment; filename=\"tieline-{word}-step-{number}.pcap\"");
    let found = aside(&app.soc, move |soc| soc.packets(&id, number)).await?;
    let packets = found.ok_or_else(|| Refusal::unknown("packet of that step"))?;
    let kind = "application/vnd.tcpdump.pcap".to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, file)], packets))
}

/// Runs of playbooks, newest first, at most 100.
#[utoipa::path(
    get,
    path = "/api/runs",
    responses((status = 200, body = Vec<Run>), (status = 401, body = Problem))
)]
pub(crate) async fn runs(State(app): Shared, _: Reader) -> Reply<Vec<Run>> {
    aside(&app.soc, |soc| soc.runs()).await.map(Json)
}

/// One run of a playbook.
#[utoipa::path(
    get,
    path = "/api/runs/{id}",
    params(("id" = String, Path, description = "`RUN-3`")),
    responses((status = 200, body = Run), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn run(State(app): Shared, _: Reader, id: Path<String>) -> Reply<Run> {
    let Path(id) = id;
    let name = format!("run {id}");
    let found = aside(&app.soc, move |soc| soc.run(&id)).await?;
    found.map(Json).ok_or_else(|| Refusal::unknown(name))
}

/// Which part of the inventory.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Window {
    /// What name, address, zone or make contain; everything when empty.
    #[serde(default)]
    q: String,
    /// Assets to pass over.
    #[serde(default)]
    offset: usize,
    /// Assets to give, at most 500.
    #[serde(default = "all_rows")]
    limit: usize,
}

fn all_rows() -> usize {
    ROWS_MAX
}

/// A window of the inventory.
#[utoipa::path(
    get,
    path = "/api/assets",
    params(Window),
    responses((status = 200, body = Assets), (status = 400, body = Problem), (status = 401, body = Problem))
)]
pub(crate) async fn assets(
    State(app): Shared,
    _: Reader,
    window: Result<Query<Window>, QueryRejection>,
) -> Reply<Assets> {
    let Query(Window { q, offset, limit }) = window?;
    aside(&app.soc, move |soc| soc.assets(&q, offset, limit.min(ROWS_MAX))).await.map(Json)
}

/// State of what sees.
#[utoipa::path(
    get,
    path = "/api/health",
    responses((status = 200, body = Health), (status = 401, body = Problem))
)]
pub(crate) async fn health(State(app): Shared, _: Reader) -> Reply<Health> {
    aside(&app.soc, |soc| soc.health()).await.map(Json)
}

/// Tables of the lake.
#[utoipa::path(
    get,
    path = "/api/tables",
    responses((status = 200, body = Vec<Table>), (status = 401, body = Problem))
)]
pub(crate) async fn tables(State(app): Shared, _: Reader) -> Reply<Vec<Table>> {
    aside(&app.soc, |soc| soc.tables()).await.map(Json)
}

/// Asks the lake; it is only ever read.
#[utoipa::path(
    post,
    path = "/api/query",
    request_body = Question,
    responses(
        (status = 200, body = Answer),
        (status = 401, body = Problem),
        (status = 409, body = Problem),
        (status = 429, body = Problem)
    )
)]
pub(crate) async fn query(State(app): Shared, _: Reader, Body(question): Body<Question>) -> Reply<Answer> {
    let busy = "as many questions as the console answers at a time are under way: ask again in a moment";
    let place = app.questions.clone().try_acquire_owned();
    let place = place.map_err(|_| Refusal::new(StatusCode::TOO_MANY_REQUESTS, busy))?;
    let answer = aside(&app.soc, move |soc| {
        // Held until the question is answered, also when the page that asked is gone.
        let _place = place;
        soc.ask(&question.sql)
    });
    Ok(Json(answer.await??))
}
