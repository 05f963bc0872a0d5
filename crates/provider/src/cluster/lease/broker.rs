//! The leases as a supplier's ground.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use client::SigningKey;
use client::exec::TerminalSize;
use client::gateway::LogOptions;
use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::BoxStream;
use proto::tetra::cluster::v1::{LeaseTerms, OfferTerms};
use proving::{Product, Puzzle};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::AsyncReadExt;
use tokio::task::JoinHandle;
use workload::runtime::Exec;
use workload::{
    ExecSpec, ExitStatus, LogLine, LogQuery, LogStream, PodId, PodSpec, PodStatus, ReplicaStatus, State, VolumeKind,
};

use super::leases::Leases;
use super::reach::Guest;
use super::slots::{Lease, Slot, Tenant, Work};
use super::{install, streams};
use crate::agent::lock;
use crate::cluster::config::{CLASS, ClusterConfig, Origin};
use crate::cluster::ground::{Carriage, Entrance, Ground, OTHER};
use crate::cluster::pods::SERVICE;
use crate::cluster::trouble::Trouble;
use crate::home::{Home, HomeError};

/// Between two looks at the leases.
const LOOK: Duration = Duration::from_secs(10);
/// Between two looks at the container of a node.
const STATE: Duration = Duration::from_secs(5);

/// A broker.
pub(crate) struct Broker {
    leases: Arc<Leases>,
    tending: Mutex<Tending>,
    /// What a node's provider said last, and when.
    states: Mutex<BTreeMap<PodId, (Instant, State)>>,
}

/// Looking after the leases, beside all else: buying one takes a minute.
#[derive(Default)]
struct Tending {
    task: Option<JoinHandle<Result<(), Trouble>>>,
    ended: Option<Instant>,
}

impl Drop for Tending {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Broker {
    /// The leases that an agent's folder remembers.
    ///
    /// # Errors
    /// When the file is damaged.
    pub(crate) fn open(home: Home, key: SigningKey) -> Result<Self, HomeError> {
        let leases = Arc::new(Leases::open(home, key)?);
        Ok(Self { leases, tending: Mutex::default(), states: Mutex::default() })
    }

    /// Looks after the leases every few seconds. Fails as the last look did, once.
    async fn tend(&self, devices: usize) -> Result<(), Trouble> {
        let ended = {
            let tending = &mut *lock(&self.tending);
            match tending.task.take() {
                Some(task) if task.is_finished() => {
                    tending.ended = Some(Instant::now());
                    Some(task)
                }
                Some(task) => {
                    tending.task = Some(task);
                    None
                }
                None if tending.ended.is_none_or(|at| at.elapsed() >= LOOK) => {
                    let leases = Arc::clone(&self.leases);
                    tending.task = Some(tokio::spawn(async move { leases.tend(devices).await }));
                    None
                }
                None => None,
            }
        };
        match ended {
            Some(task) => task.await.map_err(|error| Trouble::Odd(error.to_string()))?,
            None => Ok(()),
        }
    }

    async fn state(&self, id: &PodId) -> State {
        let now = State::Running { pid: 0, since: OffsetDateTime::now_utc() };
        let Ok(lease) = self.leases.lease_of(id) else { return State::Absent };
        let known = lock(&self.states).get(id).cloned();
        if let Some((_, state)) = known.filter(|(at, _)| at.elapsed() < STATE) {
            return state;
        }
        // A provider that does not answer says nothing about the container: whether it is reached, its overlay knows.
        let Ok(foreign) = self.leases.foreign().await else { return now };
        let state = match foreign.status(&lease).await {
            Ok(status) => {
                let exit = status.services.get(SERVICE).and_then(|service| service.last_exit.clone());
                exit.map_or(now, |exit| {
                    let at = OffsetDateTime::parse(&exit.at, &Rfc3339).unwrap_or_else(|_| OffsetDateTime::now_utc());
                    let (code, signal, out_of_memory) = (exit.code, exit.signal, exit.out_of_memory);
                    State::Exited(ExitStatus { code, signal, out_of_memory, at })
                })
            }
            Err(_) if matches!(foreign.is_active(&lease).await, Ok(false)) => State::Absent,
            Err(_) => now,
        };
        lock(&self.states).insert(id.clone(), (Instant::now(), state.clone()));
        state
    }

