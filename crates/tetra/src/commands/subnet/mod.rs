//! `tetra subnet`: subnets, their neurons, weights and stakes.
//!
//! | module | what it holds |
//! |---|---|
//! | [`ask`] | questions about subnets that commands ask the chain |
//! | [`list`] | list, show, metagraph |
//! | [`join`] | create a subnet, register a hotkey |
//! | [`stakes`] | stake, unstake, who staked what |
//! | [`weights`] | show weights, set them in the open, root's too |
//! | [`rules`] | a subnet's rules, and what holds for all |
//! | [`explain`] | every step of Yuma for one uid |
//! | [`forecast`] | what registering will cost, who goes next, when the next halving comes |

pub mod ask;
pub mod explain;
pub mod forecast;
pub mod join;
pub mod list;
pub mod rules;
pub mod stakes;
pub mod weights;

use crate::context::Context;
use crate::error::Result;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// All subnets: share of emission, what registering costs, who owns them
    List,
    /// One subnet
    Show {
        /// Its number
        netuid: u32,
    },
    /// Its neurons: stake, permit, incentive, dividends, what they earned, where they serve
    Metagraph {
        /// Its number
        netuid: u32,
    },
    /// Create one; what it costs is locked, and comes back when it is pruned
    Create(join::Create),
    /// Give a hotkey of yours a uid in a subnet, by a burn
    Register(join::Register),
    /// Stake WIT to a hotkey
    Stake(stakes::Stake),
    /// Take stake back
    Unstake(stakes::Unstake),
    /// Who staked what: your stakes, an account's, or those to a hotkey
    Stakes(stakes::List),
    /// Weights and bonds of a subnet; or set weights, as a hotkey's operator
    Weights(weights::Args),
    /// A subnet's rules; setting them, as its owner
    Params(rules::Args),
    /// What holds for all subnets; setting it, as the network's authority
    Network(rules::NetworkArgs),
    /// Every step of Yuma for one uid, in words and numbers, as if its epoch came now
    Explain(explain::Args),
    /// What registering will cost, who is replaced next, when the next halving comes
    Forecast(forecast::Args),
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::List => list::list(context).await,
        Verb::Show { netuid } => list::show(context, netuid).await,
        Verb::Metagraph { netuid } => list::metagraph(context, netuid).await,
        Verb::Create(args) => join::create(context, args).await,
        Verb::Register(args) => join::register(context, args).await,
        Verb::Stake(args) => stakes::stake(context, args).await,
        Verb::Unstake(args) => stakes::unstake(context, args).await,
        Verb::Stakes(args) => stakes::list(context, args).await,
        Verb::Weights(args) => weights::run(context, args).await,
        Verb::Params(args) => rules::run(context, args).await,
        Verb::Network(args) => rules::network(context, args).await,
        Verb::Explain(args) => explain::run(context, args).await,
        Verb::Forecast(args) => forecast::run(context, args).await,
    }
}
