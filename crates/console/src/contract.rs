//! What holds for every route, present and future.

use crate::document;
use crate::testing::{Browser, KEY, run};
use axum::http::{Method, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use expect_test::expect_file;
use std::collections::BTreeSet;

/// Who gets through: everybody, everybody who is logged in, or only those who decide.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    All,
    LoggedIn,
    Deciders,
}

/// Method and path as documented, a path and a body to try, and who gets through.
const ROUTES: &[(&str, &str, &str, &str, Who)] = &[
    ("get", "/healthz", "/healthz", "", Who::All),
    ("get", "/metrics", "/metrics", "", Who::All),
    ("post", "/api/login", "/api/login", r#"{"token": "wrong"}"#, Who::All),
    ("get", "/api/me", "/api/me", "", Who::LoggedIn),
    ("get", "/api/openapi.json", "/api/openapi.json", "", Who::LoggedIn),
    ("get", "/api/status", "/api/status", "", Who::LoggedIn),
    ("get", "/api/overview", "/api/overview", "", Who::LoggedIn),
    ("get", "/api/incidents/{id}", "/api/incidents/INC-1", "", Who::LoggedIn),
    (
        "get",
        "/api/incidents/{id}/steps/{number}/packets",
        "/api/incidents/INC-1/steps/0/packets",
        "",
        Who::LoggedIn,
    ),
    ("get", "/api/runs", "/api/runs", "", Who::LoggedIn),
    ("get", "/api/runs/{id}", "/api/runs/RUN-1", "", Who::LoggedIn),
    ("get", "/api/assets", "/api/assets?q=plc", "", Who::LoggedIn),
    ("get", "/api/health", "/api/health", "", Who::LoggedIn),
    ("get", "/api/tables", "/api/tables", "", Who::LoggedIn),
    ("get", "/api/live", "/api/live", "", Who::LoggedIn),
    ("post", "/api/query", "/api/query", r#"{"sql": "SELECT 1"}"#, Who::LoggedIn),
    ("post", "/api/alarms/{id}/acknowledge", "/api/alarms/A1/acknowledge", "", Who::Deciders),
    ("post", "/api/incidents/{id}/respond", "/api/incidents/INC-1/respond", "", Who::Deciders),
    (
        "post",
        "/api/runs/{id}/approve",
        "/api/runs/RUN-1/approve",
        r#"{"asset": "", "signature": ""}"#,
        Who::Deciders,
    ),
    (
        "post",
        "/api/runs/{id}/refuse",
        "/api/runs/RUN-1/refuse",
        r#"{"reason": "work order 17"}"#,
        Who::Deciders,
    ),
    ("post", "/api/runs/{id}/lift", "/api/runs/RUN-1/lift", r#"{"reason": "it is over"}"#, Who::Deciders),
    ("post", "/api/runs/{id}/told", "/api/runs/RUN-1/told", "", Who::Deciders),
    ("post", "/api/enrol", "/api/enrol", r#"{"key": "BA=="}"#, Who::Deciders),
    ("post", "/api/logout", "/api/logout", "", Who::LoggedIn),
];

#[test]
fn the_table_has_every_route() {
    let document = serde_json::to_value(document()).unwrap();
    let documented: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |m| (m.as_str(), path.as_str()))
        })
        .collect();
    let listed: BTreeSet<_> = ROUTES.iter().map(|(method, path, ..)| (*method, *path)).collect();
    assert_eq!(documented, listed);
}

#[test]
fn nobody_gets_further_than_the_role_allows() {
    run(async {
        for (method, _, path, body, who) in ROUTES {
            for name in ["nobody", "viewer", "it", "ot"] {
                let browser = match name {
                    "nobody" => Browser::new(),
                    name => Browser::logged_in(name).await,
                };
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let status = browser.open(method, path, body).await.status();
                let stopped = match (who, name) {
                    (Who::All, _) => None,
                    (_, "nobody") => Some(StatusCode::UNAUTHORIZED),
                    (Who::Deciders, "viewer") => Some(StatusCode::FORBIDDEN),
                    _ => None,
                };
                match stopped {
                    Some(expected) => assert_eq!(status, expected, "{name} {path}"),
                    None => assert!(
                        *who == Who::All || !matches!(status.as_u16(), 401 | 403 | 404 | 405),
                        "{name} {path} {status}"
                    ),
                }
            }
        }
    });
}

#[test]
fn every_answer_tells_the_browser_what_the_page_may_not_do() {
    run(async {
        for path in ["/", "/login", "/api/me", "/api/nothing", "/healthz"] {
            let page = Browser::new().get(path).await;
            let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(
                policy.contains("default-src 'none'")
                    && policy.contains("require-trusted-types-for 'script'")
            );
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
            assert_eq!(page.headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        }
        let data = Browser::logged_in("it").await.get("/api/overview").await;
        assert_eq!(data.headers[header::CACHE_CONTROL], "no-store");
    });
}

#[test]
fn a_foreign_name_or_a_foreign_page_gets_nothing() {
    run(async {
        let mut browser = Browser::logged_in("it").await;
        browser.headers.push(("sec-fetch-site".into(), "cross-site".into()));
        assert_eq!(browser.post("/api/alarms/A1/acknowledge", "").await.status, StatusCode::FORBIDDEN);
        assert_eq!(browser.get("/api/overview").await.status, StatusCode::OK, "reading changes nothing");

        let mut rebound = Browser::new();
        rebound.headers = vec![("host".into(), "attacker.example:8090".into())];
        let page = rebound.get("/").await;
        assert_eq!(page.status, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(page.text(), r#"{"error":"the console answers on the loopback only, by its own names"}"#);
    });
}

#[test]
fn a_login_link_works_once_and_brings_the_key() {
    run(async {
        let browser = Browser::new();
        let login = format!(r#"{{"token": "token-ot", "key": "{}"}}"#, STANDARD.encode(KEY));
        let page = browser.post("/api/login", &login).await;
        assert_eq!(page.text(), r#"{"name":"ot","role":"ot"}"#);
        let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
        for part in ["tieline=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert_eq!(browser.soc.state.lock().unwrap().keys, [("ot".to_owned(), KEY.to_vec())]);
        assert_eq!(browser.post("/api/login", &login).await.status, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn a_key_that_is_none_leaves_the_login_link_unused() {
    run(async {
        let browser = Browser::new();
        let wrong = browser.post("/api/login", r#"{"token": "token-ot", "key": "aGVsbG8="}"#).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(browser.post("/api/login", r#"{"token": "token-ot"}"#).await.status, StatusCode::OK);
    });
}

#[test]
fn a_new_login_ends_the_one_before() {
    run(async {
        let mut browser = Browser::logged_in("it").await;
        let old = browser.headers.clone();
        let page = browser.post("/api/login", r#"{"token": "token-ot"}"#).await;
        browser.keep_cookie(&page);
        assert_eq!(browser.get("/api/me").await.text(), r#"{"name":"ot","role":"ot"}"#);
        browser.headers = old;
        assert_eq!(browser.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn logging_out_ends_the_session_and_not_only_the_cookie() {
    run(async {
        let browser = Browser::logged_in("it").await;
        assert_eq!(browser.post("/api/logout", "").await.status, StatusCode::NO_CONTENT);
        assert_eq!(browser.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn guessing_tokens_ends_after_ten() {
    run(async {
        let browser = Browser::new();
        for _ in 0..10 {
            assert_eq!(
                browser.post("/api/login", r#"{"token": "x"}"#).await.status,
                StatusCode::UNAUTHORIZED
            );
        }
        assert_eq!(
            browser.post("/api/login", r#"{"token": "token-it"}"#).await.status,
            StatusCode::TOO_MANY_REQUESTS
        );
    });
}

#[test]
fn what_cannot_be_done_is_told_in_a_sentence() {
    run(async {
        let browser = Browser::logged_in("it").await;
        for (method, path, body, status, sentence) in [
            (Method::GET, "/api/incidents/INC-9", "", 404, "there is no incident INC-9"),
            (Method::GET, "/api/incidents/INC-1/steps/x/packets", "", 404, "there is no such thing"),
            (Method::GET, "/api/nothing", "", 404, "there is no page api/nothing"),
            (Method::DELETE, "/api/runs/RUN-1", "", 405, "this is not done with it"),
            (Method::POST, "/api/query", r#"{"sql": "DROP"}"#, 409, "only SELECT is answered"),
            (
                Method::POST,
                "/api/query",
                r#"{"sql": "panic"}"#,
                500,
                "the request ended in a fault of the program",
            ),
            (
                Method::POST,
                "/api/runs/RUN-1/refuse",
                r#"{"reason": " "}"#,
                422,
                "say why, so that others can follow",
            ),
        ] {
            let page = browser.ask(method, path, body).await;
            assert_eq!(page.status.as_u16(), status, "{path}");
            assert_eq!(page.text(), format!(r#"{{"error":"{sentence}"}}"#));
        }
        let long = format!(r#"{{"sql": "SELECT {}"}}"#, "1".repeat(70_000));
        assert_eq!(browser.post("/api/query", &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    });
}

#[test]
fn packets_come_as_a_file_with_a_telling_name() {
    run(async {
        let page = Browser::logged_in("viewer").await.get("/api/incidents/INC-1/steps/0/packets").await;
        assert_eq!(page.headers[header::CONTENT_TYPE], "application/vnd.tcpdump.pcap");
        assert_eq!(
            page.headers[header::CONTENT_DISPOSITION],
            "attachment; filename=\"tieline-INC-1-step-0.pcap\""
        );
        assert_eq!(*page.body, [0xd4, 0xc3, 0xb2, 0xa1]);
    });
}

#[test]
fn a_window_of_the_inventory_has_at_most_500_rows() {
    run(async {
        let browser = Browser::logged_in("viewer").await;
        let page = browser.get("/api/assets?q=plc&offset=1000&limit=9999").await;
        assert!(page.text().contains("plc 1000 500"), "{}", page.text());
    });
}

#[test]
fn what_people_do_by_hand_is_noted_once_the_block_is_in_force() {
    run(async {
        let browser = Browser::logged_in("ot").await;
        let early = browser.post("/api/runs/RUN-1/told", "").await;
        assert_eq!(early.status, StatusCode::CONFLICT);
        assert_eq!(early.text(), r#"{"error":"RUN-1 is not in force"}"#);
        browser.post("/api/runs/RUN-1/approve", r#"{"asset": "", "signature": ""}"#).await;
        let noted = browser.post("/api/runs/RUN-1/told", "").await;
        assert_eq!(noted.status, StatusCode::OK);
        let noted: serde_json::Value = serde_json::from_str(noted.text()).unwrap();
        assert_eq!(noted["steps"][0]["state"], "done");
        assert_eq!(noted["steps"][0]["result"], "by ot");
    });
}

/// The web console's types are made from this file: `npm run types` in `web`.
#[test]
fn the_interface_is_the_one_that_the_web_console_was_made_for() {
    let mut document = serde_json::to_string_pretty(&document()).unwrap();
    document.push('\n');
    expect_file!["../web/openapi.json"].assert_eq(&document);
}
