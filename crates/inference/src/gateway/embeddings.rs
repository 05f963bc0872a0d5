//! Embeddings: requests as OpenAI's clients send them, the one form in which miners see them, and answers, read strictly.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Usage;
use super::openai::Unfit;

/// Where miners answer.
pub const EMBEDDINGS: &str = "/v1/embeddings";
/// Texts of one request.
const MAX_TEXTS: usize = 256;
/// Numbers of an embedding.
const MAX_WIDTH: usize = 8_192;

/// Texts whose embeddings are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedAsk {
    /// The model.
    pub model: String,
    /// The texts; at least one.
    pub texts: Vec<String>,
}

/// How the numbers are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As numbers.
    Float,
    /// As base64 of their bytes, 32 bits each, the lowest byte first: what OpenAI's clients ask for.
    Base64,
}

fn unfit(field: &str, why: impl Into<String>) -> Unfit {
    Unfit { why: why.into(), field: Some(field.to_owned()) }
}

/// Reads a request.
///
/// # Errors
/// What is missing, wrong, or cannot be kept.
pub fn read(body: &[u8]) -> Result<(EmbedAsk, Encoding), Unfit> {
    let none = |why: String| Unfit { why, field: None };
    let mut fields: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| none(format!("the body is no JSON object: {error}")))?;
    fields.retain(|_, value| !value.is_null());
    let Some(Value::String(model)) = fields.remove("model") else {
        return Err(unfit("model", "model is missing, or no text"));
    };
    let wrong =
        || unfit("input", format!("input is no text and no list of 1 to {MAX_TEXTS} texts; tokens are not taken"));
    let texts = match fields.remove("input") {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) if (1..=MAX_TEXTS).contains(&list.len()) => {
            let text = |text: &Value| text.as_str().map(str::to_owned).ok_or_else(wrong);
            list.iter().map(text).collect::<Result<_, _>>()?
        }
        _ => return Err(wrong()),
    };
    if texts.iter().any(String::is_empty) {
        return Err(unfit("input", "input has an empty text"));
    }
    let encoding = match fields.remove("encoding_format") {
        None => Encoding::Float,
        Some(Value::String(name)) if name == "float" => Encoding::Float,
        Some(Value::String(name)) if name == "base64" => Encoding::Base64,
        Some(_) => return Err(unfit("encoding_format", "encoding_format is neither float nor base64")),
    };
    // Says who asks, for those who look for abuse; it asks for nothing.
    fields.remove("user");
    match fields.keys().next() {
        Some(name) => Err(unfit(name, format!("{name} is not supported by this gateway"))),
        None => Ok((EmbedAsk { model, texts }, encoding)),
    }
}

impl EmbedAsk {
    /// The bytes that a miner gets, whoever asks.
    pub fn to_wire(&self) -> Vec<u8> {
        json!({ "model": self.model, "input": self.texts, "encoding_format": "float" }).to_string().into_bytes()
    }

    /// The most tokens that the texts can be: no tokenizer makes more tokens than bytes, and a few around each text.
    pub fn most_tokens(&self) -> u64 {
        self.texts.iter().map(|text| text.len() as u64 + 4).sum()
    }
}

#[derive(Deserialize)]
struct Said {
    data: Vec<Datum>,
    #[serde(default)]
    usage: Claimed,
}

#[derive(Deserialize)]
struct Datum {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Default, Deserialize)]
struct Claimed {
    #[serde(default)]
    prompt_tokens: u64,
}

/// What a miner answered, in the order of the texts, and what it used, within what it can have used.
///
/// # Errors
/// What is wrong with it.
pub fn answer(ask: &EmbedAsk, body: &[u8]) -> Result<(Vec<Vec<f32>>, Usage), String> {
    let mut said: Said = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    said.data.sort_by_key(|datum| datum.index);
    if said.data.len() != ask.texts.len() || said.data.iter().enumerate().any(|(place, datum)| datum.index != place) {
        return Err(format!("{} embeddings for {} texts", said.data.len(), ask.texts.len()));
    }
    let width = said.data.first().map_or(0, |datum| datum.embedding.len());
    let fits =
        |datum: &Datum| datum.embedding.len() == width && datum.embedding.iter().all(|number| number.is_finite());
    if !(1..=MAX_WIDTH).contains(&width) || !said.data.iter().all(fits) {
        return Err("embeddings of several lengths, none, or with numbers that are none".to_owned());
    }
    let usage = Usage { prompt: said.usage.prompt_tokens.min(ask.most_tokens()), completion: 0 };
    Ok((said.data.into_iter().map(|datum| datum.embedding).collect(), usage))
}

/// The answer as OpenAI's clients read it.
pub fn show(model: &str, vectors: &[Vec<f32>], encoding: Encoding, usage: Usage) -> Value {
    let numbers = |vector: &Vec<f32>| match encoding {
        Encoding::Float => json!(vector),
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        }
    };
    let data: Vec<Value> = vectors
        .iter()
        .enumerate()
        .map(|(place, vector)| json!({ "object": "embedding", "index": place, "embedding": numbers(vector) }))
        .collect();
    let usage = json!({ "prompt_tokens": usage.prompt, "total_tokens": usage.prompt });
    json!({ "object": "list", "data": data, "model": model, "usage": usage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_strictly() {
        let (ask, encoding) = read(br#"{"model":"m","input":"a","encoding_format":"base64","user":"u"}"#).unwrap();
        assert_eq!((ask.texts.as_slice(), encoding), (["a".to_owned()].as_slice(), Encoding::Base64));
        assert_eq!(ask.to_wire(), br#"{"encoding_format":"float","input":["a"],"model":"m"}"#);
        let refused = [
            r#"{"input":"a"}"#,
            r#"{"model":"m"}"#,
            r#"{"model":"m","input":[]}"#,
            r#"{"model":"m","input":[[1,2]]}"#,
            r#"{"model":"m","input":""}"#,
            r#"{"model":"m","input":"a","encoding_format":"int8"}"#,
            r#"{"model":"m","input":"a","dimensions":16}"#,
        ];
        let refused: Vec<String> = refused.iter().map(|body| read(body.as_bytes()).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(refused.join("\n"), @r"
        model is missing, or no text
        input is no text and no list of 1 to 256 texts; tokens are not taken
        input is no text and no list of 1 to 256 texts; tokens are not taken
        input is no text and no list of 1 to 256 texts; tokens are not taken
        input has an empty text
        encoding_format is neither float nor base64
        dimensions is not supported by this gateway
        ");
    }

    #[test]
    fn answers_are_as_many_as_texts_and_claim_what_can_be_true() {
        let ask = EmbedAsk { model: "m".to_owned(), texts: vec!["ab".to_owned(), "c".to_owned()] };
        let body = |first: &str, tokens: u64| {
            format!(
                r#"{{"data":[{{"index":1,"embedding":[3.0,4.0]}},{{"index":0,"embedding":{first}}}],"usage":{{"prompt_tokens":{tokens}}}}}"#
            )
        };
        let (vectors, usage) = answer(&ask, body("[1.0,2.0]", 999).as_bytes()).unwrap();
        assert_eq!((vectors[0].as_slice(), usage.prompt), ([1.0, 2.0].as_slice(), 11));
        assert!(answer(&ask, body("[1.0]", 1).as_bytes()).is_err() && answer(&ask, b"{}").is_err());
        let shown = show("m", &vectors, Encoding::Base64, usage);
        assert_eq!(shown["data"][0]["embedding"], "AACAPwAAAEA=");
    }
}
