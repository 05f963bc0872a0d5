//! The reference: what each host offers, who holds what, and what each step may change of that.

use std::collections::{BTreeMap, BTreeSet};

use proto::tetra::capacity::v1::{Hold, HoldKind};

use super::follows::{assert_indices, assert_outcomes};
use super::steps::{Done, HOSTS, MARKETS, REFERENCES, Step};
use crate::capacity::state::{FENCES, HOLDS, HOSTS as STORED, LOST};
use crate::capacity::tests::support::{Offer, host_key};
use crate::capacity::{Claim, Request};
use crate::context::Context;
use crate::failure::Rejection;
use crate::testing::PROVIDER;

/// A host of the first or the second provider.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Machine {
    pub first: bool,
    pub offer: Offer,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    pub hosts: BTreeMap<u8, Machine>,
    pub holds: BTreeMap<u64, Hold>,
    /// Market and reference.
    pub lost: BTreeSet<(String, String)>,
    pub fences: BTreeMap<u8, u64>,
}

/// CPU, memory, storage and devices; never too large to be added up.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sum {
    amounts: [u128; 3],
    devices: Vec<String>,
}

impl Sum {
    fn of<'a>(holds: impl Iterator<Item = &'a Hold>) -> Self {
        let mut sum = Self::default();
        for resources in holds.filter_map(|hold| hold.resources.as_ref()) {
            for (place, more) in [resources.cpu_milli, resources.memory, resources.storage].into_iter().enumerate() {
                sum.amounts[place] += u128::from(more);
            }
            sum.devices.extend(resources.devices.iter().cloned());
        }
        sum.devices.sort();
        sum
    }

    /// Whether this and `more` fit a machine, each device once.
    fn fits_with(&self, more: &Self, machine: &Machine) -> bool {
        let fits = (0..3).all(|place| self.amounts[place] + more.amounts[place] <= machine.amounts()[place]);
        let all: Vec<&String> = self.devices.iter().chain(&more.devices).collect();
        let distinct: BTreeSet<&String> = all.iter().copied().collect();
        fits && distinct.len() == all.len() && distinct.iter().all(|id| machine.model(id).is_some())
    }
}

impl Machine {
    fn amounts(&self) -> [u128; 3] {
        let cpu = u128::from(self.offer.cpu_milli) * u128::from(self.offer.overcommit) / 100;
        [cpu, self.offer.memory.into(), self.offer.storage.into()]
    }

    fn model(&self, id: &str) -> Option<&str> {
        self.offer.devices.iter().find(|(known, _)| known == id).map(|(_, model)| model.as_str())
    }
}

fn exclusive(hold: &Hold) -> bool {
    hold.kind() != HoldKind::Soft
}

fn reference(hold: &Hold) -> (String, String) {
    (hold.market.clone(), hold.reference.clone())
}

/// Whether a device model has what a pattern asks: the patterns of these tests end in the model's name or in `*`.
fn suits(patterns: &[String], model: &str) -> bool {
    let one = |pattern: &String| match pattern.strip_suffix('*') {
        Some(head) => model.starts_with(head),
        None => model == pattern || model.starts_with(&format!("{pattern}/")),
    };
    patterns.is_empty() || patterns.iter().any(one)
}

/// Whether each wanted device finds one of its own among `free`, by trying everything.
fn assignable(wanted: &[&[String]], free: &[&str]) -> bool {
    let Some((head, rest)) = wanted.split_first() else { return true };
    (0..free.len()).any(|place| {
        let mut others = free.to_vec();
        suits(head, others.remove(place)) && assignable(rest, &others)
    })
}

fn wanted_devices(request: &Request) -> Vec<&[String]> {
    request.gpus.iter().flat_map(|gpu| vec![gpu.accepts.as_slice(); gpu.count as usize]).collect()
}

