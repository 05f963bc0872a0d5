//! The node itself: `cosmos.base.node.v1beta1.Service`, and of `cosmos.base.tendermint.v1beta1.Service` what is no block.

use ledger::QueryError;
use primitives::Dec;
use proto::cosmos::base::node::v1beta1::{ConfigResponse, StatusResponse};
use proto::cosmos::base::tendermint::v1beta1::{GetNodeInfoResponse, GetSyncingResponse, VersionInfo};
use proto::tendermint::p2p::{DefaultNodeInfo, DefaultNodeInfoOther, ProtocolVersion};
use proto::tetra::fees::v1::{QueryParamsRequest, QueryParamsResponse};
use proto::{Message, Timestamp};

use super::{decode, internal};
use crate::Backend;

/// A price without zeros at its end.
fn short(wire: &str) -> Result<String, QueryError> {
    let text = Dec::from_wire(wire).map_err(internal)?.to_string();
    Ok(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// Prices and pruning. The prices are the chain's and not the node's: every node asks for the same.
pub(super) fn config(node: &dyn Backend, height: u64) -> Result<Vec<u8>, QueryError> {
    let request = QueryParamsRequest {}.encode_to_vec();
    let answer = node.query("/tetra.fees.v1.Query/Params", &request, height, false)?;
    let params = decode::<QueryParamsResponse>(&answer.value)?.params.unwrap_or_default();
    let price = |one: &proto::cosmos::base::v1beta1::DecCoin| Ok(format!("{}{}", short(&one.amount)?, one.denom));
    let prices = params.gas_prices.iter().map(price).collect::<Result<Vec<String>, QueryError>>()?;
    // Zero heights and interval zero are the Cosmos SDK's words for a node that keeps all.
    let history = node.info().history;
    let response = ConfigResponse {
        minimum_gas_price: prices.join(","),
        pruning_keep_recent: history.unwrap_or(0).to_string(),
        pruning_interval: if history.is_some() { "1" } else { "0" }.to_owned(),
        halt_height: 0,
    };
    Ok(response.encode_to_vec())
}

/// Heights and hashes of the last block; before the first one they are zero and empty.
pub(super) fn status(node: &dyn Backend) -> Result<Vec<u8>, QueryError> {
    let info = node.info();
    let mut response =
        StatusResponse { earliest_store_height: info.base, height: info.tip, ..StatusResponse::default() };
    if info.tip > 0 {
        let header = node.block(info.tip)?.block.header.clone();
        let time = tendermint_proto::google::protobuf::Timestamp::from(header.time);
        response.timestamp = Some(Timestamp { seconds: time.seconds, nanos: time.nanos });
        response.validator_hash = header.validators_hash.as_bytes().to_vec();
        response.app_hash = header.app_hash.as_bytes().to_vec();
    }
    Ok(response.encode_to_vec())
}

/// As JSON-RPC's `status` shows the node.
pub(super) fn info(node: &dyn Backend) -> Vec<u8> {
    let info = node.info();
    let own = DefaultNodeInfo {
        protocol_version: Some(ProtocolVersion { p2p: 8, block: 11, app: 1 }),
        default_node_id: info.node_id,
        listen_addr: info.p2p_listen,
        network: info.chain_id,
        version: crate::COMET_VERSION.to_owned(),
        channels: Vec::new(),
        moniker: info.moniker,
        other: Some(DefaultNodeInfoOther { tx_index: "on".to_owned(), rpc_address: info.rpc_listen }),
    };
    // What belongs to Go stays empty.
    let program = VersionInfo {
        name: "tetra".to_owned(),
        app_name: "tetra".to_owned(),
        version: info.version,
        cosmos_sdk_version: crate::SDK_VERSION.to_owned(),
        ..VersionInfo::default()
    };
    GetNodeInfoResponse { default_node_info: Some(own), application_version: Some(program) }.encode_to_vec()
}

pub(super) fn syncing(node: &dyn Backend) -> Vec<u8> {
    GetSyncingResponse { syncing: node.info().catching_up }.encode_to_vec()
}
