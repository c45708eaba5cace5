use crate::refusal::Refusal;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// The web console as `make web` built it.
#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Web;

/// Serves the page. `/login` is the same page: the one-time token stands behind `#`, which a browser never
/// sends.
pub(crate) async fn page(uri: Uri, headers: HeaderMap) -> Result<Response, Refusal> {
    let path = match uri.path() {
        "/" | "/login" => "index.html",
        other => other.trim_start_matches('/'),
    };
    let file = Web::get(path).ok_or_else(|| Refusal::unknown(format!("page {path}")))?;
    let tag = tag(&file);
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    // The build names what lies in assets/ after its content.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let cache = HeaderValue::from_static(cache);
    let headers = [(header::CONTENT_TYPE, kind), (header::ETAG, tag), (header::CACHE_CONTROL, cache)];
    Ok((headers, file.data).into_response())
}

fn tag(file: &EmbeddedFile) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    let short = hash.iter().take(8).fold(0_u64, |tag, byte| tag << 8 | u64::from(*byte));
    HeaderValue::from_str(&format!("\"{short:016x}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}
