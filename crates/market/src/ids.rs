//! Names of things: owner, then numbers, then provider, each level one part longer (spec/akash.md 1.3).
//!
//! In keys the parts stand one after the other, 20 bytes for an address and big-endian numbers, so that all that
//! belongs to one thing stands together. In text they are separated by slashes.

use ledger::{Context, Failure, Rejection};
use primitives::{Address, Prefix};
use proto::akash::deployment::v1 as deployment_wire;
use proto::akash::market::v1 as market_wire;
use store::Key;

use crate::refusal::{deployment, market};

/// A deployment: `owner/dseq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeploymentId {
    /// The tenant.
    pub owner: Address,
    /// Chosen by the client, never zero.
    pub dseq: u64,
}

/// A group of a deployment: `owner/dseq/gseq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId {
    /// The deployment.
    pub deployment: DeploymentId,
    /// From 1.
    pub gseq: u32,
}

/// A call for bids on a group: `owner/dseq/gseq/oseq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderId {
    /// The group.
    pub group: GroupId,
    /// From 1, one more for each order that follows.
    pub oseq: u32,
}

/// A provider's bid on an order, and the lease that it becomes: `owner/dseq/gseq/oseq/provider`. The wire's `bseq`
/// is zero always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BidId {
    /// The order.
    pub order: OrderId,
    /// The bidder.
    pub provider: Address,
}

/// A lease has the name of the bid that it came from.
pub type LeaseId = BidId;

impl DeploymentId {
    /// The id of a message.
    ///
    /// # Errors
    /// `deployment` 8 when it is missing or its number is zero, `sdk` 7 when the owner is no address.
    pub fn from_wire(ctx: &Context, id: Option<&deployment_wire::DeploymentId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| deployment::invalid_id("the deployment's id is missing"))?;
        let parsed = Self { owner: ctx.address(&id.owner)?, dseq: id.dseq };
        if parsed.dseq == 0 {
            return Err(deployment::invalid_id("dseq must not be 0; use the current block height").into());
        }
        Ok(parsed)
    }

    /// The id for messages, events and answers.
    pub fn to_wire(&self, prefix: &Prefix) -> deployment_wire::DeploymentId {
        deployment_wire::DeploymentId { owner: prefix.text(&self.owner), dseq: self.dseq }
    }

    /// `owner/dseq`, which also names its escrow account.
    pub fn text(&self, prefix: &Prefix) -> String {
        format!("{}/{}", prefix.text(&self.owner), self.dseq)
    }

    /// Parses `owner/dseq`.
    pub fn parse(prefix: &Prefix, text: &str) -> Option<Self> {
        let (owner, dseq) = text.split_once('/')?;
        Some(Self { owner: prefix.parse(owner).ok()?, dseq: dseq.parse().ok()? })
    }

    /// One of its groups.
    pub fn group(&self, gseq: u32) -> GroupId {
        GroupId { deployment: *self, gseq }
    }
}

impl GroupId {
    /// The id of a message.
    ///
    /// # Errors
    /// `deployment` 13 when it is missing or a number is zero, `sdk` 7 when the owner is no address.
    pub fn from_wire(ctx: &Context, id: Option<&deployment_wire::GroupId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| deployment::invalid_group_id("the group's id is missing"))?;
        if id.dseq == 0 || id.gseq == 0 {
            return Err(deployment::invalid_group_id("dseq and gseq must not be 0").into());
        }
        Ok(DeploymentId { owner: ctx.address(&id.owner)?, dseq: id.dseq }.group(id.gseq))
    }

    /// The id for messages, events and answers.
    pub fn to_wire(&self, prefix: &Prefix) -> deployment_wire::GroupId {
        let deployment_wire::DeploymentId { owner, dseq } = self.deployment.to_wire(prefix);
        deployment_wire::GroupId { owner, dseq, gseq: self.gseq }
    }

    /// `owner/dseq/gseq`.
    pub fn text(&self, prefix: &Prefix) -> String {
        format!("{}/{}", self.deployment.text(prefix), self.gseq)
    }

    /// One of its orders.
    pub fn order(&self, oseq: u32) -> OrderId {
        OrderId { group: *self, oseq }
    }
}

impl OrderId {
    /// The id of a message or query.
    ///
    /// # Errors
    /// `sdk` 18 when it is missing, `sdk` 7 when the owner is no address.
    pub fn from_wire(ctx: &Context, id: Option<&market_wire::OrderId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| Rejection::invalid_request("the order's id is missing"))?;
        let deployment = DeploymentId { owner: ctx.address(&id.owner)?, dseq: id.dseq };
        Ok(deployment.group(id.gseq).order(id.oseq))
    }

    /// The id for messages, events and answers.
    pub fn to_wire(&self, prefix: &Prefix) -> market_wire::OrderId {
        let deployment_wire::GroupId { owner, dseq, gseq } = self.group.to_wire(prefix);
        market_wire::OrderId { owner, dseq, gseq, oseq: self.oseq }
    }

    /// `owner/dseq/gseq/oseq`.
    pub fn text(&self, prefix: &Prefix) -> String {
        format!("{}/{}", self.group.text(prefix), self.oseq)
    }

    /// The bid of a provider.
    pub fn bid(&self, provider: Address) -> BidId {
        BidId { order: *self, provider }
    }

    /// The tenant.
    pub fn owner(&self) -> Address {
        self.group.deployment.owner
    }
}

