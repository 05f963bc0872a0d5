//! Requests as OpenAI's clients send them, and the one form in which miners see them.
//!
//! A user's request and a validator's test become bytes in [`Ask::to_wire`] alone: the same fields in the same order, always
//! streamed, always with usage. What a gateway cannot keep is refused by name, not dropped.

use serde_json::{Map, Value, json};
use thiserror::Error;

/// Where miners answer.
pub const CHAT: &str = "/v1/chat/completions";
/// Messages of one request.
const MAX_MESSAGES: usize = 1024;
/// OpenAI's own limit.
const MAX_STOPS: usize = 4;

/// Why a request is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{why}")]
pub struct Unfit {
    /// Why.
    pub why: String,
    /// Which field it is about.
    pub field: Option<String>,
}

fn unfit(field: &str, why: impl Into<String>) -> Unfit {
    Unfit { why: why.into(), field: Some(field.to_owned()) }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// A question to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The model.
    pub model: String,
    /// The conversation; at least one message.
    pub messages: Vec<Said>,
    /// The most tokens of an answer.
    pub max_tokens: u32,
    /// 0 to 2.
    pub temperature: f64,
    /// Above 0, at most 1.
    pub top_p: f64,
    /// For answers that can be had again.
    pub seed: u64,
    /// Texts at which an answer ends.
    pub stop: Vec<String>,
}

/// A question, and how its asker wants the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The question.
    pub ask: Ask,
    /// As a stream of events.
    pub stream: bool,
    /// With usage at the stream's end.
    pub include_usage: bool,
}

/// The older door's form: a prompt instead of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`; the prompt is asked as one message of a user, so that miners see one form only.
    Completions,
}

