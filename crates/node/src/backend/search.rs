//! `tx_search` over the index of transactions.

use disk::{Found, IndexedTx, Order, TxIndex};
use rpc::BackendError;
use rpc::query::{Op, Query};

/// Most transactions that a search may look at one by one. What the index cannot narrow to so many is refused.
pub(super) const MOST_SCANNED: usize = 10_000;

/// What of a query the index answers.
struct Plan {
    exact: disk::Query,
    /// Whether conditions are left that each transaction must be looked at for.
    residual: bool,
}

/// How the index helps with a query; none when nothing can match.
fn plan(query: &Query) -> Option<Plan> {
    let mut exact = disk::Query::default();
    let (mut low, mut high) = (0u64, u64::MAX);
    let mut residual = false;
    for condition in &query.conditions {
        let number = condition.value.parse::<u64>().ok();
        match (condition.key.as_str(), condition.op, number) {
            ("tm.event", Op::Equal, _) if condition.value == "Tx" => {}
            ("tm.event", Op::Equal, _) => return None,
            ("tx.height", Op::Equal, Some(height)) => (low, high) = (low.max(height), high.min(height)),
            ("tx.height", Op::AtLeast, Some(height)) => low = low.max(height),
            ("tx.height", Op::Greater, Some(height)) => low = low.max(height.checked_add(1)?),
            ("tx.height", Op::AtMost, Some(height)) => high = high.min(height),
            ("tx.height", Op::Less, Some(height)) => high = high.min(height.checked_sub(1)?),
            ("tx.hash", Op::Equal, _) => {
                let hash = hex::decode(&condition.value).ok()?;
                if exact.hash.replace(hash.clone()).is_some_and(|other| other != hash) {
                    return None;
                }
            }
            (key, Op::Equal, _) if !key.starts_with("tx.") => {
                exact.events.push(disk::Event { key: condition.key.clone(), value: condition.value.clone() });
            }
            _ => residual = true,
        }
    }
    exact.heights = low..=high;
    (low <= high).then_some(Plan { exact, residual })
}

/// The composite keys of an indexed transaction.
fn keys(tx: &IndexedTx) -> Vec<(String, String)> {
    let own =
        [("tm.event", "Tx".to_owned()), ("tx.hash", hex::encode_upper(&tx.hash)), ("tx.height", tx.height.to_string())];
    let own = own.into_iter().map(|(key, value)| (key.to_owned(), value));
    own.chain(tx.events.iter().map(|event| (event.key.clone(), event.value.clone()))).collect()
}

/// Finds transactions; at most `most` are looked at one by one.
pub(super) fn search(
    index: &TxIndex,
    query: &Query,
    order: Order,
    skip: usize,
    limit: usize,
    most: usize,
) -> Result<Found, BackendError> {
    let internal = |error: disk::Error| BackendError::Internal(error.to_string());
    let Some(Plan { exact, residual }) = plan(query) else { return Ok(Found::default()) };
    if !residual {
        return index.search(&exact, order, skip, limit).map_err(internal);
    }
    let candidates = index.search(&exact, order, 0, 0).map_err(internal)?.total;
    if candidates > most {
        return Err(BackendError::Wide { candidates, most });
    }
    let mut matching = index.search(&exact, order, 0, most).map_err(internal)?.txs;
    // The hash was compared as bytes: in a query it may be written in either case.
    let rest: Vec<_> =
        query.conditions.iter().filter(|one| (one.key.as_str(), one.op) != ("tx.hash", Op::Equal)).collect();
    let rest = Query { conditions: rest.into_iter().cloned().collect() };
    matching.retain(|tx| rest.matches(&keys(tx)));
    Ok(Found { total: matching.len(), txs: matching.into_iter().skip(skip).take(limit).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use disk::{BlockStore, Database, Event};

    /// An index of the heights 1 to 20 with one transaction each, whose `a.parity` is `even` or `odd`.
    fn index() -> TxIndex {
        let database = Database::memory();
        let part = database.part(disk::parts::CHAIN).unwrap();
        let (blocks, index) = (BlockStore::open(part.clone()).unwrap(), TxIndex::open(part).unwrap());
        let tx = |height: u64| IndexedTx {
            height,
            index: 0,
            hash: vec![height as u8; 32],
            result: Vec::new(),
            events: vec![
                Event { key: "a.parity".into(), value: if height.is_multiple_of(2) { "even" } else { "odd" }.into() },
                Event { key: "a.amount".into(), value: (height * 10).to_string() },
            ],
        };
        let mut batch = store::Batch::default();
        index.stage(&mut batch, &(1..=20).map(tx).collect::<Vec<_>>());
        blocks.write(batch).unwrap();
        index
    }

    fn heights(query: &str, most: usize) -> Result<(usize, Vec<u64>), BackendError> {
        let query = Query::parse(query).unwrap();
        let found = search(&index(), &query, Order::Ascending, 0, 3, most)?;
        Ok((found.total, found.txs.iter().map(|tx| tx.height).collect()))
    }

    #[test]
    fn conditions_by_index_and_by_looking() {
        let hash = "0B".repeat(32);
        for (query, total, page) in [
            ("a.parity='even'".to_owned(), 10, vec![2, 4, 6]),
            ("tm.event='Tx' AND a.parity='odd' AND tx.height>=18".to_owned(), 1, vec![19]),
            ("a.amount>170".to_owned(), 3, vec![18, 19, 20]),
            ("a.amount>170 AND a.parity='even'".to_owned(), 2, vec![18, 20]),
            ("a.parity CONTAINS 'dd' AND tx.height<4".to_owned(), 2, vec![1, 3]),
            ("tx.hash EXISTS AND tx.height=7".to_owned(), 1, vec![7]),
            (format!("tx.hash='{hash}'"), 1, vec![11]),
            (format!("tx.hash='{}' AND a.amount EXISTS", hash.to_lowercase()), 1, vec![11]),
            (format!("tx.hash='{hash}' AND tx.hash='{}'", "0A".repeat(32)), 0, vec![]),
            ("tx.hash='zz'".to_owned(), 0, vec![]),
            ("tx.height<0".to_owned(), 0, vec![]),
            ("tx.height>18446744073709551615".to_owned(), 0, vec![]),
            ("tx.height>5 AND tx.height<5".to_owned(), 0, vec![]),
            ("tx.height='x'".to_owned(), 0, vec![]),
            ("tm.event='NewBlock'".to_owned(), 0, vec![]),
        ] {
            assert_eq!(heights(&query, 20), Ok((total, page)), "{query}");
        }
    }

    #[test]
    fn looking_at_too_many_is_refused_and_says_so() {
        let error = heights("a.amount>170", 19).unwrap_err();
        assert_eq!(error, BackendError::Wide { candidates: 20, most: 19 });
        assert!(error.to_string().contains("20 transactions, at most 19"), "{error}");
        // What the index narrows may be looked at.
        assert_eq!(heights("a.amount>170 AND a.parity='even'", 10), Ok((2, vec![18, 20])));
        assert_eq!(heights("a.amount>170 AND tx.height>15", 5), Ok((3, vec![18, 19, 20])));
    }
}
