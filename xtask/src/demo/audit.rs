//! Balances before and after a deployment, compared with what its lease must have cost.

use std::collections::BTreeMap;

use super::chain::{Chain, module_address};
use super::checks::Checks;
use super::money::{change, due};
use super::network::Network;
use super::trail;
use crate::failure::{Failure, Result};

/// What the network's accounts hold.
const DENOMS: [&str; 2] = ["utet", "uusd"];

/// The accounts that money moves between.
#[derive(Debug)]
pub(crate) struct Audit {
    chain: Chain,
    tenant: String,
    providers: BTreeMap<String, String>,
    /// Posts made-up prices, for which it pays gas as everybody does.
    feeder: Option<String>,
    pool: String,
    fee_collector: String,
    escrow: String,
    begin: u64,
}

impl Audit {
    /// Begins after the last block.
    ///
    /// # Errors
    /// When the chain cannot be asked.
    pub(crate) fn begin(network: &Network, chain: Chain, tenant: &str) -> Result<Self> {
        let prefix = tenant.rsplit_once('1').map_or(tenant, |(prefix, _)| prefix);
        let providers = network.report.providers.iter();
        Ok(Self {
            tenant: tenant.to_owned(),
            providers: providers.map(|provider| (provider.name.clone(), provider.address.clone())).collect(),
            feeder: network.account("oracle").ok().map(str::to_owned),
            pool: module_address(prefix, "community_pool")?,
            fee_collector: module_address(prefix, "fee_collector")?,
            escrow: module_address(prefix, "escrow")?,
            begin: chain.height()?,
            chain,
        })
    }

    /// The block after which it began.
    pub(crate) fn begin_height(&self) -> u64 {
        self.begin
    }

    fn moved(&self, address: &str, denom: &str, until: u64) -> Result<i128> {
        change(self.chain.balance(address, denom, self.begin)?, self.chain.balance(address, denom, until)?)
    }

    /// Checks every account at the block in which the deployment of `lease` was closed, and prints the auditor's bill.
    ///
    /// # Errors
    /// When the chain cannot be asked; claims that do not hold are no errors here.
    pub(crate) fn check(&self, checks: &mut Checks, lease: &trail::Lease) -> Result {
        let until = trail::closed(&self.chain, &self.tenant, &lease.dseq, self.begin)?;
        let blocks = until - lease.from;
        let percent = self.chain.take_percent(&lease.denom)?;
        let set_aside = trail::deposited(&self.chain, &self.tenant, &self.escrow, self.begin, until)?.of(&lease.denom);
        let due = due(set_aside, lease.rate, blocks, percent)?;
        let unit = &lease.denom;
        println!("  lease from block {} to {until}: {blocks} blocks at {} {unit}", lease.from, lease.rate_text);
        println!("  set aside {set_aside} {unit} = earned {} + dust {} + refund {}", due.earned, due.dust, due.refund);
        println!("  earned {} {unit} = provider {} + take of {percent} % {}", due.earned, due.paid, due.take);

        let signed = |amount: u128| change(0, amount);
        for denom in DENOMS {
            let in_denom = |amount: u128| if denom == unit { signed(amount) } else { Ok(0) };
            let fees = |payer: &str| self.chain.fees(payer, self.begin, until);
            let (fee, count) = fees(&self.tenant)?;
            let (fee, mut all_fees) = (signed(fee.of(denom))?, 0);
            all_fees += fee;
            let cost = in_denom(due.earned + due.dust)?;
            let text = format!("tenant, {denom}: -{cost} for the lease, -{fee} for gas of {count} transactions");
            checks.equal(&text, self.moved(&self.tenant, denom, until)?, -cost - fee);
            for (name, address) in &self.providers {
                let (fee, count) = fees(address)?;
                let fee = signed(fee.of(denom))?;
                all_fees += fee;
                let won = if *address == lease.provider { in_denom(due.paid)? } else { 0 };
                let text = format!("{name}, {denom}: +{won} for the lease, -{fee} for gas of {count} transactions");
                checks.equal(&text, self.moved(address, denom, until)?, won - fee);
            }
            if let Some(feeder) = &self.feeder {
                all_fees += signed(fees(feeder)?.0.of(denom))?;
            }
            let take = in_denom(due.take + due.dust)?;
            checks.equal(
                &format!("community pool, {denom}: take and dust"),
                self.moved(&self.pool, denom, until)?,
                take,
            );
            let collected = self.moved(&self.fee_collector, denom, until)?;
            checks.equal(&format!("fee collector, {denom}: gas of both sides, and of prices"), collected, all_fees);
            checks.equal(&format!("escrow, {denom}: nothing stays"), self.moved(&self.escrow, denom, until)?, 0);
        }
        if due.earned == 0 {
            return Err(Failure::new("the lease earned less than one base unit, so that the bill proves little")
                .hint("let it run longer: --blocks"));
        }
        Ok(())
    }
}
