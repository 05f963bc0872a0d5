//! What the chain knows of owners: the key that an account signs with, by which its tokens are checked, and the
//! certificates that it published.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use client::certs::standing;
use client::{Node, NodeError};
use proto::akash::cert::v1::Certificate;
use proto::cosmos::auth::v1beta1::{BaseAccount, QueryAccountRequest, QueryAccountResponse};
use proto::cosmos::crypto::secp256k1;
use proto::{Any, FromAny, type_url};
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Keys change rarely; a burst of requests asks the chain once.
const KEPT: Duration = Duration::from_secs(30);
const KEPT_AT_MOST: usize = 4096;
/// Strangers can make the gateway ask; the node is not to drown in it.
const QUESTIONS_AT_A_TIME: usize = 16;

/// A compressed secp256k1 public key.
pub type PublicKey = [u8; 33];

/// Why there is no key for an owner.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No such account, or one that never signed.
    #[error("the chain knows no public key of {0}: an account's key is known after its first transaction; send one")]
    NeverSigned(String),
    /// A key that does not sign tokens.
    #[error("the account {owner} has a key of type {kind}; tokens are signed with secp256k1 keys (ES256K)")]
    Unsupported {
        /// The account.
        owner: String,
        /// The type of its key.
        kind: String,
    },
    /// The chain cannot be asked.
    #[error("the provider cannot ask the chain who you are: {0}; try again")]
    Unavailable(String),
}

/// Where keys and certificates of accounts come from.
#[async_trait]
pub trait OwnerKeys: Send + Sync + 'static {
    /// The key of an account, bech32.
    async fn key_of(&self, owner: &str) -> Result<PublicKey, KeyError>;

    /// The certificate that an account (bech32) published under a serial number (decimal), revoked or not; none when
    /// it published none.
    async fn certificate(&self, owner: &str, serial: &str) -> Result<Option<Certificate>, KeyError>;
}

/// Keys from the chain, each remembered for half a minute. Certificates are asked for each time, so that one that is
/// revoked in a block is refused in the next request.
pub struct ChainKeys {
    node: Node,
    known: Mutex<HashMap<String, (Instant, PublicKey)>>,
    questions: Semaphore,
}

impl ChainKeys {
    /// Keys of the chain that a node follows.
    pub fn new(node: Node) -> Self {
        Self { node, known: Mutex::default(), questions: Semaphore::new(QUESTIONS_AT_A_TIME) }
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, KeyError> {
        self.questions.acquire().await.map_err(|error| KeyError::Unavailable(error.to_string()))
    }

    fn remembered(&self, owner: &str) -> Option<PublicKey> {
        let known = self.known.lock().ok()?;
        known.get(owner).filter(|(since, _)| since.elapsed() < KEPT).map(|(_, key)| *key)
    }

    fn remember(&self, owner: &str, key: PublicKey) {
        let Ok(mut known) = self.known.lock() else { return };
        if known.len() >= KEPT_AT_MOST {
            known.retain(|_, (since, _)| since.elapsed() < KEPT);
        }
        if known.len() < KEPT_AT_MOST {
            known.insert(owner.to_owned(), (Instant::now(), key));
        }
    }

    async fn ask(&self, owner: &str) -> Result<PublicKey, KeyError> {
        let never = || KeyError::NeverSigned(owner.to_owned());
        let request = QueryAccountRequest { address: owner.to_owned() };
        let answer = self.node.query("/cosmos.auth.v1beta1.Query/Account", &request).await;
        let answer: QueryAccountResponse = answer.map_err(|error: NodeError| match error.is_not_found() {
            true => never(),
            false => KeyError::Unavailable(error.to_string()),
        })?;
        let account = answer.account.ok_or_else(never)?;
        // Accounts of other kinds are modules'; they do not sign.
        let account: BaseAccount = account.unpack().map_err(|_| never())?;
        key_in(owner, &account.pub_key.ok_or_else(never)?)
    }
}

#[async_trait]
impl OwnerKeys for ChainKeys {
    async fn key_of(&self, owner: &str) -> Result<PublicKey, KeyError> {
        if let Some(key) = self.remembered(owner) {
            return Ok(key);
        }
        let _turn = self.turn().await?;
        let key = self.ask(owner).await?;
        self.remember(owner, key);
        Ok(key)
    }

    async fn certificate(&self, owner: &str, serial: &str) -> Result<Option<Certificate>, KeyError> {
        let _turn = self.turn().await?;
        let found = standing::find(&self.node, owner, serial).await;
        found.map_err(|error| KeyError::Unavailable(error.to_string()))
    }
}

fn key_in(owner: &str, any: &Any) -> Result<PublicKey, KeyError> {
    let unsupported = || KeyError::Unsupported { owner: owner.to_owned(), kind: any.type_url.clone() };
    if any.type_url != type_url::<secp256k1::PubKey>() {
        return Err(unsupported());
    }
    let key: secp256k1::PubKey = any.unpack().map_err(|_| unsupported())?;
    PublicKey::try_from(key.key.as_slice()).map_err(|_| unsupported())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::ToAny;

    #[test]
    fn only_whole_secp256k1_keys_are_taken() {
        let any = |key: Vec<u8>| secp256k1::PubKey { key }.to_any();
        assert_eq!(key_in("a", &any(vec![2; 33])), Ok([2; 33]));
        assert!(matches!(key_in("a", &any(vec![2; 32])), Err(KeyError::Unsupported { .. })));
        let other = Any { type_url: "/cosmos.crypto.ed25519.PubKey".to_owned(), value: Vec::new() };
        assert!(matches!(key_in("a", &other), Err(KeyError::Unsupported { .. })));
    }

    #[tokio::test]
    async fn a_chain_that_does_not_answer_is_not_a_missing_key() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let keys = ChainKeys::new(Node::new(format!("http://{free}")));
        assert!(matches!(keys.key_of("tetra1a").await, Err(KeyError::Unavailable(_))));
    }

    #[test]
    fn keys_are_remembered() {
        let keys = ChainKeys::new(Node::new("http://127.0.0.1:1"));
        keys.remember("a", [3; 33]);
        assert_eq!((keys.remembered("a"), keys.remembered("b")), (Some([3; 33]), None));
    }
}
