//! `tetra render`: scenes in, frames out, and the money between.
//!
//! | module | what it holds |
//! |---|---|
//! | [`ask`] | questions about renders that commands ask the chain |
//! | [`names`] | jobs, frames, tiers and credits, as people write and read them |
//! | [`scene`] | a scene on its way to nodes |
//! | [`estimate`] | what a scene will cost and take |
//! | [`submit`], [`follow`] | a scene becomes a job, and what goes on with it |
//! | [`download`], `fetch`, `bucket` | finished files and films of them, from nodes, to a folder or an object store |
//! | `join` | the tiles of a split frame |
//! | `watch` | pictures as they come |
//! | [`jobs`] | list, show, frames |
//! | [`explain`] | why a frame went where it went, or waits |
//! | [`nodes`] | who renders |
//! | [`review`] | approve, reject, fund, cancel |
//! | [`credits`] | buying credits, and what is left of them |
//! | [`economy`] | epochs, supply, rewards |
//! | [`params`] | the market's parameters |
//! | [`audit`] | the evidence of an audit |

pub mod ask;
pub mod audit;
mod bucket;
pub mod credits;
pub mod download;
pub mod economy;
pub mod estimate;
pub mod explain;
mod fetch;
pub mod follow;
pub mod jobs;
mod join;
pub mod names;
pub mod nodes;
pub mod params;
pub mod review;
pub mod scene;
pub mod submit;
mod watch;

pub use names::time_text;

use crate::context::Context;
use crate::error::Result;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// What a scene will cost and take, by a few tiles that a node renders
    Estimate(Box<estimate::Args>),
    /// Submit a scene: checked, packed, uploaded where it is missing, paid frame by frame
    Submit(Box<submit::Args>),
    /// Fetch the files of approved frames, or pictures of those under way; a film, if wanted
    Download(download::Args),
    /// Your jobs
    List(jobs::List),
    /// One job: state, money, reason
    Show(jobs::Show),
    /// The frames of a job
    Frames(jobs::Frames),
    /// Which nodes were looked at for a frame, what removed each, and what decided
    Explain(explain::Args),
    /// Who renders: state, power, reputation
    Nodes(nodes::Args),
    /// Accept frames: they are paid, and their clean files can be fetched
    Approve(review::Approve),
    /// Refuse frames: other nodes render them again, at no charge
    Reject(review::Reject),
    /// Set more credits aside for a job, or change what a frame may cost
    Fund(review::Fund),
    /// End a job; what is set aside and not owed returns
    Cancel(review::Cancel),
    /// Credits, which pay for frames: buy, show
    #[command(subcommand)]
    Credits(credits::Verb),
    /// An epoch: work, what was burned for it, what was minted
    Epoch(economy::EpochArgs),
    /// LUX in existence, and what was minted and burned of it
    Supply,
    /// What closed epochs owe an owner of nodes, and paying it out
    Rewards(economy::Rewards),
    /// The market's parameters; setting them, as the network's authority
    Params(params::Args),
    /// The evidence of a frame's audit
    Audit(audit::Args),
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Estimate(args) => estimate::run(context, *args).await,
        Verb::Submit(args) => submit::run(context, *args).await,
        Verb::Download(args) => download::run(context, args).await,
        Verb::List(args) => jobs::list(context, args).await,
        Verb::Show(args) => jobs::show(context, args).await,
        Verb::Frames(args) => jobs::frames(context, args).await,
        Verb::Explain(args) => explain::run(context, args).await,
        Verb::Nodes(args) => nodes::run(context, args).await,
        Verb::Approve(args) => review::approve(context, args).await,
        Verb::Reject(args) => review::reject(context, args).await,
        Verb::Fund(args) => review::fund(context, args).await,
        Verb::Cancel(args) => review::cancel(context, args).await,
        Verb::Credits(verb) => credits::run(context, verb).await,
        Verb::Epoch(args) => economy::epoch(context, args).await,
        Verb::Supply => economy::supply(context).await,
        Verb::Rewards(args) => economy::rewards(context, args).await,
        Verb::Params(args) => params::run(context, args).await,
        Verb::Audit(args) => audit::run(context, args).await,
    }
}
