//! What a render node says of itself.

use std::collections::{BTreeMap, VecDeque};

use client::render::{Cache, Problem, RenderStatus, UnitPath, Working};
use proto::tetra::render::v1 as wire;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How many problems are remembered.
const PROBLEMS: usize = 20;

/// What a render node says of itself.
#[derive(Default)]
pub(crate) struct Board {
    /// Whether it is to be enabled at all.
    pub(crate) enabled: bool,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) engine: wire::Engine,
    pub(crate) benchmark_ms: Vec<u64>,
    pub(crate) audits: Vec<UnitPath>,
    working: BTreeMap<(UnitPath, u32), Working>,
    problems: VecDeque<Problem>,
}

impl Board {
    pub(crate) fn show(&self, cache: Cache) -> RenderStatus {
        RenderStatus {
            state: self.state.clone(),
            reason: self.reason.clone(),
            engine: self.engine.build.clone(),
            device_class: self.engine.device_class.clone(),
            benchmark_ms: self.benchmark_ms.clone(),
            working: self.working.values().cloned().collect(),
            audits: self.audits.clone(),
            cache,
            errors: self.problems.iter().cloned().collect(),
        }
    }

    pub(crate) fn is(&mut self, state: &str, reason: Option<String>) {
        (self.state, self.reason) = (state.to_owned(), reason);
    }

    /// Whether it is ready, and there is nothing to render and nothing to audit.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == "ready" && self.working.is_empty() && self.audits.is_empty()
    }

    /// A unit was taken in hand.
    pub(crate) fn begin(&mut self, unit: &UnitPath, attempt: u32, frame: i32, permille: u32) {
        let stage = "waiting".to_owned();
        let working = Working { unit: unit.clone(), attempt, frame, stage, permille };
        self.working.insert((unit.clone(), attempt), working);
    }

    /// A unit is out of hand.
    pub(crate) fn end(&mut self, unit: &UnitPath, attempt: u32) {
        self.working.remove(&(unit.clone(), attempt));
    }

    /// A unit goes on; progress never falls.
    pub(crate) fn goes_on(&mut self, unit: &UnitPath, attempt: u32, stage: &str, permille: u32) {
        if let Some(working) = self.working.get_mut(&(unit.clone(), attempt)) {
            working.stage = stage.to_owned();
            working.permille = working.permille.max(permille.min(999));
        }
    }

    pub(crate) fn of(&self, unit: &UnitPath, attempt: u32) -> Option<&Working> {
        self.working.get(&(unit.clone(), attempt))
    }

    /// What is done with a unit now, if it is in hand.
    pub(crate) fn stage_of(&self, unit: &UnitPath) -> Option<String> {
        let mut own = self.working.values().filter(|working| working.unit == *unit);
        own.next_back().map(|working| working.stage.clone())
    }

    pub(crate) fn problem(&mut self, unit: Option<UnitPath>, code: &str, text: String) {
        let at = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        self.problems.push_front(Problem { at, unit, code: code.to_owned(), text });
        self.problems.truncate(PROBLEMS);
    }
}
