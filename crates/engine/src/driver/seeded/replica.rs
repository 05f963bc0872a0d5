//! The tasks of an engine, one after the other. Where Malachite has actors with a mailbox each, this has one queue:
//! one of the orders in which they may run.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use arc_malachitebft_app_channel::app::config::ConsensusConfig;
use arc_malachitebft_app_channel::app::consensus::{self, Error, Input, LivenessMsg, Params, SignedConsensusMsg};
use arc_malachitebft_app_channel::app::engine::host::{HeightParams, Next, SyncedValueOutcome};
use arc_malachitebft_app_channel::app::metrics::Metrics;
use arc_malachitebft_app_channel::app::types::core::{
    CommitCertificate, LinearTimeouts, Round, ValidatorSet as _, ValueOrigin, ValuePayload, ValueResponse,
};
use arc_malachitebft_app_channel::app::types::streaming::StreamMessage;
use arc_malachitebft_app_channel::app::types::sync::{Request, Response, Status};
use arc_malachitebft_app_channel::app::types::{MisbehaviorEvidence, PeerId, ProposedValue};
use arc_malachitebft_sync::{self as sync, HeightStartType, InboundRequestId, OutboundRequestId};
use primitives::validators::ConsensusAddress;
use tracing::debug;

use super::SeededConfig;
use super::catch_up::{CatchUp, peer_id};
use super::effects::Around;
use super::log::Log;
use super::port::{Channel, Event, Packet, Peer, Port};
use super::timers::{Due, Timers};
use crate::codec::{WireForm, decode};
use crate::comet::BlockRef;
use crate::context::{Address, Ctx, Height, Part};
use crate::driver::EngineError;
use crate::driver::handler::Handler;
use crate::host::Host;
use crate::keys::ValidatorKey;
use crate::signing::{ChainSigner, ChainVerifier};

/// The core's own measure of the block interval, which looks at the machine's clock: it never runs out.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);
/// Waits before asking again for a block that could not be judged: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Something to do.
pub(super) enum Task {
    Start {
        height: Height,
        params: HeightParams<Ctx>,
        restart: bool,
    },
    Input(Input<Ctx>),
    Proposed(ProposedValue<Ctx>, ValueOrigin),
    GetValue(Height, Round),
    Restream(Round, Round, BlockRef),
    Decided(CommitCertificate<Ctx>),
    Finalized(CommitCertificate<Ctx>, MisbehaviorEvidence<Ctx>),
    /// A block from a peer: first its certificate,
    Fetched(OutboundRequestId, ValueResponse<Ctx>),
    /// then the block itself;
    Judge(Option<OutboundRequestId>, ValueResponse<Ctx>),
    /// or what was wrong with the certificate.
    Rejected(Option<OutboundRequestId>, PeerId, Height, Error<Ctx>),
    Sync(sync::Input<Ctx>),
    Serve(InboundRequestId, std::ops::RangeInclusive<Height>),
}

pub(super) type Tasks = VecDeque<Task>;

/// A running engine.
pub(super) struct Replica<'h, H> {
    params: Params<Ctx>,
    queues: (usize, usize),
    /// None before the first height.
    core: Option<consensus::State<Ctx>>,
    metrics: Metrics,
    around: Around<'h, H>,
    sync: CatchUp,
    /// Failed attempts to judge a fetched block, by height.
    attempts: BTreeMap<u64, u32>,
}

impl<'h, H: Host> Replica<'h, H> {
    pub(super) fn new(
        config: &SeededConfig,
        key: Option<&ValidatorKey>,
        handler: Handler<'h, H>,
        log: Log,
        port: Port,
    ) -> Self {
        let address = key.map_or(ConsensusAddress([0; 20]), ValidatorKey::address);
        let defaults = ConsensusConfig::default();
        Self {
            params: Params {
                address: Address(address),
                threshold_params: Default::default(),
                value_payload: ValuePayload::ProposalAndParts,
                enabled: key.is_some(),
            },
            queues: (defaults.queue_capacity, defaults.queue_per_height_capacity),
            core: None,
            metrics: Metrics::new(),
            around: Around {
                handler,
                verifier: ChainVerifier::new(config.chain_id.clone()),
                signer: key.map(|key| ChainSigner::new(config.chain_id.clone(), key.private().clone())),
                log,
                port,
                timers: Timers::default(),
                tasks: Tasks::new(),
                timeouts: LinearTimeouts::default(),
                votes: false,
                replaying: false,
                pace: (Duration::ZERO, None),
                request: None,
                failure: None,
            },
            sync: CatchUp::new(config),
            attempts: BTreeMap::new(),
        }
    }

    /// Starts the height after the tip.
    pub(super) async fn start(&mut self) -> Result<(), EngineError> {
        let (height, params) = self.around.handler.consensus_ready();
        let Around { timers, port, .. } = &mut self.around;
        timers.start(port, Due::Status, self.sync.first_status());
        timers.start(port, Due::Look, self.sync.request_timeout());
        self.around.tasks.push_back(Task::Start { height, params, restart: false });
        self.work().await
    }

