//! Real sandboxes: pods that ask for gVisor.
#![allow(missing_docs)]

mod common;

use std::time::Duration;

use common::*;
use workload::*;

fn sandboxed(id: &str, mut service: ServiceSpec) -> PodSpec {
    service.resources.memory_bytes = 128 << 20;
    service.resources.pids = 256;
    PodSpec { isolation: Isolation::Gvisor, ..pod(id, vec![service]) }
}

fn is_missing() -> bool {
    let missing = std::process::Command::new("runsc").arg("--version").output().is_err();
    if missing {
        println!("skipped: needs runsc");
    }
    missing
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_serves_and_serves_again() {
    if is_missing() {
        return;
    }
    with_agent("sandbox", |agent| async move {
        let spec = sandboxed("a", web());
        let started = agent.host.start(&spec).await.unwrap();
        println!("phases: {:?}", started.phases);
        let address = agent.address(&spec.id, "web").await;
        assert!(get(&address, 80).await.contains("200 OK"));
        let usage = agent.host.status(&spec.id).await.unwrap().replicas[0].usage.unwrap();
        println!("at rest: {usage:?}");
        assert!(usage.memory_bytes > 4 << 20 && usage.pids > 2, "the sandbox itself is counted: {usage:?}");

        agent.host.restart(&spec.id, "web", 0).await.unwrap();
        assert!(get(&address, 80).await.contains("200 OK"), "at the same address");
        let agent = agent.reopen();
        assert!(agent.host.status(&spec.id).await.unwrap().is_running(), "found again");
        agent.host.remove(&spec.id, Duration::ZERO).await.unwrap();
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_ends_with_its_code_or_at_its_limit() {
    if is_missing() {
        return;
    }
    with_agent("sandboxend", |agent| async move {
        let run = |script: &str| {
            let mut job = service("job");
            job.command = vec!["/bin/sh".into(), "-c".into(), script.into()];
            job.volumes.push(volume(VolumeKind::Disk, "/data", 8 << 20));
            sandboxed("job", job)
        };
        let cases = [
            ("uname -r; touch /x /data/y && ls -ln /x /data; dd if=/dev/zero of=/data/z bs=64k; exit 7", 7, false),
            ("exit 7", 7, false),
            ("kill -TERM $$", 143, false),
            ("exec tail /dev/zero", 137, true),
        ];
        for (script, code, out_of_memory) in cases {
            let spec = run(script);
            agent.host.start(&spec).await.unwrap();
            let exit = agent.host.wait(&spec.id, "job", 0).await.unwrap();
            let log = agent.log(&spec.id, "job").await;
            assert_eq!((exit.code, exit.out_of_memory), (code, out_of_memory), "{exit:?} {log}");
            if script.starts_with("uname") {
                assert!(log.starts_with("4.4.0") && log.contains("No space left"), "{log}");
            }
            agent.host.remove(&spec.id, Duration::ZERO).await.unwrap();
        }
        agent
    })
    .await;
}

#[test]
fn a_sandbox_needs_memory_and_threads_of_its_own() {
    let mut small = sandboxed("a", web());
    small.services[0].resources.memory_bytes = 32 << 20;
    let error = small.validate().unwrap_err().to_string();
    assert!(error.contains("at least 64 MiB under isolation by gvisor"), "{error}");
    let mut few = sandboxed("a", web());
    few.services[0].resources.pids = 255;
    let error = few.validate().unwrap_err().to_string();
    assert!(error.contains("pids: must be at least 256 under isolation by gvisor"), "{error}");
}
