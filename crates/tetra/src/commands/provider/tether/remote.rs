//! The machine at the other end, by the system's `ssh`: its configuration, keys and known hosts are the user's.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};

use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

use crate::error::{Class, Classify, CliError, Result};
use crate::output;

/// Bytes that are sent at a time.
const PIECE: usize = 256 << 10;

/// Which ports lead where.
pub(super) struct Forwards {
    /// Of its loopback, to the chain's node as seen from here.
    pub(super) node: (u16, String),
    /// Of its loopback, to the carrier here.
    pub(super) carrier: (u16, SocketAddr),
    /// From here, to the gateway on its loopback.
    pub(super) gateway: (SocketAddr, u16),
    /// Of its loopback: by SOCKS to whom this machine reaches.
    pub(super) proxy: u16,
}

/// The machine.
pub(super) struct Remote {
    host: String,
    options: Vec<String>,
    dir: String,
}

/// A word of a shell, as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

impl Remote {
    /// # Errors
    /// When the host would be read as an option.
    pub(super) fn new(host: &str, options: &[String], dir: &str) -> Result<Self> {
        if host.starts_with('-') || host.is_empty() {
            return Err(CliError::new(Class::Usage, format!("{host:?} is no host")));
        }
        let words = options.iter().flat_map(|option| option.split_whitespace()).map(str::to_owned).collect();
        Ok(Self { host: host.to_owned(), options: words, dir: dir.to_owned() })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    fn by_hand(&self) -> String {
        let words = ["ssh"].into_iter().chain(self.options.iter().map(String::as_str));
        words.chain([self.host.as_str(), "true"]).collect::<Vec<_>>().join(" ")
    }

    fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        // Nobody is there to answer questions once it holds; a connection that is gone is noticed within half a minute.
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"]);
        command.args(&self.options).kill_on_drop(true);
        command
    }

    /// Starts a script there, in the folder.
    fn script(&self, mut ssh: Command, script: &str) -> Command {
        let dir = quoted(&self.dir);
        ssh.arg("--").arg(&self.host).arg(format!("umask 022; mkdir -p {dir} && cd {dir} && {{ {script}\n}}"));
        ssh
    }

