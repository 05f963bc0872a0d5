//! The document that a chain begins with: what is fixed for good, and each module's state.

use std::sync::Arc;

use ledger::{BlockInfo, Chain, Context, Failure};
use primitives::validators::ValidatorSet;
use primitives::{Address, AddressError, Prefix};
use proto::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Empty, Reader, State, WriteSet};
use thiserror::Error;

use crate::chain::Limits;
use crate::money::{self, Imbalance};
use crate::{App, chain, seed};

/// A genesis document, JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// The chain id: letters, digits and dashes, at most 50.
    pub chain_id: String,
    /// Header time of block 0, in seconds since 1970.
    pub genesis_time: i64,
    /// Whether this is a development network, on which keys marked `dev` may be used and prices may be simulated.
    #[serde(default)]
    pub dev: bool,
    /// The bech32 prefix of addresses.
    pub prefix: String,
    /// The interval between blocks that the engine aims at, in milliseconds.
    pub block_interval_ms: u64,
    /// The account that may change parameters.
    pub authority: String,
    /// Whether messages and queries of the older Akash API are taken as well (docs/protocol.md).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub classic: bool,
    /// Limits of a block.
    #[serde(default)]
    pub limits: Limits,
    /// State of the modules.
    pub state: ModuleStates,
}

/// The state of each module at genesis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModuleStates {
    /// Accounts that exist before their first coin.
    pub accounts: ledger::accounts::genesis::Genesis,
    /// Denoms and balances.
    pub bank: ledger::bank::genesis::Genesis,
    /// Gas prices and the gas schedule.
    pub fees: ledger::fees::genesis::Genesis,
    /// Take rates.
    pub take: ledger::take::genesis::Genesis,
    /// Registered providers.
    pub provider: ledger::provider::genesis::Genesis,
    /// What auditors signed.
    pub audit: ledger::audit::genesis::Genesis,
    /// Certificates of accounts.
    pub cert: ledger::cert::genesis::Genesis,
    /// The block validators.
    pub validators: ledger::validators::genesis::Genesis,
    /// Escrow accounts and payments.
    pub escrow: ledger::escrow::genesis::Genesis,
    /// Hosts and holds.
    pub capacity: ledger::capacity::genesis::Genesis,
    /// Feeders and prices.
    pub oracle: ledger::oracle::Genesis,
    /// Deployments, orders, bids, leases.
    pub market: market::genesis::Genesis,
    /// Credits, epochs, nodes, jobs and audits of renders.
    pub render: render::Genesis,
    /// Hotkeys, stakes, subnets, neurons, weights, and the emission of WIT.
    pub subnet: subnet::Genesis,
    /// Devices on offer, their proofs and classes, quotes and clusters.
    pub cluster: cluster::Genesis,
}

