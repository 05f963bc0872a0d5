//! Attempts of one tenant beside another one's container: each must fail, and both the neighbour and the provider must
//! serve as before.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::image;
use super::{Row, Table};
use crate::net::{Net, fetch, until};

pub(super) const DEPLOY: &str = "crates/tetra/tests/e2e/isolation/deploy.yaml";
const HELLO: &str = "examples/hello-web/deploy.yaml";

/// Longer than any attempt takes by itself.
const PATIENCE: Duration = Duration::from_secs(90);

/// Two log files of 8 MiB, and what the lines' times and streams take.
const LOG_BOUND: u64 = (2 * 8 + 1) << 20;

#[test]
fn nothing_works_from_inside_of_a_container() {
    let Some(net) = Net::start(true) else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = image::attempts(dir.path());
    net.json(&["image", "load", image::attempts_image(dir.path(), &program).to_str().unwrap()]);
    let place = Place::new(&net, dir.path(), &net.file("attempts.yaml", DEPLOY, &[]));

    let listed = Row::read(&run(&program, "do=list"));
    let mut expected: BTreeSet<String> = listed.iter().map(|row| row.name.clone()).collect();
    let mut table = Table::default();
    works_outside(&program, dir.path());

    for group in ["files", "kernel", "network"] {
        table.add(place.ask(&format!("do={group}")));
        place.still_serves(&net, group);
    }
    let targets = place.targets(&net);
    expected.extend(targets.iter().map(|(name, ..)| name.clone()));
    table.add(place.connect(&targets));
    // An address that answers shows that connecting is not what is broken.
    let own = place.connect(&[("own".into(), "127.0.0.1".into(), 80)]);
    assert_eq!(own[0].verdict, "done", "{own:?}");
    place.still_serves(&net, "connections");

    // `answered` is the third field of the list: the group.
    for row in listed.iter().filter(|row| row.answer == "resources") {
        table.add(place.ask(&format!("do={}", row.name)));
        place.still_serves(&net, &row.name);
    }
    let logs = size_of_logs(&net.provider());
    expected.insert("log-disk".to_owned());
    table.add(vec![Row::new(
        "log-disk",
        "a log larger than its bound",
        logs <= LOG_BOUND,
        format!("{logs} bytes kept"),
    )]);

    table.judge("from inside of a leased container", &expected);
    place.close(&net);
    net.nothing_left();
}

/// Root outside of a container can do what is refused inside.
fn works_outside(program: &Path, dir: &Path) {
    let secret = secret(dir);
    let ask = format!("file={secret}&process={}&foreign=192.0.2.7&do=outside", std::process::id());
    let rows = Row::read(&run(program, &ask));
    assert!(rows.len() > 50, "{rows:?}");
    let wrong: Vec<&Row> = rows.iter().filter(|row| row.verdict != "done").collect();
    assert!(wrong.is_empty(), "refused outside, so that nothing is shown inside: {wrong:#?}");
}

/// A file of the host that no container may read.
fn secret(dir: &Path) -> String {
    let path = dir.join("secret");
    std::fs::write(&path, "of the host").unwrap();
    path.display().to_string()
}

