//! `tetra render credits`: buying credits, and what is left of them.

use pricing::render::burn::{Rates, valuation};
use primitives::{Coin, Dec};
use proto::ToAny;
use proto::cosmos::base::v1beta1 as base;
use proto::tetra::oracle::v1::{PriceState, QueryPriceRequest, QueryPriceResponse};
use proto::tetra::render::v1::{Credits, MsgBuyCredits};
use serde_json::{Value, json};

use super::super::oracle::state_name;
use super::names;
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::money::{Units, shifted};
use crate::output::{self, row};
use crate::spend::{Plan, Spend};

/// Atoms of a decimal in a millionth.
const PER_MICRO: u128 = Dec::ONE.atoms() / 1_000_000;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Pay LUX or USD in; what comes of it pays for frames and cannot be sent
    Buy(Buy),
    /// What you have of credits, and what was paid for them
    Show {
        /// Another account: an address, or the name of a key of yours
        who: Option<String>,
    },
}

/// Arguments of `buy`.
#[derive(Debug, clap::Args)]
pub struct Buy {
    /// How much to pay, such as 10lux or 5usd
    pay: String,
    /// Refuse when prices moved so that fewer come of it [default: 99 % of what comes of it now]
    #[arg(long, value_name = "CREDITS", value_parser = names::parse_credits)]
    min: Option<u64>,
    #[command(flatten)]
    spend: Spend,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Buy(args) => buy(context, args).await,
        Verb::Show { who } => show(context, who).await,
    }
}

/// Spot and average of a pair, in millionths.
async fn price(chain: &Chain, pair: &str) -> Result<(u64, u64)> {
    let request = QueryPriceRequest { pair: pair.to_owned() };
    let found: QueryPriceResponse = chain.node.query("/tetra.oracle.v1.Query/Price", &request).await?;
    let price = found.price.unwrap_or_default();
    if price.state() != PriceState::Fresh {
        let why =
            format!("credits cannot be bought: the price {pair} is {}: {}", state_name(price.state()), price.reason);
        return Err(CliError::new(Class::Rejected, why)
            .hint("`tetra oracle show` shows who posted what; jobs that are funded go on"));
    }
    Ok((price.spot_micros, price.average_micros))
}

/// By what a payment is valued now.
async fn rates(chain: &Chain, pay: &Coin) -> Result<(Rates, u64, u64)> {
    let dec = |micros: u64| Dec::from_atoms(u128::from(micros) * PER_MICRO);
    let (spot, average) = price(chain, "EUR/USD").await?;
    // The worse one for the payer, as the chain does.
    let euro = spot.max(average);
    let (spot, average) = match pay.denom.as_str() {
        "ulux" => price(chain, "LUX/USD").await?,
        "uusd" => (1_000_000, 1_000_000),
        other => {
            let what = format!("credits are bought with LUX or USD, not with {other}");
            return Err(CliError::new(Class::Usage, what).hint("pay for example 10lux or 5usd"));
        }
    };
    let lux = valuation(dec(spot), dec(average));
    Ok((Rates { lux, euro: dec(euro) }, spot.min(average), euro))
}

