//! `tetra provider cluster appeal`.

use std::path::PathBuf;

use proto::ToAny;
use proto::tetra::cluster::v1 as wire;
use provider::Home;
use serde_json::json;

use super::super::explain;
use crate::commands::cluster::names::time;
use crate::context::{Context, Global};
use crate::error::{Class, CliError, Result};
use crate::output::row;
use crate::spend::{Plan, Spend};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's folder
    dir: PathBuf,
    #[command(flatten)]
    spend: Spend,
}

/// Runs it, with the account and the node of the agent.
///
/// # Errors
/// When there is nothing to appeal against, or the chain refuses.
pub async fn run(context: &Context, args: Args) -> Result {
    let home = Home::new(&args.dir);
    let config = home.config().map_err(|error| explain(error.into()))?;
    let host_key = home.host_key().map_err(|error| explain(error.into()))?.verification_key().to_bytes().to_vec();
    let global = Global { node: Some(config.node), from: Some(config.account), ..context.global.clone() };
    let context = Context { global, home: context.home.clone() };
    let chain = context.chain().await?;
    let account = context.account(&chain.network).await?;
    let owner = chain.prefix().text(&context.own_address()?);
    let id = wire::OfferId { owner: owner.clone(), host_key: host_key.clone() };
    let request = wire::QueryOfferRequest { id: Some(id) };
    let found: Option<wire::QueryOfferResponse> = chain.found("/tetra.cluster.v1.Query/Offer", &request).await?;
    let none = || {
        CliError::new(Class::NotFound, "no proof of this machine was found wrong lately")
            .hint("`tetra cluster offers` shows the state of every offer, and why")
    };
    let found = found.ok_or_else(none)?;
    let (offer, appeal) = (found.offer.unwrap_or_default(), found.appeal.ok_or_else(none)?);
    if appeal.opened_ms > 0 {
        let what = format!("it appealed at {} already", time(appeal.opened_ms).unwrap_or_default());
        return Err(CliError::new(Class::Usage, what).hint("others look at it in the next round of proofs"));
    }
    let params = chain.cluster_params().await?;
    let plan = Plan {
        data: json!({
            "supplier": owner, "host_key": hex::encode(&host_key), "slashed": offer.slashed.to_string(),
            "deposit": params.appeal_deposit.to_string(), "denom": params.denom,
        }),
        rows: vec![
            row(["blocked", &offer.reason]),
            row(["taken", &chain.money(&params.denom, offer.slashed)?]),
            row([
                "deposit",
                &format!(
                    "{}; both come back when the appeal is granted",
                    chain.money(&params.denom, params.appeal_deposit)?
                ),
            ]),
            row(["next", "keep the agent running: others fetch the same products in the next round"]),
        ],
        question: "Appeal, once and for good?".to_owned(),
    };
    let message = wire::MsgAppeal { owner, host_key }.to_any();
    args.spend.send(&context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}