impl Model {
    /// What the ledger stores.
    pub(super) fn read(ctx: &Context) -> Self {
        let mut model = Self::default();
        for number in HOSTS {
            let key = host_key(number);
            if let Some(found) = STORED.get(&ctx.state, &key).unwrap() {
                let offer = Offer {
                    cpu_milli: found.cpu_milli,
                    memory: found.memory,
                    storage: found.storage,
                    overcommit: found.cpu_overcommit_percent,
                    devices: found.devices.into_iter().map(|device| (device.id, device.model)).collect(),
                };
                model.hosts.insert(number, Machine { first: found.owner == PROVIDER.as_bytes(), offer });
            }
            if let Some(fence) = FENCES.get(&ctx.state, &key).unwrap() {
                model.fences.insert(number, fence);
            }
        }
        model.holds = HOLDS.all(&ctx.state).unwrap().into_iter().collect();
        let lost = LOST.all(&ctx.state).unwrap().into_iter();
        model.lost = lost.map(|((reference, market), ())| (market, reference)).collect();
        model
    }

    pub(super) fn host_of(&self, hold: &Hold) -> Option<u8> {
        HOSTS.into_iter().find(|number| host_key(*number).as_slice() == hold.host_key.as_slice())
    }

    fn on(&self, host: u8) -> impl Iterator<Item = &Hold> {
        self.holds.values().filter(move |hold| hold.host_key == host_key(host))
    }

    fn under<'a>(&'a self, name: &'a (String, String)) -> impl Iterator<Item = &'a Hold> {
        self.holds.values().filter(move |hold| reference(hold) == *name)
    }

    /// Whether a hold fits its host beside the exclusive ones that `counts` counts.
    fn fits(&self, hold: &Hold, counts: impl Fn(&Hold) -> bool) -> bool {
        let host = self.host_of(hold).unwrap();
        let taken = Sum::of(self.on(host).filter(|other| other.id != hold.id && exclusive(other) && counts(other)));
        taken.fits_with(&Sum::of([hold].into_iter()), &self.hosts[&host])
    }

    /// Whether a claim of one replica fits a host of the provider beside the holds that `counts` counts.
    fn has_room(&self, first: bool, claim: &Claim<'_>, counts: impl Fn(&Hold) -> bool) -> bool {
        let [(request, 1)] = claim.units.as_slice() else { panic!("only for one replica") };
        self.hosts.iter().filter(|(_, machine)| machine.first == first).any(|(host, machine)| {
            let taken = Sum::of(self.on(*host).filter(|hold| counts(hold)));
            let need = [request.cpu_milli, request.memory, request.storage].map(u128::from);
            let fits = (0..3).all(|place| taken.amounts[place] + need[place] <= machine.amounts()[place]);
            let free = machine.offer.devices.iter().filter(|(id, _)| !taken.devices.contains(id));
            let free: Vec<&str> = free.map(|(_, model)| model.as_str()).collect();
            fits && assignable(&wanted_devices(request), &free)
        })
    }

    fn may_register(&self, first: bool, host: u8, offer: &Offer) -> bool {
        let machine = Machine { first, offer: offer.clone() };
        let foreign = self.hosts.iter().filter(|(other, _)| **other != host);
        let mut foreign = foreign.flat_map(|(_, other)| &other.offer.devices);
        if foreign.any(|(id, _)| machine.model(id).is_some()) {
            return false;
        }
        let Some(before) = self.hosts.get(&host) else { return true };
        let same = |hold: &Hold| {
            let devices = &hold.resources.as_ref().unwrap().devices;
            devices.iter().all(|id| machine.model(id) == before.model(id))
                && Sum::default().fits_with(&Sum::of([hold].into_iter()), &machine)
        };
        let taken = Sum::of(self.on(host).filter(|hold| exclusive(hold)));
        before.first == first && self.on(host).all(same) && taken.fits_with(&Sum::default(), &machine)
    }

    fn may_shrink(&self, first: bool, host: u8, left: (u64, u64, u64)) -> bool {
        self.hosts.get(&host).is_some_and(|Machine { first: of, offer }| {
            *of == first && left.0 <= offer.cpu_milli && left.1 <= offer.memory && left.2 <= offer.storage
        })
    }