    fn spawn(mut command: Command) -> Result<Child> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| {
            CliError::new(Class::Machine, format!("ssh cannot be run: {error}"))
                .hint("install it: apt-get install openssh-client")
        })
    }

    fn explain(&self, output: &Output) -> CliError {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim();
        match output.status.code() {
            Some(255) => CliError::new(Class::Unreachable, format!("{} is not reached: {said}", self.host))
                .hint(format!("try it by hand, without a password: {}", self.by_hand())),
            _ => CliError::new(Class::Machine, format!("{}: {said}", self.host)),
        }
    }

    async fn read(&self, script: &str) -> Result<String> {
        let mut child = Self::spawn(self.script(self.ssh(), script))?;
        drop(child.stdin.take());
        let output = child.wait_with_output().await.class(Class::Machine)?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err(self.explain(&output)),
        }
    }

    /// Whether it can be reached, is of this kind, and lets containers be run.
    ///
    /// # Errors
    /// What is missing, with what to do.
    pub(super) async fn check(&self) -> Result {
        let found = self.read("uname -sm; id -u; for program in runc ip nft mkfs.ext4 tar; do command -v $program > /dev/null || echo missing $program; done; test -c /dev/net/tun || echo missing /dev/net/tun").await?;
        let mut lines = found.lines();
        let (kind, own) = (lines.next().unwrap_or_default(), rustix::system::uname());
        let here = format!("{} {}", own.sysname().to_string_lossy(), own.machine().to_string_lossy());
        if kind != here {
            let what = format!("{} is {kind}, and this program is for {here}", self.host);
            return Err(CliError::new(Class::Machine, what).hint("run the tether from a machine of that kind"));
        }
        if lines.next() != Some("0") {
            return Err(CliError::new(Class::Usage, format!("containers on {} need root", self.host))
                .hint("tether it as root@HOST"));
        }
        let missing: Vec<&str> = lines.filter_map(|line| line.strip_prefix("missing ")).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(CliError::new(Class::Machine, format!("{} lacks {}", self.host, missing.join(", ")))
                .hint("on Debian: apt-get install runc iproute2 nftables e2fsprogs tar")),
        }
    }

    /// Sends a file, unless the same is there: its digest is asked for first.
    ///
    /// # Errors
    /// When it cannot be read or sent.
    pub(super) async fn upload(&self, file: &Path, name: &str) -> Result {
        let digest = digest(file).await?;
        let there = self.read(&format!("sha256sum {0} 2> /dev/null || true", quoted(name))).await?;
        if there.starts_with(&digest) {
            return Ok(());
        }
        let name = quoted(name);
        let script = format!("cat > {name}.new && chmod 700 {name}.new && mv {name}.new {name}");
        self.send(file, &script).await
    }

    /// Feeds a file to a script there.
    async fn send(&self, file: &Path, script: &str) -> Result {
        let mut source = File::open(file).await.class(Class::NotFound)?;
        let bar = bar(source.metadata().await.class(Class::NotFound)?.len());
        let mut child = Self::spawn(self.script(self.ssh(), script))?;
        let mut stdin = child.stdin.take();
        let mut buffer = vec![0; PIECE];
        while let Some(sink) = &mut stdin {
            let length = source.read(&mut buffer).await.class(Class::NotFound)?;
            // A connection that breaks is explained by what ssh says at its end.
            if length == 0 || sink.write_all(&buffer[..length]).await.is_err() {
                break;
            }
            bar.inc(length as u64);
        }
        drop(stdin);
        let output = child.wait_with_output().await.class(Class::Machine)?;
        bar.finish_and_clear();
        if output.status.success() { Ok(()) } else { Err(self.explain(&output)) }
    }

    /// Unpacks an archive into the agent's folder.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub(super) async fn unpack(&self, archive: &[u8]) -> Result {
        let mut child = Self::spawn(self.script(self.ssh(), "mkdir -p agent && tar -C agent -xf -"))?;
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(archive).await;
        }
        let output = child.wait_with_output().await.class(Class::Machine)?;
        if output.status.success() { Ok(()) } else { Err(self.explain(&output)) }
    }

    /// Loads an image into the agent's store, unless the same archive was loaded before.
    ///
    /// # Errors
    /// When it cannot be sent, or is none.
    pub(super) async fn load(&self, image: &Path) -> Result {
        let mark = quoted(&format!("image-{}", digest(image).await?));
        if self.read(&format!("test -e {mark} && echo there || true")).await? == "there" {
            return Ok(());
        }
        let load = "./tetra image load image.tar --provider agent";
        self.send(image, &format!("cat > image.tar && {load} > /dev/null && touch {mark} && rm image.tar")).await
    }

    /// Starts the agent there; it ends when the input that is given does. What it says goes to stderr.
    ///
    /// # Errors
    /// When `ssh` cannot be run.
    pub(super) async fn start(&self, forwards: &Forwards, secret: Option<&str>) -> Result<(Child, ChildStdin)> {
        let mut ssh = self.ssh();
        let (node, carrier, gateway) = (&forwards.node, forwards.carrier, forwards.gateway);
        ssh.args(["-o", "ExitOnForwardFailure=yes"]);
        ssh.arg("-R").arg(format!("127.0.0.1:{}:{}", node.0, node.1));
        ssh.arg("-R").arg(format!("127.0.0.1:{}:{}", carrier.0, carrier.1));
        ssh.arg("-R").arg(format!("127.0.0.1:{}", forwards.proxy));
        ssh.arg("-L").arg(format!("{}:127.0.0.1:{}", gateway.0, gateway.1));
        // A list in the background reads /dev/null unless it is told otherwise; what still holds a stream would hold the session.
        let script = "IFS= read -r TETRA_PASSPHRASE; export TETRA_PASSPHRASE; cd agent; exec 3<&0\n\
                      ../tetra provider start . < /dev/null 3<&- & agent=$!\n\
                      { cat <&3; kill -TERM $agent; } > /dev/null 2>&1 & wait $agent";
        let mut command = self.script(ssh, script);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let mut child = command.spawn().class(Class::Machine)?;
        // Waiting for a child would drop an input that it still has.
        let none = || CliError::new(Class::Internal, "ssh has no input");
        let mut stdin = child.stdin.take().ok_or_else(none)?;
        stdin.write_all(format!("{}\n", secret.unwrap_or_default()).as_bytes()).await.class(Class::Machine)?;
        Ok((child, stdin))
    }
}

async fn digest(file: &Path) -> Result<String> {
    let missing = |error: std::io::Error| CliError::new(Class::NotFound, format!("{}: {error}", file.display()));
    let mut source = File::open(file).await.map_err(missing)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; PIECE]);
    loop {
        let length = source.read(&mut buffer).await.map_err(missing)?;
        if length == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..length]);
    }
}

fn bar(bytes: u64) -> ProgressBar {
    if !output::watched() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell_stay_one_word() {
        assert_eq!(quoted("a'b $c"), "'a'\\''b $c'");
        assert!(Remote::new("-oProxyCommand=x", &[], "d").is_err());
        let of = |options: &[String]| Remote::new("root@h", options, "d").map(|remote| remote.by_hand()).ok();
        assert_eq!(of(&[]).as_deref(), Some("ssh root@h true"));
        assert_eq!(of(&["-p 22".to_owned()]).as_deref(), Some("ssh -p 22 root@h true"));
    }
}
