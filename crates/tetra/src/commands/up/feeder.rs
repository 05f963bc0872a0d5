//! Made-up prices of a local network, posted as long as it runs. The chain marks every price of it as simulated.

use std::time::Duration;

use client::Node;
use client::account::{Account, Fees};
use proto::ToAny;
use proto::tetra::oracle::v1::{MsgPostPrices, Price, QueryParamsRequest, QueryParamsResponse};

use super::accounts::{DevAccount, Role};
use crate::context::{Context, Global};
use crate::error::Result;

/// From one post to the next; a price counts for ten minutes.
const PERIOD: Duration = Duration::from_secs(60);
/// What a whole unit of the first costs in the second, millionths, around which the script moves. A TET is what providers of
/// local networks take it for.
const AROUND: [(&str, u64); 3] = [("EUR/USD", 1_100_000), ("LUX/USD", 4_000_000), ("TET/USD", 500_000)];
/// The script: ten-thousandths of that, one after the other, and again.
const SCRIPT: [u64; 12] = [10_000, 10_020, 10_045, 10_030, 10_010, 9_990, 9_965, 9_950, 9_970, 9_985, 9_995, 10_005];

/// Who posts them.
pub struct Feeder {
    account: Account,
    step: usize,
}

impl Feeder {
    /// The feeder of a network; none where its genesis names none of ours.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn find(
        context: &Context,
        node: Option<&Node>,
        accounts: &[DevAccount],
        block_interval_ms: u64,
    ) -> Result<Option<Self>> {
        let account = accounts.iter().find(|account| account.role == Role::Feeder);
        let (Some(node), Some(account)) = (node, account) else { return Ok(None) };
        let global = Global { node: Some(node.url().to_owned()), ..context.global.clone() };
        let network = Context { global, home: context.home.clone() }.network().await?;
        let found: QueryParamsResponse = node.query("/tetra.oracle.v1.Query/Params", &QueryParamsRequest {}).await?;
        let params = found.params.unwrap_or_default();
        if !params.simulated || !params.feeders.contains(&account.text(&network.prefix)) {
            return Ok(None);
        }
        let blocks = Duration::from_millis(block_interval_ms.saturating_mul(4));
        let fees = Fees { inclusion_limit: network.fees.inclusion_limit + blocks, ..network.fees };
        let account = Account::new(node.clone(), account.key.clone(), network.prefix, network.chain_id, fees);
        Ok(Some(Self { account, step: 0 }))
    }

    /// Posts the next prices of the script.
    ///
    /// # Errors
    /// When the chain does not take them.
    pub async fn post(&mut self) -> Result {
        let message = MsgPostPrices { feeder: self.account.text(), prices: prices(self.step) };
        self.step += 1;
        self.account.send(vec![message.to_any()]).await?;
        Ok(())
    }

    /// Posts for ever. What the chain does not take is told in the log, and the next is tried.
    pub async fn feed(&mut self) {
        loop {
            tokio::time::sleep(PERIOD).await;
            if let Err(error) = self.post().await {
                tracing::warn!(%error, "the simulated prices were not posted");
            }
        }
    }
}

fn prices(step: usize) -> Vec<Price> {
    let part = SCRIPT[step % SCRIPT.len()];
    AROUND.iter().map(|(pair, around)| Price { pair: (*pair).to_owned(), micros: around * part / 10_000 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_stays_near_its_middle_and_repeats() {
        let lux = |step| prices(step)[1].micros;
        assert_eq!((lux(0), lux(1), lux(12)), (4_000_000, 4_008_000, 4_000_000));
        assert!((0..12).map(lux).all(|micros| micros.abs_diff(4_000_000) <= 20_000));
    }
}
