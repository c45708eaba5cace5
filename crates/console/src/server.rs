use crate::login::Attempts;
use crate::session::Sessions;
use crate::{Soc, decide, document, live, login, metrics, origin, page, refusal, see};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Bytes of a request's body; what is longer is refused.
const BODY_MAX: usize = 64 * 1024;

/// Questions to the lake at the same time; one more is refused, not queued.
const QUESTIONS_MAX: usize = 4;

/// Live streams at the same time; one more is refused and the page tries again.
const STREAMS_MAX: usize = 64;

/// How long requests under way may take once the console is told to end.
const ENDING: Duration = Duration::from_secs(3);

/// What may load and run in the page: its own files, and nothing that is made from text.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

/// Why the console could not be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can be reached from elsewhere, and logins would travel in the clear.
    #[error("the console speaks plain HTTP and stays on the loopback, not on {0}")]
    NotLoopback(SocketAddr),
    /// The socket does not work.
    #[error("cannot serve the console")]
    Socket(#[from] io::Error),
}

/// What all requests share.
pub(crate) struct App {
    pub(crate) soc: Arc<dyn Soc>,
    pub(crate) sessions: Sessions,
    pub(crate) attempts: Mutex<Attempts>,
    pub(crate) questions: Arc<Semaphore>,
    pub(crate) streams: Arc<Semaphore>,
    /// Turns true when the console ends; live streams end then.
    pub(crate) ending: watch::Receiver<bool>,
}

/// The console of `soc`: its page and its interface.
pub fn router(soc: Arc<dyn Soc>) -> Router {
    // Nobody can tell this one to end: its streams last as long as their readers.
    routes(soc, watch::channel(false).1)
}

/// Serves the console of `soc` on `listener` until `shutdown` is there; requests under way get three seconds
/// to finish.
///
/// # Errors
/// When `listener` is not on the loopback, or the socket fails.
pub async fn serve(
    listener: TcpListener,
    soc: Arc<dyn Soc>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(Error::NotLoopback(address));
    }
    let (end, ending) = watch::channel(false);
    let mut ended = ending.clone();
    let ask_to_end = async move {
        shutdown.await;
        // Without receivers there is nothing to tell.
        let _ = end.send(true);
    };
    let server = axum::serve(listener, routes(soc, ending)).with_graceful_shutdown(ask_to_end);
    let server = tokio::spawn(server.into_future());
    // An error here says that the server, and with it the sender, is gone already.
    let _ = ended.wait_for(|ended| *ended).await;
    match tokio::time::timeout(ENDING, server).await {
        Ok(Ok(served)) => Ok(served?),
        Ok(Err(panicked)) => Err(io::Error::other(panicked).into()),
        Err(_late) => Ok(()),
    }
}

fn routes(soc: Arc<dyn Soc>, ending: watch::Receiver<bool>) -> Router {
    let app = App {
        soc,
        sessions: Sessions::default(),
        attempts: Mutex::default(),
        questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
        streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        ending,
    };
    Router::new()
        .route("/healthz", get(see::healthz))
        .route("/metrics", get(metrics::metrics))
        .route("/api/openapi.json", get(document::served))
        .route("/api/me", get(login::me))
        .route("/api/status", get(see::status))
        .route("/api/overview", get(see::overview))
        .route("/api/incidents/{id}", get(see::incident))
        .route("/api/incidents/{id}/steps/{number}/packets", get(see::packets))
        .route("/api/runs", get(see::runs))
        .route("/api/runs/{id}", get(see::run))
        .route("/api/assets", get(see::assets))
        .route("/api/health", get(see::health))
        .route("/api/tables", get(see::tables))
        .route("/api/query", post(see::query))
        .route("/api/live", get(live::live))
        .route("/api/alarms/{id}/acknowledge", post(decide::acknowledge))
        .route("/api/incidents/{id}/respond", post(decide::respond))
        .route("/api/runs/{id}/approve", post(decide::approve))
        .route("/api/runs/{id}/refuse", post(decide::refuse))
        .route("/api/runs/{id}/lift", post(decide::lift))
        .route("/api/runs/{id}/told", post(decide::told))
        .route("/api/login", post(login::login))
        .route("/api/logout", post(login::logout))
        .route("/api/enrol", post(login::enrol))
        .method_not_allowed_fallback(refusal::wrong_method)
        .fallback(page::page)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn(origin::own_pages_only))
        .layer(from_fn(origin::own_names_only))
        .layer(map_response(protect))
        .with_state(Arc::new(app))
}

/// Tells the browser what the page may not do; data is never kept in its cache.
async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, run};
    use std::io::{Read, Write};
    use std::net::TcpStream;

    /// Sends a request over a real connection and gives the connection and what first came back.
    fn ask(at: SocketAddr, request: &str) -> (TcpStream, String) {
        let mut connection = TcpStream::connect(at).unwrap();
        connection.write_all(request.replace('\n', "\r\n").as_bytes()).unwrap();
        let mut answer = vec![0; 4096];
        let length = connection.read(&mut answer).unwrap();
        answer.truncate(length);
        (connection, String::from_utf8(answer).unwrap())
    }

    #[test]
    fn it_stays_on_the_loopback() {
        run(async {
            let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
            let refused =
                serve(listener, Arc::new(Fake::default()), std::future::ready(())).await.unwrap_err();
            assert!(
                refused.to_string().starts_with("the console speaks plain HTTP and stays on the loopback")
            );
        });
    }

    #[test]
    fn it_ends_when_told_also_with_a_live_stream_open() {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let at = listener.local_addr().unwrap();
            let (end, ended) = tokio::sync::oneshot::channel::<()>();
            let client = std::thread::spawn(move || {
                let body = r#"{"token":"token-it"}"#;
                let head =
                    format!("Host: {at}\nContent-Type: application/json\nContent-Length: {}", body.len());
                let (_, answer) = ask(at, &format!("POST /api/login HTTP/1.1\n{head}\n\n{body}"));
                let cookie = answer.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();
                let (stream, answer) =
                    ask(at, &format!("GET /api/live HTTP/1.1\nHost: {at}\nCookie: {cookie}\n\n"));
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                end.send(()).unwrap();
                stream
            });
            let shutdown = async move { ended.await.unwrap() };
            serve(listener, Arc::new(Fake::default()), shutdown).await.unwrap();
            client.join().unwrap();
        });
    }
}
