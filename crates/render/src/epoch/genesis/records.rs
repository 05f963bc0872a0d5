//! Parameters, prices and records of closed epochs in genesis.

use ledger::{Failure, timestamp};
use proto::Timestamp;
use proto::cosmos::base::v1beta1::Coin as WireCoin;
use proto::tetra::render::v1::{Epoch, Params, Tier, TierPrice};
use serde::{Deserialize, Serialize};

use super::refuse;
use crate::epoch::params;

/// The parameters and prices in force; what they mean stands in [`mod@crate::epoch::params`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParamsEntry {
    /// The length of an epoch.
    pub epoch_ms: u64,
    /// Prices in force.
    pub tiers: Vec<TierEntry>,
    /// The network's share of a payment.
    pub network_bp: u32,
    /// The most that a job pool pays, of what payments burned.
    pub pool_cap_bp: u32,
    /// The breaker.
    pub minting_stopped: bool,
    /// Share of the schedule for work.
    pub job_pool_bp: u32,
    /// Share of the schedule for available nodes.
    pub availability_bp: u32,
    /// Frames that are audited.
    pub audit_bp: u32,
    /// Tiles of an audit.
    pub audit_tiles: u32,
    /// Auditors of an audit.
    pub auditors: u32,
    /// Blocks of a beacon.
    pub beacon_blocks: u32,
    /// Time for auditors to render.
    pub audit_commit_ms: u64,
    /// Time to open.
    pub audit_open_ms: u64,
    /// Silence that approves.
    pub approval_ms: u64,
    /// Silence that gives a frame to another.
    pub no_progress_ms: u64,
    /// Silence that takes a node offline.
    pub offline_ms: u64,
    /// Value kept back.
    pub hold_back_ucredits: u64,
    /// Part of it that a wrong frame costs.
    pub slash_bp: u32,
    /// The most that one block hands out.
    pub assignments_per_block: u32,
    /// Frames that a node may hold.
    pub units_in_hand: u32,
    /// Whether auditors may be of the same host.
    pub same_host_audits: bool,
    /// How long a verdict may be appealed.
    pub appeal_ms: u64,
    /// At what stake, such as `5uusd`.
    pub appeal_deposit: String,
}

/// A tier's price, in thousandths of a work unit per credit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierEntry {
    /// 1, 2 or 3.
    pub tier: i32,
    /// The price in force.
    pub work_milli_per_credit: u64,
    /// The dear end of its band.
    pub least: u64,
    /// The cheap end.
    pub most: u64,
}

impl TierEntry {
    fn of(price: &TierPrice) -> Self {
        let TierPrice { tier, work_milli_per_credit, least, most } = *price;
        Self { tier, work_milli_per_credit, least, most }
    }

    fn to_wire(&self) -> Result<TierPrice, Failure> {
        let tier = Tier::try_from(self.tier).map_err(|_| refuse(format!("{} is no tier", self.tier)))?;
        let Self { work_milli_per_credit, least, most, .. } = *self;
        Ok(TierPrice { tier: tier.into(), work_milli_per_credit, least, most })
    }
}

/// `5uusd` of a coin; the coin of such a text.
fn coin_text(coin: Option<&WireCoin>) -> String {
    coin.map(|coin| format!("{}{}", coin.amount, coin.denom)).unwrap_or_default()
}

fn text_coin(text: &str) -> Result<Option<WireCoin>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let coin: primitives::Coin = text.parse().map_err(refuse)?;
    Ok(Some(WireCoin { denom: coin.denom.as_str().to_owned(), amount: coin.amount.to_string() }))
}

impl Default for ParamsEntry {
    fn default() -> Self {
        Self::of(&params::default())
    }
}

impl ParamsEntry {
    /// Of the wire form.
    pub fn of(params: &Params) -> Self {
        Self {
            epoch_ms: params.epoch_ms,
            tiers: params.tiers.iter().map(TierEntry::of).collect(),
            network_bp: params.network_bp,
            pool_cap_bp: params.pool_cap_bp,
            minting_stopped: params.minting_stopped,
            job_pool_bp: params.job_pool_bp,
            availability_bp: params.availability_bp,
            audit_bp: params.audit_bp,
            audit_tiles: params.audit_tiles,
            auditors: params.auditors,
            beacon_blocks: params.beacon_blocks,
            audit_commit_ms: params.audit_commit_ms,
            audit_open_ms: params.audit_open_ms,
            approval_ms: params.approval_ms,
            no_progress_ms: params.no_progress_ms,
            offline_ms: params.offline_ms,
            hold_back_ucredits: params.hold_back_ucredits,
            slash_bp: params.slash_bp,
            assignments_per_block: params.assignments_per_block,
            units_in_hand: params.units_in_hand,
            same_host_audits: params.same_host_audits,
            appeal_ms: params.appeal_ms,
            appeal_deposit: coin_text(params.appeal_deposit.as_ref()),
        }
    }

