//! What commands that run until they are told to stop share: signals, and the tie to the process that started them.

use std::path::PathBuf;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Class, Classify, CliError, Result};

/// Options of a process that runs for long.
#[derive(Clone, Debug, clap::Args)]
pub struct Tie {
    /// Process without which this one must not go on; it must be the one that started it
    #[arg(long, hide = true, value_name = "PID")]
    pub with_parent: Option<i32>,
}

impl Tie {
    /// Has the kernel send SIGTERM to this process when its parent is gone, however it ended.
    ///
    /// # Errors
    /// When the parent is gone already.
    pub fn bind(&self) -> Result {
        let Some(parent) = self.with_parent.map(Pid::from_raw) else {
            return Ok(());
        };
        prctl::set_pdeathsig(Signal::SIGTERM).class(Class::Internal)?;
        // Asked after the wish was noted, so that a parent that ends in between is not missed.
        if getppid() != parent {
            return Err(CliError::new(Class::Usage, format!("process {parent} did not start this one, or has ended")));
        }
        Ok(())
    }
}

/// SIGINT and SIGTERM from now on: they no longer end the process by themselves.
pub struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    /// Catches the signals.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn catch() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).class(Class::Internal)?,
            terminate: signal(SignalKind::terminate()).class(Class::Internal)?,
        })
    }

    /// Waits for one of them.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// This program, to start it again under other arguments.
///
/// # Errors
/// When the kernel does not tell.
pub fn this_program() -> Result<PathBuf> {
    std::env::current_exe().class(Class::Internal)
}
