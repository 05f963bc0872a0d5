//! `tetra subnet list`, `show` and `metagraph`.

use proto::tetra::subnet::v1 as wire;
use serde_json::{Value, json};

use super::super::hotkey::percent;
use super::ask::{ss58, wit};
use crate::context::Context;
use crate::error::Result;
use crate::money::Units;
use crate::output::{self, row};

/// All shares of emission.
const WHOLE: u64 = 1 << 32;

/// A share of 2^32 in per cent, to two places, rounded down.
pub fn share(share: u64) -> String {
    let hundredths = u128::from(share) * 10_000 / u128::from(WHOLE);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// Runs `list`.
///
/// # Errors
/// When the node does not answer.
pub async fn list(context: &Context) -> Result {
    let chain = context.chain().await?;
    let (subnets, lock_cost) = chain.subnets().await?;
    let data = json!({
        "lock_cost": lock_cost.to_string(),
        "subnets": subnets.iter().map(subnet_data).collect::<Vec<_>>(),
    });
    output::show(context.format(), &data, |_| list_text(&subnets, lock_cost, &chain.units))
}

fn list_text(subnets: &[wire::SubnetView], lock_cost: u64, units: &Units) -> String {
    let mut rows = vec![row(["NETUID", "NAME", "SHARE", "NEURONS", "REGISTERING", "PENDING", "NEXT EPOCH", "OWNER"])];
    for view in subnets {
        let subnet = view.subnet.clone().unwrap_or_default();
        let most = subnet.rules.unwrap_or_default().max_neurons;
        rows.push(row([
            &subnet.netuid.to_string(),
            &subnet.name,
            &share(subnet.share),
            &format!("{} of {most}", subnet.neurons),
            &wit(units, view.burn),
            &wit(units, view.pending),
            &view.next_epoch_height.to_string(),
            &subnet.owner,
        ]));
    }
    format!("{}\n\na new subnet locks {}", output::table(&rows), wit(units, lock_cost))
}

fn subnet_data(view: &wire::SubnetView) -> Value {
    let subnet = view.subnet.clone().unwrap_or_default();
    json!({
        "netuid": subnet.netuid, "name": subnet.name, "owner": subnet.owner, "owner_hotkey": ss58(&subnet.owner_hotkey),
        "registered_height": subnet.registered_height, "locked": subnet.locked.to_string(), "share": subnet.share,
        "neurons": subnet.neurons, "burn": view.burn.to_string(), "pending": view.pending.to_string(),
        "next_epoch_height": view.next_epoch_height, "epochs": subnet.epochs, "recycled": subnet.recycled.to_string(),
        "minimum": subnet.minimum.map(|minimum| json!({
            "cpu_milli": minimum.cpu_milli, "memory": minimum.memory, "storage": minimum.storage,
        })),
    })
}

/// Runs `show`.
///
/// # Errors
/// When there is no such subnet.
pub async fn show(context: &Context, netuid: u32) -> Result {
    let chain = context.chain().await?;
    let view = chain.subnet(netuid).await?;
    output::show(context.format(), &subnet_data(&view), |_| show_text(&view, &chain.units))
}

fn show_text(view: &wire::SubnetView, units: &Units) -> String {
    let subnet = view.subnet.clone().unwrap_or_default();
    let rules = subnet.rules.unwrap_or_default();
    let mut rows = vec![
        row(["subnet", &format!("{} {}", subnet.netuid, subnet.name)]),
        row(["owner", &subnet.owner]),
        row(["locked", &wit(units, subnet.locked)]),
        row(["share of emission", &share(subnet.share)]),
        row(["neurons", &format!("{} of {}", subnet.neurons, rules.max_neurons)]),
        row(["registering costs", &wit(units, view.burn)]),
        row(["pending", &wit(units, view.pending)]),
        row([
            "epochs",
            &format!(
                "{}, every {} blocks; the next one at height {}",
                subnet.epochs, rules.tempo, view.next_epoch_height
            ),
        ]),
        row(["recycled", &wit(units, subnet.recycled)]),
        row(["rules of Yuma", rule_set(&rules)]),
        row(["weights", if rules.commit_reveal { "committed to first" } else { "set in the open" }]),
    ];
    if let Some(minimum) = &subnet.minimum {
        let (cores, memory) =
            (f64::from(u32::try_from(minimum.cpu_milli).unwrap_or(u32::MAX)) / 1000.0, minimum.memory >> 20);
        rows.push(row(["asks for", &format!("{cores} cores, {memory} MiB, held on the miner's host")]));
    }
    output::table(&rows)
}

fn rule_set(rules: &wire::Rules) -> &'static str {
    match rules.rule_set() {
        wire::RuleSet::RuleSet2024 => "2024",
        wire::RuleSet::Classic => "2026, classic bonds",
        wire::RuleSet::Yuma3 | wire::RuleSet::Unspecified => "2026, Yuma3",
        wire::RuleSet::Liquid => "2026, Yuma3 with liquid alpha",
    }
}

