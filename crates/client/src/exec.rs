//! Programs in containers over a websocket. A program ends with its connection.
//!
//! On nodes of clusters the first message says what to run; then bytes go to its input (an empty message ends it), texts give its
//! terminal another size, and bytes of its output come, the first byte of each message telling which stream; its exit code is the
//! last, as text. In leases the address says what to run, and the first byte of each message what the rest is (spec/akash.md 3.3);
//! there a message of input without bytes ends the input for providers of this program alone.

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::cluster::ClusterPath;
use crate::gateway::{Gateway, GatewayError, refused};

/// The first byte of a message with bytes of the program's output.
pub const STDOUT: u8 = 1;
/// As above, of its other stream.
pub const STDERR: u8 = 2;
/// The same in leases, with the result, input, and another size of the terminal.
const LEASE: [u8; 5] = [100, 101, 102, 104, 105];

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

/// What to run in a container of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellAsk {
    /// Deployment, group and order.
    pub lease: (u64, u32, u32),
    /// The service.
    pub service: String,
    /// The number of its replica, from 0.
    pub index: u32,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The size of the terminal that it has; none: it has pipes.
    pub terminal: Option<TerminalSize>,
    /// Whether it reads what is sent.
    pub reads: bool,
}

impl ShellAsk {
    fn query(&self) -> String {
        let (tty, stdin) = (u8::from(self.terminal.is_some()), u8::from(self.reads));
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (place, word) in self.command.iter().enumerate() {
            query.append_pair(&format!("cmd{place}"), word);
        }
        query.append_pair("tty", &tty.to_string()).append_pair("stdin", &stdin.to_string());
        query.append_pair("service", &self.service).append_pair("podIndex", &self.index.to_string());
        query.finish()
    }
}

/// How a program on a node ended.
#[derive(Deserialize)]
struct NodeEnd {
    exit: i32,
}

/// How a program in a lease ended, or why it was not run.
#[derive(Deserialize)]
struct LeaseEnd {
    #[serde(default)]
    exit_code: i32,
    #[serde(default)]
    message: String,
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

/// In whose words a program is spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    Node,
    Lease,
}

impl Words {
    fn what(self) -> &'static str {
        match self {
            Self::Node => "a program on a node",
            Self::Lease => "a program in the lease",
        }
    }
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// A program that runs in a container.
pub struct ExecSession {
    input: ExecInput,
    output: ExecOutput,
}

/// The half of a session that the program reads from.
pub struct ExecInput {
    sink: SplitSink<Socket, Message>,
    gateway: Gateway,
    words: Words,
}

/// The half of a session that the program writes to.
pub struct ExecOutput {
    stream: SplitStream<Socket>,
    gateway: Gateway,
    words: Words,
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
        let words = Words::Node;
        let socket = self.socket(words.what(), url).await?;
        let mut session = ExecSession::new(socket, self, words);
        let text = serde_json::to_string(ask).map_err(|error| self.garbled(words.what(), error))?;
        session.input.put(Message::text(text)).await?;
        Ok(session)
    }

    /// Runs a program in a container of a lease (spec/akash.md 3.3, `GET /lease/…/shell`).
    ///
    /// # Errors
    /// [`GatewayError::Refused`] when the provider has no such lease, may not, or serves no shell; or when it cannot be reached. What
    /// is wrong with the service or the command comes with [`ExecSession::next`].
    pub async fn shell(&self, ask: &ShellAsk) -> Result<ExecSession, GatewayError> {
        let (dseq, gseq, oseq) = ask.lease;
        let mut url = self.url(&format!("lease/{dseq}/{gseq}/{oseq}/shell"))?;
        url.set_query(Some(&ask.query()));
        let words = Words::Lease;
        let socket = self.socket(words.what(), url).await?;
        let mut session = ExecSession::new(socket, self, words);
        if let Some(size) = ask.terminal {
            session.resize(size).await?;
        }
        Ok(session)
    }
}

impl ExecSession {
    fn new(socket: Socket, gateway: &Gateway, words: Words) -> Self {
        let (sink, stream) = socket.split();
        let input = ExecInput { sink, gateway: gateway.clone(), words };
        Self { input, output: ExecOutput { stream, gateway: gateway.clone(), words } }
    }

    /// As [`ExecInput::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, bytes: Vec<u8>) -> Result<(), GatewayError> {
        self.input.send(bytes).await
    }

    /// As [`ExecInput::resize`].
    ///
    /// # Errors
    /// As there.
    pub async fn resize(&mut self, size: TerminalSize) -> Result<(), GatewayError> {
        self.input.resize(size).await
    }

    /// As [`ExecOutput::next`].
    ///
    /// # Errors
    /// As there.
    pub async fn next(&mut self) -> Result<ExecEvent, GatewayError> {
        self.output.next().await
    }

    /// Both halves, for who writes and reads at once. The program ends when both are dropped.
    pub fn split(self) -> (ExecInput, ExecOutput) {
        (self.input, self.output)
    }
}

impl ExecInput {
    async fn put(&mut self, message: Message) -> Result<(), GatewayError> {
        let sent = self.sink.send(message).await;
        sent.map_err(|error| self.gateway.websocket(self.words.what(), error))
    }

