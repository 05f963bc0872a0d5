//! `tetra render explain`: which nodes were looked at, what removed each, and what decided.

use proto::tetra::render::v1::{FrameState, QueryExplainRequest, QueryExplainResponse};
use serde_json::{Value, json};

use super::jobs::{frame_data, frame_state};
use super::names::{self, JobName, Units};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, row};

const PATH: &str = "/tetra.render.v1.JobQuery/Explain";

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job: a number of yours, or CREATOR/NUMBER
    job: JobName,
    /// The frame: its number, or #PLACE in the order of work
    frame: Units,
}

/// Runs it.
///
/// # Errors
/// When there is no such frame, or the node no longer has the state of then.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let frames = chain.render_frames(&args.job.id(context, &chain)?).await?;
    let picked = args.frame.pick(&frames)?;
    let [frame] = picked.as_slice() else {
        return Err(CliError::new(Class::Usage, format!("{} frames are meant; name one", picked.len()))
            .hint("#PLACE names one tile of a split frame"));
    };
    let request = QueryExplainRequest { unit: frame.id.clone() };
    let now: QueryExplainResponse = chain.node.query(PATH, &request).await?;
    if frame.state() == FrameState::Pending || frame.assigned_height <= 1 {
        return output::show(context.format(), &data(&now), |_| text(&now));
    }
    // What was decided is seen from the state before.
    let then = frame.assigned_height.cast_unsigned() - 1;
    let mut told: QueryExplainResponse = chain.node.query_at(PATH, &request, then).await.map_err(|error| {
        CliError::from(error).hint(format!("{}; the node keeps the states of its last blocks alone", now.decision))
    })?;
    told.frame = now.frame;
    output::show(context.format(), &data(&told), |_| text(&told))
}

fn data(told: &QueryExplainResponse) -> Value {
    let considered: Vec<Value> = told
        .considered
        .iter()
        .map(|one| json!({ "node": names::node_data(one.node.as_ref()), "verdict": one.verdict, "detail": one.detail }))
        .collect();
    json!({
        "frame": told.frame.as_ref().map(frame_data),
        "height": told.height,
        "considered": considered,
        "decision": told.decision,
    })
}

fn text(told: &QueryExplainResponse) -> String {
    let frame = told.frame.clone().unwrap_or_default();
    let head = format!(
        "frame {}: {}; by the state of block {}",
        names::frame_text(&frame),
        frame_state(frame.state()),
        told.height
    );
    let mut rows = vec![row(["NODE", "VERDICT", ""])];
    for one in &told.considered {
        rows.push(row([&names::node_text(one.node.as_ref()), &one.verdict, &one.detail]));
    }
    let nodes = if told.considered.is_empty() { "no nodes were looked at".to_owned() } else { output::table(&rows) };
    format!("{head}\n\n{nodes}\n\n{}", told.decision)
}

#[cfg(test)]
mod tests {
    use proto::tetra::render::v1::{Considered, Frame, NodeId};

    use super::*;

    #[test]
    fn each_node_has_its_verdict() {
        let one = |byte: u8, verdict: &str, detail: &str| Considered {
            node: Some(NodeId { owner: "tetra1provider".to_owned(), host_key: vec![byte; 33] }),
            verdict: verdict.to_owned(),
            detail: detail.to_owned(),
        };
        let told = QueryExplainResponse {
            frame: Some(Frame { number: 12, tile: -1, state: FrameState::Assigned.into(), ..Frame::default() }),
            considered: vec![one(1, "chosen", "idle longest"), one(2, "memory", "it has 1 GiB, 2 are wanted")],
            decision: "the node was idle longest".to_owned(),
            height: 41,
        };
        insta::assert_snapshot!(text(&told));
        insta::assert_snapshot!(text(&QueryExplainResponse { considered: Vec::new(), ..told }));
    }
}
