//! `tetra miner`, `validator` and `gateway`: subnets off the chain.
//!
//! | module | what it holds |
//! |---|---|
//! | [`miner`] | real models, the signed door in front of a server or a program |
//! | [`validator`] | asks, scores, weighs |
//! | [`gateway`] | OpenAI's API for users, keys and bills |

pub mod gateway;
pub mod miner;
pub mod validator;

use std::sync::Arc;

use inference::chain::live::LiveChain;
use inference::chain::{Chain as _, Metagraph};
use inference::keys::Hotkey;

use super::hotkey;
use crate::context::Context;
use crate::error::{Class, CliError, Result};

/// Who acts where.
#[derive(Debug, clap::Args)]
pub struct Who {
    /// The subnet's number
    #[arg(long)]
    netuid: u16,
    /// The hotkey that acts: its name here; the account that signs is its operator, and its coldkey where money moves
    #[arg(long)]
    hotkey: String,
}

/// A hotkey at work on the chain.
pub struct Role {
    /// The hotkey.
    pub key: Hotkey,
    /// The chain.
    pub chain: Arc<LiveChain>,
    /// Its subnet as it stood at the start.
    pub graph: Metagraph,
}

impl Who {
    /// Opens the hotkey and the account, and looks at the subnet.
    ///
    /// # Errors
    /// When one of them is not there.
    pub async fn begin(&self, context: &Context) -> Result<Role> {
        let key = hotkey::open(context, &self.hotkey)?;
        let chain = context.chain().await?;
        let Some(bound) = chain.hotkey(key.id()).await? else {
            let what = format!("hotkey {} is not bound on {}", self.hotkey, chain.network.chain_id);
            return Err(CliError::new(Class::NotFound, what).hint(format!("tetra hotkey bind {}", self.hotkey)));
        };
        let account = context.account(&chain.network).await?;
        if bound.operator != account.text() {
            let what = format!("{} acts for hotkey {}, not {}", bound.operator, self.hotkey, account.text());
            return Err(CliError::new(Class::Usage, what)
                .hint("sign with that account (--from NAME), or name another operator: tetra hotkey bind --operator"));
        }
        let live = Arc::new(LiveChain::new(account, key.id(), chain.network.block_interval_ms));
        let graph = live.metagraph(self.netuid).await.map_err(|error| CliError::new(Class::Unreachable, error))?;
        Ok(Role { key, chain: live, graph })
    }

    /// The folder of what a role remembers.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, context: &Context, role: &str) -> Result<std::path::PathBuf> {
        let folder = context.home.join("subnets").join(format!("{}-{}-{role}", self.netuid, self.hotkey));
        let made = std::fs::create_dir_all(&folder);
        made.map_err(|error| CliError::new(Class::Machine, format!("{}: {error}", folder.display())))?;
        Ok(folder)
    }
}

/// Waits for ctrl-C or a request to end.
///
/// # Errors
/// When the system does not tell.
pub async fn until_stopped() -> Result {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| CliError::new(Class::Machine, error);
    let mut ended = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        _ = ended.recv() => {}
        stopped = tokio::signal::ctrl_c() => stopped.map_err(failed)?,
    }
    Ok(())
}

/// Listens.
///
/// # Errors
/// When the address is taken, or not this machine's.
pub async fn listen(at: std::net::SocketAddr) -> Result<tokio::net::TcpListener> {
    let listening = tokio::net::TcpListener::bind(at).await;
    listening.map_err(|error| {
        CliError::new(Class::Machine, format!("listening on {at}: {error}")).hint("name another with --listen")
    })
}
