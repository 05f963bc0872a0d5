//! The leases: bought before they are offered, one for each device, given up when nothing is offered any more, and told what to run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::SigningKey;
use futures::future::join_all;
use primitives::Dec;
use workload::PodId;

use super::file::{Content, EDITION};
use super::foreign::Foreign;
use super::install;
use super::slots::{self, Lease, Shape, Slot, Slots, Tenant, Work};
use crate::agent::lock;
use crate::cluster::config::{ClusterConfig, LeaseConfig};
use crate::cluster::trouble::Trouble;
use crate::home::{Home, HomeError};

/// Between two looks whether leases are funded.
const FUNDS: Duration = Duration::from_secs(60);
/// For a container to run what it was told.
const START: Duration = Duration::from_secs(120);
/// Between two looks whether it does.
const POLL: Duration = Duration::from_secs(1);

/// A broker's leases.
pub(super) struct Leases {
    home: Home,
    key: SigningKey,
    foreign: tokio::sync::Mutex<Option<Arc<Foreign>>>,
    slots: Mutex<Slots>,
    /// Held by who changes what runs in leases.
    turn: tokio::sync::Mutex<()>,
    funded: Mutex<Option<Instant>>,
}

impl Leases {
    /// The leases that an agent's folder remembers.
    ///
    /// # Errors
    /// When the file is damaged.
    pub(super) fn open(home: Home, key: SigningKey) -> Result<Self, HomeError> {
        let slots = Mutex::new(home.load(slots::FILE)?.unwrap_or_default());
        Ok(Self {
            home,
            key,
            foreign: tokio::sync::Mutex::default(),
            slots,
            turn: tokio::sync::Mutex::default(),
            funded: Mutex::default(),
        })
    }

    pub(super) fn config(&self) -> Result<(ClusterConfig, LeaseConfig), Trouble> {
        let config = self.home.config()?.cluster.unwrap_or_default();
        let none = || Trouble::Odd("`cluster.lease` is missing in provider.json".to_owned());
        let lease = config.lease.clone().ok_or_else(none)?;
        Ok((config, lease))
    }

