//! Malachite's own actors: real network, disk and clock.

use std::fmt::Display;
use std::fs::File;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use arc_malachitebft_app_channel::app::types::codec::Codec;
use arc_malachitebft_app_channel::{
    AppMsg, Channels, ConsensusContext, EngineHandle, NetworkContext, NetworkIdentity, NetworkMsg, Reply,
    RequestContext, Signer, SyncContext, WalContext, start_engine,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::handler::{Handler, Me};
use super::{Consensus, EngineError, torn_log};
use crate::codec::ProtoCodec;
use crate::config::{EngineConfig, MalachiteConfig};
use crate::context::{Address, Ctx, Part};
use crate::host::Host;
use crate::keys::{NodeKey, ValidatorKey};
use crate::signing::{ChainSigner, ChainVerifier};

/// Requests that may wait for the engine's attention.
const REQUESTS: usize = 100;
/// How long a stopped engine may take to close its log.
const LOG_CLOSES: Duration = Duration::from_secs(10);

/// The engine of a real node.
#[derive(Debug)]
pub struct ActorEngine {
    config: EngineConfig,
    node_key: NodeKey,
    validator_key: Option<ValidatorKey>,
}

impl ActorEngine {
    /// An engine that votes with `validator_key` whenever it is in the set; without a key it
    /// only follows.
    pub fn new(config: EngineConfig, node_key: NodeKey, validator_key: Option<ValidatorKey>) -> Self {
        Self { config, node_key, validator_key }
    }

    async fn start(&self) -> Result<(Channels<Ctx>, EngineHandle), EngineError> {
        torn_log::clear(&self.config.wal)?;
        let chain_id = &self.config.chain_id;
        let verifier = Box::new(ChainVerifier::new(chain_id.clone()));
        let consensus = match &self.validator_key {
            Some(key) => {
                let signer = ChainSigner::new(chain_id.clone(), key.private().clone());
                let address = Address(key.address());
                ConsensusContext::new_validator(address, verifier, Box::new(signer))
            }
            None => {
                let address = Address(primitives::validators::ConsensusAddress([0; 20]));
                ConsensusContext::new_full_node(address, verifier)
            }
        };
        start_engine(
            Ctx,
            MalachiteConfig::try_from(&self.config)?,
            WalContext::new(self.config.wal.clone(), ProtoCodec),
            NetworkContext::new(self.identity().await?, ProtoCodec),
            consensus,
            SyncContext::new(ProtoCodec),
            RequestContext::new(REQUESTS),
        )
        .await
        .map_err(|e| EngineError::Start(format!("{e:#}")))
    }

    /// Who we are to peers; a validator proves that the peer key is its own.
    async fn identity(&self) -> Result<NetworkIdentity, EngineError> {
        let start = |e: &dyn Display| EngineError::Start(e.to_string());
        let moniker = self.config.moniker.clone();
        let keypair = self.node_key.keypair().ok_or_else(|| start(&"unusable node key"))?;
        let Some(key) = &self.validator_key else {
            return Ok(NetworkIdentity::new(moniker, keypair, None));
        };
        let signer = ChainSigner::new(self.config.chain_id.clone(), key.private().clone());
        let peer_id = keypair.public().to_peer_id().to_bytes();
        let proof = signer.sign_validator_proof(key.public_key().to_vec(), peer_id).await.map_err(|e| start(&e))?;
        let proof = ProtoCodec.encode(&proof)?;
        Ok(NetworkIdentity::new_validator(moniker, keypair, key.address().to_string(), proof))
    }
}

impl Consensus for ActorEngine {
    async fn run<H: Host>(self, host: &mut H, stop: impl Future<Output = ()> + Send) -> Result<(), EngineError> {
        let chain_id = self.config.chain_id.clone();
        let me = self.validator_key.as_ref().map(|key| Me {
            address: key.address(),
            signer: ChainSigner::new(chain_id.clone(), key.private().clone()),
        });
        let verifier = ChainVerifier::new(chain_id);
        let mut handler = Handler::new(host, verifier, me, rand::random()).await?;
        let (mut channels, engine) = self.start().await?;
        let outcome = serve(&mut handler, &mut channels, stop).await;
        engine.actor.stop(None);
        // The actors are done with the sockets only when this task has ended.
        if let Err(error) = engine.handle.await {
            debug!(%error, "engine task ended abruptly");
        }
        log_is_free(self.config.wal).await;
        outcome
    }
}

/// Waits until the thread that writes the log has closed it, so that the next engine can open it: Malachite does not
/// wait for that thread, which may still be writing when all actors have ended.
async fn log_is_free(path: PathBuf) {
    let (found, free) = oneshot::channel();
    // A thread of its own: were the log never closed, the runtime could still end.
    std::thread::spawn(move || {
        // The file closes at the end of the statement, which gives the lock back.
        let locked = File::options().read(true).write(true).open(path).and_then(|log| log.lock());
        // Nobody waits any more when it took too long.
        let _ = found.send(locked);
    });
    match timeout(LOG_CLOSES, free).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => debug!(%error, "whether the log is closed cannot be told"),
        Ok(Err(_)) | Err(_) => warn!(seconds = LOG_CLOSES.as_secs(), "the engine's log is still open"),
    }
}

