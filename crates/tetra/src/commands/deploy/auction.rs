//! Bids as they come, and which are taken.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::plan::Plan;
use super::report::Phases;
use super::{Auto, Job};
use crate::chain::Chain;
use crate::commands::bid::{self, Offer};
use crate::error::{Class, CliError, Result};
use crate::output;

/// How long bids are waited for at most, unless told otherwise.
const LONGEST: Duration = Duration::from_secs(15);
/// After this many blocks without a further bid nobody else is expected.
const QUIET_BLOCKS: u64 = 2;
/// Between two looks.
const POLL: Duration = Duration::from_millis(100);

/// For how many groups there are bids.
pub(super) fn groups(offers: &[Offer]) -> usize {
    offers.iter().map(|offer| offer.gseq).collect::<BTreeSet<_>>().len()
}

/// Whether every group has at least so many bids.
fn each_has(offers: &[Offer], groups: usize, bids: usize) -> bool {
    let mut of_group = BTreeMap::<u32, usize>::new();
    for offer in offers {
        *of_group.entry(offer.gseq).or_default() += 1;
    }
    of_group.len() == groups && of_group.values().all(|count| *count >= bids)
}

/// Open bids on a deployment, as soon as waiting any longer brings nothing: when every group has as many as were asked
/// for, or the time that was asked for is over; else when every group has a bid and two blocks brought no other one.
///
/// # Errors
/// When the node does not answer.
pub(super) async fn wait(job: &Job<'_>, plan: &Plan, dseq: u64, phases: &mut Phases) -> Result<Vec<Offer>> {
    job.talk.step("waiting for bids");
    let (start, mut first, mut quiet_since) = (Instant::now(), None, 0);
    let mut seen = BTreeSet::new();
    loop {
        let height = job.chain.height().await?;
        let mut offers = bid::find(&job.chain, &job.owner(), dseq, "open").await?;
        if let Some(wanted) = &job.args.provider {
            offers.retain(|offer| offer.provider == *wanted);
        }
        for offer in &offers {
            if seen.insert((offer.gseq, offer.provider.clone())) {
                quiet_since = height;
                first.get_or_insert_with(|| start.elapsed());
                job.talk.line(&line(job, offer));
            }
        }
        let enough = |bids| each_has(&offers, plan.groups.len(), bids);
        let longest = job.args.bid_wait.map_or(LONGEST, Duration::from_secs);
        let over = start.elapsed() >= longest
            || match job.args.bids {
                Some(bids) => enough(bids.get()),
                None if job.args.bid_wait.is_some() => false,
                None => enough(1) && (job.args.provider.is_some() || height >= quiet_since + QUIET_BLOCKS),
            };
        if over {
            phases.first_bid = first.unwrap_or_else(|| start.elapsed());
            phases.bid_wait = start.elapsed().saturating_sub(phases.first_bid);
            return Ok(offers);
        }
        tokio::time::sleep(POLL).await;
    }
}

fn line(job: &Job<'_>, offer: &Offer) -> String {
    let units = &job.chain.units;
    let (hour, month) = (offer.rate.hour_text(units), offer.rate.month_text(units));
    let gpus = if offer.gpus.is_empty() { String::new() } else { format!("  {}", offer.gpus.join(", ")) };
    format!("bid  group {}  {}  {hour}/h  {month}/month  {}{gpus}", offer.gseq, offer.rate.block_text(), offer.provider)
}

/// Which offer to take for each group: as told, or as the person at the terminal says.
///
/// # Errors
/// [`Class::Usage`] when nobody can be asked; the bids stay open.
pub(super) fn choose(job: &Job<'_>, dseq: u64, offers: &[Offer]) -> Result<Vec<Offer>> {
    let groups: BTreeSet<u32> = offers.iter().map(|offer| offer.gseq).collect();
    if job.args.auto == Some(Auto::Cheapest) || job.args.provider.is_some() {
        // What is real goes first, unless what is not was accepted beforehand.
        let real: Vec<Offer> = offers.iter().filter(|offer| !offer.simulated).cloned().collect();
        let first = if job.args.accept_simulated { offers } else { &real };
        let best = |gseq: &u32| cheapest(first, *gseq).or_else(|| cheapest(offers, *gseq));
        return Ok(groups.iter().filter_map(best).collect());
    }
    if !output::can_ask() {
        let table =
            bid::table(offers, offers.iter().map(|offer| offer.created_at).max().unwrap_or(0), &job.chain.units);
        return Err(CliError::new(Class::Usage, format!("there are bids, and nobody to choose one:\n{table}"))
            .hint(format!("take the cheapest: tetra deploy --resume {dseq} --auto cheapest"))
            .hint(format!("or one of them: tetra deploy --resume {dseq} --provider ADDRESS")));
    }
    groups.into_iter().map(|gseq| job.talk.pause(|| ask(job, gseq, offers))).collect()
}

/// Makes sure that whoever deploys knows which of the chosen offers are of GPUs that do not exist. `-y` does not say so.
///
/// # Errors
/// [`Class::Usage`] when they are not accepted; the bids stay open.
pub(super) fn accept_simulated(job: &Job<'_>, dseq: u64, choice: &[Offer]) -> Result {
    let simulated: Vec<&Offer> = choice.iter().filter(|offer| offer.simulated).collect();
    if simulated.is_empty() {
        return Ok(());
    }
    for offer in &simulated {
        let (gpus, provider) = (offer.gpus.join(", "), &offer.provider);
        job.talk.line(&format!(
            "warning: group {} gets {gpus} from {provider}: simulated, the container runs and no device is in it",
            offer.gseq
        ));
    }
    if job.args.accept_simulated {
        return Ok(());
    }
    let what = "the chosen bids offer simulated GPUs";
    let agreed = output::can_ask()
        && job
            .talk
            .pause(|| output::ask("Take simulated GPUs, which compute nothing? [y/N]"))
            .is_ok_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes"));
    if agreed {
        return Ok(());
    }
    Err(CliError::new(Class::Usage, format!("{what}, and nobody accepted that"))
        .hint(format!("take them all the same: tetra deploy --resume {dseq} --auto cheapest --accept-simulated"))
        .hint("never be offered any: `simulated: \"false\"` under `profiles.placement.*.attributes`")
        .hint(format!("or get the deposit back: tetra deployment close {dseq}")))
}

/// Offers come cheapest first.
pub(super) fn cheapest(offers: &[Offer], gseq: u32) -> Option<Offer> {
    offers.iter().find(|offer| offer.gseq == gseq).cloned()
}

fn ask(job: &Job<'_>, gseq: u32, offers: &[Offer]) -> Result<Offer> {
    let ours: Vec<&Offer> = offers.iter().filter(|offer| offer.gseq == gseq).collect();
    for (number, offer) in ours.iter().enumerate() {
        eprintln!("{:>3}  {}  {}", number + 1, line(job, offer), offer.host);
    }
    loop {
        let answer = output::ask(&format!("Which bid for group {gseq}? [1]"))?;
        let number = if answer.is_empty() { Ok(1) } else { answer.parse::<usize>() };
        if let Some(offer) = number.ok().and_then(|number| ours.get(number.checked_sub(1)?)) {
            return Ok((*offer).clone());
        }
        eprintln!("a number from 1 to {} is wanted", ours.len());
    }
}

/// The bids that became the running leases of a deployment.
///
/// # Errors
/// When the node does not answer.
pub(super) async fn taken(chain: &Chain, owner: &str, dseq: u64) -> Result<Vec<Offer>> {
    bid::find(chain, owner, dseq, "active").await
}
