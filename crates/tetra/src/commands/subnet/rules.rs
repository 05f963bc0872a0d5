//! `tetra subnet params` and `network`: a subnet's rules, and what holds for all.

use proto::ToAny;
use proto::tetra::capacity::v1::Resources;
use proto::tetra::subnet::v1 as wire;
use serde_json::json;

use super::super::settings::{self, Setting, setting};
use crate::context::Context;
use crate::error::Result;
use crate::output::{self, row};
use crate::spend::{Plan, Spend};

/// Arguments of `params`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The subnet's number
    netuid: u32,
    /// Set these, as the subnet's owner: tempo=100 [default: show them all]
    #[arg(value_name = "NAME=VALUE", value_parser = rule)]
    set: Vec<(String, u64)>,
    /// What a miner's machine must have: thousandths of cores; held on a host of whoever registers
    #[arg(long, value_name = "MILLI")]
    minimum_cpu: Option<u64>,
    /// What a miner's machine must have: MiB of memory
    #[arg(long, value_name = "MIB")]
    minimum_memory: Option<u64>,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `network`.
#[derive(Debug, clap::Args)]
pub struct NetworkArgs {
    /// Set these, as the network's authority: subnet_limit=64 [default: show them all]
    #[arg(value_name = "NAME=VALUE", value_parser = param)]
    set: Vec<(String, u64)>,
    #[command(flatten)]
    spend: Spend,
}

const RULES: [Setting<wire::Rules>; 28] = [
    setting!(wire::Rules, tempo: u64, "blocks between epochs"),
    setting!(wire::Rules, immunity: u64, "blocks in which a new neuron is not replaced while there are others"),
    setting!(wire::Rules, max_neurons: u32, "uids"),
    setting!(wire::Rules, max_validators: u32, "validator permits"),
    setting!(wire::Rules, kappa: u32, "share of stake that must give a miner a weight, of 65535"),
    setting!(wire::Rules, activity_cutoff: u64, "blocks without weights after which a validator does not count"),
    setting!(wire::Rules, bonds_moving_average: u64, "how much of its bonds a validator keeps, in millionths"),
    setting!(wire::Rules, weights_rate_limit: u64, "blocks between two times that a neuron sets weights"),
    setting!(wire::Rules, min_weights: u32, "fewest entries of weights"),
    setting!(wire::Rules, max_weight: u32, "greatest share of one entry, of 65535"),
    setting!(wire::Rules, weights_version: u64, "least version of weights that is taken"),
    setting!(wire::Rules, commit_reveal: bool, "1: weights are committed to first"),
    setting!(wire::Rules, reveal_epochs: u32, "epochs after which they are revealed"),
    setting!(wire::Rules, burn_policy: i32, "registering: 1 falls all the time and rises with each, 2 moves by intervals"),
    setting!(wire::Rules, min_burn: u64, "least that registering costs, nwit"),
    setting!(wire::Rules, max_burn: u64, "most that registering costs, nwit"),
    setting!(wire::Rules, burn_half_life: u32, "policy 1: blocks in which it halves"),
    setting!(wire::Rules, burn_increase_millionths: u32, "policy 1: what a registration makes of it, in millionths"),
    setting!(wire::Rules, adjustment_interval: u64, "policy 2: blocks of an interval"),
    setting!(wire::Rules, target_registrations: u32, "policy 2: registrations of an interval at which it stays"),
    setting!(wire::Rules, adjustment_smoothing: u64, "policy 2: how much of the old price stays, of 2^64 - 1"),
    setting!(wire::Rules, rule_set: i32, "Yuma: 1 of 2024, 2 classic of 2026, 3 Yuma3, 4 Yuma3 with liquid alpha"),
    setting!(wire::Rules, stake_threshold: u64, "stake below which a neuron has none and may not weigh, nwit"),
    setting!(wire::Rules, bonds_penalty: u32, "how much of a weight above consensus is taken out of bonds, of 65535"),
    setting!(wire::Rules, liquid_low: u32, "liquid alpha: slowest rate, of 65535"),
    setting!(wire::Rules, liquid_high: u32, "liquid alpha: fastest rate, of 65535"),
    setting!(wire::Rules, liquid_steepness: i32, "liquid alpha: steepness between them, in hundredths"),
    setting!(wire::Rules, serving_rate_limit: u64, "blocks between two times that a neuron says where it serves"),
];

