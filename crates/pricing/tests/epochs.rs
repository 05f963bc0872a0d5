//! The rules of the market of renders against 97 real epochs of Render's burn and mint (spec/render_ionet.md A3.6).
//!
//! The figures stand in `data`. Tolerances were written before the first run; where one was not met, the test says so. What
//! the figures cannot show: payouts per wallet are not in them, so that L3 and L5 are recomputed with our own pool over
//! real work instead of compared with what was paid.

#![allow(clippy::disallowed_methods, reason = "the test reads files")]

use pricing::render::laws::{Agreement, Billed, compare, credits_of_burn, implied_euro};
use pricing::render::pool::{Limit, concentration, share};
use pricing::render::tiers::Tier;
use primitives::Dec;

/// What of a payment is burned, in millionths.
const BURNED: u32 = 950_000;
const MICRO: u128 = 1_000_000;

/// One epoch; amounts in millionths, work in thousandths of a unit.
struct Epoch {
    number: u32,
    start: String,
    burned_render: u128,
    burned_usd: u128,
    credits: u128,
    euro: u128,
    pool: u128,
    work_paid: u128,
    wallets: u32,
    idle_paid: u128,
    work: Option<u128>,
    tiers: Option<[u128; 2]>,
}

fn millionths(text: &str) -> u128 {
    text.parse::<Dec>().unwrap().atoms() / 10u128.pow(12)
}

fn epochs() -> Vec<Epoch> {
    let text = include_str!("data/render_epochs.csv");
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let epoch = |line: &str| {
        let field: Vec<&str> = line.split(',').collect();
        let work = |text: &str| (!text.is_empty()).then(|| text.parse::<u128>().unwrap() * 1_000);
        Epoch {
            number: field[0].parse().unwrap(),
            start: field[1].to_owned(),
            burned_render: millionths(field[2]),
            burned_usd: millionths(field[3]),
            credits: millionths(field[4]),
            euro: millionths(field[5]),
            pool: millionths(field[6]),
            work_paid: millionths(field[7]),
            wallets: field[8].parse().unwrap(),
            idle_paid: millionths(field[9]),
            work: work(field[10]),
            tiers: work(field[11]).zip(work(field[12])).map(|(t2, t3)| [t2, t3]),
        }
    };
    rows.map(epoch).collect()
}

/// Whether `got` is within `ppm` millionths of `wanted`.
fn near(got: u128, wanted: u128, ppm: u128) -> bool {
    got.abs_diff(wanted) * MICRO <= wanted * ppm
}

fn billed([t2, t3]: [u128; 2]) -> [Billed; 2] {
    [Billed { work: t2, price: Tier::Priority.start() }, Billed { work: t3, price: Tier::Economy.start() }]
}

#[test]
fn the_figures_are_whole() {
    let all = epochs();
    assert_eq!(all.iter().map(|epoch| epoch.number).collect::<Vec<_>>(), (1..=97).collect::<Vec<_>>());
    let sum = |value: fn(&Epoch) -> u128| all.iter().map(value).sum::<u128>();
    let tokens = |amount: u128| (amount + MICRO / 2) / MICRO;
    // A3.6, all 97.
    let sums = [sum(|e| e.burned_render), sum(|e| e.burned_usd), sum(|e| e.credits), sum(|e| e.pool)].map(tokens);
    assert_eq!(sums, [799_639, 3_950_659, 15_226_832, 2_139_663]);
    for epoch in &all {
        let parts = epoch.tiers.map(|tiers| tiers.into_iter().sum::<u128>());
        assert!(parts.is_none_or(|sum| Some(sum) == epoch.work), "{}", epoch.number);
    }
}

/// L1: the burn is 95 % of the credits at EUR 0.25. The rate that makes it true is the one of the figures to 10^-4 in
/// every epoch, that of the published months to 1 %, and one of its time (1.02 to 1.20) in all epochs but the last.
#[test]
fn l1_credits_are_quarters_of_a_euro() {
    let all = epochs();
    for epoch in &all {
        let euro = implied_euro(epoch.burned_usd, BURNED, epoch.credits).unwrap().atoms() / 10u128.pow(12);
        assert!(euro.abs_diff(epoch.euro) <= 100, "{} {euro}", epoch.number);
        let usual = (1_020_000..=1_200_000).contains(&euro);
        assert_eq!(usual, epoch.number != 97, "{} {euro}", epoch.number);
    }
    for (month, wanted) in [
        ("2024-01", 1_085_000),
        ("2024-06", 1_074_000),
        ("2024-09", 1_111_000),
        ("2024-12", 1_045_000),
        ("2025-01", 1_038_000),
        ("2025-04", 1_129_000),
        ("2025-07", 1_166_000),
        ("2025-09", 1_176_000),
    ] {
        let of_month = || all.iter().filter(|epoch| epoch.start.starts_with(month));
        let (usd, credits) = (of_month().map(|e| e.burned_usd).sum(), of_month().map(|e| e.credits).sum());
        let euro = implied_euro(usd, BURNED, credits).unwrap().atoms() / 10u128.pow(12);
        assert!(near(euro, wanted, 10_000), "{month} {euro}");
    }
}

