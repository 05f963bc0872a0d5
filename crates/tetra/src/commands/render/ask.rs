//! The questions about renders that commands ask the chain.

use client::NodeError;
use proto::cosmos::base::query::v1beta1::PageRequest;
use proto::tetra::render::v1 as wire;

use crate::chain::Chain;
use crate::error::{Class, CliError, Result};

/// How many frames a page has.
const FRAMES: u64 = 1_000;

impl Chain {
    /// Jobs of a creator, or of everybody.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn render_jobs(&self, creator: &str) -> Result<Vec<wire::Job>> {
        let found = self.all(
            "/tetra.render.v1.JobQuery/Jobs",
            |pagination| wire::QueryJobsRequest { creator: creator.to_owned(), state: 0, pagination },
            |found: wire::QueryJobsResponse| (found.jobs, found.pagination),
        );
        found.await
    }

    /// One job.
    ///
    /// # Errors
    /// When there is none.
    pub async fn render_job(&self, id: &wire::JobId) -> Result<wire::Job> {
        let request = wire::QueryJobRequest { id: Some(id.clone()) };
        let missing = || {
            CliError::new(Class::NotFound, format!("{} has no render job {}", id.creator, id.jseq))
                .hint("`tetra render list` shows yours; CREATOR/NUMBER names another's")
        };
        match self.node.query("/tetra.render.v1.JobQuery/Job", &request).await {
            Err(error) if error.is_not_found() => Err(missing()),
            found => {
                let found: wire::QueryJobResponse = found?;
                found.job.ok_or_else(missing)
            }
        }
    }

    /// All frames of a job, in order of work.
    ///
    /// # Errors
    /// When there is no such job.
    pub async fn render_frames(&self, id: &wire::JobId) -> Result<Vec<wire::Frame>> {
        let (mut all, mut key) = (Vec::new(), Vec::new());
        loop {
            let pagination = Some(PageRequest { key, limit: FRAMES, ..PageRequest::default() });
            let request = wire::QueryFramesRequest { id: Some(id.clone()), pagination };
            let found: std::result::Result<wire::QueryFramesResponse, NodeError> =
                self.node.query("/tetra.render.v1.JobQuery/Frames", &request).await;
            let found = match found {
                // Says so with a hint.
                Err(error) if error.is_not_found() => return self.render_job(id).await.map(|_| all),
                found => found?,
            };
            all.extend(found.frames);
            key = found.pagination.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// All render nodes, or those of an owner.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn render_nodes(&self, owner: &str) -> Result<Vec<wire::Node>> {
        let found = self.all(
            "/tetra.render.v1.NodeQuery/Nodes",
            |pagination| wire::QueryNodesRequest { owner: owner.to_owned(), scene: Vec::new(), pagination },
            |found: wire::QueryNodesResponse| (found.nodes, found.pagination),
        );
        found.await
    }

    /// What an account has of credits.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn render_credits(&self, owner: &str) -> Result<wire::Credits> {
        let request = wire::QueryCreditsRequest { owner: owner.to_owned() };
        let found: wire::QueryCreditsResponse =
            self.node.query("/tetra.render.v1.EconomyQuery/Credits", &request).await?;
        Ok(found.credits.unwrap_or_default())
    }

    /// Parameters and prices of renders.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn render_params(&self) -> Result<wire::Params> {
        let found: wire::QueryParamsResponse =
            self.node.query("/tetra.render.v1.EconomyQuery/Params", &wire::QueryParamsRequest {}).await?;
        Ok(found.params.unwrap_or_default())
    }
}
