//! Which devices a hire gets.
//!
//! Slices of idle windows, where they are asked for, are looked at first, then firm devices; each from the lowest floor on, the longest
//! idle first among equal ones. Those that do not fit are passed over; of the others cheaper ones are taken first.
//! Spread takes one device of each supplier before a second of any, then one of each host; pack takes all that is free of the
//! roomiest. The work is bounded by what is looked at, whatever the number of offers.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Context, Failure, capacity};
use proto::tetra::cluster::v1::{Ask, Offer, Params, Source};
use store::PageQuery;

use super::ask::{price, unfit};
use crate::ids::OfferId;
use crate::params::params;
use crate::supply::state::{LISTED, OFFERS, free, is_interruptible, lane, terms};
use crate::supply::{class, terms as checked};

/// How many offers are looked at for a hire, half of them of each lane.
pub const MOST_LOOKED: usize = 1_024;
/// How many of them are read at a time.
const PIECE: usize = 64;

/// A device that is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Of whom.
    pub offer: OfferId,
    /// Per hour.
    pub price: u64,
    /// By which way it came into the pool.
    pub source: Source,
}

/// What a look at the offers gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Those that fit, in order, with how many devices of each.
    pub fitting: Vec<(Chosen, u32)>,
    /// Those that do not, and why.
    pub unfit: Vec<(OfferId, String)>,
}

/// Whether an offer has room on its host for how many devices.
fn room(ctx: &Context, id: &OfferId, offer: &Offer) -> Result<u32, Failure> {
    let request = checked::request(&terms(offer));
    match is_interruptible(offer) {
        true => capacity::room_to_lend(ctx, &id.host, &request, free(offer)),
        false => capacity::room_for(ctx, &id.host, &request, free(offer)),
    }
}

struct Looking<'a> {
    ask: &'a Ask,
    avoid: &'a BTreeSet<OfferId>,
    class_price: u64,
    params: Params,
    look: Look,
}

impl Looking<'_> {
    fn see(&mut self, ctx: &Context, id: OfferId, offer: &Offer) -> Result<(), Failure> {
        let price = price(offer, self.class_price, &self.params);
        let why = match unfit(ctx, self.ask, offer, price) {
            Some(why) => Some(why),
            None if self.avoid.contains(&id) => Some("it was lost from this cluster before".to_owned()),
            None => None,
        };
        if let Some(why) = why {
            self.look.unfit.push((id, why));
            return Ok(());
        }
        match room(ctx, &id, offer)? {
            0 if is_interruptible(offer) => {
                self.look.unfit.push((id, "its machine renders now, or has no window open".to_owned()))
            }
            0 => self.look.unfit.push((id, "its host has promised the room to another market".to_owned())),
            free => self.look.fitting.push((Chosen { offer: id, price, source: offer.source() }, free)),
        }
        Ok(())
    }

    /// What was found, in the order in which it is taken.
    fn done(mut self) -> Look {
        self.look.fitting.sort_by_key(|(chosen, _)| chosen.price);
        self.look
    }

    /// Whether there are enough of those that cost so much at most: then more offers would not make the choice another one.
    fn suffices(&self, most: u64) -> bool {
        let wanted = self.ask.nodes as usize;
        let fitting = || self.look.fitting.iter().filter(|(chosen, _)| chosen.price <= most);
        match self.ask.pack {
            true => fitting().map(|(_, free)| *free as usize).sum::<usize>() >= wanted,
            false => {
                let owners: BTreeSet<_> = fitting().map(|(chosen, _)| chosen.offer.owner).collect();
                owners.len() >= wanted
            }
        }
    }

    /// Looks at what is listed in a lane, at `most` at most and until there are enough at a price; whether there are.
    fn walk(&mut self, ctx: &Context, lane: &String, (most, price): (usize, u64)) -> Result<bool, Failure> {
        let mut query = PageQuery { from: None, limit: PIECE.min(most), reverse: false };
        let mut looked = 0;
        loop {
            let page = LISTED.page(&ctx.state, lane, &query)?;
            for ((_, _, id), ()) in page.entries {
                looked += 1;
                if let Some(offer) = OFFERS.get(&ctx.state, &id)? {
                    self.see(ctx, id, &offer)?;
                }
                if self.suffices(price) {
                    return Ok(true);
                }
            }
            match page.next {
                Some(next) if looked < most => query.from = Some(next),
                _ => return Ok(false),
            }
        }
    }
}

fn looking<'a>(ctx: &Context, ask: &'a Ask, avoid: &'a BTreeSet<OfferId>) -> Result<Looking<'a>, Failure> {
    let params = params(ctx)?;
    let class_price = class::state(ctx, &params, &ask.class)?.price;
    Ok(Looking { ask, avoid, class_price, params, look: Look::default() })
}

/// Looks at ready offers until there are enough.
///
/// # Errors
/// `cluster_supply` 5 when there is no such class.
pub fn look(ctx: &Context, ask: &Ask, avoid: &BTreeSet<OfferId>) -> Result<Look, Failure> {
    let mut looking = looking(ctx, ask, avoid)?;
    let price = looking.class_price;
    // No firm device costs less than its class, so that enough slices at that price are the cheapest there are.
    if ask.interruptible && looking.walk(ctx, &lane(&ask.class, true), (MOST_LOOKED / 2, price))? {
        return Ok(looking.done());
    }
    looking.walk(ctx, &ask.class, (MOST_LOOKED / 2, u64::MAX))?;
    Ok(looking.done())
}

