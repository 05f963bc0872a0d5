//! Agents for tests: each with its own instance, data directory and clean-up.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::collections::BTreeSet;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use workload::*;

pub const IMAGE: &str = "hello-web:latest";

pub struct Agent {
    pub host: Host,
    pub home: PathBuf,
    instance: String,
}

impl Agent {
    pub fn open(instance: &str, home: &Path) -> Self {
        Self { host: Host::open(config(instance, home)).unwrap(), home: home.to_owned(), instance: instance.to_owned() }
    }

    /// As after a restart of the agent: nothing in memory is kept.
    pub fn reopen(self) -> Self {
        let Self { host, home, instance } = self;
        drop(host);
        Self::open(&instance, &home)
    }

    /// The address of a service's first replica.
    pub async fn address(&self, id: &PodId, service: &str) -> String {
        let status = self.host.status(id).await.unwrap();
        let replica = status.replicas.iter().find(|r| r.service == service).unwrap();
        replica.address.to_string()
    }

    /// Runs a shell script in a pod of its own to its end; returns exit status and output.
    pub async fn script(&self, script: &str, change: impl FnOnce(&mut ServiceSpec)) -> (ExitStatus, String) {
        let mut service = service("job");
        service.command = vec!["/bin/sh".into(), "-c".into(), script.into()];
        change(&mut service);
        let pod = pod("job", vec![service]);
        self.host.start(&pod).await.unwrap();
        let exit = timeout(Duration::from_secs(60), self.host.wait(&pod.id, "job", 0));
        let exit = exit.await.expect("the script ends").unwrap();
        let output = self.log(&pod.id, "job").await;
        self.host.remove(&pod.id, Duration::ZERO).await.unwrap();
        (exit, output)
    }

    pub async fn log(&self, id: &PodId, service: &str) -> String {
        let query = LogQuery { service: service.into(), index: 0, tail: None, follow: false };
        let lines = self.host.logs(id, &query).await.unwrap();
        lines.map(|line| line.text + "\n").collect().await
    }
}

pub fn config(instance: &str, home: &Path) -> HostConfig {
    let mut config = HostConfig::new(instance, home.join("data"));
    config.shim = vec![env!("CARGO_BIN_EXE_workload-shim").into(), "__container-shim".into()];
    config
}

/// Runs a test with an agent that holds the example image, and counts what is left.
pub async fn with_agent<F: Future<Output = Agent>>(name: &str, test: impl FnOnce(Agent) -> F) {
    if let Some(reason) = missing() {
        println!("skipped: {reason}");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let instance = format!("test-{name}-{}", std::process::id());
    let agent = Agent::open(&instance, home.path());
    load_image(&agent).await;
    assert_eq!(agent.host.leftovers().await.unwrap(), Leftovers::default());
    let outcome = AssertUnwindSafe(test(agent)).catch_unwind().await;
    let (agent, failure) = match outcome {
        Ok(agent) => (agent, None),
        Err(failure) => (Agent::open(&instance, home.path()), Some(failure)),
    };
    agent.host.sweep(&BTreeSet::new()).await.unwrap();
    let leftovers = agent.host.leftovers().await.unwrap();
    if let Some(failure) = failure {
        std::panic::resume_unwind(failure);
    }
    assert_eq!(leftovers, Leftovers::default());
}

/// Why containers cannot run here.
pub fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root".into());
    }
    let absent = ["runc", "nft", "ip", "mkfs.ext4", "busybox"]
        .into_iter()
        .find(|tool| !Command::new("which").arg(tool).output().is_ok_and(|o| o.status.success()));
    absent.map(|tool| format!("needs {tool}"))
}

pub async fn load_image(agent: &Agent) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello-web/build-image.sh");
    let archive = agent.home.join("hello-web.tar");
    let built = Command::new(script).arg(&archive).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let images = agent.host.images().load(&archive, None).await.unwrap();
    assert_eq!(images[0].name, IMAGE);
}

pub fn pod(id: &str, services: Vec<ServiceSpec>) -> PodSpec {
    PodSpec {
        id: PodId::new(id),
        services,
        egress: Egress::None,
        isolation: Isolation::Namespaces,
        network_devices: false,
    }
}

/// The example image as it is, with small limits.
pub fn service(name: &str) -> ServiceSpec {
    ServiceSpec {
        name: name.into(),
        image: IMAGE.into(),
        credentials: None,
        command: Vec::new(),
        args: Vec::new(),
        env: Vec::new(),
        replica_env: vec![],
        replicas: 1,
        resources: Resources { cpu_millis: 500, memory_bytes: 64 << 20, ephemeral_bytes: 16 << 20, pids: 64, gpus: 0 },
        volumes: Vec::new(),
        exposures: Vec::new(),
        read_only_root: false,
    }
}

pub fn web() -> ServiceSpec {
    let mut web = service("web");
    web.exposures.push(expose(80, 80, ExposeTo::Global));
    web
}

pub fn expose(port: u16, as_port: u16, to: ExposeTo) -> Exposure {
    Exposure { port, as_port, protocol: Protocol::Tcp, to }
}

pub fn volume(kind: VolumeKind, mount: &str, size_bytes: u64) -> VolumeSpec {
    VolumeSpec { name: "data".into(), size_bytes, kind, mount: mount.into(), read_only: false }
}

/// Fetches `/`, asking again until the server listens.
pub async fn get(address: &str, port: u16) -> String {
    let fetched = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Ok(mut stream) = TcpStream::connect((address, port)).await {
                let mut page = String::new();
                stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
                stream.read_to_string(&mut page).await.unwrap();
                return page;
            }
        }
    };
    timeout(Duration::from_secs(20), fetched).await.expect("the server listens")
}
