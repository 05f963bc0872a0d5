//! A network with providers in a folder of its own, and what is counted of it from outside.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Longer than anything here takes, even on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A network; ended with the test however that ends.
pub(crate) struct Net {
    home: tempfile::TempDir,
    pub(crate) report: Value,
}

impl Drop for Net {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

/// An agent that was started by hand.
pub(crate) struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// Why containers cannot run here.
pub(crate) fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root".to_owned());
    }
    let there = |tool: &str| Command::new("which").arg(tool).output().is_ok_and(|output| output.status.success());
    let tools = ["runc", "nft", "ip", "mkfs.ext4", "busybox"];
    tools.into_iter().find(|tool| !there(tool)).map(|tool| format!("needs {tool}"))
}

impl Net {
    /// One validator, one provider and the example's image; none where containers cannot run.
    pub(crate) fn start(with_image: bool) -> Option<Self> {
        Self::start_with(&["--providers", "1"], with_image)
    }

    /// The same with other options of `tetra up`.
    pub(crate) fn start_with(options: &[&str], with_image: bool) -> Option<Self> {
        let net = Self::alone(options, None)?;
        if with_image {
            net.load_image();
        }
        Some(net)
    }

    /// As [`Net::start`] without an image; every process logs what a filter says.
    pub(crate) fn start_logging(filter: &str) -> Option<Self> {
        Self::alone(&["--providers", "1"], Some(filter))
    }

    fn alone(options: &[&str], filter: Option<&str>) -> Option<Self> {
        if let Some(reason) = missing() {
            println!("skipped: {reason}");
            return None;
        }
        let net = Self::with(options, filter);
        assert_eq!(net.held(), BTreeMap::new(), "before the test");
        Some(net)
    }

    /// A network with these options of `tetra up`.
    pub(crate) fn with(options: &[&str], filter: Option<&str>) -> Self {
        let mut net = Self { home: tempfile::tempdir().unwrap(), report: Value::Null };
        // Networks of other tests start at the same moment and would all want the usual port.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let up = [&["up", "--block-time", "300ms", "--rpc-port", &port, "--detach"], options].concat();
        net.report = match filter {
            None => net.json(&up),
            Some(filter) => {
                let output = net.run_logging(filter, &[&up[..], &["-o", "json"]].concat());
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                serde_json::from_slice(&output.stdout).unwrap()
            }
        };
        net
    }

