//! Canonical JSON: sorted keys, no white space, the escapes of Go's encoder (spec/akash.md 2.7).

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The canonical text of a JSON value.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

/// The same text with everything beyond ASCII as `\uXXXX`, as Python's encoder writes it (spec/akash.md 4.1).
pub fn ascii_text(value: &Value) -> String {
    let mut out = String::new();
    for c in text(value).chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// SHA-256 of a text.
pub fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The canonical text of one of this crate's types. They hold strings, integers, lists and string-keyed objects
/// only, for which serialisation cannot fail; JSON null would stand for a failure.
pub(crate) fn text_of(value: &impl Serialize) -> String {
    text(&serde_json::to_value(value).unwrap_or(Value::Null))
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            // The map's own order depends on a feature of serde_json that another crate may switch on.
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_bytes());
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(out, key);
                out.push(':');
                write_value(out, value);
            }
            out.push('}');
        }
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_bytewise_and_strings_escaped_as_go_does() {
        let value = json!({"b": 1, "a": [null, true, false], "B": "<&>\u{2028}\"\\\n\r\t\u{8}\u{c}\u{1}\u{7f}é"});
        assert_eq!(
            text(&value),
            "{\"B\":\"\\u003c\\u0026\\u003e\\u2028\\\"\\\\\\n\\r\\t\\b\\f\\u0001\u{7f}é\",\"a\":[null,true,false],\"b\":1}"
        );
    }

    #[test]
    fn ascii_escapes_use_surrogate_pairs() {
        assert_eq!(ascii_text(&json!("é☃😀")), r#""\u00e9\u2603\ud83d\ude00""#);
    }
}