/// Fields that may stand where they ask for nothing: their value then is this.
const NEUTRAL: [(&str, &[&str]); 11] = [
    ("n", &["1"]),
    ("best_of", &["1"]),
    ("echo", &["false"]),
    ("logprobs", &["false"]),
    ("logit_bias", &["{}"]),
    ("presence_penalty", &["0", "0.0"]),
    ("frequency_penalty", &["0", "0.0"]),
    ("response_format", &[r#"{"type":"text"}"#]),
    ("tools", &["[]"]),
    ("tool_choice", &[r#""none""#, r#""auto""#]),
    ("store", &["false"]),
];

/// Reads a request.
///
/// # Errors
/// What is missing, wrong, or cannot be kept.
pub fn read(body: &[u8], door: Door, default_tokens: u32, most_tokens: u32) -> Result<Request, Unfit> {
    let none = |why: String| Unfit { why, field: None };
    let mut fields: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| none(format!("the body is no JSON object: {error}")))?;
    fields.retain(|_, value| !value.is_null());
    let model = match fields.remove("model") {
        Some(Value::String(model)) => model,
        _ => return Err(unfit("model", "model is missing, or no text")),
    };
    let messages = match door {
        Door::Chat => messages(fields.remove("messages"))?,
        Door::Completions => match fields.remove("prompt") {
            Some(Value::String(content)) => vec![Said { role: "user".to_owned(), content }],
            _ => return Err(unfit("prompt", "prompt is missing, or no single text")),
        },
    };
    let max_tokens = match (fields.remove("max_tokens"), fields.remove("max_completion_tokens")) {
        (None, None) => default_tokens.min(most_tokens),
        (Some(tokens), None) | (None, Some(tokens)) => {
            let tokens = tokens.as_u64().and_then(|tokens| u32::try_from(tokens).ok());
            let within = tokens.filter(|tokens| (1..=most_tokens).contains(tokens));
            within.ok_or_else(|| unfit("max_tokens", format!("max_tokens is not between 1 and {most_tokens}")))?
        }
        (Some(_), Some(_)) => return Err(unfit("max_tokens", "max_tokens and max_completion_tokens are given both")),
    };
    let temperature = number(&mut fields, "temperature", 1.0, 0.0..=2.0)?;
    let top_p = number(&mut fields, "top_p", 1.0, f64::MIN_POSITIVE..=1.0)?;
    let seed = match fields.remove("seed") {
        // What a user's client leaves out looks like what one chooses.
        None => u64::from(rand::random::<u32>()),
        Some(seed) => seed.as_u64().ok_or_else(|| unfit("seed", "seed is no whole number from 0"))?,
    };
    let stop = stops(fields.remove("stop"))?;
    let stream = flag(fields.remove("stream"), "stream")?;
    let include_usage = match fields.remove("stream_options") {
        None => false,
        Some(Value::Object(mut options)) if stream => {
            let usage = flag(options.remove("include_usage"), "stream_options")?;
            if let Some(other) = options.keys().next() {
                return Err(unfit("stream_options", format!("stream_options.{other} is not supported")));
            }
            usage
        }
        Some(_) => return Err(unfit("stream_options", "stream_options is no object, or stands without stream")),
    };
    // Says who asks, for those who look for abuse; it asks for nothing.
    fields.remove("user");
    for (name, value) in &fields {
        let neutral =
            NEUTRAL.iter().any(|(known, values)| known == name && values.contains(&value.to_string().as_str()));
        if !neutral {
            return Err(unfit(name, format!("{name} is not supported by this gateway")));
        }
    }
    let ask = Ask { model, messages, max_tokens, temperature, top_p, seed, stop };
    Ok(Request { ask, stream, include_usage })
}

fn messages(value: Option<Value>) -> Result<Vec<Said>, Unfit> {
    let Some(Value::Array(list)) = value else { return Err(unfit("messages", "messages is missing, or no list")) };
    if !(1..=MAX_MESSAGES).contains(&list.len()) {
        return Err(unfit("messages", format!("messages has not 1 to {MAX_MESSAGES} entries")));
    }
    list.iter().enumerate().map(|(index, message)| said(index, message)).collect()
}

fn said(index: usize, message: &Value) -> Result<Said, Unfit> {
    let wrong = |why: &str| unfit("messages", format!("messages[{index}] {why}"));
    let role = message.get("role").and_then(Value::as_str).ok_or_else(|| wrong("has no role"))?;
    let role = if role == "developer" { "system" } else { role };
    if !["system", "user", "assistant"].contains(&role) {
        return Err(wrong("has a role that is not supported: only system, user and assistant are"));
    }
    let content = match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().map(|part| {
                let is_text = part.get("type").and_then(Value::as_str) == Some("text");
                let text = part.get("text").and_then(Value::as_str).filter(|_| is_text);
                text.ok_or_else(|| wrong("has a part that is no text: only texts are supported"))
            });
            texts.collect::<Result<Vec<_>, _>>()?.concat()
        }
        _ => return Err(wrong("has no content")),
    };
    Ok(Said { role: role.to_owned(), content })
}

fn number(
    fields: &mut Map<String, Value>,
    name: &str,
    default: f64,
    bounds: std::ops::RangeInclusive<f64>,
) -> Result<f64, Unfit> {
    let Some(value) = fields.remove(name) else { return Ok(default) };
    let value = value.as_f64().filter(|value| bounds.contains(value));
    value.ok_or_else(|| unfit(name, format!("{name} is no number up to {}", bounds.end())))
}

fn stops(value: Option<Value>) -> Result<Vec<String>, Unfit> {
    let wrong = || unfit("stop", format!("stop is no text and no list of at most {MAX_STOPS} texts"));
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(list)) if list.len() <= MAX_STOPS => {
            list.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

fn flag(value: Option<Value>, name: &str) -> Result<bool, Unfit> {
    value.map_or(Ok(false), |value| value.as_bool().ok_or_else(|| unfit(name, format!("{name} is not true or false"))))
}

impl Ask {
    /// The bytes that a miner gets, whoever asks.
    pub fn to_wire(&self) -> Vec<u8> {
        let messages: Vec<Value> =
            self.messages.iter().map(|said| json!({ "role": said.role, "content": said.content })).collect();
        let body = json!({
            "model": self.model,
            "messages": messages,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "stop": self.stop,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        body.to_string().into_bytes()
    }

    /// The most tokens that the messages can be: no tokenizer makes more tokens than bytes, and a template adds a few to each.
    pub fn most_prompt_tokens(&self) -> u64 {
        let bytes = |said: &Said| said.content.len() as u64 + 16;
        self.messages.iter().map(bytes).sum::<u64>() + 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(extra: &str) -> Result<Request, Unfit> {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{extra}}}"#);
        read(body.as_bytes(), Door::Chat, 256, 1024)
    }

    #[test]
    fn miners_see_one_form() {
        let plain = chat(r#","seed":7"#).unwrap().ask.to_wire();
        insta::assert_snapshot!(String::from_utf8(plain.clone()).unwrap());
        let dressed =
            chat(r#","seed":7,"stream":true,"stream_options":{"include_usage":true},"user":"u","n":1"#).unwrap();
        assert_eq!(dressed.ask.to_wire(), plain);
        let older = read(br#"{"model":"m","prompt":"hi","seed":7}"#, Door::Completions, 256, 1024).unwrap();
        assert_eq!(older.ask.to_wire(), plain);
    }

    #[test]
    fn what_cannot_be_kept_is_refused_by_name() {
        let refusals: Vec<String> = [
            r#","n":2"#,
            r#","tools":[{}]"#,
            r#","logprobs":true"#,
            r#","response_format":{"type":"json_object"}"#,
            r#","max_tokens":2000"#,
            r#","max_tokens":1,"max_completion_tokens":1"#,
            r#","temperature":3"#,
            r#","top_p":0"#,
            r#","stop":[1]"#,
            r#","stream":"yes""#,
            r#","stream_options":{}"#,
            r#","messages":[]"#,
            r#","messages":[{"role":"tool","content":"x"}]"#,
            r#","messages":[{"role":"user","content":[{"type":"image_url"}]}]"#,
            r#","something":1"#,
        ]
        .iter()
        .map(|extra| chat(extra).unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(refusals.join("\n"));
    }

    #[test]
    fn parts_are_joined_and_null_is_nothing() {
        let request = chat(
            r#","messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}],"tools":null"#,
        );
        let said = Said { role: "system".to_owned(), content: "ab".to_owned() };
        assert_eq!(request.unwrap().ask.messages, [said]);
    }
}