/// The last epoch used more credits than it burned for, at any rate of that month: our check says so.
#[test]
fn l1_the_break_of_epoch_97_is_reported() {
    let all = epochs();
    let judged = |epoch: &Epoch, euro: &str| {
        let burned = credits_of_burn(epoch.burned_usd, BURNED, euro.parse().unwrap()).unwrap();
        // One unit of tier 1 is a twenty-fifth of a credit: credits as work, so that the same check compares them.
        let spent = [Billed { work: epoch.credits * 25_000 / MICRO, price: Tier::Trusted.start() }];
        compare(&spent, burned, 50_000).unwrap().agreement
    };
    // Between 1.14 and 1.18 all through October 2025.
    for euro in ["1.14", "1.16", "1.18"] {
        assert_eq!(judged(&all[96], euro), Agreement::WorkAboveBurn);
        assert_eq!(judged(&all[95], euro), Agreement::Agree);
    }
}

/// L2: work at the tiers' prices is what was billed. Without any split the credits lie between those of tier 3 and those
/// of tier 2 for all the work, exactly, and the share of tier 2 that they imply is between the published 0.45 and 0.93.
/// With the split of the figures, which gives each wallet to one tier as a whole, the fourteen epochs together are within
/// 5 %. For single ones 5 % was written here, too, and three missed it: epoch 82 with 1.111, 87 with 0.931 and 89 with
/// 0.945, so that this split is too coarse for them; the published ratios of 0.977 to 0.998 rest on payouts per wallet.
#[test]
fn l2_prices_of_tiers() {
    let epochs: Vec<Epoch> = epochs().into_iter().filter(|epoch| (76..=89).contains(&epoch.number)).collect();
    for epoch in &epochs {
        let all = epoch.work.unwrap();
        let at = |tier: Tier| tier.start().value(all).unwrap();
        assert!((at(Tier::Economy)..=at(Tier::Priority)).contains(&epoch.credits), "{}", epoch.number);
        // credits = all × (1 + share) / 200.
        let share = epoch.credits * 200_000 / all - MICRO;
        assert!((450_000..=930_000).contains(&share), "{} {share}", epoch.number);
        let compared = compare(&billed(epoch.tiers.unwrap()), epoch.credits, 50_000).unwrap();
        let missed = [82, 87, 89].contains(&epoch.number);
        assert_eq!(compared.agreement == Agreement::Agree, !missed, "{} {:?}", epoch.number, compared.ratio);
    }
    let work = epochs.iter().flat_map(|epoch| billed(epoch.tiers.unwrap())).collect::<Vec<_>>();
    let credits = epochs.iter().map(|epoch| epoch.credits).sum();
    assert_eq!(compare(&work, credits, 50_000).unwrap().agreement, Agreement::Agree);
}

/// L3 and L4: a pool is paid whole, and a unit of tier 2 earns twice one of tier 3, to a base unit per wallet. The work is
/// that of the epochs, cut into wallets of equal work, for theirs is not in the figures.
#[test]
fn l3_and_l4_payouts_of_real_work() {
    for epoch in epochs().into_iter().filter(|epoch| epoch.tiers.is_some()) {
        let [t2, t3] = epoch.tiers.unwrap();
        let unit = 100_000_000;
        let wallets = |work: u128, tier: Tier| {
            let value = tier.start().value(unit).unwrap();
            std::iter::repeat_n(value, usize::try_from(work / unit).unwrap())
        };
        let values: Vec<u128> = wallets(t2, Tier::Priority).chain(wallets(t3, Tier::Economy)).collect();
        let shared = share(epoch.pool, &values, 0, Limit::Off).unwrap();
        assert_eq!((shared.paid, shared.reserve), (15_000 * MICRO, 0));
        assert_eq!(shared.payouts.iter().sum::<u128>(), 15_000 * MICRO);
        let (first, last) = (shared.payouts[0], shared.payouts[values.len() - 1]);
        assert!(first.abs_diff(2 * last) <= 2, "{} {first} {last}", epoch.number);
    }
}

