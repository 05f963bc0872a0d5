//! What is kept of a cluster's head, so that another can take its place: Ray's jobs and the checkpoint volume. The head's agent
//! looks every few seconds, the others copy from it; whoever becomes the head takes the newest of these, unpacks it, and
//! submits what had not ended.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::cluster::{ClusterPath, Kept};
use futures::StreamExt;
use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::ClusterKind;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use workload::ExecSpec;

use super::chain::{live, owners};
use super::ground::Overlay;
use super::pods;
use super::ray;
use super::supplier::Supplier;
use super::trouble::Trouble;

/// Between two looks at the head.
pub(super) const EVERY: Duration = Duration::from_secs(5);
/// Bytes that are moved at a time.
const PIECE: usize = 64 << 10;
/// Bytes of what `tar` says that are read.
const MOST_SAID: u64 = 16 << 10;
/// What an archive may have beside twice the bytes of its volume: heads of files, and the ends of their blocks.
const BESIDE: u64 = 64 << 20;

/// The most bytes of an archive of a volume.
pub(super) fn most_of(bytes: u64) -> u64 {
    bytes.saturating_mul(2).saturating_add(BESIDE)
}

fn disk(error: std::io::Error) -> Trouble {
    Trouble::Odd(format!("the disk: {error}"))
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// A node's look at its cluster.
pub(super) struct Look<'a> {
    pub(super) path: &'a ClusterPath,
    pub(super) number: u32,
    pub(super) kind: ClusterKind,
    pub(super) secret: &'a str,
    pub(super) mesh: &'a dyn Overlay,
    /// Bytes of its checkpoint volume; 0: it has none.
    pub(super) checkpoint_bytes: u64,
}

impl Supplier {
    fn kept_file(path: &ClusterPath) -> String {
        format!("cluster-{}-{}-kept.json", path.tenant, path.cseq)
    }

    pub(super) fn checkpoint_path(&self, path: &ClusterPath) -> PathBuf {
        self.home.state().join(format!("cluster-{}-{}-checkpoint.tar", path.tenant, path.cseq))
    }

    /// What is kept of a cluster here.
    pub(super) fn kept(&self, path: &ClusterPath) -> Result<Option<Kept>, Trouble> {
        Ok(self.home.load(&Self::kept_file(path))?)
    }

    /// Looks at the head, by its own agent.
    pub(super) async fn keep_own(&self, look: &Look<'_>) -> Result<(), Trouble> {
        let jobs = match look.kind {
            ClusterKind::Ray => ray::jobs(look.mesh, look.secret).await.unwrap_or_default(),
            _ => Vec::new(),
        };
        let checkpoint = if look.checkpoint_bytes > 0 { Some(self.pack(look.path, look.number).await?) } else { None };
        Ok(self.home.save(&Self::kept_file(look.path), &Kept { jobs, checkpoint, at_ms: now_ms() })?)
    }

