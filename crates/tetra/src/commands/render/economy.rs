//! `tetra render epoch`, `supply` and `rewards`.

use proto::ToAny;
use proto::tetra::render::v1 as wire;
use serde_json::{Value, json};

use super::credits::{coin_data, coin_text};
use super::names;
use crate::context::Context;
use crate::error::Result;
use crate::money::{Units, shifted};
use crate::output::{self, row};
use crate::spend::{Plan, Spend};

/// Arguments of `epoch`.
#[derive(Debug, clap::Args)]
pub struct EpochArgs {
    /// Its number [default: the open one]
    #[arg(default_value_t = 0, hide_default_value = true)]
    number: u64,
}

/// Arguments of `rewards`.
#[derive(Debug, clap::Args)]
pub struct Rewards {
    /// Pay out what is owed
    #[arg(long)]
    claim: bool,
    #[command(flatten)]
    spend: Spend,
}

/// Runs `epoch`.
///
/// # Errors
/// When it has not begun.
pub async fn epoch(context: &Context, args: EpochArgs) -> Result {
    let chain = context.chain().await?;
    let request = wire::QueryEpochRequest { number: args.number };
    let found: wire::QueryEpochResponse = chain.node.query("/tetra.render.v1.EconomyQuery/Epoch", &request).await?;
    let epoch = found.epoch.unwrap_or_default();
    output::show(context.format(), &epoch_data(&epoch), |_| epoch_text(&epoch, &chain.units))
}

/// An epoch as programs read it.
fn epoch_data(epoch: &wire::Epoch) -> Value {
    let tiers: Vec<Value> = epoch
        .tiers_after
        .iter()
        .map(|price| json!({ "tier": names::tier(price.tier()), "work_milli_per_credit": price.work_milli_per_credit }))
        .collect();
    json!({
        "number": epoch.number,
        "begins": names::time_text(epoch.begins.as_ref()),
        "ends": names::time_text(epoch.ends.as_ref()),
        "closed": epoch.closed,
        "value_ucredits": epoch.value_ucredits,
        "spent_ucredits": epoch.spent_ucredits,
        "lux_burned": coin_data(epoch.lux_burned.as_ref()),
        "lux_network": coin_data(epoch.lux_network.as_ref()),
        "usd_vault": coin_data(epoch.usd_vault.as_ref()),
        "usd_network": coin_data(epoch.usd_network.as_ref()),
        "bought_burned": coin_data(epoch.bought_burned.as_ref()),
        "auction_price_micros": epoch.auction_price_micros,
        "scheduled": coin_data(epoch.scheduled.as_ref()),
        "minted_work": coin_data(epoch.minted_work.as_ref()),
        "minted_availability": coin_data(epoch.minted_availability.as_ref()),
        "reserved": coin_data(epoch.reserved.as_ref()),
        "pool_base": coin_data(epoch.pool_base.as_ref()),
        "lux_usd_micros": epoch.lux_usd_micros,
        "use_bp": epoch.use_bp,
        "tiers_after": tiers,
        "anomaly": epoch.anomaly,
    })
}

fn epoch_text(epoch: &wire::Epoch, units: &Units) -> String {
    let coin = |coin: &Option<proto::cosmos::base::v1beta1::Coin>| coin_text(coin.as_ref(), units);
    let state = if epoch.closed { "closed" } else { "open; as it stands now" };
    let mut rows = vec![
        row(["epoch", &format!("{} ({state})", epoch.number)]),
        row([
            "from, to",
            &format!("{}, {}", names::time_text(epoch.begins.as_ref()), names::time_text(epoch.ends.as_ref())),
        ]),
        row(["approved work", &names::credits(epoch.value_ucredits)]),
        row(["burned of payments", &coin(&epoch.lux_burned)]),
        row(["to the network", &format!("{}; {}", coin(&epoch.lux_network), coin(&epoch.usd_network))]),
        row(["to the vault", &coin(&epoch.usd_vault)]),
        row(["bought and burned", &coin(&epoch.bought_burned)]),
        row(["scheduled", &coin(&epoch.scheduled)]),
        row(["minted for work", &format!("{}; at most {}", coin(&epoch.minted_work), coin(&epoch.pool_base))]),
        row(["minted for idle nodes", &coin(&epoch.minted_availability)]),
        row(["kept in reserve", &coin(&epoch.reserved)]),
        row(["use", &names::percent(epoch.use_bp)]),
    ];
    for price in &epoch.tiers_after {
        let buys = format!("{} a credit", names::work(price.work_milli_per_credit));
        rows.push(row([&format!("price, tier {}", names::tier(price.tier())), &buys]));
    }
    if epoch.lux_usd_micros > 0 {
        rows.push(row(["a LUX", &format!("{} USD", shifted(epoch.lux_usd_micros.into(), 6))]));
    }
    if !epoch.anomaly.is_empty() {
        rows.push(row(["ANOMALY", &epoch.anomaly]));
    }
    output::table(&rows)
}

