//! Money and the market in numbers, taken from what blocks write and announce.
//!
//! Once, when the node starts, supplies, the chain's own accounts, holds and the indices of things that are not closed
//! are read. From then on every block adds what it changed: for each key of those kinds that it wrote one look at the
//! value before. Nothing is read when somebody looks at the numbers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ledger::Event;
use ledger::accounts::modules;
use ledger::bank::state::{BALANCES, SUPPLY};
use ledger::capacity::state::HOLDS;
use market::auction::state::{BIDS, LEASES, ORDERS};
use market::deployment::state::DEPLOYMENTS;
use primitives::{Address, Coin};
use proto::akash::deployment::v1::deployment;
use proto::akash::market::v1::lease;
use proto::akash::market::v1beta5::{bid, order};
use proto::tetra::capacity::v1::{Hold, HoldKind};
use serde_json::Value as Json;
use store::{Amount, Direction, Key, Module, Reader, Value, WriteSet};
use telemetry::{Counters, Gauges, Registry, catalog};

/// Keys that are read at a time when the node starts.
const PAGE: usize = 1000;

/// Gauges that a block changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Supply,
    Escrow,
    Pool,
    Fees,
    Deployments,
    Orders,
    Bids,
    Leases,
    Holds,
}

/// What a block changes: new amounts, and differences of counts, by gauge and label.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes {
    amounts: BTreeMap<(Kind, String), u128>,
    counts: BTreeMap<(Kind, String), i64>,
}

/// The numbers.
pub(crate) struct Books {
    gauges: BTreeMap<Kind, Gauges>,
    minted: Counters,
    burned: Counters,
    imbalances: Counters,
    deposited: Counters,
    paid: Counters,
    taken: Counters,
    refunded: Counters,
    dust: Counters,
    events: Counters,
    /// Counts, so that differences add up exactly.
    counts: Mutex<BTreeMap<(Kind, String), i64>>,
}

/// An index by state: a key is the tag, the number of the state, and an id.
struct Index {
    kind: Kind,
    module: Module,
    tag: u8,
    /// The states that are shown, by their numbers in the protobuf enums.
    states: &'static [(u8, &'static str)],
}

static INDICES: [Index; 4] = [
    Index {
        kind: Kind::Deployments,
        module: DEPLOYMENTS.by_state.module(),
        tag: DEPLOYMENTS.by_state.tag(),
        states: &[(deployment::State::Active as u8, "active")],
    },
    Index {
        kind: Kind::Orders,
        module: ORDERS.by_state.module(),
        tag: ORDERS.by_state.tag(),
        states: &[(order::State::Open as u8, "open"), (order::State::Active as u8, "active")],
    },
    Index {
        kind: Kind::Bids,
        module: BIDS.by_state.module(),
        tag: BIDS.by_state.tag(),
        states: &[(bid::State::Open as u8, "open"), (bid::State::Active as u8, "active")],
    },
    Index {
        kind: Kind::Leases,
        module: LEASES.by_state.module(),
        tag: LEASES.by_state.tag(),
        states: &[(lease::State::Active as u8, "active"), (lease::State::Reclaiming as u8, "reclaiming")],
    },
];

/// The gauge that shows an account of the chain's own.
fn own_account(address: &Address) -> Option<Kind> {
    match modules::name_of(address)? {
        modules::ESCROW => Some(Kind::Escrow),
        modules::COMMUNITY_POOL => Some(Kind::Pool),
        modules::FEE_COLLECTOR => Some(Kind::Fees),
        _ => None,
    }
}

/// Which gauge, under which label, counts an entry of an index; none for states that are not shown.
fn counted(module: Module, key: &[u8]) -> Option<(Kind, &'static str)> {
    let (tag, state) = (key.first()?, key.get(1)?);
    let index = INDICES.iter().find(|index| index.module == module && index.tag == *tag)?;
    let (_, name) = index.states.iter().find(|(number, _)| number == state)?;
    Some((index.kind, name))
}

/// Which amount a key of the bank holds; none for those that are not shown.
fn amount_of(key: &[u8]) -> Option<(Kind, String)> {
    let (tag, mut rest) = key.split_first()?;
    if *tag == SUPPLY.tag() {
        return Some((Kind::Supply, String::read(&mut rest)?));
    }
    if *tag != BALANCES.tag() {
        return None;
    }
    let (address, denom) = <(Address, String)>::read(&mut rest)?;
    Some((own_account(&address)?, denom))
}

