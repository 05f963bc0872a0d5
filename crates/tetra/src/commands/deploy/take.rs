//! Leases for all groups in one transaction.

use client::NodeError;
use primitives::Coins;
use proto::ToAny;
use proto::akash::market::v1::BidId;
use proto::akash::market::v1beta5::MsgCreateLease;

use super::Job;
use super::auction::cheapest;
use crate::commands::bid::Offer;
use crate::error::{Class, CliError, Result};

/// What the capacity ledger says when another took the hardware behind a bid.
const GONE: &str = "capacity gone";

/// Takes the chosen offers, all or none. Where the hardware behind one is gone, the next offer of that group is taken.
/// Gives what was taken, and the fee.
///
/// # Errors
/// When the chain refuses for another reason, or no offer is left for a group; the deployment stays open.
pub(super) async fn take(job: &Job<'_>, mut choice: Vec<Offer>, mut offers: Vec<Offer>) -> Result<(Vec<Offer>, Coins)> {
    loop {
        job.talk.step("taking the bids");
        let messages = choice.iter().map(|offer| MsgCreateLease { bid_id: Some(id(job, offer)) }.to_any()).collect();
        let error = match job.account.send(messages).await {
            Ok(confirmed) => return Ok((choice, confirmed.fee)),
            Err(error) => error,
        };
        let Some(lost) = gone(&error).and_then(|index| choice.get(index).cloned()) else { return Err(error.into()) };
        job.talk.line(&format!("the hardware behind the bid of {} is gone; taking the next offer", lost.provider));
        offers.retain(|offer| (offer.gseq, &offer.provider) != (lost.gseq, &lost.provider));
        let next = cheapest(&offers, lost.gseq).ok_or_else(|| {
            CliError::new(Class::Rejected, format!("group {} has no bid left whose hardware is free", lost.gseq))
                .hint(format!("wait for others: tetra deploy --resume {}", lost.dseq))
                .hint(format!("or get the deposit back: tetra deployment close {}", lost.dseq))
        })?;
        choice.iter_mut().filter(|offer| offer.gseq == lost.gseq).for_each(|offer| *offer = next.clone());
    }
}

fn id(job: &Job<'_>, offer: &Offer) -> BidId {
    BidId {
        owner: job.owner(),
        dseq: offer.dseq,
        gseq: offer.gseq,
        oseq: offer.oseq,
        provider: offer.provider.clone(),
        bseq: 0,
    }
}

/// Which message failed because hardware is gone.
fn gone(error: &NodeError) -> Option<usize> {
    let log = match error {
        NodeError::Rejected { log, .. } | NodeError::Query { log, .. } => log,
        _ => return None,
    };
    if !log.contains(GONE) {
        return None;
    }
    let index = log.split("message index: ").nth(1)?;
    index.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_hardware_leads_to_the_next_offer() {
        let query = |log: &str| NodeError::Query { code: 2, log: log.to_owned() };
        let log = "failed to execute message; message index: 3: capacity gone: another took what this offer stood on";
        assert_eq!(gone(&query(log)), Some(3));
        assert_eq!(gone(&query("failed to execute message; message index: 0: bid not open")), None);
        assert_eq!(gone(&query("capacity gone")), None);
    }
}
