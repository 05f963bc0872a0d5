//! Blocks and validators: `cosmos.base.tendermint.v1beta1.Service`, and `cosmos.consensus.v1.Query`.

use futures::future::BoxFuture;
use ledger::{QueryError, QueryStatus};
use primitives::validators::Validator as Member;
use primitives::{Address, Prefix};
use proto::cosmos::base::query::v1beta1::PageRequest;
use proto::cosmos::base::tendermint::v1beta1 as sdk;
use proto::cosmos::base::tendermint::v1beta1::{
    AbciQueryRequest, AbciQueryResponse, GetBlockByHeightRequest, GetBlockByHeightResponse, GetLatestBlockResponse,
    GetLatestValidatorSetRequest, GetLatestValidatorSetResponse, GetValidatorSetByHeightRequest,
    GetValidatorSetByHeightResponse, ProofOp, ProofOps, Validator,
};
use proto::cosmos::consensus::v1::QueryParamsResponse;
use proto::cosmos::crypto::ed25519::PubKey;
use proto::tendermint::types::{
    AbciParams, Block, BlockId, BlockParams, ConsensusParams, EvidenceParams, Header, ValidatorParams, VersionParams,
};
use proto::{Duration, Message, ToAny};
use tendermint_proto::v0_38::types as comet;

use super::page::Page;
use super::{decode, internal};
use crate::Backend;
use crate::backend::{Answer, BlockFound};
use crate::encode::{EVIDENCE_AGE_BLOCKS, EVIDENCE_AGE_HOURS};
use crate::methods::{abci_code, log_of};

/// The method's own path.
const ABCI_QUERY: &str = "/cosmos.base.tendermint.v1beta1.Service/ABCIQuery";

/// Another crate's message of the same wire format.
fn same<M: Message + Default>(message: &impl Message) -> Result<M, QueryError> {
    M::decode(message.encode_to_vec().as_slice()).map_err(internal)
}

/// A block and its id as CometBFT's messages.
pub(super) fn comet_block(found: &BlockFound) -> Result<(BlockId, Block), QueryError> {
    let id = same(&comet::BlockId::from(found.id))?;
    let block = same(&comet::Block::from(found.block.as_ref().clone()))?;
    Ok((id, block))
}

/// The text of a validator's consensus address, such as `tetravalcons1…`.
fn consensus_text(prefix: &Prefix, address: &[u8]) -> Result<String, QueryError> {
    let bytes = <[u8; 20]>::try_from(address).map_err(|_| internal("a consensus address has 20 bytes"))?;
    let prefix = Prefix::new(&format!("{}valcons", prefix.as_str())).map_err(internal)?;
    Ok(prefix.text(&Address::new(bytes)))
}

/// The block with its proposer as text.
fn shown(prefix: &Prefix, block: &Block) -> Result<sdk::Block, QueryError> {
    let header = block.header.clone().map(|header| shown_header(prefix, header)).transpose()?;
    let Block { data, evidence, last_commit, .. } = block.clone();
    Ok(sdk::Block { header, data, evidence, last_commit })
}

fn shown_header(prefix: &Prefix, header: Header) -> Result<sdk::Header, QueryError> {
    Ok(sdk::Header {
        version: header.version,
        chain_id: header.chain_id,
        height: header.height,
        time: header.time,
        last_block_id: header.last_block_id,
        last_commit_hash: header.last_commit_hash,
        data_hash: header.data_hash,
        validators_hash: header.validators_hash,
        next_validators_hash: header.next_validators_hash,
        consensus_hash: header.consensus_hash,
        app_hash: header.app_hash,
        last_results_hash: header.last_results_hash,
        evidence_hash: header.evidence_hash,
        proposer_address: consensus_text(prefix, &header.proposer_address)?,
    })
}

/// A height of a request; latest is not among them.
pub(super) fn held(height: i64) -> Result<u64, QueryError> {
    let wrong = || QueryError::invalid(format!("height must be 1 or more, not {height}"));
    u64::try_from(height).ok().filter(|height| *height > 0).ok_or_else(wrong)
}

fn block_at(node: &dyn Backend, height: u64) -> Result<GetBlockByHeightResponse, QueryError> {
    let (block_id, block) = comet_block(&node.block(height)?)?;
    let sdk_block = Some(shown(&node.info().prefix, &block)?);
    Ok(GetBlockByHeightResponse { block_id: Some(block_id), block: Some(block), sdk_block })
}

pub(super) fn latest_block(node: &dyn Backend) -> Result<Vec<u8>, QueryError> {
    let GetBlockByHeightResponse { block_id, block, sdk_block } = block_at(node, 0)?;
    Ok(GetLatestBlockResponse { block_id, block, sdk_block }.encode_to_vec())
}

