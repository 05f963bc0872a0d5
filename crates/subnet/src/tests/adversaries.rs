//! Who tries to earn what others earn, or what nobody should. The outcome is stated beforehand and met.

use ledger::Context;
use ledger::testing::{ALICE, BOB, CAROL, PROVIDER};
use primitives::Address;

use super::support::*;
use crate::ids::{HotkeyId, Netuid};
use crate::params::WIT;

/// A validator: its key, account and row.
struct Voter {
    key: HotkeyId,
    account: Address,
    row: Vec<(u32, u32)>,
}

/// A subnet of Alice's with validators of these stakes from uid 1 on and `miners` miners after them, past its first epoch.
fn subnet_of(stakes: &[(Address, u64)], miners: u16) -> (Context, Netuid, Vec<Voter>, Vec<HotkeyId>) {
    let mut ctx = market();
    let owner = bind(&mut ctx, 1, &ALICE);
    let netuid = create(&mut ctx, &ALICE, &owner);
    let mut voters = Vec::new();
    for (number, (account, amount)) in (10..).zip(stakes) {
        let key = bind(&mut ctx, number, account);
        register(&mut ctx, netuid, &key, account).unwrap();
        stake(&mut ctx, &key, account, *amount).unwrap();
        voters.push(Voter { key, account: *account, row: Vec::new() });
    }
    let mut keys = Vec::new();
    for number in 100..100 + miners {
        let key = bind(&mut ctx, number, &PROVIDER);
        register(&mut ctx, netuid, &key, &PROVIDER).unwrap();
        keys.push(key);
    }
    epoch(&mut ctx, netuid);
    (ctx, netuid, voters, keys)
}

/// Everybody weighs, for so many epochs.
fn play(ctx: &mut Context, netuid: Netuid, voters: &[Voter], epochs: u32) {
    for _ in 0..epochs {
        for voter in voters.iter().filter(|voter| !voter.row.is_empty()) {
            weigh(ctx, netuid, &voter.key, &voter.account, &voter.row).unwrap();
        }
        epoch(ctx, netuid);
    }
}

/// What each of these was paid in the last epoch.
fn paid(ctx: &Context, netuid: Netuid, keys: &[HotkeyId]) -> Vec<u64> {
    let paid = |key| neuron(ctx, netuid, key).map_or(0, |neuron| neuron.server_emission + neuron.validator_emission);
    keys.iter().map(paid).collect()
}

/// Stated: a group below kappa of stake (one half) gives its own miner nothing; above, it gives it what it says.
#[test]
fn colluders_need_more_stake_than_kappa() {
    for (share, wins) in [(49, false), (51, true)] {
        let stakes = [(BOB, (100 - share) * 100 * WIT), (CAROL, share * 100 * WIT)];
        let (mut ctx, netuid, mut voters, miners) = subnet_of(&stakes, 2);
        voters[0].row = vec![(3, 1)];
        voters[1].row = vec![(4, 1)];
        play(&mut ctx, netuid, &voters, 3);
        let paid = paid(&ctx, netuid, &miners);
        assert_eq!(paid[1] > 0, wins, "{share}: {paid:?}");
        assert_eq!(paid[0] > 0, !wins, "{share}: {paid:?}");
    }
}

/// Stated: at root, of two blocks of stake that each support one subnet, the smaller one's subnet gets less than its stake. With
/// stakes s and 1 - s, shares are as s / (1 + exp(-10 (s - kappa))): at 49 of 100 46.5 %, at 25 of 100 2.7 %.
#[test]
fn at_root_less_than_kappa_pays_less_than_its_stake() {
    for (share, expected) in [(49u64, 465u64), (25, 27)] {
        let mut ctx = market();
        let mut params = crate::params::params(&ctx).unwrap();
        params.set_split(proto::tetra::subnet::v1::Split::Root);
        set_params(&mut ctx, params).unwrap();
        let keys = [bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB)];
        let subnets = [create(&mut ctx, &ALICE, &keys[0]), create(&mut ctx, &BOB, &keys[1])];
        stake(&mut ctx, &keys[0], &ALICE, (100 - share) * WIT).unwrap();
        stake(&mut ctx, &keys[1], &BOB, share * WIT).unwrap();
        weigh(&mut ctx, 0, &keys[0], &ALICE, &[(subnets[0], 1)]).unwrap();
        weigh(&mut ctx, 0, &keys[1], &BOB, &[(subnets[1], 1)]).unwrap();
        pass(&mut ctx, 11);
        let got = subnet(&ctx, subnets[1]).share * 1_000 / crate::epoch::split::WHOLE;
        assert!(got.abs_diff(expected) <= 1 && got < 10 * share, "{share}: {got} of 1000");
    }
}

