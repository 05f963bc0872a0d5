//! Catching up from peers: Malachite's sync state machine, with requests and answers over the links.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arc_malachitebft_app_channel::app::consensus::util::bounded_queue::BoundedQueue;
use arc_malachitebft_app_channel::app::types::PeerId;
use arc_malachitebft_app_channel::app::types::core::ValueResponse;
use arc_malachitebft_app_channel::app::types::sync::{Metrics, Request, Response, Status};
use arc_malachitebft_sync::{
    Config, Effect, Error, HeightStartType, InboundRequestId, Input, OutboundRequestId, Resumable, Resume, State,
    ValueResponse as Values,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use tracing::debug;

use super::SeededConfig;
use super::effects::{Around, Failed};
use super::port::{Channel, Peer, To};
use super::replica::Task;
use super::timers::Due;
use crate::codec::CodecError;
use crate::config::SYNC_BATCH;
use crate::context::{Ctx, Height};
use crate::driver::EngineError;
use crate::host::Host;

/// Requests that a peer may make at once. The limit is counted on the machine's clock, so it is out of reach here.
const REQUESTS_PER_WINDOW: u32 = 1_000_000_000;

/// The libp2p name of a node on the links.
pub(super) fn peer_id(peer: Peer) -> Result<PeerId, EngineError> {
    // A multihash: SHA-256, 32 bytes.
    let bytes = [[0x12, 0x20].as_slice(), &Sha256::digest(peer.to_be_bytes())].concat();
    Ok(PeerId::from_bytes(&bytes).map_err(|error| CodecError::new("peer id", error))?)
}

/// A fetched block of a later height, and the request that brought it.
type Waiting = BoundedQueue<Height, (OutboundRequestId, ValueResponse<Ctx>)>;

/// Catching up, on both sides of it.
pub(super) struct CatchUp {
    state: State<Ctx>,
    metrics: Metrics,
    book: Book,
    statuses: BTreeMap<PeerId, Status<Ctx>>,
    dice: StdRng,
    status_interval: Duration,
}

/// What is under way.
struct Book {
    me: Peer,
    peers: BTreeMap<PeerId, Peer>,
    /// Our requests: whom, and what.
    sent: BTreeMap<OutboundRequestId, (PeerId, Request<Ctx>)>,
    last_number: u64,
    /// Others' requests: who, and its number for it.
    received: BTreeMap<InboundRequestId, (Peer, u64)>,
    waiting: Waiting,
}

impl CatchUp {
    pub(super) fn new(config: &SeededConfig) -> Self {
        let limits = Config {
            batch_size: SYNC_BATCH,
            max_inbound_requests_per_window: REQUESTS_PER_WINDOW,
            ..Config::default()
        };
        let capacity = limits.read_ahead_window().saturating_mul(2);
        let unused = rand_of_sync::rngs::mock::StepRng::new(0, 1);
        Self {
            state: State::new(Box::new(unused), limits),
            metrics: Metrics::new(config.status_interval),
            book: Book {
                me: config.me,
                peers: BTreeMap::new(),
                sent: BTreeMap::new(),
                last_number: config.seed,
                received: BTreeMap::new(),
                waiting: BoundedQueue::new(capacity, capacity),
            },
            statuses: BTreeMap::new(),
            dice: StdRng::seed_from_u64(config.seed),
            status_interval: config.status_interval,
        }
    }

    /// Nodes that start together do not speak together.
    pub(super) fn first_status(&mut self) -> Duration {
        let most = u64::try_from(self.status_interval.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.dice.random_range(0..=most))
    }

    pub(super) fn status_interval(&self) -> Duration {
        self.status_interval
    }

    pub(super) fn request_timeout(&self) -> Duration {
        self.state.config.request_timeout
    }

    pub(super) fn meet(&mut self, id: PeerId, peer: Peer) {
        self.book.peers.insert(id, peer);
    }

    /// Somebody's request.
    pub(super) fn asked(&mut self, from: Peer, number: u64) -> InboundRequestId {
        let id = InboundRequestId::new(format!("{from}/{number}"));
        self.book.received.insert(id.clone(), (from, number));
        id
    }

    /// An answer; none when it was not asked for, or not any more.
    pub(super) fn answered(&mut self, number: u64, by: PeerId) -> Option<OutboundRequestId> {
        let id = outbound(number);
        let (asked, _) = self.book.sent.get(&id)?;
        if *asked != by {
            return None;
        }
        self.book.sent.remove(&id);
        Some(id)
    }

    pub(super) fn timed_out(&mut self, id: OutboundRequestId) -> Option<Input<Ctx>> {
        let (peer, request) = self.book.sent.remove(&id)?;
        Some(Input::SyncRequestTimedOut(id, peer, request))
    }

    /// Drops what else the same request brought.
    pub(super) fn forget(&mut self, request: &OutboundRequestId) {
        self.book.waiting.retain(|_, (brought, _)| brought != request);
    }

    pub(super) async fn started<H: Host>(
        &mut self,
        height: Height,
        how: HeightStartType,
        around: &mut Around<'_, H>,
    ) -> Result<(), EngineError> {
        if how.is_restart() {
            self.book.waiting.clear();
        }
        self.process(Input::StartedHeight(height, how), around).await?;
        let due = self.book.waiting.shift_and_take(&height);
        around.tasks.extend(due.map(|(request, value)| Task::Fetched(request, value)));
        Ok(())
    }

    /// Runs Malachite's state machine on one input.
    pub(super) async fn process<H: Host>(
        &mut self,
        input: Input<Ctx>,
        around: &mut Around<'_, H>,
    ) -> Result<(), EngineError> {
        let input = self.show_one_peer(input);
        let consensus_height = self.state.consensus_height;
        let mut floor = self.state.history_min_height;
        let Self { state, metrics, book, .. } = self;
        // The macro returns from the block that it stands in.
        let done: Result<(), Error<Ctx>> = async {
            arc_malachitebft_sync::process!(
                input: input,
                state: state,
                metrics: metrics,
                with: effect => {
                    let done = book.carry_out(effect, consensus_height, &mut floor, around).await;
                    done.map_err(|error| {
                        around.failure.get_or_insert(error);
                        Failed
                    })
                }
            )
        }
        .await;
        self.state.history_min_height = floor;
        match around.failure.take() {
            Some(failure) => Err(failure),
            None => done.map_err(|error| EngineError::Contract(error.to_string())),
        }
    }

    /// Malachite chooses among peers by hash maps and scores that depend on the machine's clock. So that a seed gives
    /// one run, it is shown a single peer: one that is ahead of us and has not failed this request.
    fn show_one_peer(&mut self, input: Input<Ctx>) -> Input<Ctx> {
        let mut barred = BTreeSet::new();
        match &input {
            Input::Status(status) => {
                self.statuses.insert(status.peer_id, status.clone());
            }
            Input::ValueResponse(id, peer, None)
            | Input::SyncRequestTimedOut(id, peer, _)
            | Input::PeerFault(peer, _, id) => {
                barred.extend(self.state.pending_requests.get(id).iter().flat_map(|entry| &entry.excluded_peers));
                barred.insert(*peer);
            }
            _ => {}
        }
        let tip = self.state.tip_height;
        let able = self.statuses.values().filter(|status| status.tip_height > tip);
        let able: Vec<&Status<Ctx>> = able.filter(|status| !barred.contains(&status.peer_id)).collect();
        let furthest = able.iter().map(|status| status.tip_height).max();
        let wanted = furthest.map_or(self.state.sync_height, |furthest| furthest.min(self.state.sync_height));
        let best: Vec<&Status<Ctx>> = able.into_iter().filter(|status| status.tip_height >= wanted).collect();
        self.state.peers.clear();
        let Some(chosen) = (!best.is_empty()).then(|| best[self.dice.random_range(0..best.len())].clone()) else {
            return input;
        };
        self.state.peers.insert(chosen.peer_id, chosen.clone());
        match input {
            Input::Status(_) => Input::Status(chosen),
            other => other,
        }
    }
}

fn outbound(number: u64) -> OutboundRequestId {
    // Of one length, so that their order is that of the numbers.
    OutboundRequestId::new(format!("{number:020}"))
}

impl Book {
    async fn carry_out<H: Host>(
        &mut self,
        effect: Effect<Ctx>,
        consensus_height: Height,
        floor: &mut Height,
        around: &mut Around<'_, H>,
    ) -> Result<Resume<Ctx>, EngineError> {
        Ok(match effect {
            Effect::BroadcastStatus(tip_height, r) => {
                *floor = (*floor).max(around.handler.history_min().await?);
                let status = Status { peer_id: peer_id(self.me)?, tip_height, history_min_height: *floor };
                around.publish(Channel::Status, &status)?;
                r.resume_with(())
            }
            Effect::SendValueRequest(to, request, r) => {
                let Some(peer) = self.peers.get(&to).copied() else {
                    return Ok(r.resume_with(None));
                };
                self.last_number = self.last_number.wrapping_add(1);
                let id = outbound(self.last_number);
                let request = Request::ValueRequest(request);
                around.send(To::Peer(peer), Channel::SyncRequest(self.last_number), &request)?;
                let limit = Config::default().request_timeout;
                around.timers.start(&around.port, Due::Request(id.clone()), limit);
                self.sent.insert(id.clone(), (to, request));
                r.resume_with(Some(id))
            }
            Effect::SendValueResponse(id, values, r) => {
                if let Some((peer, number)) = self.received.remove(&id) {
                    let response = Response::ValueResponse(values);
                    around.send(To::Peer(peer), Channel::SyncResponse(number), &response)?;
                }
                r.resume_with(())
            }
            Effect::GetDecidedValues(id, range, r) => {
                around.tasks.push_back(Task::Serve(id, range));
                r.resume_with(())
            }
            Effect::ProcessValueResponse(peer, id, values, r) => {
                self.sort(peer, &id, values, consensus_height, around);
                r.resume_with(())
            }
            Effect::CancelValueRequest(id, r) => {
                around.timers.cancel(&Due::Request(id.clone()));
                self.sent.remove(&id);
                r.resume_with(())
            }
        })
    }

    /// Blocks of this height go to the core, those of later ones wait for it.
    fn sort<H: Host>(
        &mut self,
        peer: PeerId,
        id: &OutboundRequestId,
        values: Values<Ctx>,
        consensus_height: Height,
        around: &mut Around<'_, H>,
    ) {
        for value in values.values {
            let height = value.height();
            let value = value.to_core(peer);
            match height.cmp(&consensus_height) {
                Ordering::Less => {}
                Ordering::Equal => around.tasks.push_back(Task::Fetched(id.clone(), value)),
                Ordering::Greater => {
                    if !self.waiting.push(height, (id.clone(), value)) {
                        debug!(%height, "too many fetched blocks wait; this one is dropped");
                    }
                }
            }
        }
    }
}