    /// Takes an event in, and does all that follows from it.
    pub(super) async fn on(&mut self, event: Event) -> Result<(), EngineError> {
        match event {
            Event::Arrived { from, packet } => self.arrived(from, packet).await?,
            Event::Due(timer) => {
                if let Some(due) = self.around.timers.take(timer) {
                    self.due(due);
                }
            }
        }
        self.work().await
    }

    fn due(&mut self, due: Due) {
        let Around { timers, port, tasks, .. } = &mut self.around;
        tasks.extend(match due {
            Due::Step(timeout) => Some(Task::Input(Input::TimeoutElapsed(timeout))),
            Due::Request(id) => self.sync.timed_out(id).map(Task::Sync),
            Due::Retry(height) => Some(Task::Sync(sync::Input::LocalTransientError(Height(height)))),
            Due::Status => {
                timers.start(port, Due::Status, self.sync.status_interval());
                Some(Task::Sync(sync::Input::SendStatusUpdate))
            }
            Due::Look => {
                timers.start(port, Due::Look, self.sync.request_timeout());
                Some(Task::Sync(sync::Input::TryRequestValues))
            }
        });
    }

    /// What does not decode is dropped, as Malachite's network does.
    async fn arrived(&mut self, from: Peer, Packet { channel, bytes }: Packet) -> Result<(), EngineError> {
        let peer = peer_id(from)?;
        self.sync.meet(peer, from);
        let task = match channel {
            Channel::Consensus => read(bytes).map(|message: SignedConsensusMsg<Ctx>| match message {
                SignedConsensusMsg::Vote(vote) => Task::Input(Input::Vote(vote)),
                SignedConsensusMsg::Proposal(proposal) => Task::Input(Input::Proposal(proposal)),
            }),
            Channel::Liveness => read(bytes).map(|message: LivenessMsg<Ctx>| {
                Task::Input(match message {
                    LivenessMsg::Vote(vote) => Input::Vote(vote),
                    LivenessMsg::PolkaCertificate(certificate) => Input::PolkaCertificate(certificate),
                    LivenessMsg::SkipRoundCertificate(certificate) => Input::RoundCertificate(certificate),
                })
            }),
            Channel::ProposalParts => match read::<StreamMessage<Part>>(bytes) {
                Some(part) => {
                    let whole = self.around.handler.received_part(peer, part).await?;
                    whole.map(|value| Task::Proposed(value, ValueOrigin::Consensus))
                }
                None => None,
            },
            Channel::Status => {
                let status = read(bytes).filter(|status: &Status<Ctx>| status.peer_id == peer);
                status.map(|status| Task::Sync(sync::Input::Status(status)))
            }
            Channel::SyncRequest(number) => read(bytes).map(|request: Request<Ctx>| {
                let Request::ValueRequest(request) = request;
                Task::Sync(sync::Input::ValueRequest(self.sync.asked(from, number), peer, request))
            }),
            Channel::SyncResponse(number) => self.sync.answered(number, peer).map(|id| {
                let values = read(bytes).map(|Response::ValueResponse(values): Response<Ctx>| values);
                self.around.timers.cancel(&Due::Request(id.clone()));
                Task::Sync(sync::Input::ValueResponse(id, peer, values))
            }),
        };
        self.around.tasks.extend(task);
        Ok(())
    }

    async fn work(&mut self) -> Result<(), EngineError> {
        while let Some(task) = self.around.tasks.pop_front() {
            self.perform(task).await?;
        }
        Ok(())
    }

    async fn perform(&mut self, task: Task) -> Result<(), EngineError> {
        match task {
            Task::Start { height, params, restart } => self.start_height(height, params, restart).await,
            Task::Input(input) => self.input(input).await,
            Task::Proposed(value, origin) => self.input(Input::ProposedValue(value, origin)).await,
            Task::GetValue(height, round) => {
                let (value, parts) = self.around.handler.get_value(height, round).await?;
                self.stream(parts)?;
                self.input(Input::Propose(value)).await
            }
            Task::Restream(round, valid_round, block) => {
                let parts = self.around.handler.restream(round, valid_round, &block).await?;
                self.stream(parts)
            }
            Task::Decided(certificate) => {
                self.around.handler.decided(&certificate).await?;
                self.decided(certificate.height).await
            }
            Task::Finalized(certificate, evidence) => {
                let next = self.around.handler.finalized(&certificate, evidence).await?;
                self.around.tasks.push_back(match next {
                    Next::Start(height, params) => Task::Start { height, params, restart: false },
                    Next::Restart(height, params) => Task::Start { height, params, restart: true },
                });
                Ok(())
            }
            Task::Fetched(request, value) => {
                self.around.request = Some(request);
                let done = self.input(Input::SyncValueResponse(value)).await;
                self.around.request = None;
                done
            }
            Task::Judge(request, value) => self.judge(request, value).await,
            Task::Rejected(request, peer, height, error) => {
                let at_fault = matches!(error, Error::InvalidCommitCertificate(..));
                self.refuse(request.filter(|_| at_fault), peer, height).await
            }
            Task::Sync(input) => self.sync.process(input, &mut self.around).await,
            Task::Serve(id, range) => {
                let values = self.around.handler.decided_values(range.clone()).await?;
                self.sync.process(sync::Input::GotDecidedValues(id, range, values), &mut self.around).await
            }
        }
    }

