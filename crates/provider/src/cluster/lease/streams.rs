//! Programs in leases, as those of this machine are spoken to.

use std::io;

use async_trait::async_trait;
use client::exec::{ExecEvent, ExecInput, ExecOutput, ExecSession, TerminalSize};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use workload::runtime::{Ending, Exec, Resize};
use workload::terminal::Size;

/// Bytes that wait in each direction.
const BUFFER: usize = 256 << 10;
/// Bytes of input in one message.
const PIECE: usize = 64 << 10;

struct Running {
    ended: oneshot::Receiver<io::Result<i32>>,
    /// The connection, and with it the program, ends with these.
    _tasks: JoinSet<()>,
    _resize: mpsc::UnboundedSender<Size>,
}

#[async_trait]
impl Ending for Running {
    async fn wait(&mut self) -> io::Result<i32> {
        (&mut self.ended).await.map_err(|_| io::Error::other("the connection to the lease ended"))?
    }
}

struct Window(mpsc::UnboundedSender<Size>);

impl Resize for Window {
    fn resize(&self, size: Size) -> io::Result<()> {
        self.0.send(size).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// A program that runs in a lease.
pub(super) fn exec(session: ExecSession, has_terminal: bool) -> Exec {
    let (input, output) = session.split();
    let (stdin, read) = tokio::io::duplex(BUFFER);
    let (written, stdout) = tokio::io::duplex(BUFFER);
    let (written_beside, stderr) = tokio::io::duplex(BUFFER);
    let (resize, sizes) = mpsc::unbounded_channel();
    let (end, ended) = oneshot::channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(send(input, read, sizes));
    tasks.spawn(async move {
        // Nobody may wait for the end.
        let _ = end.send(receive(output, written, written_beside).await);
    });
    let terminal = has_terminal.then(|| Box::new(Window(resize.clone())) as Box<dyn Resize>);
    Exec {
        stdin: Box::new(stdin),
        stdout: Box::new(stdout),
        stderr: Box::new(stderr),
        terminal,
        running: Box::new(Running { ended, _tasks: tasks, _resize: resize }),
    }
}

async fn send(mut input: ExecInput, mut read: DuplexStream, mut sizes: mpsc::UnboundedReceiver<Size>) {
    let (mut buffer, mut open) = (vec![0; PIECE], true);
    loop {
        let sent = tokio::select! {
            length = read.read(&mut buffer), if open => {
                let length = length.unwrap_or(0);
                // Without bytes it is the end.
                open = length > 0;
                input.send(buffer[..length].to_vec()).await
            }
            size = sizes.recv() => match size {
                Some(Size { columns, rows }) => input.resize(TerminalSize { columns, rows }).await,
                None => return,
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn receive(mut output: ExecOutput, mut out: DuplexStream, mut err: DuplexStream) -> io::Result<i32> {
    loop {
        match output.next().await.map_err(io::Error::other)? {
            // Whoever reads no more is told nothing.
            ExecEvent::Stdout(bytes) => drop(out.write_all(&bytes).await),
            ExecEvent::Stderr(bytes) => drop(err.write_all(&bytes).await),
            ExecEvent::Exit(code) => return Ok(code),
        }
    }
}