    /// Packs the checkpoint volume of a node into its file; gives the archive's SHA-256.
    async fn pack(&self, path: &ClusterPath, number: u32) -> Result<String, Trouble> {
        let args = ["tar", "-C", pods::CHECKPOINT, "-cf", "-", "."].map(str::to_owned).to_vec();
        let spec = ExecSpec { args, ..ExecSpec::default() };
        let mut exec = self.ground.exec(&pods::id(path, number), &spec).await?;
        drop(exec.stdin);
        let target = self.checkpoint_path(path);
        let beside = target.with_extension("new");
        let mut file = File::create(&beside).await.map_err(disk)?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; PIECE]);
        loop {
            let length = exec.stdout.read(&mut buffer).await.map_err(disk)?;
            if length == 0 {
                break;
            }
            hash.update(&buffer[..length]);
            file.write_all(&buffer[..length]).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)?;
        let code = exec.running.wait().await.map_err(disk)?;
        // A file that changes while it is read is no failure of tar's that matters: the next look has it whole.
        if !matches!(code, 0 | 1) {
            return Err(Trouble::Odd(format!("tar of the checkpoint volume ended with code {code}")));
        }
        tokio::fs::rename(&beside, &target).await.map_err(disk)?;
        Ok(hex::encode(hash.finalize()))
    }

    /// Copies what the head's agent keeps.
    pub(super) async fn keep_others(&self, look: &Look<'_>, cluster: &wire::Cluster) -> Result<(), Trouble> {
        let head = live(cluster).find(|node| node.rank == 0).and_then(|node| node.offer.clone());
        let Some(head) = head.filter(|head| head.owner != self.chain.address()) else { return Ok(()) };
        let gateway = self.gateway(&head.owner).await?;
        let found = gateway.cluster_kept(look.path).await.map_err(|error| Trouble::Fetch(error.to_string()))?;
        self.take_kept(&gateway, look, found).await
    }

    /// Takes what another agent keeps, where it is newer.
    async fn take_kept(&self, gateway: &client::Gateway, look: &Look<'_>, found: Kept) -> Result<(), Trouble> {
        let path = look.path;
        let own = self.kept(path)?.unwrap_or_default();
        if found.at_ms <= own.at_ms {
            return Ok(());
        }
        if look.checkpoint_bytes > 0 && found.checkpoint.is_some() && found.checkpoint != own.checkpoint {
            let (wanted, most) = (found.checkpoint.as_deref().unwrap_or_default(), most_of(look.checkpoint_bytes));
            self.fetch_checkpoint(gateway, path, (wanted, most)).await?;
        }
        Ok(self.home.save(&Self::kept_file(path), &found)?)
    }

    async fn fetch_checkpoint(
        &self,
        gateway: &client::Gateway,
        path: &ClusterPath,
        (wanted, most): (&str, u64),
    ) -> Result<(), Trouble> {
        let target = self.checkpoint_path(path);
        let beside = target.with_extension("new");
        let mut file = File::create(&beside).await.map_err(disk)?;
        let (mut hash, mut read) = (Sha256::new(), 0u64);
        let mut pieces = gateway.cluster_checkpoint(path).await.map_err(|error| Trouble::Fetch(error.to_string()))?;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| Trouble::Fetch(error.to_string()))?;
            read = read.saturating_add(piece.len() as u64);
            if read > most {
                // Another's disk is not filled by who sends more than a volume holds.
                let _ = tokio::fs::remove_file(&beside).await;
                return Err(Trouble::Fetch(format!("a checkpoint of more than {most} bytes is not taken")));
            }
            hash.update(&piece);
            file.write_all(&piece).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)?;
        if hex::encode(hash.finalize()) != wanted {
            // Its head packed it anew meanwhile: the next look gets that.
            return Err(Trouble::Waits("the checkpoint changed while it was copied".to_owned()));
        }
        tokio::fs::rename(&beside, &target).await.map_err(disk)
    }

    /// Gives a new head what is kept of the one before: its files, then its jobs that had not ended.
    pub(super) async fn restore(&self, look: &Look<'_>, cluster: &wire::Cluster) -> Result<(), Trouble> {
        for owner in owners(cluster).into_iter().filter(|owner| owner != self.chain.address()) {
            let taken = async {
                let gateway = self.gateway(&owner).await?;
                let found = gateway.cluster_kept(look.path).await.map_err(|error| Trouble::Fetch(error.to_string()))?;
                self.take_kept(&gateway, look, found).await
            };
            if let Err(error) = taken.await {
                tracing::debug!(provider = owner, %error, "keeps nothing of the head that is newer");
            }
        }
        let Some(kept) = self.kept(look.path)? else { return Ok(()) };
        if look.checkpoint_bytes > 0 && kept.checkpoint.is_some() {
            self.unpack(look.path, look.number).await?;
        }
        for job in kept.jobs.iter().filter(|job| ray::goes_on(job)) {
            ray::submit_again(look.mesh, look.secret, job).await.map_err(Trouble::Waits)?;
        }
        tracing::info!(cluster = %look.path, jobs = kept.jobs.len(), "a new head has what was kept of the one before");
        Ok(())
    }

    async fn unpack(&self, path: &ClusterPath, number: u32) -> Result<(), Trouble> {
        let mut file = File::open(self.checkpoint_path(path)).await.map_err(disk)?;
        self.unpack_from(&mut file, (path, number), pods::CHECKPOINT).await
    }

    /// Unpacks an archive into a folder of a node.
    pub(super) async fn unpack_from(
        &self,
        archive: &mut (impl AsyncRead + Unpin),
        (path, number): (&ClusterPath, u32),
        folder: &str,
    ) -> Result<(), Trouble> {
        let args = ["tar", "-C", folder, "-xf", "-"].map(str::to_owned).to_vec();
        let spec = ExecSpec { args, ..ExecSpec::default() };
        let mut exec = self.ground.exec(&pods::id(path, number), &spec).await?;
        tokio::io::copy(archive, &mut exec.stdin).await.map_err(disk)?;
        exec.stdin.shutdown().await.map_err(disk)?;
        drop(exec.stdin);
        let mut said = String::new();
        exec.stderr.take(MOST_SAID).read_to_string(&mut said).await.map_err(disk)?;
        let ended = exec.running.wait().await.map_err(disk)?;
        match ended {
            0 => Ok(()),
            _ => Err(Trouble::Odd(format!("the archive for {folder} cannot be unpacked: {said}"))),
        }
    }
}

/// The name by which a job is known.
pub(super) fn name_of(job: &Value) -> Option<&str> {
    job.get("submission_id").and_then(Value::as_str)
}
