//! Time-outs while bodies flow: not for the whole, which may be long, but for standing still.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// What bodies fail with.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// How far the sending of a body is.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<(Instant, bool)>>);

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((Instant::now(), false))))
    }

    /// When it went on last, and whether it is done.
    pub(super) fn get(&self) -> (Instant, bool) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn mark(&self, done: bool) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = (Instant::now(), state.1 || done);
    }
}

/// A body that notes its progress.
pub(super) struct Noted<B> {
    body: Pin<Box<B>>,
    progress: Progress,
}

impl<B: Body> Noted<B> {
    pub(super) fn new(body: B, progress: Progress) -> Self {
        if body.is_end_stream() {
            progress.mark(true);
        }
        Self { body: Box::pin(body), progress }
    }
}

impl<B: Body<Data = Bytes>> Body for Noted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = self.body.as_mut().poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(_))) => self.progress.mark(self.body.is_end_stream()),
            Poll::Ready(_) => self.progress.mark(true),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that fails once nothing has come for some time.
pub(super) struct Moving<B> {
    body: Pin<Box<B>>,
    limit: Duration,
    alarm: Pin<Box<Sleep>>,
}

impl<B: Body> Moving<B> {
    pub(super) fn new(body: B, limit: Duration) -> Self {
        Self { body: Box::pin(body), limit, alarm: Box::pin(sleep_until(Instant::now() + limit)) }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BodyError>>> Body for Moving<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) {
            this.alarm.as_mut().reset(Instant::now() + this.limit);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        match this.alarm.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err("nothing came for too long".into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
