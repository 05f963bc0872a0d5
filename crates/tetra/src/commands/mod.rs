//! One file per command group: its arguments, and what they do.

pub mod audit;
pub mod bid;
pub mod cert;
pub mod clean;
pub mod cluster;
pub mod completions;
pub mod daemon;
pub mod deploy;
pub mod deployment;
pub mod doctor;
pub mod guest;
pub mod hotkey;
pub mod image;
pub mod inference;
pub mod lease;
pub mod node;
pub mod oracle;
pub mod provider;
pub mod query;
pub mod render;
pub mod sdl;
pub mod send;
pub mod settings;
pub mod status;
pub mod subnet;
pub mod token;
pub mod up;
pub mod wallet;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::error::Result;

/// Runs a command.
///
/// # Errors
/// Why it failed.
pub async fn run(cli: Cli) -> Result {
    let context = Context::new(cli.global)?;
    match cli.command {
        Command::Up(args) => up::run(&context, args).await,
        Command::Down(args) => up::down(&context, args).await,
        Command::Status => status::run(&context).await,
        Command::Wallet(verb) => wallet::run(&context, verb).await,
        Command::Send(args) => send::run(&context, args).await,
        Command::Deploy(args) => deploy::run(&context, args).await,
        Command::Deployment(verb) => deployment::run(&context, verb).await,
        Command::Bid(verb) => bid::run(&context, verb).await,
        Command::Lease(verb) => lease::run(&context, verb).await,
        Command::Sdl(verb) => sdl::run(&context, verb),
        Command::Image(verb) => image::run(&context, verb).await,
        Command::Node(verb) => node::run(&context, verb).await,
        Command::Provider(verb) => provider::run(&context, verb).await,
        Command::Cert(verb) => cert::run(&context, verb).await,
        Command::Audit(verb) => audit::run(&context, verb).await,
        Command::Render(verb) => render::run(&context, verb).await,
        Command::Subnet(verb) => subnet::run(&context, verb).await,
        Command::Cluster(verb) => cluster::run(&context, verb).await,
        Command::Hotkey(verb) => hotkey::run(&context, verb).await,
        Command::Miner(verb) => inference::miner::run(&context, verb).await,
        Command::Validator(verb) => inference::validator::run(&context, verb).await,
        Command::Gateway(verb) => inference::gateway::run(&context, verb).await,
        Command::Token(verb) => token::run(&context, verb).await,
        Command::Oracle(verb) => oracle::run(&context, verb).await,
        Command::Query(verb) => query::run(&context, verb).await,
        Command::Guest(verb) => guest::run(verb).await,
        Command::Doctor(args) => doctor::run(&context, args).await,
        Command::Completions(args) => completions::run(args),
    }
}
