//! The header protocol of the older SDKs in front of the same upstream: one field of a synapse is the question, another gets the
//! answer (specification 4.1).

use std::str::FromStr;
use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::server::Miner;
use crate::gateway::answer::{Reader, Step};
use crate::gateway::openai::{Ask, CHAT, Said};
use crate::models::MODEL;
use crate::wire::v1::{self, Synapse};
use crate::wire::{Refusal, Status, now_ns};

/// The most tokens of an answer: these SDKs do not say.
const MOST_TOKENS: u32 = 512;
/// What the SDKs look for in an answer.
const STATUS: [(&str, &str); 2] = [("bt_header_axon_status_code", "200"), ("bt_header_axon_status_message", "Success")];

/// A synapse that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// Its name, and the question's field, which is what its body's hash is of.
    pub synapse: Synapse,
    /// The field of the question.
    pub question: String,
    /// The field of the answer.
    pub answer: String,
    /// The model that the upstream is asked for.
    pub model: String,
}

impl FromStr for Door {
    type Err = String;

    /// `NAME:QUESTION:ANSWER`, with `:MODEL` if the upstream wants another name than that of the built-in one.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let (name, question, answer, model) = match parts.as_slice() {
            [name, question, answer] => (*name, *question, *answer, MODEL),
            [name, question, answer, model] => (*name, *question, *answer, *model),
            _ => return Err("NAME:QUESTION:ANSWER is wanted, such as Prompting:prompt:completion".to_owned()),
        };
        let is_name = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
        };
        if !is_name(name) || !is_name(question) || !is_name(answer) || question == answer {
            return Err("a synapse and its two fields have names of letters, digits and _".to_owned());
        }
        let synapse = Synapse { name: name.to_owned(), hashed: vec![question.to_owned()] };
        Ok(Self { synapse, question: question.to_owned(), answer: answer.to_owned(), model: model.to_owned() })
    }
}

/// Answers a synapse.
///
/// # Errors
/// As [`v1::verify`] and the miner's own.
pub(super) async fn answer(
    State(miner): State<Arc<Miner>>,
    door: &Door,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let bad = |why: String| Refusal::new(Status::BadRequest, why);
    let body = miner.whole(body)?;
    let mut fields: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|error| bad(format!("the body is no JSON object: {error}")))?;
    let caller = v1::verify(&headers, &door.synapse, &fields, miner.id())?;
    let stake = miner.door().admit_caller(miner.config(), &caller, now_ns())?;
    let question = fields.get(&door.question).and_then(Value::as_str);
    let content = question.ok_or_else(|| bad(format!("field {:?} is no text", door.question)))?.to_owned();
    let ask = Ask {
        model: door.model.clone(),
        messages: vec![Said { role: "user".to_owned(), content }],
        max_tokens: MOST_TOKENS,
        temperature: 0.0,
        top_p: 1.0,
        seed: 0,
        stop: Vec::new(),
    };
    let reply = miner.reply(CHAT, ask.to_wire().into(), stake, caller.timeout).await?;
    let failed = |what: &str| Refusal::new(Status::Failed, what.to_owned());
    let stream = to_bytes(reply.into_body(), miner.config().max_answer).await;
    let stream = stream.map_err(|_| failed("the upstream broke off"))?;
    let steps = Reader::new(&ask).feed(&stream).map_err(|_| failed("the upstream's answer cannot be read"))?;
    let texts = steps.into_iter().filter_map(|step| match step {
        Step::Text(text) => Some(text),
        Step::End { .. } => None,
    });
    fields.insert(door.answer.clone(), json!(texts.collect::<String>()));
    let mut response = axum::Json(fields).into_response();
    for (name, value) in STATUS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_has_a_name_and_two_fields() {
        let door: Door = "Prompting:prompt:completion".parse().unwrap();
        assert_eq!(
            (door.synapse.name.as_str(), door.synapse.hashed.as_slice()),
            ("Prompting", ["prompt".to_owned()].as_slice())
        );
        assert_eq!("P:q:a:gpt".parse::<Door>().unwrap().model, "gpt");
        for bad in ["P", "P:q", "P:q:q", "P/x:q:a", ":q:a"] {
            assert!(bad.parse::<Door>().is_err(), "{bad}");
        }
    }
}
