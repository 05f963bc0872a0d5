//! What a file comes to on this network: prices, deposit, messages.

use client::NodeError;
use primitives::{Coin, Dec, DecCoin, Denom};
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::deployment::v1::DeploymentId;
use proto::akash::deployment::v1beta4::{
    GroupSpec as WireGroup, MsgCreateDeployment, QueryParamsRequest, QueryParamsResponse,
};
use proto::cosmos::base::v1beta1 as wire;
use proto::{Any, ToAny};
use sdl::{GroupSpec, Sdl};
use serde::Serialize;

use super::Job;
use crate::error::{Class, Classify, CliError, Result};
use crate::money::{Rate, Units};
use crate::output;

/// The block interval that files from elsewhere assume, as on Akash.
const USUAL_INTERVAL_MS: u64 = 6_000;
/// The deposit, in least deposits, unless another is named.
const DEPOSITS: u128 = 10;

/// A file, ready to be deployed.
pub(super) struct Plan {
    /// The file's text.
    pub(super) text: String,
    /// Its groups.
    pub(super) groups: Vec<GroupSpec>,
    /// The same for the chain.
    messages: Vec<WireGroup>,
    /// The manifest, as canonical JSON.
    pub(super) manifest: String,
    /// The manifest's hash.
    pub(super) hash: [u8; 32],
    /// What is set aside.
    deposit: Coin,
    /// The most that all groups may cost per block.
    ceiling: Rate,
    /// What people should know before they go on.
    pub(super) notes: Vec<String>,
    sdl: Sdl,
}

impl Plan {
    /// Reads prices and makes up the deposit.
    ///
    /// # Errors
    /// When the file's coin is not taken here, no rate is known for --pay-with, or the account holds too little.
    pub(super) async fn make(job: &Job<'_>, text: String, sdl: Sdl) -> Result<Self> {
        // Which coins are taken is this network's rule, not the strict schema's.
        let warnings = sdl.lint().into_iter().filter(|warning| !warning.place.to_string().contains(".denom"));
        let mut notes: Vec<String> = warnings.map(|warning| format!("note: {warning}")).collect();
        let sdl = match &job.args.pay_with {
            Some(denom) => repriced(job, sdl, denom, &mut notes)?,
            None => sdl,
        };
        let groups = sdl.groups();
        let ceiling = total(&groups)?;
        let params: QueryParamsResponse =
            job.chain.node.query("/akash.deployment.v1beta4.Query/Params", &QueryParamsRequest {}).await?;
        let least = least_deposit(&params.params.unwrap_or_default().min_deposits, &ceiling.denom)?;
        let deposit = match &job.args.deposit {
            Some(text) => job.chain.units.parse(text)?,
            None => Coin { denom: ceiling.denom.clone(), amount: least.saturating_mul(DEPOSITS) },
        };
        check_deposit(job, &deposit, least, &ceiling.denom).await?;
        let interval = job.chain.network.block_interval_ms;
        notes.extend(interval_note(&ceiling, interval, &job.chain.units)?);
        let manifest = sdl.manifest();
        Ok(Self {
            text,
            messages: sdl.group_messages(),
            manifest: manifest.canonical_json(),
            hash: manifest.hash(),
            ceiling: Rate::new(&ceiling, interval)?,
            groups,
            deposit,
            notes,
            sdl,
        })
    }

    /// The message that creates the deployment.
    pub(super) fn create(&self, owner: &str, dseq: u64) -> Any {
        let amount = wire::Coin { denom: self.deposit.denom.to_string(), amount: self.deposit.amount.to_string() };
        let message = MsgCreateDeployment {
            id: Some(DeploymentId { owner: owner.to_owned(), dseq }),
            groups: self.messages.clone(),
            hash: self.hash.to_vec(),
            deposit: Some(Deposit { amount: Some(amount), sources: vec![Source::Balance.into()] }),
            reclamation: self.sdl.reclamation_message(),
        };
        message.to_any()
    }

    /// What is asked before money is set aside.
    pub(super) fn question(&self, units: &Units) -> String {
        format!("Set {} aside for this deployment?", units.coin(&self.deposit))
    }

