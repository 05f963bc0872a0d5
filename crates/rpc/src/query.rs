//! CometBFT's query language: `tm.event='Tx' AND transfer.recipient='tetra1…' AND tx.height>5`.

use thiserror::Error;

/// All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The conditions, in the order in which they were written.
    pub conditions: Vec<Condition>,
}

/// One condition on a composite key, `event_type.attribute`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The key.
    pub key: String,
    /// How it compares.
    pub op: Op,
    /// The value as text, without quotes; empty for `EXISTS`.
    pub value: String,
}

/// A comparison. All but equality, containment and existence compare whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `CONTAINS`
    Contains,
    /// `EXISTS`
    Exists,
}

/// A query that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("query {query:?} does not parse: {why}; write key='value' conditions joined by AND")]
pub struct QueryParseError {
    query: String,
    why: String,
}

/// Longest query that is looked at.
const LONGEST: usize = 512;

impl Query {
    /// Parses a query. An empty text is a query that everything matches.
    ///
    /// # Errors
    /// When the text breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, QueryParseError> {
        let fail = |why: String| QueryParseError { query: text.chars().take(LONGEST).collect(), why };
        if text.len() > LONGEST {
            return Err(fail(format!("it is longer than {LONGEST} bytes")));
        }
        let mut conditions = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (condition, tail) = condition(rest).map_err(fail)?;
            conditions.push(condition);
            rest = match tail.trim_start() {
                "" => "",
                tail => tail
                    .strip_prefix("AND ")
                    .ok_or_else(|| fail(format!("AND is missing before {tail:?}")))?
                    .trim_start(),
            };
        }
        Ok(Self { conditions })
    }

    /// Whether the conditions hold for composite keys and values.
    pub fn matches(&self, pairs: &[(String, String)]) -> bool {
        self.conditions
            .iter()
            .all(|condition| pairs.iter().any(|(key, value)| *key == condition.key && condition.holds(value)))
    }

    /// Whether the conditions leave room for a key that has this value and no other.
    pub fn may_match(&self, key: &str, value: &str) -> bool {
        self.conditions.iter().filter(|condition| condition.key == key).all(|condition| condition.holds(value))
    }
}

impl Condition {
    /// Whether a value satisfies the condition.
    pub fn holds(&self, value: &str) -> bool {
        let numbers = || Some((value.parse::<i128>().ok()?, self.value.parse::<i128>().ok()?));
        match self.op {
            Op::Equal => value == self.value,
            Op::Contains => value.contains(&self.value),
            Op::Exists => true,
            Op::Less => numbers().is_some_and(|(left, right)| left < right),
            Op::AtMost => numbers().is_some_and(|(left, right)| left <= right),
            Op::Greater => numbers().is_some_and(|(left, right)| left > right),
            Op::AtLeast => numbers().is_some_and(|(left, right)| left >= right),
        }
    }
}

fn condition(text: &str) -> Result<(Condition, &str), String> {
    let end = text.find(|c: char| c.is_whitespace() || "=<>'".contains(c)).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    if key.is_empty() {
        return Err(format!("a key is missing before {text:?}"));
    }
    let rest = rest.trim_start();
    let operators = [
        ("<=", Op::AtMost),
        (">=", Op::AtLeast),
        ("=", Op::Equal),
        ("<", Op::Less),
        (">", Op::Greater),
        ("CONTAINS", Op::Contains),
        ("EXISTS", Op::Exists),
    ];
    let found = operators.iter().find_map(|(sign, op)| Some((*op, rest.strip_prefix(sign)?)));
    let (op, rest) = found.ok_or_else(|| format!("no comparison after {key:?}"))?;
    let key = key.to_owned();
    if op == Op::Exists {
        return Ok((Condition { key, op, value: String::new() }, rest));
    }
    let rest = rest.trim_start();
    let (value, rest) = match rest.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\'').ok_or("a quote is not closed")?,
        None => match rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())) {
            ("", _) => return Err(format!("no value after {key:?}; write '' for an empty one")),
            split => split,
        },
    };
    Ok((Condition { key, op, value: value.to_owned() }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_clients_write() {
        let query = Query::parse("tm.event='Tx' AND transfer.recipient='tetra1x' AND tx.height>5").unwrap();
        assert_eq!(query.conditions.len(), 3);
        let good = pairs(&[("tm.event", "Tx"), ("transfer.recipient", "tetra1x"), ("tx.height", "6")]);
        assert!(query.matches(&good));
        let low = pairs(&[("tm.event", "Tx"), ("transfer.recipient", "tetra1x"), ("tx.height", "5")]);
        assert!(!query.matches(&low));
        assert!(Query::parse("tx.height = 5").unwrap().matches(&pairs(&[("tx.height", "5")])));
        assert!(Query::parse("a.b EXISTS").unwrap().matches(&pairs(&[("a.b", "x")])));
        assert!(Query::parse("a.b=''").unwrap().matches(&pairs(&[("a.b", "")])));
        assert!(Query::parse("").unwrap().matches(&[]));
    }

    #[test]
    fn mistakes_are_named() {
        for text in [
            "=",
            "a.b",
            "a.b=",
            "a.b = ",
            "a.b<",
            "a.b CONTAINS",
            "a.b='x' AND",
            "a.b='x",
            "a.b='x' OR c.d='y'",
            "a.b='x' c.d='y'",
        ] {
            assert!(Query::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,600}") {
            let _ = Query::parse(&text);
        }
    }
}
