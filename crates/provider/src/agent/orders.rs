//! Decides on orders, bids, takes bids back.

use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use client::NodeError;
use primitives::{DecCoin, Denom};
use proto::akash::base::attributes::v1::Attribute;
use proto::akash::deployment::v1beta4::ResourceUnit;
use proto::akash::market::v1::LeaseClosedReason;
use proto::akash::market::v1beta5::{Bid, Order, ResourceOffer, bid, order};
use proto::tetra::capacity::v1::Device;
use sdl::placement::Signed;
use workload::crash;

use super::{Agent, BidState, lock};
use crate::book::{Amount, Needs};
use crate::decide::{Decision, Terms, decide};
use crate::devices;
use crate::lease::{LeaseName, OrderName};
use crate::metrics::class_of;

/// What became of an order.
enum Outcome {
    /// Ours stands, since now or since before.
    Bid,
    /// There is none; why was told.
    None,
}

impl Agent {
    /// Looks at an order, unless that was done already. Returns at once.
    pub(crate) fn consider(self: &Arc<Self>, name: OrderName) {
        match lock(&self.bids).entry(name.clone()) {
            Entry::Occupied(_) => return,
            Entry::Vacant(place) => place.insert(BidState::Pending),
        };
        let agent = Arc::clone(self);
        self.spawn(async move {
            match agent.bid_on(&name).await {
                Ok(Outcome::Bid) => agent.stand(name).await,
                Ok(Outcome::None) => drop(lock(&agent.bids).remove(&name)),
                Err(error) => {
                    if lock(&agent.decisions).note(&name, format!("no bid: {error}")) {
                        agent.metrics.no_bids.one(&["failed"]);
                        tracing::warn!(order = %name, %error, "no bid came about");
                    }
                    lock(&agent.bids).remove(&name);
                    agent.release(&name.bid(agent.chain.address()));
                }
            }
        });
    }

    async fn bid_on(&self, name: &OrderName) -> Result<Outcome, NodeError> {
        let Some(order) = self.chain.order(name).await? else { return Ok(Outcome::None) };
        if order.state() != order::State::Open {
            return Ok(Outcome::None);
        }
        let ours = name.bid(self.chain.address());
        if let Some(bid) = self.chain.bid(&ours).await? {
            // One bid per provider and order: one that was closed or lost bars another.
            return Ok(if bid.state() == bid::State::Open { self.adopt(&ours, &order) } else { Outcome::None });
        }
        if !self.config.bid.enabled {
            self.leave(name, "disabled", &"`bid.enabled` of provider.json says so");
            return Ok(Outcome::None);
        }
        let signed = if wants_signatures(&order) { self.chain.signed_attributes().await? } else { Signed::new() };
        let _turn = if wants_gpus(&order) { Some(self.gpu_turn.lock().await) } else { None };
        let (price, needs, devices) = match self.decide(&order, &signed) {
            Decision::Bid { price, needs, devices } => (price, needs, devices),
            Decision::NoBid(reason) => {
                self.leave(name, class_of(&reason), &reason);
                return Ok(Outcome::None);
            }
        };
        let deposit = match self.deposit(&price.denom).await? {
            Ok(deposit) => deposit,
            Err(reason) => {
                self.leave(name, "funds", &reason);
                return Ok(Outcome::None);
            }
        };
        // Between the decision and here others may have reserved.
        if let Err(full) = lock(&self.book).reserve(&ours.to_string(), needs.amount, &devices) {
            self.leave(name, "no_room", &full);
            return Ok(Outcome::None);
        }
        crash::at("bid-decided");
        self.chain.create_bid(&ours, &price, deposit, offer(&order, &needs, &devices)).await?;
        crash::at("bid-placed");
        self.metrics.bids.one(&["made"]);
        tracing::info!(order = %name, provider = ours.provider, price = %price.amount, denom = %price.denom, "bid");
        if !devices.is_empty() && !self.holds_as_offered(&ours, needs.amount, &devices).await? {
            self.take_back(&ours, "the chain holds other GPUs for it than it offers").await?;
            self.release(&ours);
            return Ok(Outcome::None);
        }
        let gpus = if devices.is_empty() { String::new() } else { format!(" with {}", names(&devices)) };
        lock(&self.decisions).note(name, format!("bid {price} per block{gpus}"));
        Ok(Outcome::Bid)
    }

