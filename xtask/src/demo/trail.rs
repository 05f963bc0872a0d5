//! The story of one deployment as its owner's transactions tell it: what was set aside, at which rate, from which block
//! to which.

use serde_json::Value;

use super::chain::{Chain, Money, Tx};
use super::money::Rate;
use crate::failure::{Doing, Failure, Result};

/// The first lease of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The deployment's number.
    pub(crate) dseq: String,
    /// Who won the auction.
    pub(crate) provider: String,
    /// Per block.
    pub(crate) rate: Rate,
    /// The rate as the chain writes it.
    pub(crate) rate_text: String,
    /// What it is paid in.
    pub(crate) denom: String,
    /// The block of the lease.
    pub(crate) from: u64,
}

/// The lease that `owner` made after a block.
///
/// # Errors
/// When there is none.
pub(crate) fn lease(chain: &Chain, owner: &str, after: u64) -> Result<Lease> {
    let txs = chain.txs_of(owner, after, chain.height()?)?;
    let found = txs.iter().find_map(|tx| Some((tx.height, tx.event("EventLeaseCreated")?)));
    let (from, event) = found.ok_or_else(|| Failure::new(format!("the chain shows no lease of {owner}")))?;
    let id = typed(event, "id");
    let price = typed(event, "price");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rate_text = text(&price["amount"]);
    Ok(Lease {
        dseq: text(&id["dseq"]),
        provider: text(&id["provider"]),
        rate: Rate::parse(&rate_text)?,
        rate_text,
        denom: text(&price["denom"]),
        from,
    })
}

/// The block in which a deployment was closed by its owner.
///
/// # Errors
/// When it was not.
pub(crate) fn closed(chain: &Chain, owner: &str, dseq: &str, after: u64) -> Result<u64> {
    let txs = chain.txs_of(owner, after, chain.height()?)?;
    let closes = |tx: &&Tx| tx.event("EventDeploymentClosed").is_some_and(|event| typed(event, "id")["dseq"] == dseq);
    let tx = txs.iter().find(closes).ok_or_else(|| Failure::new(format!("deployment {dseq} was not closed")))?;
    Ok(tx.height)
}

/// What the owner moved into escrow in the transactions after one block and up to another, gross of refunds.
///
/// # Errors
/// When an event does not parse.
pub(crate) fn deposited(chain: &Chain, owner: &str, escrow: &str, after: u64, until: u64) -> Result<Money> {
    let mut money = Money::default();
    for tx in chain.txs_of(owner, after, until)? {
        let transfers = tx.events.iter().filter(|event| event.kind == "transfer");
        let into =
            transfers.filter(|t| t.attribute("sender") == Some(owner) && t.attribute("recipient") == Some(escrow));
        for transfer in into {
            money.add_text(transfer.attribute("amount").unwrap_or_default()).doing("a transfer")?;
        }
    }
    Ok(money)
}

/// Attributes of typed events are JSON.
fn typed(event: &super::chain::Event, key: &str) -> Value {
    event.attribute(key).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
