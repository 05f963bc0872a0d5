//! `tetra deploy`: a file through the auction to an address.
//!
//! | module | what it does |
//! |---|---|
//! | [`plan`] | the file, its prices in this network's coins and time, the deposit |
//! | [`auction`] | bids as they come; which are taken |
//! | [`take`] | leases for all groups in one transaction; the next offer where hardware is gone |
//! | [`launch`] | the manifest to the providers, until every replica answers |
//! | [`why`] | what providers say when nobody bids |
//! | [`record`] | the file, kept at home |
//! | [`report`] | what is shown at the end |

mod auction;
mod launch;
mod plan;
mod record;
mod report;
mod take;
mod why;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use client::Account;
use primitives::Coins;
use proto::ToAny;
use proto::akash::deployment::v1::DeploymentId;
use proto::akash::deployment::v1beta4::MsgUpdateDeployment;
use workload::crash;

use crate::chain::Chain;
use crate::commands::bid::Offer;
use crate::commands::{deployment, lease};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::gateways::{AuthOption, Caller};
use crate::output::{self, Talk};
use plan::Plan;
pub use record::read as kept;
use report::{Deployed, Phases};

/// How a bid is chosen without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Auto {
    /// The lowest price for each group; of equal ones the lowest address
    Cheapest,
}

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The deployment file; - for stdin. With --resume it may be left out
    #[arg(required_unless_present = "resume")]
    file: Option<PathBuf>,
    /// Take bids without asking
    #[arg(long, value_enum, value_name = "HOW")]
    auto: Option<Auto>,
    /// Seconds to wait for bids [default: until two blocks bring no further bid, at most 15 s]
    #[arg(long, value_name = "SECONDS")]
    bid_wait: Option<u64>,
    /// Go on as soon as each group has so many bids, without waiting any longer
    #[arg(long, value_name = "NUMBER")]
    bids: Option<NonZeroUsize>,
    /// Take bids of this provider only
    #[arg(long, value_name = "ADDRESS")]
    provider: Option<String>,
    /// Pay with this coin instead of the file's; prices are converted by --rate
    #[arg(long, value_name = "DENOM")]
    pay_with: Option<String>,
    /// What a whole coin is worth in USD, for --pay-with; uusd and uact are 1
    #[arg(long, value_name = "DENOM=USD")]
    rate: Vec<String>,
    /// What to set aside, such as 5usd [default: ten times the least that the chain takes]
    #[arg(long, value_name = "AMOUNT")]
    deposit: Option<String>,
    /// Seconds to wait until every replica answers
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    ready_wait: u64,
    /// Go on with a deployment; a changed file updates it
    #[arg(long, value_name = "DSEQ")]
    resume: Option<u64>,
    /// Without a bid, keep the deployment open instead of closing it
    #[arg(long)]
    keep: bool,
    /// Take bids whose GPUs are simulated: containers run, and no device is in them. -y does not accept that
    #[arg(long)]
    accept_simulated: bool,
    #[command(flatten)]
    auth: AuthOption,
    /// Show what would happen, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before the deposit is set aside
    #[arg(short, long)]
    yes: bool,
}

/// What all steps share.
struct Job<'a> {
    context: &'a Context,
    chain: Chain,
    account: Account,
    args: &'a Args,
    talk: Talk,
}

/// Runs it.
///
/// # Errors
/// Why there is no address; what stands on the chain by then is named with the way to go on.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let account = context.account(&chain.network).await?;
    // Who has no certificate learns it before anything is spent.
    Caller::with(context, &chain, &account, args.auth.kind).await?;
    let job = Job { context, chain, account, args: &args, talk: Talk::start() };
    let (text, sdl) = match (&args.file, args.resume) {
        (Some(file), _) => super::sdl::read(file)?,
        (None, Some(dseq)) => record::read(context, &job.chain.network.chain_id, dseq)?,
        (None, None) => return Err(CliError::new(Class::Usage, "no file is named")),
    };
    let plan = Plan::make(&job, text, sdl).await?;
    plan.notes.iter().for_each(|note| job.talk.line(note));
    if args.dry_run {
        return plan.show(&job).await;
    }
    let mut dseq = args.resume;
    let outcome = tokio::select! {
        outcome = job.work(&plan, &mut dseq) => Some(outcome),
        _ = tokio::signal::ctrl_c() => None,
    };
    match (outcome, dseq) {
        (Some(Ok(deployed)), _) => {
            let shown = output::show(context.format(), &deployed, |deployed| deployed.text(&job.chain.units));
            drop(job);
            shown
        }
        (Some(Err(error)), _) => Err(error),
        (None, Some(dseq)) => {
            Err(CliError::new(Class::Stopped, format!("stopped; deployment {dseq} stands on the chain"))
                .hint(format!("go on with it: tetra deploy --resume {dseq}"))
                .hint(format!("or get the deposit back: tetra deployment close {dseq}")))
        }
        (None, None) => Err(CliError::new(Class::Stopped, "stopped; nothing was sent")),
    }
}

