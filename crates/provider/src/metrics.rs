//! The numbers of an agent: what it counts as it works, and what is read when somebody looks.
//!
//! A look costs one question to the container runtime, which reads the records of the pods, and a few files of `/proc`;
//! the chain is not asked.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use telemetry::process::{self, Process};
use telemetry::{Counters, Gauges, Histograms, Registry, catalog};
use workload::{ExitStatus, Phases};

use crate::book::Amount;
use crate::decide::NoBid;

/// What a render node counts.
#[derive(Clone)]
pub(crate) struct RenderMetrics {
    pub(crate) frames: Counters,
    pub(crate) frame_seconds: Histograms,
    pub(crate) busy_seconds: Histograms,
    pub(crate) audits: Counters,
}

/// An agent's numbers.
pub(crate) struct ProviderMetrics {
    registry: Registry,
    process: Process,
    pub(crate) bids: Counters,
    pub(crate) no_bids: Counters,
    pub(crate) open_bids: Gauges,
    pub(crate) leases: Gauges,
    pub(crate) containers: Gauges,
    pub(crate) restarts: Counters,
    exits: Counters,
    starts: Histograms,
    pub(crate) starts_failed: Counters,
    book: Gauges,
    pub(crate) withdrawn: Counters,
    pub(crate) pending: Gauges,
    pub(crate) balance: Gauges,
    pub(crate) chain_failures: Counters,
    pub(crate) chain_height: Gauges,
    requests: Counters,
    request_seconds: Histograms,
    disk_free: Gauges,
    render: RenderMetrics,
    /// When the chain was looked at last, well or not.
    turned: Mutex<Instant>,
}

impl Default for ProviderMetrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let own = &mut registry;
        Self {
            process: Process::new(own),
            bids: own.counter(&catalog::AGENT_BIDS),
            no_bids: own.counter(&catalog::AGENT_NO_BIDS),
            open_bids: own.gauge(&catalog::AGENT_OPEN_BIDS),
            leases: own.gauge(&catalog::AGENT_LEASES),
            containers: own.gauge(&catalog::AGENT_CONTAINERS),
            restarts: own.counter(&catalog::AGENT_RESTARTS),
            exits: own.counter(&catalog::AGENT_EXITS),
            starts: own.histogram(&catalog::START_SECONDS),
            starts_failed: own.counter(&catalog::STARTS_FAILED),
            book: own.gauge(&catalog::BOOK),
            withdrawn: own.counter(&catalog::WITHDRAWN),
            pending: own.gauge(&catalog::PENDING),
            balance: own.gauge(&catalog::BALANCE),
            chain_failures: own.counter(&catalog::CHAIN_CALLS_FAILED),
            chain_height: own.gauge(&catalog::CHAIN_HEIGHT),
            requests: own.counter(&catalog::GATEWAY_REQUESTS),
            request_seconds: own.histogram(&catalog::GATEWAY_SECONDS),
            disk_free: own.gauge(&catalog::AGENT_DISK_FREE),
            render: RenderMetrics {
                frames: own.counter(&catalog::RENDER_FRAMES),
                frame_seconds: own.histogram(&catalog::RENDER_SECONDS),
                busy_seconds: own.histogram(&catalog::RENDER_TURNS),
                audits: own.counter(&catalog::RENDER_AUDITS),
            },
            turned: Mutex::new(Instant::now()),
            registry,
        }
    }
}

impl ProviderMetrics {
    /// The numbers of the render node.
    pub(crate) fn render(&self) -> RenderMetrics {
        self.render.clone()
    }

    /// A pod was brought up.
    pub(crate) fn started(&self, phases: &Phases) {
        let Phases { image, network, volumes, rootfs, runtime } = *phases;
        let all = [("image", image), ("network", network), ("volumes", volumes), ("rootfs", rootfs)];
        for (phase, took) in all.into_iter().chain([("runtime", runtime), ("total", phases.total())]) {
            self.starts.observe(&[phase], took);
        }
    }

    /// A container ended by itself.
    pub(crate) fn exited(&self, exit: &ExitStatus) {
        self.exits.one(&[match exit {
            ExitStatus { out_of_memory: true, .. } => "out_of_memory",
            ExitStatus { signal: Some(_), .. } => "signal",
            ExitStatus { code: 0, .. } => "code_0",
            _ => "code_other",
        }]);
    }

    /// The gateway answered.
    pub(crate) fn answered(&self, route: &str, status: u16, took: Duration) {
        let class = match status / 100 {
            0..=3 => "2xx",
            4 => "4xx",
            _ => "5xx",
        };
        self.requests.one(&[route, class]);
        self.request_seconds.observe(&[route], took);
    }

    /// The chain was looked at, well or not.
    pub(crate) fn turned(&self) {
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago the chain was looked at.
    pub(crate) fn idle(&self) -> Duration {
        self.turned.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// The reservation book.
    pub(crate) fn book(&self, offered: Amount, reserved: Amount) {
        for (part, amount) in [("offered", offered), ("reserved", reserved)] {
            self.book.set(&["cpu", part], amount.cpu_milli as f64 / 1000.0);
            self.book.set(&["memory", part], amount.memory as f64);
            self.book.set(&["storage", part], amount.storage as f64);
            self.book.set(&["ports", part], amount.ports as f64);
            self.book.set(&["gpus", part], amount.gpus as f64);
        }
    }

    /// All numbers in the OpenMetrics text format.
    pub(crate) fn text(&self, folder: &Path) -> String {
        self.process.refresh();
        if let Ok((free, _)) = process::room(folder) {
            self.disk_free.set(&[], free as f64);
        }
        self.registry.encode("")
    }
}

/// A short name for why there is no bid, one of few.
pub(crate) fn class_of(reason: &NoBid) -> &'static str {
    match reason {
        NoBid::Malformed(_) | NoBid::Uncountable => "malformed",
        NoBid::Reclamation => "reclamation",
        NoBid::Placement(_) => "placement",
        NoBid::NoRoom(_) => "no_room",
        NoBid::Price(_) => "no_price",
        NoBid::Ceiling { .. } => "ceiling",
        _ => "hardware",
    }
}
