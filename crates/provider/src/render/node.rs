//! The node at work: it offers its window, gives signs of life, and keeps in hand what the chain says that it has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use client::render::{Cache, UnitPath};
use proto::ToAny;
use proto::tetra::render::v1 as wire;
use proto::tetra::render::v1::NodeState;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

use super::board::Board;
use super::chain::path_of;
use super::config::RenderConfig;
use super::desk::RenderRefusal;
use super::records::Records;
use super::rights::Rights;
use super::scenes::Scenes;
use super::tools::{Measured, Tools};
use super::trial::Trials;
use super::trouble::Trouble;
use crate::agent::lock;
use crate::backoff::Backoff;
use crate::chain::Chain;
use crate::home::Home;
use crate::metrics::RenderMetrics;

/// Between two looks at the configuration of a node that is not enabled.
const LOOK: Duration = Duration::from_secs(2);
/// Between two looks at the chain, at least.
const TICK: Duration = Duration::from_millis(500);
/// Before what failed here, and not by its unit's doing, is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two times that old results are thrown away.
const PRUNE: Duration = Duration::from_secs(6 * 3600);

/// A render node beside its provider's agent.
pub(crate) struct RenderNode {
    pub(super) chain: Chain,
    home: Home,
    /// The folder `render` of the home.
    pub(super) folder: PathBuf,
    host_key: [u8; 32],
    pub(super) scenes: Scenes,
    pub(super) records: Records,
    pub(super) rights: Rights,
    pub(super) board: Mutex<Board>,
    pub(super) metrics: RenderMetrics,
    /// One render at a time; all others wait or fetch.
    pub(super) turn: Semaphore,
    /// The engine, once it is found.
    pub(super) tools: Mutex<Option<Arc<Tools>>>,
    pub(super) trials: Trials,
}

/// What a task works at: a unit's attempt, or an audit of one in a round.
type Key = (UnitPath, u32, u32);

/// Tasks at work. Dropping them ends them with all of their processes.
#[derive(Default)]
struct Hands {
    tasks: JoinSet<Key>,
    running: BTreeMap<Key, AbortHandle>,
    /// What ended and is not to begin again before.
    not_before: BTreeMap<Key, Instant>,
}

impl Hands {
    /// Ends what is no longer wanted, and lets go of what has ended.
    fn keep(&mut self, wanted: &[Key]) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Ok(key) = ended {
                self.running.remove(&key);
                self.not_before.insert(key, Instant::now() + AGAIN);
            }
        }
        self.running.retain(|key, task| {
            let stays = wanted.contains(key) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        self.not_before.retain(|key, _| wanted.contains(key));
    }

    fn begin(&mut self, key: Key, task: impl Future<Output = ()> + Send + 'static) {
        if self.running.contains_key(&key) || self.not_before.get(&key).is_some_and(|at| Instant::now() < *at) {
            return;
        }
        let name = key.clone();
        let handle = self.tasks.spawn(async move {
            task.await;
            name
        });
        self.running.insert(key, handle);
    }
}

impl RenderNode {
    /// The node of an agent's folder. Nothing is offered before [`Self::run`].
    pub(crate) fn open(
        chain: Chain,
        home: Home,
        host_key: [u8; 32],
        quota: u64,
        metrics: RenderMetrics,
    ) -> Result<Arc<Self>, RenderRefusal> {
        let folder = home.path().join("render");
        let internal = |error: std::io::Error| RenderRefusal::Internal(error.to_string());
        std::fs::create_dir_all(&folder).map_err(internal)?;
        Ok(Arc::new(Self {
            chain,
            home,
            scenes: Scenes::open(&folder, quota)?,
            records: Records::open(&folder).map_err(internal)?,
            folder,
            host_key,
            rights: Rights::default(),
            board: Mutex::default(),
            metrics,
            turn: Semaphore::new(1),
            tools: Mutex::default(),
            trials: Trials::default(),
        }))
    }

    /// The node's name on the chain.
    pub(crate) fn id(&self) -> wire::NodeId {
        wire::NodeId { owner: self.chain.address().to_owned(), host_key: self.host_key.to_vec() }
    }

    /// What of scenes is on disk.
    pub(super) fn cache(&self) -> Cache {
        let store = self.scenes.store();
        let scenes = self.scenes.held().iter().map(ToString::to_string).collect();
        Cache { bytes: store.bytes(), quota: store.quota(), scenes }
    }

    fn config(&self) -> Result<(RenderConfig, String), Trouble> {
        let config = self.home.config().map_err(|error| Trouble::Odd(error.to_string()))?;
        let render = config.render.unwrap_or_default();
        let endpoint = render.endpoint.clone().unwrap_or(config.host_uri);
        Ok((render, endpoint))
    }

    /// Notes what went wrong.
    pub(super) fn trouble(&self, unit: Option<&UnitPath>, trouble: &Trouble) {
        let code = trouble.code().unwrap_or("node");
        lock(&self.board).problem(unit.cloned(), code, trouble.to_string());
        match unit {
            Some(unit) => tracing::warn!(unit = %unit, reason = code, error = %trouble, "a render does not go on"),
            None => tracing::warn!(reason = code, error = %trouble, "the render node does not go on"),
        }
    }

