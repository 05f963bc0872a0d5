//! The endpoints of render nodes, below `/render/v1/` (`client::render` has the other side). They are Tetra's own.

use std::io::SeekFrom;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use client::render::{Offered, RenderStatus, Trial, UnitPath};
use farm::Digest;
use farm::chunks::MAX_CHUNK_BYTES;
use futures::stream;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::time::timeout;

use super::Shared;
use super::auth::AuthError;
use super::refusal::Refusal;
use super::routes::{Caller, Refused};
use crate::render::desk::{RenderDesk, RenderRefusal};

/// Bytes of a manifest: 36 a chunk, for a scene of 64 GiB in chunks of a quarter MiB, and some.
const MANIFEST_BYTES: usize = 16 << 20;
/// Bytes of what is asked of a trial.
const TRIAL_BYTES: usize = 64 << 10;
/// For one chunk over a slow line.
const CHUNK_LIMIT: Duration = Duration::from_secs(120);
/// Width of previews that do not say one, in pixels.
const WIDTH: u32 = 600;
/// Bytes of a file that are read at a time.
const PIECE: u64 = 256 << 10;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/render/v1/scenes", post(offer))
        .route("/render/v1/scenes/{manifest}", get(scene))
        .route("/render/v1/scenes/{manifest}/trial", post(trial))
        .route("/render/v1/scenes/{manifest}/chunks/{chunk}", put(put_chunk).get(chunk))
        .route("/render/v1/jobs/{creator}/{jseq}/units/{index}/preview", get(preview))
        .route("/render/v1/jobs/{creator}/{jseq}/units/{index}/file", get(file))
        .route("/render/v1/jobs/{creator}/{jseq}/units/{index}/attempts/{attempt}/tiles/{tile}", get(tile))
        .route("/render/v1/status", get(status))
}

impl From<RenderRefusal> for Refused {
    fn from(refusal: RenderRefusal) -> Self {
        let status = match &refusal {
            RenderRefusal::Forbidden(_) => StatusCode::FORBIDDEN,
            RenderRefusal::NotFound(_) => StatusCode::NOT_FOUND,
            RenderRefusal::Unpaid(_) => StatusCode::PAYMENT_REQUIRED,
            RenderRefusal::Malformed(_) => StatusCode::UNPROCESSABLE_ENTITY,
            RenderRefusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            RenderRefusal::NoRoom(_) => StatusCode::INSUFFICIENT_STORAGE,
            RenderRefusal::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            RenderRefusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            RenderRefusal::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal(status, refusal.to_string()).into()
    }
}

/// The render desk, and who asks. Tokens name leases and what may be done with them; renders are none, so that only one that
/// permits everything with this provider is enough.
fn enter(shared: &Shared, caller: Caller) -> Result<(Arc<dyn RenderDesk>, String), Refused> {
    let caller = caller.0;
    if !caller.permits_everything(&shared.desk.address()) {
        let text = "the token permits some actions on leases alone; renders need one of full access".to_owned();
        return Err(AuthError::Unauthorized(text).into());
    }
    let none = || Refusal(StatusCode::NOT_FOUND, "this provider renders nothing: it has no node enabled".to_owned());
    Ok((shared.desk.render().ok_or_else(none)?, caller.owner))
}

fn digest(text: &str) -> Result<Digest, Refused> {
    Digest::from_str(text).map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()).into())
}

async fn read(body: Body, most: usize, what: &str) -> Result<axum::body::Bytes, Refused> {
    let late = |_| Refusal(StatusCode::REQUEST_TIMEOUT, format!("{what} did not come within {CHUNK_LIMIT:?}"));
    let read = timeout(CHUNK_LIMIT, axum::body::to_bytes(body, most)).await.map_err(late)?;
    let large = |error| {
        Refusal(StatusCode::PAYLOAD_TOO_LARGE, format!("{what} cannot be read (at most {most} bytes): {error}"))
    };
    Ok(read.map_err(large)?)
}

async fn in_time<T>(shared: &Shared, answer: impl Future<Output = Result<T, RenderRefusal>>) -> Result<T, Refused> {
    let limit = shared.limits.answer;
    let late = |_| Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("no answer within {limit:?}; try again"));
    Ok(timeout(limit, answer).await.map_err(late)??)
}

fn bytes(kind: &'static str, bytes: Vec<u8>) -> ([(axum::http::HeaderName, &'static str); 1], Vec<u8>) {
    ([(CONTENT_TYPE, kind)], bytes)
}

type Bytes = ([(axum::http::HeaderName, &'static str); 1], Vec<u8>);

const RAW: &str = "application/octet-stream";

async fn offer(State(shared): State<Shared>, caller: Caller, body: Body) -> Result<Json<Offered>, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let body = read(body, MANIFEST_BYTES, "the manifest").await?;
    Ok(Json(in_time(&shared, desk.offer(&caller, &body)).await?))
}

async fn put_chunk(
    State(shared): State<Shared>,
    caller: Caller,
    Path((manifest, chunk)): Path<(String, String)>,
    body: Body,
) -> Result<(), Refused> {
    let (desk, _) = enter(&shared, caller)?;
    let (manifest, chunk) = (digest(&manifest)?, digest(&chunk)?);
    let body = read(body, MAX_CHUNK_BYTES as usize, "the chunk").await?;
    in_time(&shared, desk.put_chunk(manifest, chunk, &body)).await
}

/// It takes as long as tiles take; the node has a limit of its own.
async fn trial(
    State(shared): State<Shared>,
    caller: Caller,
    Path(manifest): Path<String>,
    body: Body,
) -> Result<Json<Trial>, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let manifest = digest(&manifest)?;
    let body = read(body, TRIAL_BYTES, "the trial").await?;
    let wrong = |error: serde_json::Error| Refusal(StatusCode::BAD_REQUEST, format!("the trial: {error}"));
    let ask = serde_json::from_slice(&body).map_err(wrong)?;
    Ok(Json(desk.trial(&caller, manifest, ask).await?))
}

async fn scene(State(shared): State<Shared>, caller: Caller, Path(manifest): Path<String>) -> Result<Bytes, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let manifest = digest(&manifest)?;
    Ok(bytes(RAW, in_time(&shared, desk.scene(&caller, manifest)).await?))
}