    /// Adds what to do to a refusal.
    pub(super) fn explain(&self, error: NodeError) -> CliError {
        CliError::from(error).hint("nothing was deployed; `tetra sdl check FILE` looks at the file alone")
    }

    /// What would happen.
    ///
    /// # Errors
    /// When the chain would refuse it.
    pub(super) async fn show(&self, job: &Job<'_>) -> Result {
        #[derive(Serialize)]
        struct DryRun<'a> {
            groups: Vec<&'a str>,
            hash: String,
            ceiling: &'a Rate,
            deposit: String,
            gas: u64,
            fee: String,
        }
        let dseq = job.chain.height().await?.max(1);
        let (gas, fee) =
            job.account.estimate(vec![self.create(&job.owner(), dseq)]).await.map_err(|error| self.explain(error))?;
        let dry_run = DryRun {
            groups: self.groups.iter().map(|group| group.name.as_str()).collect(),
            hash: hex::encode(self.hash),
            ceiling: &self.ceiling,
            deposit: self.deposit.to_string(),
            gas,
            fee: fee.to_string(),
        };
        let units = &job.chain.units;
        output::show(job.context.format(), &dry_run, |dry_run| {
            format!(
                "groups    {}\nhash      {}\nceiling   {} ({}/h, {}/month)\ndeposit   {}\nfee       {}\nnothing was sent",
                dry_run.groups.join(", "),
                dry_run.hash,
                self.ceiling.block_text(),
                self.ceiling.hour_text(units),
                self.ceiling.month_text(units),
                units.coin(&self.deposit),
                units.coins(&fee),
            )
        })
    }
}

/// The most that all groups together may cost per block.
fn total(groups: &[GroupSpec]) -> Result<DecCoin> {
    let mut sum: Option<DecCoin> = None;
    for group in groups {
        let price =
            group.price().ok_or_else(|| CliError::new(Class::Usage, format!("group {} has no price", group.name)))?;
        sum = Some(match sum {
            None => price,
            Some(sum) if sum.denom == price.denom => {
                DecCoin { amount: sum.amount.checked_add(price.amount).unwrap_or(sum.amount), denom: sum.denom }
            }
            Some(sum) => {
                return Err(CliError::new(
                    Class::Usage,
                    format!("groups are priced in {} and {}", sum.denom, price.denom),
                )
                .hint("price all of them in one coin, or convert them with --pay-with"));
            }
        });
    }
    sum.ok_or_else(|| CliError::new(Class::Usage, "the file deploys nothing"))
}

fn least_deposit(deposits: &[wire::Coin], denom: &Denom) -> Result<u128> {
    let found = deposits.iter().find(|coin| coin.denom == denom.as_str());
    let amount = found.and_then(|coin| coin.amount.parse().ok());
    amount.ok_or_else(|| {
        let taken: Vec<&str> = deposits.iter().map(|coin| coin.denom.as_str()).collect();
        CliError::new(
            Class::Usage,
            format!("the file's prices are in {denom}; this network takes {}", taken.join(", ")),
        )
        .hint(format!(
            "convert them: --pay-with {} (and --rate {denom}=USD where it is not known)",
            taken.first().unwrap_or(&"DENOM")
        ))
    })
}

async fn check_deposit(job: &Job<'_>, deposit: &Coin, least: u128, denom: &Denom) -> Result {
    let units = &job.chain.units;
    if deposit.denom != *denom {
        let why = format!("a deposit in {} for prices in {denom}", deposit.denom);
        return Err(CliError::new(Class::Usage, why).hint("deposit in the coin that the file is priced in"));
    }
    if deposit.amount < least {
        let least = units.coin(&Coin { denom: denom.clone(), amount: least });
        return Err(CliError::new(Class::Usage, format!("the chain takes deposits from {least} on")));
    }
    if job.args.resume.is_some() {
        return Ok(());
    }
    let have = job.chain.balances(&job.account.address()).await?.amount_of(denom);
    if have < deposit.amount {
        let have = units.coin(&Coin { denom: denom.clone(), amount: have });
        return Err(CliError::new(
            Class::Usage,
            format!("the account holds {have}, the deposit is {}", units.coin(deposit)),
        )
        .hint("send it some coins, or set less aside with --deposit"));
    }
    Ok(())
}