/// Looks at all offers, ready or not: for who asks why. Not for the machine, whose work must be bounded by what is asked for.
///
/// # Errors
/// `cluster_supply` 5 when there is no such class.
pub fn look_at_all(ctx: &Context, ask: &Ask) -> Result<Look, Failure> {
    let none = BTreeSet::new();
    let mut looking = looking(ctx, ask, &none)?;
    for interruptible in [true, false] {
        for ((_, _, id), ()) in LISTED.first(&ctx.state, &lane(&ask.class, interruptible), MOST_LOOKED)? {
            if let Some(offer) = OFFERS.get(&ctx.state, &id)? {
                looking.see(ctx, id, &offer)?;
            }
        }
    }
    for (id, offer) in OFFERS.first(&ctx.state, &(), MOST_LOOKED)? {
        let listed = offer.state() == proto::tetra::cluster::v1::OfferState::Ready && terms(&offer).class == ask.class;
        if !listed {
            looking.see(ctx, id, &offer)?;
        }
    }
    Ok(looking.done())
}

/// Chooses up to `nodes` devices of those that fit.
pub fn choose(fitting: &[(Chosen, u32)], nodes: u32, pack: bool) -> Vec<Chosen> {
    let wanted = nodes as usize;
    let mut chosen: Vec<Chosen> = Vec::new();
    if pack {
        let mut roomiest: Vec<&(Chosen, u32)> = fitting.iter().collect();
        roomiest.sort_by_key(|(_, free)| std::cmp::Reverse((*free).min(nodes)));
        for (device, free) in roomiest {
            chosen.extend(std::iter::repeat_n(*device, *free as usize));
        }
        chosen.truncate(wanted);
        return chosen;
    }
    let mut taken: BTreeMap<OfferId, u32> = BTreeMap::new();
    let mut owners = BTreeSet::new();
    for (device, _) in fitting {
        if chosen.len() < wanted && owners.insert(device.offer.owner) {
            chosen.push(*device);
            taken.insert(device.offer, 1);
        }
    }
    // Then every host once, then every host again, until enough or none is left.
    while chosen.len() < wanted {
        let before = chosen.len();
        let least = fitting.iter().filter(|(device, free)| taken.get(&device.offer).unwrap_or(&0) < free);
        let least = least.map(|(device, _)| taken.get(&device.offer).copied().unwrap_or(0)).min().unwrap_or(0);
        for (device, free) in fitting {
            let has = taken.entry(device.offer).or_insert(0);
            if chosen.len() < wanted && *has < *free && *has == least {
                *has = has.saturating_add(1);
                chosen.push(*device);
            }
        }
        if chosen.len() == before {
            break;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use ledger::testing::nobody;
    use proptest::prelude::*;

    use super::*;

    fn device(owner: u8, host: u8, price: u64) -> Chosen {
        Chosen { offer: OfferId { owner: nobody(owner), host: [host; 32] }, price, source: Source::Provider }
    }

    #[test]
    fn spread_takes_one_of_each_supplier_before_a_second_host_and_a_second_device() {
        let fitting = [(device(1, 1, 5), 4), (device(1, 2, 6), 4), (device(2, 3, 7), 4), (device(3, 4, 8), 1)];
        let hosts = |nodes| choose(&fitting, nodes, false).iter().map(|one| one.offer.host[0]).collect::<Vec<_>>();
        assert_eq!(hosts(2), [1, 3]);
        assert_eq!(hosts(4), [1, 3, 4, 2]);
        assert_eq!(hosts(6), [1, 3, 4, 2, 1, 2]);
    }

    #[test]
    fn pack_takes_the_roomiest_first() {
        let fitting = [(device(1, 1, 5), 1), (device(1, 2, 6), 4), (device(2, 3, 7), 2)];
        let hosts: Vec<u8> = choose(&fitting, 5, true).iter().map(|one| one.offer.host[0]).collect();
        assert_eq!(hosts, [2, 2, 2, 2, 3]);
        // Of those that have room for all, the cheapest.
        let hosts: Vec<u8> = choose(&fitting, 2, true).iter().map(|one| one.offer.host[0]).collect();
        assert_eq!(hosts, [2, 2]);
    }

    proptest! {
        /// Nobody gives more than is free, and all that there is is given when it is wanted.
        #[test]
        fn as_many_as_there_are(free in prop::collection::vec(1u32..5, 0..8), nodes in 0u32..30, pack: bool) {
            let device = |(at, free): (usize, &u32)| (device(at as u8 / 2, at as u8, 1), *free);
            let fitting: Vec<(Chosen, u32)> = free.iter().enumerate().map(device).collect();
            let chosen = choose(&fitting, nodes, pack);
            prop_assert_eq!(chosen.len() as u32, nodes.min(free.iter().sum()));
            for (device, free) in &fitting {
                prop_assert!(chosen.iter().filter(|one| one.offer == device.offer).count() as u32 <= *free);
            }
        }
    }
}