/// Runs `supply`.
///
/// # Errors
/// When the node does not answer.
pub async fn supply(context: &Context) -> Result {
    let chain = context.chain().await?;
    let found: wire::QuerySupplyResponse =
        chain.node.query("/tetra.render.v1.EconomyQuery/Supply", &wire::QuerySupplyRequest {}).await?;
    output::show(context.format(), &supply_data(&found), |_| supply_text(&found, &chain.units))
}

fn supply_data(found: &wire::QuerySupplyResponse) -> Value {
    json!({
        "supply": coin_data(found.supply.as_ref()),
        "cap": coin_data(found.cap.as_ref()),
        "minted": coin_data(found.minted.as_ref()),
        "burned": coin_data(found.burned.as_ref()),
        "reserve": coin_data(found.reserve.as_ref()),
        "vault": coin_data(found.vault.as_ref()),
    })
}

fn supply_text(found: &wire::QuerySupplyResponse, units: &Units) -> String {
    let line =
        |name: &str, coin: &Option<proto::cosmos::base::v1beta1::Coin>| row([name, &coin_text(coin.as_ref(), units)]);
    output::table(&[
        line("in existence", &found.supply),
        line("never more than", &found.cap),
        line("minted", &found.minted),
        line("burned", &found.burned),
        line("in reserve", &found.reserve),
        line("in the vault", &found.vault),
    ])
}

/// Runs `rewards`.
///
/// # Errors
/// When nothing is owed, or the chain refuses.
pub async fn rewards(context: &Context, args: Rewards) -> Result {
    let chain = context.chain().await?;
    let owner = chain.prefix().text(&context.own_address()?);
    let request = wire::QueryRewardsRequest { owner: owner.clone() };
    let found: wire::QueryRewardsResponse = chain.node.query("/tetra.render.v1.EconomyQuery/Rewards", &request).await?;
    let data = json!({ "owner": owner, "owed": coin_data(found.owed.as_ref()), "open_ucredits": found.open_ucredits });
    let rows = vec![
        row(["owner", &owner]),
        row(["owed by closed epochs", &coin_text(found.owed.as_ref(), &chain.units)]),
        row(["work of the open epoch", &names::credits(found.open_ucredits)]),
    ];
    if !args.claim {
        return output::show(context.format(), &data, |_| output::table(&rows));
    }
    let account = context.account(&chain.network).await?;
    let question = format!("Pay {} out?", coin_text(found.owed.as_ref(), &chain.units));
    let plan = Plan { data, rows, question };
    let message = wire::MsgClaimRewards { owner }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

#[cfg(test)]
mod tests {
    use proto::Timestamp;
    use proto::cosmos::base::v1beta1::Coin;

    use super::*;

    fn lux(amount: &str) -> Option<Coin> {
        Some(Coin { denom: "ulux".to_owned(), amount: amount.to_owned() })
    }

    #[test]
    fn an_epoch_is_shown_with_what_it_burned_and_minted() {
        let usd = || Some(Coin { denom: "uusd".to_owned(), amount: "0".to_owned() });
        let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let epoch = wire::Epoch {
            number: 4,
            begins: time(1_700_000_000),
            ends: time(1_700_000_600),
            closed: true,
            value_ucredits: 960_000,
            lux_burned: lux("62700"),
            lux_network: lux("3300"),
            usd_vault: usd(),
            usd_network: usd(),
            bought_burned: lux("0"),
            scheduled: lux("112283"),
            minted_work: lux("14877"),
            minted_availability: lux("2863"),
            reserved: lux("0"),
            use_bp: 4_100,
            tiers_after: vec![wire::TierPrice {
                tier: wire::Tier::Economy.into(),
                work_milli_per_credit: 220_000,
                least: 200_000,
                most: 400_000,
            }],
            anomaly: String::new(),
            pool_base: lux("62700"),
            lux_usd_micros: 4_000_000,
            ..wire::Epoch::default()
        };
        insta::assert_snapshot!(epoch_text(&epoch, &Units::default()));
        insta::assert_snapshot!(serde_json::to_string_pretty(&epoch_data(&epoch)).unwrap());
    }

    #[test]
    fn supply_is_shown_with_its_cap() {
        let found = wire::QuerySupplyResponse {
            supply: lux("3000000000000"),
            cap: lux("644245094000000"),
            burned: lux("62700"),
            minted: lux("14877"),
            reserve: lux("0"),
            vault: Some(Coin { denom: "uusd".to_owned(), amount: "12".to_owned() }),
        };
        insta::assert_snapshot!(supply_text(&found, &Units::default()));
        insta::assert_snapshot!(serde_json::to_string(&supply_data(&found)).unwrap());
    }
}
