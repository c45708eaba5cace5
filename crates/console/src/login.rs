//! Login by a one-time link. There is no password: who starts Tieline gets links for the people it knows.
//!
//! The page of a login makes a key pair that never leaves the browser and hands its public half over here;
//! approvals are signed with the other half. A new login enrols a new key.

use crate::refusal::{Body, Problem, Refusal, aside};
use crate::server::App;
use crate::session::{COOKIE, Decider, LASTS, Reader, SessionId};
use crate::{Role, User};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use utoipa::ToSchema;

type Shared = State<Arc<App>>;

/// Wrong tokens in a minute; after that no login is tried until the minute is over.
const ATTEMPTS_MAX: u32 = 10;

/// The minute in which wrong tokens are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// Wrong tokens of the last minute, from everywhere: on the loopback all come from one place.
#[derive(Default)]
pub(crate) struct Attempts {
    since: Option<Instant>,
    wrong: u32,
}

impl Attempts {
    /// Whether another token may be tried.
    fn may(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) >= MINUTE) {
            *self = Self { since: Some(now), wrong: 0 };
        }
        self.wrong < ATTEMPTS_MAX
    }
}

/// What a login link brings.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Login {
    /// One-time token of the link.
    token: String,
    /// Public key with which this browser signs approvals: SEC1 uncompressed point on P-256, base64.
    key: Option<String>,
}

/// A key for approvals.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Key {
    /// SEC1 uncompressed point on P-256, base64.
    key: String,
}

/// Trades a one-time token for a session.
#[utoipa::path(
    post,
    path = "/api/login",
    request_body = Login,
    responses(
        (status = 200, body = User),
        (status = 401, body = Problem),
        (status = 422, body = Problem),
        (status = 429, body = Problem)
    )
)]
pub(crate) async fn login(
    State(app): Shared,
    headers: HeaderMap,
    Body(Login { token, key }): Body<Login>,
) -> Result<([(HeaderName, String); 1], Json<User>), Refusal> {
    let key = key.map(|key| point(&key)).transpose()?;
    let user = redeem(&app, token).await?;
    if let Some(key) = key.filter(|_| user.role != Role::Viewer) {
        let who = user.clone();
        aside(&app.soc, move |soc| soc.enrol(&who, &key)).await??;
    }
    // A session that came along ends here, so that nobody goes on with an identifier from before the login.
    SessionId::in_headers(&headers).into_iter().for_each(|old| app.sessions.end(old));
    let secret = app.sessions.open(user.clone(), Instant::now());
    let secret =
        secret.map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no random numbers to be had"))?;
    Ok(([(header::SET_COOKIE, cookie(&secret, LASTS))], Json(user)))
}

async fn redeem(app: &Arc<App>, token: String) -> Result<User, Refusal> {
    let attempts = || app.attempts.lock().unwrap_or_else(PoisonError::into_inner);
    if !attempts().may(Instant::now()) {
        let sentence = "too many wrong logins: wait a minute";
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, sentence));
    }
    let user = aside(&app.soc, move |soc| soc.redeem(&token)).await?;
    user.ok_or_else(|| {
        attempts().wrong += 1;
        Refusal::new(StatusCode::UNAUTHORIZED, "this login link was used already, or is none")
    })
}

fn cookie(secret: &str, lasts: Duration) -> String {
    format!("{COOKIE}={secret}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}", lasts.as_secs())
}

fn point(key: &str) -> Result<Vec<u8>, Refusal> {
    let bytes = STANDARD.decode(key).ok().filter(|bytes| bytes.len() == 65 && bytes.first() == Some(&4));
    let sentence = "the key is no uncompressed point on P-256 in base64";
    bytes.ok_or_else(|| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, sentence))
}

/// Ends the session.
#[utoipa::path(post, path = "/api/logout", responses((status = 204), (status = 401, body = Problem)))]
pub(crate) async fn logout(
    State(app): Shared,
    Reader(_, id): Reader,
) -> (StatusCode, [(HeaderName, String); 1]) {
    app.sessions.end(id);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie("", Duration::ZERO))])
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/me", responses((status = 200, body = User), (status = 401, body = Problem)))]
pub(crate) async fn me(Reader(user, _): Reader) -> Json<User> {
    Json(user)
}

/// Replaces the key with which the person signs approvals.
#[utoipa::path(
    post,
    path = "/api/enrol",
    request_body = Key,
    responses(
        (status = 204),
        (status = 401, body = Problem),
        (status = 403, body = Problem),
        (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
pub(crate) async fn enrol(
    State(app): Shared,
    Decider(user): Decider,
    Body(Key { key }): Body<Key>,
) -> Result<StatusCode, Refusal> {
    let key = point(&key)?;
    aside(&app.soc, move |soc| soc.enrol(&user, &key)).await??;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_tokens_close_the_door_for_a_minute() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        for _ in 0..ATTEMPTS_MAX {
            assert!(attempts.may(start));
            attempts.wrong += 1;
        }
        assert!(!attempts.may(start + MINUTE / 2));
        assert!(attempts.may(start + MINUTE));
    }
}
