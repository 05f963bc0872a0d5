//! What a wallet must know of a chain to work with it: the document that Keplr's `experimentalSuggestChain` takes, read
//! off the chain itself (`@keplr-wallet/chain-validator` has the rules).

use primitives::Dec;
use proto::cosmos::auth::v1beta1::{Bech32PrefixRequest, Bech32PrefixResponse};
use proto::cosmos::bank::v1beta1::{Metadata, QueryDenomsMetadataRequest, QueryDenomsMetadataResponse};
use proto::cosmos::base::query::v1beta1::PageRequest;
use proto::cosmos::base::v1beta1::DecCoin;
use proto::tetra::fees::v1::{QueryParamsRequest, QueryParamsResponse};
use serde_json::{Value, json};
use thiserror::Error;

use crate::{Node, NodeError};

/// Coin type of BIP-44 for Cosmos chains, which this program's own keys use too.
const COIN_TYPE: u32 = 118;
/// Longest name that Keplr takes.
const LONGEST_NAME: usize = 36;

/// Why there is no such document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainInfoError {
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A price that is none.
    #[error("the chain's gas price in {denom} is malformed: {why}")]
    Price {
        /// The denom.
        denom: String,
        /// Why.
        why: String,
    },
    /// Wallets want a coin that fees are paid in.
    #[error("this chain asks for no fees: wallets such as Keplr need a coin that fees are paid in")]
    Free,
}

/// The document for a chain whose RPC and REST are at these URLs. The lowest price is the chain's, which is enough; the
/// highest is twice that, since mempools prefer transactions that pay more.
///
/// # Errors
/// When the node does not answer, or the chain has no fees.
pub async fn chain_info(node: &Node, rpc: &str, rest: &str) -> Result<Value, ChainInfoError> {
    let status = node.status().await?;
    let answer: Bech32PrefixResponse =
        node.query("/cosmos.auth.v1beta1.Query/Bech32Prefix", &Bech32PrefixRequest {}).await?;
    let prefix = answer.bech32_prefix;
    let described = metadata(node).await?;
    let answer: QueryParamsResponse = node.query("/tetra.fees.v1.Query/Params", &QueryParamsRequest {}).await?;
    let prices = answer.params.unwrap_or_default().gas_prices;
    let first = prices.first().ok_or(ChainInfoError::Free)?;

    let currency_of = |denom: &str| {
        let found = described.iter().find(|metadata| metadata.base == denom);
        found.map_or_else(|| plain(denom), currency)
    };
    let mut currencies: Vec<Value> = described.iter().map(currency).collect();
    let undescribed = prices.iter().filter(|price| !described.iter().any(|metadata| metadata.base == price.denom));
    currencies.extend(undescribed.map(|price| plain(&price.denom)));
    let with_price = |price: &DecCoin| {
        let mut shown = currency_of(&price.denom);
        let least = decimal(price)?;
        shown["gasPriceStep"] = json!({ "low": least, "average": least, "high": least * 2.0 });
        Ok(shown)
    };
    let fees = prices.iter().map(with_price).collect::<Result<Vec<Value>, ChainInfoError>>()?;
    Ok(json!({
        "chainId": status.chain_id,
        "chainName": status.chain_id.chars().take(LONGEST_NAME).collect::<String>(),
        "rpc": rpc,
        "rest": rest,
        "bip44": { "coinType": COIN_TYPE },
        "bech32Config": {
            "bech32PrefixAccAddr": prefix,
            "bech32PrefixAccPub": format!("{prefix}pub"),
            "bech32PrefixValAddr": format!("{prefix}valoper"),
            "bech32PrefixValPub": format!("{prefix}valoperpub"),
            "bech32PrefixConsAddr": format!("{prefix}valcons"),
            "bech32PrefixConsPub": format!("{prefix}valconspub"),
        },
        "currencies": currencies,
        "feeCurrencies": fees,
        "stakeCurrency": currency_of(&first.denom),
        "features": ["query:/cosmos/bank/v1beta1/spendable_balances"],
    }))
}

/// How people see the denoms, all pages.
async fn metadata(node: &Node) -> Result<Vec<Metadata>, NodeError> {
    let mut all = Vec::new();
    let mut key = Vec::new();
    loop {
        let pagination = Some(PageRequest { key, ..PageRequest::default() });
        let answer: QueryDenomsMetadataResponse =
            node.query("/cosmos.bank.v1beta1.Query/DenomsMetadata", &QueryDenomsMetadataRequest { pagination }).await?;
        all.extend(answer.metadatas);
        key = answer.pagination.unwrap_or_default().next_key;
        if key.is_empty() {
            return Ok(all);
        }
    }
}

fn currency(metadata: &Metadata) -> Value {
    let display = metadata.denom_units.iter().find(|unit| unit.denom == metadata.display);
    match display {
        Some(unit) => {
            let name = if metadata.symbol.is_empty() { &unit.denom } else { &metadata.symbol };
            json!({ "coinDenom": name, "coinMinimalDenom": metadata.base, "coinDecimals": unit.exponent })
        }
        None => plain(&metadata.base),
    }
}

/// A denom that nobody described.
fn plain(denom: &str) -> Value {
    json!({ "coinDenom": denom, "coinMinimalDenom": denom, "coinDecimals": 0 })
}

fn decimal(price: &DecCoin) -> Result<f64, ChainInfoError> {
    let wrong = |why: String| ChainInfoError::Price { denom: price.denom.clone(), why };
    let exact = Dec::from_wire(&price.amount).map_err(|error| wrong(error.to_string()))?;
    exact.to_string().parse().map_err(|error: std::num::ParseFloatError| wrong(error.to_string()))
}
