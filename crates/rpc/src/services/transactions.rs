//! `cosmos.tx.v1beta1.Service`.

use app::TxResult;
use app::tx::hash;
use bytes::Bytes;
use ledger::QueryError;
use proto::cosmos::base::abci::v1beta1 as abci;
use proto::cosmos::tx::v1beta1::{
    BroadcastMode, BroadcastTxRequest, BroadcastTxResponse, GetBlockWithTxsRequest, GetBlockWithTxsResponse,
    GetTxRequest, GetTxResponse, GetTxsEventRequest, GetTxsEventResponse, OrderBy, SimulateRequest, SimulateResponse,
    Tx, TxRaw,
};
use proto::tendermint::abci::{Event, EventAttribute};
use proto::{Message, ToAny};

use super::chain::{comet_block, held};
use super::page::Page;
use super::{decode, internal};
use crate::Backend;
use crate::backend::{Submitted, TxFound};
use crate::query::Query;

fn events(result: &TxResult) -> Vec<Event> {
    let attribute =
        |(key, value): &(String, String)| EventAttribute { key: key.clone(), value: value.clone(), index: true };
    let event = |event: &ledger::Event| Event {
        r#type: event.kind.clone(),
        attributes: event.attributes.iter().map(attribute).collect(),
    };
    result.events.iter().map(event).collect()
}

/// The raw bytes of a request that carries a transaction encoded, or, as old clients do, in parts.
fn raw(tx_bytes: Vec<u8>, tx: Option<Tx>) -> Result<Vec<u8>, QueryError> {
    if !tx_bytes.is_empty() {
        return Ok(tx_bytes);
    }
    let tx = tx.ok_or_else(|| QueryError::invalid("tx_bytes is empty"))?;
    let raw = TxRaw {
        body_bytes: tx.body.unwrap_or_default().encode_to_vec(),
        auth_info_bytes: tx.auth_info.unwrap_or_default().encode_to_vec(),
        signatures: tx.signatures,
    };
    Ok(raw.encode_to_vec())
}

pub(super) fn simulate(node: &dyn Backend, request: &[u8]) -> Result<Vec<u8>, QueryError> {
    let request: SimulateRequest = decode(request)?;
    let result = node.simulate(&raw(request.tx_bytes, request.tx)?)?;
    if result.code != 0 {
        return Err(QueryError::invalid(result.log));
    }
    let data = abci::TxMsgData::decode(result.data.as_slice()).map_err(internal)?;
    let response = SimulateResponse {
        gas_info: Some(abci::GasInfo { gas_wanted: result.gas_wanted, gas_used: result.gas_used }),
        result: Some(abci::Result {
            events: events(&result),
            data: result.data,
            log: result.log,
            msg_responses: data.msg_responses,
        }),
    };
    Ok(response.encode_to_vec())
}

pub(super) async fn broadcast(node: &dyn Backend, request: &[u8]) -> Result<Vec<u8>, QueryError> {
    let request: BroadcastTxRequest = decode(request)?;
    let tells = match BroadcastMode::try_from(request.mode) {
        Ok(BroadcastMode::Sync) => true,
        Ok(BroadcastMode::Async) => false,
        _ => {
            let why =
                "this mode is not supported: use BROADCAST_MODE_SYNC or BROADCAST_MODE_ASYNC, then look with GetTx";
            return Err(QueryError::invalid(why));
        }
    };
    if request.tx_bytes.is_empty() {
        return Err(QueryError::invalid("invalid empty tx"));
    }
    let tx = Bytes::from(request.tx_bytes);
    let txhash = hex::encode_upper(hash(&tx));
    let mut response = abci::TxResponse { txhash, ..abci::TxResponse::default() };
    match node.submit(tx).await {
        // The answer does not wait for admission in CometBFT either; here it does, but does not tell.
        _ if !tells => {}
        Submitted::Checked(checked) => {
            response.code = checked.code;
            response.codespace = checked.codespace;
            response.raw_log = checked.log;
            response.gas_wanted = checked.gas_wanted.try_into().unwrap_or(i64::MAX);
        }
        Submitted::Known => {
            response.code = 19;
            response.codespace = "sdk".to_owned();
            response.raw_log = "tx already in mempool".to_owned();
        }
        Submitted::Full(why) => {
            response.code = 20;
            response.codespace = "sdk".to_owned();
            response.raw_log = why;
        }
    }
    Ok(BroadcastTxResponse { tx_response: Some(response) }.encode_to_vec())
}