/// Stated: neurons without stake or work earn nothing however many there are, and cost their burns, which rise.
#[test]
fn sybils_pay_and_earn_nothing() {
    let (mut ctx, netuid, mut voters, miners) = subnet_of(&[(BOB, 1_000 * WIT)], 1);
    voters[0].row = vec![(2, 1)];
    let before = wit(&ctx, &CAROL);
    let mut sybils = Vec::new();
    for number in 200..230 {
        let key = bind(&mut ctx, number, &CAROL);
        register(&mut ctx, netuid, &key, &CAROL).unwrap();
        sybils.push(key);
    }
    let spent = before - wit(&ctx, &CAROL);
    play(&mut ctx, netuid, &voters, 3);
    assert_eq!(paid(&ctx, netuid, &sybils), vec![0; 30]);
    assert!(paid(&ctx, netuid, &miners)[0] > 0);
    // Thirty registrations in a block at 1.26 each: the last cost 813 times the first, up to the most that one costs.
    assert!(spent > 1_000 * WIT, "{spent}");
}

/// Stated: a validator of a tenth of the stake that weighs only itself, or its own miner that nobody else weighs, gets no dividends.
#[test]
fn weighing_oneself_pays_nothing() {
    for row in [vec![(2, 1)], vec![(4, 1)]] {
        let (mut ctx, netuid, mut voters, _) = subnet_of(&[(BOB, 900 * WIT), (CAROL, 100 * WIT)], 2);
        voters[0].row = vec![(3, 1)];
        voters[1].row = row.clone();
        play(&mut ctx, netuid, &voters, 4);
        let of = paid(&ctx, netuid, &[voters[0].key, voters[1].key]);
        assert!(of[0] > 0 && of[1] == 0, "{row:?}: {of:?}");
    }
}

/// What a copier earned per stake, in thousandths of what an honest validator earned, when miners change ranks every few
/// epochs. Everybody has the same stake.
fn copier(commit_reveal: bool) -> u64 {
    let (mut ctx, netuid, voters, miners) =
        subnet_of(&[(BOB, 400 * WIT), (CAROL, 400 * WIT), (PROVIDER, 400 * WIT)], 3);
    rules(&mut ctx, netuid, |rules| rules.commit_reveal = commit_reveal);
    // Uids of the miners, after the owner and three validators.
    let first = neuron(&ctx, netuid, &miners[0]).unwrap().uid;
    let truth = |round: u64| {
        let best = u32::try_from(round / 3 % 3).unwrap();
        (0..3).map(|miner| (first + miner, if miner == best { 60_000 } else { 3_000 })).collect::<Vec<_>>()
    };
    let start: Vec<u64> = voters.iter().map(|voter| staked(&ctx, &voter.key)).collect();
    let mut committed: Option<[Vec<(u32, u32)>; 2]> = None;
    let mut seen: Option<Vec<(u32, u32)>> = None;
    for round in 0..36 {
        let honest = truth(round);
        if commit_reveal {
            // What was committed to in the epoch before is revealed; the copier knows what is revealed, and commits to that.
            if let Some([of_honest, of_copier]) = committed.take() {
                for voter in &voters[..2] {
                    reveal(&mut ctx, netuid, &voter.key, &voter.account, &of_honest).unwrap();
                }
                reveal(&mut ctx, netuid, &voters[2].key, &PROVIDER, &of_copier).unwrap();
                seen = Some(of_honest);
            }
            let copied = seen.clone().unwrap_or_else(|| honest.clone());
            for voter in &voters[..2] {
                commit(&mut ctx, netuid, &voter.key, &voter.account, &honest).unwrap();
            }
            commit(&mut ctx, netuid, &voters[2].key, &PROVIDER, &copied).unwrap();
            committed = Some([honest, copied]);
        } else {
            for voter in &voters[..2] {
                weigh(&mut ctx, netuid, &voter.key, &voter.account, &honest).unwrap();
            }
            // The copier comes last in the block and sets what it sees.
            weigh(&mut ctx, netuid, &voters[2].key, &PROVIDER, &honest).unwrap();
        }
        epoch(&mut ctx, netuid);
    }
    let earned: Vec<u64> = voters.iter().zip(start).map(|(voter, start)| staked(&ctx, &voter.key) - start).collect();
    earned[2] * 2_000 / (earned[0] + earned[1])
}

/// Stated: who copies weights that all can see earns like an honest validator; with commit-reveal less than 0.95 of it.
#[test]
fn copiers_earn_less_where_weights_are_committed_to() {
    let (open, hidden) = (copier(false), copier(true));
    assert!((990..=1_010).contains(&open), "{open}");
    assert!(hidden < 950, "{hidden}");
}

/// Stated: of two that want the last place in one block, the second finds the price of the first, and pays it or is refused.
#[test]
fn a_race_for_a_place_is_decided_by_the_price() {
    let (mut ctx, netuid, _, _) = subnet_of(&[(BOB, WIT)], 1);
    let cost = crate::network::burn::at(&subnet(&ctx, netuid), ctx.block.height);
    let keys = [bind(&mut ctx, 60, &BOB), bind(&mut ctx, 61, &CAROL)];
    let answers = keys.iter().zip([BOB, CAROL]).map(|(key, account)| {
        let (coldkey, hotkey) = (ctx.text(&account), key.to_vec());
        let msg = proto::tetra::subnet::v1::MsgRegisterNeuron { coldkey, netuid, hotkey, max_burn: cost };
        ctx.attempt(|ctx| crate::network::messages::register_neuron(ctx, msg)).is_ok()
    });
    assert_eq!(answers.collect::<Vec<bool>>(), [true, false]);
}
