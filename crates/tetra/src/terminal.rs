//! The terminal here, lent to a program elsewhere: every key goes there, and what it writes comes here.

use std::io::{IsTerminal, Read, Write};

use client::exec::{ExecEvent, ExecSession, TerminalSize};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::error::{Class, Classify, CliError, Result};

/// The terminal here, given back as it was when this is dropped.
struct Raw(Termios);

impl Raw {
    /// Has every key go there, those that would end this command too.
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

/// The size of the terminal here; none where input or output is none.
pub fn here() -> Option<TerminalSize> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() { size() } else { None }
}

/// Moves what is typed and written until the program ends; without a terminal, what is read goes to it as it comes. `reads` is whether it
/// is given anything.
///
/// # Errors
/// When the connection breaks, or with the program's code where that is not 0.
pub async fn lend(session: ExecSession, (is_terminal, reads): (bool, bool)) -> Result {
    let raw = is_terminal.then(Raw::make).transpose()?;
    let ended = talk(session, reads).await;
    drop(raw);
    match ended? {
        0 => Ok(()),
        code => Err(CliError::new(Class::Provider, format!("the program ended with code {code}"))),
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
async fn talk(mut session: ExecSession, reads: bool) -> Result<i32> {
    let (mut keys, mut open) = (reads.then(keys), reads);
    let mut resized = signal(SignalKind::window_change()).class(Class::Machine)?;
    loop {
        tokio::select! {
            typed = next(&mut keys), if open => {
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

async fn next(keys: &mut Option<mpsc::Receiver<Vec<u8>>>) -> Option<Vec<u8>> {
    match keys {
        Some(keys) => keys.recv().await,
        None => None,
    }
}
