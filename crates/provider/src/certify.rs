//! Keeps the gateway's certificate published: what the gateway shows stands on the chain, and is replaced before it ends.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::NodeError;
use client::certs::Credential;
use proto::ToAny;
use thiserror::Error;

use crate::agent::Agent;
use crate::chain::Chain;
use crate::gateway::identity::{Need, need};
use crate::gateway::{Certificates, GatewayError, IdentityFile};

/// Between two looks: a certificate that its owner revoked is replaced after this time at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Why the certificate is not on the chain.
#[derive(Debug, Error)]
pub(crate) enum CertifyError {
    /// The file.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] NodeError),
}

/// The certificate to show, published. What is kept is used as long as it serves; a new one is kept before it is
/// published, so that a crash between the two only leaves one to be published at the next start.
///
/// # Errors
/// When the file cannot be used, the node does not answer, or the chain refuses.
pub(crate) async fn certify(chain: &Chain, file: &IdentityFile, hosts: &[String]) -> Result<Credential, CertifyError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let credential = match file.load()? {
        None => file.replace(chain.address(), hosts, now)?,
        Some(kept) => {
            let stored = chain.certificate(&kept.certificate().serial).await?;
            match need(kept.certificate(), stored.as_ref(), chain.address(), hosts, now) {
                Need::Nothing => return Ok(kept),
                Need::Publishing => kept,
                Need::Replacing => file.replace(chain.address(), hosts, now)?,
            }
        }
    };
    let serial = credential.certificate().serial.as_str();
    tracing::info!(provider = chain.address(), serial, "publishing the gateway's certificate");
    chain.send(vec![credential.message().to_any()]).await?;
    Ok(credential)
}

/// Replaces the gateway's certificates as long as the agent runs.
pub(crate) async fn keep_certified(
    agent: Arc<Agent>,
    certificates: Arc<Certificates>,
    file: IdentityFile,
    hosts: Vec<String>,
) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match certify(&agent.chain, &file, &hosts).await {
            Ok(own) => {
                if let Err(error) = certificates.replace_own(&own) {
                    tracing::error!(%error, "the gateway's new certificate cannot be shown");
                }
            }
            Err(error) => tracing::warn!(%error, "the gateway's certificate cannot be looked after; trying again"),
        }
        if let Err(error) = certificates.reload_issued() {
            tracing::warn!(%error, "the certificate stays as it was read last");
        }
    }
}
