//! `tetra render nodes`: who renders.

use proto::tetra::render::v1::Node;
use serde_json::{Value, json};

use super::names;
use crate::context::Context;
use crate::error::Result;
use crate::output::{self, row};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those of this owner: an address, or the name of a key of yours
    #[arg(long, value_name = "WHO")]
    owner: Option<String>,
}

/// Runs it.
///
/// # Errors
/// When the node does not answer.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let owner = match &args.owner {
        Some(who) => chain.prefix().text(&context.resolve(who, chain.prefix())?),
        None => String::new(),
    };
    let nodes = chain.render_nodes(&owner).await?;
    let data: Vec<Value> = nodes.iter().map(data).collect();
    output::show(context.format(), &data, |_| text(&nodes))
}

fn data(node: &Node) -> Value {
    let engine = node.engine.clone().unwrap_or_default();
    let sleep: Vec<Value> = node.sleep.iter().map(|hours| json!({ "from": hours.from, "to": hours.to })).collect();
    json!({
        "node": names::node_data(node.id.as_ref()),
        "state": names::short(node.state().as_str_name(), "NODE_STATE_"),
        "tier": names::tier(node.tier()),
        "engine": engine.name, "build": engine.build, "device_class": engine.device_class,
        "benchmark_ms": node.benchmark_ms, "power_milli": node.power_milli,
        "shown_milli": node.shown_milli,
        "endpoint": node.endpoint, "sleep": sleep,
        "working": node.working.iter().map(|unit| format!("{}/{}/{}", unit.creator, unit.jseq, unit.index)).collect::<Vec<_>>(),
        "scenes": node.scenes.iter().map(hex::encode).collect::<Vec<_>>(),
        "reputation_bp": node.reputation_bp,
        "held_back_ucredits": node.held_back_ucredits, "held_back_goal_ucredits": node.held_back_goal_ucredits,
        "held_back_lux": node.held_back_lux, "held_back_usd": node.held_back_usd, "leaves_ms": node.leaves_ms,
        "taken_ucredits": node.taken_ucredits, "strikes": node.strikes,
        "seen": names::time_text(node.seen.as_ref()), "simulated": node.simulated,
    })
}

fn text(nodes: &[Node]) -> String {
    if nodes.is_empty() {
        return "no render nodes; `tetra provider render enable DIR` offers one".to_owned();
    }
    let mut rows =
        vec![row(["NODE", "STATE", "TIER", "UNITS/HOUR", "WORKING", "REPUTATION", "KEPT BACK", "ENGINE", ""])];
    for node in nodes {
        let engine = node.engine.clone().unwrap_or_default();
        let kept = format!(
            "{} of {}",
            crate::money::shifted(node.held_back_ucredits.into(), 6),
            names::credits(node.held_back_goal_ucredits)
        );
        rows.push(row([
            &names::node_text(node.id.as_ref()),
            &names::short(node.state().as_str_name(), "NODE_STATE_"),
            &names::tier(node.tier()),
            &(u128::from(node.power_milli) * 3_600 / 1_000).to_string(),
            &node.working.len().to_string(),
            &names::percent(node.reputation_bp),
            &kept,
            &format!("{} {} on {}", engine.name, engine.build, engine.device_class),
            if node.simulated { "simulated" } else { "" },
        ]));
    }
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use proto::tetra::render::v1::{Engine, NodeId, NodeState, Tier};

    use super::*;

    #[test]
    fn nodes_are_shown_with_power_and_name() {
        let node = Node {
            id: Some(NodeId { owner: "tetra1provider".to_owned(), host_key: vec![0xab; 33] }),
            state: NodeState::Ready.into(),
            tier: Tier::Priority.into(),
            engine: Some(Engine {
                name: "cycles".to_owned(),
                build: "blender-5.0.1-a3db93c5b259-linux".to_owned(),
                device_class: "cpu/x86_64/avx2".to_owned(),
            }),
            power_milli: 166,
            reputation_bp: 2_500,
            held_back_ucredits: 120_000,
            held_back_goal_ucredits: 200_000,
            simulated: true,
            ..Node::default()
        };
        insta::assert_snapshot!(text(std::slice::from_ref(&node)));
        insta::assert_snapshot!(serde_json::to_string(&data(&node)).unwrap());
    }
}