    fn shown(id: &PodId, state: State) -> PodStatus {
        let replica = ReplicaStatus {
            service: SERVICE.to_owned(),
            index: 0,
            address: std::net::Ipv4Addr::UNSPECIFIED,
            exposures: Vec::new(),
            state,
            restarts: 0,
            usage: None,
        };
        PodStatus { id: id.clone(), replicas: vec![replica] }
    }
}

#[async_trait]
impl Ground for Broker {
    async fn terms(&self, config: &ClusterConfig) -> Result<OfferTerms, Trouble> {
        if config.origin != Origin::Lease {
            return Err(Trouble::Waits(OTHER.to_owned()));
        }
        if config.class != CLASS {
            let why = format!(
                "devices of class {:?} cannot be leased elsewhere, those of class {CLASS:?} alone",
                config.class
            );
            return Err(Trouble::Odd(why));
        }
        self.tend(if config.enabled { config.devices as usize } else { 0 }).await?;
        let foreign = self.leases.foreign().await?;
        let margin_bp = self.leases.config()?.1.margin_bp;
        let slots: Vec<Slot> = self.leases.slots().into_iter().filter(|slot| slot.lease.is_some()).collect();
        // What a tenant left is made ready again in a moment.
        let is_new = |slot: &Slot| slot.work == Work::Raw && slot.edition == 1;
        if slots.len() != config.devices as usize || slots.iter().all(is_new) {
            return Err(Trouble::Waits(format!("waiting for a lease on {}", foreign.network)));
        }
        let cost = slots.iter().map(|slot| slot.cost).max().unwrap_or(0);
        let asked = u128::from(cost).saturating_mul(10_000 + u128::from(margin_bp)).div_ceil(10_000);
        let floor = config.floor.max(u64::try_from(asked).unwrap_or(u64::MAX));
        let device = slots.iter().all(|slot| slot.device);
        let mut dseqs: Vec<u64> = slots.iter().map(|slot| slot.dseq).collect();
        dseqs.sort_unstable();
        let (network, tenant) = (foreign.network.clone(), foreign.address.clone());
        let lease = LeaseTerms { network, margin_bp, device, tenant, dseqs };
        Ok(OfferTerms { floor, lease: Some(lease), ..config.terms() })
    }

    fn has_device(&self) -> bool {
        self.leases.slots().iter().all(|slot| slot.device)
    }

    async fn let_go(&self) -> Result<(), Trouble> {
        self.leases.let_go().await
    }

    async fn products(&self, puzzle: Puzzle, seeds: Vec<[u8; 32]>) -> Result<Vec<Product>, Trouble> {
        let foreign = self.leases.foreign().await?;
        let leases: Vec<Lease> = self.leases.slots().iter().filter_map(|slot| slot.idle().cloned()).collect();
        if leases.len() < seeds.len() {
            return Err(Trouble::Waits("fewer leases are ready than there are devices".to_owned()));
        }
        let computed = leases.iter().zip(&seeds).map(async |(lease, seed)| {
            let (rows, depth, seed) = (puzzle.rows.to_string(), puzzle.depth.to_string(), hex::encode(seed));
            let command = install::command(&["prove", &rows, &depth, &seed]);
            let mut exec = streams::exec(foreign.shell(lease, command, None).await?, false);
            let mut bytes = Vec::new();
            let broken = |error: std::io::Error| Trouble::Waits(format!("a proof in a lease: {error}"));
            exec.stdout.take(MOST_PRODUCT).read_to_end(&mut bytes).await.map_err(broken)?;
            exec.running.wait().await.map_err(broken)?;
            Product::from_bytes(puzzle, &bytes).ok_or_else(|| Trouble::Waits("a lease gave no product".to_owned()))
        });
        try_join_all(computed).await
    }

    async fn start(&self, spec: &PodSpec) -> Result<PodStatus, Trouble> {
        let foreign = self.leases.foreign().await?;
        let odd = || Trouble::Odd("a node is one service".to_owned());
        let service = spec.services.first().ok_or_else(odd)?.clone();
        let disks: Vec<_> = service.volumes.iter().filter(|volume| volume.kind == VolumeKind::Disk).collect();
        let wanted: u64 = disks.iter().map(|volume| volume.size_bytes).sum();
        if wanted > service.resources.ephemeral_bytes {
            let has = service.resources.ephemeral_bytes;
            let why = format!("its volumes want {wanted} bytes, and the disk of its lease has {has}");
            return Err(Trouble::Runtime(workload::Error::InvalidSpec { field: "volumes".to_owned(), reason: why }));
        }
        let command = service.command.iter().chain(&service.args).cloned().collect();
        let tenant = Tenant { id: spec.id.clone(), image: service.image.clone(), command, env: service.env.clone() };
        let Some(lease) = self.leases.run(tenant).await? else {
            return Ok(Self::shown(&spec.id, State::Absent));
        };
        install::install(&foreign, &lease).await?;
        let folders: Vec<&str> = disks.iter().map(|volume| volume.mount.as_str()).collect();
        if !folders.is_empty() {
            install::script(&foreign, &lease, format!("mkdir -p {}", folders.join(" "))).await?;
        }
        lock(&self.states).remove(&spec.id);
        Ok(Self::shown(&spec.id, State::Running { pid: 0, since: OffsetDateTime::now_utc() }))
    }