    fn may_retire(&self, first: bool, host: u8) -> bool {
        self.hosts.get(&host).is_some_and(|machine| machine.first == first) && !self.on(host).any(exclusive)
    }

    /// Soft holds never outlive their height here: few enough are made.
    fn may_turn(&self, name: &(String, String)) -> bool {
        !self.lost.contains(name) && self.under(name).all(|hold| exclusive(hold) || self.fits(hold, |_| true))
    }

    pub(super) fn expect_refusal(&self, step: &Step, refused: &Rejection) {
        let wrong = match step {
            Step::Register { first, host, offer } => self.may_register(*first, *host, offer),
            Step::Shrink { first, host, left, .. } => self.may_shrink(*first, *host, *left),
            Step::Retire { first, host } => self.may_retire(*first, *host),
            Step::Hold { first, kind, claim, .. } => {
                let name = (claim.market.to_owned(), claim.reference.clone());
                let used = self.lost.contains(&name) || self.under(&name).next().is_some();
                let hostless = !self.hosts.values().any(|machine| machine.first == *first);
                match claim.units.as_slice() {
                    _ if used => false,
                    _ if hostless && *kind == HoldKind::Soft => true,
                    [(_, 1)] => self.has_room(*first, claim, exclusive),
                    other => other.is_empty(),
                }
            }
            Step::TurnFirm { market, reference } => {
                self.may_turn(&(MARKETS[*market].to_owned(), REFERENCES[*reference].to_owned()))
            }
            Step::Yield { first, claim } => match claim.units.as_slice() {
                [(_, 1)] => self.has_room(*first, claim, |hold| hold.kind() == HoldKind::Firm),
                other => other.is_empty(),
            },
            Step::Release { .. } | Step::Wait(_) => true,
        };
        assert!(!wrong, "{step:?} is refused: {refused}; {self:#?}");
    }

    /// Goes on to what the ledger shows now, if the step may lead there.
    pub(super) fn follow(&mut self, ctx: &Context, step: &Step, done: &Done) {
        let now = Self::read(ctx);
        let ids: &[u64] = match done {
            Done::Ids(ids) => ids,
            Done::Nothing => &[],
        };
        let gone: Vec<Hold> =
            self.holds.iter().filter(|(id, _)| !now.holds.contains_key(id)).map(|(_, hold)| hold.clone()).collect();
        let made: Vec<&Hold> =
            now.holds.iter().filter(|(id, _)| !self.holds.contains_key(id)).map(|(_, h)| h).collect();
        let before = self.clone();
        match step {
            Step::Register { first, host, offer } => {
                assert!(self.may_register(*first, *host, offer), "{step:?}; {self:#?}");
                self.hosts.insert(*host, Machine { first: *first, offer: offer.clone() });
            }
            Step::Shrink { first, host, left, keep } => {
                assert!(self.may_shrink(*first, *host, *left), "{step:?}");
                self.shrink(*host, *left, keep, ids);
                self.lose(&gone);
            }
            Step::Retire { first, host } => {
                assert!(self.may_retire(*first, *host), "{step:?}");
                assert_eq!(gone, self.on(*host).cloned().collect::<Vec<_>>());
                self.lose(&gone);
                self.hosts.remove(host);
            }
            Step::Hold { first, kind, claim, blocks } => {
                let name = (claim.market.to_owned(), claim.reference.clone());
                assert!(!self.lost.contains(&name) && self.under(&name).next().is_none(), "{name:?} is in use");
                assert_eq!(made.iter().map(|hold| hold.id).collect::<Vec<_>>(), ids);
                self.made(ctx, *first, *kind, claim, *blocks, &made);
            }
            Step::TurnFirm { market, reference } => {
                let name = (MARKETS[*market].to_owned(), REFERENCES[*reference].to_owned());
                assert!(self.may_turn(&name), "{step:?}; {self:#?}");
                let soft: Vec<u64> = self.under(&name).filter(|hold| !exclusive(hold)).map(|hold| hold.id).collect();
                assert_eq!(soft, ids);
                for id in soft {
                    let fence = self.next_fence(&before.holds[&id]);
                    let hold = self.holds.get_mut(&id).unwrap();
                    (hold.kind, hold.expires_at, hold.fence) = (HoldKind::Firm as i32, 0, fence);
                }
            }
            Step::Release { market, reference } => {
                let name = (MARKETS[*market].to_owned(), REFERENCES[*reference].to_owned());
                assert_eq!(gone, self.under(&name).cloned().collect::<Vec<_>>());
                self.lost.remove(&name);
                self.holds.retain(|id, _| now.holds.contains_key(id));
            }
            Step::Yield { first, claim } => self.yields(ctx, *first, claim, ids, &now),
            Step::Wait(_) => {
                let (height, time) = (i64::try_from(ctx.block.height).unwrap(), ctx.block.time);
                let over = |hold: &&Hold| {
                    (hold.expires_at > 0 && hold.expires_at <= height)
                        || hold.yields_at.is_some_and(|at| (at.seconds, at.nanos) <= (time.seconds, time.nanos))
                };
                assert_eq!(gone, self.holds.values().filter(over).cloned().collect::<Vec<_>>());
                self.lose(&gone);
            }
        }
        let told = !matches!(step, Step::Release { .. });
        assert_outcomes(ctx, if told { &gone } else { &[] });
    }

