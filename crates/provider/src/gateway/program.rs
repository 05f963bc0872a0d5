//! Programs in containers over a websocket. Two kinds of clients say the same in different words ([`Words`]): those of leases
//! (spec/akash.md 3.3) and those of nodes of clusters.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use workload::runtime::Exec;
use workload::terminal::Size;

use super::auth::{self, Caller};
use super::{Shared, stopped};

/// Bytes of a program's output in one message.
const PIECE: usize = 16 << 10;
/// A client may let its program wait so long, as one does that shows a page at a time.
const STALL: Duration = Duration::from_secs(600);

/// Where a program wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Bytes for the program to read.
    Input(Bytes),
    /// There are no more.
    End,
    /// Its terminal has another size.
    Size(Size),
    /// It leaves.
    Left,
    /// Nothing that matters here.
    Nothing,
}

/// How a kind of clients says it.
pub(super) trait Words: Send + Sync {
    /// Bytes that the program wrote.
    fn output(&self, stream: Stream, bytes: &[u8]) -> Message;
    /// Its exit code.
    fn ended(&self, code: i32) -> Message;
    /// What a message of the client means.
    fn read(&self, message: Message) -> Said;
}

/// Moves bytes between a program and its client until the program ends, which its client is told, or until the client leaves, loses its
/// right or the gateway stops, which ends the program.
///
/// # Errors
/// Why it was cut short, for the client.
pub(super) async fn talk(
    (shared, caller): (&Shared, &Caller),
    exec: Exec,
    words: &impl Words,
    socket: &mut WebSocket,
) -> Result<(), String> {
    let Exec { stdin, mut stdout, mut stderr, terminal, mut running } = exec;
    let mut stdin = Some(stdin);
    // What the program has not read yet. Until it has, its client is not listened to; what the program writes goes on, or one that does
    // not read before it has written would wait for ever.
    let mut unread = Bytes::new();
    let (mut out, mut err) = (vec![0; PIECE], vec![0; PIECE]);
    let (mut out_open, mut err_open) = (true, true);
    let ping = shared.limits.ping;
    let mut stopping = shared.stopping.clone();
    let mut pings = interval_at(Instant::now() + ping, ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while out_open || err_open {
        let message = tokio::select! {
            () = stopped(&mut stopping) => return Err("the provider stops".to_owned()),
            _ = pings.tick() => {
                if let Some(refused) = caller.lapsed(shared.keys.as_ref(), auth::now()).await {
                    return Err(refused.to_string());
                }
                // Who reads slowly may be late with an answer: it is the connection that shows by it whether it is there.
                Message::Ping(Bytes::new())
            }
            read = stdout.read(&mut out), if out_open => match read.unwrap_or(0) {
                0 => { out_open = false; continue }
                length => words.output(Stream::Stdout, &out[..length]),
            },
            read = stderr.read(&mut err), if err_open => match read.unwrap_or(0) {
                0 => { err_open = false; continue }
                length => words.output(Stream::Stderr, &err[..length]),
            },
            written = async { stdin.as_mut()?.write(&unread).await.ok() }, if !unread.is_empty() => {
                match written {
                    // A program that reads no more is no failure.
                    None | Some(0) => (stdin, unread) = (None, Bytes::new()),
                    Some(length) => drop(unread.split_to(length)),
                }
                if unread.is_empty() && let Some(input) = &mut stdin {
                    let _ = input.flush().await;
                }
                continue;
            }
            message = socket.recv(), if unread.is_empty() => {
                let message = message.ok_or_else(gone)?.map_err(|_| gone())?;
                match words.read(message) {
                    Said::End => {
                        if let Some(mut input) = stdin.take() {
                            // One that is gone reads no end.
                            let _ = input.shutdown().await;
                        }
                    }
                    Said::Input(bytes) if stdin.is_some() => unread = bytes,
                    Said::Input(_) => {}
                    Said::Size(size) => {
                        if let Some(terminal) = &terminal {
                            // One that is gone has no size.
                            let _ = terminal.resize(size);
                        }
                    }
                    Said::Left => return Ok(()),
                    Said::Nothing => {}
                }
                continue;
            },
        };
        send(socket, message).await?;
    }
    let code = running.wait().await.map_err(|error| error.to_string())?;
    send(socket, words.ended(code)).await?;
    let _ = timeout(STALL, socket.send(Message::Close(None))).await;
    Ok(())
}

fn gone() -> String {
    "the connection ended".to_owned()
}

/// A client that does not read for so long is gone.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), String> {
    timeout(STALL, socket.send(message)).await.map_err(|_| gone())?.map_err(|_| gone())
}