    /// Stops the network, changes the settings of its first provider, and goes on with it; every process logs what a
    /// filter says.
    pub(crate) fn again_with(&mut self, filter: &str, change: impl FnOnce(&mut Value)) {
        assert!(self.run(&["down"]).status.success());
        let config = self.provider().join("provider.json");
        let mut settings: Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
        change(&mut settings);
        std::fs::write(&config, settings.to_string()).unwrap();
        let output = self.run_logging(filter, &["up", "--detach", "-o", "json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.report = serde_json::from_slice(&output.stdout).unwrap();
    }

    /// Stops the network and goes on with it.
    pub(crate) fn again(&mut self) {
        assert!(self.run(&["down"]).status.success());
        self.report = self.json(&["up", "--detach"]);
    }

    pub(crate) fn load_image(&self) {
        self.json(&["image", "load", &self.image_archive()]);
    }

    /// The example's image as a file.
    pub(crate) fn image_archive(&self) -> String {
        let script = root().join("examples/hello-web/build-image.sh");
        let archive = self.home.path().join("hello-web.tar");
        assert!(Command::new(script).arg(&archive).output().unwrap().status.success());
        archive.display().to_string()
    }

    /// A command on this network, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tetra"));
        command.args(arguments).env("TETRA_HOME", self.home.path()).current_dir(root());
        command.env_remove("TETRA_NODE").env_remove("TETRA_FROM").env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs a command, whatever comes of it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that logs what a filter says.
    pub(crate) fn run_logging(&self, filter: &str, arguments: &[&str]) -> Output {
        self.command(arguments).env("RUST_LOG", filter).output().unwrap()
    }

    /// Where the network's processes log.
    pub(crate) fn logs(&self) -> PathBuf {
        self.home.path().join("local/logs")
    }

    /// What the OCI runtime keeps of the agent's containers.
    pub(crate) fn container_states(&self) -> Vec<String> {
        let run = PathBuf::from(format!("/run/tetra-{}", tag(self.report["providers"][0]["dir"].as_str().unwrap())));
        let root = run.join("runc");
        let states = names(&root, "").into_iter().map(|name| root.join(name).join("state.json"));
        states.filter_map(|state| std::fs::read_to_string(state).ok()).collect()
    }

    /// Runs a command that must succeed, and reads its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["-o", "json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must fail with an exit code; what it said.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// Deploys a file, taking the cheapest bid.
    pub(crate) fn deploy(&self, file: &str) -> Deployment {
        Deployment::of(&self.json(&["deploy", file, "--auto", "cheapest"]))
    }

    /// Closes a deployment; its bill, which adds up.
    pub(crate) fn close(&self, dseq: u64) -> Value {
        let bill = self.json(&["deployment", "close", &dseq.to_string(), "--yes"])["bill"].take();
        assert_eq!(bill["adds_up"], true, "{bill:#}");
        bill
    }

    /// A file of an example, changed.
    pub(crate) fn file(&self, name: &str, example: &str, changes: &[(&str, &str)]) -> String {
        let mut text = std::fs::read_to_string(root().join(example)).unwrap();
        for (old, new) in changes {
            assert!(text.contains(old), "{example} has no {old:?} any more");
            text = text.replace(old, new);
        }
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The folder of the network's provider.
    pub(crate) fn provider(&self) -> PathBuf {
        PathBuf::from(self.report["providers"][0]["dir"].as_str().unwrap())
    }

    /// The gateway of the network's provider.
    pub(crate) fn gateway(&self) -> String {
        let config = std::fs::read_to_string(self.provider().join("provider.json")).unwrap();
        serde_json::from_str::<Value>(&config).unwrap()["host_uri"].as_str().unwrap().to_owned()
    }

    /// A connection to it.
    pub(crate) fn gateway_as(&self, auth: client::Auth) -> client::Gateway {
        let trust = client::Trust::only(self.gateway_identity().certificate().clone());
        client::Gateway::new(&self.gateway(), trust, auth).unwrap()
    }

    /// The certificate that its agent keeps.
    pub(crate) fn gateway_identity(&self) -> client::certs::Credential {
        let file = provider::gateway::IdentityFile::new(&self.provider().join("state"));
        file.load().unwrap().unwrap()
    }

    /// The home folder of commands.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The folder of keys.
    pub(crate) fn keys(&self) -> PathBuf {
        self.home.path().join("keys")
    }

    /// Ends the only validator as a crash does.
    pub(crate) fn crash_validator(&self) {
        Self::crash(self.report["validators"][0]["pid"].as_i64().unwrap());
    }

    /// Ends the provider's agent as a crash does.
    pub(crate) fn crash_agent(&self) {
        Self::crash(self.report["providers"][0]["pid"].as_i64().unwrap());
    }

    fn crash(pid: i64) {
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
        // It is nobody's child here, and has its files until the kernel has taken it apart.
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let gone = |stat: String| stat.is_empty() || stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
        until(|| gone(state()).then_some(()).ok_or("the agent is still there".to_owned())).unwrap();
    }

    /// Starts the provider's agent again, by hand.
    pub(crate) fn start_agent(&self) -> Agent {
        let provider = self.provider().display().to_string();
        let mut command = self.command(&["provider", "start", &provider]);
        Agent(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// As [`Net::start_agent`]; returns once its gateway answers.
    pub(crate) fn start_agent_until_ready(&self) -> Agent {
        let agent = self.start_agent();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        until(|| runtime.block_on(self.gateway_as(client::Auth::None).status())).unwrap();
        agent
    }

    /// What the agent holds of the kernel, by kind.
    pub(crate) fn held(&self) -> BTreeMap<&'static str, Vec<String>> {
        let Some(tag) = self.report["providers"][0]["dir"].as_str().map(tag) else { return BTreeMap::new() };
        let (prefix, run) = (format!("tetra-{tag}"), format!("/run/tetra-{tag}"));
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounts = mounts.lines().filter_map(|line| line.split(' ').nth(4)).filter(|point| point.starts_with(&run));
        let tables = Command::new("nft").args(["list", "tables"]).output().unwrap().stdout;
        let tables = String::from_utf8(tables).unwrap();
        let own = format!("tetra_{tag}_");
        let loops = names(Path::new("/sys/block"), "loop").into_iter().filter(|device| {
            let file = std::fs::read_to_string(format!("/sys/block/{device}/loop/backing_file")).unwrap_or_default();
            file.starts_with(self.home.path().to_str().unwrap())
        });
        let mut held = BTreeMap::from([
            ("containers", names(&Path::new(&run).join("runc"), "")),
            ("network namespaces", names(Path::new("/run/netns"), &prefix)),
            ("links", names(Path::new("/sys/class/net"), &format!("t{tag}"))),
            ("mounts", mounts.map(str::to_owned).collect()),
            ("nft tables", tables.lines().filter(|line| line.contains(&own)).map(str::to_owned).collect()),
            ("loop devices", loops.collect()),
            ("cgroups", cgroups(&prefix)),
        ]);
        held.retain(|_, names| !names.is_empty());
        held
    }

    /// Processor time that all containers of the agent have used so far, in seconds, as the host counts it (cgroup
    /// version 1); none where that is not to be had.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        let root = Path::new("/sys/fs/cgroup/cpuacct");
        let prefix = format!("tetra-{}", tag(self.report["providers"][0]["dir"].as_str()?));
        let groups = names(root, &prefix);
        let used = groups.iter().map(|group| {
            let text = std::fs::read_to_string(root.join(group).join("cpuacct.usage")).ok()?;
            text.trim().parse::<f64>().ok()
        });
        let used: Option<Vec<f64>> = used.collect();
        used.filter(|used| !used.is_empty()).map(|used| used.iter().sum::<f64>() / 1e9)
    }

    /// Process ids in the control groups of the agent's containers.
    pub(crate) fn processes(&self) -> Vec<String> {
        let prefix = format!("tetra-{}", tag(&self.provider().display().to_string()));
        let root = Path::new("/sys/fs/cgroup");
        let of = |dir: PathBuf| names(&dir, &prefix).into_iter().map(move |name| dir.join(name));
        // Version 1 has the groups below each controller, version 2 at the root.
        let mut groups: Vec<PathBuf> = of(root.join("pids")).chain(of(root.to_owned())).collect();
        let mut processes = Vec::new();
        while let Some(group) = groups.pop() {
            let text = std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
            processes.extend(text.lines().map(str::to_owned));
            let below = std::fs::read_dir(&group).into_iter().flatten().flatten().map(|entry| entry.path());
            groups.extend(below.filter(|path| path.is_dir()));
        }
        processes
    }

    /// The writable layers of the agent's containers.
    pub(crate) fn writable_layers(&self) -> Vec<PathBuf> {
        let pods = PathBuf::from(format!("/run/tetra-{}/pods", tag(&self.provider().display().to_string())));
        let below = |dir: &PathBuf| names(dir, "").into_iter().map(|name| dir.join(name)).collect::<Vec<_>>();
        let replicas = below(&pods).into_iter().flat_map(|pod| below(&pod));
        replicas.map(|replica| replica.join("scratch/upper")).filter(|layer| layer.is_dir()).collect()
    }

    /// The processes that watch the agent's containers: they name a file of its folder of mounts.
    pub(crate) fn shims(&self) -> Vec<String> {
        let run = format!("/run/tetra-{}/", tag(&self.provider().display().to_string()));
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|process| {
            let line = std::fs::read(process.path().join("cmdline")).ok()?;
            Some(format!("process {}: {}", process.file_name().display(), String::from_utf8_lossy(&line)))
        });
        lines.filter(|line| line.contains(&run)).collect()
    }

    /// Waits until the agent holds nothing of the kernel and has nothing reserved.
    pub(crate) fn nothing_left(&self) {
        let held = until(|| Some(self.held()).filter(|held| !held.is_empty()).map_or(Ok(()), Err));
        assert_eq!(held, Ok(()));
        let active = until(|| {
            let client = self.gateway_as(client::Auth::None);
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let status = runtime.block_on(client.status()).map_err(|error| error.to_string())?;
            let inventory = &status["cluster"]["inventory"];
            let taken = [&inventory["active"], &inventory["pending"]];
            let empty = taken.iter().all(|list| list.as_array().is_none_or(Vec::is_empty));
            if empty { Ok(()) } else { Err(inventory.to_string()) }
        });
        assert_eq!(active, Ok(()), "reservations");
    }
}

/// Tries until it works or the limit is reached; the last failure.
pub(crate) fn until<T, E>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let deadline = Instant::now() + LIMIT;
    loop {
        match attempt() {
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(100)),
            outcome => return outcome,
        }
    }
}