    /// Sends bytes to the program's input; none end it.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, bytes: Vec<u8>) -> Result<(), GatewayError> {
        let [.., stdin, _] = LEASE;
        let bytes = match self.words {
            Words::Node => bytes,
            Words::Lease => [&[stdin], bytes.as_slice()].concat(),
        };
        self.put(Message::binary(bytes)).await
    }

    /// Gives the program's terminal another size.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn resize(&mut self, size: TerminalSize) -> Result<(), GatewayError> {
        let [.., resize] = LEASE;
        let message = match self.words {
            Words::Node => {
                let text = serde_json::to_string(&size);
                Message::text(text.map_err(|error| self.gateway.garbled(self.words.what(), error))?)
            }
            Words::Lease => {
                let (columns, rows) = (size.columns.to_be_bytes(), size.rows.to_be_bytes());
                Message::binary([&[resize], &columns[..], &rows[..]].concat())
            }
        };
        self.put(message).await
    }
}

impl ExecOutput {
    fn garbled(&self, why: impl ToString) -> GatewayError {
        self.gateway.garbled(self.words.what(), why)
    }

    /// What comes next. When this is dropped before it is done, nothing that came is lost.
    ///
    /// # Errors
    /// When the agent refuses, or the connection breaks.
    pub async fn next(&mut self) -> Result<ExecEvent, GatewayError> {
        loop {
            let message = match self.stream.next().await {
                None => return Err(self.garbled("the connection ended before the program did")),
                Some(message) => message.map_err(|error| self.gateway.websocket(self.words.what(), error))?,
            };
            match message {
                Message::Binary(bytes) => match event(self.words, &bytes) {
                    Ok(event) => return Ok(event),
                    Err(Odd::Refused(why)) => return Err(refused(self.words.what(), LEASE[2].into(), &why)),
                    Err(Odd::Garbled(why)) => return Err(self.garbled(why)),
                },
                Message::Text(text) if self.words == Words::Node => {
                    let end: NodeEnd = serde_json::from_str(&text).map_err(|error| self.garbled(error))?;
                    return Ok(ExecEvent::Exit(end.exit));
                }
                Message::Close(Some(close)) if !close.reason.is_empty() => {
                    return Err(refused(self.words.what(), close.code.into(), &close.reason));
                }
                Message::Close(_) => return Err(self.garbled("the connection ended before the program did")),
                // Pings are answered by the library while it is read from.
                _ => {}
            }
        }
    }
}

/// Why a message is no event.
#[derive(Debug, PartialEq, Eq)]
enum Odd {
    Refused(String),
    Garbled(String),
}

/// What a message of a lease's program says; none of one that is no event.
pub fn of_lease(bytes: &[u8]) -> Option<ExecEvent> {
    event(Words::Lease, bytes).ok()
}

/// What a message with bytes says.
fn event(words: Words, bytes: &[u8]) -> Result<ExecEvent, Odd> {
    let [stdout, stderr, result, ..] = LEASE;
    let stream = || Err(Odd::Garbled("a message of no stream".to_owned()));
    let Some((first, rest)) = bytes.split_first() else { return stream() };
    match (words, *first) {
        (Words::Node, STDOUT) => Ok(ExecEvent::Stdout(rest.to_vec())),
        (Words::Node, STDERR) => Ok(ExecEvent::Stderr(rest.to_vec())),
        (Words::Lease, first) if first == stdout => Ok(ExecEvent::Stdout(rest.to_vec())),
        (Words::Lease, first) if first == stderr => Ok(ExecEvent::Stderr(rest.to_vec())),
        (Words::Lease, first) if first == result => match serde_json::from_slice::<LeaseEnd>(rest) {
            Ok(end) if end.message.is_empty() => Ok(ExecEvent::Exit(end.exit_code)),
            Ok(end) => Err(Odd::Refused(end.message)),
            Err(error) => Err(Odd::Garbled(error.to_string())),
        },
        (Words::Lease, 103) => Err(Odd::Refused("it failed there, for a reason that is not told".to_owned())),
        _ => stream(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_asked_for_in_the_words_of_the_network() {
        let command = ["sh", "-c", "echo a b&c"].map(str::to_owned).to_vec();
        let service = "web".to_owned();
        let ask = ShellAsk { lease: (7, 1, 1), service, index: 0, command, terminal: None, reads: true };
        assert_eq!(ask.query(), "cmd0=sh&cmd1=-c&cmd2=echo+a+b%26c&tty=0&stdin=1&service=web&podIndex=0");
    }

    #[test]
    fn messages_of_leases_are_output_results_and_refusals() {
        let of = |bytes: &[u8]| event(Words::Lease, bytes);
        assert_eq!(of(b"dout"), Ok(ExecEvent::Stdout(b"out".to_vec())));
        assert_eq!(of(b"eerr"), Ok(ExecEvent::Stderr(b"err".to_vec())));
        assert_eq!(of(br#"f{"exit_code":3}"#), Ok(ExecEvent::Exit(3)));
        assert_eq!(of(br#"f{"message":"no replicas"}"#), Err(Odd::Refused("no replicas".to_owned())));
        assert!(matches!(of(b"g"), Err(Odd::Refused(_))));
        for garbled in [&b""[..], b"f{", b"x"] {
            assert!(matches!(of(garbled), Err(Odd::Garbled(_))), "{garbled:?}");
        }
        assert_eq!(event(Words::Node, &[STDERR, 1]), Ok(ExecEvent::Stderr(vec![1])));
    }
}
