//! `tetra subnet create` and `register`.

use proto::ToAny;
use proto::tetra::subnet::v1 as wire;
use serde_json::json;

use super::super::hotkey;
use super::ask::parse_wit;
use crate::context::Context;
use crate::error::Result;
use crate::output::row;
use crate::spend::{Plan, Spend};

/// Arguments of `create`.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// What it is called
    name: String,
    /// The owner's hotkey, which becomes uid 0: its name here, or its ss58 address; it is bound to the account that signs
    #[arg(long)]
    hotkey: String,
    /// Refuse when it costs more [default: a hundredth more than it costs now]
    #[arg(long, value_name = "WIT")]
    max_lock: Option<String>,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `register`.
#[derive(Debug, clap::Args)]
pub struct Register {
    /// The subnet's number
    netuid: u32,
    /// A hotkey that is bound to the account that signs: its name here, or its ss58 address
    #[arg(long)]
    hotkey: String,
    /// Refuse when it costs more; each registration makes the next one dearer [default: a hundredth more than it costs now]
    #[arg(long, value_name = "WIT")]
    max_burn: Option<String>,
    #[command(flatten)]
    spend: Spend,
}

/// A hundredth more, rounded up.
fn a_little_more(amount: u64) -> u64 {
    amount.saturating_add(amount.div_ceil(100))
}

/// Runs `create`.
///
/// # Errors
/// When the chain refuses.
pub async fn create(context: &Context, args: Create) -> Result {
    let id = hotkey::resolve(context, &args.hotkey)?;
    let chain = context.chain().await?;
    let (_, cost) = chain.subnets().await?;
    let max_lock = match &args.max_lock {
        Some(text) => parse_wit(&chain.units, text)?,
        None => a_little_more(cost),
    };
    let account = context.account(&chain.network).await?;
    let plan = Plan {
        data: json!({ "name": args.name, "hotkey": id, "cost": cost.to_string(), "max_lock": max_lock.to_string() }),
        rows: vec![
            row(["subnet", &args.name]),
            row(["owner's hotkey", &id.to_string()]),
            row(["locks", &format!("{}, at most {}", chain.wit(cost), chain.wit(max_lock))]),
            row(["comes back", "when the subnet is pruned"]),
        ],
        question: format!("Create the subnet {:?}?", args.name),
    };
    let (owner, hotkey, name) = (account.text(), id.as_bytes().to_vec(), args.name.clone());
    let message = wire::MsgCreateSubnet { owner, hotkey, name, max_lock }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// Runs `register`.
///
/// # Errors
/// When the chain refuses.
pub async fn register(context: &Context, args: Register) -> Result {
    let id = hotkey::resolve(context, &args.hotkey)?;
    let chain = context.chain().await?;
    let view = chain.subnet(args.netuid).await?;
    let max_burn = match &args.max_burn {
        Some(text) => parse_wit(&chain.units, text)?,
        None => a_little_more(view.burn),
    };
    let account = context.account(&chain.network).await?;
    let subnet = view.subnet.unwrap_or_default();
    let full = subnet.neurons >= subnet.rules.unwrap_or_default().max_neurons;
    let plan = Plan {
        data: json!({ "netuid": args.netuid, "hotkey": id, "burn": view.burn.to_string(), "max_burn": max_burn.to_string() }),
        rows: vec![
            row(["subnet", &format!("{} {}", args.netuid, subnet.name)]),
            row(["hotkey", &id.to_string()]),
            row(["burns", &format!("{}, at most {}", chain.wit(view.burn), chain.wit(max_burn))]),
            row(["place", if full { "that of the neuron that earns least" } else { "a free one" }]),
        ],
        question: format!("Register in subnet {}?", args.netuid),
    };
    let (coldkey, netuid, hotkey) = (account.text(), args.netuid, id.as_bytes().to_vec());
    let message = wire::MsgRegisterNeuron { coldkey, netuid, hotkey, max_burn }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}
