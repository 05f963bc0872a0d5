//! `tetra cluster ssh`: a shell on a node, with a terminal where there is one here.

use std::io::{IsTerminal, Read, Write};

use client::cluster::{ExecAsk, ExecEvent, ExecSession, TerminalSize};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::names::ClusterName;
use super::reach::Reach;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    cluster: ClusterName,
    /// The node's rank; the head has 0
    #[arg(long, default_value_t = 0, value_name = "RANK")]
    rank: u32,
    /// The shell
    #[arg(long, default_value = "/bin/sh", value_name = "PROGRAM")]
    shell: String,
}

/// The terminal here, given back as it was when this is dropped.
struct Raw(Termios);

impl Raw {
    /// Has every key go to the node, those that would end this command too.
    fn make() -> Result<Self> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).class(Class::Machine)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw).class(Class::Machine)?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no care.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

fn size() -> Option<TerminalSize> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    Some(TerminalSize { columns: size.ws_col, rows: size.ws_row })
}

/// Runs it. Without a terminal here there is none on the node: what is read goes to the shell as it comes.
///
/// # Errors
/// When the node cannot be reached, or the shell ended with a code of its own.
pub async fn run(context: &Context, args: Args) -> Result {
    let reach = Reach::of(context, &args.cluster).await?;
    let node = reach.node(args.rank)?;
    let gateway = reach.gateway(node).await?;
    let terminal = if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() { size() } else { None };
    let mut env = vec![("PS1".to_owned(), format!("node {}$ ", args.rank))];
    if terminal.is_some()
        && let Ok(kind) = std::env::var("TERM")
    {
        env.push(("TERM".to_owned(), kind));
    }
    let ask = ExecAsk { args: vec![args.shell.clone(), "-i".to_owned()], env, dir: None, terminal };
    let session = gateway.cluster_exec(&reach.path, node.number, &ask).await?;
    let raw = terminal.map(|_| Raw::make()).transpose()?;
    let ended = talk(session).await;
    drop(raw);
    match ended? {
        0 => Ok(()),
        code => Err(CliError::new(Class::Provider, format!("the shell ended with code {code}"))),
    }
}

/// What is typed, from a thread of its own: one that waits for a key keeps nobody from ending.
fn keys() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut piece = [0u8; 4096];
        while let Ok(length @ 1..) = stdin.read(&mut piece) {
            if sender.blocking_send(piece[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Moves bytes until the shell ends; gives its code.
async fn talk(mut session: ExecSession) -> Result<i32> {
    let (mut keys, mut open) = (keys(), true);
    let mut resized = signal(SignalKind::window_change()).class(Class::Machine)?;
    loop {
        tokio::select! {
            typed = keys.recv(), if open => {
                let typed = typed.unwrap_or_default();
                open = !typed.is_empty();
                session.send(typed).await?;
            }
            _ = resized.recv() => {
                if let Some(size) = size() {
                    session.resize(size).await?;
                }
            }
            event = session.next() => match event? {
                // A reader that went away is told nothing more.
                ExecEvent::Stdout(bytes) => {
                    let mut out = std::io::stdout();
                    let _ = out.write_all(&bytes).and_then(|()| out.flush());
                }
                ExecEvent::Stderr(bytes) => drop(std::io::stderr().write_all(&bytes)),
                ExecEvent::Exit(code) => return Ok(code),
            },
        }
    }
}