pub(super) fn run(program: &Path, query: &str) -> String {
    let output = Command::new(program).arg(query).env_remove("QUERY_STRING").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The attacker's container, and another tenant's beside it.
pub(super) struct Place {
    attacker: u64,
    neighbour: u64,
    /// Address of the attacker's container.
    pub(super) address: String,
    /// Address of the neighbour's.
    neighbour_address: String,
    query: String,
    listener: TcpListener,
}

impl Place {
    /// Deploys both.
    pub(super) fn new(net: &Net, dir: &Path, file: &str) -> Self {
        let neighbour = net.json(&["deploy", HELLO, "--auto", "cheapest", "--from", "bob"]);
        let neighbour = neighbour["dseq"].as_u64().unwrap();
        let first = links(net);
        let attacker = net.deploy(file).dseq;
        let second = links(net);
        let neighbour_address = address(first.iter().next().unwrap());
        let address = address(second.difference(&first).next().unwrap());
        let agent = net.report["providers"][0]["pid"].as_i64().unwrap();
        let query = format!("file={}&process={agent}&foreign={neighbour_address}", secret(dir));
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        until(|| fetch(&format!("{address}:80"), "web")).expect("the attacker's container serves");
        Self { attacker, neighbour, address, neighbour_address, query, listener }
    }

    /// Makes attempts inside.
    pub(super) fn ask(&self, what: &str) -> Vec<Row> {
        self.try_ask(what).unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// As [`Self::ask`], where the container may not survive it.
    pub(super) fn try_ask(&self, what: &str) -> Result<Vec<Row>, String> {
        self.ask_within(PATIENCE, what)
    }

    /// The same; no answer within this time is a failure.
    pub(super) fn ask_within(&self, patience: Duration, what: &str) -> Result<Vec<Row>, String> {
        let path = format!("/cgi-bin/attempts?{}&{what}", self.query);
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(format!("{}:80", self.address))?;
            stream.set_read_timeout(Some(patience))?;
            write!(stream, "GET {path} HTTP/1.0\r\nHost: web\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = ask().map_err(|error| error.to_string())?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("no answer: {answer:?}"))?;
        if head.contains(" 200 ") && !body.is_empty() { Ok(Row::read(body)) } else { Err(answer) }
    }

    pub(super) fn connect(&self, targets: &[(String, String, u16)]) -> Vec<Row> {
        let to = targets.iter().map(|(name, address, port)| format!("to={name},{address},{port}"));
        self.ask(&to.collect::<Vec<_>>().join("&"))
    }

    /// What no container may reach, all of it reachable from here.
    pub(super) fn targets(&self, net: &Net) -> Vec<(String, String, u16)> {
        let [a, b, c, _] = self.address.parse::<Ipv4Addr>().unwrap().octets();
        let link = Ipv4Addr::new(a, b, c, 1).to_string();
        let open = self.listener.local_addr().unwrap().port();
        let mut targets = vec![
            ("neighbour".to_owned(), self.neighbour_address.clone(), 80),
            ("host-by-link".to_owned(), link.clone(), open),
            ("host-by-name".to_owned(), own_address(), open),
        ];
        for (_, address, port) in &targets {
            assert!(TcpStream::connect((address.as_str(), *port)).is_ok(), "{address}:{port} can be reached from here");
        }
        for (name, port) in ports(net) {
            assert!(TcpStream::connect(("127.0.0.1", port)).is_ok(), "{name} can be reached from here");
            targets.push((format!("{name}-by-link"), link.clone(), port));
            targets.push((format!("{name}-by-loopback"), "127.0.0.1".to_owned(), port));
        }
        targets.push(("metadata".to_owned(), "169.254.169.254".to_owned(), 80));
        targets
    }

    /// The neighbour and the agent answer, whatever was tried.
    pub(super) fn still_serves(&self, net: &Net, after: &str) {
        let page = fetch(&format!("{}:80", self.neighbour_address), "web");
        assert!(page.as_ref().is_ok_and(|page| page.contains("hello from Tetra")), "after {after}: {page:?}");
        assert_eq!(agent_answers(net), Ok(()), "after {after}");
    }

    pub(super) fn close(&self, net: &Net) {
        let closed = net.run(&["deployment", "close", &self.neighbour.to_string(), "--yes", "--from", "bob"]);
        assert!(closed.status.success(), "{closed:?}");
        net.close(self.attacker);
    }
}

/// Whether the provider's gateway answers.
pub(super) fn agent_answers(net: &Net) -> Result<(), String> {
    let gateway = net.gateway_as(client::Auth::None);
    let status = tokio::runtime::Runtime::new().unwrap().block_on(gateway.status());
    status.map(drop).map_err(|error| error.to_string())
}

fn links(net: &Net) -> BTreeSet<String> {
    net.held().remove("links").unwrap_or_default().into_iter().collect()
}

/// The address of the container at the other end of a link.
fn address(link: &str) -> String {
    let shown = Command::new("ip").args(["-4", "-o", "addr", "show", "dev", link]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let peer = shown.split(" peer ").nth(1).unwrap_or_else(|| panic!("{link} has no peer: {shown}"));
    peer.split([' ', '/']).next().unwrap().to_owned()
}

/// The address under which this machine is known on its network; another loopback address where it has no network.
fn own_address() -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = socket.connect("192.0.2.200:9").and_then(|()| socket.local_addr());
    own.map_or("127.0.0.2".into(), |address| address.ip().to_string())
}

/// Ports of the provider and of its node.
fn ports(net: &Net) -> Vec<(&'static str, u16)> {
    let config = std::fs::read_to_string(net.provider().join("provider.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let port = |field: &str| {
        let text = config[field].as_str().unwrap().trim_end_matches('/');
        text.rsplit_once(':').unwrap().1.parse().unwrap()
    };
    vec![("gateway", port("gateway_listen")), ("proxy", port("proxy_listen")), ("node-rpc", port("node"))]
}

/// Bytes of the largest set of container logs below a folder.
fn size_of_logs(provider: &Path) -> u64 {
    let pods = std::fs::read_dir(provider.join("data/pods")).unwrap().flatten();
    let sizes = pods.map(|pod| {
        let logs = std::fs::read_dir(pod.path().join("logs")).into_iter().flatten().flatten();
        logs.filter_map(|log| log.metadata().ok()).map(|meta| meta.len()).sum()
    });
    sizes.max().expect("a pod has logs")
}
