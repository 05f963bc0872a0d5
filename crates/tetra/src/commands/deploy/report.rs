//! What is shown at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use client::gateway::LeaseStatus;
use primitives::{Coins, Dec, DecCoin, Denom, TraceId};
use serde::Serialize;

use super::Job;
use crate::chain::escrow_amounts;
use crate::commands::bid::Offer;
use crate::commands::lease::Endpoints;
use crate::error::{Class, Classify, Result};
use crate::money::{Rate, Units, runway_hours};

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Phases {
    /// The deployment's transaction.
    pub(super) create: Duration,
    /// From there to the first bid.
    pub(super) first_bid: Duration,
    /// Waiting for others.
    pub(super) bid_wait: Duration,
    /// The leases' transaction.
    pub(super) lease: Duration,
    /// The manifest, with the start of the pods.
    pub(super) manifest: Duration,
    /// Until every replica answered.
    pub(super) ready: Duration,
}

/// A lease whose services answer.
pub(super) struct Running {
    pub(super) offer: Offer,
    pub(super) status: LeaseStatus,
}

/// A deployment that runs.
#[derive(Debug, Serialize)]
pub(super) struct Deployed {
    dseq: u64,
    owner: String,
    /// What log lines of every process say that belong to it.
    trace: String,
    addresses: Vec<Address>,
    leases: Vec<LeaseLine>,
    /// All leases together.
    rate: Rate,
    runway_hours: Option<String>,
    fees: String,
    phases_ms: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct Address {
    service: String,
    address: String,
}

#[derive(Debug, Serialize)]
struct LeaseLine {
    gseq: u32,
    oseq: u32,
    provider: String,
    host: String,
    rate: Rate,
    /// Models of its GPUs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gpus: Vec<String>,
    /// Whether there are no such GPUs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    /// Where the time of the pod's start went, in microseconds.
    start_us: BTreeMap<String, u64>,
}

impl Deployed {
    /// Of the leases that were launched.
    ///
    /// # Errors
    /// When the node does not answer.
    pub(super) async fn of(
        job: &Job<'_>,
        dseq: u64,
        leases: Vec<Running>,
        fees: &Coins,
        phases: Phases,
    ) -> Result<Self> {
        let interval = job.chain.network.block_interval_ms;
        let mut sum = Dec::ZERO;
        for lease in &leases {
            let price: Dec = lease.offer.rate.per_block.parse().class(Class::Internal)?;
            sum = sum.checked_add(price).unwrap_or(sum);
        }
        let denom = leases.first().map_or("", |lease| lease.offer.rate.denom.as_str());
        let denom = Denom::new(denom).class(Class::Internal)?;
        let escrow = job.chain.deployment(&job.owner(), dseq).await?.escrow_account.and_then(|account| account.state);
        let (_, funds, _) = escrow_amounts(&escrow.unwrap_or_default())?;
        let mut addresses = Vec::new();
        let mut lines = Vec::new();
        for Running { offer, status } in leases {
            let start_us = status.start_us.clone();
            let endpoints = Endpoints {
                gseq: offer.gseq,
                oseq: offer.oseq,
                provider: offer.provider,
                host: offer.host,
                status: Some(status),
                problem: None,
            };
            let found = endpoints.addresses().into_iter();
            addresses.extend(found.map(|(service, address)| Address { service, address }));
            let Endpoints { gseq, oseq, provider, host, .. } = endpoints;
            let (gpus, simulated) = (offer.gpus, offer.simulated);
            lines.push(LeaseLine { gseq, oseq, provider, host, rate: offer.rate, gpus, simulated, start_us });
        }
        Ok(Self {
            dseq,
            trace: TraceId::of_deployment(&job.owner(), dseq).to_string(),
            owner: job.owner(),
            addresses,
            leases: lines,
            rate: Rate::new(&DecCoin { denom, amount: sum }, interval)?,
            runway_hours: runway_hours(funds, sum, interval),
            fees: fees.to_string(),
            phases_ms: phases.in_ms(),
        })
    }

    /// For people.
    pub(super) fn text(&self, units: &Units) -> String {
        let mut lines: Vec<String> =
            self.addresses.iter().map(|found| format!("{}  {}", found.service, found.address)).collect();
        for lease in self.leases.iter().filter(|lease| !lease.gpus.is_empty()) {
            lines.push(format!("group {} has {}", lease.gseq, lease.gpus.join(", ")));
        }
        let runway = self.runway_hours.as_deref().unwrap_or("?");
        let (hour, month) = (self.rate.hour_text(units), self.rate.month_text(units));
        lines.push(format!(
            "\ndeployment {} costs {hour}/h, {month}/month; its deposit lasts {runway} hours",
            self.dseq
        ));
        lines.push(format!("trace {}", self.trace));
        lines.push("\nNext:".to_owned());
        lines.push(format!("  tetra lease logs {} -f", self.dseq));
        lines.push("  tetra deployment list".to_owned());
        lines.push(format!("  tetra deployment close {}", self.dseq));
        lines.join("\n")
    }
}

impl Phases {
    fn in_ms(self) -> BTreeMap<&'static str, u64> {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let Self { create, first_bid, bid_wait, lease, manifest, ready } = self;
        let all = [
            ("create", create),
            ("first_bid", first_bid),
            ("bid_wait", bid_wait),
            ("lease", lease),
            ("manifest", manifest),
            ("ready", ready),
        ];
        all.into_iter().map(|(name, span)| (name, ms(span))).collect()
    }
}
