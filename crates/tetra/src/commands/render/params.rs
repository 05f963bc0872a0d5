//! `tetra render params`: the market's parameters, and setting them for whom the network lets.

use proto::ToAny;
use proto::tetra::render::v1 as wire;
use serde_json::json;

use super::super::settings::{self, Setting, setting};
use super::credits::coin_text;
use crate::context::Context;
use crate::error::Result;
use crate::output;
use crate::spend::{Plan, Spend};

/// Arguments of `params`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Set these, as the network's authority: approval_ms=3600000 [default: show them all]
    #[arg(value_name = "NAME=VALUE", value_parser = named)]
    set: Vec<(String, u64)>,
    #[command(flatten)]
    spend: Spend,
}

const NUMBERS: [Setting<wire::Params>; 21] = [
    setting!(wire::Params, epoch_ms: u64, "length of an epoch"),
    setting!(wire::Params, network_bp: u32, "the network's share of a payment, of 10000"),
    setting!(wire::Params, pool_cap_bp: u32, "most that the job pool pays of what payments burned, of 10000"),
    setting!(wire::Params, minting_stopped: bool, "the breaker: nothing is minted while it is 1"),
    setting!(wire::Params, job_pool_bp: u32, "the job pool's share of an epoch's emission, of 10000"),
    setting!(wire::Params, availability_bp: u32, "the availability pool's, of 10000"),
    setting!(wire::Params, audit_bp: u32, "frames of seasoned nodes that are audited, of 10000"),
    setting!(wire::Params, audit_tiles: u32, "tiles of an audit"),
    setting!(wire::Params, auditors: u32, "auditors of an audit"),
    setting!(wire::Params, beacon_blocks: u32, "blocks that a beacon mixes"),
    setting!(wire::Params, audit_commit_ms: u64, "time for auditors to render"),
    setting!(wire::Params, audit_open_ms: u64, "time to open and to reveal"),
    setting!(wire::Params, approval_ms: u64, "silence of a creator that approves"),
    setting!(wire::Params, no_progress_ms: u64, "silence of a node at work that gives its frame to another"),
    setting!(wire::Params, offline_ms: u64, "silence after which a node is offline"),
    setting!(wire::Params, hold_back_ucredits: u64, "value kept back before a node is paid, millionths of a credit"),
    setting!(wire::Params, slash_bp: u32, "part of it that a wrong frame costs, of 10000"),
    setting!(wire::Params, assignments_per_block: u32, "frames that a block hands out at most"),
    setting!(wire::Params, units_in_hand: u32, "frames that a node may hold"),
    setting!(wire::Params, same_host_audits: bool, "1: auditors may be of the audited owner or host; development networks only"),
    setting!(wire::Params, appeal_ms: u64, "how long a verdict may be appealed"),
];

fn named(text: &str) -> std::result::Result<(String, u64), String> {
    settings::parse(&NUMBERS, text)
}

/// Runs it.
///
/// # Errors
/// When the node does not answer, or the chain refuses: another account signs than the authority, or a value is out of bounds.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let found: wire::QueryParamsResponse =
        chain.node.query("/tetra.render.v1.EconomyQuery/Params", &wire::QueryParamsRequest {}).await?;
    let before = found.params.unwrap_or_default();
    if args.set.is_empty() {
        return output::show(context.format(), &settings::data(&NUMBERS, &before), |_| {
            let deposit = coin_text(before.appeal_deposit.as_ref(), &chain.units);
            format!("{}\nappeal_deposit {deposit}: what an appeal puts at stake", settings::text(&NUMBERS, &before))
        });
    }
    let mut params = before;
    let rows = settings::apply(&NUMBERS, &mut params, &args.set)?;
    let account = context.account(&chain.network).await?;
    let plan = Plan {
        data: json!({ "params": settings::data(&NUMBERS, &params) }),
        rows,
        question: "Set these parameters?".to_owned(),
    };
    let authority = chain.network.prefix.text(&account.address());
    let message = wire::MsgUpdateParams { authority, params: Some(params) }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_set_where_it_is_read() {
        let mut params = wire::Params::default();
        for (place, number) in NUMBERS.iter().enumerate() {
            let is_switch = ["minting_stopped", "same_host_audits"].contains(&number.name);
            let value = if is_switch { 1 } else { place as u64 + 2 };
            assert!((number.set)(&mut params, value), "{}", number.name);
            assert_eq!((number.get)(&params), value, "{}", number.name);
        }
        assert!(!(NUMBERS[1].set)(&mut params, 1 << 32) && !(NUMBERS[3].set)(&mut params, 2));
        insta::assert_snapshot!(settings::text(&NUMBERS, &params));
    }

    #[test]
    fn settings_are_read_or_refused() {
        assert_eq!(named("approval_ms=5000"), Ok(("approval_ms".to_owned(), 5_000)));
        assert!(named("approval=5000").unwrap_err().starts_with("there is no parameter approval"));
        assert!(named("approval_ms=soon").is_err() && named("approval_ms").is_err());
    }
}
