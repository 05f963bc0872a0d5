//! As much of HTTP as is needed to ask a server on this machine. Version 1.0, so that answers come in one piece.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::failure::{Doing, Failure, Result};

/// No server on this machine needs longer.
const LIMIT: Duration = Duration::from_secs(60);
/// Longest answer that is read.
const LONGEST: u64 = 16 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

/// `GET url`; names under `localhost` lead to this machine without DNS.
///
/// # Errors
/// When nobody listens there, or what answers does not speak HTTP.
pub(crate) fn get(url: &str) -> Result<Answer> {
    ask("GET", url, None, "")
}

/// `POST url` with a JSON body.
///
/// # Errors
/// As [`get`].
pub(crate) fn post(url: &str, json: &str) -> Result<Answer> {
    ask("POST", url, None, json)
}

/// `POST url` with a JSON body, as whoever has a key.
///
/// # Errors
/// As [`get`].
pub(crate) fn post_with_key(url: &str, key: &str, json: &str) -> Result<Answer> {
    ask("POST", url, Some(key), json)
}

fn ask(method: &str, url: &str, key: Option<&str>, body: &str) -> Result<Answer> {
    let rest = url.strip_prefix("http://").ok_or_else(|| Failure::new(format!("{url}: only http:// is spoken")))?;
    let (host, path) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, path.to_owned()));
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    let name = if name == "localhost" || name.ends_with(".localhost") { "127.0.0.1" } else { name };
    let mut addresses = format!("{name}:{port}").to_socket_addrs().doing(url)?;
    let address = addresses.next().ok_or_else(|| Failure::new(format!("{url}: {name} has no address")))?;
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).doing(url)?;
    stream.set_read_timeout(Some(LIMIT)).doing(url)?;
    stream.set_write_timeout(Some(LIMIT)).doing(url)?;
    let length = body.len();
    let head = format!("{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n");
    let key = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    write!(stream, "{head}{key}Content-Length: {length}\r\n\r\n{body}").doing(url)?;
    let mut bytes = Vec::new();
    stream.take(LONGEST).read_to_end(&mut bytes).doing(url)?;
    parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| Failure::new(format!("{url}: the answer is no HTTP")))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_parse() {
        let answer = parse("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nline\r\n\r\nline").unwrap();
        assert_eq!(answer, Answer { status: 503, body: "line\r\n\r\nline".to_owned() });
        assert_eq!(parse("SSH-2.0-OpenSSH\r\n\r\n"), None);
    }

    #[test]
    fn nobody_listens() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let failure = get(&format!("http://a.localhost:{free}/")).unwrap_err();
        assert!(failure.to_string().contains("refused"), "{failure}");
    }
}
