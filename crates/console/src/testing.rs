//! A small site in memory and a browser of a few lines.

use crate::view::{
    Alarm, Answer, Approve, Assets, Health, Incident, IncidentHead, Overview, Run, RunState, RunStep, Status,
    Table,
};
use crate::{Refused, Role, Soc, User, router};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use std::future::Future;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tower::ServiceExt;

/// A public key in the right form.
pub(crate) const KEY: [u8; 65] = {
    let mut key = [7; 65];
    key[0] = 4;
    key
};

/// A site with one alarm, one incident of one step, and one run that waits.
pub(crate) struct Fake {
    pub(crate) state: Mutex<State>,
    pub(crate) revision: watch::Sender<u64>,
}

#[derive(Default)]
pub(crate) struct State {
    tokens: Vec<(String, User)>,
    pub(crate) keys: Vec<(String, Vec<u8>)>,
    acknowledged: Option<String>,
    run: Option<Run>,
}

impl Default for Fake {
    fn default() -> Self {
        let tokens = [("viewer", Role::Viewer), ("it", Role::It), ("ot", Role::Ot)];
        let tokens = tokens.map(|(name, role)| (format!("token-{name}"), User { name: name.into(), role }));
        let run = Some(Run { id: "RUN-1".into(), incident: "INC-1".into(), ..Run::default() });
        let state = State { tokens: tokens.into(), run, ..State::default() };
        Self { state: Mutex::new(state), revision: watch::channel(1).0 }
    }
}

impl Fake {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.revision.send_modify(|revision| *revision += 1);
        change(&mut self.state.lock().unwrap())
    }

    fn decide(&self, id: &str, to: RunState, reason: &str) -> Result<Run, Refused> {
        self.change(|state| {
            let run = state.run.as_mut().filter(|run| run.id == id);
            let run = run.ok_or_else(|| Refused::Unknown(format!("run {id}")))?;
            if run.state != RunState::Waiting {
                return Err(Refused::No(format!("{id} waits for nothing")));
            }
            (run.state, run.reason) = (to, Some(reason.into()));
            Ok(run.clone())
        })
    }
}

impl Soc for Fake {
    fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    fn status(&self) -> Status {
        Status { site: "test site".into(), ..Status::default() }
    }

    fn overview(&self) -> Overview {
        let acknowledged = self.state.lock().unwrap().acknowledged.clone();
        let alarm = Alarm { id: "A1".into(), priority: 1, acknowledged, ..Alarm::default() };
        Overview { alarms: vec![alarm], ..Overview::default() }
    }

    fn incident(&self, id: &str) -> Option<Incident> {
        let head = IncidentHead { id: id.into(), ..IncidentHead::default() };
        (id == "INC-1").then(|| Incident { head, ..Incident::default() })
    }

    fn run(&self, id: &str) -> Option<Run> {
        self.runs().into_iter().find(|run| run.id == id)
    }

    fn runs(&self) -> Vec<Run> {
        self.state.lock().unwrap().run.clone().into_iter().collect()
    }

    fn assets(&self, text: &str, offset: usize, limit: usize) -> Assets {
        let asset = crate::view::Asset { name: format!("{text} {offset} {limit}"), ..Default::default() };
        Assets { total: 1, rows: vec![asset] }
    }

    fn health(&self) -> Health {
        Health::default()
    }

    fn tables(&self) -> Vec<Table> {
        vec![Table { name: "modbus".into(), columns: vec!["ts".into()] }]
    }

    fn ask(&self, sql: &str) -> Result<Answer, Refused> {
        match sql {
            "panic" => panic!("a fault of the lake"),
            _ if sql.starts_with("SELECT") => Ok(Answer::default()),
            _ => Err(Refused::No("only SELECT is answered".into())),
        }
    }

    fn packets(&self, incident: &str, step: u32) -> Option<Vec<u8>> {
        (incident == "INC-1" && step == 0).then(|| vec![0xd4, 0xc3, 0xb2, 0xa1])
    }

    fn acknowledge(&self, user: &User, alarm: &str) -> Result<(), Refused> {
        if alarm != "A1" {
            return Err(Refused::Unknown(format!("alarm {alarm}")));
        }
        self.change(|state| state.acknowledged = Some(user.name.clone()));
        Ok(())
    }

    fn respond(&self, _: &User, incident: &str) -> Result<String, Refused> {
        self.incident(incident).ok_or_else(|| Refused::Unknown(format!("incident {incident}")))?;
        Ok("RUN-1".into())
    }

    fn approve(&self, _: &User, run: &str, approve: &Approve) -> Result<Run, Refused> {
        self.decide(run, RunState::Active, &approve.asset)
    }

    fn refuse(&self, _: &User, run: &str, reason: &str) -> Result<Run, Refused> {
        self.decide(run, RunState::Refused, reason)
    }

    fn lift(&self, _: &User, run: &str, reason: &str) -> Result<Run, Refused> {
        self.decide(run, RunState::Lifted, reason)
    }

    fn told(&self, user: &User, run: &str) -> Result<Run, Refused> {
        self.change(|state| {
            let active = state.run.as_mut().filter(|known| known.state == RunState::Active);
            let active = active.ok_or_else(|| Refused::No(format!("{run} is not in force")))?;
            let result = format!("by {}", user.name);
            active.steps = vec![RunStep { name: "Tell".into(), state: "done".into(), result }];
            Ok(active.clone())
        })
    }

    fn redeem(&self, token: &str) -> Option<User> {
        let tokens = &mut self.state.lock().unwrap().tokens;
        let place = tokens.iter().position(|(known, _)| known == token)?;
        Some(tokens.remove(place).1)
    }

    fn enrol(&self, user: &User, key: &[u8]) -> Result<(), Refused> {
        self.change(|state| state.keys.push((user.name.clone(), key.into())));
        Ok(())
    }
}

/// A console and what a browser keeps of it.
pub(crate) struct Browser {
    pub(crate) soc: Arc<Fake>,
    router: Router,
    /// Sent along with every request; a name that stands here twice replaces the usual.
    pub(crate) headers: Vec<(String, String)>,
}

/// An answer, read to its end.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Page {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

impl Browser {
    /// Nobody is logged in.
    pub(crate) fn new() -> Self {
        let soc = Arc::new(Fake::default());
        let headers = vec![("host".into(), "127.0.0.1:8090".into())];
        Self { router: router(soc.clone()), soc, headers }
    }

    /// Logged in as `viewer`, `it` or `ot`.
    pub(crate) async fn logged_in(name: &str) -> Self {
        let mut browser = Self::new();
        let page = browser.post("/api/login", &format!(r#"{{"token": "token-{name}"}}"#)).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        browser.keep_cookie(&page);
        browser
    }

    /// Keeps the cookie that came with `page`, and nothing that was kept before.
    pub(crate) fn keep_cookie(&mut self, page: &Page) {
        let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
        let pair = cookie.split(';').next().unwrap().to_owned();
        self.headers.retain(|(name, _)| name != "cookie");
        self.headers.push(("cookie".into(), pair));
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.ask(Method::GET, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, json: &str) -> Page {
        self.ask(Method::POST, path, json).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, json: &str) -> Page {
        let response = self.open(method, path, json).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 22).await.unwrap();
        Page { status: parts.status, headers: parts.headers, body }
    }

    /// Asks, and leaves the answer to be read.
    pub(crate) async fn open(&self, method: Method, path: &str, json: &str) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request =
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(json.to_owned()));
        self.router.clone().oneshot(request.unwrap()).await.unwrap()
    }
}

/// Runs what waits.
pub(crate) fn run<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
}