    /// Runs the core on one input.
    async fn input(&mut self, input: Input<Ctx>) -> Result<(), EngineError> {
        let Some(core) = &mut self.core else {
            debug!("dropped what came before the first height");
            return Ok(());
        };
        let around = &mut self.around;
        let done: Result<(), Error<Ctx>> = consensus::process!(
            input: input,
            state: core,
            metrics: &self.metrics,
            with: effect => around.carry_out(effect).await
        );
        match around.failure.take() {
            Some(failure) => Err(failure),
            None => done.map_err(|error| EngineError::Contract(error.to_string())),
        }
    }

    async fn start_height(
        &mut self,
        height: Height,
        params: HeightParams<Ctx>,
        restart: bool,
    ) -> Result<(), EngineError> {
        let set = params.validator_set;
        let me = self.params.address;
        let core = self.core.get_or_insert_with(|| {
            consensus::State::new(Ctx, height, set.clone(), self.params.clone(), self.queues.0, self.queues.1)
        });
        debug!(%height, round = %core.round(), "height starts");
        let around = &mut self.around;
        around.votes = self.params.enabled && set.get_by_address(&me).is_some();
        let entries = if restart || !around.votes {
            around.log.reset(height.0)?;
            Vec::new()
        } else {
            around.log.started(height.0)?
        };
        around.timeouts = params.timeouts;
        around.pace = (around.port.now(), params.target_time);
        let target = params.target_time.map(|_| FOR_EVER);
        self.input(Input::StartHeight(height, set, restart, target, params.vote_extension_policy)).await?;
        self.replay(entries).await?;
        self.sync.started(height, HeightStartType::from_is_restart(restart), &mut self.around).await
    }

    /// Gives the core what the log holds; nothing that it signs is new.
    async fn replay(&mut self, entries: Vec<Input<Ctx>>) -> Result<(), EngineError> {
        if entries.is_empty() {
            return Ok(());
        }
        if let Some(core) = &mut self.core {
            core.record_recovered_own_precommit_extensions(&entries);
            core.index_wal_entries(&entries);
        }
        self.around.replaying = true;
        for entry in entries {
            self.input(entry).await?;
        }
        self.around.replaying = false;
        if let Some(core) = &mut self.core {
            core.reset_entries_index();
        }
        Ok(())
    }

    fn stream(&self, parts: Vec<StreamMessage<Part>>) -> Result<(), EngineError> {
        parts.iter().try_for_each(|part| self.around.publish(Channel::ProposalParts, part))
    }

    async fn decided(&mut self, height: Height) -> Result<(), EngineError> {
        let later = self.attempts.split_off(&(height.0 + 1));
        for past in std::mem::replace(&mut self.attempts, later).into_keys() {
            self.around.timers.cancel(&Due::Retry(past));
        }
        self.sync.process(sync::Input::Decided(height), &mut self.around).await
    }

    /// Checks a fetched block whose certificate is good.
    async fn judge(
        &mut self,
        request: Option<OutboundRequestId>,
        value: ValueResponse<Ctx>,
    ) -> Result<(), EngineError> {
        let ValueResponse { peer, value_bytes, certificate } = value;
        let (height, round) = (certificate.height, certificate.round);
        match self.around.handler.synced(height, round, value_bytes).await? {
            SyncedValueOutcome::Verdict(mut proposed) if proposed.value == certificate.value_id => {
                proposed.round = round;
                self.around.tasks.push_back(Task::Proposed(proposed, ValueOrigin::Sync));
                Ok(())
            }
            SyncedValueOutcome::Verdict(_) | SyncedValueOutcome::PeerFault => self.refuse(request, peer, height).await,
            SyncedValueOutcome::LocalTransientError => self.refuse(None, peer, height).await,
        }
    }

    /// Asks for a height again: somebody else, when its request shows who served it badly; later, when nobody is to
    /// blame.
    async fn refuse(
        &mut self,
        request: Option<OutboundRequestId>,
        peer: PeerId,
        height: Height,
    ) -> Result<(), EngineError> {
        if let Some(request) = request {
            self.sync.forget(&request);
            return self.sync.process(sync::Input::PeerFault(peer, height, request), &mut self.around).await;
        }
        let attempt = self.attempts.entry(height.0).or_insert(0);
        let wait = RETRY.0.saturating_mul(1 << (*attempt).min(16)).min(RETRY.1);
        *attempt += 1;
        let Around { timers, port, .. } = &mut self.around;
        timers.start(port, Due::Retry(height.0), wait);
        Ok(())
    }
}

fn read<T: WireForm>(bytes: bytes::Bytes) -> Option<T> {
    decode(bytes).inspect_err(|error| debug!(%error, "dropped a message")).ok()
}
