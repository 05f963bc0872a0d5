//! A node of a cluster, from reservation to end: manifest, container, overlay, and what the chain is told of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::cluster::{ClusterPath, Manifest};
use mesh::{PeerSpec, PublicKey, SecretKey};
use proto::ToAny;
use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::ClusterKind;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use workload::{PodStatus, State};

use super::chain::{cluster_id, live};
use super::ground::Overlay;
use super::keep::{self, Look};
use super::pods::{self, Each, Place};
use super::ray;
use super::supplier::{NodeKey, Supplier};
use super::trouble::{Trouble, reason};
use crate::agent::lock;
use crate::backoff::Backoff;

/// Between two looks at a node that runs.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks at one that looks for the others: its tenant waits.
const JOINING: Duration = Duration::from_millis(250);
/// A report that something is not reached is repeated so often, because time alone makes it count.
const REPEAT: Duration = Duration::from_secs(5);
/// Between two looks whether something runs.
const IDLE_LOOK: Duration = Duration::from_secs(10);
/// For a connection within the machine.
const LOCAL: Duration = Duration::from_secs(2);

/// What a node is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum NodeState {
    /// No manifest yet.
    #[default]
    Waiting,
    /// Its container starts.
    Starting,
    /// It looks for the others.
    Joining,
    /// It reaches them.
    Running,
    /// Its container is gone.
    Ended,
}

/// A node here, as everyone may see it.
pub(super) struct Seat {
    pub(super) key: NodeKey,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    state: NodeState,
    problem: Option<String>,
    cluster: wire::Cluster,
    manifest: Option<Manifest>,
    mesh: Option<Arc<dyn Overlay>>,
    /// Programs of the tenant that run, and when the last one ended.
    programs: usize,
    active: Option<Instant>,
}

/// What is remembered of a node on disk: its key, so that an agent that comes back is the same peer.
#[derive(Serialize, Deserialize)]
struct Remembered {
    secret: String,
}

fn key_file(path: &ClusterPath, number: u32) -> String {
    format!("cluster-{}-{}-{number}.json", path.tenant, path.cseq)
}

fn manifest_file(path: &ClusterPath) -> String {
    format!("cluster-{}-{}-manifest.json", path.tenant, path.cseq)
}

impl Seat {
    pub(super) fn new(key: NodeKey) -> Self {
        Self { key, live: Mutex::default() }
    }

    fn is(&self, state: NodeState) {
        lock(&self.live).state = state;
    }

    pub(super) fn state(&self) -> NodeState {
        lock(&self.live).state
    }

    pub(super) fn problem(&self) -> Option<String> {
        lock(&self.live).problem.clone()
    }

    pub(super) fn mesh(&self) -> Option<Arc<dyn Overlay>> {
        lock(&self.live).mesh.clone()
    }

    pub(super) fn manifest(&self) -> Option<Manifest> {
        lock(&self.live).manifest.clone()
    }

    pub(super) fn cluster(&self) -> wire::Cluster {
        lock(&self.live).cluster.clone()
    }

    /// Counts a program of the tenant until what is returned is dropped.
    pub(super) fn program(self: &Arc<Self>) -> Program {
        lock(&self.live).programs += 1;
        Program(Arc::clone(self))
    }

    /// Since when nothing was run on it; none while something is.
    fn idle_since(&self, began: Instant) -> Option<Instant> {
        let live = lock(&self.live);
        (live.programs == 0).then(|| live.active.unwrap_or(began))
    }

    fn touch(&self) {
        lock(&self.live).active = Some(Instant::now());
    }
}

/// A program of the tenant that runs.
pub(super) struct Program(Arc<Seat>);

impl Drop for Program {
    fn drop(&mut self) {
        let mut live = lock(&self.0.live);
        live.programs = live.programs.saturating_sub(1);
        live.active = Some(Instant::now());
    }
}

/// How a node's container is over.
enum Over {
    /// Its head, and with it its container, is another, or it left its overlay: it starts anew.
    Anew,
    /// It ended, and whether that is its tenant's command's doing.
    Ended(String, bool),
}

fn kind_of(cluster: &wire::Cluster) -> ClusterKind {
    cluster.ask.clone().unwrap_or_default().kind()
}

fn ended(status: &PodStatus) -> Option<String> {
    status.replicas.iter().find_map(|replica| match &replica.state {
        State::Running { .. } => None,
        State::Exited(exit) if exit.out_of_memory => {
            Some("its container needs more memory than its device has".to_owned())
        }
        State::Exited(exit) => Some(format!("its container ended with code {}", exit.code)),
        State::Absent => Some("its container is gone".to_owned()),
    })
}