async fn chunk(
    State(shared): State<Shared>,
    caller: Caller,
    Path((manifest, chunk)): Path<(String, String)>,
) -> Result<Bytes, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let (manifest, chunk) = (digest(&manifest)?, digest(&chunk)?);
    Ok(bytes(RAW, in_time(&shared, desk.chunk(&caller, manifest, chunk)).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    width: Option<u32>,
}

type Unit = (String, u64, u32);

fn unit((creator, jseq, index): Unit) -> UnitPath {
    UnitPath { creator, jseq, index }
}

async fn preview(
    State(shared): State<Shared>,
    caller: Caller,
    Path(path): Path<Unit>,
    Query(size): Query<Size>,
) -> Result<Bytes, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let width = size.width.unwrap_or(WIDTH);
    if width == 0 {
        return Err(Refusal(StatusCode::BAD_REQUEST, "width is a number of pixels above 0".to_owned()).into());
    }
    Ok(bytes("image/jpeg", in_time(&shared, desk.preview(&caller, &unit(path), width)).await?))
}

async fn tile(
    State(shared): State<Shared>,
    caller: Caller,
    Path((creator, jseq, index, attempt, tile)): Path<(String, u64, u32, u32, u32)>,
) -> Result<Bytes, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let unit = unit((creator, jseq, index));
    Ok(bytes("image/x-exr", in_time(&shared, desk.tile(&caller, &unit, attempt, tile)).await?))
}

async fn status(State(shared): State<Shared>, caller: Caller) -> Result<Json<RenderStatus>, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    Ok(Json(in_time(&shared, desk.status(&caller)).await?))
}

/// First and last byte of a range header; none of one that is not understood, which is ignored then (RFC 9110, section 14.2).
fn range(headers: &HeaderMap, total: u64) -> Option<Result<(u64, u64), ()>> {
    let text = headers.get(RANGE)?.to_str().ok()?;
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let end = total.checked_sub(1);
    let span = match (first.trim(), last.trim()) {
        ("", suffix) => (total.saturating_sub(suffix.parse().ok()?), end),
        (first, "") => (first.parse().ok()?, end),
        (first, last) => (first.parse().ok()?, end.map(|end| last.parse::<u64>().map_or(end, |last| last.min(end)))),
    };
    Some(match span {
        (first, Some(last)) if first <= last => Ok((first, last)),
        _ => Err(()),
    })
}

async fn file(
    State(shared): State<Shared>,
    caller: Caller,
    Path(path): Path<Unit>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let found = in_time(&shared, desk.file(&caller, &unit(path))).await?;
    let failed = |error: std::io::Error| {
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("the finished file cannot be read: {error}"))
    };
    let mut opened = tokio::fs::File::open(&found.path).await.map_err(failed)?;
    let total = opened.metadata().await.map_err(failed)?.len();
    let asked = range(&headers, total);
    let (first, last) = match asked {
        None => (0, total.saturating_sub(1)),
        Some(Ok(span)) => span,
        Some(Err(())) => {
            let text = format!("the file has {total} bytes");
            return Err(Refusal(StatusCode::RANGE_NOT_SATISFIABLE, text).into());
        }
    };
    let length = if total == 0 { 0 } else { last - first + 1 };
    opened.seek(SeekFrom::Start(first)).await.map_err(failed)?;
    let pieces = stream::try_unfold((opened, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; usize::try_from(left.min(PIECE)).unwrap_or(usize::MAX)];
        let count = file.read(&mut piece).await?;
        if count == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        piece.truncate(count);
        Ok(Some((piece, (file, left - count as u64))))
    });
    let mut answer = Response::builder()
        .header(CONTENT_TYPE, RAW)
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_LENGTH, length)
        .header(CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", found.name));
    if asked.is_some() {
        answer = answer.status(StatusCode::PARTIAL_CONTENT);
        answer = answer.header(CONTENT_RANGE, format!("bytes {first}-{last}/{total}"));
    }
    let wrong = |error: axum::http::Error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    Ok(answer.body(Body::from_stream(pieces)).map_err(wrong)?)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        let range =
            |text: &str, total| range(&[(RANGE, HeaderValue::from_str(text).unwrap())].into_iter().collect(), total);
        assert_eq!(range("bytes=3-", 10), Some(Ok((3, 9))));
        assert_eq!(range("bytes=3-5", 10), Some(Ok((3, 5))));
        assert_eq!(range("bytes=3-500", 10), Some(Ok((3, 9))));
        assert_eq!(range("bytes=-4", 10), Some(Ok((6, 9))));
        assert_eq!(range("bytes=10-", 10), Some(Err(())));
        assert_eq!(range("bytes=0-", 0), Some(Err(())));
        assert_eq!(range("lines=1-2", 10), None);
    }
}
