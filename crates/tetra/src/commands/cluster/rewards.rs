//! `tetra cluster rewards`: what the network mints for devices that are proved and free.

use proto::tetra::cluster::v1 as wire;
use serde_json::{Value, json};

use super::names::time;
use crate::context::Context;
use crate::error::Result;
use crate::output::{self, row};

/// Runs it.
///
/// # Errors
/// When the node does not answer.
pub async fn run(context: &Context) -> Result {
    let chain = context.chain().await?;
    let Some(rules) = chain.cluster_params().await?.rewards else {
        return output::show(context.format(), &Value::Null, |_| {
            "this network mints nothing for suppliers: they earn what their devices are hired for".to_owned()
        });
    };
    let path = "/tetra.cluster.v1.Query/Rewards";
    let found: wire::QueryRewardsResponse = chain.node.query(path, &wire::QueryRewardsRequest {}).await?;
    let state = found.rewards.unwrap_or_default();
    let since = time(state.since_ms).unwrap_or_else(|| "the first round".to_owned());
    let data = json!({
        "denom": rules.denom, "most": rules.most, "periods": rules.periods, "periods_passed": state.passed,
        "since": time(state.since_ms), "emitted": found.emitted, "minted": state.minted, "round": state.round,
        "pool": state.pool, "weight": state.weight,
    });
    output::show(context.format(), &data, |_| {
        let amount = |text: &str| format!("{} {}", text, rules.denom);
        output::table(&[
            row(["schedule", &format!("at most {} in {} periods", amount(&rules.most), rules.periods)]),
            row(["passed", &format!("{} periods since {since}", state.passed)]),
            row(["emitted", &format!("{}; hours in which nobody was proved are never minted", amount(&found.emitted))]),
            row(["minted", &amount(&state.minted)]),
            row([
                "now shared",
                &format!("{} of round {}, among a weight of {}", amount(&state.pool), state.round, state.weight),
            ]),
        ])
    })
}
