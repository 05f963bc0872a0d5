//! What a node or a provider's agent says of its own health: `/livez` and `/readyz` of its listener for operators.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// For one answer. The agent itself asks others for at most five seconds each.
const LIMIT: Duration = Duration::from_secs(15);

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What was looked at, such as `disk`.
    pub check: String,
    /// Whether it is as it must be.
    pub ok: bool,
    /// What was found.
    #[serde(default)]
    pub reason: String,
    /// What to do; empty where nothing is to be done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

/// How a process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Where it was asked.
    pub url: String,
    /// Whether it does its work at all; where it does not, a restart may help.
    pub live: bool,
    /// Whether it can serve now.
    pub ready: bool,
    /// All that was looked at.
    pub checks: Vec<HealthCheck>,
    /// Why it could not be asked; then it counts as neither live nor ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Health {
    /// Asks a process at the URL of its listener, `http://127.0.0.1:8444`.
    pub async fn ask(url: &str) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        let answers = async { Ok::<_, String>((ask(&url, "livez").await?, ask(&url, "readyz").await?)) };
        match answers.await {
            Ok(((live, first), (ready, second))) => {
                Self { live, ready, checks: first.into_iter().chain(second).collect(), problem: None, url }
            }
            Err(problem) => Self { live: false, ready: false, checks: Vec::new(), problem: Some(problem), url },
        }
    }

    /// `ready`, `not ready` or `not live`, or why it could not be asked.
    pub fn verdict(&self) -> &str {
        match (&self.problem, self.live, self.ready) {
            (Some(problem), ..) => problem,
            (None, false, _) => "not live",
            (None, true, false) => "not ready",
            (None, true, true) => "ready",
        }
    }

    /// What is not as it must be.
    pub fn failed(&self) -> impl Iterator<Item = &HealthCheck> {
        self.checks.iter().filter(|check| !check.ok)
    }
}

/// Whether all is well, and what was looked at.
async fn ask(url: &str, path: &str) -> Result<(bool, Vec<HealthCheck>), String> {
    let url = format!("{url}/{path}?verbose");
    let text = |error: reqwest::Error| format!("{url} does not answer: {}", error.without_url());
    // The HTTP client is built without a TLS provider of its own; one that was installed before stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::Client::new().get(&url).timeout(LIMIT).send().await.map_err(text)?;
    let well = answer.status().is_success();
    let body = answer.text().await.map_err(text)?;
    let line = |line: &str| serde_json::from_str(line).map_err(|error| format!("{url} gives no health: {error}"));
    // A process that looks at nothing says so in plain text.
    let lines = body.lines().filter(|line| !line.trim().is_empty() && *line != "ok");
    Ok((well, lines.map(line).collect::<Result<_, _>>()?))
}

/// The URL of a listener of another process, seen from here; none where it listens on its own machine alone and that is
/// another one than this. `beside` is a URL at which the process is reached already.
pub fn url_of(listen: &str, beside: &str) -> Option<String> {
    let (host, port) = listen.rsplit_once(':')?;
    let authority = beside.split_once("://").map_or(beside, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let own = match authority.rsplit_once(':') {
        Some((own, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => own,
        _ => authority,
    };
    if matches!(host, "0.0.0.0" | "[::]" | "") {
        return Some(format!("http://{own}:{port}"));
    }
    (!is_local(host) || is_local(own)).then(|| format!("http://{host}:{port}"))
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers `/livez` with 200 and `/readyz` with 503, as a node without peers does.
    async fn process() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let read = stream.read(&mut request).await.unwrap();
                let live = request[..read].starts_with(b"GET /livez?verbose ");
                let (status, body) = match live {
                    true => ("200 OK", "{\"check\":\"progress\",\"ok\":true,\"reason\":\"fine\"}\n"),
                    false => (
                        "503 Service Unavailable",
                        "{\"check\":\"peers\",\"ok\":false,\"reason\":\"alone\",\"remedy\":\"look\"}\n",
                    ),
                };
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).await.unwrap();
            }
        });
        url
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_with_its_remedy() {
        let health = Health::ask(&process().await).await;
        assert_eq!((health.live, health.ready, health.verdict()), (true, false, "not ready"));
        let failed: Vec<_> = health.failed().map(|check| (check.check.as_str(), check.remedy.as_str())).collect();
        assert_eq!((failed, health.checks.len()), (vec![("peers", "look")], 2));
    }

    #[tokio::test]
    async fn nobody_there_is_no_health() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let health = Health::ask(&format!("http://{free}/")).await;
        assert!(
            !health.live && !health.ready && health.verdict().contains("/livez?verbose does not answer"),
            "{health:?}"
        );
    }

    #[test]
    fn a_loopback_listener_of_another_machine_is_not_asked() {
        let of = |listen, beside| url_of(listen, beside);
        assert_eq!(of("127.0.0.1:9", "http://localhost:26657").as_deref(), Some("http://127.0.0.1:9"));
        assert_eq!(of("127.0.0.1:9", "http://node.example:26657"), None);
        assert_eq!(of("0.0.0.0:9", "https://node.example/rpc").as_deref(), Some("http://node.example:9"));
        assert_eq!(of("[::]:9", "http://[::1]:26657").as_deref(), Some("http://[::1]:9"));
        assert_eq!(of("10.0.0.7:9", "http://node.example").as_deref(), Some("http://10.0.0.7:9"));
    }
}
