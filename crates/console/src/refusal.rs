use crate::Refused;
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use utoipa::ToSchema;

/// Why a request was not answered: `{"error": sentence}` with an HTTP status.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    sentence: String,
}

/// What could not be done, in a sentence for the person who asked.
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The sentence.
    error: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into() }
    }

    pub(crate) fn unknown(what: impl Into<String>) -> Self {
        Refused::Unknown(what.into()).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(Problem { error: self.sentence })).into_response()
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let status = match refused {
            Refused::Unknown(_) => StatusCode::NOT_FOUND,
            Refused::No(_) => StatusCode::CONFLICT,
            Refused::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, refused.to_string())
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(_: PathRejection) -> Self {
        Self::unknown("such thing")
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

/// The JSON of a request; what is no such JSON is refused with a sentence.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// Runs what may block aside, so that other requests go on.
pub(crate) async fn aside<T: Send + 'static, S: ?Sized + Send + Sync + 'static>(
    soc: &Arc<S>,
    work: impl FnOnce(&S) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let soc = soc.clone();
    let done = tokio::task::spawn_blocking(move || work(&soc)).await;
    done.map_err(|_| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the request ended in a fault of the program")
    })
}

pub(crate) async fn wrong_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this is not done with it")
}
