//! `tetra subnet forecast` and `tetra token halving`: what will be, and by what assumptions.

use proto::tetra::subnet::v1 as wire;
use serde_json::{Value, json};

use super::ask::{parse_wit, ss58, wit};
use crate::chain::Chain;
use crate::context::Context;
use crate::error::Result;
use crate::money::Units;
use crate::output::{self, row};

const DAY_MS: u64 = 86_400_000;

/// Arguments of `forecast`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The subnet's number
    netuid: u32,
    #[command(flatten)]
    assume: Assume,
}

/// What is assumed.
#[derive(Debug, clap::Args)]
pub struct Assume {
    /// What is recycled a day, such as 1270wit
    #[arg(long, value_name = "WIT", default_value = "0wit")]
    recycled_per_day: String,
}

/// A span of time for people: days, hours, minutes.
pub fn span(ms: u64) -> String {
    let minutes = ms / 60_000;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

impl Chain {
    /// How much WIT there is, and when the next halving comes.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn issuance(&self, assume: &Assume) -> Result<wire::QueryIssuanceResponse> {
        let recycled_per_day = parse_wit(&self.units, &assume.recycled_per_day)?;
        let request = wire::QueryIssuanceRequest { recycled_per_day };
        Ok(self.node.query("/tetra.subnet.v1.Query/Issuance", &request).await?)
    }
}

/// Who goes next: neurons in the order in which they would be replaced, if nobody's earnings changed.
fn order(subnet: &wire::Subnet, neurons: &[wire::NeuronView]) -> Vec<wire::Neuron> {
    let mut order: Vec<(bool, u64, u64, u32, wire::Neuron)> = Vec::new();
    for view in neurons {
        let neuron = view.neuron.clone().unwrap_or_default();
        if neuron.hotkey == subnet.owner_hotkey {
            continue;
        }
        let emission = neuron.server_emission.saturating_add(neuron.validator_emission);
        order.push((view.immune, emission, neuron.registered_height, neuron.uid, neuron));
    }
    order.sort_by_key(|(immune, emission, registered, uid, _)| (*immune, *emission, *registered, *uid));
    order.into_iter().map(|(.., neuron)| neuron).collect()
}

/// Runs `forecast`.
///
/// # Errors
/// When there is no such subnet.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let view = chain.subnet(args.netuid).await?;
    let neurons = chain.neurons(args.netuid).await?;
    let issuance = chain.issuance(&args.assume).await?;
    let height = chain.height().await?;
    let subnet = view.subnet.clone().unwrap_or_default();
    let rules = subnet.rules.unwrap_or_default();
    let interval = chain.network.block_interval_ms;
    let prices = [0, 1, 6, 24].map(|hours: u64| {
        let later = height.saturating_add(hours * 3_600_000 / interval.max(1));
        (hours, subnet::network::burn::at(&subnet, later))
    });
    let free = rules.max_neurons.saturating_sub(subnet.neurons);
    let next: Vec<wire::Neuron> = order(&subnet, &neurons).into_iter().take(5).collect();
    let data = json!({
        "netuid": args.netuid, "free_places": free,
        "burn": prices.map(|(hours, burn)| json!({ "in_hours": hours, "burn": burn.to_string() })),
        "replaced_next": next.iter().map(|neuron| json!({ "uid": neuron.uid, "hotkey": ss58(&neuron.hotkey) })).collect::<Vec<_>>(),
        "halving": halving_data(&issuance),
    });
    output::show(context.format(), &data, |_| {
        let mut rows = vec![row(["free places", &free.to_string()])];
        for (hours, burn) in prices {
            let when = if hours == 0 { "now".to_owned() } else { format!("in {hours} h, if nobody registers") };
            rows.push(row([&format!("registering {when}"), &chain.wit(burn)]));
        }
        for (place, neuron) in (1u32..).zip(&next) {
            let what = format!("replaced after {} more registrations", free.saturating_add(place));
            rows.push(row([&what, &format!("uid {} {}", neuron.uid, ss58(&neuron.hotkey))]));
        }
        rows.extend(halving_rows(&issuance, &args.assume, &chain.units));
        output::table(&rows)
    })
}

fn halving_data(found: &wire::QueryIssuanceResponse) -> Value {
    json!({
        "issuance": found.issuance.to_string(), "cap": found.cap.to_string(), "per_day": found.per_day.to_string(),
        "halvings": found.halvings, "next_threshold": found.next_threshold.to_string(),
        "until_next_ms": (found.until_next_ms > 0).then_some(found.until_next_ms),
        "staked": found.staked.to_string(), "locked": found.locked.to_string(), "pending": found.pending.to_string(),
        "recycled": found.recycled.to_string(),
    })
}

fn halving_rows(found: &wire::QueryIssuanceResponse, assume: &Assume, units: &Units) -> Vec<Vec<String>> {
    let until = match found.until_next_ms {
        0 => "never, at this rate".to_owned(),
        ms => format!("in {} ({} d), if {} a day are recycled", span(ms), ms / DAY_MS, assume.recycled_per_day),
    };
    vec![
        row(["WIT in existence", &wit(units, found.issuance)]),
        row(["a day mints", &wit(units, found.per_day)]),
        row([
            &format!("halving {}", found.halvings.saturating_add(1)),
            &format!("at {}, {until}", wit(units, found.next_threshold)),
        ]),
    ]
}

/// Runs `tetra token halving`.
///
/// # Errors
/// When the node does not answer.
pub async fn halving(context: &Context, assume: &Assume) -> Result {
    let chain = context.chain().await?;
    let found = chain.issuance(assume).await?;
    output::show(context.format(), &halving_data(&found), |_| {
        let mut rows = halving_rows(&found, assume, &chain.units);
        for (name, amount) in [
            ("never more than", found.cap),
            ("staked", found.staked),
            ("locked for subnets", found.locked),
            ("minted, not paid yet", found.pending),
            ("recycled so far", found.recycled),
        ] {
            rows.push(row([name, &chain.wit(amount)]));
        }
        output::table(&rows)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halving_is_told_with_what_is_assumed() {
        let found = wire::QueryIssuanceResponse {
            issuance: 6_003_000_000_000_000,
            cap: 21_000_000_000_000_000,
            per_day: 7_200_000_000_000,
            halvings: 0,
            next_threshold: 10_500_000_000_000_000,
            until_next_ms: 624 * DAY_MS,
            ..wire::QueryIssuanceResponse::default()
        };
        let assume = Assume { recycled_per_day: "1270wit".to_owned() };
        insta::assert_snapshot!(output::table(&halving_rows(&found, &assume, &Units::default())));
        assert_eq!(
            (span(59_000), span(3_660_000), span(90_000_000)),
            ("0 min".to_owned(), "1 h 1 min".to_owned(), "1 d 1 h".to_owned())
        );
    }
}