fn parts(tx: &[u8]) -> Result<Tx, QueryError> {
    let raw = TxRaw::decode(tx).map_err(internal)?;
    Ok(Tx {
        body: Some(decode(&raw.body_bytes)?),
        auth_info: Some(decode(&raw.auth_info_bytes)?),
        signatures: raw.signatures,
    })
}

fn response(node: &dyn Backend, found: &TxFound, tx: &Tx) -> Result<abci::TxResponse, QueryError> {
    let time = node.block(found.height)?.block.header.time;
    let result = &found.result;
    Ok(abci::TxResponse {
        height: found.height.try_into().unwrap_or(i64::MAX),
        txhash: hex::encode_upper(found.hash),
        codespace: result.codespace.clone(),
        code: result.code,
        data: hex::encode_upper(&result.data),
        raw_log: result.log.clone(),
        gas_wanted: result.gas_wanted.try_into().unwrap_or(i64::MAX),
        gas_used: result.gas_used.try_into().unwrap_or(i64::MAX),
        tx: Some(tx.to_any()),
        timestamp: time.to_rfc3339(),
        events: events(result),
        ..abci::TxResponse::default()
    })
}

pub(super) fn get(node: &dyn Backend, request: &[u8]) -> Result<Vec<u8>, QueryError> {
    let request: GetTxRequest = decode(request)?;
    let id = hex::decode(&request.hash).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let id = id.ok_or_else(|| QueryError::invalid("hash must be 64 hex digits"))?;
    let found = node.tx(&id).map_err(internal)?;
    let found = found.ok_or_else(|| QueryError::not_found(format!("tx not found: {}", request.hash)))?;
    let tx = parts(&found.tx)?;
    let tx_response = Some(response(node, &found, &tx)?);
    Ok(GetTxResponse { tx: Some(tx), tx_response }.encode_to_vec())
}

pub(super) fn search(node: &dyn Backend, request: &[u8]) -> Result<Vec<u8>, QueryError> {
    let request: GetTxsEventRequest = decode(request)?;
    let text = if request.query.is_empty() { request.events.join(" AND ") } else { request.query };
    let query = Query::parse(&text).map_err(|error| QueryError::invalid(error.to_string()))?;
    if query.conditions.is_empty() {
        return Err(QueryError::invalid("must declare at least one event to search"));
    }
    // Old clients page as lists of the state do.
    let page = Page::parse(request.pagination.filter(|_| request.page == 0 && request.limit == 0))?;
    let (skip, limit) = match request.limit {
        0 if request.page == 0 => (page.skip, page.limit),
        asked => {
            let limit = if asked == 0 { page.limit } else { usize::try_from(asked.min(100)).unwrap_or(100) };
            let pages_before = usize::try_from(request.page.max(1) - 1).unwrap_or(usize::MAX);
            (pages_before.saturating_mul(limit), limit)
        }
    };
    let descending = request.order_by == OrderBy::Desc as i32;
    let page = node.search(&query, skip, limit, descending)?;
    let mut answer = GetTxsEventResponse { total: page.total as u64, ..GetTxsEventResponse::default() };
    for found in &page.txs {
        let tx = parts(&found.tx)?;
        answer.tx_responses.push(response(node, found, &tx)?);
        answer.txs.push(tx);
    }
    Ok(answer.encode_to_vec())
}

/// A block with its transactions taken apart.
pub(super) fn block(node: &dyn Backend, request: &[u8]) -> Result<Vec<u8>, QueryError> {
    let request: GetBlockWithTxsRequest = decode(request)?;
    let page = Page::parse(request.pagination)?;
    let found = node.block(held(request.height)?)?;
    let (block_id, block) = comet_block(&found)?;
    let (raw, pagination) = page.cut(found.block.data.clone());
    let txs = raw.iter().map(|tx| parts(tx)).collect::<Result<_, _>>()?;
    Ok(GetBlockWithTxsResponse { txs, block_id: Some(block_id), block: Some(block), pagination }.encode_to_vec())
}