/// L4: 190,142 a month up to epoch 24 and 15,000 a week from epoch 25 on; 12,500 a month for idle nodes. Wallets are paid
/// late at times: from epoch 38 on what known wallets got is within 0.1 % of the pools in sum, and for idle ones from
/// epoch 55 on within 1 %. Epoch 66 is left out of the first sum, which missed it by 0.33 %: what it pays above the pool is
/// the pool of idle nodes, which has nothing in that epoch.
#[test]
fn l4_pools() {
    let all = epochs();
    for epoch in &all {
        // 12 months over 365 / 7 weeks; to 0.001 tokens but for the epochs that begin and one that misses 0.184.
        let weekly = 190_142 * MICRO * 12 * 7 / 365;
        match epoch.number {
            ..8 => assert!(epoch.pool < weekly),
            8..25 => assert!(epoch.pool.abs_diff(weekly) <= if epoch.number == 21 { 185_000 } else { 1_000 }),
            _ => assert_eq!(epoch.pool, 15_000 * MICRO),
        }
    }
    let idle_pool = 12_500 * 12 * MICRO / 52;
    let booked_as_work = &all[65];
    assert!(near(booked_as_work.work_paid - booked_as_work.pool, idle_pool, 1_000) && booked_as_work.idle_paid == 0);
    let worked = all.iter().filter(|epoch| epoch.number >= 38 && epoch.number != 66).map(|epoch| epoch.work_paid);
    assert!(near(worked.sum(), 59 * 15_000 * MICRO, 1_000));
    let idle = all.iter().filter(|epoch| epoch.number >= 55).map(|epoch| epoch.idle_paid);
    assert!(near(idle.sum(), 43 * idle_pool, 10_000));
}

/// Value of the work of each wallet in epoch 96, in base units of credits, and how many of them are of tier 2.
fn wallets_of_epoch_96() -> (Vec<u128>, usize) {
    let text = include_str!("data/render_epoch_96.txt");
    let figures: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line} ")).collect();
    let (t2, t3) = figures.split_once("---").unwrap();
    let values = |part: &str, tier: Tier| {
        let value = |hours: &str| tier.start().value(hours.parse::<u128>().unwrap() * 1_000).unwrap();
        part.split_whitespace().map(value).collect::<Vec<_>>()
    };
    let (t2, t3) = (values(t2, Tier::Priority), values(t3, Tier::Economy));
    let count = t2.len();
    (t2.into_iter().chain(t3).collect(), count)
}

/// L3, L4 and L5 for real wallets: the pool over the work of epoch 96. Its payouts are not in the figures but for one
/// wallet of tier 3 with 17,736 hours, which got 11.503413 (within 5 %, for the split is that of whole wallets). For epoch
/// 97 the source gives 3.7 % of the job rewards to the first wallet, 28 % to ten and 70 % to fifty; the shares of epoch 96
/// that are written here are ours, of the same order, and no check against the source.
#[test]
fn l5_an_epoch_wallet_by_wallet() {
    let (values, t2) = wallets_of_epoch_96();
    let epoch = &epochs()[95];
    let of_tiers = billed(epoch.tiers.unwrap()).map(|tier| tier.price.value(tier.work).unwrap());
    assert_eq!(values.iter().sum::<u128>(), of_tiers.iter().sum::<u128>());
    let shared = share(epoch.pool, &values, 0, Limit::Off).unwrap();
    assert_eq!((values.len(), shared.payouts.iter().sum::<u128>()), (249, 15_000 * MICRO));
    let known = values.iter().skip(t2).position(|value| *value == Tier::Economy.start().value(17_736_000).unwrap());
    assert!(near(shared.payouts[t2 + known.unwrap()], 11_503_413, 50_000));
    let shares = [1, 10, 50].map(|count| concentration(&shared.payouts, count).unwrap() / 1_000);
    assert_eq!(shares, [41, 326, 792]);
    // With the limit on, no more is paid than was burned and went to the network in that week.
    let paid_in = epoch.burned_render * MICRO / u128::from(BURNED);
    let limited = share(epoch.pool, &values, paid_in, Limit::default()).unwrap();
    assert_eq!(limited.paid, paid_in);
    assert!(limited.reserve > 4_800 * MICRO);
}

/// How many were paid in the last epoch.
#[test]
fn l5_paid_wallets() {
    let last = epochs().pop().unwrap();
    assert_eq!((last.number, last.wallets), (97, 252));
}

/// L6: the weeks in which more work was credited than burned for, which nobody was told of, are reported by the check that
/// every epoch goes through, and no other weeks are. The split is the kindest that the published range allows: 45 % of the
/// work was tier 2, and what that is worth is within 2 % of the credits or below them, or else the books are wrong. The
/// published ratios are those of the split of the figures, within 10 %.
#[test]
fn l6_the_anomaly_is_reported() {
    let mut reported = Vec::new();
    for epoch in epochs().into_iter().filter(|epoch| epoch.tiers.is_some()) {
        let all = epoch.work.unwrap();
        let least = all * 45 / 100;
        let kindest = compare(&billed([least, all - least]), epoch.credits, 20_000).unwrap();
        if kindest.agreement == Agreement::WorkAboveBurn {
            reported.push((epoch.number, compare(&billed(epoch.tiers.unwrap()), epoch.credits, 20_000).unwrap()));
        }
    }
    assert_eq!(reported.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [90, 91, 92, 93, 94, 95, 96]);
    let published = [3_660_000, 6_870_000, 3_800_000, 1_690_000, 1_200_000, 1_300_000, 1_310_000];
    for ((number, compared), published) in reported.into_iter().zip(published) {
        assert_eq!(compared.agreement, Agreement::WorkAboveBurn);
        assert!(near(compared.ratio.unwrap(), published, 100_000), "{number} {:?}", compared.ratio);
    }
}
