//! `tetra render params`: the market's parameters, and setting them for whom the network lets.

use proto::ToAny;
use proto::tetra::render::v1 as wire;
use serde_json::{Map, Value, json};

use super::credits::coin_text;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, row};
use crate::spend::{Plan, Spend};

/// Arguments of `params`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Set these, as the network's authority: approval_ms=3600000 [default: show them all]
    #[arg(value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, u64)>,
    #[command(flatten)]
    spend: Spend,
}

/// A parameter that is a number; a switch is 0 or 1.
struct Number {
    name: &'static str,
    meaning: &'static str,
    get: fn(&wire::Params) -> u64,
    /// False where the number does not fit.
    set: fn(&mut wire::Params, u64) -> bool,
}

macro_rules! number {
    ($field:ident: u64, $meaning:literal) => {
        Number {
            name: stringify!($field),
            meaning: $meaning,
            get: |params| params.$field,
            set: |params, value| {
                params.$field = value;
                true
            },
        }
    };
    ($field:ident: u32, $meaning:literal) => {
        Number {
            name: stringify!($field),
            meaning: $meaning,
            get: |params| params.$field.into(),
            set: |params, value| u32::try_from(value).map(|value| params.$field = value).is_ok(),
        }
    };
    ($field:ident: bool, $meaning:literal) => {
        Number {
            name: stringify!($field),
            meaning: $meaning,
            get: |params| params.$field.into(),
            set: |params, value| {
                params.$field = value == 1;
                value <= 1
            },
        }
    };
}

const NUMBERS: [Number; 21] = [
    number!(epoch_ms: u64, "length of an epoch"),
    number!(network_bp: u32, "the network's share of a payment, of 10000"),
    number!(pool_cap_bp: u32, "most that the job pool pays of what payments burned, of 10000"),
    number!(minting_stopped: bool, "the breaker: nothing is minted while it is 1"),
    number!(job_pool_bp: u32, "the job pool's share of an epoch's emission, of 10000"),
    number!(availability_bp: u32, "the availability pool's, of 10000"),
    number!(audit_bp: u32, "frames of seasoned nodes that are audited, of 10000"),
    number!(audit_tiles: u32, "tiles of an audit"),
    number!(auditors: u32, "auditors of an audit"),
    number!(beacon_blocks: u32, "blocks that a beacon mixes"),
    number!(audit_commit_ms: u64, "time for auditors to render"),
    number!(audit_open_ms: u64, "time to open and to reveal"),
    number!(approval_ms: u64, "silence of a creator that approves"),
    number!(no_progress_ms: u64, "silence of a node at work that gives its frame to another"),
    number!(offline_ms: u64, "silence after which a node is offline"),
    number!(hold_back_ucredits: u64, "value kept back before a node is paid, millionths of a credit"),
    number!(slash_bp: u32, "part of it that a wrong frame costs, of 10000"),
    number!(assignments_per_block: u32, "frames that a block hands out at most"),
    number!(units_in_hand: u32, "frames that a node may hold"),
    number!(same_host_audits: bool, "1: auditors may be of the audited owner or host; development networks only"),
    number!(appeal_ms: u64, "how long a verdict may be appealed"),
];

fn setting(text: &str) -> std::result::Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    if !NUMBERS.iter().any(|number| number.name == name) {
        let known: Vec<&str> = NUMBERS.iter().map(|number| number.name).collect();
        return Err(format!("there is no parameter {name} that is set here; there are {}", known.join(", ")));
    }
    let value = value.parse().map_err(|_| format!("{value:?} is no whole number; switches are 0 or 1"))?;
    Ok((name.to_owned(), value))
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
        return output::show(context.format(), &data(&before), |_| {
            let deposit = coin_text(before.appeal_deposit.as_ref(), &chain.units);
            format!("{}\nappeal_deposit {deposit}: what an appeal puts at stake", text(&before))
        });
    }
    let mut params = before.clone();
    let mut rows = Vec::new();
    for (name, value) in &args.set {
        // The parser let no other names through.
        let Some(number) = NUMBERS.iter().find(|number| number.name == name) else { continue };
        if !(number.set)(&mut params, *value) {
            return Err(CliError::new(Class::Usage, format!("{name} cannot be {value}")));
        }
        rows.push(row([name, &format!("{} becomes {value}", (number.get)(&before))]));
    }
    let account = context.account(&chain.network).await?;
    let plan = Plan { data: json!({ "params": data(&params) }), rows, question: "Set these parameters?".to_owned() };
    let authority = chain.network.prefix.text(&account.address());
    let message = wire::MsgUpdateParams { authority, params: Some(params) }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

fn data(params: &wire::Params) -> Value {
    let numbers: Map<String, Value> =
        NUMBERS.iter().map(|number| (number.name.to_owned(), json!((number.get)(params)))).collect();
    Value::Object(numbers)
}

fn text(params: &wire::Params) -> String {
    let mut rows = vec![row(["PARAMETER", "VALUE", "MEANING"])];
    rows.extend(NUMBERS.iter().map(|number| row([number.name, &(number.get)(params).to_string(), number.meaning])));
    output::table(&rows)
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
        insta::assert_snapshot!(text(&params));
    }

    #[test]
    fn settings_are_read_or_refused() {
        assert_eq!(setting("approval_ms=5000"), Ok(("approval_ms".to_owned(), 5_000)));
        assert!(setting("approval=5000").unwrap_err().starts_with("there is no parameter approval"));
        assert!(setting("approval_ms=soon").is_err() && setting("approval_ms").is_err());
    }
}