    /// Holds end without their market having asked: soft ones leave a mark.
    fn lose(&mut self, gone: &[Hold]) {
        for hold in gone {
            self.holds.remove(&hold.id);
            if !exclusive(hold) {
                self.lost.insert(reference(hold));
            }
        }
    }

    fn next_fence(&mut self, hold: &Hold) -> u64 {
        let last = self.fences.entry(self.host_of(hold).unwrap()).or_default();
        *last += 1;
        *last
    }

    fn made(&mut self, ctx: &Context, first: bool, kind: HoldKind, claim: &Claim<'_>, blocks: u64, made: &[&Hold]) {
        let hosts: BTreeSet<u8> = made.iter().map(|hold| self.host_of(hold).unwrap()).collect();
        assert_eq!(hosts.len(), made.len(), "one hold per host");
        let hostless = !self.hosts.values().any(|machine| machine.first == first);
        let mut need = [0_u128; 3];
        let mut wanted = Vec::new();
        for (request, count) in claim.units.iter().filter(|_| !hostless) {
            for (place, more) in [request.cpu_milli, request.memory, request.storage].into_iter().enumerate() {
                need[place] += u128::from(more) * u128::from(*count);
            }
            wanted.extend((0..*count).flat_map(|_| wanted_devices(request)));
        }
        let all = Sum::of(made.iter().copied());
        assert_eq!((all.amounts, all.devices.len()), (need, wanted.len()), "what is held is what was claimed");
        let models: Vec<&str> = made
            .iter()
            .flat_map(|hold| {
                let machine = &self.hosts[&self.host_of(hold).unwrap()];
                hold.resources.as_ref().unwrap().devices.iter().map(|id| machine.model(id).unwrap())
            })
            .collect();
        // Trying everything is only for few.
        assert!(wanted.len() > 6 || assignable(&wanted, &models), "{models:?} are not what was asked for");
        for hold in made {
            assert_eq!(self.hosts[&self.host_of(hold).unwrap()].first, first);
            assert!(self.fits(hold, |_| true), "{hold:?} does not fit");
            let expires_at = if kind == HoldKind::Soft && blocks > 0 { ctx.block.height + blocks } else { 0 };
            let expected = Hold {
                kind: kind as i32,
                market: claim.market.to_owned(),
                reference: claim.reference.clone(),
                expires_at: i64::try_from(expires_at).unwrap(),
                fence: if kind == HoldKind::Firm { self.next_fence(hold) } else { 0 },
                created_at: i64::try_from(ctx.block.height).unwrap(),
                yields_at: None,
                ..(*hold).clone()
            };
            self.holds.insert(hold.id, expected);
        }
    }