fn hold_kind(stored: &[u8]) -> &'static str {
    let kind = Hold::from_stored(stored).map_or(HoldKind::Unspecified, |hold| hold.kind());
    match kind {
        HoldKind::Soft => "soft",
        HoldKind::Firm => "firm",
        HoldKind::Interruptible => "interruptible",
        HoldKind::Lent => "lent",
        HoldKind::Unspecified => "unspecified",
    }
}

impl Changes {
    /// What a key's new value changes, given the one before.
    fn note(&mut self, module: Module, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        if module == SUPPLY.module() {
            if let Some(place) = amount_of(key) {
                let amount = new.and_then(|bytes| Amount::from_stored(bytes).ok()).unwrap_or_default();
                self.amounts.insert(place, amount.0);
            }
        } else if module == HOLDS.module() && key.first() == Some(&HOLDS.tag()) {
            for (stored, change) in [(old, -1), (new, 1)] {
                let Some(stored) = stored else { continue };
                *self.counts.entry((Kind::Holds, hold_kind(stored).to_owned())).or_default() += change;
            }
        } else if let Some((kind, label)) = counted(module, key) {
            let change = i64::from(new.is_some()) - i64::from(old.is_some());
            *self.counts.entry((kind, label.to_owned())).or_default() += change;
        }
    }

    /// What a block's writes change, on the state before it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) fn of_block(before: &dyn Reader, writes: &WriteSet) -> store::Result<Self> {
        let mut changes = Self::default();
        for (module, key, new) in writes.iter() {
            let shown = match () {
                () if module == SUPPLY.module() => amount_of(key).is_some(),
                () if module == HOLDS.module() => key.first() == Some(&HOLDS.tag()),
                () => counted(module, key).is_some(),
            };
            if shown {
                changes.note(module, key, before.get(module, key)?.as_deref(), new);
            }
        }
        Ok(changes)
    }

    /// All that a state holds, as if one block had written it.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) fn of_state(state: &dyn Reader) -> store::Result<Self> {
        let mut changes = Self::default();
        let mut read = |module: Module, prefix: Vec<u8>| {
            let end = store::state::prefix_end(&prefix);
            let mut start = prefix;
            loop {
                let found = state.scan(module, &start, end.as_deref(), Direction::Up, PAGE)?;
                for (key, value) in &found {
                    changes.note(module, key, None, Some(value));
                }
                match found.last() {
                    // The least key after this one.
                    Some((key, _)) if found.len() == PAGE => start = [key.as_slice(), &[0]].concat(),
                    _ => return store::Result::Ok(()),
                }
            }
        };
        read(SUPPLY.module(), vec![SUPPLY.tag()])?;
        for name in modules::NAMES {
            read(BALANCES.module(), [&[BALANCES.tag()], Address::of_module(name).as_bytes().as_slice()].concat())?;
        }
        read(HOLDS.module(), vec![HOLDS.tag()])?;
        for index in &INDICES {
            for (state, _) in index.states {
                read(index.module, vec![index.tag, *state])?;
            }
        }
        Ok(changes)
    }
}

