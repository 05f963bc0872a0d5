//! Bringing a pod up, phase by phase.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::Host;
use super::pod::{PodRecord, Replica};
use crate::bundle::Bundle;
use crate::cgroup::Limits;
use crate::crash;
use crate::error::{Error, IoContext, Result};
use crate::gvisor;
use crate::image::ImageTree;
use crate::image::users::{self, User};
use crate::network::{self, Link};
use crate::nft::{Endpoint, Firewall};
use crate::rootfs;
use crate::runtime::{Phases, State};
use crate::shim::{READY, ShimFiles, ShimJob, write_record};
use crate::slots::{Subnet, uid_base};
use crate::spec::{Isolation, PodSpec, VolumeKind};
use crate::tun;
use crate::userns;
use crate::volume::{self, Purpose};

/// Longer than any start on a loaded machine; a shim that is silent for so long is stuck.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long containers of a replaced spec may take to end.
const REPLACE_GRACE: Duration = Duration::from_secs(10);

/// The images of a pod by reference, unpacked, and the users they run as.
type Trees = BTreeMap<String, (ImageTree, User)>;

impl Host {
    /// Makes the pod what `spec` says. A new pod that fails leaves nothing.
    pub(super) async fn bring_to(&self, spec: &PodSpec) -> Result<Phases> {
        if spec.isolation == Isolation::Gvisor {
            gvisor::check_installed(&self.config.runsc).await?;
        }
        let started = Instant::now();
        let trees = self.prepare_images(spec).await?;
        let image = started.elapsed();
        let recorded = PodRecord::load(&self.config.data_dir, &crate::config::pod_key(&spec.id))?;
        let is_new = recorded.is_none();
        let record = match recorded {
            Some(record) if record.spec == without_credentials(spec) => record,
            Some(record) => self.replace_spec(record, spec).await?,
            None => self.register(spec)?,
        };
        crash::at("pod-recorded");
        match self.start_missing(&record, &trees).await {
            Ok(phases) => Ok(Phases { image, ..phases }),
            Err(error) if is_new => {
                self.stop_containers(&record, Duration::ZERO).await;
                // What matters to the caller is why the start failed.
                if let Err(cleaning) = self.delete(&record).await {
                    tracing::warn!(lease = %spec.id, error = %cleaning, "a failed start left something behind");
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn prepare_images(&self, spec: &PodSpec) -> Result<Trees> {
        let mut trees = Trees::new();
        for service in &spec.services {
            if trees.contains_key(&service.image) {
                continue;
            }
            let tree = self.images.tree(&service.image, service.credentials.as_ref()).await?;
            let user = users::resolve(&tree.path, &tree.config.user)?;
            if tree.config.process(&service.command, &service.args).is_empty() {
                return Err(Error::invalid(
                    format!("services[{}].command", service.name),
                    "is empty, and the image names no program either",
                ));
            }
            trees.insert(service.image.clone(), (tree, user));
        }
        Ok(trees)
    }

    fn register(&self, spec: &PodSpec) -> Result<PodRecord> {
        let mut record = PodRecord::create(&self.config.data_dir, &without_credentials(spec))?;
        let claimed = self.claims.claim(record.dir()).and_then(|slot| {
            crash::at("pod-claimed");
            record.slot = slot;
            record.save()
        });
        if claimed.is_err() {
            let _ = fs::remove_dir_all(record.dir());
        }
        claimed.map(|()| record)
    }

    /// Ends what the old spec ran; disk volumes that the new one does not name are deleted.
    async fn replace_spec(&self, old: PodRecord, spec: &PodSpec) -> Result<PodRecord> {
        self.stop_containers(&old, REPLACE_GRACE).await;
        self.dismantle(&old).await?;
        let mut new = old;
        new.spec = without_credentials(spec);
        new.restarts.clear();
        new.save()?;
        let replicas = new.replicas();
        let kept: Vec<_> = replicas
            .iter()
            .flat_map(|replica| replica.service.volumes.iter().map(|v| new.volume(replica, v)))
            .collect();
        let dir = new.dir().join("volumes");
        for entry in fs::read_dir(&dir).at("reading", &dir)?.flatten() {
            if !kept.contains(&entry.path()) {
                fs::remove_file(entry.path()).at("removing", entry.path())?;
            }
        }
        drop(replicas);
        Ok(new)
    }

    async fn start_missing(&self, record: &PodRecord, trees: &Trees) -> Result<Phases> {
        let replicas = record.replicas();
        let missing: Vec<&Replica<'_>> = replicas
            .iter()
            .filter(|replica| !matches!(self.state_of(record, replica), State::Running { .. }))
            .collect();
        let mut phases = Phases::default();
        if missing.is_empty() {
            return Ok(phases);
        }
        let started = Instant::now();
        if !self.is_connected(record) {
            self.stop_containers(record, Duration::ZERO).await;
            self.dismantle(record).await?;
            self.connect(record).await?;
        }
        crash::at("pod-connected");
        phases.network = started.elapsed();
        let all_or_missing = if missing.len() == replicas.len() { replicas.iter().collect() } else { missing };
        let ups = all_or_missing.into_iter().map(|replica| self.start_replica(record, replica, trees));
        for phase in try_join_all(ups).await? {
            // Replicas come up side by side: the slowest one counts.
            phases.volumes = phases.volumes.max(phase.volumes);
            phases.rootfs = phases.rootfs.max(phase.rootfs);
            phases.runtime = phases.runtime.max(phase.runtime);
        }
        Ok(phases)
    }

    pub(super) async fn restart_replica(&self, mut record: PodRecord, service: &str, index: u32) -> Result<Phases> {
        let started = Instant::now();
        let trees = self.prepare_images(&record.spec).await?;
        let image = started.elapsed();
        let name = record.replica(service, index)?.name;
        *record.restarts.entry(name).or_default() += 1;
        record.save()?;
        let replica = record.replica(service, index)?;
        self.stop_replica(&record, &replica, REPLACE_GRACE).await;
        if !self.is_connected(&record) {
            let phases = self.start_missing(&record, &trees).await?;
            return Ok(Phases { image, ..phases });
        }
        let phases = self.start_replica(&record, &replica, &trees).await?;
        Ok(Phases { image, ..phases })
    }

    fn is_connected(&self, record: &PodRecord) -> bool {
        record.replicas().iter().all(|replica| {
            let netns = userns::netns_path(&self.names.netns(&record.key(), replica.ordinal));
            let link = self.names.link(record.slot, replica.ordinal);
            !rootfs::mounts_below(&netns).is_empty() && Path::new("/sys/class/net").join(link).exists()
        })
    }

    async fn connect(&self, record: &PodRecord) -> Result<()> {
        let (replicas, subnet) = (record.replicas(), Subnet::of(record.slot));
        let links: Vec<Link> = replicas.iter().map(|replica| self.link_of(record, replica)).collect();
        let endpoints: Vec<Endpoint<'_>> = replicas
            .iter()
            .zip(&links)
            .map(|(replica, link)| Endpoint {
                service: &replica.service.name,
                link: link.name.clone(),
                address: link.address,
            })
            .collect();
        let firewall = Firewall {
            table: &self.names.table(&record.key()),
            link_prefix: &self.names.pod_link_prefix(record.slot),
            subnet,
            name_servers: &self.config.name_servers,
            spec: &record.spec,
            endpoints: &endpoints,
        };
        // Rules stand before the first link exists: there is no moment without them.
        network::load_rules(firewall.ruleset()).await?;
        let pins = replicas.iter().zip(&links).map(|(replica, link)| async move {
            let dirs = self.dirs(record, replica);
            dirs.create()?;
            userns::pin_namespaces(uid_base(record.slot), &dirs.user_namespace(), &link.netns).await
        });
        try_join_all(pins).await?;
        network::connect(&links, subnet, record.spec.egress).await
    }

    fn link_of(&self, record: &PodRecord, replica: &Replica<'_>) -> Link {
        Link {
            name: self.names.link(record.slot, replica.ordinal),
            netns: self.names.netns(&record.key(), replica.ordinal),
            address: Subnet::of(record.slot).replica(replica.ordinal),
        }
    }

    async fn start_replica(&self, record: &PodRecord, replica: &Replica<'_>, trees: &Trees) -> Result<Phases> {
        let (tree, user) =
            trees.get(&replica.service.image).ok_or_else(|| Error::invalid("image", "was not prepared"))?;
        self.clear_container(record, replica).await?;
        if record.spec.isolation == Isolation::Gvisor {
            network::readdress(&self.link_of(record, replica), Subnet::of(record.slot)).await?;
        }
        let mut phases = Phases::default();
        let started = Instant::now();
        let disks = self.mount_volumes(record, replica, user).await?;
        phases.volumes = started.elapsed();
        let started = Instant::now();
        self.write_bundle(record, replica, tree, user, disks)?;
        phases.rootfs = started.elapsed();
        crash::at("container-prepared");
        let started = Instant::now();
        self.run(record, replica).await?;
        phases.runtime = started.elapsed();
        Ok(phases)
    }

    /// Makes and mounts the disk volumes, and a fresh writable layer.
    async fn mount_volumes(
        &self,
        record: &PodRecord,
        replica: &Replica<'_>,
        user: &User,
    ) -> Result<Vec<std::path::PathBuf>> {
        let (dirs, base) = (self.dirs(record, replica), record.root_uid());
        dirs.create()?;
        let scratch = record.scratch(replica);
        let size = replica.service.resources.ephemeral_bytes;
        self.make_volume(&scratch, "the root file system", size, (base, base), Purpose::Scratch).await?;
        volume::mount(&scratch, &dirs.scratch(), false).await?;
        let mut mounted = Vec::new();
        for spec in &replica.service.volumes {
            if spec.kind == VolumeKind::Ram {
                continue;
            }
            let (file, target) = (record.volume(replica, spec), dirs.volume(&spec.name));
            let owner = (base + user.uid, base + user.gid);
            let what = format!("volume `{}`", spec.name);
            self.make_volume(&file, &what, spec.size_bytes, owner, Purpose::Data).await?;
            if rootfs::mounts_below(&target).is_empty() {
                volume::mount(&file, &target, false).await?;
                // Databases refuse a data directory that is not empty.
                let _ = fs::remove_dir(target.join("lost+found"));
            }
            mounted.push(target);
        }
        Ok(mounted)
    }

    async fn make_volume(&self, file: &Path, what: &str, size: u64, owner: (u32, u32), purpose: Purpose) -> Result<()> {
        if !file.exists() {
            volume::check_space(&self.config.data_dir, what, size)?;
        }
        volume::create(file, size, owner, purpose).await
    }

    fn write_bundle(
        &self,
        record: &PodRecord,
        replica: &Replica<'_>,
        tree: &ImageTree,
        user: &User,
        disks: Vec<std::path::PathBuf>,
    ) -> Result<()> {
        let (dirs, subnet) = (self.dirs(record, replica), Subnet::of(record.slot));
        rootfs::mount(&dirs, &tree.path, record.root_uid())?;
        let replicas = record.replicas();
        let peers: Vec<_> =
            replicas.iter().map(|peer| (peer.service.name.as_str(), subnet.replica(peer.ordinal))).collect();
        let own = subnet.replica(replica.ordinal);
        let files = rootfs::write_network_files(
            &dirs,
            &record.spec,
            &replica.service.name,
            own,
            &peers,
            &self.config.name_servers,
        )?;
        let cgroup = self.names.cgroup(&record.key(), &replica.name);
        let bundle = Bundle {
            service: replica.service,
            index: replica.index,
            image: &tree.config,
            user,
            uid_base: uid_base(record.slot),
            rootfs: dirs.rootfs(),
            user_namespace: dirs.user_namespace(),
            network_namespace: userns::netns_path(&self.names.netns(&record.key(), replica.ordinal)),
            cgroup: cgroup.clone(),
            pod: &record.spec.id,
            files,
            disks,
            tun: record.spec.network_devices.then(|| tun::node(&self.config.data_dir)).transpose()?,
        };
        self.cgroups.create(&cgroup, &Limits::of(replica.service))?;
        let command = match record.spec.isolation {
            Isolation::Namespaces => vec![self.config.oci_runtime.clone()],
            Isolation::Gvisor => gvisor::command(&self.config.runsc, &self.cgroups.entrances(&cgroup)),
        };
        let job = ShimJob {
            command,
            runtime_root: self.names.runtime_root(record.spec.isolation),
            container: record.container(replica),
            bundle: dirs.bundle(),
            log: record.log(replica),
            pod: record.spec.id.clone(),
            shim_log: record.shim_log(replica),
            log_file_bytes: self.config.log_file_bytes,
            owner: record.root_uid(),
            oom_counter: self.cgroups.oom_counter(&cgroup),
        };
        let content = match record.spec.isolation {
            Isolation::Namespaces => bundle.config(),
            Isolation::Gvisor => gvisor::keep_tmp(gvisor::adapt(bundle.config()), &dirs.rootfs())?,
        };
        let config = dirs.bundle().join("config.json");
        write_record(&config, &content).at("writing", &config)?;
        write_record(&ShimFiles::job(&dirs.bundle()), &job).at("writing", dirs.bundle())
    }

    /// Starts the shim and waits until the container's process runs.
    async fn run(&self, record: &PodRecord, replica: &Replica<'_>) -> Result<()> {
        let failed = |reason: String| Error::ContainerStart { container: record.container(replica), reason };
        let [program, arguments @ ..] = self.config.shim.as_slice() else {
            return Err(failed("no shim is configured".to_owned()));
        };
        let mut shim = Command::new(program)
            .args(arguments)
            .arg(ShimFiles::job(&self.dirs(record, replica).bundle()))
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(format!("its shim did not start: {error}")))?;
        crash::at("container-starting");
        let mut said = String::new();
        if let Some(mut stdout) = shim.stdout.take() {
            let reading = tokio::time::timeout(START_LIMIT, stdout.read_to_string(&mut said));
            let in_time = reading.await.is_ok();
            if !in_time {
                let _ = shim.start_kill();
                return Err(failed(format!("its shim said nothing for {} s", START_LIMIT.as_secs())));
            }
        }
        match said.trim() {
            READY => {
                let (lease, service, index) = (&record.spec.id, &replica.service.name, replica.index);
                tracing::info!(%lease, service, index, container = record.container(replica), "started a container");
                Ok(())
            }
            "" => Err(failed("its shim ended without a word".to_owned())),
            reason if reason.contains("No such file or directory (os error 2)") => Err(Error::ToolMissing {
                tool: self.config.oci_runtime.display().to_string(),
                package: "runc".to_owned(),
            }),
            reason => Err(failed(reason.to_owned())),
        }
    }
}

/// As the record holds it.
fn without_credentials(spec: &PodSpec) -> PodSpec {
    let mut spec = spec.clone();
    for service in &mut spec.services {
        service.credentials = None;
    }
    spec
}
