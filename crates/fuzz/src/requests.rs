//! What clients ask.

use std::sync::LazyLock;

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
