//! A miner's stream, read strictly: what it says, how it ended, and what it claims to have used.

use serde_json::Value;
use thiserror::Error;

use super::openai::Ask;
use crate::wire::dendrite::{AskError, Reply};
use crate::wire::sse::Events;

/// Tokens, as they are billed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the question.
    pub prompt: u64,
    /// Of the answer.
    pub completion: u64,
}

/// A step of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// More text.
    Text(String),
    /// The end: why it ended, and what it used, within what it can have used.
    End {
        /// `stop` or `length`.
        reason: &'static str,
        /// Tokens.
        usage: Usage,
    },
}

/// Why an answer is no answer.
#[derive(Debug, Error)]
pub enum Fault {
    /// The way to the miner.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// What it said.
    #[error("the miner's stream cannot be read: {0}")]
    Garbled(String),
    /// It ended without an end, or said nothing.
    #[error("the miner's stream ended too early")]
    Short,
}

/// An answer as it comes.
#[derive(Debug)]
pub struct Answer {
    reply: Reply,
    reader: Reader,
    ready: std::collections::VecDeque<Step>,
}

impl Answer {
    /// The answer to a question.
    pub fn new(reply: Reply, ask: &Ask) -> Self {
        Self { reply, reader: Reader::new(ask), ready: Default::default() }
    }

    /// The next step; the last one is [`Step::End`].
    ///
    /// # Errors
    /// When the stream breaks, lasts too long, is too long or cannot be read.
    pub async fn next(&mut self) -> Result<Step, Fault> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(step);
            }
            let Some(piece) = self.reply.piece().await? else { return Err(Fault::Short) };
            self.ready.extend(self.reader.feed(&piece)?);
        }
    }

    /// The whole text and the usage.
    ///
    /// # Errors
    /// See [`Answer::next`].
    pub async fn whole(&mut self) -> Result<(String, &'static str, Usage), Fault> {
        let mut text = String::new();
        loop {
            match self.next().await? {
                Step::Text(more) => text.push_str(&more),
                Step::End { reason, usage } => return Ok((text, reason, usage)),
            }
        }
    }
}

/// Reads pieces of a stream as steps.
#[derive(Debug)]
pub struct Reader {
    events: Events,
    most: Usage,
    /// Bytes of text so far: no tokenizer makes more tokens of them.
    bytes: u64,
    reason: Option<&'static str>,
    claimed: Option<Usage>,
    ended: bool,
}

impl Reader {
    /// A reader of the answer to a question.
    pub fn new(ask: &Ask) -> Self {
        let most = Usage { prompt: ask.most_prompt_tokens(), completion: ask.max_tokens.into() };
        Self { events: Events::default(), most, bytes: 0, reason: None, claimed: None, ended: false }
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// [`Fault::Garbled`], and [`Fault::Short`] for an end without a word or a reason.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Vec<Step>, Fault> {
        let mut steps = Vec::new();
        for event in self.events.feed(piece).map_err(|error| Fault::Garbled(error.to_string()))? {
            if self.ended {
                break;
            }
            if event == "[DONE]" {
                steps.push(self.end()?);
            } else {
                steps.extend(self.chunk(&event)?);
            }
        }
        Ok(steps)
    }

    fn chunk(&mut self, event: &str) -> Result<Option<Step>, Fault> {
        let garbled = |why: &str| Fault::Garbled(why.to_owned());
        let chunk: Value = serde_json::from_str(event).map_err(|error| Fault::Garbled(error.to_string()))?;
        if let Some(usage) = chunk.get("usage").filter(|usage| !usage.is_null()) {
            let count = |name| usage.get(name).and_then(Value::as_u64).ok_or_else(|| garbled("usage without numbers"));
            self.claimed = Some(Usage { prompt: count("prompt_tokens")?, completion: count("completion_tokens")? });
        }
        let choices =
            chunk.get("choices").and_then(Value::as_array).ok_or_else(|| garbled("a chunk without choices"))?;
        let Some(choice) = choices.first() else { return Ok(None) };
        match choice.get("finish_reason").and_then(Value::as_str) {
            None => {}
            Some("stop") => self.reason = Some("stop"),
            Some("length") => self.reason = Some("length"),
            Some(_) => return Err(garbled("a reason to end that nobody asked for")),
        }
        match choice.pointer("/delta/content") {
            Some(Value::String(text)) if !text.is_empty() => {
                self.bytes += text.len() as u64;
                Ok(Some(Step::Text(text.clone())))
            }
            None | Some(Value::Null | Value::String(_)) => Ok(None),
            Some(_) => Err(garbled("content that is no text")),
        }
    }

    fn end(&mut self) -> Result<Step, Fault> {
        self.ended = true;
        let Some(reason) = self.reason.filter(|_| self.bytes > 0) else { return Err(Fault::Short) };
        // A miner that claims nothing is paid for nothing; one that claims too much, for what can be true.
        let claimed = self.claimed.unwrap_or_default();
        let completion = claimed.completion.min(self.most.completion).min(self.bytes);
        let usage = Usage { prompt: claimed.prompt.min(self.most.prompt), completion };
        Ok(Step::End { reason, usage })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::openai::Said;
    use super::*;

    pub(crate) fn ask() -> Ask {
        let messages = vec![Said { role: "user".to_owned(), content: "hi".to_owned() }];
        let model = "m".to_owned();
        Ask { model, messages, max_tokens: 10, temperature: 1.0, top_p: 1.0, seed: 1, stop: vec![] }
    }

    const TEXT: &str = r#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}

data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":null}]}

data: {"choices":[{"delta":{},"finish_reason":"stop"}]}

"#;

    fn end(usage: &str) -> Result<Vec<Step>, Fault> {
        let stream = format!("{TEXT}data: {{\"choices\":[]{usage}}}\n\ndata: [DONE]\n\n");
        Reader::new(&ask()).feed(stream.as_bytes())
    }

    #[test]
    fn usage_is_what_can_be_true() {
        let used = |usage| match end(usage).unwrap().pop() {
            Some(Step::End { usage, .. }) => (usage.prompt, usage.completion),
            other => panic!("{other:?}"),
        };
        assert_eq!(used(r#","usage":{"prompt_tokens":3,"completion_tokens":2}"#), (3, 2));
        // 2 + 16 + 64 bytes of a prompt, 5 bytes of text.
        assert_eq!(used(r#","usage":{"prompt_tokens":9999,"completion_tokens":9999}"#), (82, 5));
        assert_eq!(used(""), (0, 0));
    }

    #[test]
    fn what_is_no_answer_is_a_fault() {
        let short = |text: &str| Reader::new(&ask()).feed(text.as_bytes());
        assert!(matches!(short("data: [DONE]\n\n"), Err(Fault::Short)));
        assert!(matches!(short("data: <html>\n\n"), Err(Fault::Garbled(_))));
        assert!(matches!(short("data: {}\n\n"), Err(Fault::Garbled(_))));
        assert!(matches!(short("data: {\"choices\":[{\"delta\":{\"content\":7}}]}\n\n"), Err(Fault::Garbled(_))));
        let unended = TEXT.replace("\"stop\"", "null") + "data: [DONE]\n\n";
        assert!(matches!(short(&unended), Err(Fault::Short)));
    }
}
