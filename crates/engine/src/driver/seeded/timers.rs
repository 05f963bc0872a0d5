//! What an engine waits for.

use std::mem::discriminant;
use std::time::Duration;

use arc_malachitebft_app_channel::app::types::core::Timeout;
use arc_malachitebft_sync::OutboundRequestId;

use super::port::{Action, Port};

/// What is due when a timer has run.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// A step of a round.
    Step(Timeout),
    /// A peer that does not answer.
    Request(OutboundRequestId),
    /// Asking again for a block that could not be judged.
    Retry(u64),
    /// Telling peers which heights are here.
    Status,
    /// Looking whether somebody is ahead.
    Look,
}

impl Due {
    /// Whether both are the same wait; the time that a height has left is not part of its name.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Step(a), Self::Step(b)) => a.round == b.round && discriminant(&a.kind) == discriminant(&b.kind),
            (Self::Request(a), Self::Request(b)) => a == b,
            (Self::Retry(a), Self::Retry(b)) => a == b,
            (Self::Status, Self::Status) | (Self::Look, Self::Look) => true,
            _ => false,
        }
    }
}

/// The timers that run. One that was cancelled or set anew is not due any more when its time comes.
#[derive(Default)]
pub(super) struct Timers {
    last: u64,
    running: Vec<(u64, Due)>,
}

impl Timers {
    pub(super) fn start(&mut self, port: &Port, due: Due, after: Duration) {
        self.cancel(&due);
        self.last += 1;
        self.running.push((self.last, due));
        port.act(Action::Wake { timer: self.last, after });
    }

    pub(super) fn cancel(&mut self, due: &Due) {
        self.running.retain(|(_, running)| !running.is_same(due));
    }

    pub(super) fn cancel_steps(&mut self) {
        self.running.retain(|(_, running)| !matches!(running, Due::Step(_)));
    }

    pub(super) fn take(&mut self, timer: u64) -> Option<Due> {
        let at = self.running.iter().position(|(running, _)| *running == timer)?;
        Some(self.running.remove(at).1)
    }
}
