//! `tetra subnet stake`, `unstake` and `stakes`.

use proto::ToAny;
use proto::tetra::subnet::v1 as wire;
use serde_json::{Value, json};

use super::super::hotkey::{self, percent};
use super::ask::{parse_wit, ss58};
use crate::context::Context;
use crate::error::Result;
use crate::output::{self, row};
use crate::spend::{Plan, Spend};

/// Arguments of `stake`.
#[derive(Debug, clap::Args)]
pub struct Stake {
    /// To whom: the name of a hotkey here, or an ss58 address
    hotkey: String,
    /// How much, such as 10wit
    amount: String,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `unstake`.
#[derive(Debug, clap::Args)]
pub struct Unstake {
    /// From whom: the name of a hotkey here, or an ss58 address
    hotkey: String,
    /// How much, such as 10wit [default: all]
    amount: Option<String>,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `stakes`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Whose: an address, or the name of a key of yours [default: the account that signs]
    who: Option<String>,
    /// Those to a hotkey instead: its name here, or its ss58 address
    #[arg(long, conflicts_with = "who")]
    hotkey: Option<String>,
}

/// Runs `stake`.
///
/// # Errors
/// When the chain refuses.
pub async fn stake(context: &Context, args: Stake) -> Result {
    let id = hotkey::resolve(context, &args.hotkey)?;
    let chain = context.chain().await?;
    let amount = parse_wit(&chain.units, &args.amount)?;
    let take = chain.hotkey(id).await?.map_or(0, |found| found.take);
    let account = context.account(&chain.network).await?;
    let plan = Plan {
        data: json!({ "hotkey": id, "amount": amount.to_string(), "take": take }),
        rows: vec![
            row(["hotkey", &id.to_string()]),
            row(["stakes", &chain.wit(amount)]),
            row(["it takes", &format!("{} of what validating earns", percent(take))]),
        ],
        question: format!("Stake {}?", chain.wit(amount)),
    };
    let message = wire::MsgStake { coldkey: account.text(), hotkey: id.as_bytes().to_vec(), amount }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// Runs `unstake`.
///
/// # Errors
/// When the chain refuses.
pub async fn unstake(context: &Context, args: Unstake) -> Result {
    let id = hotkey::resolve(context, &args.hotkey)?;
    let chain = context.chain().await?;
    let amount = args.amount.as_deref().map(|text| parse_wit(&chain.units, text)).transpose()?.unwrap_or(0);
    let account = context.account(&chain.network).await?;
    let text = if amount == 0 { "all of it".to_owned() } else { chain.wit(amount) };
    let plan = Plan {
        data: json!({ "hotkey": id, "amount": amount.to_string() }),
        rows: vec![row(["hotkey", &id.to_string()]), row(["takes back", &text])],
        question: format!("Take {text} back?"),
    };
    let message = wire::MsgUnstake { coldkey: account.text(), hotkey: id.as_bytes().to_vec(), amount }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// Runs `stakes`.
///
/// # Errors
/// When the node does not answer.
pub async fn list(context: &Context, args: List) -> Result {
    let chain = context.chain().await?;
    let (mut coldkey, mut hotkey) = (String::new(), Vec::new());
    match (&args.hotkey, &args.who) {
        (Some(text), _) => hotkey = hotkey::resolve(context, text)?.as_bytes().to_vec(),
        (None, Some(who)) => coldkey = chain.prefix().text(&context.resolve(who, chain.prefix())?),
        (None, None) => coldkey = chain.prefix().text(&context.own_address()?),
    }
    let request =
        |pagination| wire::QueryStakesRequest { coldkey: coldkey.clone(), hotkey: hotkey.clone(), pagination };
    let stakes = chain.all("/tetra.subnet.v1.Query/Stakes", request, |found: wire::QueryStakesResponse| {
        (found.stakes, found.pagination)
    });
    let stakes = stakes.await?;
    let data: Vec<Value> = stakes.iter().map(|stake| {
        json!({ "hotkey": ss58(&stake.hotkey), "coldkey": stake.coldkey, "amount": stake.amount.to_string() })
    }).collect();
    output::show(context.format(), &data, |_| {
        let mut rows = vec![row(["HOTKEY", "COLDKEY", "WORTH"])];
        rows.extend(stakes.iter().map(|stake| row([&ss58(&stake.hotkey), &stake.coldkey, &chain.wit(stake.amount)])));
        output::table(&rows)
    })
}