impl BidId {
    /// The bid's id of a message or query.
    ///
    /// # Errors
    /// `sdk` 18 when it is missing, `market` 31 when `bseq` is not zero, `market` 2 when the tenant bids on the own
    /// order, `sdk` 7 when an address is none.
    pub fn from_wire(ctx: &Context, id: Option<&market_wire::BidId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| Rejection::invalid_request("the bid's id is missing"))?;
        let deployment = DeploymentId { owner: ctx.address(&id.owner)?, dseq: id.dseq };
        let parsed = deployment.group(id.gseq).order(id.oseq).bid(ctx.address(&id.provider)?);
        if id.bseq != 0 {
            return Err(market::invalid_bid(format!("bseq must be 0, not {}", id.bseq)).into());
        }
        if parsed.provider == deployment.owner {
            return Err(market::same_account(&id.owner).into());
        }
        Ok(parsed)
    }

    /// The lease's id of a message or query.
    ///
    /// # Errors
    /// As [`BidId::from_wire`].
    pub fn from_lease_wire(ctx: &Context, id: Option<&market_wire::LeaseId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| Rejection::invalid_request("the lease's id is missing"))?;
        let market_wire::LeaseId { owner, dseq, gseq, oseq, provider, bseq } = id.clone();
        Self::from_wire(ctx, Some(&market_wire::BidId { owner, dseq, gseq, oseq, provider, bseq }))
    }

    /// The bid's id for messages, events and answers.
    pub fn to_wire(&self, prefix: &Prefix) -> market_wire::BidId {
        let market_wire::OrderId { owner, dseq, gseq, oseq } = self.order.to_wire(prefix);
        market_wire::BidId { owner, dseq, gseq, oseq, provider: prefix.text(&self.provider), bseq: 0 }
    }

    /// The lease's id for messages, events and answers.
    pub fn to_lease_wire(&self, prefix: &Prefix) -> market_wire::LeaseId {
        let market_wire::BidId { owner, dseq, gseq, oseq, provider, bseq } = self.to_wire(prefix);
        market_wire::LeaseId { owner, dseq, gseq, oseq, provider, bseq }
    }

    /// `owner/dseq/gseq/oseq/provider`, which also names the bid's escrow account and its hold on capacity.
    pub fn text(&self, prefix: &Prefix) -> String {
        format!("{}/{}", self.order.text(prefix), prefix.text(&self.provider))
    }

    /// Parses `owner/dseq/gseq/oseq/provider`.
    pub fn parse(prefix: &Prefix, text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let [owner, dseq, gseq, oseq, provider] = parts.try_into().ok()?;
        let deployment = DeploymentId { owner: prefix.parse(owner).ok()?, dseq: dseq.parse().ok()? };
        let order = deployment.group(gseq.parse().ok()?).order(oseq.parse().ok()?);
        Some(order.bid(prefix.parse(provider).ok()?))
    }

    /// `gseq/oseq/provider`, which names the lease's payment out of the deployment's account.
    pub fn payment(&self, prefix: &Prefix) -> String {
        format!("{}/{}/{}", self.order.group.gseq, self.order.oseq, prefix.text(&self.provider))
    }

    /// The lease of a payment `gseq/oseq/provider` out of the account `owner/dseq`.
    pub fn of_payment(prefix: &Prefix, account: &str, payment: &str) -> Option<Self> {
        Self::parse(prefix, &format!("{account}/{payment}"))
    }

    /// The deployment.
    pub fn deployment(&self) -> DeploymentId {
        self.order.group.deployment
    }
}

macro_rules! parts_key {
    ($type:ident, $head:ident: $head_type:ty, $tail:ident: $tail_type:ty) => {
        impl Key for $type {
            fn write(&self, out: &mut Vec<u8>) {
                self.$head.write(out);
                self.$tail.write(out);
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(Self { $head: <$head_type>::read(bytes)?, $tail: <$tail_type>::read(bytes)? })
            }
        }
    };
}

parts_key!(DeploymentId, owner: Address, dseq: u64);
parts_key!(GroupId, deployment: DeploymentId, gseq: u32);
parts_key!(OrderId, group: GroupId, oseq: u32);
parts_key!(BidId, order: OrderId, provider: Address);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids() -> impl Strategy<Value = BidId> {
        (any::<[u8; 20]>(), any::<u64>(), any::<u32>(), any::<u32>(), any::<[u8; 20]>()).prop_map(
            |(owner, dseq, gseq, oseq, provider)| {
                let deployment = DeploymentId { owner: Address::new(owner), dseq };
                deployment.group(gseq).order(oseq).bid(Address::new(provider))
            },
        )
    }

    proptest! {
        #[test]
        fn texts_and_keys_are_inverse(id in ids(), other in ids()) {
            let prefix = Prefix::new("tetra").unwrap();
            prop_assert_eq!(BidId::parse(&prefix, &id.text(&prefix)), Some(id));
            let account = id.deployment().text(&prefix);
            prop_assert_eq!(DeploymentId::parse(&prefix, &account), Some(id.deployment()));
            prop_assert_eq!(BidId::of_payment(&prefix, &account, &id.payment(&prefix)), Some(id));
            prop_assert_eq!(BidId::read(&mut id.to_bytes().as_slice()), Some(id));
            prop_assert_eq!(id.to_bytes().cmp(&other.to_bytes()), id.cmp(&other));
        }

        #[test]
        fn foreign_texts_never_panic(text: String) {
            let prefix = Prefix::new("tetra").unwrap();
            let _ = BidId::parse(&prefix, &text);
            let _ = DeploymentId::parse(&prefix, &text);
        }
    }
}
