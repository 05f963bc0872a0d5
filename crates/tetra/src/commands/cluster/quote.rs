//! `tetra cluster quote`.

use proto::tetra::cluster::v1 as wire;
use serde_json::{Value, json};

use super::names::{duration, lease, lease_data, offer, source};
use super::wish::Wish;
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, row};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    wish: Wish,
}

/// A quote as programs read it.
///
/// # Errors
/// None that can be provoked.
pub fn data(quote: &wire::Quote) -> Value {
    let lines: Vec<Value> = quote.lines.iter().map(line_data).collect();
    json!({
        "lines": lines, "hourly": quote.hourly.to_string(), "total": quote.total.to_string(),
        "reservation_fee": quote.fee.to_string(), "duration_ms": quote.ask.as_ref().map_or(0, |ask| ask.duration_ms),
        "expires_height": quote.expires_height,
    })
}

fn line_data(line: &wire::QuoteLine) -> Value {
    let id = line.offer.clone().unwrap_or_default();
    json!({
        "supplier": id.owner, "host_key": hex::encode(id.host_key), "source": source(line.source()),
        "price_per_hour": line.price.to_string(), "lease": lease_data(line.lease.as_ref()),
    })
}

/// A device of a quote for people: its price, whose it is, and by which way it comes.
fn line(chain: &Chain, denom: &str, line: &wire::QuoteLine) -> Result<String> {
    let (price, whose) = (chain.money(denom, line.price)?, offer(line.offer.as_ref()));
    Ok(match line.source() {
        wire::Source::Provider => format!("{price} an hour, of {whose}"),
        other => format!("{price} an hour, of {whose} ({}{})", source(other), lease(line.lease.as_ref())),
    })
}

/// The rows of a quote for people.
///
/// # Errors
/// When the denom is none.
pub fn rows(chain: &Chain, denom: &str, quote: &wire::Quote) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for (line, rank) in quote.lines.iter().zip(0..) {
        rows.push(row([&format!("node {rank}"), &self::line(chain, denom, line)?]));
    }
    let time = duration(quote.ask.as_ref().map_or(0, |ask| ask.duration_ms));
    rows.push(row(["all nodes", &format!("{} an hour", chain.money(denom, quote.hourly)?)]));
    rows.push(row([
        "in advance",
        &format!("{} for {time}; what is not used comes back", chain.money(denom, quote.total)?),
    ]));
    rows.push(row(["reservation", &chain.money(denom, quote.fee)?]));
    Ok(rows)
}

/// Runs it.
///
/// # Errors
/// When there are too few devices, with the reason of each.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let params = chain.cluster_params().await?;
    let ask = args.wish.ask(&chain, &params.denom)?;
    let answer = chain.cluster_quote(&ask).await?;
    let excluded: Vec<Value> = answer
        .excluded
        .iter()
        .map(|excluded| {
            let id = excluded.offer.clone().unwrap_or_default();
            json!({ "supplier": id.owner, "host_key": hex::encode(id.host_key), "reason": excluded.reason })
        })
        .collect();
    let alternatives: Vec<Value> = answer.alternatives.iter().map(line_data).collect();
    let report = json!({
        "denom": params.denom, "quote": answer.quote.as_ref().map(data), "alternatives": alternatives,
        "excluded": excluded, "refusal": answer.refusal,
    });
    let mut rows = match &answer.quote {
        Some(quote) => self::rows(&chain, &params.denom, quote)?,
        None => Vec::new(),
    };
    for line in &answer.alternatives {
        rows.push(row(["next best", &self::line(&chain, &params.denom, line)?]));
    }
    for excluded in &answer.excluded {
        rows.push(row(["not in it", &format!("{}: {}", offer(excluded.offer.as_ref()), excluded.reason)]));
    }
    if answer.quote.is_none() {
        eprintln!("{}", output::table(&rows));
        return Err(CliError::new(Class::NotFound, answer.refusal)
            .hint("ask for fewer nodes, a higher --max-price, or less of what others lack"));
    }
    output::show(context.format(), &report, |_| output::table(&rows))
}
