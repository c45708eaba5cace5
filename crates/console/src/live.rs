use crate::refusal::{Problem, Refusal, aside};
use crate::server::App;
use crate::session::{Reader, SessionId};
use crate::view::Status;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;

/// Least time between two messages: what changes faster comes as one, at most four times a second.
const PAUSE: Duration = Duration::from_millis(250);

/// How long the stream says nothing at most; a page that hears nothing for longer says that it has no data.
const BEAT: Duration = Duration::from_secs(1);

/// What the live stream sends when something changed; a page then fetches what it shows.
#[derive(Serialize, ToSchema)]
pub(crate) struct Live {
    /// Counts up; also the identifier of the message.
    revision: u64,
    /// The strip.
    status: Status,
}

/// The live stream: a message when something changed, a `beat` every second otherwise. It resumes from
/// `Last-Event-ID` and ends with the login.
#[utoipa::path(
    get,
    path = "/api/live",
    responses(
        (status = 200, body = Live, content_type = "text/event-stream"),
        (status = 401, body = Problem),
        (status = 429, body = Problem)
    )
)]
pub(crate) async fn live(
    State(app): State<Arc<App>>,
    Reader(_, session): Reader,
    headers: HeaderMap,
) -> Result<Sse<ReceiverStream<Result<Event, Infallible>>>, Refusal> {
    let place = app.streams.clone().try_acquire_owned();
    let place = place.map_err(|_| Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many pages are open"))?;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (messages, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        tell(app, session, seen, messages).await;
    });
    Ok(Sse::new(ReceiverStream::new(stream)))
}

/// Sends until the page, the login or the console is gone.
async fn tell(
    app: Arc<App>,
    session: SessionId,
    seen: Option<u64>,
    messages: mpsc::Sender<Result<Event, Infallible>>,
) {
    let mut revision = app.soc.revision();
    if seen != Some(*revision.borrow()) {
        revision.mark_changed();
    }
    while !*app.ending.borrow() && app.sessions.user(session, Instant::now()).is_some() {
        let Some(message) = next(&app, &mut revision).await else { return };
        if messages.send(Ok(message)).await.is_err() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The next message; none when nothing will ever change again.
async fn next(app: &App, revision: &mut watch::Receiver<u64>) -> Option<Event> {
    match tokio::time::timeout(BEAT, revision.changed()).await {
        Err(_nothing_changed) => Some(Event::default().event("beat").data("-")),
        Ok(Err(_gone)) => None,
        Ok(Ok(())) => {
            let revision = *revision.borrow_and_update();
            let status = aside(&app.soc, |soc| soc.status()).await.ok()?;
            Event::default().id(revision.to_string()).json_data(Live { revision, status }).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Browser, run};
    use axum::body::Body;
    use axum::http::{Method, Response};
    use tokio_stream::StreamExt;

    /// The next message of a stream, in one line.
    async fn next(
        stream: &mut (impl tokio_stream::Stream<Item = Result<axum::body::Bytes, axum::Error>> + Unpin),
    ) -> String {
        let bytes = stream.next().await.unwrap().unwrap();
        let text = str::from_utf8(&bytes).unwrap().trim_end().replace('\n', " ");
        text.split(",\"status\"").next().unwrap().to_owned()
    }

    async fn open(browser: &Browser) -> Response<Body> {
        browser.open(Method::GET, "/api/live", "").await
    }

    #[test]
    fn changes_come_as_one_message_and_silence_as_a_beat() {
        run(async {
            let browser = Browser::logged_in("it").await;
            let mut stream = open(&browser).await.into_body().into_data_stream();
            assert_eq!(next(&mut stream).await, r#"id: 1 data: {"revision":1"#);
            for revision in 2..100 {
                browser.soc.revision.send_replace(revision);
            }
            assert_eq!(next(&mut stream).await, r#"id: 99 data: {"revision":99"#);
            assert_eq!(next(&mut stream).await, "event: beat data: -");
        });
    }

    #[test]
    fn who_comes_back_and_missed_nothing_is_told_nothing() {
        run(async {
            let mut browser = Browser::logged_in("it").await;
            browser.headers.push(("last-event-id".into(), "1".into()));
            let mut stream = open(&browser).await.into_body().into_data_stream();
            assert_eq!(next(&mut stream).await, "event: beat data: -");
            browser.headers.pop();
            browser.headers.push(("last-event-id".into(), "0".into()));
            let mut stream = open(&browser).await.into_body().into_data_stream();
            assert_eq!(next(&mut stream).await, r#"id: 1 data: {"revision":1"#);
        });
    }

    #[test]
    fn the_stream_ends_with_the_login() {
        run(async {
            let browser = Browser::logged_in("it").await;
            let mut stream = open(&browser).await.into_body().into_data_stream();
            next(&mut stream).await;
            browser.post("/api/logout", "").await;
            while let Some(message) = stream.next().await {
                assert!(message.is_ok());
            }
        });
    }
}
