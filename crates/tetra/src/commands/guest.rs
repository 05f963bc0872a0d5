//! `tetra guest`: this program in the container of a lease elsewhere, where the agent of a broker put it. Nobody types it.

use provider::cluster::guest::{self, Task};

use crate::error::{Class, Classify, Result};

/// Tasks.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Be a node of an overlay, as the broker orders
    Node,
    /// Carry that node's datagrams
    Wire,
    /// Connect to a port of the container
    Port {
        /// The port
        port: u16,
        /// Where else it may listen: the container's address in the overlay
        address: std::net::Ipv4Addr,
    },
    /// The product of a seed
    Prove {
        /// Rows of the matrix
        rows: usize,
        /// Its depth
        depth: usize,
        /// The seed, in hex
        #[arg(value_parser = parse_seed)]
        seed: [u8; 32],
    },
    /// Whether a device can be made here
    Look,
}

fn parse_seed(text: &str) -> std::result::Result<[u8; 32], String> {
    let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| "a seed is 32 bytes in hex".to_owned())
}

/// Does one.
///
/// # Errors
/// What the container or the connection lacks.
pub async fn run(verb: Verb) -> Result {
    let task = match verb {
        Verb::Node => Task::Node,
        Verb::Wire => Task::Wire,
        Verb::Port { port, address } => Task::Port(port, address),
        Verb::Prove { rows, depth, seed } => Task::Prove { rows, depth, seed },
        Verb::Look => Task::Look,
    };
    let ended = guest::run(task).await.class(Class::Machine);
    if ended.is_ok() {
        // A thread may still wait for input that will not come; what was written has been flushed.
        std::process::exit(0);
    }
    ended
}