/// Whether a container ended because the command that its tenant gave ended by itself, not by a signal.
fn by_command(status: &PodStatus, manifest: &Manifest) -> bool {
    let left = |state: &State| matches!(state, State::Exited(exit) if !exit.out_of_memory && exit.code < 128);
    !manifest.command.is_empty() && status.replicas.iter().any(|replica| left(&replica.state))
}

impl Supplier {
    /// Keeps a node until the chain knows better; the task is ended then.
    pub(super) async fn keep(self: Arc<Self>, seat: Arc<Seat>, mut follow: watch::Receiver<wire::Cluster>) {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
        loop {
            match self.turn_of(&seat, &mut follow).await {
                Ok(Over::Anew) => backoff.reset(),
                Ok(Over::Ended(why, by_command)) => {
                    seat.is(NodeState::Ended);
                    tracing::warn!(cluster = %seat.key.0, node = seat.key.1, reason = why, "a node of a cluster is lost");
                    if let Err(error) = self.report_loss(&seat, &why, by_command).await {
                        lock(&seat.live).problem = Some(error.to_string());
                    }
                    tokio::time::sleep(backoff.wait()).await;
                }
                Err(trouble) => {
                    lock(&seat.live).problem = Some(trouble.to_string());
                    if !matches!(trouble, Trouble::Waits(_)) {
                        tracing::warn!(cluster = %seat.key.0, node = seat.key.1, error = %trouble, "a node does not start");
                    }
                    // What cannot be kept to be looked at is let go.
                    let by_asker = seat.cluster().state() != wire::ClusterState::Kept;
                    if trouble.is_the_askers()
                        && let Err(error) = self.report_loss(&seat, &trouble.reason(), by_asker).await
                    {
                        tracing::warn!(cluster = %seat.key.0, %error, "the chain could not be told; trying again");
                    }
                    tokio::time::sleep(backoff.wait()).await;
                }
            }
        }
    }

    async fn report_loss(&self, seat: &Seat, why: &str, asker: bool) -> Result<(), Trouble> {
        let wire::OfferId { owner, host_key } = self.id();
        let (path, number) = &seat.key;
        let (id, number, reason) = (Some(cluster_id(path)), *number, reason(why));
        self.chain.send(vec![wire::MsgReportLoss { owner, host_key, id, number, reason, asker }.to_any()]).await?;
        Ok(())
    }

    /// Takes note of a cluster's manifest, if it is the one that the chain names.
    pub(super) fn take_manifest(&self, path: &ClusterPath, named: &[u8], bytes: &[u8]) -> Result<Manifest, Trouble> {
        let manifest = Manifest::parse(bytes, named)?;
        self.home.save(&manifest_file(path), &manifest)?;
        Ok(manifest)
    }

    /// The manifest of a cluster that is here.
    pub(super) fn kept_manifest(&self, path: &ClusterPath, named: &[u8]) -> Result<Option<Manifest>, Trouble> {
        let kept: Option<Manifest> = self.home.load(&manifest_file(path))?;
        Ok(kept.filter(|manifest| Manifest::hash(&manifest.to_bytes()) == named))
    }

