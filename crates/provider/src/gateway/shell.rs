//! A program in a container of a lease, over a websocket (spec/akash.md 3.3, `GET /lease/…/shell`). The first byte of each message says
//! what the rest is; a message of input without bytes ends the input, which is ours.

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use serde_json::json;
use workload::terminal::Size;

use super::Shared;
use super::auth::Caller;
use super::program::{self, Said, Stream, Words};
use crate::desk::ShellRequest;
use crate::lease::LeaseName;

/// The longest message of a client, in bytes.
pub(super) const LONGEST_FRAME: usize = 1 << 20;

const STDOUT: u8 = 100;
const STDERR: u8 = 101;
const RESULT: u8 = 102;
const STDIN: u8 = 104;
const RESIZE: u8 = 105;
/// Of a terminal until its client says another.
const SIZE: Size = Size { columns: 80, rows: 24 };
/// The most words of a command.
const MOST_WORDS: usize = 1_024;

/// The query `cmd0` to `cmdN`, `tty` and `stdin` (0 or 1), `service` and `podIndex`: each once, all of them.
pub(super) fn request(query: &str) -> Result<ShellRequest, String> {
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    let (mut tty, mut stdin, mut service, mut index) = (None, None, None, None);
    let mut words: Vec<(usize, String)> = Vec::new();
    for (key, value) in pairs {
        let again = match key.as_str() {
            "tty" => tty.replace(truth(&key, &value)?).is_some(),
            "stdin" => stdin.replace(truth(&key, &value)?).is_some(),
            "podIndex" => index.replace(number(&key, &value)?).is_some(),
            "service" => service.replace(value).is_some(),
            _ => {
                let place = key.strip_prefix("cmd").and_then(|place| place.parse::<usize>().ok());
                let place = place.filter(|place| *place < MOST_WORDS);
                let place = place.ok_or_else(|| {
                    format!(
                        "{key:?} is not known; a shell takes cmd0 to cmd{}, tty, stdin, service and podIndex",
                        MOST_WORDS - 1
                    )
                })?;
                let again = words.iter().any(|(other, _)| *other == place);
                words.push((place, value));
                again
            }
        };
        if again {
            return Err(format!("{key} is there twice"));
        }
    }
    words.sort_by_key(|(place, _)| *place);
    if words.is_empty() || words.iter().enumerate().any(|(at, (place, _))| at != *place) {
        return Err("the words of the command are cmd0, cmd1 and so on, without a gap".to_owned());
    }
    let missing = |what: &str| format!("{what} is missing");
    Ok(ShellRequest {
        service: service.filter(|name| !name.is_empty()).ok_or_else(|| missing("service"))?,
        index: index.ok_or_else(|| missing("podIndex"))?,
        command: words.into_iter().map(|(_, word)| word).collect(),
        terminal: tty.ok_or_else(|| missing("tty"))?.then_some(SIZE),
        reads: stdin.ok_or_else(|| missing("stdin"))?,
    })
}

fn truth(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(format!("{key} must be 0 or 1, not {value:?}")),
    }
}

fn number(key: &str, value: &str) -> Result<u32, String> {
    value.parse().map_err(|_| format!("{key} must be the number of a replica, not {value:?}"))
}

struct Lease;

impl Words for Lease {
    fn output(&self, stream: Stream, bytes: &[u8]) -> Message {
        let first = if stream == Stream::Stdout { STDOUT } else { STDERR };
        framed(first, bytes)
    }

    fn ended(&self, code: i32) -> Message {
        framed(RESULT, json!({ "exit_code": code }).to_string().as_bytes())
    }

    fn read(&self, message: Message) -> Said {
        match message {
            Message::Binary(bytes) => read(&bytes),
            Message::Close(_) => Said::Left,
            Message::Text(_) | Message::Ping(_) | Message::Pong(_) => Said::Nothing,
        }
    }
}

/// What the bytes of a message say. What is malformed says nothing: it is dropped, as providers of Akash drop it.
fn read(bytes: &Bytes) -> Said {
    match bytes.split_first() {
        Some((&STDIN, [])) => Said::End,
        Some((&STDIN, _)) => Said::Input(bytes.slice(1..)),
        Some((&RESIZE, &[w1, w2, h1, h2])) => {
            Said::Size(Size { columns: u16::from_be_bytes([w1, w2]), rows: u16::from_be_bytes([h1, h2]) })
        }
        _ => Said::Nothing,
    }
}

fn framed(first: u8, bytes: &[u8]) -> Message {
    Message::Binary([&[first], bytes].concat().into())
}

/// Runs the program, and tells its client what comes of it.
pub(super) async fn serve(
    shared: Shared,
    caller: Caller,
    lease: LeaseName,
    request: ShellRequest,
    mut socket: WebSocket,
) {
    let ended = match shared.desk.shell(&lease, &request).await {
        Ok(mut exec) => {
            if !request.reads {
                exec.stdin = Box::new(tokio::io::sink());
            }
            program::talk((&shared, &caller), exec, &Lease, &mut socket).await
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(why) = ended {
        let text = json!({ "exit_code": 1, "message": why }).to_string();
        // A client that is gone is told nothing.
        let _ = tokio::time::timeout(shared.limits.pong, async {
            socket.send(framed(RESULT, text.as_bytes())).await?;
            socket.send(Message::Close(None)).await
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_strictly() {
        let read = request("cmd1=-c&cmd0=sh&cmd2=echo+a%20b&tty=0&stdin=1&service=web&podIndex=2").unwrap();
        assert_eq!(read.command, ["sh", "-c", "echo a b"]);
        assert_eq!((read.service.as_str(), read.index, read.terminal, read.reads), ("web", 2, None, true));
        let all = "tty=1&stdin=0&service=web&podIndex=0";
        assert_eq!(request(&format!("cmd0=sh&{all}")).unwrap().terminal, Some(SIZE));
        for wrong in ["", "cmd1=sh", "cmd0=a&cmd0=b", "cmd0=a&cmd2=b", "cmd0=a&x=1", "cmd9999=a", "cmd0=a&tty=1"] {
            request(&format!("{wrong}&{all}")).unwrap_err();
        }
        for missing in ["tty=1", "stdin=0", "service=web", "podIndex=0"] {
            request(&format!("cmd0=sh&{}", all.replace(missing, ""))).unwrap_err();
        }
    }

    #[test]
    fn messages_are_input_sizes_or_nothing() {
        let said = |bytes: &[u8]| read(&Bytes::copy_from_slice(bytes));
        assert_eq!(said(&[104, b'l', b's']), Said::Input(Bytes::from_static(b"ls")));
        assert_eq!(said(&[104]), Said::End);
        assert_eq!(said(&[105, 0, 91, 1, 0]), Said::Size(Size { columns: 91, rows: 256 }));
        for nothing in [&[][..], &[105, 0, 91], &[100, 1], &[103]] {
            assert_eq!(said(nothing), Said::Nothing);
        }
    }
}