    /// Works until the agent stops. Renders end with it; what was committed to is on disk.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        loop {
            let ended = match self.config() {
                Ok((config, endpoint)) if config.enabled => self.shift(&config, &endpoint).await,
                Ok(_) => self.rest().await,
                Err(trouble) => Err(trouble),
            };
            *lock(&self.tools) = None;
            match ended {
                Ok(()) => backoff.reset(),
                Err(trouble) => {
                    self.trouble(None, &trouble);
                    self.waits(&trouble);
                    self.await_or_open(backoff.wait()).await;
                }
            }
        }
    }

    /// It cannot go on for now, and says why; a node that yielded or is banned has said it before.
    fn waits(&self, trouble: &Trouble) {
        let mut board = lock(&self.board);
        if board.state != "yielded" && board.state != "banned" {
            board.is("waiting", Some(trouble.to_string()));
        }
    }

    /// Waits; audits of what was rendered before are opened meanwhile, for silence is guilt.
    async fn await_or_open(&self, wait: Duration) {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            match self.chain.render_duties(&self.id()).await {
                Ok(duties) => self.open_all(&duties).await,
                Err(error) => tracing::debug!(%error, "duties of renders cannot be asked for"),
            }
            tokio::time::sleep(LOOK.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// Not enabled: takes the window back if there is one, and waits until that changes.
    async fn rest(&self) -> Result<(), Trouble> {
        lock(&self.board).enabled = false;
        if self.home.config().is_ok_and(|config| config.render.is_some()) {
            let node = self.chain.render_node(&self.id()).await?;
            if node.is_some_and(|node| !matches!(node.state(), NodeState::Disabled | NodeState::Banned)) {
                self.chain.send(vec![wire::MsgDisableNode { node: Some(self.id()), leave: false }.to_any()]).await?;
                tracing::info!("the render node is disabled");
            }
        }
        lock(&self.board).is("disabled", None);
        while self.config().is_ok_and(|(config, _)| !config.enabled) {
            self.leave().await?;
            if self.home.config().is_ok_and(|config| config.render.is_some()) {
                self.await_or_open(LOOK).await;
            } else {
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Where its owner wants it to leave for good: tells the chain so, and asks for what is kept back when the chain's time has
    /// come. While an audit goes on the chain refuses, and it asks again later.
    async fn leave(&self) -> Result<(), Trouble> {
        if !self.home.config().is_ok_and(|config| config.render.is_some_and(|render| render.leave)) {
            return Ok(());
        }
        let Some(node) = self.chain.render_node(&self.id()).await? else { return Ok(()) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let begins = node.leaves_ms == 0;
        let due = node.held_back_ucredits > 0 && now > u128::from(node.leaves_ms);
        if node.state() == NodeState::Disabled && (begins || due) {
            self.chain.send(vec![wire::MsgDisableNode { node: Some(self.id()), leave: true }.to_any()]).await?;
            let told = if begins { "the render node leaves for good" } else { "what was kept back is released" };
            tracing::info!("{told}");
        }
        Ok(())
    }

    /// Enabled: offers the window and works until the configuration changes, or the chain closes the window.
    async fn shift(self: &Arc<Self>, config: &RenderConfig, endpoint: &str) -> Result<(), Trouble> {
        {
            let mut board = lock(&self.board);
            board.enabled = true;
            if board.state != "yielded" {
                board.is("starting", None);
            }
        }
        let tools = Tools::find(config, &self.folder).await?;
        lock(&self.board).engine = tools.named.clone();
        if lock(&self.board).benchmark_ms.is_empty() {
            lock(&self.board).is("measuring", None);
        }
        let measured = tools.measured(&self.folder).await?;
        lock(&self.board).benchmark_ms = measured.rounds();
        *lock(&self.tools) = Some(Arc::clone(&tools));
        let params = self.chain.render_params().await?;
        let offered = self.offer_window(config, endpoint, &tools, &measured).await?;
        let beat_every = Duration::from_millis((params.offline_ms / 3).max(1000));
        let tick = self.chain.facts().block_interval().max(TICK);
        let no_progress = Duration::from_millis(params.no_progress_ms);
        let mut hands = Hands::default();
        // An offer is a sign of life.
        let mut beaten = offered.then(Instant::now);
        let (mut told, mut pruned): (_, Option<Instant>) = (Vec::new(), None);
        while self.config()? == (config.clone(), endpoint.to_owned()) {
            match self.turn_once(&tools, no_progress, &mut hands).await {
                Ok(()) => {}
                Err(trouble @ Trouble::Chain(_)) => self.trouble(None, &trouble),
                Err(trouble) => return Err(trouble),
            }
            let held = self.scenes.held();
            let since = beaten.map_or(Duration::MAX, |at| at.elapsed());
            // A sign in the block after another costs more gas than its simulation, which sees no time between them.
            if since >= beat_every || (held != told && since >= 2 * tick) {
                let scenes = held.iter().map(|scene| scene.0.to_vec()).collect();
                match self.chain.send(vec![wire::MsgBeat { node: Some(self.id()), scenes }.to_any()]).await {
                    Ok(_) => (beaten, told) = (Some(Instant::now()), held),
                    Err(error) => self.trouble(None, &error.into()),
                }
            }
            // A trial has the turn as well.
            if hands.running.is_empty() && self.turn.available_permits() > 0 {
                tools.engine.let_go();
                self.scenes.tidy(&[]);
            }
            if pruned.is_none_or(|at| at.elapsed() >= PRUNE) {
                self.records.prune(Duration::from_secs(config.keep_days.saturating_mul(86_400)));
                pruned = Some(Instant::now());
            }
            tokio::time::sleep(tick).await;
        }
        Ok(())
    }

    /// Offers the window, unless just this is offered already; says whether it did.
    async fn offer_window(
        &self,
        config: &RenderConfig,
        endpoint: &str,
        tools: &Tools,
        measured: &Measured,
    ) -> Result<bool, Trouble> {
        let wanted = wire::MsgEnableNode {
            node: Some(self.id()),
            engine: Some(tools.named.clone()),
            window: Some(config.window()),
            tier: config.wire_tier().into(),
            sleep: config.hours(),
            benchmark_ms: measured.fastest(),
            endpoint: endpoint.to_owned(),
            simulated: false,
        };
        let mut messages = Vec::new();
        if let Some(node) = self.chain.render_node(&self.id()).await? {
            let same = node.engine == wanted.engine
                && node.window == wanted.window
                && node.tier == wanted.tier
                && node.sleep == wanted.sleep
                && node.benchmark_ms == wanted.benchmark_ms
                && node.endpoint == wanted.endpoint;
            match node.state() {
                NodeState::Banned => {
                    let text = "the chain has banned this node: it was proven wrong too often".to_owned();
                    lock(&self.board).is("banned", Some(text.clone()));
                    return Err(Trouble::Odd(text));
                }
                NodeState::Ready | NodeState::Asleep | NodeState::Offline if same => return Ok(false),
                NodeState::Ready | NodeState::Asleep | NodeState::Offline => {
                    messages.push(wire::MsgDisableNode { node: Some(self.id()), leave: false }.to_any());
                }
                _ => {}
            }
        }
        let benchmark_ms = wanted.benchmark_ms;
        messages.push(wanted.to_any());
        self.chain.send(messages).await?;
        tracing::info!(benchmark_ms, engine = tools.named.build, "the render node is enabled");
        Ok(true)
    }

    /// Compares what is in hand with what the chain says.
    async fn turn_once(
        self: &Arc<Self>,
        tools: &Arc<Tools>,
        no_progress: Duration,
        hands: &mut Hands,
    ) -> Result<(), Trouble> {
        let node = self.chain.render_node(&self.id()).await?;
        let state = node.as_ref().map_or(NodeState::Unspecified, wire::Node::state);
        match state {
            NodeState::Ready => lock(&self.board).is("ready", None),
            NodeState::Asleep => lock(&self.board).is("asleep", Some("its hours of sleep".to_owned())),
            NodeState::Offline => lock(&self.board).is("offline", Some("the chain had no sign of it".to_owned())),
            NodeState::Yielded => {
                let text = "another market took the machine; it is offered again when there is room".to_owned();
                lock(&self.board).is("yielded", Some(text.clone()));
                return Err(Trouble::Odd(text));
            }
            _ => return Err(Trouble::Odd(format!("the chain has this node as {}", state.as_str_name()))),
        }
        let frames = self.chain.render_work(&self.id()).await?;
        let duties = self.chain.render_duties(&self.id()).await?;
        let frames: Vec<(UnitPath, wire::Frame)> =
            frames.into_iter().filter_map(|frame| Some((path_of(frame.id.as_ref()?), frame))).collect();
        let audits: Vec<(UnitPath, wire::Audit)> =
            duties.iter().filter_map(|audit| Some((path_of(audit.unit.as_ref()?), audit.clone()))).collect();
        lock(&self.board).audits = audits.iter().map(|(unit, _)| unit.clone()).collect();
        let audits: Vec<_> = audits.into_iter().filter(|(_, audit)| self.is_due(audit)).collect();
        let units = frames.iter().map(|(unit, frame)| (unit.clone(), frame.attempt, 0));
        let wanted: Vec<Key> =
            units.chain(audits.iter().map(|(unit, audit)| (unit.clone(), audit.attempt, audit.round))).collect();
        hands.keep(&wanted);
        for (unit, audit) in audits {
            let key = (unit.clone(), audit.attempt, audit.round);
            hands.begin(key, Arc::clone(self).audit(Arc::clone(tools), unit, audit));
        }
        for (unit, frame) in frames {
            let key = (unit.clone(), frame.attempt, 0);
            hands.begin(key, Arc::clone(self).unit(Arc::clone(tools), no_progress, unit, frame));
        }
        self.open_all(&duties).await;
        Ok(())
    }
}