    /// Forgets what was remembered of a node, and of its cluster when that has ended: who replaces a node asks for the manifest, also
    /// those who have none of the cluster's nodes any more.
    pub(super) fn forget(&self, path: &ClusterPath, number: u32, ended: bool) -> Result<(), Trouble> {
        let remove = |name: String| match std::fs::remove_file(self.home.state().join(&name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Trouble::Odd(format!("{name} cannot be removed: {error}")))
            }
            _ => Ok(()),
        };
        // What is kept of its head stays for its tenant; `prune_kept` throws that away after a day, and manifests.
        remove(key_file(path, number))?;
        if ended { remove(manifest_file(path)) } else { Ok(()) }
    }

    fn secret(&self, path: &ClusterPath, number: u32) -> Result<SecretKey, Trouble> {
        let name = key_file(path, number);
        if let Some(kept) = self.home.load::<Remembered>(&name)? {
            let bytes = hex::decode(&kept.secret).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            return bytes.map(SecretKey::from).ok_or_else(|| Trouble::Odd(format!("{name} holds no key")));
        }
        let secret = SecretKey::generate();
        self.home.save(&name, &Remembered { secret: hex::encode(secret.to_bytes()) })?;
        Ok(secret)
    }

    async fn manifest_for(&self, path: &ClusterPath, cluster: &wire::Cluster) -> Result<Manifest, Trouble> {
        if let Some(kept) = self.kept_manifest(path, &cluster.manifest)? {
            return Ok(kept);
        }
        let bytes = self.manifest_of_others(path, cluster).await?;
        self.take_manifest(path, &cluster.manifest, &bytes)
    }

    /// Brings a node up and watches it until something about it is over.
    async fn turn_of(&self, seat: &Arc<Seat>, follow: &mut watch::Receiver<wire::Cluster>) -> Result<Over, Trouble> {
        let (path, number) = &seat.key;
        let cluster = follow.borrow_and_update().clone();
        lock(&seat.live).cluster = cluster.clone();
        let kind = kind_of(&cluster);
        let is_kept = cluster.state() == wire::ClusterState::Kept;
        let place = pods::place(&cluster, *number)
            .ok_or_else(|| Trouble::Waits("waiting for the cluster to have a head".to_owned()))?;
        let mut manifest = self.manifest_for(path, &cluster).await?;
        // What failed is looked at from inside: it waits for programs, and does not fail again.
        let kind = if is_kept { ClusterKind::Shell } else { kind };
        if is_kept {
            manifest.command.clear();
        }
        lock(&seat.live).manifest = Some(manifest.clone());
        seat.is(NodeState::Starting);
        let found = self.chain.cluster_offer(&self.id()).await?.and_then(|found| found.offer);
        let terms = found.and_then(|offer| offer.terms).unwrap_or_default();
        let spec = pods::spec(path, kind, &manifest, (place, self.ground.has_device()), &Each::from(&terms));
        let started = self.ground.start(&spec).await?;
        if let Some(why) = ended(&started) {
            return Ok(Over::Ended(why, by_command(&started, &manifest)));
        }
        let mesh = self.overlay(path, *number, &started).await?;
        {
            let mut live = lock(&seat.live);
            (live.mesh, live.problem) = (Some(Arc::clone(&mesh)), None);
        }
        seat.is(NodeState::Joining);
        let over = self.watch(seat, follow, (kind, place), &mesh).await;
        // The device goes before another one can come.
        lock(&seat.live).mesh = None;
        over
    }

    async fn overlay(&self, path: &ClusterPath, number: u32, started: &PodStatus) -> Result<Arc<dyn Overlay>, Trouble> {
        let secret = self.secret(path, number)?;
        let overlay_key = secret.public().0.to_vec();
        let entrance = self.ground.enter(Some(started), &self.carriage()?).await?;
        let endpoint = entrance.endpoint();
        let mesh = entrance.begin(secret, number).await?;
        let wire::OfferId { owner, host_key } = self.id();
        let msg = wire::MsgJoinCluster {
            owner,
            host_key,
            id: Some(cluster_id(path)),
            number,
            overlay_key,
            endpoints: vec![endpoint.to_string()],
        };
        self.chain.send(vec![msg.to_any()]).await?;
        tracing::info!(cluster = %path, node = number, address = %mesh.address(), endpoint = %endpoint, "a node joined its cluster");
        Ok(mesh)
    }

    /// Tells the overlay who its peers are and the chain whom it reaches, until the container or the place ends.
    async fn watch(
        &self,
        seat: &Arc<Seat>,
        follow: &mut watch::Receiver<wire::Cluster>,
        (kind, place): (ClusterKind, Place),
        mesh: &Arc<dyn Overlay>,
    ) -> Result<Over, Trouble> {
        let (path, number) = &seat.key;
        let began = Instant::now();
        let (mut reported, mut looked) = (None::<(Vec<u32>, Instant)>, began);
        let manifest = seat.manifest().unwrap_or_else(|| Manifest::new(String::new(), Vec::new(), BTreeMap::new()));
        // Only who takes the place of another head has something to restore.
        let first = |cluster: &wire::Cluster| !cluster.nodes.iter().any(|node| node.rank == 0 && node.number < *number);
        let mut restored = place.rank != 0 || first(&follow.borrow());
        let mut kept = began;
        let mut filled = manifest.data_bytes == 0 || !replaces(&follow.borrow(), *number);
        loop {
            let cluster = follow.borrow_and_update().clone();
            lock(&seat.live).cluster = cluster.clone();
            if kind == ClusterKind::Ray && pods::place(&cluster, *number).is_some_and(|now| now.head != place.head) {
                return Ok(Over::Anew);
            }
            // Looked at first: an overlay that left because its container ended is no reason to start that again.
            let is_over = mesh.is_over();
            let status = self.ground.status(&pods::id(path, *number)).await?;
            if let Some(why) = ended(&status) {
                return Ok(Over::Ended(why, by_command(&status, &manifest)));
            }
            if is_over {
                return Ok(Over::Anew);
            }
            mesh.set_peers(peers(&cluster, *number));
            let mut reached = mesh.status().reached;
            if !filled {
                filled = match self.fill((path, *number), &cluster, manifest.data_bytes).await {
                    Ok(()) => true,
                    Err(trouble) => {
                        lock(&seat.live).problem = Some(trouble.to_string());
                        false
                    }
                };
            }
            if !filled || (kind == ClusterKind::Ray && !self.ray_answers(&**mesh, place).await) {
                // A node without its data, or whose own Ray does not answer, is not there yet.
                reached.retain(|other| other != number);
            }
            let wanted = live(&cluster).map(|node| node.number).collect::<Vec<u32>>();
            let all = wanted.iter().all(|other| reached.contains(other));
            seat.is(if all { NodeState::Running } else { NodeState::Joining });
            let due = reported.as_ref().is_none_or(|(last, at)| *last != reached || (!all && at.elapsed() >= REPEAT));
            if due {
                self.report_reach(path, *number, &reached).await?;
                reported = Some((reached, Instant::now()));
            }
            if place.rank == 0 && looked.elapsed() >= IDLE_LOOK {
                looked = Instant::now();
                self.look_idle(seat, &cluster, (kind, began), &**mesh).await?;
            }
            let look = Look {
                path,
                number: *number,
                kind,
                secret: &manifest.secret,
                mesh: &**mesh,
                checkpoint_bytes: manifest.checkpoint_bytes,
            };
            // Jobs are submitted again by the dashboard.
            if !restored && all && (kind != ClusterKind::Ray || answers(&**mesh, pods::RAY_DASHBOARD).await) {
                self.restore(&look, &cluster).await?;
                restored = true;
            }
            if restored && cluster.formed_ms > 0 && kept.elapsed() >= keep::EVERY {
                let done = match place.rank {
                    0 => self.keep_own(&look).await,
                    _ => self.keep_others(&look, &cluster).await,
                };
                if let Err(error) = done {
                    tracing::debug!(cluster = %path, %error, "the head could not be looked at; the next look may");
                }
                kept = Instant::now();
            }
            let pause = if all { TICK } else { JOINING };
            let _ = tokio::time::timeout(pause, follow.changed()).await;
        }
    }

    async fn report_reach(&self, path: &ClusterPath, number: u32, reached: &[u32]) -> Result<(), Trouble> {
        let wire::OfferId { owner, host_key } = self.id();
        let (id, reached) = (Some(cluster_id(path)), reached.to_vec());
        self.chain.send(vec![wire::MsgReportReach { owner, host_key, id, number, reached }.to_any()]).await?;
        Ok(())
    }

    async fn ray_answers(&self, mesh: &dyn Overlay, place: Place) -> bool {
        // Tasks run once the head takes nodes; its dashboard, and the Jobs API with it, is there seconds later.
        let port = if place.rank == 0 { pods::RAY_HEAD } else { pods::RAY_NODE };
        answers(mesh, port).await
    }

    /// Ends a cluster on which nothing ran for as long as its tenant said.
    async fn look_idle(
        &self,
        seat: &Arc<Seat>,
        cluster: &wire::Cluster,
        (kind, began): (ClusterKind, Instant),
        mesh: &dyn Overlay,
    ) -> Result<(), Trouble> {
        let idle = Duration::from_millis(cluster.ask.as_ref().map_or(0, |ask| ask.idle_ms));
        if idle.is_zero() || cluster.formed_ms == 0 {
            return Ok(());
        }
        let secret = seat.manifest().map(|manifest| manifest.secret).unwrap_or_default();
        let jobs = if kind == ClusterKind::Ray { ray::jobs(mesh, &secret).await } else { None };
        if jobs.is_some_and(|jobs| jobs.iter().any(ray::goes_on)) {
            seat.touch();
        }
        if seat.idle_since(began).is_some_and(|since| since.elapsed() >= idle) {
            let wire::OfferId { owner, host_key } = self.id();
            let (path, number) = &seat.key;
            let msg = wire::MsgReportIdle { owner, host_key, id: Some(cluster_id(path)), number: *number };
            self.chain.send(vec![msg.to_any()]).await?;
        }
        Ok(())
    }
}

/// Whether somebody listens at a port of a node.
async fn answers(mesh: &dyn Overlay, port: u16) -> bool {
    mesh.connect((mesh.address(), port).into(), LOCAL).await.is_ok()
}

/// Whether a node came into a cluster that had formed before, and is not paid yet.
fn replaces(cluster: &wire::Cluster, number: u32) -> bool {
    let waits = |node: &wire::Node| node.number == number && node.state() != wire::NodeState::Running;
    cluster.formed_ms > 0 && live(cluster).any(waits)
}

/// The other nodes of a cluster that joined.
fn peers(cluster: &wire::Cluster, number: u32) -> Vec<PeerSpec> {
    let others = live(cluster).filter(|node| node.number != number);
    let peer = |node: &wire::Node| {
        let key: [u8; 32] = node.overlay_key.as_slice().try_into().ok()?;
        let endpoints = node.endpoints.iter().filter_map(|endpoint| endpoint.parse().ok()).collect();
        Some(PeerSpec { number: node.number, key: PublicKey(key), endpoints })
    };
    others.filter_map(peer).collect()
}
