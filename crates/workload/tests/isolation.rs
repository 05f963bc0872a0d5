//! Real containers: what they may not do.
#![allow(missing_docs)]

mod common;

use common::*;
use workload::*;

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_processes_are_limited() {
    with_agent("limits", |agent| async move {
        let (exit, log) = agent.script("exec tail /dev/zero", |s| s.resources.memory_bytes = 32 << 20).await;
        assert!(exit.out_of_memory && exit.code == 137, "{exit:?} {log}");
        let fork = "i=0; while [ $i -lt 40 ]; do sleep 30 & i=$((i+1)); done; echo all";
        let (exit, log) = agent.script(fork, |s| s.resources.pids = 16).await;
        assert!(log.contains("can't fork") && !log.contains("all"), "{exit:?} {log}");
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_system_has_its_size() {
    with_agent("sizes", |agent| async move {
        let fill = |path: &str| format!("dd if=/dev/zero of={path} bs=64k; ls -l {path}");
        for (path, kind) in [("/data/x", Some(VolumeKind::Disk)), ("/data/x", Some(VolumeKind::Ram)), ("/x", None)] {
            let size = 8 << 20;
            let (_, log) = agent
                .script(&fill(path), |s| {
                    s.resources.ephemeral_bytes = size;
                    s.volumes.extend(kind.map(|kind| volume(kind, "/data", size)));
                })
                .await;
            assert!(log.contains("No space left on device"), "{kind:?} {log}");
            let written: u64 = log
                .lines()
                .find(|line| line.starts_with("-rw"))
                .and_then(|line| line.split_whitespace().nth(4)?.parse().ok())
                .unwrap();
            assert!(written <= size && written > size / 2, "{kind:?} {log}");
        }
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_container_is_confined() {
    with_agent("confined", |agent| async move {
        let script = "
            id -u; cat /proc/self/uid_map
            grep -E '^(NoNewPrivs|Seccomp|CapBnd):' /proc/self/status
            unshare -U true || echo no-userns
            unshare -n true || echo no-netns
            mount -t tmpfs x /tmp || echo no-mount
            mknod /tmp/sda b 8 0 || echo no-device
            echo 1 >/proc/sys/net/ipv4/ip_forward || echo no-sysctl
            hostname evil || echo no-hostname
            ls /sys/class/net
            cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max
            test -e /proc/1/root/www && echo own-root";
        let (_, log) = agent.script(script, |_| ()).await;
        for expected in [
            "no-userns",
            "no-netns",
            "no-mount",
            "no-device",
            "no-sysctl",
            "no-hostname",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
            "67108864",
            "own-root",
        ] {
            assert!(log.contains(expected), "{expected} in:\n{log}");
        }
        assert!(log.starts_with("0\n") && log.contains("eth0\n") && !log.contains("eth1"), "{log}");
        let map: Vec<&str> = log.lines().nth(1).unwrap().split_whitespace().collect();
        assert!(map[1].parse::<u32>().unwrap() >= 524_288 && map[2] == "65536", "{map:?}");

        let (_, log) = agent.script("touch /x || echo read-only", |s| s.read_only_root = true).await;
        assert!(log.contains("read-only"), "{log}");
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_reach_neither_each_other_nor_the_host() {
    with_agent("network", |agent| async move {
        agent.host.start(&pod("a", vec![web()])).await.unwrap();
        let neighbour = agent.address(&PodId::new("a"), "web").await;
        assert!(get(&neighbour, 80).await.contains("200 OK"), "the host's proxy reaches it");
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        let host = host.connect("192.0.2.200:9").and_then(|()| host.local_addr());
        let host = host.map_or("127.0.0.2".into(), |address| address.ip().to_string());
        let script = format!(
            "gateway=$(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p'); echo gateway $gateway
             try() {{ nc -w 2 $1 $2 </dev/null && echo reached $1 $2 || echo refused; }}
             try {neighbour} 80; try $gateway {port}; try {host} {port}; try 169.254.169.254 80"
        );
        for egress in [Egress::None, Egress::Internet] {
            let mut job = service("job");
            job.command = vec!["/bin/sh".into(), "-c".into(), script.clone()];
            let spec = PodSpec { egress, ..pod("b", vec![job]) };
            agent.host.start(&spec).await.unwrap();
            agent.host.wait(&spec.id, "job", 0).await.unwrap();
            let log = agent.log(&spec.id, "job").await;
            assert!(log.contains("gateway 10.") && !log.contains("reached"), "{log}");
            assert_eq!(log.matches("refused").count(), 4, "{log}");
            agent.host.remove(&spec.id, std::time::Duration::ZERO).await.unwrap();
        }
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_meet_by_name_on_exposed_ports_only() {
    with_agent("peers", |agent| async move {
        let shell = |script: &str| vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()];
        let mut backend = service("backend");
        backend.command = shell("httpd -p 3000 -h /www; httpd -p 4000 -h /www; httpd -f -p 5000 -h /www");
        backend.exposures = vec![
            expose(3000, 8080, ExposeTo::Service("frontend".into())),
            expose(5000, 5000, ExposeTo::Service("other".into())),
        ];
        let fetch = "
            until timeout 2 wget -q -O /tmp/page http://backend:8080/; do usleep 50000; done
            grep -c hello /tmp/page
            for port in 4000 5000; do
                timeout 2 wget -q -O - http://backend:$port/ >/dev/null && echo open $port || echo closed $port
            done
            nslookup example.com 2>&1 | grep -c Address";
        let mut frontend = service("frontend");
        frontend.command = shell(fetch);
        let mut other = service("other");
        other.command = shell(
            "
            until timeout 2 wget -q -O /dev/null http://backend:5000/; do usleep 50000; done
            timeout 2 wget -q -O /dev/null http://backend:8080/ && echo open 8080 || echo closed 8080",
        );
        let spec = pod("peers", vec![backend, frontend, other]);
        agent.host.start(&spec).await.unwrap();
        for name in ["frontend", "other"] {
            agent.host.wait(&spec.id, name, 0).await.unwrap();
        }
        let log = agent.log(&spec.id, "frontend").await;
        assert!(log.contains("closed 4000") && log.contains("closed 5000") && !log.contains("open "), "{log}");
        let log = agent.log(&spec.id, "other").await;
        assert!(log.contains("closed 8080") && !log.contains("open "), "{log}");
        agent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_make_network_devices_takes_nobodys_address() {
    with_agent("tun", |agent| async move {
        let shell = |script: &str| vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()];
        let mut backend = service("backend");
        backend.exposures = vec![expose(80, 80, ExposeTo::Pod)];
        // It notes from whom connections begin, which its replies do not tell: they go to nobody where the address is nobody's.
        backend.command = shell(
            "
            httpd -f -p 80 -h /www &
            from() { grep -q \"\\(FFFF0000\\| \\)$1[0-9A-F]\\{6\\}:\" /proc/net/tcp /proc/net/tcp6; }
            while :; do from 03 && touch /www/own; from 63 && touch /www/forged; usleep 50000; done",
        );
        let mut job = service("job");
        job.command = shell(
            "
            tunctl -t own0 && ip addr add 100.127.0.1/16 dev own0 && ip link set own0 up && echo made
            get() { timeout 3 wget -q -O /dev/null http://$backend/$1 2>/dev/null; }
            backend=$(grep -w backend /etc/hosts | cut -f1 | cut -d' ' -f1)
            until get own; do usleep 50000; done
            own=$(ip -4 -o addr show dev eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/')
            via=$(ip route | sed -n 's/default \\(via .* dev eth0\\).*/\\1/p')
            ip addr add ${own%.*}.99/32 dev eth0 && ip route replace $backend/32 $via src ${own%.*}.99 && echo another
            get own && echo reached as another
            ip route replace $backend/32 $via src $own && get own && echo reached as itself
            get forged && echo its packets came",
        );
        let spec = PodSpec { network_devices: true, ..pod("tun", vec![backend, job]) };
        agent.host.start(&spec).await.unwrap();
        agent.host.wait(&spec.id, "job", 0).await.unwrap();
        let log = agent.log(&spec.id, "job").await;
        let said: Vec<&str> = log.lines().filter(|line| !line.contains("own0") && *line != "Terminated").collect();
        assert_eq!(said.join(", "), "made, another, reached as itself", "{log}");
        let (_, log) =
            agent.script("tunctl -t own0 && echo made; ip link set eth0 down || echo no-right", |_| ()).await;
        assert!(log.contains("no-right") && !log.contains("made"), "{log}");
        agent
    })
    .await;
}
