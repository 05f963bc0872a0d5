//! `tetra subnet weights`: what validators say of miners, and root of subnets.

use proto::ToAny;
use proto::tetra::subnet::v1 as wire;
use serde_json::{Value, json};

use super::super::hotkey;
use super::ask::ss58;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, row};
use crate::spend::{Plan, Spend};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The subnet's number; 0 is root, whose uids are those of subnets
    netuid: u32,
    /// Set these, in any unit, such as 3=2 7=1 [default: show those that are]
    #[arg(value_name = "UID=WEIGHT", value_parser = entry)]
    set: Vec<(u32, u32)>,
    /// The hotkey that weighs: its name here, or its ss58 address; the account that signs is its operator
    #[arg(long)]
    hotkey: Option<String>,
    /// The version of the program that scored
    #[arg(long, value_name = "VERSION", default_value_t = 0)]
    weights_version: u64,
    #[command(flatten)]
    spend: Spend,
}

fn entry(text: &str) -> std::result::Result<(u32, u32), String> {
    let (uid, weight) = text.split_once('=').ok_or("write it as uid=weight")?;
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no whole number"));
    Ok((number(uid)?, number(weight)?))
}

/// Runs it.
///
/// # Errors
/// When there is no such subnet, or the chain refuses.
pub async fn run(context: &Context, args: Args) -> Result {
    if !args.set.is_empty() {
        return set(context, args).await;
    }
    if args.netuid == 0 { root(context).await } else { show(context, args.netuid).await }
}

async fn set(context: &Context, args: Args) -> Result {
    let missing = || CliError::new(Class::Usage, "no hotkey is named that weighs").hint("name it with --hotkey NAME");
    let id = hotkey::resolve(context, args.hotkey.as_deref().ok_or_else(missing)?)?;
    let chain = context.chain().await?;
    // Weights are shares: the largest becomes 65535.
    let most = args.set.iter().map(|(_, weight)| *weight).max().unwrap_or(0).max(1);
    let scaled = |weight: u32| u32::try_from(u64::from(weight) * 65_535 / u64::from(most)).unwrap_or(65_535);
    let (uids, values): (Vec<u32>, Vec<u32>) = args.set.iter().map(|(uid, weight)| (*uid, scaled(*weight))).unzip();
    let account = context.account(&chain.network).await?;
    let rows = uids.iter().zip(&values).map(|(uid, value)| row([&format!("uid {uid}"), &format!("{value} of 65535")]));
    let plan = Plan {
        data: json!({ "netuid": args.netuid, "hotkey": id, "uids": uids, "values": values, "version": args.weights_version }),
        rows: rows.collect(),
        question: "Set these weights?".to_owned(),
    };
    let (operator, netuid, hotkey, version) =
        (account.text(), args.netuid, id.as_bytes().to_vec(), args.weights_version);
    let message = wire::MsgSetWeights { operator, netuid, hotkey, uids, values, version }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

fn pairs(found: Option<&wire::Row>) -> Vec<(u32, u32)> {
    found.map(|found| found.uids.iter().copied().zip(found.values.iter().copied()).collect()).unwrap_or_default()
}

fn pairs_text(found: Option<&wire::Row>) -> String {
    pairs(found).iter().map(|(uid, value)| format!("{uid}={value}")).collect::<Vec<_>>().join(" ")
}

async fn show(context: &Context, netuid: u32) -> Result {
    let chain = context.chain().await?;
    chain.subnet(netuid).await?;
    let request = wire::QueryRowsRequest { netuid };
    let found: wire::QueryRowsResponse = chain.node.query("/tetra.subnet.v1.Query/Rows", &request).await?;
    let data = |rows: &[wire::NumberedRow]| -> Vec<Value> {
        rows.iter().map(|found| json!({ "uid": found.uid, "row": pairs(found.row.as_ref()) })).collect()
    };
    let data = json!({ "weights": data(&found.weights), "bonds": data(&found.bonds) });
    output::show(context.format(), &data, |_| {
        let mut rows = vec![row(["UID", "WHAT", "UID=VALUE OF 65535"])];
        for (what, of) in [("weights", &found.weights), ("bonds", &found.bonds)] {
            rows.extend(of.iter().map(|found| row([&found.uid.to_string(), what, &pairs_text(found.row.as_ref())])));
        }
        output::table(&rows)
    })
}

async fn root(context: &Context) -> Result {
    let chain = context.chain().await?;
    let request = wire::QueryRootRequest {};
    let found: wire::QueryRootResponse = chain.node.query("/tetra.subnet.v1.Query/Root", &request).await?;
    let data: Vec<Value> = found.seats.iter().map(|seat| {
        json!({ "hotkey": ss58(&seat.hotkey), "weights": pairs(seat.weights.as_ref()), "height": seat.height })
    }).collect();
    output::show(context.format(), &data, |_| {
        let mut rows = vec![row(["HOTKEY", "SINCE HEIGHT", "SUBNET=VALUE OF 65535"])];
        rows.extend(
            found
                .seats
                .iter()
                .map(|seat| row([&ss58(&seat.hotkey), &seat.height.to_string(), &pairs_text(seat.weights.as_ref())])),
        );
        output::table(&rows)
    })
}
