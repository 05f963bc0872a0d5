//! What every command needs: the home folder, the node, the network's facts, an account that signs.

use std::path::PathBuf;
use std::time::Duration;

use client::account::{Account, Fees};
use client::keystore::Keystore;
use client::{Node, NodeError};
use primitives::{Address, Dec, Denom, Prefix};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::chain::Chain;
use crate::error::{Class, Classify, CliError, Result};
use crate::money::Units;
use crate::output::{Format, LogFormat};

/// Options that every command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Global {
    /// Folder of keys and local networks
    #[arg(long, global = true, env = "TETRA_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// URL of a node's JSON-RPC [default: the node of the network that was started last, else http://127.0.0.1:26657]
    #[arg(long, global = true, env = "TETRA_NODE", value_name = "URL")]
    pub node: Option<String>,
    /// Account that signs and pays [default: the network's]
    #[arg(long, global = true, env = "TETRA_FROM", value_name = "NAME")]
    pub from: Option<String>,
    /// Form of the output
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub output: Format,
    /// Form of log lines on stderr
    #[arg(long, global = true, env = "TETRA_LOG_FORMAT", value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// More talk on stderr; twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// `network.json` in the home folder: the network that was started or chosen last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkFile {
    /// URL of a node's JSON-RPC.
    pub node: String,
    /// Name of the account that signs unless told otherwise.
    pub account: String,
    /// Bech32 prefix of its addresses, for when its node does not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// Facts of the network, read from its genesis document.
#[derive(Clone, Debug)]
pub struct Network {
    /// The chain id.
    pub chain_id: String,
    /// Bech32 prefix of its addresses.
    pub prefix: Prefix,
    /// The interval between blocks, in milliseconds.
    pub block_interval_ms: u64,
    /// Whether it is a toy network, on which keys in the clear may sign.
    pub dev: bool,
    /// How fees are paid.
    pub fees: Fees,
    /// The whole document.
    pub genesis: app::Genesis,
}

/// Everything together.
#[derive(Clone)]
pub struct Context {
    /// The options.
    pub global: Global,
    /// The home folder.
    pub home: PathBuf,
}

impl Context {
    /// From the options.
    ///
    /// # Errors
    /// When there is no home folder.
    pub fn new(global: Global) -> Result<Self> {
        let home = match &global.home {
            Some(home) => home.clone(),
            None => {
                let user = std::env::var_os("HOME").map(PathBuf::from);
                let user =
                    user.ok_or_else(|| CliError::new(Class::Usage, "HOME is not set: name a folder with --home"))?;
                user.join(".tetra")
            }
        };
        Ok(Self { global, home })
    }

    /// The form of the output.
    pub fn format(&self) -> Format {
        self.global.output
    }

    /// The key files.
    pub fn keystore(&self) -> Keystore {
        Keystore::new(self.home.join("keys"))
    }

    fn network_path(&self) -> PathBuf {
        self.home.join("network.json")
    }

    /// The network that was started or chosen last.
    ///
    /// # Errors
    /// When its file is malformed.
    pub fn network_file(&self) -> Result<Option<NetworkFile>> {
        let path = self.network_path();
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| CliError::new(Class::Usage, format!("{}: {error}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CliError::new(Class::Machine, format!("{}: {error}", path.display()))),
        }
    }

    /// Makes a network the one that commands use.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn choose_network(&self, file: &NetworkFile) -> Result {
        std::fs::create_dir_all(&self.home).class(Class::Machine)?;
        let text = serde_json::to_string_pretty(file).class(Class::Internal)?;
        std::fs::write(self.network_path(), text + "\n").class(Class::Machine)
    }

    /// The node to ask.
    ///
    /// # Errors
    /// When `network.json` is malformed.
    pub fn node(&self) -> Result<Node> {
        if let Some(url) = &self.global.node {
            return Ok(Node::new(url.clone()));
        }
        let url = self.network_file()?.map(|file| file.node);
        Ok(Node::new(url.unwrap_or_else(|| "http://127.0.0.1:26657".to_owned())))
    }

