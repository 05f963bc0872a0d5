//! Log lines over a websocket.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::auth::{self, Caller};
use super::{Limits, Shared, stopped};
use crate::desk::{DeskError, LogRequest, NamedLine};
use crate::lease::LeaseName;

/// Clients have nothing to say but pongs.
pub(super) const LONGEST_FRAME: usize = 4096;

/// Close codes (spec/akash.md 3.3).
const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;
const INTERNAL: u16 = 4000;
const NOT_FOUND: u16 = 4001;
/// A close frame holds 125 bytes, two of them the code.
const LONGEST_REASON: usize = 123;

/// The query `follow`, `tail` (-1 for all) and `service` (a comma list).
pub(super) fn request(query: &str) -> Result<LogRequest, String> {
    let mut request = LogRequest { services: Vec::new(), tail: None, follow: false };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "follow" => request.follow = truth(value)?,
            "tail" => request.tail = tail(value)?,
            "service" if value.is_empty() => {}
            "service" => request.services = services(value)?,
            _ => return Err(format!("{key:?} is not known; logs take follow, tail and service")),
        }
    }
    Ok(request)
}

fn truth(value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("follow must be true or false, not {value:?}")),
    }
}

fn tail(value: &str) -> Result<Option<usize>, String> {
    match value.parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(lines) if lines >= 0 => Ok(usize::try_from(lines).ok()),
        _ => Err(format!("tail must be a number of lines, or -1 for all, not {value:?}")),
    }
}

fn services(value: &str) -> Result<Vec<String>, String> {
    // Names of services need no percent encoding; the comma may come encoded.
    let value = value.replace("%2C", ",").replace("%2c", ",");
    let names: Vec<String> = value.split(',').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) {
        return Err(format!("service must be a list of names with commas between them, not {value:?}"));
    }
    Ok(names)
}

/// Sends lines until there are no more, the client leaves or stops answering pings, its certificate is revoked, or the
/// gateway stops.
pub(super) async fn serve(
    shared: Shared,
    caller: Caller,
    lease: LeaseName,
    request: LogRequest,
    mut socket: WebSocket,
) {
    let limits = shared.limits;
    let (code, reason) = match shared.desk.logs(&lease, &request).await {
        Ok(lines) => match send_all(&shared, &caller, lines, &mut socket).await {
            Some(end) => end,
            None => return,
        },
        Err(error @ DeskError::NotFound(_)) => (NOT_FOUND, error.to_string()),
        Err(error) => (INTERNAL, error.to_string()),
    };
    close(&mut socket, code, reason, limits.pong).await;
}

/// The close code and reason; none when the client is gone.
async fn send_all(
    shared: &Shared,
    caller: &Caller,
    mut lines: BoxStream<'static, NamedLine>,
    socket: &mut WebSocket,
) -> Option<(u16, String)> {
    let Limits { ping, pong, .. } = shared.limits;
    let mut stopping = shared.stopping.clone();
    let mut pings = interval_at(Instant::now() + ping, ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // When the oldest ping without an answer was sent.
    let mut unanswered: Option<Instant> = None;
    loop {
        let dead = unanswered.map(|since| since + pong);
        tokio::select! {
            () = stopped(&mut stopping) => return Some((GOING_AWAY, "the provider stops".to_owned())),
            () = wait_until(dead) => return None,
            _ = pings.tick() => {
                if let Some(refused) = caller.lapsed(shared.keys.as_ref(), auth::now()).await {
                    return Some((INTERNAL, refused.to_string()));
                }
                timeout(pong, socket.send(Message::Ping(Default::default()))).await.ok()?.ok()?;
                unanswered.get_or_insert_with(Instant::now);
            }
            message = socket.recv() => match message?.ok()? {
                Message::Close(_) => return None,
                Message::Pong(_) => unanswered = None,
                Message::Text(_) | Message::Binary(_) | Message::Ping(_) => {}
            },
            line = lines.next() => match line {
                Some(NamedLine { name, line }) => {
                    let frame = json!({ "name": name, "message": line.text }).to_string();
                    timeout(pong, socket.send(Message::Text(frame.into()))).await.ok()?.ok()?;
                }
                None => return Some((NORMAL, String::new())),
            },
        }
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn close(socket: &mut WebSocket, code: u16, reason: String, limit: Duration) {
    let end = (0..=reason.len().min(LONGEST_REASON)).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
    let frame = CloseFrame { code, reason: reason[..end].into() };
    // The client answers with its own close frame; whoever does not is not waited for.
    let _ = timeout(limit, async {
        socket.send(Message::Close(Some(frame))).await?;
        while let Some(Ok(_)) = socket.recv().await {}
        Ok::<_, axum::Error>(())
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_strictly() {
        let read = request("follow=true&tail=10&service=web,db").unwrap();
        let services = vec!["web".to_owned(), "db".to_owned()];
        assert_eq!(read, LogRequest { services, tail: Some(10), follow: true });
        assert_eq!(request("").unwrap(), LogRequest { services: vec![], tail: None, follow: false });
        assert_eq!(request("tail=-1&service=").unwrap().tail, None);
        for wrong in ["follow=maybe", "tail=-2", "tail=x", "service=web,", "service=,", "lines=3"] {
            request(wrong).unwrap_err();
        }
    }
}
