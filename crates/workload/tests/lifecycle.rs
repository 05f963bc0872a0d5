//! Real containers: from start to removal, across the agent's restarts and its mistakes.
#![allow(missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::*;
use futures::StreamExt;
use workload::*;

const NOW: Duration = Duration::ZERO;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_served_and_nothing_remains() {
    with_agent("serve", |agent| async move {
        let started = agent.host.start(&pod("serve", vec![web()])).await.unwrap();
        assert!(started.status.is_running());
        println!("{:?}", started.phases);
        let replica = &started.status.replicas[0];
        let page = get(&replica.address.to_string(), 80).await;
        assert!(
            page.lines().next().is_some_and(|line| line.ends_with("200 OK")) && page.contains("hello from Tetra"),
            "{page}"
        );
        let id = PodId::new("serve");
        let usage = agent.host.status(&id).await.unwrap().replicas[0].usage.unwrap();
        assert!(usage.memory_bytes > 0 && usage.pids >= 1, "{usage:?}");
        let held = agent.host.leftovers().await.unwrap();
        assert_eq!((held.containers, held.network_namespaces, held.links, held.firewall_tables), (1, 1, 1, 1));
        assert_eq!((held.loop_devices, held.slots, held.pods), (1, 1, 1));
        agent.host.remove(&id, NOW).await.unwrap();
        assert_eq!(agent.host.leftovers().await.unwrap(), Leftovers::default());
        agent.host.remove(&id, NOW).await.unwrap();
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_outlive_the_agent() {
    with_agent("outlive", |agent| async move {
        let spec = pod("outlive", vec![web()]);
        let before = agent.host.start(&spec).await.unwrap().status;
        let agent = agent.reopen();
        let after = agent.host.list().await.unwrap();
        assert_eq!(after[0].replicas[0].state, before.replicas[0].state);
        let again = agent.host.start(&spec).await.unwrap();
        assert_eq!(again.status.replicas[0].state, before.replicas[0].state, "it was left alone");
        get(&after[0].replicas[0].address.to_string(), 80).await;
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_volumes_and_address_but_not_the_root() {
    with_agent("restart", |agent| async move {
        let mut job = service("job");
        job.command = ["/bin/sh", "-c", "ls /data /tmp; touch /data/kept /tmp/gone; exit 3"].map(Into::into).into();
        job.volumes.push(volume(VolumeKind::Disk, "/data", 8 << 20));
        let id = PodId::new("restart");
        agent.host.start(&pod("restart", vec![job])).await.unwrap();
        let address = agent.address(&id, "job").await;
        assert_eq!(agent.host.wait(&id, "job", 0).await.unwrap().code, 3);
        agent.host.restart(&id, "job", 0).await.unwrap();
        assert_eq!(agent.host.wait(&id, "job", 0).await.unwrap().code, 3);
        let log = agent.log(&id, "job").await;
        assert!(log.contains("kept") && !log.contains("gone"), "{log}");
        let status = agent.host.status(&id).await.unwrap();
        assert_eq!(status.replicas[0].restarts, 1);
        assert_eq!(status.replicas[0].address.to_string(), address);
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spec_replaces_the_containers() {
    with_agent("replace", |agent| async move {
        let id = PodId::new("replace");
        agent.host.start(&pod("replace", vec![web()])).await.unwrap();
        let mut changed = web();
        changed.args = ["-f", "-p", "81", "-h", "/www"].map(Into::into).into();
        changed.exposures = vec![expose(81, 80, ExposeTo::Global)];
        changed.replicas = 2;
        let status = agent.host.start(&pod("replace", vec![changed])).await.unwrap().status;
        assert_eq!(status.replicas.len(), 2);
        for replica in &status.replicas {
            assert!(get(&replica.address.to_string(), 81).await.contains("200 OK"));
        }
        agent.host.stop(&id, NOW).await.unwrap();
        let status = agent.host.status(&id).await.unwrap();
        assert!(matches!(&status.replicas[0].state, State::Exited(exit) if exit.signal == Some(9)));
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_starts_leave_nothing_and_say_why() {
    with_agent("failures", |agent| async move {
        let refusal = |change: fn(&mut ServiceSpec)| {
            let (host, mut web) = (&agent.host, web());
            change(&mut web);
            async move { host.start(&pod("failures", vec![web])).await.unwrap_err().to_string() }
        };
        let text = refusal(|s| s.image = "127.0.0.1:1/absent:1".into()).await;
        assert!(text.contains("it holds: hello-web:latest") && text.contains("tetra image load"), "{text}");
        let text = refusal(|s| s.command = vec!["/no/such".into()]).await;
        assert!(text.contains("did not start") && text.contains("/no/such"), "{text}");
        let text = refusal(|s| s.resources.ephemeral_bytes = 1 << 50).await;
        assert!(text.contains("no space for the root file system"), "{text}");
        assert_eq!(agent.host.leftovers().await.unwrap(), Leftovers::default());
        let busy = Host::open(config("other", &agent.home)).err().unwrap();
        assert!(matches!(busy, Error::DataDirBusy { .. }), "{busy}");
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_spares_the_known_and_other_agents() {
    with_agent("sweep", |agent| async move {
        let other_home = agent.home.join("other");
        std::fs::create_dir(&other_home).unwrap();
        let other = Agent::open(&format!("other-{}", std::process::id()), &other_home);
        load_image(&other).await;
        for (agent, id) in [(&agent, "a"), (&agent, "b"), (&other, "c")] {
            agent.host.start(&pod(id, vec![web()])).await.unwrap();
        }
        let known = BTreeSet::from([PodId::new("a")]);
        assert_eq!(agent.host.sweep(&known).await.unwrap(), [PodId::new("b")]);
        assert!(agent.host.status(&PodId::new("a")).await.unwrap().is_running());
        assert!(other.host.status(&PodId::new("c")).await.unwrap().is_running());
        other.host.sweep(&BTreeSet::new()).await.unwrap();
        assert_eq!(other.host.leftovers().await.unwrap(), Leftovers::default());
        assert!(get(&agent.address(&PodId::new("a"), "web").await, 80).await.contains("200 OK"));
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_tailed_and_followed() {
    with_agent("logs", |agent| async move {
        let mut job = service("job");
        let script = "echo one; echo two >&2; read line </data/go; echo \"$line\"";
        job.command = ["/bin/sh", "-c", &format!("mkfifo /data/go; {script}")].map(Into::into).into();
        job.volumes.push(volume(VolumeKind::Disk, "/data", 8 << 20));
        let id = PodId::new("logs");
        agent.host.start(&pod("logs", vec![job])).await.unwrap();
        let query = LogQuery { service: "job".into(), index: 0, tail: None, follow: true };
        let mut lines = agent.host.logs(&id, &query).await.unwrap();
        let mut first = [lines.next().await.unwrap(), lines.next().await.unwrap()];
        first.sort_by(|a, b| a.text.cmp(&b.text));
        assert_eq!(
            first.clone().map(|l| (l.stream, l.text)),
            [(LogStream::Stdout, "one".to_owned()), (LogStream::Stderr, "two".to_owned()),]
        );
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let key = mounts
            .lines()
            .filter_map(|l| l.split(' ').nth(4))
            .find(|m| m.ends_with("/job-0/volumes/data") && std::path::Path::new(m).join("go").exists());
        tokio::fs::write(format!("{}/go", key.unwrap()), "three\n").await.unwrap();
        assert_eq!(lines.next().await.unwrap().text, "three");
        let query = LogQuery { tail: Some(1), follow: false, ..query };
        let tail: Vec<_> = agent.host.logs(&id, &query).await.unwrap().collect().await;
        assert_eq!(tail.len(), 1);
        agent
    })
    .await;
}

/// Set in a mount namespace of the test's own, in which /run is empty.
const EMPTY_RUN: &str = "TETRA_TEST_EMPTY_RUN";

#[tokio::test(flavor = "multi_thread")]
async fn others_who_add_network_namespaces_hide_none_of_ours() {
    if let Some(reason) = missing() {
        println!("skipped: {reason}");
        return;
    }
    if std::env::var_os(EMPTY_RUN).is_none() {
        let mut again = std::process::Command::new("unshare");
        again.args(["--mount", "sh", "-c", "umount -R -l /run/netns; mount -t tmpfs tmpfs /run && exec \"$@\"", "sh"]);
        again.arg(std::env::current_exe().unwrap()).env(EMPTY_RUN, "1");
        again.args(["--exact", "others_who_add_network_namespaces_hide_none_of_ours"]);
        let ended = again.output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        return;
    }
    with_agent("netns", |agent| async move {
        let spec = pod("a", vec![web()]);
        agent.host.start(&spec).await.unwrap();
        let added = std::process::Command::new("ip").args(["netns", "add", "theirs"]).status().unwrap();
        assert!(added.success());
        agent.host.remove(&spec.id, Duration::ZERO).await.unwrap();
        agent
    })
    .await;
}
