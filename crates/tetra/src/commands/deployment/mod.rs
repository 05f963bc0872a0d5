//! `tetra deployment`: list, show with the bill, close.

pub mod bill;
mod trace;

use primitives::{Coins, Dec, DecCoin, TraceId};
use proto::ToAny;
use proto::akash::deployment::v1::{DeploymentId, deployment::State};
use proto::akash::deployment::v1beta4::{MsgCloseDeployment, QueryDeploymentResponse, group};
use serde::Serialize;

use crate::chain::{Chain, dec_coin, escrow_amounts};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::gateways::AuthKind;
use crate::money::{Rate, runway_hours};
use crate::output::{self, row};
use bill::Bill;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Your deployments, with what they cost and how long their money lasts
    List {
        /// Closed ones too
        #[arg(long)]
        all: bool,
    },
    /// One deployment: groups, leases, addresses, bill
    Show {
        /// Its number
        dseq: u64,
    },
    /// What the processes of a local network logged of a deployment, in order of time
    Trace {
        /// Its number
        dseq: u64,
        /// Whose it is [default: the account that signs]
        #[arg(long, value_name = "ADDRESS")]
        owner: Option<String>,
        /// A folder of log files, or one file; once for each [default: the local network's]
        #[arg(long, value_name = "PATH")]
        logs: Vec<std::path::PathBuf>,
    },
    /// Close a deployment: its containers end, what is left of the deposit comes back
    Close {
        /// Its number
        dseq: u64,
        /// Show what would happen, and close nothing
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// A line of the list.
#[derive(Serialize)]
struct Line {
    dseq: u64,
    state: String,
    leases: usize,
    rate: Option<Rate>,
    /// None when nothing flows.
    runway_hours: Option<String>,
    #[serde(skip)]
    rate_text: String,
}

/// Runs one.
///
/// # Errors
/// When there is no such deployment, or the chain refuses.
pub async fn run(context: &Context, verb: Verb) -> Result {
    let chain = context.chain().await?;
    match verb {
        Verb::List { all } => list(context, &chain, all).await,
        Verb::Trace { dseq, owner, logs } => {
            let owner = match owner {
                Some(owner) => owner,
                None => chain.prefix().text(&context.own_address()?),
            };
            trace::show(context, &owner, dseq, logs)
        }
        Verb::Show { dseq } => show(context, &chain, dseq).await,
        Verb::Close { dseq, dry_run, yes } => close(context, &chain, dseq, dry_run, yes).await,
    }
}

fn state_name(found: &QueryDeploymentResponse) -> String {
    let state = found.deployment.as_ref().map_or(0, |deployment| deployment.state);
    State::try_from(state).map_or("?", |state| state.as_str_name()).to_owned()
}

async fn list(context: &Context, chain: &Chain, all: bool) -> Result {
    let owner = chain.prefix().text(&context.own_address()?);
    let height = chain.height().await?;
    let interval = chain.network.block_interval_ms;
    let leases = chain.leases(&owner, 0, "active").await?;
    let mut lines = Vec::new();
    for found in chain.deployments(&owner, if all { "" } else { "active" }).await? {
        let dseq = found.deployment.as_ref().and_then(|one| one.id.as_ref()).map_or(0, |id| id.dseq);
        let state = state_name(&found);
        let ours = leases.iter().filter_map(|found| found.lease.as_ref());
        let ours = ours.filter(|lease| lease.id.as_ref().is_some_and(|id| id.dseq == dseq));
        let mut rates = Vec::new();
        for lease in ours {
            rates.push(dec_coin(lease.price.as_ref())?);
        }
        let escrow = found.escrow_account.and_then(|account| account.state).unwrap_or_default();
        let (rate, runway) = match rates.first().map(|rate| rate.denom.clone()) {
            Some(denom) => {
                let sum =
                    rates.iter().map(|rate| rate.amount).try_fold(Dec::ZERO, Dec::checked_add).unwrap_or_default();
                let (_, funds, _) = escrow_amounts(&escrow)?;
                let since = height.saturating_sub(u64::try_from(escrow.settled_at).unwrap_or_default());
                let spent = sum.checked_mul_int(u128::from(since)).unwrap_or_default();
                let runway = runway_hours(funds.saturating_sub(spent), sum, interval);
                (Some(Rate::new(&DecCoin { denom, amount: sum }, interval)?), runway)
            }
            None => (None, None),
        };
        let rate_text = rate.as_ref().map_or("-".to_owned(), |rate| rate.hour_text(&chain.units));
        lines.push(Line { dseq, state, leases: rates.len(), rate, runway_hours: runway, rate_text });
    }
    let unfinished = lines.iter().filter(|line| line.leases == 0 && line.state == "active");
    for Line { dseq, .. } in unfinished {
        output::hint(&format!("deployment {dseq} has no lease; go on with it: tetra deploy --resume {dseq}"));
        output::hint(&format!("or get its deposit back: tetra deployment close {dseq}"));
    }
    output::show(context.format(), &lines, |lines| {
        if lines.is_empty() {
            return "no deployments; `tetra deploy FILE` makes one".to_owned();
        }
        let line = |line: &Line| {
            let runway = line.runway_hours.as_deref().unwrap_or("-");
            row([&line.dseq.to_string(), &line.state, &line.leases.to_string(), &line.rate_text, runway])
        };
        let rows = std::iter::once(row(["DSEQ", "STATE", "LEASES", "PER HOUR", "HOURS LEFT"]));
        output::table(&rows.chain(lines.iter().map(line)).collect::<Vec<_>>())
    })
}

#[derive(Serialize)]
struct Details {
    dseq: u64,
    owner: String,
    state: String,
    /// What log lines of every process say that belong to it.
    trace: String,
    hash: String,
    groups: Vec<GroupLine>,
    rate: Option<Rate>,
    runway_hours: Option<String>,
    /// Addresses, as far as the providers answer.
    endpoints: Vec<super::lease::Endpoints>,
    bill: Bill,
}

#[derive(Serialize)]
struct GroupLine {
    gseq: u32,
    name: String,
    state: String,
}

async fn show(context: &Context, chain: &Chain, dseq: u64) -> Result {
    let owner = chain.prefix().text(&context.own_address()?);
    let found = chain.deployment(&owner, dseq).await?;
    let bill = Bill::of(chain, &owner, dseq).await?;
    let interval = chain.network.block_interval_ms;
    let group = |group: &proto::akash::deployment::v1beta4::Group| GroupLine {
        gseq: group.id.as_ref().map_or(0, |id| id.gseq),
        name: group.group_spec.as_ref().map(|spec| spec.name.clone()).unwrap_or_default(),
        state: group::State::try_from(group.state).map_or("?", |state| state.as_str_name()).to_owned(),
    };
    let rate = bill.rate().filter(|rate| !rate.amount.is_zero());
    let endpoints = match rate {
        // A lease may have ended since the bill was read: then it has no addresses any more.
        Some(_) => {
            let leases = super::lease::that_run(chain, &owner, Some(dseq)).await?;
            super::lease::endpoints(context, chain, leases, AuthKind::default()).await?
        }
        None => Vec::new(),
    };
    let details = Details {
        dseq,
        state: state_name(&found),
        trace: TraceId::of_deployment(&owner, dseq).to_string(),
        hash: found.deployment.as_ref().map(|one| hex::encode(&one.hash)).unwrap_or_default(),
        groups: found.groups.iter().map(group).collect(),
        runway_hours: rate.as_ref().and_then(|rate| runway_hours(bill.left.0, rate.amount, interval)),
        rate: rate.map(|rate| Rate::new(&rate, interval)).transpose()?,
        endpoints,
        bill,
        owner,
    };
    output::show(context.format(), &details, |details| {
        let mut rows = vec![
            row(["deployment", &details.dseq.to_string()]),
            row(["owner", &details.owner]),
            row(["state", &details.state]),
            row(["hash", &details.hash]),
            row(["trace", &details.trace]),
        ];
        for group in &details.groups {
            rows.push(row(["group", &format!("{} {} ({})", group.gseq, group.name, group.state)]));
        }
        if let Some(rate) = &details.rate {
            let (hour, month) = (rate.hour_text(&chain.units), rate.month_text(&chain.units));
            rows.push(row(["price", &format!("{hour} per hour, {month} per month")]));
        }
        if let Some(hours) = &details.runway_hours {
            rows.push(row(["money lasts", &format!("{hours} hours")]));
        }
        let addresses = details.endpoints.iter().flat_map(|lease| lease.addresses());
        rows.extend(addresses.map(|(service, address)| row([&service, &address])));
        format!("{}\n\n{}", output::table(&rows), details.bill.text(&chain.units))
    })
}

/// What closing a deployment did.
#[derive(Serialize)]
pub struct Closed {
    /// The deployment.
    pub dseq: u64,
    /// The closing transaction; none after a dry run.
    pub hash: Option<String>,
    /// Its block.
    pub height: Option<u64>,
    /// What the transaction paid, or would.
    pub fee: Vec<String>,
    /// The final bill; after a dry run the bill so far.
    pub bill: Bill,
}

/// Closes a deployment and reads its final bill.
///
/// # Errors
/// When the chain refuses.
pub async fn close_now(chain: &Chain, account: &client::Account, dseq: u64) -> Result<Closed> {
    let confirmed = account.send(vec![close_message(&account.text(), dseq)]).await?;
    Ok(Closed {
        dseq,
        hash: Some(confirmed.outcome.hash),
        height: Some(confirmed.outcome.height),
        fee: texts(&confirmed.fee),
        bill: Bill::of(chain, &account.text(), dseq).await?,
    })
}

fn close_message(owner: &str, dseq: u64) -> proto::Any {
    MsgCloseDeployment { id: Some(DeploymentId { owner: owner.to_owned(), dseq }) }.to_any()
}

fn texts(coins: &Coins) -> Vec<String> {
    coins.iter().map(|coin| coin.to_string()).collect()
}

async fn close(context: &Context, chain: &Chain, dseq: u64, dry_run: bool, yes: bool) -> Result {
    let account = context.account(&chain.network).await?;
    let found = chain.deployment(&account.text(), dseq).await?;
    if state_name(&found) != "active" {
        return Err(CliError::new(Class::Usage, format!("deployment {dseq} is closed already"))
            .hint(format!("`tetra deployment show {dseq}` shows its bill")));
    }
    let closed = if dry_run {
        let (_, fee) = account.estimate(vec![close_message(&account.text(), dseq)]).await?;
        let bill = Bill::of(chain, &account.text(), dseq).await?;
        Closed { dseq, hash: None, height: None, fee: texts(&fee), bill }
    } else {
        output::confirm(&format!("Close deployment {dseq}? Its containers end and their data is lost."), yes)?;
        close_now(chain, &account, dseq).await?
    };
    output::show(context.format(), &closed, |closed| {
        let fee = closed.fee.join(", ");
        let what = match closed.height {
            Some(height) => format!("deployment {dseq} is closed since block {height}; fee {fee}"),
            None => format!("deployment {dseq} would be closed, fee {fee}; its bill so far:"),
        };
        format!("{what}\n\n{}", closed.bill.text(&chain.units))
    })
}