/// Why a genesis document cannot start a chain.
#[derive(Debug, Error)]
pub enum GenesisError {
    /// Not JSON of this shape.
    #[error("genesis does not parse: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A chain id that breaks the rule.
    #[error("{0:?} is not a chain id: 1 to 50 letters, digits and dashes are wanted")]
    ChainId(String),
    /// The prefix or the authority is malformed.
    #[error("genesis: {0}")]
    Address(#[from] AddressError),
    /// A limit that cannot work.
    #[error("genesis: {0}")]
    Limits(&'static str),
    /// A module refuses its state.
    #[error("genesis: {0}")]
    Module(#[from] Failure),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] store::Error),
    /// Balances and supplies differ.
    #[error("genesis: money does not add up: {0}")]
    Money(Box<Imbalance>),
}

/// A chain about to begin.
pub struct Beginning {
    /// The machine.
    pub app: App,
    /// The state after genesis, to be committed as height 0.
    pub writes: WriteSet,
    /// The validators of heights 1 and 2.
    pub validators: (ValidatorSet, ValidatorSet),
}

impl Genesis {
    /// Parses a document.
    ///
    /// # Errors
    /// When it is not JSON of this shape.
    pub fn parse(text: &str) -> Result<Self, GenesisError> {
        Ok(serde_json::from_str(text)?)
    }

    /// The header time of block 0.
    pub fn time(&self) -> Timestamp {
        Timestamp { seconds: self.genesis_time, nanos: 0 }
    }

    fn chain(&self) -> Result<Chain, GenesisError> {
        let id = &self.chain_id;
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !plain || !(1..=50).contains(&id.len()) {
            return Err(GenesisError::ChainId(id.clone()));
        }
        let prefix = Prefix::new(&self.prefix)?;
        let authority: Address = prefix.parse(&self.authority)?;
        if !(50..=600_000).contains(&self.block_interval_ms) {
            return Err(GenesisError::Limits("block_interval_ms must lie between 50 and 600000"));
        }
        if !(4096..=1 << 20).contains(&self.limits.max_block_bytes) {
            return Err(GenesisError::Limits("max_block_bytes must lie between 4096 and 1048576 (1 MiB)"));
        }
        if self.limits.max_tx_bytes > self.limits.max_block_bytes / 2 {
            return Err(GenesisError::Limits("max_tx_bytes must be at most half of max_block_bytes"));
        }
        let (block_interval_ms, classic, dev) = (self.block_interval_ms, self.classic, self.dev);
        Ok(Chain { id: id.clone(), prefix, block_interval_ms, authority, classic, dev })
    }

    /// Builds the state after genesis.
    ///
    /// # Errors
    /// When the document breaks a rule; the message names it.
    pub fn begin(&self) -> Result<Beginning, GenesisError> {
        let chain = Arc::new(self.chain()?);
        let empty: Arc<dyn Reader> = Arc::new(Empty);
        let block = BlockInfo { height: 0, time: self.time(), seed: [0; 32] };
        let mut context = Context::new(State::new(empty.clone()), block, chain.clone());
        chain::set_facts(&mut context.state, &chain, &self.limits);
        chain::set_last(&mut context.state, 0, self.time(), seed::first(&chain.id));
        self.state.import(&mut context)?;
        let validators = ledger::validators::sets(&context)?;

        let Context { state, flow, .. } = context;
        let writes = state.into_writes();
        if let Some(imbalance) = money::check(empty.as_ref(), &writes, &flow)? {
            return Err(GenesisError::Money(Box::new(imbalance)));
        }
        Ok(Beginning { app: App::new(chain), writes, validators })
    }
}

impl ModuleStates {
    fn import(&self, context: &mut Context) -> Result<(), Failure> {
        ledger::accounts::genesis::import(context, &self.accounts)?;
        ledger::bank::genesis::import(context, &self.bank)?;
        ledger::fees::genesis::import(context, &self.fees)?;
        ledger::take::genesis::import(context, &self.take)?;
        ledger::provider::genesis::import(context, &self.provider)?;
        ledger::audit::genesis::import(context, &self.audit)?;
        ledger::cert::genesis::import(context, &self.cert)?;
        ledger::validators::genesis::import(context, &self.validators)?;
        ledger::escrow::genesis::import(context, &self.escrow)?;
        ledger::capacity::genesis::import(context, &self.capacity)?;
        ledger::oracle::genesis::import(context, &self.oracle)?;
        market::genesis::import(context, &self.market)?;
        render::genesis::import(context, &self.render)?;
        subnet::genesis::import(context, &self.subnet)?;
        cluster::genesis::import(context, &self.cluster)
    }

    /// The state of each module that `reader` shows, as a document.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn export(app: &App, reader: &Arc<dyn Reader>) -> Result<Self, Failure> {
        let context = app.reading(reader)?;
        Ok(Self {
            accounts: ledger::accounts::genesis::export(&context)?,
            bank: ledger::bank::genesis::export(&context)?,
            fees: ledger::fees::genesis::export(&context)?,
            take: ledger::take::genesis::export(&context)?,
            provider: ledger::provider::genesis::export(&context)?,
            audit: ledger::audit::genesis::export(&context)?,
            cert: ledger::cert::genesis::export(&context)?,
            validators: ledger::validators::genesis::export(&context)?,
            escrow: ledger::escrow::genesis::export(&context)?,
            capacity: ledger::capacity::genesis::export(&context)?,
            oracle: ledger::oracle::genesis::export(&context)?,
            market: market::genesis::export(&context)?,
            render: render::genesis::export(&context)?,
            subnet: subnet::genesis::export(&context)?,
            cluster: cluster::genesis::export(&context)?,
        })
    }
}
