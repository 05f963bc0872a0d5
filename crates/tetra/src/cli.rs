//! The command tree: `tetra <noun> <verb>`. Each group's arguments stand in its own file under `commands`.

use clap::{Parser, Subcommand};

use crate::commands;
use crate::context::Global;

/// Rent, sell and share computing power on one open network.
#[derive(Debug, Parser)]
#[command(name = "tetra", version, about, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Groups of commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a whole local network: validators, providers, funded accounts
    Up(commands::up::Args),
    /// Stop a local network that `tetra up` started, and remove its containers
    Down(commands::up::DownArgs),
    /// What the network and your account look like now
    Status,
    /// Keys: make, import, list, show
    #[command(subcommand)]
    Wallet(commands::wallet::Verb),
    /// Send coins
    Send(commands::send::Args),
    /// Deploy a file: auction, lease, manifest, address
    Deploy(commands::deploy::Args),
    /// Your deployments: list, show, close
    #[command(subcommand)]
    Deployment(commands::deployment::Verb),
    /// Bids on your deployments
    #[command(subcommand)]
    Bid(commands::bid::Verb),
    /// Your leases: status, logs
    #[command(subcommand)]
    Lease(commands::lease::Verb),
    /// Deployment files: check, groups, manifest, hash
    #[command(subcommand)]
    Sdl(commands::sdl::Verb),
    /// Container images of a provider on this machine: load, list
    #[command(subcommand)]
    Image(commands::image::Verb),
    /// A chain node on this machine: init, start, verify
    #[command(subcommand)]
    Node(commands::node::Verb),
    /// A provider agent on this machine: init, start, status, attributes
    #[command(subcommand)]
    Provider(commands::provider::Verb),
    /// Certificates for providers' gateways: create, list, show, revoke
    #[command(subcommand)]
    Cert(commands::cert::Verb),
    /// What auditors vouch for of providers: sign, delete, list
    #[command(subcommand)]
    Audit(commands::audit::Verb),
    /// Renders: submit scenes, watch, review and fetch frames; credits, epochs
    #[command(subcommand)]
    Render(commands::render::Verb),
    /// Clusters: quote, create, run, submit, stop
    #[command(subcommand)]
    Cluster(commands::cluster::Verb),
    /// Subnets: list, create, register, weigh, stake, explain
    #[command(subcommand)]
    Subnet(commands::subnet::Verb),
    /// Keys of miners and validators of subnets: make, import, bind, take, swap
    #[command(subcommand)]
    Hotkey(commands::hotkey::Verb),
    /// In the container of a lease elsewhere: what a broker's agent asks of it
    #[command(subcommand, hide = true)]
    Guest(commands::guest::Verb),
    /// A miner of a subnet: a real model, the signed door in front of it, how it stands
    #[command(subcommand)]
    Miner(commands::inference::miner::Verb),
    /// A validator of a subnet: ask miners, score, weigh
    #[command(subcommand)]
    Validator(commands::inference::validator::Verb),
    /// OpenAI's API in front of a subnet: run, accounts, keys, bills
    #[command(subcommand)]
    Gateway(commands::inference::gateway::Verb),
    /// Coins: when WIT's emission halves
    #[command(subcommand)]
    Token(commands::token::Verb),
    /// Prices that the chain goes by: show, post
    #[command(subcommand)]
    Oracle(commands::oracle::Verb),
    /// Look at the chain: transactions, blocks, balances
    #[command(subcommand)]
    Query(commands::query::Verb),
    /// Whether this machine can do what Tetra needs, and what to do where it cannot
    Doctor(commands::doctor::Args),
    /// Print completions for a shell
    Completions(commands::completions::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// An argument of a command that is called like one of all commands would hide it.
    #[test]
    fn no_command_hides_what_all_take() {
        fn look(command: &clap::Command, global: &[String], path: &str) {
            for argument in command.get_arguments().filter(|argument| !argument.is_global_set()) {
                let id = argument.get_id().to_string();
                assert!(!global.contains(&id), "`{path}` has an argument {id} of its own");
            }
            for sub in command.get_subcommands() {
                look(sub, global, &format!("{path} {}", sub.get_name()));
            }
        }
        let cli = Cli::command();
        let global = cli.get_arguments().filter(|argument| argument.is_global_set());
        let global: Vec<String> = global.map(|argument| argument.get_id().to_string()).collect();
        assert!(global.contains(&"from".to_owned()));
        look(&cli, &global, "tetra");
    }

    /// No two options of a command have one name, and no default is refused.
    #[test]
    fn every_command_is_sound() {
        Cli::command().debug_assert();
    }
}
