//! What only those may do who decide: analysts and engineers, no viewers.

use crate::refusal::{Body, Problem, Refusal, aside};
use crate::server::App;
use crate::session::Decider;
use crate::view::{Approve, Because, Run};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

type Shared = State<Arc<App>>;

/// Letters in a reason; a longer one is refused.
const REASON_MAX: usize = 500;

/// A run that was started, or that was under way.
#[derive(Serialize, ToSchema)]
pub(crate) struct Started {
    /// Its identifier.
    run: String,
}

/// Acknowledges an alarm.
#[utoipa::path(
    post,
    path = "/api/alarms/{id}/acknowledge",
    params(("id" = String, Path, description = "Identifier of the alarm")),
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(crate) async fn acknowledge(
    State(app): Shared,
    Decider(user): Decider,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    aside(&app.soc, move |soc| soc.acknowledge(&user, &id)).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts the playbook for an incident; it looks and simulates, and then waits for approvals.
#[utoipa::path(
    post,
    path = "/api/incidents/{id}/respond",
    params(("id" = String, Path, description = "`INC-7`")),
    responses(
        (status = 200, body = Started),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(crate) async fn respond(
    State(app): Shared,
    Decider(user): Decider,
    Path(id): Path<String>,
) -> Result<Json<Started>, Refusal> {
    let run = aside(&app.soc, move |soc| soc.respond(&user, &id)).await??;
    Ok(Json(Started { run }))
}

/// Approves a run with a signature; the last missing approval puts the rule in force.
#[utoipa::path(
    post,
    path = "/api/runs/{id}/approve",
    params(("id" = String, Path, description = "`RUN-3`")),
    request_body = Approve,
    responses(
        (status = 200, body = Run),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(crate) async fn approve(
    State(app): Shared,
    Decider(user): Decider,
    Path(id): Path<String>,
    Body(approve): Body<Approve>,
) -> Result<Json<Run>, Refusal> {
    Ok(Json(aside(&app.soc, move |soc| soc.approve(&user, &id, &approve)).await??))
}

/// Refuses a run.
#[utoipa::path(
    post,
    path = "/api/runs/{id}/refuse",
    params(("id" = String, Path, description = "`RUN-3`")),
    request_body = Because,
    responses(
        (status = 200, body = Run),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(crate) async fn refuse(
    State(app): Shared,
    Decider(user): Decider,
    Path(id): Path<String>,
    Body(because): Body<Because>,
) -> Result<Json<Run>, Refusal> {
    let reason = stated(because)?;
    Ok(Json(aside(&app.soc, move |soc| soc.refuse(&user, &id, &reason)).await??))
}

/// Takes a block that is in force back.
#[utoipa::path(
    post,
    path = "/api/runs/{id}/lift",
    params(("id" = String, Path, description = "`RUN-3`")),
    request_body = Because,
    responses(
        (status = 200, body = Run),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(crate) async fn lift(
    State(app): Shared,
    Decider(user): Decider,
    Path(id): Path<String>,
    Body(because): Body<Because>,
) -> Result<Json<Run>, Refusal> {
    let reason = stated(because)?;
    Ok(Json(aside(&app.soc, move |soc| soc.lift(&user, &id, &reason)).await??))
}

/// Notes that a person has done what the playbook of a run in force leaves to people.
#[utoipa::path(
    post,
    path = "/api/runs/{id}/told",
    params(("id" = String, Path, description = "`RUN-3`")),
    responses(
        (status = 200, body = Run),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(crate) async fn told(
    State(app): Shared,
    Decider(user): Decider,
    Path(id): Path<String>,
) -> Result<Json<Run>, Refusal> {
    Ok(Json(aside(&app.soc, move |soc| soc.told(&user, &id)).await??))
}

/// A reason that somebody can read later.
fn stated(because: Because) -> Result<String, Refusal> {
    let reason = because.reason.trim();
    let refused = |sentence: String| Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, sentence));
    match reason.chars().count() {
        0 => refused("say why, so that others can follow".into()),
        1..=REASON_MAX => Ok(reason.to_owned()),
        _ => refused(format!("a reason has at most {REASON_MAX} letters")),
    }
}
