//! Log lines over a websocket.

use std::time::Duration;

use client::Auth;
use client::gateway::{GatewayError, LogFrame, LogOptions};
use futures::StreamExt;
use provider::desk::LogRequest;
use provider::gateway::Limits;
use tokio::sync::{mpsc, oneshot};

use crate::desk::{Running, credential, line};

fn quick() -> Limits {
    Limits { ping: Duration::from_millis(20), pong: Duration::from_millis(200), ..Limits::default() }
}

fn frame(name: &str, message: &str) -> LogFrame {
    LogFrame { name: name.to_owned(), message: message.to_owned() }
}

#[tokio::test]
async fn lines_come_as_they_are_written_until_there_are_no_more() {
    let running = Running::start(Limits::default()).await;
    let (lines, read) = mpsc::channel(4);
    running.desk.0.lock().unwrap().lines = Some(read);
    let options = LogOptions { services: vec!["web".to_owned(), "db".to_owned()], tail: Some(5), follow: true };
    let mut logs = running.tenant(1).logs(7, 1, 1, &options).await.unwrap();
    lines.send(line("web-0", "one")).await.unwrap();
    assert_eq!(logs.next().await, Some(Ok(frame("web-0", "one"))));
    lines.send(line("db-0", "zwei \u{1f980}")).await.unwrap();
    assert_eq!(logs.next().await, Some(Ok(frame("db-0", "zwei \u{1f980}"))));
    drop(lines);
    assert_eq!(logs.next().await, None);
    let asked = LogRequest { services: options.services, tail: Some(5), follow: true };
    assert_eq!(running.desk.0.lock().unwrap().log_requests, [asked]);
}

#[tokio::test]
async fn a_client_that_answers_pings_stays_and_one_that_does_not_is_dropped() {
    let running = Running::start(quick()).await;
    let (lines, read) = mpsc::channel(4);
    let (guard, mut dropped) = oneshot::channel();
    {
        let mut memory = running.desk.0.lock().unwrap();
        (memory.lines, memory.guard) = (Some(read), Some(guard));
    }
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let mut logs = running.tenant(1).logs(7, 1, 1, &options).await.unwrap();
    // Reading for three times the limit answers every ping on the way.
    assert!(tokio::time::timeout(Duration::from_millis(600), logs.next()).await.is_err());
    assert!(dropped.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
    lines.send(line("web-0", "still here")).await.unwrap();
    assert_eq!(logs.next().await, Some(Ok(frame("web-0", "still here"))));
    // No more reading, no more pongs: the gateway lets go of the lines.
    tokio::time::timeout(Duration::from_secs(10), dropped).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn closes_carry_their_code_and_reason() {
    let running = Running::start(Limits::default()).await;
    let options = LogOptions::default();
    for (dseq, code, reason) in [(404, 4001, "lease not found"), (7, 4000, "no running pods")] {
        let mut logs = running.tenant(1).logs(dseq, 1, 1, &options).await.unwrap();
        let error = logs.next().await.unwrap().unwrap_err();
        let wanted = GatewayError::Refused { what: "the logs of the lease", status: code, text: reason.to_owned() };
        assert_eq!(error, wanted);
        assert!(logs.next().await.is_none());
    }
}

#[tokio::test]
async fn logs_need_a_token_and_a_sensible_query() {
    let running = Running::start(Limits::default()).await;
    let refused = |result: Result<_, GatewayError>| match result.map(|_: futures::stream::BoxStream<'_, _>| ()) {
        Err(GatewayError::Refused { status, .. }) => status,
        other => panic!("{other:?}"),
    };
    let options = LogOptions::default();
    assert_eq!(refused(running.with_token("x").logs(7, 1, 1, &options).await), 400);
    let trailing = LogOptions { services: vec!["web".to_owned(), String::new()], ..options };
    assert_eq!(refused(running.tenant(1).logs(7, 1, 1, &trailing).await), 400);
}

#[tokio::test]
async fn a_gateway_that_stops_says_so() {
    let running = Running::start(Limits::default()).await;
    let (_lines, read) = mpsc::channel(4);
    running.desk.0.lock().unwrap().lines = Some(read);
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let mut logs = running.tenant(1).logs(7, 1, 1, &options).await.unwrap();
    let (end, ()) = tokio::join!(logs.next(), running.server.stop());
    assert!(matches!(end, Some(Err(GatewayError::Refused { status: 1001, .. }))), "{end:?}");
}

#[tokio::test]
async fn a_stream_of_lines_ends_when_the_certificate_behind_it_is_revoked() {
    let running = Running::start(quick()).await;
    let (lines, read) = mpsc::channel(4);
    running.desk.0.lock().unwrap().lines = Some(read);
    let tenant = credential(1);
    running.chain.publish(&tenant);
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let mut logs = running.with(Auth::Certificate(tenant.clone())).logs(7, 1, 1, &options).await.unwrap();
    lines.send(line("web-0", "one")).await.unwrap();
    assert_eq!(logs.next().await, Some(Ok(frame("web-0", "one"))));
    running.chain.revoke(&tenant);
    let end = logs.next().await;
    let revoked = |text: &str| text.contains("is revoked");
    assert!(matches!(&end, Some(Err(GatewayError::Refused { status: 4000, text, .. })) if revoked(text)), "{end:?}");
}
