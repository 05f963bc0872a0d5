//! `tetra oracle`: prices that the chain goes by, and posting them.

use proto::ToAny;
use proto::tetra::oracle::v1::{
    MsgPostPrices, Price, PriceState, PriceView, QueryParamsRequest, QueryParamsResponse, QueryPricesRequest,
    QueryPricesResponse,
};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::money::shifted;
use crate::output::{self, row};
use crate::spend::{Plan, Spend};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Prices, whether they may be used, and who posted them
    Show,
    /// Post what you see, as one of the named feeders
    Post(Post),
}

/// Arguments of `post`.
#[derive(Debug, clap::Args)]
pub struct Post {
    /// What a whole unit of the first costs in the second, such as LUX/USD=4.05
    #[arg(value_name = "PAIR=PRICE", value_parser = parse_price, required = true)]
    prices: Vec<Priced>,
    #[command(flatten)]
    spend: Spend,
}

/// A price of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    pair: String,
    micros: u64,
}

/// Millionths of a decimal number.
///
/// # Errors
/// When it is none, is too large, or has more than six places.
pub fn parse_micros(text: &str) -> std::result::Result<u64, String> {
    let value: primitives::Dec = text.parse().map_err(|error: primitives::DecError| error.to_string())?;
    let micros = value.checked_mul_int(1_000_000).ok_or_else(|| format!("{text} is too large"))?;
    if !micros.fraction().is_zero() {
        return Err(format!("{text} has more than six places"));
    }
    u64::try_from(micros.floor()).map_err(|_| format!("{text} is too large"))
}

fn parse_price(text: &str) -> std::result::Result<Priced, String> {
    let (pair, price) = text.split_once('=').ok_or("PAIR=PRICE is wanted, such as LUX/USD=4.05")?;
    Ok(Priced { pair: pair.to_uppercase(), micros: parse_micros(price)? })
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Show => show(context).await,
        Verb::Post(args) => post(context, args).await,
    }
}

async fn show(context: &Context) -> Result {
    let chain = context.chain().await?;
    let found: QueryPricesResponse = chain.node.query("/tetra.oracle.v1.Query/Prices", &QueryPricesRequest {}).await?;
    let data: Vec<Value> = found.prices.iter().map(data).collect();
    output::show(context.format(), &data, |_| text(&found.prices))
}

async fn post(context: &Context, args: Post) -> Result {
    let chain = context.chain().await?;
    let account = context.account(&chain.network).await?;
    let feeder = account.text();
    let found: QueryParamsResponse = chain.node.query("/tetra.oracle.v1.Query/Params", &QueryParamsRequest {}).await?;
    let feeders = found.params.unwrap_or_default().feeders;
    if !feeders.contains(&feeder) {
        let named = if feeders.is_empty() { "nobody".to_owned() } else { feeders.join(", ") };
        return Err(CliError::new(Class::Rejected, format!("{feeder} is not among the oracle's feeders: {named}"))
            .hint("--from NAME posts as another account; the network's authority names feeders"));
    }
    let prices: Vec<Price> = args.prices.into_iter().map(|Priced { pair, micros }| Price { pair, micros }).collect();
    let mut rows = vec![row(["feeder", &feeder])];
    rows.extend(prices.iter().map(|price| row([&price.pair, &amount(price.micros)])));
    let posted: Vec<Value> = prices.iter().map(|price| json!({ "pair": price.pair, "micros": price.micros })).collect();
    let plan = Plan {
        data: json!({ "feeder": feeder, "prices": posted }),
        rows,
        question: format!("Post {} prices?", prices.len()),
    };
    let message = MsgPostPrices { feeder, prices }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// A state's name, `fresh`.
pub fn state_name(state: PriceState) -> String {
    state.as_str_name().trim_start_matches("PRICE_STATE_").to_lowercase().replace('_', " ")
}

/// Such as `4.05`.
fn amount(micros: u64) -> String {
    shifted(micros.into(), 6)
}

fn data(price: &PriceView) -> Value {
    let seen: Vec<Value> = price
        .observations
        .iter()
        .map(|seen| {
            let micros = seen.price.as_ref().map(|price| price.micros);
            json!({ "feeder": seen.feeder, "micros": micros, "posted_at": super::render::time_text(seen.posted_at.as_ref()) })
        })
        .collect();
    json!({
        "pair": price.pair,
        "state": state_name(price.state()),
        "reason": price.reason,
        "spot_micros": price.spot_micros,
        "average_micros": price.average_micros,
        "simulated": price.simulated,
        "observations": seen,
    })
}

fn text(prices: &[PriceView]) -> String {
    let mut rows = vec![row(["PAIR", "STATE", "SPOT", "AVERAGE", "FEEDERS", ""])];
    for price in prices {
        let marked = if price.simulated { "simulated" } else { "" };
        let why = [price.reason.as_str(), marked];
        let why: Vec<&str> = why.into_iter().filter(|part| !part.is_empty()).collect();
        rows.push(row([
            &price.pair,
            &state_name(price.state()),
            &amount(price.spot_micros),
            &amount(price.average_micros),
            &price.observations.len().to_string(),
            &why.join("; "),
        ]));
    }
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_exactly() {
        assert_eq!(parse_price("lux/usd=4.05"), Ok(Priced { pair: "LUX/USD".to_owned(), micros: 4_050_000 }));
        for wrong in ["LUX/USD", "LUX/USD=", "LUX/USD=-1", "LUX/USD=0.0000001", "LUX/USD=99999999999999999"] {
            assert!(parse_price(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_price_is_shown_with_its_state_and_where_it_comes_from() {
        let fresh = PriceView {
            pair: "EUR/USD".to_owned(),
            state: PriceState::Fresh.into(),
            spot_micros: 1_100_000,
            average_micros: 1_099_000,
            simulated: true,
            ..PriceView::default()
        };
        let unknown = PriceView {
            pair: "LUX/USD".to_owned(),
            state: PriceState::ShortHistory.into(),
            reason: "too little was observed".to_owned(),
            ..PriceView::default()
        };
        insta::assert_snapshot!(text(&[fresh.clone(), unknown]));
        insta::assert_snapshot!(serde_json::to_string(&data(&fresh)).unwrap());
    }
}
