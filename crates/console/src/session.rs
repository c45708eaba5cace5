use crate::refusal::Refusal;
use crate::server::App;
use crate::{Role, User};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Name of the cookie. Over TLS it would be `__Host-tieline` with `Secure`; browsers refuse both on plain
/// HTTP.
pub(crate) const COOKIE: &str = "tieline";

/// How long a login lasts, whatever happens.
pub(crate) const LASTS: Duration = Duration::from_secs(12 * 3600);

/// How long a login lasts while no page of it is open and nothing is asked.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// Logins at the same time; one more ends the one that was idle longest.
const SESSIONS_MAX: usize = 256;

/// Who is logged in. Kept in memory only: a restart ends every login.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<SessionId, Session>>);

/// SHA-256 of what the cookie holds, so that memory does not hold what opens a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionId([u8; 32]);

struct Session {
    user: User,
    since: Instant,
    used: Instant,
}

impl Session {
    fn lasts(&self, now: Instant) -> bool {
        now.duration_since(self.since) < LASTS && now.duration_since(self.used) < IDLE
    }
}

impl Sessions {
    /// Opens a session and gives the secret for the cookie: 64 hexadecimal digits.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn open(&self, user: User, now: Instant) -> Result<String, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let secret = hexadecimal(&secret);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, session| session.lasts(now));
        if all.len() >= SESSIONS_MAX {
            let idle = all.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id);
            idle.and_then(|id| all.remove(&id));
        }
        all.insert(SessionId::of(&secret), Session { user, since: now, used: now });
        Ok(secret)
    }

    /// Whose session this is; being asked counts as use.
    pub(crate) fn user(&self, id: SessionId, now: Instant) -> Option<User> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = all.get_mut(&id)?;
        if !session.lasts(now) {
            all.remove(&id);
            return None;
        }
        session.used = now;
        Some(session.user.clone())
    }

    /// Ends a session, if there is one.
    pub(crate) fn end(&self, id: SessionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl SessionId {
    fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The session that a request names in its cookie.
    pub(crate) fn in_headers(headers: &HeaderMap) -> Option<Self> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE)
            .map(|(_, secret)| Self::of(secret))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Somebody who is logged in; the request is refused otherwise.
pub(crate) struct Reader(pub(crate) User, pub(crate) SessionId);

/// Somebody who may decide; the request is refused otherwise.
pub(crate) struct Decider(pub(crate) User);

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let id = SessionId::in_headers(&parts.headers);
        id.and_then(|id| Some(Self(app.sessions.user(id, Instant::now())?, id)))
            .ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "you are not logged in"))
    }
}

impl FromRequestParts<Arc<App>> for Decider {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let Reader(user, _) = Reader::from_request_parts(parts, app).await?;
        match user.role {
            Role::It | Role::Ot => Ok(Self(user)),
            Role::Viewer => {
                Err(Refusal::new(StatusCode::FORBIDDEN, "a viewer sees everything and decides nothing"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        User { name: name.into(), role: Role::It }
    }

    fn id(secret: &str) -> SessionId {
        SessionId::of(secret)
    }

    #[test]
    fn a_login_lasts_twelve_hours_if_used_and_half_an_hour_if_not() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let minute = |n: u64| start + Duration::from_secs(60 * n);
        let secret = sessions.open(user("m.ito"), start).unwrap();
        for quarter in 1..48 {
            assert!(sessions.user(id(&secret), minute(15 * quarter)).is_some(), "{quarter}");
        }
        assert!(sessions.user(id(&secret), minute(12 * 60)).is_none());

        let secret = sessions.open(user("m.ito"), start).unwrap();
        assert!(sessions.user(id(&secret), minute(30)).is_none());
        assert!(sessions.user(id(&secret), minute(1)).is_none(), "what has ended stays ended");
    }

    #[test]
    fn one_login_too_many_ends_the_one_that_was_idle_longest() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let at = |n| start + Duration::from_millis(n);
        let secrets: Vec<_> =
            (0..SESSIONS_MAX as u64).map(|n| sessions.open(user("m.ito"), at(n)).unwrap()).collect();
        assert!(sessions.user(id(&secrets[0]), at(1000)).is_some());
        sessions.open(user("k.sato"), at(1001)).unwrap();
        assert!(sessions.user(id(&secrets[0]), at(1002)).is_some());
        assert!(sessions.user(id(&secrets[1]), at(1002)).is_none());
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "theme=night; tieline=abc".parse().unwrap());
        assert!(SessionId::in_headers(&headers) == Some(id("abc")));
        headers.insert(header::COOKIE, "nottieline=abc".parse().unwrap());
        assert!(SessionId::in_headers(&headers).is_none());
    }
}
