//! What clients ask.

use std::sync::LazyLock;

use rpc::foreign::Rest;
use rpc::query::Query;

use crate::chain::Chain;

pub(crate) fn search(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(query) = Query::parse(text) else { return };
    let pairs: Vec<(String, String)> =
        query.conditions.iter().map(|condition| (condition.key.clone(), condition.value.clone())).collect();
    let _ = query.matches(&pairs);
    let _ = query.matches(&[]);
}

/// The first byte chooses the query, the rest is its request.
pub(crate) fn query(bytes: &[u8]) {
    static CHAIN: LazyLock<Chain> = LazyLock::new(|| Chain::at(6));
    static PATHS: LazyLock<Vec<&str>> = LazyLock::new(|| CHAIN.app.query_paths().collect());
    let Some((first, request)) = bytes.split_first() else { return };
    // Refusals are answers too.
    let _ = CHAIN.app.query(&CHAIN.reader(), PATHS[usize::from(*first) % PATHS.len()], request);
}

static REST: LazyLock<Rest> = LazyLock::new(|| Rest::load().unwrap());

/// A request as its first line and its body: `GET /path?query`, and what follows the line's end.
pub(crate) fn rest(bytes: &[u8]) {
    static CHAIN: LazyLock<Chain> = LazyLock::new(|| Chain::at(6));
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, body) = bytes.split_at(end);
    let Ok(line) = std::str::from_utf8(line) else { return };
    let Some((verb, uri)) = line.split_once(' ') else { return };
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let Some(Ok((method, request))) = REST.asks(verb, path, query, body.get(1..).unwrap_or_default()) else { return };
    if let Ok(answer) = CHAIN.app.query(&CHAIN.reader(), &method, &request) {
        let shown = REST.shows(verb, path, &answer).unwrap();
        let shown = shown.unwrap_or_else(|why| panic!("the answer of {method} cannot be shown: {why}"));
        serde_json::from_str::<serde_json::Value>(&shown).unwrap_or_else(|error| panic!("{method} shows {error}"));
    }
}

/// The first byte chooses the message, the rest is its JSON.
pub(crate) fn json(bytes: &[u8]) {
    let Some((first, text)) = bytes.split_first() else { return };
    let kind = usize::from(*first) % REST.kinds();
    let Ok((message, written)) = REST.reads(kind, text) else { return };
    let again = REST.reads(kind, written.as_bytes());
    let again = again.unwrap_or_else(|why| panic!("what was written is not read: {why}: {written}"));
    assert_eq!(again, (message, written), "JSON changes a message on the way");
}