/// Runs `metagraph`.
///
/// # Errors
/// When there is no such subnet.
pub async fn metagraph(context: &Context, netuid: u32) -> Result {
    let chain = context.chain().await?;
    let neurons = chain.neurons(netuid).await?;
    let data: Vec<Value> = neurons.iter().map(neuron_data).collect();
    output::show(context.format(), &data, |_| metagraph_text(&neurons, &chain.units))
}

fn neuron_data(view: &wire::NeuronView) -> Value {
    let neuron = view.neuron.clone().unwrap_or_default();
    json!({
        "uid": neuron.uid, "hotkey": ss58(&neuron.hotkey), "coldkey": neuron.coldkey, "stake": view.stake.to_string(),
        "permit": neuron.permit, "active": neuron.active, "immune": view.immune, "incentive": neuron.incentive,
        "dividends": neuron.dividends, "consensus": neuron.consensus, "trust": neuron.trust,
        "validator_trust": neuron.validator_trust, "server_emission": neuron.server_emission.to_string(),
        "validator_emission": neuron.validator_emission.to_string(), "registered_height": neuron.registered_height,
        "updated_height": neuron.updated_height, "endpoint": neuron.endpoint, "pinned": neuron.pinned,
    })
}

fn metagraph_text(neurons: &[wire::NeuronView], units: &Units) -> String {
    let head =
        ["UID", "HOTKEY", "STAKE", "PERMIT", "INCENTIVE", "DIVIDENDS", "VTRUST", "LAST EPOCH", "IMMUNE", "SERVES"];
    let mut rows = vec![row(head)];
    for view in neurons {
        let neuron = view.neuron.clone().unwrap_or_default();
        let emission = neuron.server_emission.saturating_add(neuron.validator_emission);
        let yes = |yes: bool| if yes { "yes" } else { "" };
        rows.push(row([
            &neuron.uid.to_string(),
            &ss58(&neuron.hotkey),
            &wit(units, view.stake),
            yes(neuron.permit),
            &percent(neuron.incentive),
            &percent(neuron.dividends),
            &percent(neuron.validator_trust),
            &wit(units, emission),
            yes(view.immune),
            &neuron.endpoint,
        ]));
    }
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_and_its_neurons_are_shown() {
        let rules = subnet::network::rules::default(12_000);
        let subnet = wire::Subnet {
            netuid: 3,
            name: "text".to_owned(),
            owner: "tetra1owner".to_owned(),
            owner_hotkey: vec![7; 32],
            locked: 100_000_000_000,
            neurons: 2,
            share: 1 << 31,
            epochs: 9,
            rules: Some(rules),
            ..wire::Subnet::default()
        };
        let view = wire::SubnetView { subnet: Some(subnet), burn: 1_260_000_000, pending: 7, next_epoch_height: 400 };
        let neuron = wire::Neuron {
            uid: 1,
            hotkey: vec![9; 32],
            permit: true,
            incentive: 32_768,
            dividends: 6_553,
            server_emission: 1_500_000_000,
            endpoint: "http://10.0.0.1:8091".to_owned(),
            ..wire::Neuron::default()
        };
        let neurons = [wire::NeuronView { neuron: Some(neuron), stake: 5_000_000_000, immune: true }];
        let units = Units::default();
        let texts = [
            list_text(std::slice::from_ref(&view), 1_000, &units),
            show_text(&view, &units),
            metagraph_text(&neurons, &units),
            serde_json::to_string_pretty(&subnet_data(&view)).unwrap(),
            serde_json::to_string_pretty(&neuron_data(&neurons[0])).unwrap(),
        ];
        insta::assert_snapshot!(texts.join("\n\n"));
    }
}
