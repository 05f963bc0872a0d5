//! A pseudo terminal: the end that a program has, and the end that is read and written here.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::runtime::Resize;

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Letters of a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// The end that is read and written here.
#[derive(Clone, Debug)]
pub struct Terminal(Arc<AsyncFd<OwnedFd>>);

impl Terminal {
    /// A terminal of a size, and the end of its program.
    ///
    /// # Errors
    /// When the kernel has none left.
    pub fn open(size: Size) -> io::Result<(Self, OwnedFd)> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let program = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::ioctl_fionbio(&master, true)?;
        // Deprecated for types whose descriptor may change under tokio; an `OwnedFd`'s does not.
        #[allow(deprecated)]
        let terminal = Self(Arc::new(AsyncFd::new(master)?));
        terminal.resize(size)?;
        Ok((terminal, program))
    }
}

impl Resize for Terminal {
    fn resize(&self, size: Size) -> io::Result<()> {
        let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(self.0.get_ref(), size)?)
    }
}

impl AsyncRead for Terminal {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(cx))?;
            let mut piece = [0u8; 4096];
            let room = buffer.remaining().min(piece.len());
            let read = guard.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut piece[..room])?));
            match read {
                Ok(Ok(length)) => {
                    buffer.put_slice(&piece[..length]);
                    return Poll::Ready(Ok(()));
                }
                // How a terminal ends whose program is gone.
                Ok(Err(error)) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_not_ready) => {}
            }
        }
    }
}

impl AsyncWrite for Terminal {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(cx))?;
            if let Ok(written) = guard.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), bytes)?)) {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_program_has_a_terminal_of_the_size_that_it_is_told() {
        let (mut terminal, program) = Terminal::open(Size { columns: 91, rows: 17 }).unwrap();
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", "stty size; read line; echo got $line"]);
        command.stdin(Stdio::from(program.try_clone().unwrap()));
        command.stdout(Stdio::from(program.try_clone().unwrap())).stderr(Stdio::from(program));
        let mut child = command.spawn().unwrap();
        drop(command);
        terminal.write_all(b"hello\n").await.unwrap();
        let mut said = Vec::new();
        terminal.read_to_end(&mut said).await.unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("17 91\r\n") && said.contains("got hello\r\n"), "{said:?}");
        assert!(child.wait().await.unwrap().success());
    }
}
