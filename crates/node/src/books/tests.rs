use super::*;
use primitives::Denom;
use proptest::prelude::*;
use store::Empty;

/// A state out of one write set.
struct Written(WriteSet);

impl Reader for Written {
    fn get(&self, module: Module, key: &[u8]) -> store::Result<Option<Vec<u8>>> {
        Ok(self.0.get(module, key).flatten().map(<[u8]>::to_vec))
    }

    fn scan(
        &self,
        module: Module,
        start: &[u8],
        end: Option<&[u8]>,
        _: Direction,
        limit: usize,
    ) -> store::Result<Vec<store::state::Pair>> {
        let within = |key: &[u8]| key >= start && end.is_none_or(|end| key < end);
        let pairs = self.0.of(module).filter(|(key, _)| within(key));
        Ok(pairs.filter_map(|(key, value)| Some((key.to_vec(), value?.to_vec()))).take(limit).collect())
    }
}

fn sets() -> impl Strategy<Value = Vec<(u8, u8, bool, u64)>> {
    prop::collection::vec((0u8..5, 0u8..6, any::<bool>(), 1u64..1000), 0..40)
}

/// One write: an entry of some kind, there or gone.
fn write(set: &mut WriteSet, (what, which, there, number): (u8, u8, bool, u64)) {
    let (module, key, value) = match what {
        0 => (SUPPLY.module(), SUPPLY.key(&format!("denom{which}")), Amount(number.into()).to_stored()),
        1 => {
            let address = Address::of_module(modules::NAMES[usize::from(which) % 3]);
            (BALANCES.module(), BALANCES.key(&(address, "utet".to_owned())), Amount(number.into()).to_stored())
        }
        2 => {
            let kind = [HoldKind::Soft, HoldKind::Firm][usize::from(number % 2 == 0)] as i32;
            (HOLDS.module(), HOLDS.key(&which.into()), Hold { kind, ..Hold::default() }.to_stored())
        }
        _ => {
            let index = &INDICES[usize::from(which) % INDICES.len()];
            (index.module, vec![index.tag, (number % 4) as u8, which], vec![1])
        }
    };
    set.insert(module, key, there.then_some(value));
}

fn shown(changes: &Changes) -> Changes {
    let mut shown = changes.clone();
    shown.amounts.retain(|_, amount| *amount != 0);
    shown.counts.retain(|_, count| *count != 0);
    shown
}

proptest! {
    /// Block by block comes to the same as a look at the whole state.
    #[test]
    fn blocks_add_up_to_the_state(blocks in prop::collection::vec(sets(), 1..5)) {
        let (mut state, mut sum) = (WriteSet::default(), Changes::default());
        for block in blocks {
            let mut writes = WriteSet::default();
            block.into_iter().for_each(|entry| write(&mut writes, entry));
            let changes = Changes::of_block(&Written(state.clone()), &writes).unwrap();
            sum.amounts.extend(changes.amounts);
            for (place, change) in changes.counts {
                *sum.counts.entry(place).or_default() += change;
            }
            for (module, key, value) in writes.iter() {
                state.insert(module, key.to_vec(), value.map(<[u8]>::to_vec));
            }
        }
        prop_assert_eq!(shown(&sum), shown(&Changes::of_state(&Written(state)).unwrap()));
    }
}

#[test]
fn more_than_a_page_is_counted_whole() {
    let mut state = WriteSet::default();
    for number in 0..2 * PAGE as u64 + 5 {
        let hold = Hold { kind: HoldKind::Soft as i32, ..Hold::default() };
        state.insert(HOLDS.module(), HOLDS.key(&number), Some(hold.to_stored()));
    }
    let counted = Changes::of_state(&Written(state)).unwrap().counts;
    assert_eq!(counted[&(Kind::Holds, "soft".to_owned())], 2 * PAGE as i64 + 5);
    assert_eq!(Changes::of_state(&Empty).unwrap(), Changes::default());
}

#[test]
fn announcements_are_counted_by_denom_and_reason() {
    let books = Books::new(&mut Registry::default());
    let coin = |amount: u128| format!("{{\"denom\":\"uusd\",\"amount\":\"{amount}\"}}");
    let minted = Coin { denom: Denom::new("utet").unwrap(), amount: 7 }.to_string();
    let events = [
        Event::new("coinbase", [("amount", minted.clone()), ("reason", "faucet".to_owned())]),
        Event::new("burn", [("amount", minted), ("reason", "fee".to_owned())]),
        Event::new("tetra.escrow.v1.EventDeposited", [("amount", coin(100))]),
        Event::new("tetra.escrow.v1.EventPaymentWithdrawn", [("paid", coin(80)), ("take", coin(20))]),
        Event::new("tetra.escrow.v1.EventDepositRefunded", [("amount", coin(5))]),
        Event::new("akash.market.v1.EventLeaseCreated", [("id", "{}".to_owned())]),
        Event::new("transfer", [("amount", "5utet".to_owned())]),
    ];
    books.announced(events.iter());
    assert_eq!((books.minted.get(&["utet", "faucet"]), books.burned.get(&["utet", "fee"])), (7.0, 7.0));
    assert_eq!((books.deposited.get(&["uusd"]), books.refunded.get(&["uusd"])), (100.0, 5.0));
    assert_eq!((books.paid.get(&["uusd"]), books.taken.get(&["uusd"])), (80.0, 20.0));
    assert_eq!(books.events.get(&["lease_created"]), 1.0);
}