async fn buy(context: &Context, args: Buy) -> Result {
    let chain = context.chain().await?;
    let pay = chain.units.parse(&args.pay)?;
    let (rates, price, euro) = rates(&chain, &pay).await?;
    let gets = rates.credits(pay.amount).class(Class::Usage)?;
    let gets = u64::try_from(gets).class(Class::Usage)?;
    let least = args.min.unwrap_or(gets / 100 * 99);
    let account = context.account(&chain.network).await?;
    let creator = account.text();
    let plan = Plan {
        data: json!({
            "creator": creator, "pays": { "denom": pay.denom.to_string(), "amount": pay.amount.to_string() },
            "gets_ucredits": gets, "least_ucredits": least, "price_micros": price, "eur_usd_micros": euro,
        }),
        rows: vec![
            row(["pays", &chain.units.coin(&pay)]),
            row(["gets", &format!("{}, at least {}", names::credits(gets), names::credits(least))]),
            row(["valued at", &format!("{} USD, a euro at {} USD", micros(price), micros(euro))]),
            row(["beware", "credits pay for frames alone; they cannot be sent or paid out"]),
        ],
        question: format!("Pay {} for credits?", chain.units.coin(&pay)),
    };
    let paid = base::Coin { denom: pay.denom.to_string(), amount: pay.amount.to_string() };
    let message = MsgBuyCredits { creator, pay: Some(paid), min_ucredits: least }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

fn micros(micros: u64) -> String {
    shifted(micros.into(), 6)
}

async fn show(context: &Context, who: Option<String>) -> Result {
    let chain = context.chain().await?;
    let owner = match who {
        Some(who) => context.resolve(&who, chain.prefix())?,
        None => context.own_address()?,
    };
    let owner = chain.prefix().text(&owner);
    let credits = chain.render_credits(&owner).await?;
    output::show(context.format(), &data(&owner, &credits), |_| text(&owner, &credits, &chain.units))
}

/// A coin of the chain as programs read it.
pub fn coin_data(coin: Option<&base::Coin>) -> Value {
    coin.map_or(Value::Null, |coin| json!({ "denom": coin.denom, "amount": coin.amount }))
}

/// A coin of the chain for people.
pub fn coin_text(coin: Option<&base::Coin>, units: &Units) -> String {
    let Some(coin) = coin else { return "nothing".to_owned() };
    Coin::from_wire(&coin.denom, &coin.amount)
        .map_or_else(|_| format!("{}{}", coin.amount, coin.denom), |coin| units.coin(&coin))
}

fn data(owner: &str, credits: &Credits) -> Value {
    let lots: Vec<Value> = credits
        .lots
        .iter()
        .map(|lot| {
            json!({
                "id": lot.id, "paid": coin_data(lot.paid.as_ref()), "ucredits": lot.ucredits,
                "left": coin_data(lot.left.as_ref()), "left_ucredits": lot.left_ucredits,
                "price_micros": lot.price_micros, "eur_usd_micros": lot.eur_usd_micros,
                "bought_at": names::time_text(lot.bought_at.as_ref()),
            })
        })
        .collect();
    json!({
        "owner": owner, "free_ucredits": credits.free_ucredits, "locked_ucredits": credits.locked_ucredits, "lots": lots,
    })
}

fn text(owner: &str, credits: &Credits, units: &Units) -> String {
    let sums = output::table(&[
        row(["owner", owner]),
        row(["free", &names::credits(credits.free_ucredits)]),
        row(["set aside for jobs", &names::credits(credits.locked_ucredits)]),
    ]);
    if credits.lots.is_empty() {
        return format!("{sums}\n\nnothing paid is left; `tetra render credits buy 10lux` buys some");
    }
    let mut rows = vec![row(["PAYMENT", "PAID", "FOR", "LEFT", "OF CREDITS", "AT"])];
    for lot in &credits.lots {
        rows.push(row([
            &lot.id.to_string(),
            &coin_text(lot.paid.as_ref(), units),
            &names::credits(lot.ucredits),
            &coin_text(lot.left.as_ref(), units),
            &names::credits(lot.left_ucredits),
            &names::time_text(lot.bought_at.as_ref()),
        ]));
    }
    format!("{sums}\n\n{}", output::table(&rows))
}

#[cfg(test)]
mod tests {
    use proto::Timestamp;
    use proto::tetra::render::v1::Lot;

    use super::*;

    #[test]
    fn credits_are_shown_with_what_was_paid_for_them() {
        let coin = |amount: &str| Some(base::Coin { denom: "ulux".to_owned(), amount: amount.to_owned() });
        let lot = Lot {
            id: 3,
            paid: coin("10000000"),
            ucredits: 145_454_545,
            left: coin("9997250"),
            left_ucredits: 145_414_545,
            price_micros: 4_000_000,
            eur_usd_micros: 1_100_000,
            bought_at: Some(Timestamp { seconds: 1_700_000_000, nanos: 0 }),
            network_bp: 500,
        };
        let credits = Credits {
            owner: "tetra1alice".to_owned(),
            free_ucredits: 140_000_000,
            locked_ucredits: 5_414_545,
            lots: vec![lot],
        };
        insta::assert_snapshot!(text("tetra1alice", &credits, &Units::default()));
        insta::assert_snapshot!(serde_json::to_string(&data("tetra1alice", &credits)).unwrap());
        insta::assert_snapshot!(text("tetra1bob", &Credits::default(), &Units::default()));
    }
}