/// Files say what they pay per block, most of them for blocks of 6 s.
fn interval_note(ceiling: &DecCoin, interval_ms: u64, units: &Units) -> Result<Option<String>> {
    if interval_ms.abs_diff(USUAL_INTERVAL_MS) * 10 <= USUAL_INTERVAL_MS {
        return Ok(None);
    }
    let here = Rate::new(ceiling, interval_ms)?.hour_text(units);
    let usual = Rate::new(ceiling, USUAL_INTERVAL_MS)?.hour_text(units);
    let same =
        ceiling.amount.mul_ratio_floor(u128::from(interval_ms), u128::from(USUAL_INTERVAL_MS)).unwrap_or_default();
    let same = Rate::new(&DecCoin { denom: ceiling.denom.clone(), amount: same }, interval_ms)?.block_text();
    let seconds = format!("{}.{:03}", interval_ms / 1000, interval_ms % 1000);
    let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
    Ok(Some(format!(
        "note: the ceiling is {here}/h here, where a block comes every {seconds} s; if the file means blocks of 6 s, it means \
         {usual}/h, which is {same} per block here"
    )))
}

/// The file with prices in another coin, by what both are worth in USD.
fn repriced(job: &Job<'_>, sdl: Sdl, to: &str, notes: &mut Vec<String>) -> Result<Sdl> {
    let from = total(&sdl.groups())?;
    let to = job.chain.units.parse(&format!("1{to}"))?.denom;
    if from.denom == to {
        return Ok(sdl);
    }
    let (old, new) = (worth(job, &from.denom)?, worth(job, &to)?);
    let rate = sdl::Rate { from: from.denom, to, numerator: old.atoms(), denominator: new.atoms() };
    let changed = sdl.reprice(&rate).class(Class::Usage)?;
    let (before, after) = (total(&sdl.groups())?, total(&changed.groups())?);
    notes.push(format!("note: prices are converted: {before} per block becomes {after} per block"));
    Ok(changed)
}

/// USD per whole coin. All coins that hardware is paid in have six places.
fn worth(job: &Job<'_>, denom: &Denom) -> Result<Dec> {
    for text in &job.args.rate {
        let malformed = || CliError::new(Class::Usage, format!("--rate {text}: write it as utet=0.50"));
        let (name, usd) = text.split_once('=').ok_or_else(malformed)?;
        if name == denom.as_str() || job.chain.units.parse(&format!("1{name}")).is_ok_and(|coin| coin.denom == *denom) {
            return usd.parse::<Dec>().ok().filter(|usd| !usd.is_zero()).ok_or_else(malformed);
        }
    }
    if provider::config::DOLLARS.contains(&denom.as_str()) {
        return Ok(Dec::ONE);
    }
    Err(CliError::new(Class::Usage, format!("no rate of {denom} in USD is known, so prices cannot be converted"))
        .hint(format!("name it: --rate {denom}=0.50")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(amount: &str) -> DecCoin {
        DecCoin { denom: Denom::new("uusd").unwrap(), amount: amount.parse().unwrap() }
    }

    #[test]
    fn a_file_for_blocks_of_six_seconds_is_explained_where_blocks_are_shorter() {
        let units = Units::default();
        assert_eq!(interval_note(&coin("1000"), 6_000, &units).unwrap(), None);
        assert_eq!(interval_note(&coin("1000"), 6_100, &units).unwrap(), None);
        insta::assert_snapshot!(interval_note(&coin("1200"), 500, &units).unwrap().unwrap());
    }

    #[test]
    fn only_coins_of_the_chain_are_deposited() {
        let taken = [wire::Coin { denom: "uusd".into(), amount: "500000".into() }];
        assert_eq!(least_deposit(&taken, &Denom::new("uusd").unwrap()).unwrap(), 500_000);
        let refused = least_deposit(&taken, &Denom::new("uakt").unwrap()).unwrap_err().to_string();
        assert!(refused.contains("this network takes uusd") && refused.contains("--pay-with uusd"), "{refused}");
    }
}