/// Answers requests until `stop`. Never drops a request half done.
async fn serve<H: Host>(
    handler: &mut Handler<'_, H>,
    channels: &mut Channels<Ctx>,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), EngineError> {
    tokio::pin!(stop);
    loop {
        let request = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            request = channels.consensus.recv() => request.ok_or(EngineError::Stopped)?,
        };
        answer(handler, request, &channels.network).await?;
    }
}

async fn answer<H: Host>(
    handler: &mut Handler<'_, H>,
    request: AppMsg<Ctx>,
    network: &mpsc::Sender<NetworkMsg<Ctx>>,
) -> Result<(), EngineError> {
    match request {
        AppMsg::ConsensusReady { reply } => send(reply, handler.consensus_ready()),
        AppMsg::StartedRound { height, round, proposer, role: _, reply_value } => {
            send(reply_value, handler.started_round(height, round, proposer).await?);
        }
        AppMsg::GetValue { height, round, timeout: _, reply } => {
            let (value, parts) = handler.get_value(height, round).await?;
            send(reply, value);
            publish(network, parts).await?;
        }
        AppMsg::RestreamProposal { height: _, round, valid_round, address: _, value_id } => {
            publish(network, handler.restream(round, valid_round, &value_id).await?).await?;
        }
        AppMsg::ReceivedProposalPart { from, published_by, part, reply } => {
            let publisher = published_by.unwrap_or(from);
            send(reply, handler.received_part(publisher, part).await?);
        }
        AppMsg::Decided { certificate, extensions: _, reply } => {
            send(reply, handler.decided(&certificate).await?);
        }
        AppMsg::Finalized { certificate, extensions: _, evidence, reply } => {
            send(reply, handler.finalized(&certificate, evidence).await?);
        }
        AppMsg::ProcessSyncedValue { height, round, proposer: _, value_bytes, reply } => {
            send(reply, handler.synced(height, round, value_bytes).await?);
        }
        AppMsg::GetDecidedValues { range, reply } => {
            send(reply, handler.decided_values(range).await?);
        }
        AppMsg::GetHistoryMinHeight { reply } => send(reply, handler.history_min().await?),
        // The policy is `Disabled`: there are no extensions to make or to judge.
        AppMsg::ExtendVote { reply, .. } => send(reply, None),
        AppMsg::VerifyVoteExtensions { extensions, reply, .. } => {
            send(reply, extensions.into_iter().map(|(address, ())| (address, Ok(()))).collect());
        }
    }
    Ok(())
}

/// Nobody waits for a reply any more only when the engine is going down.
fn send<T>(reply: Reply<T>, value: T) {
    if reply.send(value).is_err() {
        debug!("the engine no longer waits for this reply");
    }
}

async fn publish(
    network: &mpsc::Sender<NetworkMsg<Ctx>>,
    parts: Vec<arc_malachitebft_app_channel::app::types::streaming::StreamMessage<Part>>,
) -> Result<(), EngineError> {
    for part in parts {
        let message = NetworkMsg::PublishProposalPart(part);
        network.send(message).await.map_err(|_| EngineError::Stopped)?;
    }
    Ok(())
}
