//! Log lines of a lease over a websocket (spec/akash.md 3.3, `GET /lease/…/logs`).

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use reqwest::Url;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::tls::real;
use super::{CALL_LIMIT, CONNECT_LIMIT, Gateway, GatewayError, refused};

const WHAT: &str = "the logs of the lease";

/// Which lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Names of services; empty is all.
    pub services: Vec<String>,
    /// Only the last so many lines of each replica; none is all that the provider kept.
    pub tail: Option<u32>,
    /// Whether to go on as lines come.
    pub follow: bool,
}

impl LogOptions {
    fn query(&self) -> String {
        let mut query = format!("follow={}", self.follow);
        if let Some(tail) = self.tail {
            query.push_str(&format!("&tail={tail}"));
        }
        if !self.services.is_empty() {
            query.push_str(&format!("&service={}", self.services.join(",")));
        }
        query
    }
}

/// A line of a replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFrame {
    /// The replica, `<service>-<number>`.
    pub name: String,
    /// The line.
    pub message: String,
}

impl Gateway {
    /// Log lines of a lease, in the order in which the provider sends them; ends when the provider has no more.
    ///
    /// # Errors
    /// When the provider refuses or cannot be reached. The stream ends with an error when the provider closes it for
    /// a reason, or when the connection breaks.
    pub async fn logs(
        &self,
        dseq: u64,
        gseq: u32,
        oseq: u32,
        options: &LogOptions,
    ) -> Result<BoxStream<'static, Result<LogFrame, GatewayError>>, GatewayError> {
        let mut url = self.url(&format!("lease/{dseq}/{gseq}/{oseq}/logs"))?;
        url.set_query(Some(&options.query()));
        let socket = self.socket(WHAT, url).await?;
        let gateway = self.clone();
        Ok(stream::unfold(Some(socket.boxed()), move |socket| next_frame(gateway.clone(), socket)).boxed())
    }

    /// A websocket at an address below the gateway's.
    pub(crate) async fn socket(
        &self,
        what: &'static str,
        url: Url,
    ) -> Result<WebSocketStream<TlsStream<TcpStream>>, GatewayError> {
        let connected = tokio::time::timeout(CONNECT_LIMIT, self.connect());
        let late = |seconds| GatewayError::Timeout { uri: self.base.to_string(), what, seconds };
        let connection = connected.await.map_err(|_| late(CONNECT_LIMIT.as_secs()))??;
        let address = url.as_str().replacen("https", "wss", 1);
        let mut request = address.into_client_request().map_err(|error| self.websocket(what, error))?;
        if let Some(token) = &self.token {
            let token = HeaderValue::try_from(format!("Bearer {token}"));
            request.headers_mut().insert(AUTHORIZATION, token.map_err(|error| self.garbled(what, error))?);
        }
        let opened = tokio::time::timeout(CALL_LIMIT, tokio_tungstenite::client_async(request, connection));
        let opened = opened.await.map_err(|_| late(CALL_LIMIT.as_secs()))?;
        opened.map(|(socket, _)| socket).map_err(|error| self.websocket(what, error))
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>, GatewayError> {
        let host = self.named.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = self.named.port_or_known_default().unwrap_or(443);
        let stream = TcpStream::connect((real(&host), port)).await.map_err(|error| self.unreachable(&error))?;
        let name = ServerName::try_from(host).map_err(|error| self.unreachable(&error))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls.config));
        connector.connect(name, stream).await.map_err(|error| self.unreachable(&error))
    }

    pub(crate) fn websocket(&self, what: &'static str, error: WsError) -> GatewayError {
        match error {
            WsError::Http(response) => {
                let body = response.body().as_deref().unwrap_or_default();
                refused(what, response.status().as_u16(), &String::from_utf8_lossy(body))
            }
            WsError::Io(error) => self.unreachable(&error),
            other => self.garbled(what, other),
        }
    }
}

type Frames = BoxStream<'static, Result<Message, WsError>>;

async fn next_frame(
    gateway: Gateway,
    socket: Option<Frames>,
) -> Option<(Result<LogFrame, GatewayError>, Option<Frames>)> {
    let mut socket = socket?;
    loop {
        let message = match socket.next().await? {
            Ok(message) => message,
            Err(error) => return Some((Err(gateway.websocket(WHAT, error)), None)),
        };
        match message {
            Message::Text(text) => {
                let frame = serde_json::from_str(&text).map_err(|error| gateway.garbled(WHAT, error));
                return Some((frame, Some(socket)));
            }
            Message::Close(Some(close)) if close.code != CloseCode::Normal => {
                return Some((Err(refused(WHAT, close.code.into(), &close.reason)), None));
            }
            Message::Close(_) => return None,
            // Pings are answered by the library while it is read from.
            _ => {}
        }
    }
}
