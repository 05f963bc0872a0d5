//! `tetra send`: coins to an address or to a key of this machine.

use client::NodeError;
use primitives::{Address, Coin, Coins};
use proto::ToAny;
use proto::cosmos::bank::v1beta1::MsgSend;
use serde::Serialize;

use crate::amounts::{self, Amount};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::money::Units;
use crate::output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Who gets it: an address, or the name of a key of yours
    to: String,
    /// How much, such as 5000000utet, 5tet or 1.5usd
    amount: String,
    /// Show what it would do and cost, and stop
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// What is about to happen.
#[derive(Clone, Debug, Serialize)]
struct Plan {
    from: String,
    to: String,
    amount: Amount,
    gas_limit: u64,
    fee: Vec<Amount>,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
struct Sent {
    #[serde(flatten)]
    plan: Plan,
    hash: String,
    height: u64,
    gas_used: u64,
}

/// Runs it.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, args: Args) -> Result {
    let network = context.network().await?;
    let units = Units::of(&network.genesis);
    let amount = units.parse(&args.amount)?;
    if amount.amount == 0 {
        return Err(CliError::new(Class::Usage, "nothing would be sent: the amount is zero").hint("name a larger one"));
    }
    let to = context.resolve(&args.to, &network.prefix)?;
    let account = context.account(&network).await?;
    let message = message(&account.text(), &network.prefix.text(&to), &amount);
    let (gas_limit, fee) = account.estimate(vec![message.to_any()]).await.map_err(explained)?;
    let plan = Plan {
        from: message.from_address.clone(),
        to: message.to_address.clone(),
        amount: Amount::of(&amount),
        gas_limit,
        fee: amounts::list(&fee),
    };
    let names = [name_of(context, &account.address()), name_of(context, &to)];
    if args.dry_run {
        eprintln!("note: a dry run; nothing was sent");
        return output::show(context.format(), &plan, |plan| plan_text(plan, &names, &units, &amount, &fee));
    }
    if !args.yes {
        eprintln!("{}", plan_text(&plan, &names, &units, &amount, &fee));
    }
    output::confirm(&format!("Send {}?", units.coin(&amount)), args.yes)?;
    let confirmed = account.send(vec![message.to_any()]).await.map_err(explained)?;
    let paid = confirmed.fee;
    let outcome = confirmed.outcome;
    let plan = Plan { gas_limit: outcome.gas_wanted, fee: amounts::list(&paid), ..plan };
    let sent = Sent { plan, hash: outcome.hash, height: outcome.height, gas_used: outcome.gas_used };
    output::show(context.format(), &sent, |sent| sent_text(sent, &names, &units, &amount, &paid))
}

/// What the chain refused, with what helps against it.
fn explained(error: NodeError) -> CliError {
    let why = error.to_string();
    let refused = CliError::from(error);
    if why.contains("insufficient fund") {
        return refused.hint("the amount and the fee together are more than the account has: `tetra query balance`");
    }
    if refused.class() == Class::NotFound {
        return CliError::new(Class::Rejected, why).hint("an account begins with the first coins that it gets");
    }
    refused
}

fn message(from: &str, to: &str, amount: &Coin) -> MsgSend {
    let mut coins = Coins::new();
    // One coin into none never overflows.
    coins.add(amount);
    MsgSend { from_address: from.to_owned(), to_address: to.to_owned(), amount: client::tx::wire_coins(&coins) }
}

/// The name of the key with an address, if it is one of this machine.
fn name_of(context: &Context, address: &Address) -> Option<String> {
    let keys = context.keystore().list().ok()?;
    keys.into_iter().find(|info| info.address().as_ref() == Some(address)).map(|info| info.name)
}

fn plan_text(plan: &Plan, names: &[Option<String>; 2], units: &Units, amount: &Coin, fee: &Coins) -> String {
    let [from, to] = names;
    let who = |address: &str, name: &Option<String>| match name {
        Some(name) => format!("{address} ({name})"),
        None => address.to_owned(),
    };
    output::table(&[
        output::row(["from", &who(&plan.from, from)]),
        output::row(["to", &who(&plan.to, to)]),
        output::row(["amount", &units.coin(amount)]),
        output::row(["fee", &units.coins(fee)]),
        output::row(["gas limit", &plan.gas_limit.to_string()]),
    ])
}

fn sent_text(sent: &Sent, names: &[Option<String>; 2], units: &Units, amount: &Coin, fee: &Coins) -> String {
    let happened = output::table(&[
        output::row(["gas used ", &sent.gas_used.to_string()]),
        output::row(["height", &sent.height.to_string()]),
        output::row(["hash", &sent.hash]),
    ]);
    format!("{}\n{happened}", plan_text(&sent.plan, names, units, amount, fee))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_shown_with_what_it_cost() {
        let amount: Coin = "1500000utet".parse().unwrap();
        let fee: Coin = "2500utet".parse().unwrap();
        let mut fees = Coins::new();
        fees.add(&fee);
        let plan = Plan {
            from: "tetra1alice".to_owned(),
            to: "tetra1stranger".to_owned(),
            amount: Amount::of(&amount),
            gas_limit: 100_000,
            fee: amounts::list(&fees),
        };
        let sent = Sent { plan, hash: "AB".repeat(32), height: 12, gas_used: 66_000 };
        let units = Units::default();
        let names = [Some("alice".to_owned()), None];
        insta::assert_snapshot!(sent_text(&sent, &names, &units, &amount, &fees), @r"
        from       tetra1alice (alice)
        to         tetra1stranger
        amount     1500000utet
        fee        2500utet
        gas limit  100000
        gas used   66000
        height     12
        hash       ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB
        ");
        insta::assert_snapshot!(serde_json::to_string(&sent).unwrap(), @r#"{"from":"tetra1alice","to":"tetra1stranger","amount":{"denom":"utet","amount":"1500000"},"gas_limit":100000,"fee":[{"denom":"utet","amount":"2500"}],"hash":"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB","height":12,"gas_used":66000}"#);
    }
}
