//! Queries of jobs.

use ledger::pages::{DEFAULT_LIMIT, MAX_LIMIT, Paging};
use ledger::{Context, QueryError, QueryRoute};
use proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use proto::tetra::render::v1::{
    Job, JobState, QueryExplainRequest, QueryExplainResponse, QueryFramesRequest, QueryFramesResponse, QueryJobRequest,
    QueryJobResponse, QueryJobsRequest, QueryJobsResponse, QueryWorkRequest, QueryWorkResponse,
};
use store::PageQuery;

use super::explain;
use super::flow::FAILURES;
use super::state::{BY_STATE, FAULTS, JOBS, has_ended, shown, unit};
use crate::ids::{JobId, NodeId, UnitId};
use crate::node;

/// The most blocked nodes that a job's answer names.
const MOST_BLOCKED: usize = 100;

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.render.v1.JobQuery/Job", job),
        QueryRoute::new("/tetra.render.v1.JobQuery/Jobs", jobs),
        QueryRoute::new("/tetra.render.v1.JobQuery/Frames", frames),
        QueryRoute::new("/tetra.render.v1.JobQuery/Work", work),
        QueryRoute::new("/tetra.render.v1.JobQuery/Explain", explain),
    ]
}

fn found(ctx: &Context, id: &JobId) -> Result<Job, QueryError> {
    JOBS.get(&ctx.state, id)?.ok_or_else(|| QueryError::not_found("render job not found"))
}

/// One job, with the nodes on its blocklist.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn job(ctx: &Context, request: QueryJobRequest) -> Result<QueryJobResponse, QueryError> {
    let id = JobId::from_wire(ctx, request.id.as_ref())?;
    let mut job = found(ctx, &id)?;
    let faults = FAULTS.page(&ctx.state, &id, &PageQuery { limit: MOST_BLOCKED, ..PageQuery::default() })?.entries;
    let blocked = faults.into_iter().filter(|(_, fault)| fault.forfeited || fault.failures >= FAILURES);
    job.blocked = blocked.filter_map(|(_, fault)| fault.node).collect();
    Ok(QueryJobResponse { job: Some(job) })
}

/// Jobs of a creator or of everybody, of one state or of all.
///
/// # Errors
/// `InvalidArgument` for a malformed creator or page.
pub fn jobs(ctx: &Context, request: QueryJobsRequest) -> Result<QueryJobsResponse, QueryError> {
    let creator = if request.creator.is_empty() { None } else { Some(ctx.address(&request.creator)?) };
    let state = request.state();
    let paging = Paging::parse(request.pagination)?;
    let (jobs, pagination) = match (creator, state) {
        (None, JobState::Unspecified) => paging.pick(&ctx.state, &JOBS, &(), |_, job| Ok(Some(job)))?,
        (Some(creator), JobState::Unspecified) => paging.pick(&ctx.state, &JOBS, &creator, |_, job| Ok(Some(job)))?,
        (creator, state) => {
            let number = u8::try_from(i32::from(state)).unwrap_or(u8::MAX);
            let show = |(_, id): (u8, JobId), ()| Ok(JOBS.get(&ctx.state, &id)?);
            match creator {
                Some(creator) => paging.pick(&ctx.state, &BY_STATE, &(number, creator), show)?,
                None => paging.pick(&ctx.state, &BY_STATE, &number, show)?,
            }
        }
    };
    Ok(QueryJobsResponse { jobs, pagination })
}

/// Where a page of units begins, how many it has, and whether it runs down.
fn units_page(request: Option<PageRequest>, units: u32) -> Result<(u32, u32, bool), QueryError> {
    let request = request.unwrap_or_default();
    let limit = if request.limit == 0 { DEFAULT_LIMIT } else { request.limit.min(MAX_LIMIT) };
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    if !request.key.is_empty() {
        let key: Result<[u8; 4], _> = request.key.as_slice().try_into();
        let key =
            key.map_err(|_| QueryError::invalid("invalid pagination key: send the next_key of an earlier answer"))?;
        return Ok((u32::from_be_bytes(key), limit, request.reverse));
    }
    let offset = u32::try_from(request.offset).unwrap_or(u32::MAX);
    let first = if request.reverse { units.saturating_sub(1).checked_sub(offset) } else { Some(offset) };
    Ok((first.unwrap_or(units), limit, request.reverse))
}

/// Units of a job, those that no node ever had included.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id or page.
pub fn frames(ctx: &Context, request: QueryFramesRequest) -> Result<QueryFramesResponse, QueryError> {
    let id = JobId::from_wire(ctx, request.id.as_ref())?;
    let job = found(ctx, &id)?;
    let (mut index, limit, reverse) = units_page(request.pagination, job.units)?;
    let (mut frames, mut next) = (Vec::new(), Some(index).filter(|index| *index < job.units));
    for _ in 0..limit {
        if next.is_none() {
            break;
        }
        frames.push(shown(&job, unit(ctx, &job, &id.unit(index))?));
        next = if reverse { index.checked_sub(1) } else { index.checked_add(1).filter(|next| *next < job.units) };
        index = next.unwrap_or(index);
    }
    let next_key = next.map_or_else(Vec::new, |next| next.to_be_bytes().to_vec());
    let pagination = Some(PageResponse { next_key, total: u64::from(job.units) });
    Ok(QueryFramesResponse { frames, pagination })
}

/// What a node has to render now.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn work(ctx: &Context, request: QueryWorkRequest) -> Result<QueryWorkResponse, QueryError> {
    let id = NodeId::from_wire(ctx, request.node.as_ref())?;
    let node = node::get(ctx, &id)?.ok_or_else(|| QueryError::not_found("render node not found"))?;
    let mut frames = Vec::new();
    for wire in &node.working {
        let id = UnitId::from_wire(ctx, Some(wire))?;
        let job = found(ctx, &id.job)?;
        if !has_ended(job.state()) {
            frames.push(unit(ctx, &job, &id)?);
        }
    }
    Ok(QueryWorkResponse { frames })
}

/// Why a unit went to its node, or why it waits.
///
/// # Errors
/// `InvalidArgument` for a malformed id, or where there is no such job or unit.
pub fn explain(ctx: &Context, request: QueryExplainRequest) -> Result<QueryExplainResponse, QueryError> {
    let id = UnitId::from_wire(ctx, request.unit.as_ref())?;
    Ok(explain::explain(ctx, &id)?)
}