    /// The network's facts, asked of the node.
    ///
    /// # Errors
    /// When the node does not answer or shows a genesis that this program does not know.
    pub async fn network(&self) -> Result<Network> {
        let node = self.node()?;
        let answer = node.call("genesis", serde_json::json!({})).await?;
        let genesis = answer.pointer("/genesis/app_state").cloned().unwrap_or_default();
        let genesis: app::Genesis = serde_json::from_value(genesis).map_err(|error| {
            let why = error.to_string();
            CliError::from(NodeError::Garbled { url: node.url().to_owned(), method: "genesis".to_owned(), why })
        })?;
        let prefix = Prefix::new(&genesis.prefix).class(Class::Internal)?;
        let (denom, price) = match genesis.state.fees.params.gas_prices.first() {
            Some(price) => (price.denom.clone(), price.price.parse().class(Class::Internal)?),
            // Transactions are free; the denom of a fee of nothing does not matter, but it must be one.
            None => (genesis.state.bank.denoms.first().map(|entry| entry.denom.clone()).unwrap_or_default(), Dec::ZERO),
        };
        let fees = Fees {
            denom: Denom::new(&denom).class(Class::Internal)?,
            price,
            adjustment_percent: 150,
            inclusion_limit: Duration::from_secs(60),
        };
        Ok(Network {
            chain_id: genesis.chain_id.clone(),
            prefix,
            block_interval_ms: genesis.block_interval_ms,
            dev: genesis.dev,
            fees,
            genesis,
        })
    }

    /// The network with the node to ask.
    ///
    /// # Errors
    /// As [`Context::network`].
    pub async fn chain(&self) -> Result<Chain> {
        let network = self.network().await?;
        Ok(Chain { node: self.node()?, units: Units::of(&network.genesis), network })
    }

    /// The address of the account that signs, without opening its key.
    ///
    /// # Errors
    /// When none was named or there is no such key.
    pub fn own_address(&self) -> Result<Address> {
        let info = self.keystore().info(&self.account_name()?).class(Class::NotFound)?;
        info.address().ok_or_else(|| CliError::new(Class::Machine, format!("the key file of {} is damaged", info.name)))
    }

    /// An address, or that of the local key of this name.
    ///
    /// # Errors
    /// When it is neither.
    pub fn resolve(&self, text: &str, prefix: &Prefix) -> Result<Address> {
        if let Ok(info) = self.keystore().info(text)
            && let Some(address) = info.address()
        {
            return Ok(address);
        }
        prefix.parse(text).map_err(|error| {
            CliError::new(Class::Usage, format!("{text:?} is neither a key of yours nor an address: {error}"))
                .hint("`tetra wallet list` shows your keys")
        })
    }

    /// The name of the account that signs.
    ///
    /// # Errors
    /// When none was named and the network has no default.
    pub fn account_name(&self) -> Result<String> {
        if let Some(name) = &self.global.from {
            return Ok(name.clone());
        }
        let named = self.network_file()?.map(|file| file.account);
        named.ok_or_else(|| {
            CliError::new(Class::Usage, "no account is named to sign with")
                .hint("name one with --from NAME; `tetra wallet list` shows them, `tetra wallet new NAME` makes one")
        })
    }

    /// The account that signs, opened; asks for its passphrase on a terminal, or takes `TETRA_PASSPHRASE`.
    ///
    /// # Errors
    /// When there is no such key, the passphrase is wrong, or a dev key would sign on a network that is none.
    pub async fn account(&self, network: &Network) -> Result<Account> {
        let name = self.account_name()?;
        let store = self.keystore();
        let info = store.info(&name).class(Class::NotFound)?;
        if info.dev && !network.dev {
            return Err(CliError::new(
                Class::Usage,
                format!("the key {name} is in the clear, for toy networks only, and {} is none", network.chain_id),
            )
            .hint("use an encrypted key: `tetra wallet new NAME`"));
        }
        let passphrase = if info.dev { None } else { Some(passphrase(&format!("Passphrase of {name}: "))?) };
        let key = store.open(&name, passphrase.as_ref().map(|text| text.as_str())).class(Class::Usage)?;
        Ok(Account::new(self.node()?, key, network.prefix.clone(), network.chain_id.clone(), network.fees.clone()))
    }
}

/// A passphrase: of `TETRA_PASSPHRASE`, or typed without echo.
///
/// # Errors
/// When there is neither the variable nor a terminal.
pub fn passphrase(prompt: &str) -> Result<Zeroizing<String>> {
    if let Ok(text) = std::env::var("TETRA_PASSPHRASE") {
        return Ok(Zeroizing::new(text));
    }
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|error| {
        CliError::new(Class::Usage, format!("no passphrase could be read: {error}"))
            .hint("set TETRA_PASSPHRASE where there is no terminal")
    })
}