impl Job<'_> {
    fn owner(&self) -> String {
        self.account.text()
    }

    async fn work(&self, plan: &Plan, dseq: &mut Option<u64>) -> Result<Deployed> {
        let mut phases = Phases::default();
        let mut fees = Coins::new();
        let number = match *dseq {
            Some(number) => {
                self.update(plan, number, &mut fees).await?;
                number
            }
            None => {
                let number = self.create(plan, &mut phases, &mut fees, dseq).await?;
                *dseq = Some(number);
                number
            }
        };
        let owner = self.owner();
        let taken = match lease::running(&self.chain, &owner, Some(number)).await {
            Ok(_) => auction::taken(&self.chain, &owner, number).await?,
            Err(error) if error.class() == Class::NotFound => self.lease(plan, number, &mut phases, &mut fees).await?,
            Err(error) => return Err(error),
        };
        crash::at("leases-taken");
        let leases = launch::launch(self, plan, number, &taken, &mut phases).await?;
        Deployed::of(self, number, leases, &fees, phases).await
    }

    /// Sets the deposit aside and opens the orders.
    async fn create(&self, plan: &Plan, phases: &mut Phases, fees: &mut Coins, known: &mut Option<u64>) -> Result<u64> {
        let yes = self.args.yes || self.args.auto.is_some();
        self.talk.pause(|| output::confirm(&plan.question(&self.chain.units), yes))?;
        let dseq = self.unused().await?;
        record::keep(self.context, &self.chain.network.chain_id, dseq, &plan.text)?;
        self.talk.step("creating the deployment");
        crash::at("deployment-kept");
        let start = Instant::now();
        // From here on an interruption may leave it on the chain.
        *known = Some(dseq);
        let confirmed = self.account.send(vec![plan.create(&self.owner(), dseq)]).await.map_err(|error| {
            *known = None;
            plan.explain(error)
        })?;
        crash::at("deployment-created");
        phases.create = start.elapsed();
        let outcome = &confirmed.outcome;
        tracing::info!(
            owner = self.owner(),
            dseq,
            height = outcome.height,
            tx = outcome.hash,
            "created the deployment"
        );
        add(fees, &confirmed.fee);
        self.talk.line(&format!("deployment {dseq} is on the chain since block {}", confirmed.outcome.height));
        Ok(dseq)
    }

    /// A number that this account has not used: the last height, as all clients take it.
    async fn unused(&self) -> Result<u64> {
        let mut dseq = self.chain.height().await?.max(1);
        while self.chain.deployment(&self.owner(), dseq).await.is_ok() {
            dseq += 1;
        }
        Ok(dseq)
    }

    /// Brings the hash on the chain to the file's.
    async fn update(&self, plan: &Plan, dseq: u64, fees: &mut Coins) -> Result {
        let found = self.chain.deployment(&self.owner(), dseq).await?;
        let deployment = found.deployment.unwrap_or_default();
        if deployment.hash == plan.hash {
            return Ok(());
        }
        self.talk.step("updating the deployment to the changed file");
        let id = Some(DeploymentId { owner: self.owner(), dseq });
        let update = MsgUpdateDeployment { id, hash: plan.hash.to_vec() };
        let confirmed = self.account.send(vec![update.to_any()]).await?;
        add(fees, &confirmed.fee);
        record::keep(self.context, &self.chain.network.chain_id, dseq, &plan.text)
    }

    /// Waits for bids and takes one for each group.
    async fn lease(&self, plan: &Plan, dseq: u64, phases: &mut Phases, fees: &mut Coins) -> Result<Vec<Offer>> {
        let mut offers = auction::wait(self, plan, dseq, phases).await?;
        if let Some(missing) = plan.groups.len().checked_sub(auction::groups(&offers)).filter(|missing| *missing > 0) {
            return Err(self.give_up(dseq, missing).await);
        }
        let choice = auction::choose(self, dseq, &offers)?;
        auction::accept_simulated(self, dseq, &choice)?;
        if !choice.iter().any(|offer| offer.simulated) && !self.args.accept_simulated {
            // None is taken in the place of a real one whose hardware is gone.
            offers.retain(|offer| !offer.simulated);
        }
        crash::at("bids-seen");
        let start = Instant::now();
        let (taken, paid) = take::take(self, choice, offers).await?;
        phases.lease = start.elapsed();
        for offer in &taken {
            let (owner, provider) = (self.owner(), &offer.provider);
            tracing::info!(owner, dseq, gseq = offer.gseq, oseq = offer.oseq, provider, "took a lease");
        }
        add(fees, &paid);
        Ok(taken)
    }

    /// Nobody bids: says why, and gets the deposit back.
    async fn give_up(&self, dseq: u64, missing: usize) -> CliError {
        let reasons = why::reasons(&self.chain, &self.owner(), dseq).await;
        let groups = if missing == 1 { "a group got".to_owned() } else { format!("{missing} groups got") };
        let mut error = CliError::new(Class::Timeout, format!("{groups} no bid on deployment {dseq}:\n{reasons}"));
        if self.args.keep {
            error = error.hint(format!("it stays open: `tetra bid list {dseq}`, `tetra deploy --resume {dseq}`"));
        } else {
            error = match deployment::close_now(&self.chain, &self.account, dseq).await {
                Ok(closed) => {
                    let back = closed.bill.refunded;
                    error.hint(format!(
                        "deployment {dseq} is closed, its deposit of {back}{} is back",
                        closed.bill.denom
                    ))
                }
                Err(failed) => error
                    .hint(format!("closing it failed ({failed}); get the deposit back: tetra deployment close {dseq}")),
            };
        }
        error
            .hint("a higher `amount` under `profiles.placement.*.pricing`, or other attributes, may bring bids")
            .hint("--bid-wait SECONDS waits longer")
    }

    /// How long providers may take to learn of a lease.
    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }
}

fn add(fees: &mut Coins, more: &Coins) {
    for coin in more.iter() {
        // Fees of one command stay far below 128 bits.
        let _ = fees.add(&coin);
    }
}
