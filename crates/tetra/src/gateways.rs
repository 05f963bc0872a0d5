//! How commands speak to providers' gateways: to the certificate that stands on the chain, under a token or a
//! certificate of the account.

use std::time::{SystemTime, UNIX_EPOCH};

use client::certs::standing::{self, Purpose};
use client::certs::{CertStore, Credential};
use client::{Account, Auth, Gateway, Trust, token};

use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};

/// How an account names itself to gateways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum AuthKind {
    /// A token for a quarter of an hour, signed with the account's key
    #[default]
    Token,
    /// The account's certificate; `tetra cert create` makes one
    Cert,
}

/// The option that chooses.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct AuthOption {
    /// How to name yourself to providers
    #[arg(long = "auth", value_enum, default_value_t, value_name = "KIND")]
    pub kind: AuthKind,
}

/// An account and how it names itself.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its address, bech32.
    pub owner: String,
    auth: Auth,
}

impl Caller {
    /// The account that signs. Its key is opened for a token only.
    ///
    /// # Errors
    /// When the key cannot be opened, or no certificate that is kept here is valid on the chain.
    pub async fn of(context: &Context, chain: &Chain, kind: AuthKind) -> Result<Self> {
        match kind {
            AuthKind::Token => Self::with(context, chain, &context.account(&chain.network).await?, kind).await,
            AuthKind::Cert => Self::certified(context, chain, chain.prefix().text(&context.own_address()?)).await,
        }
    }

    /// As [`Caller::of`], of an account whose key is open already.
    ///
    /// # Errors
    /// When no certificate that is kept here is valid on the chain.
    pub async fn with(context: &Context, chain: &Chain, account: &Account, kind: AuthKind) -> Result<Self> {
        let owner = account.text();
        match kind {
            AuthKind::Token => {
                let auth = Auth::Token(token::full_access(account.key(), &owner));
                Ok(Self { owner, auth })
            }
            AuthKind::Cert => Self::certified(context, chain, owner).await,
        }
    }

    async fn certified(context: &Context, chain: &Chain, owner: String) -> Result<Self> {
        let own = certificate(context, chain, &owner).await?;
        Ok(Self { owner, auth: Auth::Certificate(own) })
    }

    /// A provider's gateway.
    ///
    /// # Errors
    /// When the node does not answer or the address is none.
    pub async fn gateway(&self, chain: &Chain, provider: &str, host_uri: &str) -> Result<Gateway> {
        let trust = Trust::on_chain(&chain.node, provider).await?;
        Ok(Gateway::new(host_uri, trust, self.auth.clone())?)
    }
}

/// The certificates of this machine's accounts.
pub fn certificates(context: &Context) -> CertStore {
    CertStore::new(context.home.join("certs"))
}

/// Of the certificates that are kept here, the one that ends last of those that are valid on the chain.
async fn certificate(context: &Context, chain: &Chain, owner: &str) -> Result<Credential> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let kept = certificates(context).list(owner).class(Class::Machine)?;
    let mut reasons = Vec::new();
    for credential in kept {
        let shown = credential.certificate();
        let stored = standing::find(&chain.node, owner, &shown.serial).await?;
        match standing::check(shown, stored.as_ref(), Purpose::Client, now) {
            Ok(()) => return Ok(credential),
            Err(why) => reasons.push(format!("\n  {why}")),
        }
    }
    let what = format!("no certificate of {owner} that is kept here can be used{}", reasons.concat());
    Err(CliError::new(Class::NotFound, what)
        .hint("`tetra cert create` makes one and publishes it; --auth token needs none"))
}