    /// The wire form, not checked.
    ///
    /// # Errors
    /// `sdk` 18 for a malformed tier or coin.
    pub fn to_wire(&self) -> Result<Params, Failure> {
        Ok(Params {
            epoch_ms: self.epoch_ms,
            tiers: self.tiers.iter().map(TierEntry::to_wire).collect::<Result<_, _>>()?,
            network_bp: self.network_bp,
            pool_cap_bp: self.pool_cap_bp,
            minting_stopped: self.minting_stopped,
            job_pool_bp: self.job_pool_bp,
            availability_bp: self.availability_bp,
            audit_bp: self.audit_bp,
            audit_tiles: self.audit_tiles,
            auditors: self.auditors,
            beacon_blocks: self.beacon_blocks,
            audit_commit_ms: self.audit_commit_ms,
            audit_open_ms: self.audit_open_ms,
            approval_ms: self.approval_ms,
            no_progress_ms: self.no_progress_ms,
            offline_ms: self.offline_ms,
            hold_back_ucredits: self.hold_back_ucredits,
            slash_bp: self.slash_bp,
            assignments_per_block: self.assignments_per_block,
            units_in_hand: self.units_in_hand,
            same_host_audits: self.same_host_audits,
            appeal_ms: self.appeal_ms,
            appeal_deposit: text_coin(&self.appeal_deposit)?,
        })
    }
}

/// A closed epoch; amounts such as `5ulux`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EpochEntry {
    /// Its number.
    pub number: u64,
    /// Milliseconds since 1970.
    pub begins_ms: u64,
    /// Milliseconds since 1970.
    pub ends_ms: u64,
    /// Approved work value.
    pub value_ucredits: u64,
    /// What payments were worth.
    pub spent_ucredits: u64,
    /// LUX burned of payments.
    pub lux_burned: String,
    /// LUX to the network.
    pub lux_network: String,
    /// USD to the vault.
    pub usd_vault: String,
    /// USD to the network.
    pub usd_network: String,
    /// LUX that the vault bought and burned.
    pub bought_burned: String,
    /// At what price.
    pub auction_price_micros: u64,
    /// Emission by schedule.
    pub scheduled: String,
    /// Minted for work.
    pub minted_work: String,
    /// Minted for available nodes.
    pub minted_availability: String,
    /// Minted and reserved.
    pub reserved: String,
    /// What limited the job pool.
    pub pool_base: String,
    /// The price by which that was valued.
    pub lux_usd_micros: u64,
    /// Use of proved hardware.
    pub use_bp: u32,
    /// Prices after it.
    pub tiers_after: Vec<TierEntry>,
    /// What its books say that they should not.
    pub anomaly: String,
}

fn millis(time: Option<&Timestamp>) -> u64 {
    let millis = time.map(|time| time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos) / 1_000_000));
    millis.and_then(|millis| u64::try_from(millis).ok()).unwrap_or(0)
}

impl EpochEntry {
    /// Of the wire form of a closed epoch.
    pub fn of(epoch: &Epoch) -> Self {
        Self {
            number: epoch.number,
            begins_ms: millis(epoch.begins.as_ref()),
            ends_ms: millis(epoch.ends.as_ref()),
            value_ucredits: epoch.value_ucredits,
            spent_ucredits: epoch.spent_ucredits,
            lux_burned: coin_text(epoch.lux_burned.as_ref()),
            lux_network: coin_text(epoch.lux_network.as_ref()),
            usd_vault: coin_text(epoch.usd_vault.as_ref()),
            usd_network: coin_text(epoch.usd_network.as_ref()),
            bought_burned: coin_text(epoch.bought_burned.as_ref()),
            auction_price_micros: epoch.auction_price_micros,
            scheduled: coin_text(epoch.scheduled.as_ref()),
            minted_work: coin_text(epoch.minted_work.as_ref()),
            minted_availability: coin_text(epoch.minted_availability.as_ref()),
            reserved: coin_text(epoch.reserved.as_ref()),
            pool_base: coin_text(epoch.pool_base.as_ref()),
            lux_usd_micros: epoch.lux_usd_micros,
            use_bp: epoch.use_bp,
            tiers_after: epoch.tiers_after.iter().map(TierEntry::of).collect(),
            anomaly: epoch.anomaly.clone(),
        }
    }

    /// The wire form.
    ///
    /// # Errors
    /// `sdk` 18 for a malformed tier or amount.
    pub fn to_wire(&self) -> Result<Epoch, Failure> {
        Ok(Epoch {
            closed: true,
            number: self.number,
            begins: Some(timestamp(self.begins_ms)),
            ends: Some(timestamp(self.ends_ms)),
            value_ucredits: self.value_ucredits,
            spent_ucredits: self.spent_ucredits,
            lux_burned: text_coin(&self.lux_burned)?,
            lux_network: text_coin(&self.lux_network)?,
            usd_vault: text_coin(&self.usd_vault)?,
            usd_network: text_coin(&self.usd_network)?,
            bought_burned: text_coin(&self.bought_burned)?,
            auction_price_micros: self.auction_price_micros,
            scheduled: text_coin(&self.scheduled)?,
            minted_work: text_coin(&self.minted_work)?,
            minted_availability: text_coin(&self.minted_availability)?,
            reserved: text_coin(&self.reserved)?,
            pool_base: text_coin(&self.pool_base)?,
            lux_usd_micros: self.lux_usd_micros,
            use_bp: self.use_bp,
            tiers_after: self.tiers_after.iter().map(TierEntry::to_wire).collect::<Result<_, _>>()?,
            anomaly: self.anomaly.clone(),
        })
    }
}
