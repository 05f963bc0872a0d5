//! The supplier at work: it keeps its offer on the chain, gives signs of life, takes part in rounds of proofs, and has a task
//! for each node of a cluster that the chain says it has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::cluster::ClusterPath;
use proto::ToAny;
use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::{OfferState, Tier};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::chain::{has_ended, live, path_of};
use super::config::ClusterConfig;
use super::desk::ClusterDesk;
use super::ground::{Carriage, Ground};
use super::node::{NodeState, Seat};
use super::proofs::Committed;
use super::trial::Trial;
use super::trouble::Trouble;
use super::{counter, pods};
use crate::agent::lock;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::home::Home;

/// Between two looks at the chain.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks at the configuration of a supplier that is not enabled.
const LOOK: Duration = Duration::from_secs(2);
/// Before something that failed beside all else is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// Between two looks at parameters.
const PARAMS: Duration = Duration::from_secs(30);
/// How long what was kept of a cluster stays after its end.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// A node here: its cluster and its number.
pub(super) type NodeKey = (ClusterPath, u32);

/// A supplier beside its provider's agent.
pub(crate) struct Supplier {
    pub(super) chain: Chain,
    pub(super) home: Home,
    pub(super) host_key: [u8; 32],
    pub(super) ground: Arc<dyn Ground>,
    gateway: std::net::SocketAddr,
    enabled: Mutex<bool>,
    /// What was committed to last.
    pub(super) committed: Mutex<Option<Arc<Committed>>>,
    /// The nodes here.
    pub(super) seats: Mutex<BTreeMap<NodeKey, Arc<Seat>>>,
    params: Mutex<Option<(Instant, wire::Params)>>,
    /// What was measured last.
    pub(super) tier: Mutex<Tier>,
    /// This machine's end of the round's trial.
    pub(super) trial: Mutex<Option<Arc<Trial>>>,
}

/// A task for each node, and what it is told of its cluster.
#[derive(Default)]
struct Tasks {
    tasks: JoinSet<()>,
    running: BTreeMap<NodeKey, (watch::Sender<wire::Cluster>, AbortHandle)>,
    /// A proof or verdicts that are being worked at, by round.
    proving: Option<(u64, AbortHandle)>,
    verifying: Option<AbortHandle>,
    /// Nodes that end. What ran on one has time to end in, for which nothing else waits: its device may be hired again already.
    ending: BTreeMap<NodeKey, AbortHandle>,
    beaten: Option<Instant>,
}

impl Supplier {
    /// The supplier of an agent's folder. Nothing is offered before [`Self::run`].
    pub(crate) fn open(
        chain: Chain,
        home: Home,
        host_key: [u8; 32],
        ground: Arc<dyn Ground>,
        gateway: std::net::SocketAddr,
    ) -> Arc<Self> {
        Arc::new(Self {
            chain,
            home,
            host_key,
            ground,
            gateway,
            enabled: Mutex::default(),
            committed: Mutex::default(),
            seats: Mutex::default(),
            params: Mutex::default(),
            tier: Mutex::default(),
            trial: Mutex::default(),
        })
    }

    /// The supplier as its gateway sees it; none while it neither offers anything nor runs a node.
    pub(crate) fn desk(self: &Arc<Self>) -> Option<Arc<dyn ClusterDesk>> {
        let works = *lock(&self.enabled) || !lock(&self.seats).is_empty();
        works.then(|| Arc::new(counter::Counter(Arc::clone(self))) as Arc<dyn ClusterDesk>)
    }

    /// Its name on the chain.
    pub(super) fn id(&self) -> wire::OfferId {
        wire::OfferId { owner: self.chain.address().to_owned(), host_key: self.host_key.to_vec() }
    }

    /// What it is told now.
    pub(super) fn config(&self) -> Result<ClusterConfig, Trouble> {
        Ok(self.home.config()?.cluster.unwrap_or_default())
    }

    /// How packets of overlays reach it.
    pub(super) fn carriage(&self) -> Result<Carriage, Trouble> {
        let config = self.config()?;
        let (listen, told) = config.listen(self.gateway);
        Ok(Carriage { listen, told, via: config.via })
    }

