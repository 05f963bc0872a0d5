//! Names of things: who owns it, then what tells it from others of that owner.

use ledger::capacity::HostKey;
use ledger::{Context, Failure};
use primitives::{Address, Prefix};
use proto::tetra::cluster::v1 as wire;
use store::Key;

use crate::refusal;

/// The number of a node in its cluster, from 1; never given twice.
pub type NodeNumber = u32;

/// A host on offer: `owner/host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OfferId {
    /// The supplier.
    pub owner: Address,
    /// Its host.
    pub host: HostKey,
}

/// A cluster, and the quote that it comes from: `tenant/cseq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterId {
    /// Who pays.
    pub tenant: Address,
    /// Chosen by the client, never zero.
    pub cseq: u64,
}

impl OfferId {
    /// The id of a message that names owner and key apart.
    ///
    /// # Errors
    /// `cluster_supply` 2 when the key has not 32 bytes, `sdk` 7 when the owner is no address.
    pub fn of(ctx: &Context, owner: &str, host_key: &[u8]) -> Result<Self, Failure> {
        let host = host_key.try_into().map_err(|_| refusal::supply::invalid("a host key has 32 bytes"))?;
        Ok(Self { owner: ctx.address(owner)?, host })
    }

    /// The id of a message or query.
    ///
    /// # Errors
    /// As [`Self::of`]; `cluster_supply` 2 when it is missing.
    pub fn from_wire(ctx: &Context, id: Option<&wire::OfferId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| refusal::supply::invalid("the offer's id is missing"))?;
        Self::of(ctx, &id.owner, &id.host_key)
    }

    /// The id for messages, events and answers.
    pub fn to_wire(&self, prefix: &Prefix) -> wire::OfferId {
        wire::OfferId { owner: prefix.text(&self.owner), host_key: self.host.to_vec() }
    }

    /// `owner/host`.
    pub fn text(&self, prefix: &Prefix) -> String {
        format!("{}/{}", prefix.text(&self.owner), hex::encode(self.host))
    }
}

impl ClusterId {
    /// The id of a message or query.
    ///
    /// # Errors
    /// `cluster` 2 when it is missing or its number is zero, `sdk` 7 when the tenant is no address.
    pub fn from_wire(ctx: &Context, id: Option<&wire::ClusterId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| refusal::hire::invalid("the cluster's id is missing"))?;
        if id.cseq == 0 {
            return Err(refusal::hire::invalid("cseq must not be 0; use the current block height").into());
        }
        Ok(Self { tenant: ctx.address(&id.tenant)?, cseq: id.cseq })
    }

    /// The id for messages, events and answers.
    pub fn to_wire(&self, prefix: &Prefix) -> wire::ClusterId {
        wire::ClusterId { tenant: prefix.text(&self.tenant), cseq: self.cseq }
    }

    /// `tenant/cseq`.
    pub fn text(&self, prefix: &Prefix) -> String {
        format!("{}/{}", prefix.text(&self.tenant), self.cseq)
    }

    /// The name of its account in escrow, `cluster/tenant/cseq`, which no deployment's has.
    pub fn account(&self, prefix: &Prefix) -> String {
        format!("cluster/{}", self.text(prefix))
    }

    /// The cluster of an account in escrow.
    pub fn of_account(prefix: &Prefix, xid: &str) -> Option<Self> {
        Self::parse(prefix, xid.strip_prefix("cluster/")?)
    }

    /// Parses `tenant/cseq`.
    pub fn parse(prefix: &Prefix, text: &str) -> Option<Self> {
        let (tenant, cseq) = text.split_once('/')?;
        Some(Self { tenant: prefix.parse(tenant).ok()?, cseq: cseq.parse().ok()? })
    }

    /// The name of a node's hold, `tenant/cseq/number`.
    pub fn reference(&self, prefix: &Prefix, number: NodeNumber) -> String {
        format!("{}/{number}", self.text(prefix))
    }

    /// Parses a node's hold.
    pub fn parse_reference(prefix: &Prefix, text: &str) -> Option<(Self, NodeNumber)> {
        let (cluster, number) = text.rsplit_once('/')?;
        Some((Self::parse(prefix, cluster)?, number.parse().ok()?))
    }
}

impl Key for OfferId {
    fn write(&self, out: &mut Vec<u8>) {
        self.owner.write(out);
        self.host.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { owner: Address::read(bytes)?, host: HostKey::read(bytes)? })
    }
}

impl Key for ClusterId {
    fn write(&self, out: &mut Vec<u8>) {
        self.tenant.write(out);
        self.cseq.write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { tenant: Address::read(bytes)?, cseq: u64::read(bytes)? })
    }
}
