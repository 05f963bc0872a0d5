//! Programs on nodes over a websocket: the first message says what to run; then bytes go to its input (an empty message ends
//! it), texts give its terminal another size, and bytes of its output come, the first byte of each message telling which stream; its
//! exit code is the last, as text. A program ends with its connection.

use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::ClusterPath;
use crate::gateway::{Gateway, GatewayError, refused};

const WHAT: &str = "a program on a node";
/// The first byte of a message with bytes of the program's output.
pub const STDOUT: u8 = 1;
/// As above, of its other stream.
pub const STDERR: u8 = 2;

/// What to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecAsk {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// Environment, beside the cluster's own.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// Where it runs.
    #[serde(default)]
    pub dir: Option<String>,
    /// The size of the terminal that it has; none: it has pipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<TerminalSize>,
}

/// Columns and rows of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalSize {
    /// Letters of a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecEnd {
    /// Its exit code; 128 and the signal where one ended it.
    pub exit: i32,
}

/// What comes of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecEvent {
    /// Of its output.
    Stdout(Vec<u8>),
    /// Of its other stream.
    Stderr(Vec<u8>),
    /// Its exit code; nothing comes after it.
    Exit(i32),
}

/// A program that runs on a node.
pub struct ExecSession {
    socket: WebSocketStream<TlsStream<TcpStream>>,
    gateway: Gateway,
}

impl Gateway {
    /// Runs a program on a node.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] when the agent has no such node or may not; or when it cannot be reached.
    pub async fn cluster_exec(
        &self,
        cluster: &ClusterPath,
        number: u32,
        ask: &ExecAsk,
    ) -> Result<ExecSession, GatewayError> {
        let url = self.url(&format!("cluster/v1/{cluster}/nodes/{number}/exec"))?;
        let socket = self.socket(WHAT, url).await?;
        let mut session = ExecSession { socket, gateway: self.clone() };
        let text = serde_json::to_string(ask).map_err(|error| self.garbled(WHAT, error))?;
        session.put(Message::text(text)).await?;
        Ok(session)
    }
}

impl ExecSession {
    async fn put(&mut self, message: Message) -> Result<(), GatewayError> {
        self.socket.send(message).await.map_err(|error| self.gateway.websocket(WHAT, error))
    }

    /// Sends bytes to the program's input; none end it.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, bytes: Vec<u8>) -> Result<(), GatewayError> {
        self.put(Message::binary(bytes)).await
    }

    /// Gives the program's terminal another size.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn resize(&mut self, size: TerminalSize) -> Result<(), GatewayError> {
        let text = serde_json::to_string(&size).map_err(|error| self.gateway.garbled(WHAT, error))?;
        self.put(Message::text(text)).await
    }

    /// What comes next.
    ///
    /// # Errors
    /// When the agent refuses, or the connection breaks.
    pub async fn next(&mut self) -> Result<ExecEvent, GatewayError> {
        loop {
            let message = match self.socket.next().await {
                None => return Err(self.gateway.garbled(WHAT, "the connection ended before the program did")),
                Some(message) => message.map_err(|error| self.gateway.websocket(WHAT, error))?,
            };
            match message {
                Message::Binary(bytes) => match bytes.split_first() {
                    Some((&STDOUT, rest)) => return Ok(ExecEvent::Stdout(rest.to_vec())),
                    Some((&STDERR, rest)) => return Ok(ExecEvent::Stderr(rest.to_vec())),
                    _ => return Err(self.gateway.garbled(WHAT, "a message of no stream")),
                },
                Message::Text(text) => {
                    let end: ExecEnd =
                        serde_json::from_str(&text).map_err(|error| self.gateway.garbled(WHAT, error))?;
                    return Ok(ExecEvent::Exit(end.exit));
                }
                Message::Close(Some(close)) => return Err(refused(WHAT, close.code.into(), &close.reason)),
                Message::Close(None) => {
                    return Err(self.gateway.garbled(WHAT, "the connection ended before the program did"));
                }
                // Pings are answered by the library while it is read from.
                _ => {}
            }
        }
    }
}