    /// Notes the devices that the chain holds for a bid; whether they are of the models that the bid offers. Nothing is
    /// known of those on another machine of the provider.
    async fn holds_as_offered(&self, ours: &LeaseName, amount: Amount, offered: &[Device]) -> Result<bool, NodeError> {
        let holds = self.chain.holds_of(&ours.to_string()).await?;
        let Some(hold) = holds.into_iter().find(|hold| hold.host_key == self.host_key) else { return Ok(true) };
        let ids = hold.resources.unwrap_or_default().devices;
        let mut book = lock(&self.book);
        book.note_devices(&ours.to_string(), amount, &ids);
        let models = |devices: &[Device]| {
            let mut models: Vec<String> = devices.iter().map(|device| device.model.clone()).collect();
            models.sort();
            models
        };
        Ok(models(&book.devices_of(&ids)) == models(offered))
    }

    fn decide(&self, order: &Order, signed: &Signed) -> Decision {
        let book = lock(&self.book).clone();
        let terms = Terms {
            attributes: &self.inventory.attributes,
            signed,
            isolation: self.config.isolation,
            architecture: &self.inventory.report.architecture,
            volumes: self.inventory.report.has("loop"),
            book: &book,
            pricer: &self.pricer,
        };
        decide(&order.spec.clone().unwrap_or_default(), order.reclamation.is_some(), &terms)
    }

    /// Notes and tells a decision; false when it was told before.
    fn tell(&self, name: &OrderName, text: &str) -> bool {
        let news = lock(&self.decisions).note(name, text.to_owned());
        if news {
            tracing::info!(order = %name, provider = self.chain.address(), "{text}");
        }
        news
    }

    /// An order gets no bid; it is counted under `class`.
    fn leave(&self, name: &OrderName, class: &'static str, reason: &dyn std::fmt::Display) {
        if self.tell(name, &format!("no bid: {reason}")) {
            self.metrics.no_bids.one(&[class]);
        }
    }

    /// The least balance in a denom with which this agent bids, and none where the chain takes no deposits in it.
    pub(crate) async fn deposit_floor(&self, denom: &Denom) -> Result<Option<u128>, NodeError> {
        let deposit = self.deposit_of(denom).await?;
        Ok(deposit.map(|deposit| self.config.bid.minimum_balance.unwrap_or(deposit.saturating_mul(2)).max(deposit)))
    }

    /// What a bid in a denom deposits, in base units; none where the chain takes no deposits in it.
    async fn deposit_of(&self, denom: &Denom) -> Result<Option<u128>, NodeError> {
        let configured = self.config.bid.deposits.iter().find(|coin| coin.0.denom == *denom);
        match configured {
            Some(coin) => Ok(Some(coin.0.amount)),
            None => self.chain.least_deposit(denom).await,
        }
    }

    /// What to deposit, in base units, or why no bid can be made in this denom.
    async fn deposit(&self, denom: &Denom) -> Result<Result<u128, String>, NodeError> {
        let Some(deposit) = self.deposit_of(denom).await? else {
            return Ok(Err(format!("the chain takes no deposits of bids in {denom}")));
        };
        let least = self.config.bid.minimum_balance.unwrap_or(deposit.saturating_mul(2));
        let balance = self.chain.balance(denom).await?;
        if balance < least.max(deposit) {
            let least = least.max(deposit);
            return Ok(Err(format!(
                "the provider's account holds {balance}{denom}, less than the {least}{denom} that it wants to bid; send it some"
            )));
        }
        Ok(Ok(deposit))
    }

    fn adopt(&self, ours: &LeaseName, order: &Order) -> Outcome {
        self.note(ours, amount(order));
        Outcome::Bid
    }

    /// Waits while the bid stands, and takes it back after the time-out.
    async fn stand(self: Arc<Self>, name: OrderName) {
        lock(&self.bids).insert(name.clone(), BidState::Open);
        let ours = name.bid(self.chain.address());
        let mut wait = Duration::from_secs(self.config.bid.timeout_s);
        loop {
            tokio::time::sleep(wait).await;
            if !lock(&self.bids).contains_key(&name) {
                return;
            }
            match self.take_back(&ours, "no lease came in time").await {
                Ok(()) => {
                    // It is not lost: it was taken back.
                    lock(&self.bids).remove(&name);
                    self.bid_ended(&ours);
                    return;
                }
                Err(error) => {
                    tracing::warn!(order = %name, %error, "the bid could not be taken back; trying again");
                    wait = Duration::from_secs(10);
                }
            }
        }
    }

