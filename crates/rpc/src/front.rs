//! What gRPC and REST share: one way to ask, with limits.

use std::time::{Duration, Instant};

use ledger::{QueryError, QueryStatus};
use tokio::sync::Semaphore;
use tonic::{Code, Status};

use crate::backend::Answer;
use crate::services;
use crate::subscription::Node;

/// The header by which a client names the height that it asks at, and learns the height of the answer.
pub(crate) const HEIGHT: &str = "x-cosmos-block-height";
/// How long one request may take, from its first byte to its answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// Requests that are answered at the same time.
const MOST_REQUESTS: usize = 256;

/// A node behind gRPC or REST.
pub(crate) struct Front {
    /// What its requests are counted as, beside the methods of JSON-RPC.
    name: &'static str,
    node: Node,
    places: Semaphore,
}

impl Front {
    pub(crate) fn new(name: &'static str, node: Node) -> Self {
        Self { name, node, places: Semaphore::new(MOST_REQUESTS) }
    }

    /// Answers a gRPC method.
    ///
    /// # Errors
    /// A gRPC status with the reason.
    pub(crate) async fn ask(&self, path: &str, request: &[u8], height: u64) -> Result<Answer, Status> {
        let _place = self.places.try_acquire().map_err(|_| {
            Status::unavailable(format!("the node answers {MOST_REQUESTS} requests already: ask again in a moment"))
        })?;
        let begun = Instant::now();
        let answer = services::answer(self.node.as_ref(), path, request, height, false).await;
        self.node.served(self.name, begun.elapsed(), answer.is_ok());
        answer.map_err(status)
    }
}

/// What a request that took too long is told.
pub(crate) fn late() -> Status {
    Status::unavailable(format!("no answer within {} s: ask again in a moment", LIMIT.as_secs()))
}

fn status(error: QueryError) -> Status {
    let code = match error.status {
        QueryStatus::InvalidArgument => Code::InvalidArgument,
        QueryStatus::NotFound => Code::NotFound,
        QueryStatus::Unimplemented => Code::Unimplemented,
        QueryStatus::Internal => Code::Internal,
    };
    Status::new(code, error.message)
}

/// The height in the header; 0, for the latest, where there is none.
///
/// # Errors
/// When it is no height.
pub(crate) fn height(text: Option<&str>) -> Result<u64, Status> {
    let wrong = || Status::invalid_argument(format!("{HEIGHT} must be a height, 0 for the latest"));
    text.map_or(Ok(0), |text| text.trim().parse().map_err(|_| wrong()))
}
