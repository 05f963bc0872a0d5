//! A request from its hold to its bill, and its answer in OpenAI's form.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Answer, Step, Usage};
use super::book::Hold;
use super::openai::Door;
use super::refused::{Refused, broken};
use super::route::Candidate;
use super::server::{Gateway, MINER_HOTKEY, MINER_UID, locked};

/// A request that has begun.
pub(super) struct Course {
    gateway: Arc<Gateway>,
    id: String,
    created: u64,
    hold: Option<Hold>,
    /// Who answers.
    pub(super) miner: Option<Candidate>,
    _room: OwnedSemaphorePermit,
}

impl Drop for Course {
    /// Whoever leaves before the end pays nothing, and holds nothing back.
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            locked(&self.gateway.book).release(hold);
        }
    }
}

impl Course {
    /// A request for whose cost money is held.
    pub(super) fn new(gateway: Arc<Gateway>, prefix: &str, hold: Hold, room: OwnedSemaphorePermit) -> Self {
        let id = format!("{prefix}-{}", hex::encode(rand::random::<[u8; 12]>()));
        let created = crate::wire::now_ns() / 1_000_000_000;
        Self { gateway, id, created, hold: Some(hold), miner: None, _room: room }
    }

    /// Bills what was used. The bill is on the disk before the answer ends.
    pub(super) fn bill(&mut self, usage: Usage) -> Result<(), Refused> {
        let (Some(hold), Some(miner)) = (self.hold.take(), self.miner) else { return Ok(()) };
        locked(&self.gateway.health).answered(miner.axon.hotkey);
        let payee = (miner.uid, miner.axon.hotkey);
        locked(&self.gateway.book).settle(hold, &self.id, payee, usage, &self.gateway.config.price).map_err(broken)
    }

    pub(super) fn headers(&self, response: &mut Response) {
        let Some(miner) = self.miner else { return };
        let headers = response.headers_mut();
        headers.insert(MINER_UID, HeaderValue::from(miner.uid));
        if let Ok(hotkey) = HeaderValue::try_from(miner.axon.hotkey.to_string()) {
            headers.insert(MINER_HOTKEY, hotkey);
        }
    }

    fn object(&self, door: Door, chunk: bool, choices: Value, usage: Option<Usage>) -> Value {
        let object = match (door, chunk) {
            (Door::Completions, _) => "text_completion",
            (Door::Chat, true) => "chat.completion.chunk",
            (Door::Chat, false) => "chat.completion",
        };
        let model = &self.gateway.config.model;
        let mut value =
            json!({ "id": self.id, "object": object, "created": self.created, "model": model, "choices": choices });
        if let Some(Usage { prompt, completion }) = usage {
            let total = prompt + completion;
            value["usage"] = json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total });
        }
        value
    }

    fn piece(&self, door: Door, text: Option<&str>, reason: Option<&str>) -> Value {
        let choice = match (door, text) {
            (Door::Completions, text) => json!({ "index": 0, "text": text.unwrap_or(""), "finish_reason": reason }),
            (Door::Chat, Some(text)) => json!({ "index": 0, "delta": { "content": text }, "finish_reason": reason }),
            (Door::Chat, None) => json!({ "index": 0, "delta": {}, "finish_reason": reason }),
        };
        self.object(door, true, json!([choice]), None)
    }
}

/// A whole answer, billed.
pub(super) fn whole(
    mut course: Course,
    door: Door,
    text: &str,
    reason: &str,
    usage: Usage,
) -> Result<Response, Refused> {
    course.bill(usage)?;
    let choice = match door {
        Door::Chat => {
            let message = json!({ "role": "assistant", "content": text });
            json!({ "index": 0, "message": message, "finish_reason": reason, "logprobs": null })
        }
        Door::Completions => json!({ "index": 0, "text": text, "finish_reason": reason, "logprobs": null }),
    };
    let mut response = Json(course.object(door, false, json!([choice]), Some(usage))).into_response();
    course.headers(&mut response);
    Ok(response)
}

enum Next {
    Step(Step),
    Read,
    Done,
}

/// A stream. Once a word was sent, no other miner can take over: a break is told as an error, and nothing is billed.
pub(super) fn streamed(course: Course, door: Door, answer: Answer, first: Step, include_usage: bool) -> Response {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    course.headers(&mut response);
    let state = (course, answer, Next::Step(first));
    let events = stream::unfold(state, move |(mut course, mut answer, next)| async move {
        let step = match next {
            Next::Done => return None,
            Next::Step(step) => Ok(step),
            Next::Read => answer.next().await,
        };
        let (text, next) = match step {
            Ok(Step::Text(text)) => (event(&course.piece(door, Some(&text), None)), Next::Read),
            Ok(Step::End { reason, usage }) => match course.bill(usage) {
                Ok(()) => {
                    let mut text = event(&course.piece(door, None, Some(reason)));
                    if include_usage {
                        text += &event(&course.object(door, true, json!([]), Some(usage)));
                    }
                    (text + "data: [DONE]\n\n", Next::Done)
                }
                Err(refused) => (error(&refused.why), Next::Done),
            },
            Err(fault) => {
                if let Some(miner) = course.miner {
                    course.gateway.failed(miner, &fault);
                }
                (error("the miner broke off; nothing was billed"), Next::Done)
            }
        };
        Some((Ok::<_, std::convert::Infallible>(text), (course, answer, next)))
    });
    let (parts, _) = response.into_parts();
    Response::from_parts(parts, Body::from_stream(events))
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn error(why: &str) -> String {
    event(&json!({ "error": { "message": why, "type": "server_error", "code": "miner_failed" } }))
}
