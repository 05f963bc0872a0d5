//! A finished file, from any byte on.

use std::time::Duration;

use reqwest::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::gateway::{Gateway, GatewayError, refused};

/// For the head of the answer, and between two pieces of its body.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// A file that is being downloaded.
pub struct Download {
    /// Bytes of the whole file.
    pub total: u64,
    /// The first byte that comes.
    pub from: u64,
    /// The file's name without folders, as the node gives it; its ending tells the format.
    pub name: String,
    gateway: Gateway,
    response: Response,
    what: &'static str,
}

impl Download {
    pub(super) async fn start(gateway: Gateway, request: RequestBuilder, from: u64) -> Result<Self, GatewayError> {
        let download = Self::open(gateway, request, "the file").await?;
        match download.from == from {
            true => Ok(download),
            false => {
                let why = format!("bytes from {} on came instead of those from {from} on", download.from);
                Err(download.gateway.garbled(download.what, why))
            }
        }
    }

    pub(super) async fn open(
        gateway: Gateway,
        request: RequestBuilder,
        what: &'static str,
    ) -> Result<Self, GatewayError> {
        let sent = tokio::time::timeout(SILENCE_LIMIT, request.send()).await;
        let response = sent.map_err(|_| gateway.late(what, SILENCE_LIMIT))?;
        let response = response.map_err(|error| gateway.failed(error, what, SILENCE_LIMIT))?;
        let status = response.status();
        let headers = response.headers();
        let (from, total) = match status {
            StatusCode::OK => (0, number(headers, CONTENT_LENGTH.as_str()).unwrap_or(0)),
            StatusCode::PARTIAL_CONTENT => match range(headers) {
                Some(range) => range,
                None => return Err(gateway.garbled(what, "it says 206 without a range of bytes")),
            },
            status => {
                let text = response.text().await.map_err(|error| gateway.failed(error, what, SILENCE_LIMIT))?;
                return Err(refused(what, status.as_u16(), &text));
            }
        };
        let name = name(headers).unwrap_or_default();
        Ok(Self { total, from, name, gateway, response, what })
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// When the connection breaks or nothing comes for a minute; the download goes on from where it is by asking anew.
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>, GatewayError> {
        let piece = tokio::time::timeout(SILENCE_LIMIT, self.response.chunk()).await;
        let piece = piece.map_err(|_| self.gateway.late(self.what, SILENCE_LIMIT))?;
        let piece = piece.map_err(|error| self.gateway.failed(error, self.what, SILENCE_LIMIT))?;
        Ok(piece.map(|piece| piece.to_vec()))
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// First byte and length of the whole of `bytes 5-9/10` (RFC 9110, section 14.4).
fn range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (span, total) = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = span.split_once('-')?;
    Some((from.parse().ok()?, total.parse().ok()?))
}

/// What a node calls a file is foreign text: folders and hidden names are left out.
fn name(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let (_, name) = text.split_once("filename=\"")?;
    let name = name.split_once('"')?.0;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (plain && !name.is_empty() && !name.starts_with('.')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(name: reqwest::header::HeaderName, value: &str) -> HeaderMap {
        [(name, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn ranges_and_names_are_read_with_suspicion() {
        assert_eq!(range(&headers(CONTENT_RANGE, "bytes 5-9/10")), Some((5, 10)));
        assert_eq!(range(&headers(CONTENT_RANGE, "bytes */10")), None);
        let name = |value: &str| name(&headers(CONTENT_DISPOSITION, value));
        assert_eq!(name("attachment; filename=\"0001.png\"").as_deref(), Some("0001.png"));
        for hostile in ["../x.png", "a/b.png", ".bashrc", ""] {
            assert_eq!(name(&format!("attachment; filename=\"{hostile}\"")), None, "{hostile}");
        }
    }
}
