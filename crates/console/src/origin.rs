use crate::refusal::Refusal;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

/// Names of the loopback. A page elsewhere that lets its own name lead here (DNS rebinding) comes with that
/// name.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Lets pass what is asked of this machine by one of its own names.
pub(crate) async fn own_names_only(request: Request, next: Next) -> Result<Response, Refusal> {
    let host = text(request.headers(), header::HOST.as_str()).map(name_of);
    if host.is_some_and(|host| NAMES.contains(&host)) {
        return Ok(next.run(request).await);
    }
    Err(Refusal::new(
        StatusCode::MISDIRECTED_REQUEST,
        "the console answers on the loopback only, by its own names",
    ))
}

/// Lets pass what reads, and what changes something when it comes from the console's own page or from no page
/// at all.
///
/// The rule is that of Fetch Metadata with `Origin` for browsers that do not send it; a program that is no
/// browser sends neither and has no cookie that somebody could ride on.
pub(crate) async fn own_pages_only(request: Request, next: Next) -> Result<Response, Refusal> {
    if reads(request.method()) || from_own_page(request.headers()) {
        return Ok(next.run(request).await);
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "the request came from a page that is not the console's"))
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn from_own_page(headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, "sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(headers, header::ORIGIN.as_str()) else {
        return !headers.contains_key(header::ORIGIN);
    };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(headers, header::HOST.as_str())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_host_is_told_by_its_name_whatever_the_port() {
        for (host, name) in [
            ("localhost:8090", "localhost"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("a.example", "a.example"),
        ] {
            assert_eq!(name_of(host), name);
        }
    }

    #[test]
    fn only_the_own_page_changes_something() {
        let own = ("host", "127.0.0.1:8090");
        for (pairs, passes) in [
            (vec![own], true),
            (vec![own, ("sec-fetch-site", "same-origin")], true),
            (vec![own, ("sec-fetch-site", "same-site")], false),
            (vec![own, ("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8090")], false),
            (vec![own, ("origin", "http://127.0.0.1:8090")], true),
            (vec![own, ("origin", "http://127.0.0.1:9999")], false),
            (vec![own, ("origin", "null")], false),
        ] {
            assert_eq!(from_own_page(&headers(&pairs)), passes, "{pairs:?}");
        }
    }
}