impl Books {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let gauges = [
            (Kind::Supply, &catalog::SUPPLY),
            (Kind::Escrow, &catalog::ESCROW_HELD),
            (Kind::Pool, &catalog::POOL),
            (Kind::Fees, &catalog::FEES),
            (Kind::Deployments, &catalog::DEPLOYMENTS),
            (Kind::Orders, &catalog::ORDERS),
            (Kind::Bids, &catalog::BIDS),
            (Kind::Leases, &catalog::LEASES),
            (Kind::Holds, &catalog::HOLDS),
        ];
        let books = Self {
            gauges: gauges.into_iter().map(|(kind, metric)| (kind, registry.gauge(metric))).collect(),
            minted: registry.counter(&catalog::MINTED),
            burned: registry.counter(&catalog::BURNED),
            imbalances: registry.counter(&catalog::IMBALANCES),
            deposited: registry.counter(&catalog::ESCROW_DEPOSITED),
            paid: registry.counter(&catalog::ESCROW_PAID),
            taken: registry.counter(&catalog::ESCROW_TAKEN),
            refunded: registry.counter(&catalog::ESCROW_REFUNDED),
            dust: registry.counter(&catalog::ESCROW_DUST),
            events: registry.counter(&catalog::MARKET_EVENTS),
            counts: Mutex::default(),
        };
        // Shown from the start: an alert on a series that is missing is none.
        books.imbalances.set(&[], 0.0);
        let mut none = Changes::default();
        for index in &INDICES {
            none.counts.extend(index.states.iter().map(|(_, name)| ((index.kind, (*name).to_owned()), 0)));
        }
        none.counts.extend(["soft", "firm", "interruptible", "lent"].map(|kind| ((Kind::Holds, kind.to_owned()), 0)));
        books.apply(&none);
        books
    }

    /// Shows changes, once they are committed.
    pub(crate) fn apply(&self, changes: &Changes) {
        for ((kind, label), amount) in &changes.amounts {
            if let Some(gauge) = self.gauges.get(kind) {
                gauge.set(&[label], *amount as f64);
            }
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, change) in &changes.counts {
            let count = counts.entry(place.clone()).or_default();
            *count += change;
            if let Some(gauge) = self.gauges.get(&place.0) {
                gauge.set(&[&place.1], *count as f64);
            }
        }
    }

    /// A block in which money was not conserved.
    pub(crate) fn imbalance(&self) {
        self.imbalances.one(&[]);
    }

    /// Counts what a committed block announced.
    pub(crate) fn announced<'a>(&self, events: impl Iterator<Item = &'a Event>) {
        for event in events {
            self.count(event);
        }
    }

    fn count(&self, event: &Event) {
        let text = |key: &str| event.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        match event.kind.as_str() {
            "coinbase" | "burn" => {
                let counter = if event.kind == "burn" { &self.burned } else { &self.minted };
                let Some(coin) = text("amount").and_then(|amount| amount.parse::<Coin>().ok()) else { return };
                counter.add(&[coin.denom.as_str(), text("reason").unwrap_or_default()], coin.amount as f64);
            }
            "tetra.escrow.v1.EventDeposited" => add(&self.deposited, text("amount")),
            "tetra.escrow.v1.EventDepositRefunded" => add(&self.refunded, text("amount")),
            "tetra.escrow.v1.EventDustCollected" => add(&self.dust, text("amount")),
            "tetra.escrow.v1.EventPaymentWithdrawn" => {
                add(&self.paid, text("paid"));
                add(&self.taken, text("take"));
            }
            kind => {
                if let Some(name) = market_event(kind) {
                    self.events.one(&[name]);
                }
            }
        }
    }
}

/// A coin in JSON, `{"denom":"utet","amount":"5"}`.
fn add(counter: &Counters, coin: Option<&str>) {
    let Some(Ok(coin)) = coin.map(serde_json::from_str::<Json>) else { return };
    let field = |name: &str| coin.get(name).and_then(Json::as_str);
    if let (Some(denom), Some(Ok(amount))) = (field("denom"), field("amount").map(str::parse::<u128>)) {
        counter.add(&[denom], amount as f64);
    }
}

/// The short name of what a block announces of the market; none for other events.
pub(crate) fn market_event(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "akash.deployment.v1.EventDeploymentCreated" => "deployment_created",
        "akash.deployment.v1.EventDeploymentUpdated" => "deployment_updated",
        "akash.deployment.v1.EventDeploymentClosed" => "deployment_closed",
        "akash.deployment.v1.EventGroupStarted" => "group_started",
        "akash.deployment.v1.EventGroupPaused" => "group_paused",
        "akash.deployment.v1.EventGroupClosed" => "group_closed",
        "akash.market.v1.EventOrderCreated" => "order_created",
        "akash.market.v1.EventOrderClosed" => "order_closed",
        "akash.market.v1.EventBidCreated" => "bid_created",
        "akash.market.v1.EventBidClosed" => "bid_closed",
        "akash.market.v1.EventLeaseCreated" => "lease_created",
        "akash.market.v1.EventLeaseClosed" => "lease_closed",
        "akash.market.v1.EventLeaseReclaimStarted" => "lease_reclaim_started",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
