//! What a render node asks of the chain.

use client::NodeError;
use client::render::UnitPath;
use farm::Digest;
use proto::cosmos::base::query::v1beta1::PageRequest;
use proto::tetra::render::v1 as wire;

use crate::chain::Chain;

/// A unit, as the chain writes it.
pub(crate) fn unit_id(unit: &UnitPath) -> wire::UnitId {
    wire::UnitId { creator: unit.creator.clone(), jseq: unit.jseq, index: unit.index }
}

/// A unit, as addresses and files write it.
pub(crate) fn path_of(unit: &wire::UnitId) -> UnitPath {
    UnitPath { creator: unit.creator.clone(), jseq: unit.jseq, index: unit.index }
}

/// The job of a unit.
pub(crate) fn job_id(unit: &UnitPath) -> wire::JobId {
    wire::JobId { creator: unit.creator.clone(), jseq: unit.jseq }
}

/// 32 bytes of the chain as a digest.
pub(crate) fn digest(bytes: &[u8]) -> Option<Digest> {
    Some(Digest(bytes.try_into().ok()?))
}

impl Chain {
    /// A render node; none when there is none of that name.
    pub(crate) async fn render_node(&self, id: &wire::NodeId) -> Result<Option<wire::Node>, NodeError> {
        let request = wire::QueryNodeRequest { node: Some(id.clone()) };
        let found: Option<wire::QueryNodeResponse> = self.find("/tetra.render.v1.NodeQuery/Node", &request).await?;
        Ok(found.and_then(|response| response.node))
    }

    /// Render nodes of an owner, or of all when it is empty; only those that hold a scene, unless that is empty.
    pub(crate) async fn render_nodes(&self, owner: &str, scene: &[u8]) -> Result<Vec<wire::Node>, NodeError> {
        let request =
            |page| wire::QueryNodesRequest { owner: owner.to_owned(), scene: scene.to_vec(), pagination: Some(page) };
        let parts = |response: wire::QueryNodesResponse| (response.nodes, response.pagination);
        self.all("/tetra.render.v1.NodeQuery/Nodes", request, parts).await
    }

    /// What a node has to render now.
    pub(crate) async fn render_work(&self, id: &wire::NodeId) -> Result<Vec<wire::Frame>, NodeError> {
        let request = wire::QueryWorkRequest { node: Some(id.clone()) };
        let response: wire::QueryWorkResponse = self.ask("/tetra.render.v1.JobQuery/Work", &request).await?;
        Ok(response.frames)
    }

    /// Open audits of a node.
    pub(crate) async fn render_duties(&self, id: &wire::NodeId) -> Result<Vec<wire::Audit>, NodeError> {
        let request = |page| wire::QueryDutiesRequest { node: Some(id.clone()), pagination: Some(page) };
        let parts = |response: wire::QueryDutiesResponse| (response.audits, response.pagination);
        self.all("/tetra.render.v1.ProofQuery/Duties", request, parts).await
    }

    /// The audit of an attempt; none when there is none.
    pub(crate) async fn render_audit(&self, unit: &UnitPath, attempt: u32) -> Result<Option<wire::Audit>, NodeError> {
        let request = wire::QueryAuditRequest { unit: Some(unit_id(unit)), attempt };
        let found: Option<wire::QueryAuditResponse> = self.find("/tetra.render.v1.ProofQuery/Audit", &request).await?;
        Ok(found.and_then(|response| response.audit))
    }

    /// A job; none when there is none of that name.
    pub(crate) async fn render_job(&self, id: &wire::JobId) -> Result<Option<wire::Job>, NodeError> {
        let request = wire::QueryJobRequest { id: Some(id.clone()) };
        let found: Option<wire::QueryJobResponse> = self.find("/tetra.render.v1.JobQuery/Job", &request).await?;
        Ok(found.and_then(|response| response.job))
    }

    /// Jobs of a creator.
    pub(crate) async fn render_jobs(&self, creator: &str) -> Result<Vec<wire::Job>, NodeError> {
        let request = |page| wire::QueryJobsRequest {
            creator: creator.to_owned(),
            state: wire::JobState::Unspecified.into(),
            pagination: Some(page),
        };
        let parts = |response: wire::QueryJobsResponse| (response.jobs, response.pagination);
        self.all("/tetra.render.v1.JobQuery/Jobs", request, parts).await
    }

    /// A unit of a job; none when there is none of that name.
    pub(crate) async fn render_frame(&self, unit: &UnitPath) -> Result<Option<wire::Frame>, NodeError> {
        let pagination = Some(PageRequest { offset: unit.index.into(), limit: 1, ..PageRequest::default() });
        let request = wire::QueryFramesRequest { id: Some(job_id(unit)), pagination };
        let found: Option<wire::QueryFramesResponse> = self.find("/tetra.render.v1.JobQuery/Frames", &request).await?;
        let frames = found.map(|response| response.frames).unwrap_or_default();
        Ok(frames.into_iter().find(|frame| frame.id == Some(unit_id(unit))))
    }

    /// Parameters of the market of renders.
    pub(crate) async fn render_params(&self) -> Result<wire::Params, NodeError> {
        let request = wire::QueryParamsRequest {};
        let response: wire::QueryParamsResponse = self.ask("/tetra.render.v1.EconomyQuery/Params", &request).await?;
        Ok(response.params.unwrap_or_default())
    }
}