    /// Ends what `ended` names in that order: exclusive holds that use something short when their turn comes, and the
    /// soft ones that would not fit beside what stays.
    fn shrink(&mut self, host: u8, left: (u64, u64, u64), keep: &[bool], ended: &[u64]) {
        let machine = self.hosts.get_mut(&host).unwrap();
        (machine.offer.cpu_milli, machine.offer.memory, machine.offer.storage) = left;
        let mut keep = keep.iter();
        machine.offer.devices.retain(|_| keep.next().copied().unwrap_or(false));
        let machine = machine.clone();
        let mut rest = self.clone();
        let mut expected = Vec::new();
        for kind in [HoldKind::Interruptible, HoldKind::Firm] {
            let of_kind = self.on(host).filter(|hold| hold.kind() == kind).collect::<Vec<_>>();
            for hold in of_kind.into_iter().rev() {
                let taken = Sum::of(rest.on(host).filter(|hold| exclusive(hold)));
                let own = Sum::of([hold].into_iter());
                let short = |place: usize| taken.amounts[place] > machine.amounts()[place] && own.amounts[place] > 0;
                if (0..3).any(short) || own.devices.iter().any(|id| machine.model(id).is_none()) {
                    rest.holds.remove(&hold.id);
                    expected.push(hold.id);
                }
            }
        }
        let soft: Vec<&Hold> = self.on(host).filter(|hold| !exclusive(hold)).collect();
        let soft = soft.into_iter().rev().filter(|hold| !rest.fits(hold, |_| true)).map(|hold| hold.id);
        assert_eq!(ended, soft.chain(expected).collect::<Vec<_>>(), "on host {host} of {self:#?}");
    }

    /// Only interruptible holds of the provider are asked, only once, and afterwards there will be room.
    fn yields(&mut self, ctx: &Context, first: bool, claim: &Claim<'_>, ids: &[u64], now: &Self) {
        let noticed = ctx.block.time.seconds + 30;
        for id in ids {
            let hold = self.holds.get_mut(id).unwrap();
            assert_eq!(hold.kind(), HoldKind::Interruptible);
            let at = hold.yields_at.get_or_insert(proto::Timestamp { seconds: noticed, nanos: ctx.block.time.nanos });
            assert!(at.seconds <= noticed);
        }
        for id in ids {
            let host = self.host_of(&self.holds[id]).unwrap();
            assert_eq!(self.hosts[&host].first, first);
        }
        if let [(_, 1)] = claim.units.as_slice() {
            let stays = |hold: &Hold| exclusive(hold) && !ids.contains(&hold.id);
            assert!(self.has_room(first, claim, stays), "no room after {ids:?}; {now:#?}");
            let fits_now = self.has_room(first, claim, exclusive);
            assert!(!fits_now || ids.is_empty(), "{ids:?} must yield for nothing; {now:#?}");
        }
    }

    /// The ledger stores what the model says, with every index, and nothing is sold twice.
    pub(super) fn compare(&self, ctx: &Context) {
        assert_eq!(Self::read(ctx), *self);
        for (host, machine) in &self.hosts {
            let taken = Sum::of(self.on(*host).filter(|hold| exclusive(hold)));
            assert!(taken.fits_with(&Sum::default(), machine), "host {host} is sold twice: {taken:?} of {machine:?}");
            let stored = STORED.get(&ctx.state, &host_key(*host)).unwrap().unwrap();
            let sum = |resources| Sum::of([Hold { resources: Some(resources), ..Hold::default() }].iter());
            assert_eq!(sum(stored.taken()), taken);
            assert_eq!(sum(stored.wanted()), Sum::of(self.on(*host).filter(|hold| !exclusive(hold))));
            let fences: Vec<u64> =
                self.on(*host).filter(|hold| hold.kind() == HoldKind::Firm).map(|hold| hold.fence).collect();
            assert_eq!(fences.iter().collect::<BTreeSet<_>>().len(), fences.len(), "fences {fences:?}");
        }
        assert!(self.holds.values().all(|hold| self.hosts.contains_key(&self.host_of(hold).unwrap())));
        assert_indices(ctx);
    }
}
