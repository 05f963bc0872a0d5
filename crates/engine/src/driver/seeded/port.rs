//! The two ends between an engine and its world: events go in, actions come out.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

/// A node's name on the links.
pub type Peer = u16;

/// On which of the engine's channels a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Proposals and votes.
    Consensus,
    /// Pieces of proposed blocks.
    ProposalParts,
    /// What is said again so that nobody stays behind.
    Liveness,
    /// Which heights a node has.
    Status,
    /// A request for decided blocks, with the requester's number for it.
    SyncRequest(u64),
    /// The answer to the request with this number.
    SyncResponse(u64),
}

/// Encoded bytes on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Where they belong.
    pub channel: Channel,
    /// The message, as it crosses a real network.
    pub bytes: Bytes,
}

/// For whom a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Every other node.
    Everybody,
    /// One node.
    Peer(Peer),
}

/// What happens to an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A packet came.
    Arrived {
        /// From whom; the link knows.
        from: Peer,
        /// What.
        packet: Packet,
    },
    /// The time of a [`Action::Wake`] has come.
    Due(u64),
}

/// What an engine wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a packet.
    Send {
        /// To whom.
        to: To,
        /// What.
        packet: Packet,
    },
    /// Give back [`Event::Due`] after a while. It may be ignored by then.
    Wake {
        /// To be given back.
        timer: u64,
        /// After how long.
        after: Duration,
    },
}

#[derive(Default)]
struct Shared {
    now: Duration,
    events: VecDeque<Event>,
    actions: Vec<Action>,
    waker: Option<Waker>,
}

/// The engine's end.
#[derive(Clone, Default)]
pub struct Port(Arc<Mutex<Shared>>);

/// The world's end.
#[derive(Clone)]
pub struct Line(Arc<Mutex<Shared>>);

/// No code that holds the lock can panic half-way.
fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Port {
    /// Both ends of a new connection.
    pub fn pair() -> (Port, Line) {
        let port = Port::default();
        let line = Line(Arc::clone(&port.0));
        (port, line)
    }

    /// The world's clock as this node sees it; only its differences mean something.
    pub(super) fn now(&self) -> Duration {
        locked(&self.0).now
    }

    pub(super) fn act(&self, action: Action) {
        locked(&self.0).actions.push(action);
    }

    pub(super) fn next(&self) -> impl Future<Output = Event> + Send {
        poll_fn(|context| {
            let mut shared = locked(&self.0);
            match shared.events.pop_front() {
                Some(event) => Poll::Ready(event),
                None => {
                    shared.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
    }
}

impl Line {
    /// Sets the node's clock and hands over an event; the engine's future has to be polled then.
    pub fn give(&self, now: Duration, event: Event) {
        let mut shared = locked(&self.0);
        shared.now = now;
        shared.events.push_back(event);
        if let Some(waker) = shared.waker.take() {
            waker.wake();
        }
    }

    /// Sets the node's clock before its engine is polled for the first time.
    pub fn set_now(&self, now: Duration) {
        locked(&self.0).now = now;
    }

    /// What the engine wanted since the last call.
    pub fn take(&self) -> Vec<Action> {
        std::mem::take(&mut locked(&self.0).actions)
    }
}