/// What `tetra deploy` printed.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) dseq: u64,
    pub(crate) url: String,
}

impl Deployment {
    pub(crate) fn of(told: &Value) -> Self {
        let url = told["addresses"][0]["address"].as_str().unwrap().to_owned();
        Self { dseq: told["dseq"].as_u64().unwrap(), url }
    }

    /// The page at its address.
    pub(crate) fn page(&self) -> Result<String, String> {
        let rest = self.url.strip_prefix("http://").unwrap();
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':').unwrap();
        let page = fetch(&format!("127.0.0.1:{port}"), host)?;
        page.strip_prefix("200").map(str::to_owned).ok_or(page)
    }
}

/// Status and body of a page at an address: that of a path, or of a host name's `/`.
pub(crate) fn fetch(address: &str, target: &str) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let (path, host) = if target.starts_with('/') { (target, "localhost") } else { ("/", target) };
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split(' ').nth(1).ok_or("no status")?;
    Ok(format!("{status}{body}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tag(dir: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(dir)).chars().take(5).collect()
}

fn names(dir: &Path, prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// Version 2 has groups at the root, version 1 below a folder per controller.
fn cgroups(prefix: &str) -> Vec<String> {
    let root = Path::new("/sys/fs/cgroup");
    let controllers = names(root, "").into_iter().map(|name| root.join(name));
    let below = controllers.flat_map(|path| names(&path, prefix));
    names(root, prefix).into_iter().chain(below).collect()
}
