use crate::{decide, live, login, see};
use axum::Json;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tieline",
        description = "What the console reads and decides; nothing private lies beside it."
    ),
    paths(
        see::healthz,
        crate::metrics::metrics,
        see::status,
        see::overview,
        see::incident,
        see::packets,
        see::runs,
        see::run,
        see::assets,
        see::health,
        see::tables,
        see::query,
        live::live,
        decide::acknowledge,
        decide::respond,
        decide::approve,
        decide::refuse,
        decide::lift,
        decide::told,
        login::login,
        login::logout,
        login::me,
        login::enrol,
        served,
    )
)]
struct Document;

/// The interface as an OpenAPI 3.1 document; the web console's types are made from it.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", responses((status = 200, description = "OpenAPI 3.1")))]
pub(crate) async fn served(_: crate::session::Reader) -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