    async fn take_back(&self, ours: &LeaseName, why: &str) -> Result<(), NodeError> {
        let standing = self.chain.bid(ours).await?;
        if standing.is_some_and(|bid: Bid| bid.state() == bid::State::Open) {
            self.chain.close_bid(ours, LeaseClosedReason::Unspecified).await?;
            self.metrics.bids.one(&["taken_back"]);
            self.tell(&ours.order(), &format!("took the bid back: {why}"));
        }
        Ok(())
    }

    /// A bid of ours is no more: what it took is free, unless it became a lease.
    pub(crate) fn bid_ended(&self, ours: &LeaseName) {
        let stood = lock(&self.bids).remove(&ours.order()) == Some(BidState::Open);
        if !lock(&self.leases).contains_key(ours) {
            if stood {
                self.metrics.bids.one(&["lost"]);
            }
            self.release(ours);
        }
    }

    /// An order is over. Ours was lost, unless it is the one that won, of which the lease's own event tells.
    pub(crate) async fn order_ended(&self, name: &OrderName) {
        let ours = name.bid(self.chain.address());
        if lock(&self.bids).get(name) != Some(&BidState::Open) || lock(&self.leases).contains_key(&ours) {
            return;
        }
        match self.chain.bid(&ours).await {
            Ok(Some(bid)) if matches!(bid.state(), bid::State::Open | bid::State::Active) => {}
            Ok(_) => self.bid_ended(&ours),
            Err(error) => tracing::debug!(order = %name, %error, "asking for the bid failed; a later look tells"),
        }
    }
}

/// Whether an order asks for signatures of auditors.
fn wants_signatures(order: &Order) -> bool {
    let requirements = order.spec.as_ref().and_then(|spec| spec.requirements.as_ref());
    let signed_by = requirements.and_then(|requirements| requirements.signed_by.as_ref());
    signed_by.is_some_and(|signed_by| !signed_by.all_of.is_empty() || !signed_by.any_of.is_empty())
}

/// Whether an order asks for GPUs.
fn wants_gpus(order: &Order) -> bool {
    group(order).is_some_and(|group| group.units.iter().any(|unit| unit.resources.gpu.units.0 > 0))
}

fn group(order: &Order) -> Option<sdl::GroupSpec> {
    order.spec.as_ref().and_then(|spec| sdl::GroupSpec::try_from(spec).ok())
}

/// What is offered is what was asked for, with the models of GPUs that are set aside.
fn offer(order: &Order, needs: &Needs, devices: &[Device]) -> Vec<ResourceOffer> {
    let shares = needs.split(devices).unwrap_or_default();
    let units = order.spec.iter().flat_map(|group| &group.resources).enumerate();
    let part = |(place, unit): (usize, &ResourceUnit)| {
        let mut resources = unit.resource.clone();
        let share = shares.get(place).map(Vec::as_slice).unwrap_or_default();
        if let Some(gpu) = resources.as_mut().and_then(|resources| resources.gpu.as_mut())
            && !share.is_empty()
        {
            let wire = |attribute: sdl::resources::Attribute| Attribute { key: attribute.key, value: attribute.value };
            gpu.attributes = devices::offered(share).into_iter().map(wire).collect();
        }
        ResourceOffer { resources, count: unit.count, prices: None }
    };
    units.map(part).collect()
}

/// Devices as people read them.
fn names(devices: &[Device]) -> String {
    devices.iter().map(|device| devices::show(&device.model)).collect::<Vec<_>>().join(", ")
}

/// What an order takes; nothing where it cannot be read, as then it never had a bid.
pub(crate) fn amount(order: &Order) -> Amount {
    group(order).and_then(|group| Needs::of_group(&group)).unwrap_or_default().amount
}

/// A price on the wire, for logs.
pub(crate) fn price_text(price: Option<&proto::cosmos::base::v1beta1::DecCoin>) -> String {
    let price = price.and_then(|price| DecCoin::from_wire(&price.denom, &price.amount).ok());
    price.map(|price| price.to_string()).unwrap_or_default()
}