    async fn status(&self, id: &PodId) -> Result<PodStatus, Trouble> {
        Ok(Self::shown(id, self.state(id).await))
    }

    async fn exec(&self, id: &PodId, what: &ExecSpec) -> Result<Exec, Trouble> {
        let (foreign, lease) = (self.leases.foreign().await?, self.leases.lease_of(id)?);
        let terminal = what.terminal.map(|size| TerminalSize { columns: size.columns, rows: size.rows });
        Ok(streams::exec(foreign.shell(&lease, command(what)?, terminal).await?, terminal.is_some()))
    }

    async fn logs(&self, id: &PodId, query: &LogQuery) -> Result<BoxStream<'static, LogLine>, Trouble> {
        let (foreign, lease) = (self.leases.foreign().await?, self.leases.lease_of(id)?);
        let tail = query.tail.map(|tail| u32::try_from(tail).unwrap_or(u32::MAX));
        let lines = foreign.logs(&lease, &LogOptions { services: Vec::new(), tail, follow: query.follow }).await?;
        // The network tells neither when a line was written nor where.
        let line = |text| LogLine { at: OffsetDateTime::now_utc(), stream: LogStream::Stdout, text };
        Ok(lines.map(line).boxed())
    }

    async fn remove(&self, id: &PodId) -> Result<(), Trouble> {
        lock(&self.states).remove(id);
        self.leases.free(id)?;
        // At once, not at the next look.
        lock(&self.tending).ended = None;
        Ok(())
    }

    async fn list(&self) -> Result<Vec<PodId>, Trouble> {
        Ok(self.leases.slots().iter().filter_map(|slot| slot.tenant().map(|tenant| tenant.id.clone())).collect())
    }

    async fn enter(&self, node: Option<&PodStatus>, carriage: &Carriage) -> Result<Box<dyn Entrance>, Trouble> {
        let foreign = self.leases.foreign().await?;
        let lease = match node {
            Some(status) => self.leases.lease_of(&status.id)?,
            None => {
                let slots = self.leases.slots();
                let idle = slots.iter().find_map(Slot::idle).cloned();
                idle.ok_or_else(|| Trouble::Waits("no lease is ready".to_owned()))?
            }
        };
        Ok(Box::new(Guest::start(foreign, lease, carriage).await?))
    }
}

/// The largest product that is read from a lease.
const MOST_PRODUCT: u64 = 256 << 20;

/// A program as shells of leases take it, which know neither folders nor environments.
fn command(what: &ExecSpec) -> Result<Vec<String>, Trouble> {
    let invalid = |reason: &str| {
        Trouble::Runtime(workload::Error::InvalidSpec { field: "args".to_owned(), reason: reason.to_owned() })
    };
    if what.args.first().is_none_or(String::is_empty) || what.args.iter().any(|arg| arg.contains('\0')) {
        return Err(invalid("name a program; no argument holds a NUL"));
    }
    if what.env.iter().any(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')) {
        return Err(invalid("the name of a variable holds no '=', and neither side a NUL"));
    }
    let mut words = ["/bin/sh", "-c", "cd \"$1\" && shift && exec env \"$@\"", "sh"].map(str::to_owned).to_vec();
    words.push(what.dir.clone().unwrap_or_else(|| ".".to_owned()));
    words.extend(what.env.iter().map(|(name, value)| format!("{name}={value}")));
    words.extend(what.args.iter().cloned());
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_keep_their_folder_environment_and_words() {
        let args = ["echo".to_owned(), "a b".to_owned()].to_vec();
        let env = vec![("A".to_owned(), "x y".to_owned())];
        let words = command(&ExecSpec { args, env, dir: Some("/tmp".to_owned()), terminal: None }).unwrap();
        let ran = std::process::Command::new(&words[0]).args(&words[1..]).output().unwrap();
        assert_eq!(ran.stdout, b"a b\n");
        assert_eq!(words[4..], ["/tmp", "A=x y", "echo", "a b"]);
        assert!(command(&ExecSpec::default()).is_err());
        let odd = ExecSpec {
            args: vec!["a".to_owned()],
            env: vec![("A=B".to_owned(), String::new())],
            ..ExecSpec::default()
        };
        assert!(command(&odd).is_err());
    }
}
