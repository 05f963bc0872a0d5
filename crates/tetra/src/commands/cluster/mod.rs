//! `tetra cluster`: machines of several suppliers, hired together.
//!
//! | module | what it holds |
//! |---|---|
//! | [`ask`] | questions about clusters that commands ask the chain |
//! | [`names`] | clusters, durations, kinds, as people write and read them |
//! | [`wish`] | what is asked for, as options |
//! | [`quote`], [`create`] | what it would cost and from whom; hiring it |
//! | `data` | what every node has at /data |
//! | [`list`], `rewards` | list, show, nodes, offers; what is minted for suppliers |
//! | [`change`] | scale, extend, stop |
//! | [`reach`] | the gateways of a cluster's nodes |
//! | [`run`](mod@run), [`ssh`], [`files`], [`logs`] | programs, shells, files and logs of nodes |
//! | [`jobs`], [`dashboard`] | Ray's jobs and its dashboard |

pub mod ask;
pub mod change;
pub mod create;
pub mod dashboard;
mod data;
pub mod files;
pub mod jobs;
pub mod list;
pub mod logs;
pub mod names;
pub mod quote;
pub mod reach;
mod rewards;
pub mod run;
pub mod ssh;
pub mod wish;

use crate::context::Context;
use crate::error::Result;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// What a cluster would cost, from whom, and why others are not in it
    Quote(quote::Args),
    /// Hire one: quote, reservation, formation
    Create(create::Args),
    /// Your clusters
    List(list::List),
    /// One cluster: state, time left, what it costs
    Show(list::Show),
    /// Its nodes: suppliers, addresses, how they reach each other
    Nodes(list::Show),
    /// Devices on offer: what is proved, what is claimed, prices
    Offers(list::Offers),
    /// What the network mints for devices that are proved and free
    Rewards,
    /// More nodes, or fewer
    Scale(change::Scale),
    /// Pay for more time
    Extend(change::Extend),
    /// End it; what was not used comes back
    Stop(change::Stop),
    /// Run a program on one node or all; torchrun-like programs find RANK, WORLD_SIZE and MASTER_ADDR
    Run(run::Args),
    /// A shell on a node
    Ssh(ssh::Args),
    /// Copy files to nodes and back
    Cp(files::Args),
    /// Fetch what suppliers keep of its checkpoint volume, also up to a day after its end
    Checkpoint(files::Checkpoint),
    /// Logs of a node's container, or of a Ray job
    Logs(logs::Args),
    /// Submit a job to Ray
    Submit(jobs::Submit),
    /// Ray's jobs: list, show, stop
    #[command(subcommand)]
    Job(jobs::Verb),
    /// Ray's dashboard at an address of this machine
    Dashboard(dashboard::Args),
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Quote(args) => quote::run(context, args).await,
        Verb::Create(args) => create::run(context, args).await,
        Verb::List(args) => list::list(context, args).await,
        Verb::Show(args) => list::show(context, args).await,
        Verb::Nodes(args) => list::nodes(context, args).await,
        Verb::Offers(args) => list::offers(context, args).await,
        Verb::Rewards => rewards::run(context).await,
        Verb::Scale(args) => change::scale(context, args).await,
        Verb::Extend(args) => change::extend(context, args).await,
        Verb::Stop(args) => change::stop(context, args).await,
        Verb::Run(args) => run::run(context, args).await,
        Verb::Ssh(args) => ssh::run(context, args).await,
        Verb::Cp(args) => files::run(context, args).await,
        Verb::Checkpoint(args) => files::checkpoint(context, args).await,
        Verb::Logs(args) => logs::run(context, args).await,
        Verb::Submit(args) => jobs::submit(context, args).await,
        Verb::Job(verb) => jobs::run(context, verb).await,
        Verb::Dashboard(args) => dashboard::run(context, args).await,
    }
}