pub(super) fn block_by_height(node: &dyn Backend, request: &[u8]) -> Result<Vec<u8>, QueryError> {
    let request: GetBlockByHeightRequest = decode(request)?;
    Ok(block_at(node, held(request.height)?)?.encode_to_vec())
}

fn validators(
    node: &dyn Backend,
    height: u64,
    pagination: Option<PageRequest>,
) -> Result<GetValidatorSetByHeightResponse, QueryError> {
    let page = Page::parse(pagination)?;
    let (height, set) = node.validators(height)?;
    let prefix = node.info().prefix;
    let one = |member: &Member| {
        Ok(Validator {
            address: consensus_text(&prefix, member.address.as_bytes())?,
            pub_key: Some(PubKey { key: member.public_key.to_vec() }.to_any()),
            voting_power: wide(member.power),
            proposer_priority: member.priority,
        })
    };
    let all = set.validators().iter().map(one).collect::<Result<Vec<_>, QueryError>>()?;
    let (validators, pagination) = page.cut(all);
    Ok(GetValidatorSetByHeightResponse { block_height: wide(height), validators, pagination })
}

pub(super) fn latest_validators(node: &dyn Backend, request: &[u8]) -> Result<Vec<u8>, QueryError> {
    let request: GetLatestValidatorSetRequest = decode(request)?;
    let found = validators(node, node.info().tip.max(1), request.pagination)?;
    let GetValidatorSetByHeightResponse { block_height, validators, pagination } = found;
    Ok(GetLatestValidatorSetResponse { block_height, validators, pagination }.encode_to_vec())
}

pub(super) fn validators_by_height(node: &dyn Backend, request: &[u8]) -> Result<Vec<u8>, QueryError> {
    let request: GetValidatorSetByHeightRequest = decode(request)?;
    Ok(validators(node, held(request.height)?, request.pagination)?.encode_to_vec())
}

/// As JSON-RPC's `abci_query`: a refusal is an answer with a code. A future on the heap, since it asks the table that it
/// stands in.
pub(super) fn abci_query<'a>(node: &'a dyn Backend, request: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, QueryError>> {
    Box::pin(async move {
        let request: AbciQueryRequest = decode(request)?;
        if request.path == ABCI_QUERY {
            return Err(QueryError::invalid("ABCIQuery does not ask itself: name the method that is wanted"));
        }
        let height = u64::try_from(request.height).map_err(|_| QueryError::invalid("height is negative"))?;
        let response = match super::answer(node, &request.path, &request.data, height, request.prove).await {
            Ok(answer) => answered(answer),
            Err(QueryError { status: QueryStatus::Internal, message }) => return Err(internal(message)),
            Err(error) => refused(&error, node.info().tip),
        };
        Ok(response.encode_to_vec())
    })
}

fn wide(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn answered(answer: Answer) -> AbciQueryResponse {
    let op = |(kind, key, data)| ProofOp { r#type: kind, key, data };
    let ops: Vec<ProofOp> = answer.proof.into_iter().map(op).collect();
    AbciQueryResponse {
        key: answer.key,
        value: answer.value,
        proof_ops: (!ops.is_empty()).then_some(ProofOps { ops }),
        height: wide(answer.height),
        ..AbciQueryResponse::default()
    }
}

fn refused(error: &QueryError, tip: u64) -> AbciQueryResponse {
    let (code, name) = abci_code(error.status);
    AbciQueryResponse {
        code,
        log: log_of(error.status, name, &error.message),
        height: wide(tip),
        codespace: "sdk".to_owned(),
        ..AbciQueryResponse::default()
    }
}

/// As JSON-RPC's `consensus_params`.
pub(super) fn consensus_params(node: &dyn Backend) -> Vec<u8> {
    let (bytes, gas) = node.block_limits();
    let params = ConsensusParams {
        block: Some(BlockParams { max_bytes: wide(bytes), max_gas: wide(gas) }),
        evidence: Some(EvidenceParams {
            max_age_num_blocks: EVIDENCE_AGE_BLOCKS,
            max_age_duration: Some(Duration { seconds: EVIDENCE_AGE_HOURS * 3600, nanos: 0 }),
            max_bytes: 0,
        }),
        validator: Some(ValidatorParams { pub_key_types: vec!["ed25519".to_owned()] }),
        version: Some(VersionParams { app: 1 }),
        abci: Some(AbciParams { vote_extensions_enable_height: 0 }),
    };
    QueryParamsResponse { params: Some(params) }.encode_to_vec()
}
