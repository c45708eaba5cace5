//! A small client of the console: one request per connection, a session, and a key to sign with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use respond::Signer;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A person at the console.
pub(crate) struct Person {
    address: SocketAddr,
    cookie: String,
    signer: Signer,
}

/// Status and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}

/// Asks; `None` when nobody listens.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, cookie: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nSec-Fetch-Site: same-origin\r\n\
         Connection: close\r\nContent-Type: application/json\r\nCookie: {cookie}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = vec![];
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n")?;
    let headers = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = headers.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, headers, body: answer[end + 4..].to_vec() })
}

/// Tries until `enough` is satisfied or two minutes are over.
pub(crate) fn until<T>(what: &str, mut enough: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = enough() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Person {
    /// Comes in with a login link.
    pub(crate) fn login(link: &str, name: &str) -> Self {
        let (url, token) = link.trim().split_once('#').unwrap();
        let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
        let signer = Signer::new(name.as_bytes());
        let body = json!({ "token": token, "key": STANDARD.encode(signer.key().bytes()) }).to_string();
        let answer = ask(address, "POST", "/api/login", "", &body).unwrap();
        assert!(answer.status < 300, "{} {}", answer.status, String::from_utf8_lossy(&answer.body));
        let set = answer
            .headers
            .lines()
            .find_map(|line| line.to_lowercase().starts_with("set-cookie: ").then_some(&line[12..]));
        let cookie = set.unwrap().split(';').next().unwrap().to_owned();
        // A link works once.
        assert_ne!(ask(address, "POST", "/api/login", "", &body).unwrap().status, 200);
        Self { address, cookie, signer }
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.fetch(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    pub(crate) fn fetch(&self, path: &str) -> Answer {
        ask(self.address, "GET", path, &self.cookie, "").unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        ask(self.address, "POST", path, &self.cookie, &body.to_string()).unwrap()
    }

    /// A question to the lake: its rows.
    pub(crate) fn sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let answer = self.post("/api/query", &json!({ "sql": sql }));
        assert_eq!(answer.status, 200, "{sql}: {}", String::from_utf8_lossy(&answer.body));
        serde_json::from_value(answer.json()["rows"].clone()).unwrap()
    }

    /// One number out of the lake.
    pub(crate) fn number(&self, sql: &str) -> u64 {
        self.sql(sql)[0][0].as_ref().unwrap().parse().unwrap()
    }

    /// Reads a run and approves it.
    pub(crate) fn approve(&self, run: &str) -> Answer {
        let shown = self.get(&format!("/api/runs/{run}"));
        let to_sign = STANDARD.decode(shown["to_sign"].as_str().unwrap()).unwrap();
        let signature = STANDARD.encode(self.signer.sign(&to_sign));
        self.post(
            &format!("/api/runs/{run}/approve"),
            &json!({ "asset": shown["asset"], "signature": signature }),
        )
    }
}
