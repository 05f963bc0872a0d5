//! What clients of the older Akash API send.

use std::sync::LazyLock;

use app::SignedTx;
use classic::Classic;
use proto::cosmos::tx::v1beta1::{TxBody, TxRaw};
use proto::{Any, Message};

use crate::chain::{Chain, recorded};

static CLASSIC: LazyLock<Classic> = LazyLock::new(Classic::new);
static CHAIN: LazyLock<Chain> = LazyLock::new(|| Chain::classic_at(6));

/// The first byte chooses a message or a query, the second which one; the rest is its bytes.
pub(crate) fn older(bytes: &[u8]) {
    let Some(([kind, number], bytes)) = bytes.split_first_chunk() else { return };
    let number = usize::from(*number);
    if kind % 2 == 0 {
        let urls: Vec<&str> = CLASSIC.message_urls().collect();
        message(urls[number % urls.len()], bytes);
    } else {
        let paths: Vec<&str> = CLASSIC.query_paths().collect();
        query(paths[number % paths.len()], bytes);
    }
}

fn message(url: &str, bytes: &[u8]) {
    let old = CLASSIC.message(url).unwrap();
    if let Ok(successor) = old.translate(bytes) {
        assert_eq!(old.translate(bytes).as_ref(), Ok(&successor), "{url} means two things");
    }
    // In a transaction that somebody else signed for something else: its signature is not looked at here.
    let raw = TxRaw::decode(recorded(3).first().unwrap().as_slice()).unwrap();
    let body = TxBody { messages: vec![Any { type_url: url.to_owned(), value: bytes.to_vec() }], ..TxBody::default() };
    let tx = TxRaw { body_bytes: body.encode_to_vec(), ..raw }.encode_to_vec();
    SignedTx::decode(&tx).unwrap_or_else(|refused| panic!("{url} in a transaction: {}", refused.message));
    CHAIN.app.simulate(&CHAIN.reader(), &tx).unwrap_or_else(|halt| panic!("{url} halts a simulation: {halt}"));
}

fn query(path: &str, bytes: &[u8]) {
    let old = CLASSIC.query(path).unwrap();
    let answer = CHAIN.app.query(&CHAIN.reader(), path, bytes);
    if let Ok(asked) = old.ask(bytes)
        && let Ok(found) = CHAIN.app.query(&CHAIN.reader(), old.successor(), &asked)
    {
        let said = old.answer(bytes, &found);
        let said = said.unwrap_or_else(|error| panic!("{path} cannot say what its successor answers: {error}"));
        assert_eq!(answer.ok(), Some(said), "{path} is answered in two ways");
    }
}
