//! What a message runs in: state, the block that it is part of, and what it announces.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use primitives::{Address, Denom, Height, Prefix};
use proto::{Message, Name, Timestamp};
use store::State;

use crate::failure::{Failure, Rejection};

/// Facts of the chain that genesis fixes for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The chain id, part of every signature.
    pub id: String,
    /// The bech32 prefix of its addresses.
    pub prefix: Prefix,
    /// The interval between blocks that the engine aims at, in milliseconds.
    pub block_interval_ms: u64,
    /// The account that may change parameters until governance stands.
    pub authority: Address,
    /// Whether messages and queries of the older Akash API are taken as well.
    pub classic: bool,
    /// Whether it is a development network, where some things may be simulated and say so.
    pub dev: bool,
}

/// The block being executed, or for a query the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its height.
    pub height: Height,
    /// Its header time.
    pub time: Timestamp,
    /// Randomness known from this height on: SHA-256 of a domain tag, the previous seed and the previous block's hash.
    pub seed: [u8; 32],
}

impl BlockInfo {
    /// The header time in milliseconds since 1970, rounded down.
    pub fn time_ms(&self) -> u64 {
        let millis = self.time.seconds.saturating_mul(1000).saturating_add(i64::from(self.time.nanos) / 1_000_000);
        u64::try_from(millis).unwrap_or(0)
    }
}

/// Milliseconds since 1970 as answers and announcements show them.
pub fn timestamp(millis: u64) -> Timestamp {
    let nanos = i32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    Timestamp { seconds: i64::try_from(millis / 1000).unwrap_or(i64::MAX), nanos }
}

/// An announcement, CometBFT's `abci.Event`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// A protobuf message name for typed events, or a Cosmos name such as `transfer`.
    pub kind: String,
    /// Keys and values in order.
    pub attributes: Vec<(String, String)>,
}

impl Event {
    /// An event with attributes as they are.
    pub fn new<const N: usize>(kind: &str, attributes: [(&str, String); N]) -> Self {
        let attributes = attributes.map(|(key, value)| (key.to_owned(), value)).to_vec();
        Self { kind: kind.to_owned(), attributes }
    }
}

/// Value created and destroyed, per denom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Base units minted in the block so far.
    pub minted: BTreeMap<Denom, u128>,
    /// Base units burned in the block so far.
    pub burned: BTreeMap<Denom, u128>,
}

/// Something that a part did and that modules above it must react to. `app` routes these; no part calls up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An escrow account is closed, or overdrawn, which ends it as well.
    EscrowClosed {
        /// `deployment` or `bid`.
        scope: proto::akash::escrow::id::v1::Scope,
        /// The account's id within its scope.
        xid: String,
        /// Whether funds ran out.
        overdrawn: bool,
    },
    /// A payment out of an escrow account is closed, or overdrawn.
    PaymentClosed {
        /// The id of its escrow account, of deployment scope.
        xid: String,
        /// The payment's id within the account.
        payment: String,
        /// Whether funds ran out.
        overdrawn: bool,
    },
    /// A hold ended without its market having asked for that.
    HoldEnded {
        /// Which market held.
        market: String,
        /// The market's name of the holder.
        reference: String,
        /// Whether the hold was firm, so that a tenant lost something.
        firm: bool,
    },
}

/// What a message runs in.
pub struct Context {
    /// The state, with the layer of the running transaction on top.
    pub state: State,
    /// The block.
    pub block: BlockInfo,
    /// The chain.
    pub chain: Arc<Chain>,
    /// Announcements so far, of the running transaction or of the block's end.
    pub events: Vec<Event>,
    /// What `app` has yet to route.
    pub outcomes: VecDeque<Outcome>,
    /// Value created and destroyed in the block so far.
    pub flow: Flow,
}

impl Context {
    /// A context at a block.
    pub fn new(state: State, block: BlockInfo, chain: Arc<Chain>) -> Self {
        Self { state, block, chain, events: Vec::new(), outcomes: VecDeque::new(), flow: Flow::default() }
    }

    /// Runs `work` on a layer of its own: what it wrote, announced, minted and burned stays only if it succeeds.
    ///
    /// # Errors
    /// The failure of `work`.
    pub fn attempt<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let (events, outcomes, flow) = (self.events.len(), self.outcomes.clone(), self.flow.clone());
        self.state.fork();
        let result = work(self);
        if result.is_ok() {
            self.state.apply();
        } else {
            self.state.discard();
            self.events.truncate(events);
            self.outcomes = outcomes;
            self.flow = flow;
        }
        result
    }

    /// Parses an address of this chain.
    ///
    /// # Errors
    /// `sdk` 7 when the text is no such address.
    pub fn address(&self, text: &str) -> Result<Address, Failure> {
        let parsed = self.chain.prefix.parse(text);
        parsed.map_err(|error| Rejection::invalid_address(error.to_string()).into())
    }

    /// An address as text of this chain.
    pub fn text(&self, address: &Address) -> String {
        self.chain.prefix.text(address)
    }

    /// Refuses all but the authority.
    ///
    /// # Errors
    /// `sdk` 4 when another account signed, `sdk` 7 when the text is no address.
    pub fn require_authority(&self, text: &str) -> Result<(), Failure> {
        if self.address(text)? == self.chain.authority {
            return Ok(());
        }
        let authority = self.text(&self.chain.authority);
        Err(Rejection::unauthorized(format!("only the authority {authority} may change this, not {text}")).into())
    }

    /// Announces a Cosmos-style event.
    pub fn announce(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Announces a typed event: the kind is the protobuf name, the attributes are the fields with JSON values
    /// (spec/akash.md 1.14). `fields` are `(proto field name, value)`.
    pub fn announce_typed<M: Message + Name, const N: usize>(&mut self, fields: [(&str, serde_json::Value); N]) {
        let attributes = fields.map(|(key, value)| (key.to_owned(), value.to_string())).to_vec();
        self.events.push(Event { kind: M::full_name(), attributes });
    }
}
