//! A connection of the stack, as a stream of bytes.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stack;

/// A connection. Dropped, it ends once what was written has arrived.
pub(crate) struct StackStream {
    stack: Stack,
    handle: SocketHandle,
}

impl StackStream {
    pub(super) fn new(stack: Stack, handle: SocketHandle) -> Self {
        Self { stack, handle }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Socket<'static>) -> T) -> T {
        work(self.stack.inner().sockets.get_mut(self.handle))
    }

    /// Waits until both ends agree that it stands.
    ///
    /// # Errors
    /// When the other end refuses.
    pub(super) async fn established(&self) -> io::Result<()> {
        poll_fn(|cx| {
            self.with(|socket| match socket.state() {
                State::Listen | State::SynSent | State::SynReceived => {
                    socket.register_recv_waker(cx.waker());
                    socket.register_send_waker(cx.waker());
                    Poll::Pending
                }
                State::Closed => Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into())),
                _ => Poll::Ready(Ok(())),
            })
        })
        .await
    }
}

impl AsyncRead for StackStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.with(|socket| {
            if socket.can_recv() {
                let read = socket.recv_slice(buffer.initialize_unfilled());
                return Poll::Ready(read.map_err(|error| io::Error::other(error.to_string())));
            }
            if socket.may_recv() {
                socket.register_recv_waker(cx.waker());
                return Poll::Pending;
            }
            // One that ended by itself has said all; one that was cut has not.
            match socket.state() {
                State::Closed => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                _ => Poll::Ready(Ok(0)),
            }
        });
        let Poll::Ready(read) = read else { return Poll::Pending };
        buffer.advance(read?);
        // The other end may send more.
        self.stack.changed.notify_one();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for StackStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.with(|socket| {
            if !socket.may_send() {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            match socket.send_slice(bytes) {
                Ok(0) if !bytes.is_empty() => {
                    socket.register_send_waker(cx.waker());
                    Poll::Pending
                }
                Ok(written) => Poll::Ready(Ok(written)),
                Err(error) => Poll::Ready(Err(io::Error::other(error.to_string()))),
            }
        });
        if written.is_ready() {
            self.stack.changed.notify_one();
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(Socket::close);
        self.stack.changed.notify_one();
        Poll::Ready(Ok(()))
    }
}

impl Drop for StackStream {
    fn drop(&mut self) {
        {
            let inner = &mut *self.stack.inner();
            let socket = inner.sockets.get_mut::<Socket<'_>>(self.handle);
            match socket.state() {
                State::Listen | State::SynSent | State::SynReceived => socket.abort(),
                _ => socket.close(),
            }
            inner.left.push(self.handle);
        }
        self.stack.changed.notify_one();
    }
}