    pub(super) async fn foreign(&self) -> Result<Arc<Foreign>, Trouble> {
        let mut foreign = self.foreign.lock().await;
        if let Some(foreign) = &*foreign {
            return Ok(Arc::clone(foreign));
        }
        let opened = Arc::new(Foreign::open(&self.config()?.1, self.key.clone()).await?);
        {
            let mut slots = lock(&self.slots);
            if !slots.slots.is_empty() && slots.network != opened.network {
                let (old, new) = (&slots.network, &opened.network);
                let why = format!("there are leases on {old}, and `cluster.lease` leads to {new}; give those up first");
                return Err(Trouble::Odd(why));
            }
            slots.network.clone_from(&opened.network);
        }
        *foreign = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Changes the slots, on disk first.
    fn change<T>(&self, change: impl FnOnce(&mut Slots) -> T) -> Result<T, Trouble> {
        let mut slots = lock(&self.slots);
        let mut changed = slots.clone();
        let result = change(&mut changed);
        self.home.save(slots::FILE, &changed)?;
        *slots = changed;
        Ok(result)
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        lock(&self.slots).slots.clone()
    }

    /// The lease of a node.
    pub(super) fn lease_of(&self, id: &PodId) -> Result<Lease, Trouble> {
        let slots = lock(&self.slots);
        let lease = slots.of(id).and_then(|slot| slot.lease.clone());
        lease.ok_or_else(|| Trouble::Odd(format!("{id} has no lease")))
    }

    /// Buys a lease for one more device.
    async fn buy(&self, foreign: &Foreign) -> Result<(), Trouble> {
        let (config, lease) = self.config()?;
        let last = self.slots().iter().map(|slot| slot.dseq).max().unwrap_or(0);
        let dseq = foreign.free_number(last).await?;
        let shape = Shape::of(&config, &lease);
        let file = Content::idle(&lease, 1).file(&shape).map_err(Trouble::Odd)?;
        let slot = Slot { dseq, shape, lease: None, cost: 0, device: false, edition: 1, work: Work::Raw };
        self.change(|slots| slots.slots.push(slot))?;
        foreign.create(dseq, &file).await?;
        let taken = foreign.take_cheapest(dseq).await?;
        tracing::info!(dseq, provider = taken.provider, price = taken.price, "leased a device elsewhere");
        let cost = Dec::from_integer(foreign.hourly(&taken)).and_then(|hour| hour.mul_floor(lease.rate.0));
        let cost = cost.and_then(|cost| u64::try_from(cost.atoms().div_ceil(Dec::ONE.atoms())).ok());
        self.change_slot(dseq, |slot| (slot.lease, slot.cost) = (Some(taken), cost.unwrap_or(u64::MAX)))
    }

    /// Has a lease run nothing, with this program in it.
    async fn make_ready(&self, foreign: &Foreign, slot: &Slot) -> Result<(), Trouble> {
        let Some(lease) = &slot.lease else { return Ok(()) };
        let is_new = slot.edition == 1;
        let edition = if is_new { 1 } else { slot.edition + 1 };
        let file = Content::idle(&self.config()?.1, edition).file(&slot.shape).map_err(Trouble::Odd)?;
        if is_new {
            // As it was created.
            foreign.put(lease, &file).await?;
        } else {
            self.change_slot(slot.dseq, |slot| slot.edition = edition)?;
            foreign.update(lease, &file).await?;
        }
        until_it_runs(foreign, lease, edition).await?;
        install::install(foreign, lease).await?;
        let (_, said) = install::script(foreign, lease, install::command(&["look"]).join(" ")).await?;
        self.change_slot(slot.dseq, |slot| (slot.work, slot.device) = (Work::Idle, said.trim() == "device"))
    }

    /// Changes a slot, on disk first; nothing where it is gone.
    fn change_slot(&self, dseq: u64, change: impl FnOnce(&mut Slot)) -> Result<(), Trouble> {
        self.change(|slots| slots.slot(dseq).map(change).unwrap_or_default())
    }

    /// Gives up what is no lease, or is one too many, or is over.
    async fn drop_slots(&self, foreign: &Foreign, which: impl Fn(&Slot) -> bool) -> Result<(), Trouble> {
        for slot in self.slots().into_iter().filter(which) {
            foreign.close(slot.dseq).await?;
            tracing::info!(dseq = slot.dseq, "gave a lease elsewhere up");
            self.change(|slots| slots.slots.retain(|other| other.dseq != slot.dseq))?;
        }
        Ok(())
    }

    /// Brings the leases to as many as are offered, and keeps them paid for.
    pub(super) async fn tend(&self, devices: usize) -> Result<(), Trouble> {
        let foreign = self.foreign().await?;
        let _turn = self.turn.lock().await;
        // What nobody bid for is given up, and what has another shape than is wanted now.
        let (config, terms) = self.config()?;
        let wanted = Shape::of(&config, &terms);
        self.drop_slots(&foreign, |slot| slot.lease.is_none() || (slot.shape != wanted && slot.tenant().is_none()))
            .await?;
        let leases = self.slots().into_iter().filter_map(|slot| slot.lease);
        let found = join_all(leases.map(async |lease| (lease.dseq, foreign.is_active(&lease).await))).await;
        let over = found.into_iter().filter(|(_, active)| matches!(active, Ok(false))).map(|(dseq, _)| dseq);
        let over: BTreeSet<u64> = over.collect();
        self.drop_slots(&foreign, |slot| over.contains(&slot.dseq)).await?;
        if lock(&self.funded).is_none_or(|at| at.elapsed() >= FUNDS) {
            for lease in self.slots().into_iter().filter_map(|slot| slot.lease) {
                foreign.keep_funded(&lease).await?;
            }
            *lock(&self.funded) = Some(Instant::now());
        }
        while self.slots().len() < devices {
            self.buy(&foreign).await?;
        }
        let slots = self.slots();
        let free = slots.iter().rev().filter(|slot| slot.tenant().is_none()).map(|slot| slot.dseq);
        let free: BTreeSet<u64> = free.take(slots.len() - devices).collect();
        self.drop_slots(&foreign, |slot| free.contains(&slot.dseq)).await?;
        for slot in self.slots().iter().filter(|slot| slot.work == Work::Raw) {
            self.make_ready(&foreign, slot).await?;
        }
        Ok(())
    }

    /// Gives all of them up.
    pub(super) async fn let_go(&self) -> Result<(), Trouble> {
        if self.slots().is_empty() {
            return Ok(());
        }
        let foreign = self.foreign().await?;
        let _turn = self.turn.lock().await;
        self.drop_slots(&foreign, |_| true).await
    }

    /// Has a lease run what a tenant wants: the one that it has, or one that is free. None when that is over.
    pub(super) async fn run(&self, tenant: Tenant) -> Result<Option<Lease>, Trouble> {
        let foreign = self.foreign().await?;
        let _turn = self.turn.lock().await;
        let found = lock(&self.slots).of(&tenant.id).cloned();
        let free = || self.slots().into_iter().find(|slot| slot.idle().is_some());
        let slot = found.or_else(free).ok_or_else(|| Trouble::Waits("no lease is ready".to_owned()))?;
        let Some(lease) = slot.lease.clone() else { return Ok(None) };
        if !foreign.is_active(&lease).await? {
            return Ok(None);
        }
        if slot.tenant() == Some(&tenant) && runs(&foreign, &lease, slot.edition).await.is_ok() {
            return Ok(Some(lease));
        }
        let edition = slot.edition + 1;
        let invalid =
            |reason| Trouble::Runtime(workload::Error::InvalidSpec { field: "image or command".to_owned(), reason });
        let file = tenant.content(edition).file(&slot.shape).map_err(invalid)?;
        self.change_slot(slot.dseq, |slot| (slot.work, slot.edition) = (Work::Hired(tenant), edition))?;
        foreign.update(&lease, &file).await?;
        until_it_runs(&foreign, &lease, edition).await?;
        Ok(Some(lease))
    }

    /// Lets the lease of a node go to whoever comes next; it is made ready for that beside all else.
    pub(super) fn free(&self, id: &PodId) -> Result<(), Trouble> {
        let Some(slot) = lock(&self.slots).of(id).cloned() else { return Ok(()) };
        self.change_slot(slot.dseq, |slot| slot.work = Work::Raw)
    }
}

/// Whether a lease runs an edition now.
///
/// # Errors
/// Why not.
async fn runs(foreign: &Foreign, lease: &Lease, edition: u64) -> Result<(), String> {
    match install::script(foreign, lease, format!("test \"${EDITION}\" = {edition}")).await {
        Ok((0, _)) => Ok(()),
        Ok(_) => Err("it still runs what it ran before".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Waits until a lease runs an edition.
async fn until_it_runs(foreign: &Foreign, lease: &Lease, edition: u64) -> Result<(), Trouble> {
    let deadline = Instant::now() + START;
    loop {
        let Err(why) = runs(foreign, lease, edition).await else { return Ok(()) };
        if Instant::now() >= deadline || !foreign.is_active(lease).await? {
            return Err(Trouble::Waits(format!(
                "the lease {} at {} does not start: {why}",
                lease.dseq, lease.provider
            )));
        }
        tokio::time::sleep(POLL).await;
    }
}
