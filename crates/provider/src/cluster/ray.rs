//! Ray's Jobs API at the head, from inside of its overlay.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::ground::Overlay;
use super::keep::name_of;
use super::pods;

/// For an answer.
const LIMIT: Duration = Duration::from_secs(10);

async fn call(
    mesh: &dyn Overlay,
    secret: &str,
    method: Method,
    path: &str,
    body: String,
) -> Result<(StatusCode, Bytes), String> {
    let asked = async {
        let to = (mesh.address(), pods::RAY_DASHBOARD).into();
        let stream = mesh.connect(to, LIMIT).await.map_err(|error| error.to_string())?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "ray")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {secret}"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        driver.abort();
        Ok((status, body))
    };
    tokio::time::timeout(LIMIT, asked).await.map_err(|_| "Ray does not answer".to_owned())?
}

/// All jobs that were submitted; none when it does not answer.
pub(super) async fn jobs(mesh: &dyn Overlay, secret: &str) -> Option<Vec<Value>> {
    let (_, body) = call(mesh, secret, Method::GET, "/api/jobs/", String::new()).await.ok()?;
    let jobs: Vec<Value> = serde_json::from_slice(&body).ok()?;
    Some(jobs.into_iter().filter(|job| name_of(job).is_some()).collect())
}

/// Whether a job had not ended.
pub(super) fn goes_on(job: &Value) -> bool {
    matches!(job.get("status").and_then(Value::as_str), Some("RUNNING" | "PENDING"))
}

/// Submits a job again under its name.
pub(super) async fn submit_again(mesh: &dyn Overlay, secret: &str, job: &Value) -> Result<(), String> {
    let field = |name: &str| job.get(name).cloned().filter(|value| !value.is_null());
    let mut ask = json!({ "entrypoint": field("entrypoint"), "submission_id": field("submission_id") });
    if let Some(ask) = ask.as_object_mut() {
        for name in ["runtime_env", "metadata"] {
            if let Some(value) = field(name) {
                ask.insert(name.to_owned(), value);
            }
        }
    }
    let (status, body) = call(mesh, secret, Method::POST, "/api/jobs/", ask.to_string()).await?;
    let text = String::from_utf8_lossy(&body);
    // It may have been submitted before this agent was restarted.
    match status.is_success() || text.contains("already exists") {
        true => Ok(()),
        false => Err(format!("Ray refused a job again ({status}): {}", text.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_ended_are_not_submitted_again() {
        for (status, goes_on) in
            [("RUNNING", true), ("PENDING", true), ("SUCCEEDED", false), ("FAILED", false), ("STOPPED", false)]
        {
            assert_eq!(super::goes_on(&json!({ "status": status })), goes_on, "{status}");
        }
        assert!(!super::goes_on(&json!({})));
    }
}
