//! The 97 real epochs of Render's burn and mint through the machine, with the cap off (spec/render_ionet.md A3.6; the
//! figures are of nickypockets/RENDER_RNP20_Tools, MIT).
//!
//! The data have credits, burns and prices of each epoch, and for epochs 76 to 96 all work, not single frames or wallets.
//! What they allow, with tolerances chosen before the first run:
//!
//! - **L1**, the peg: credits used at the epoch's prices burn the LUX that was burned, within 0.1 %; the data's euro has
//!   four places. Epoch 97 is in: its burn belongs to other credits, which the data's implied euro hides.
//! - **L3**, pro rata: a unit of work in tier 2 is paid twice a unit in tier 3, within a millionth.
//! - **L4**, the pool: payouts of an epoch sum exactly to what was minted; from epoch 25 on, with the shares of A3.4, that
//!   is 15,000 LUX within 0.1 %, but for the two epochs around the change of the year.
//! - **L6**, the anomaly: where work is known, it is credited with 45 % of it in tier 2, the least that A3.6 has, and paid
//!   with the epoch's credits. Then the records of epochs 90 to 96 must say so, and no others.

use ledger::testing::{ALICE, BOB, CAROL};
use pricing::render::burn::Rates;
use primitives::Dec;
use proto::tetra::render::v1::Tier;

use crate::credit::Paid;
use crate::epoch::attribute;
use crate::support::{amount, bare, bill, broken, buy, claim, close, last, post, supply, update};

const DATA: &str = include_str!("../../../../pricing/tests/data/render_epochs.csv");

/// Millionths of a decimal, from text without floats.
fn micros(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: String = part.chars().chain("000000".chars()).take(6).collect();
    whole.parse::<u64>().unwrap() * 1_000_000 + part.parse::<u64>().unwrap()
}

struct Row {
    epoch: u64,
    burned: u64,
    credits: u64,
    lux: u64,
    euro: u64,
    /// Thousandths of a unit.
    work: Option<u64>,
}

fn rows() -> Vec<Row> {
    let lines = DATA.lines().filter(|line| line.starts_with(|letter: char| letter.is_ascii_digit()));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let (burned, usd) = (micros(fields[2]), micros(fields[3]));
        let tiers_known = !fields[11].is_empty();
        Row {
            epoch: fields[0].parse().unwrap(),
            burned,
            credits: micros(fields[4]),
            lux: u64::try_from(u128::from(usd) * 1_000_000 / u128::from(burned)).unwrap(),
            euro: micros(fields[5]),
            work: tiers_known.then(|| fields[10].parse::<u64>().unwrap() * 1_000),
        }
    };
    lines.map(row).collect()
}

fn near(found: u128, wanted: u128, ppm: u128) -> bool {
    found.abs_diff(wanted) * 1_000_000 <= wanted * ppm
}

#[test]
fn ninety_seven_epochs() {
    let rows = rows();
    assert_eq!(rows.len(), 97);
    let mut ctx = bare();
    let (mut worst, mut burned, mut minted, start) = (0u128, 0u128, 0u128, supply(&ctx));
    let mut reported = Vec::new();
    for row in &rows {
        // 15,000 a week of 174,917 in year 1 and of 113,178 after it.
        let share = if row.epoch <= 52 { 858 } else { 1_325 };
        update(&mut ctx, |params| (params.pool_cap_bp, params.job_pool_bp) = (u32::MAX, share)).unwrap();
        // Later than a day after the last price, so that no average holds it back.
        ledger::testing::advance(&mut ctx, 2 * 14_400 + 1);
        post(&mut ctx, row.lux, row.euro);
        let dec = |micros: u64| Dec::from_atoms(u128::from(micros) * 1_000_000_000_000);
        let rates = Rates { lux: dec(row.lux), euro: dec(row.euro) };
        let pay = rates.lux_for(row.credits.into()).unwrap();
        let bought = buy(&mut ctx, &ALICE, &format!("{pay}ulux")).unwrap();
        assert!(bought >= row.credits);
        // Work in tiers 2 and 3; where it is not known, equal work that costs all credits: w / 100 + w / 200 = credits.
        let (second, third) = match row.work {
            Some(all) => (all / 100 * 45, all - all / 100 * 45),
            None => (bought / 15, bought / 15),
        };
        let (two, three) = (bill(&ctx, Tier::Priority, second), bill(&ctx, Tier::Economy, third));
        assert!(row.work.is_some() || (two + three <= bought && bought - two - three < 15));
        crate::credit::set_aside(&mut ctx, &ALICE, bought).unwrap();
        let paid = crate::credit::spend(&mut ctx, &ALICE, bought).unwrap();
        attribute(&mut ctx, "tier 2", &BOB, two, second, &paid).unwrap();
        attribute(&mut ctx, "tier 3", &CAROL, three, third, &Paid::default()).unwrap();
        close(&mut ctx, row.lux, row.euro);

        let epoch = last(&ctx);
        let off = amount(epoch.lux_burned.as_ref()).abs_diff(row.burned.into()) * 1_000_000 / u128::from(row.burned);
        worst = worst.max(off);
        assert!(off <= 1_000, "L1 of epoch {}: {:?} for {}", row.epoch, epoch.lux_burned, row.burned);
        let (bob, carol) = (claim(&mut ctx, &BOB).unwrap(), claim(&mut ctx, &CAROL).unwrap());
        let (left, right) = (bob * u128::from(third), 2 * carol * u128::from(second));
        assert!(near(left, right, 1), "L3 of epoch {}: {bob} {carol}", row.epoch);
        assert_eq!(bob + carol, amount(epoch.minted_work.as_ref()), "L4 of epoch {}", row.epoch);
        if row.epoch >= 25 && row.epoch != 52 && row.epoch != 53 {
            assert!(near(bob + carol, 15_000_000_000, 1_000), "L4 of epoch {}: {}", row.epoch, bob + carol);
        }
        if !epoch.anomaly.is_empty() {
            reported.push(row.epoch);
        }
        burned += amount(epoch.lux_burned.as_ref());
        minted += bob + carol + amount(epoch.reserved.as_ref());
    }
    assert_eq!(supply(&ctx), start + minted - burned);
    // A3.6: 799,639 burned in all.
    assert!(near(burned, 799_639_000_000, 1_000), "{burned}");
    assert_eq!(reported, (90..=96).collect::<Vec<u64>>(), "L6");
    // What came out: the worst peg is 53 millionths off.
    assert_eq!((burned / 1_000_000, worst), (799_639, 53));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}