const PARAMS: [Setting<wire::Params>; 15] = [
    setting!(wire::Params, subnet_limit: u32, "how many subnets there are at most"),
    setting!(wire::Params, min_lock: u64, "what a subnet costs at least, nwit"),
    setting!(wire::Params, lock_interval: u64, "blocks in which its price falls from twice the last one to it"),
    setting!(wire::Params, creation_interval: u64, "blocks between two new subnets"),
    setting!(wire::Params, subnet_immunity: u64, "blocks in which a new subnet is not pruned"),
    setting!(wire::Params, owner_cut: u32, "the owner's part of emission, of 65535"),
    setting!(wire::Params, max_take: u32, "most that a hotkey takes of dividends, of 65535"),
    setting!(wire::Params, take_interval: u64, "blocks between two raises of it"),
    setting!(wire::Params, min_stake: u64, "least that is staked at a time, nwit"),
    setting!(wire::Params, root_tempo: u64, "blocks between two looks at root's weights"),
    setting!(wire::Params, root_size: u32, "seats of root"),
    setting!(wire::Params, swap_cost: u64, "what swapping a hotkey costs, nwit"),
    setting!(wire::Params, rules_interval: u64, "blocks between two changes of a subnet's rules"),
    setting!(wire::Params, split: i32, "how emission is divided: 1 by root's weights, 2 the same to each"),
    setting!(wire::Params, first_burn: u64, "what registering costs in a new subnet, nwit"),
];

fn rule(text: &str) -> std::result::Result<(String, u64), String> {
    settings::parse(&RULES, text)
}

fn param(text: &str) -> std::result::Result<(String, u64), String> {
    settings::parse(&PARAMS, text)
}

/// Runs `params`.
///
/// # Errors
/// When there is no such subnet, or the chain refuses: another account signs than the owner, or a value is out of bounds.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let subnet = chain.subnet(args.netuid).await?.subnet.unwrap_or_default();
    let mut rules = subnet.rules.unwrap_or_default();
    let asks = args.minimum_cpu.is_some() || args.minimum_memory.is_some();
    if args.set.is_empty() && !asks {
        return output::show(context.format(), &settings::data(&RULES, &rules), |_| settings::text(&RULES, &rules));
    }
    let mut rows = settings::apply(&RULES, &mut rules, &args.set)?;
    let mut minimum = subnet.minimum;
    if asks {
        let wanted = minimum.get_or_insert_with(Resources::default);
        wanted.cpu_milli = args.minimum_cpu.unwrap_or(wanted.cpu_milli);
        wanted.memory = args.minimum_memory.map_or(wanted.memory, |mib| mib << 20);
        rows.push(row([
            "a miner's machine",
            &format!("{} milli-cores, {} MiB", wanted.cpu_milli, wanted.memory >> 20),
        ]));
    }
    let account = context.account(&chain.network).await?;
    let data = json!({ "netuid": args.netuid, "rules": settings::data(&RULES, &rules) });
    let plan = Plan { data, rows, question: format!("Set these rules of subnet {}?", args.netuid) };
    let message =
        wire::MsgSetRules { owner: account.text(), netuid: args.netuid, rules: Some(rules), minimum }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// Runs `network`.
///
/// # Errors
/// When the node does not answer, or the chain refuses: another account signs than the authority, or a value is out of bounds.
pub async fn network(context: &Context, args: NetworkArgs) -> Result {
    let chain = context.chain().await?;
    let mut params = chain.subnet_params().await?;
    if args.set.is_empty() {
        return output::show(context.format(), &settings::data(&PARAMS, &params), |_| settings::text(&PARAMS, &params));
    }
    let rows = settings::apply(&PARAMS, &mut params, &args.set)?;
    let account = context.account(&chain.network).await?;
    let data = json!({ "params": settings::data(&PARAMS, &params) });
    let plan = Plan { data, rows, question: "Set these parameters?".to_owned() };
    let message = wire::MsgUpdateParams { authority: account.text(), params: Some(params) }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_there_and_within_its_bounds() {
        let rules = subnet::network::rules::default(1_000);
        insta::assert_snapshot!(settings::text(&RULES, &rules));
        let params = subnet::params::default(1_000);
        insta::assert_snapshot!(settings::text(&PARAMS, &params));
    }
}