    /// Parameters of the market, not older than half a minute.
    pub(super) async fn params(&self) -> Result<wire::Params, Trouble> {
        if let Some((at, params)) = &*lock(&self.params)
            && at.elapsed() < PARAMS
        {
            return Ok(params.clone());
        }
        let params = self.chain.cluster_params().await?;
        *lock(&self.params) = Some((Instant::now(), params.clone()));
        Ok(params)
    }

    /// Works until the agent stops. Containers go on.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut backoff = Backoff::new(TICK, Duration::from_secs(30));
        let mut tasks = Tasks::default();
        loop {
            match self.turn(&mut tasks).await {
                Ok(pause) => {
                    backoff.reset();
                    tokio::time::sleep(pause).await;
                }
                Err(error) => {
                    match error {
                        Trouble::Waits(why) => tracing::info!(reason = why, "the supplier of clusters waits"),
                        error => tracing::warn!(%error, "the supplier of clusters does not go on; trying again"),
                    }
                    tokio::time::sleep(backoff.wait()).await;
                }
            }
        }
    }

    /// One look at everything; gives how long to wait for the next.
    async fn turn(self: &Arc<Self>, tasks: &mut Tasks) -> Result<Duration, Trouble> {
        let told = self.home.config()?.cluster;
        let Some(config) = told else { return Ok(LOOK) };
        *lock(&self.enabled) = config.enabled;
        let found = self.chain.cluster_offer(&self.id()).await?;
        let offer = found.as_ref().and_then(|found| found.offer.clone());
        let offer = match self.follow_config(&config, offer).await? {
            Some(offer) => offer,
            None => return Ok(LOOK),
        };
        self.beat(tasks).await?;
        self.follow_round(tasks, &offer).await?;
        self.follow_work(tasks).await?;
        Ok(TICK)
    }

    /// Brings the offer to what is configured. Gives it as it is; none while there is none.
    async fn follow_config(
        &self,
        config: &ClusterConfig,
        offer: Option<wire::Offer>,
    ) -> Result<Option<wire::Offer>, Trouble> {
        let wire::OfferId { owner, host_key } = self.id();
        let is_hired = offer.as_ref().is_some_and(|offer| offer.hired > 0);
        let is_offered = offer.as_ref().is_some_and(|offer| !offer.paused);
        let terms = match (config.enabled, is_hired) {
            (false, false) => {
                // Once nobody can hire it any more.
                if !is_offered {
                    self.ground.let_go().await?;
                }
                config.terms()
            }
            (true, false) => self.ground.terms(config).await?,
            // What is hired is looked after whatever becomes of the rest; other terms count after it.
            (_, true) => self.ground.terms(config).await.unwrap_or_else(|error| {
                match error {
                    Trouble::Waits(why) => tracing::info!(reason = why, "what is offered is looked after"),
                    error => tracing::warn!(%error, "what is offered cannot be looked after; trying again"),
                }
                config.terms()
            }),
        };
        let is_so =
            |offer: &wire::Offer| offer.terms.as_ref() == Some(&terms) && offer.source() == config.origin.wire();
        match offer {
            None if !config.enabled => Ok(None),
            Some(offer) if config.enabled && is_so(&offer) && !offer.paused => Ok(Some(offer)),
            // What is another device now is offered as that before anybody can hire it.
            Some(offer) if config.enabled && offer.paused && (is_so(&offer) || offer.hired > 0) => {
                self.chain.send(vec![wire::MsgPauseDevices { owner, host_key, paused: false }.to_any()]).await?;
                tracing::info!("devices are offered to clusters again");
                Ok(Some(offer))
            }
            // Other terms count once nothing is hired.
            Some(offer) if config.enabled && (offer.hired > 0 || offer.blocked) => Ok(Some(offer)),
            _ if config.enabled => {
                let source = config.origin.wire().into();
                let msg = wire::MsgOfferDevices { owner, host_key, terms: Some(terms), source };
                self.chain.send(vec![msg.to_any()]).await?;
                tracing::info!(devices = config.devices, class = config.class, "devices are offered to clusters");
                Ok(self.chain.cluster_offer(&self.id()).await?.and_then(|found| found.offer))
            }
            Some(offer) if config.withdraw && offer.hired == 0 => {
                self.chain.send(vec![wire::MsgWithdrawDevices { owner, host_key }.to_any()]).await?;
                tracing::info!("the offer to clusters is withdrawn, and its collateral returned");
                Ok(None)
            }
            Some(offer) if !offer.paused => {
                self.chain.send(vec![wire::MsgPauseDevices { owner, host_key, paused: true }.to_any()]).await?;
                tracing::info!("devices are offered to clusters no more; what is hired stays hired");
                Ok(Some(offer))
            }
            Some(offer) => Ok(Some(offer)),
            None => Ok(None),
        }
    }

    async fn beat(&self, tasks: &mut Tasks) -> Result<(), Trouble> {
        let every = Duration::from_millis(self.params().await?.beat_ms);
        if tasks.beaten.is_some_and(|beaten| beaten.elapsed() < every) {
            return Ok(());
        }
        let wire::OfferId { owner, host_key } = self.id();
        let tier = (*lock(&self.tier)).into();
        self.chain.send(vec![wire::MsgBeat { owner, host_key, tier }.to_any()]).await?;
        tasks.beaten = Some(Instant::now());
        Ok(())
    }

    /// Takes part in the round that is open, and verifies what it is drawn for. Each is a task beside this one, because both
    /// compute.
    async fn follow_round(self: &Arc<Self>, tasks: &mut Tasks, offer: &wire::Offer) -> Result<(), Trouble> {
        let Some(round) = self.chain.cluster_round().await? else { return Ok(()) };
        let begun = tasks.proving.as_ref().is_some_and(|(number, _)| *number == round.number);
        let may = !matches!(offer.state(), OfferState::Blocked | OfferState::Paused) && offer.hired == 0;
        if round.draw.is_empty() && !begun && may && offer.committed_round != round.number {
            let (supplier, offer, number) = (Arc::clone(self), offer.clone(), round.number);
            let task = tasks.tasks.spawn(async move {
                if let Err(error) = supplier.prove(&offer, &round).await {
                    tracing::warn!(round = round.number, %error, "no proof of devices in this round");
                }
                if let Err(error) = supplier.measure().await {
                    tracing::warn!(%error, "connectivity could not be measured");
                }
            });
            tasks.proving = Some((number, task));
            return Ok(());
        }
        let busy = tasks.verifying.as_ref().is_some_and(|task| !task.is_finished());
        if round.closed {
            // The others have spoken.
            lock(&self.trial).take();
        }
        if round.draw.is_empty() || round.closed || busy {
            return Ok(());
        }
        let duties = self.chain.cluster_duties(&self.id()).await?;
        self.meet(&round, &duties);
        if !duties.proofs.is_empty() || !duties.appeals.is_empty() {
            let supplier = Arc::clone(self);
            tasks.verifying = Some(tasks.tasks.spawn(async move {
                if let Err(error) = supplier.verify(&round, duties).await {
                    tracing::warn!(round = round.number, %error, "a verdict could not be given; trying again");
                }
            }));
        }
        Ok(())
    }

    /// Has a task for each node that the chain says is here, and ends what is here of others.
    async fn follow_work(self: &Arc<Self>, tasks: &mut Tasks) -> Result<(), Trouble> {
        while tasks.tasks.try_join_next().is_some() {}
        let own = Some(self.id());
        let mut wanted: BTreeMap<NodeKey, wire::Cluster> = BTreeMap::new();
        for cluster in self.chain.cluster_work(&self.id()).await? {
            let Some(path) = cluster.id.as_ref().map(path_of) else { continue };
            let numbers: Vec<u32> = live(&cluster).filter(|node| node.offer == own).map(|node| node.number).collect();
            for number in numbers {
                wanted.insert((path.clone(), number), cluster.clone());
            }
        }
        let over: Vec<NodeKey> = tasks.running.keys().filter(|key| !wanted.contains_key(key)).cloned().collect();
        for key in over {
            if let Some((_, task)) = tasks.running.remove(&key) {
                task.abort();
            }
            lock(&self.seats).remove(&key);
        }
        for (key, cluster) in &wanted {
            if let Some((told, _)) = tasks.running.get(key) {
                told.send_if_modified(|known| {
                    let changed = known != cluster;
                    if changed {
                        known.clone_from(cluster);
                    }
                    changed
                });
                continue;
            }
            let (told, follow) = watch::channel(cluster.clone());
            let seat = Arc::new(Seat::new(key.clone()));
            lock(&self.seats).insert(key.clone(), Arc::clone(&seat));
            let task = tasks.tasks.spawn(Arc::clone(self).keep(seat, follow));
            tasks.running.insert(key.clone(), (told, task));
        }
        self.sweep(tasks, &wanted).await
    }

    /// Removes pods of nodes that the chain knows to have ended.
    async fn sweep(
        self: &Arc<Self>,
        tasks: &mut Tasks,
        wanted: &BTreeMap<NodeKey, wire::Cluster>,
    ) -> Result<(), Trouble> {
        self.prune_kept(wanted);
        tasks.ending.retain(|_, task| !task.is_finished());
        let pods = self.ground.list().await?;
        let here = pods.iter().filter_map(pods::of_pod);
        let over: Vec<NodeKey> =
            here.filter(|key| !wanted.contains_key(key) && !tasks.ending.contains_key(key)).collect();
        for (path, number) in over {
            let Some(cluster) = self.chain.cluster(&path).await? else { continue };
            // The chain's earlier answer may have been that of an earlier block.
            if live(&cluster).any(|node| node.number == number) {
                continue;
            }
            tracing::info!(cluster = %path, node = number, "a node of a cluster ends");
            let supplier = Arc::clone(self);
            let key = (path.clone(), number);
            let task = tasks.tasks.spawn(async move {
                if let Err(error) = supplier.end(&path, number, has_ended(&cluster)).await {
                    tracing::warn!(cluster = %path, node = number, %error, "a node does not end; trying again");
                    tokio::time::sleep(AGAIN).await;
                }
            });
            tasks.ending.insert(key, task);
        }
        Ok(())
    }

    async fn end(&self, path: &ClusterPath, number: u32, has_ended: bool) -> Result<(), Trouble> {
        self.ground.remove(&pods::id(path, number)).await?;
        self.forget(path, number, has_ended)
    }

    /// Throws away what was kept of clusters that have no node here, a day after it was written.
    fn prune_kept(&self, wanted: &BTreeMap<NodeKey, wire::Cluster>) {
        let entries = std::fs::read_dir(self.home.state()).into_iter().flatten().flatten();
        for entry in entries {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kept = |rest: &str| {
                ["-kept.", "-checkpoint.", "-manifest."]
                    .iter()
                    .find_map(|part| Some(rest.split_once(part)?.0.to_owned()))
            };
            let Some(cluster) = name.strip_prefix("cluster-").and_then(kept) else { continue };
            let works = wanted.keys().any(|(path, _)| format!("{}-{}", path.tenant, path.cseq) == cluster);
            let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
            if !works && age.is_some_and(|age| age >= KEPT) {
                // Another look tries again.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// The node of a cluster that is here, as its task sees it.
    pub(super) fn seat(&self, path: &ClusterPath, number: u32) -> Option<Arc<Seat>> {
        lock(&self.seats).get(&(path.clone(), number)).cloned()
    }

    /// All nodes of a cluster that are here.
    pub(super) fn seats_of(&self, path: &ClusterPath) -> Vec<Arc<Seat>> {
        let seats = lock(&self.seats);
        seats.iter().filter(|((of, _), _)| of == path).map(|(_, seat)| Arc::clone(seat)).collect()
    }
}

/// What a seat is at, for whoever asks.
pub(super) fn told(state: &NodeState) -> &'static str {
    match state {
        NodeState::Waiting => "waiting for its manifest",
        NodeState::Starting => "starting",
        NodeState::Joining => "looking for the others",
        NodeState::Running => "running",
        NodeState::Ended => "ended",
    }
}
