//! `tetra render audit`: the evidence of a frame's audit.

use proto::tetra::render::v1::{Audit, AuditStage, QueryAuditRequest, QueryAuditResponse, Verdict};
use serde_json::{Value, json};

use super::names::{self, JobName, Units};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, row};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job: a number of yours, or CREATOR/NUMBER
    job: JobName,
    /// The frame: its number, or #PLACE in the order of work
    frame: Units,
    /// Which try at it [default: the last]
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// When there is no such frame, or it was not audited.
pub async fn run(context: &Context, args: Args) -> Result {
    let chain = context.chain().await?;
    let frames = chain.render_frames(&args.job.id(context, &chain)?).await?;
    let picked = args.frame.pick(&frames)?;
    let [frame] = picked.as_slice() else {
        return Err(CliError::new(Class::Usage, format!("{} frames are meant; name one", picked.len()))
            .hint("#PLACE names one tile of a split frame"));
    };
    let attempt = args.attempt.unwrap_or(frame.attempt);
    let request = QueryAuditRequest { unit: frame.id.clone(), attempt };
    let missing = || {
        let what = format!("try {attempt} at frame {} was not audited", names::frame_text(frame));
        CliError::new(Class::NotFound, what).hint("frames are audited by lot; --attempt looks at an earlier try")
    };
    let audit = match chain.node.query("/tetra.render.v1.ProofQuery/Audit", &request).await {
        Err(error) if error.is_not_found() => return Err(missing()),
        found => {
            let found: QueryAuditResponse = found?;
            found.audit.ok_or_else(missing)?
        }
    };
    output::show(context.format(), &data(&audit), |_| text(&audit))
}

fn stage(stage: AuditStage) -> String {
    names::short(stage.as_str_name(), "AUDIT_STAGE_")
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Unspecified => "none yet".to_owned(),
        verdict => names::short(verdict.as_str_name(), "VERDICT_"),
    }
}

/// An audit with all its evidence, as programs read it.
fn data(audit: &Audit) -> Value {
    let unit = audit.unit.clone().unwrap_or_default();
    let opened = |tiles: &[proto::tetra::render::v1::OpenedTile]| -> Vec<Value> {
        let path = |path: &[Vec<u8>]| path.iter().map(hex::encode).collect::<Vec<_>>();
        tiles
            .iter()
            .map(|tile| json!({ "index": tile.index, "hash": hex::encode(&tile.hash), "path": path(&tile.path) }))
            .collect()
    };
    let auditors: Vec<Value> = audit
        .auditors
        .iter()
        .map(|part| {
            let tiles: Vec<Value> = part
                .tiles
                .iter()
                .map(|tile| {
                    json!({
                        "index": tile.index, "hash": hex::encode(&tile.hash), "elapsed_ms": tile.elapsed_ms,
                        "differing": tile.differing, "values": tile.values, "error_micros": tile.error_micros,
                    })
                })
                .collect();
            json!({
                "auditor": names::node_data(part.auditor.as_ref()), "round": part.round, "finding": part.finding,
                "declined": part.declined, "commitment": hex::encode(&part.commitment), "power_milli": part.power_milli,
                "tiles": tiles, "slashed_ucredits": part.slashed_ucredits, "punished": part.punished,
            })
        })
        .collect();
    json!({
        "creator": unit.creator, "jseq": unit.jseq, "index": unit.index, "attempt": audit.attempt,
        "node": names::node_data(audit.node.as_ref()),
        "stage": stage(audit.stage()), "verdict": verdict(audit.verdict()), "reason": audit.reason,
        "required": audit.required, "beacon_height": audit.beacon_height, "beacon": hex::encode(&audit.beacon),
        "root": hex::encode(&audit.root), "plants": hex::encode(&audit.plants),
        "tiles": audit.tiles, "opened": opened(&audit.opened), "planted": opened(&audit.planted),
        "auditors": auditors, "appeals": audit.appeals, "due": names::time_text(audit.due.as_ref()),
        "measured_work_milli": audit.measured_work_milli,
        "slashed_ucredits": audit.slashed_ucredits, "punished": audit.punished,
    })
}

fn text(audit: &Audit) -> String {
    let unit = audit.unit.clone().unwrap_or_default();
    let tiles: Vec<String> = audit.tiles.iter().map(ToString::to_string).collect();
    let why = if audit.required { "it had to be audited" } else { "the lot fell on it" };
    let mut rows = vec![
        row(["unit", &format!("{}/{}/{} try {}", unit.creator, unit.jseq, unit.index, audit.attempt)]),
        row(["node", &names::node_text(audit.node.as_ref())]),
        row(["stage", &stage(audit.stage())]),
        row(["verdict", &verdict(audit.verdict())]),
    ];
    if !audit.reason.is_empty() {
        rows.push(row(["because", &audit.reason]));
    }
    rows.push(row([
        "drawn",
        &format!("tiles {}; {why}", if tiles.is_empty() { "-".to_owned() } else { tiles.join(", ") }),
    ]));
    rows.push(row(["beacon", &format!("{} from block {}", hex::encode(&audit.beacon), audit.beacon_height)]));
    rows.push(row(["committed to", &hex::encode(&audit.root)]));
    if audit.measured_work_milli > 0 {
        rows.push(row(["measured", &names::work(audit.measured_work_milli)]));
    }
    if audit.slashed_ucredits > 0 {
        rows.push(row(["the node lost", &names::credits(audit.slashed_ucredits)]));
    }
    let mut parts = vec![row(["AUDITOR", "ROUND", "FINDING", "TIME", "LOST"])];
    for part in &audit.auditors {
        let finding = match (part.finding.as_str(), part.commitment.is_empty()) {
            ("", true) => "has not committed",
            ("", false) => "has committed",
            (finding, _) => finding,
        };
        let elapsed: u64 = part.tiles.iter().map(|tile| tile.elapsed_ms).sum();
        parts.push(row([
            &names::node_text(part.auditor.as_ref()),
            &part.round.to_string(),
            format!("{finding} {}", part.declined).trim(),
            &format!("{elapsed} ms"),
            &names::credits(part.slashed_ucredits),
        ]));
    }
    format!("{}\n\n{}", output::table(&rows), output::table(&parts))
}

#[cfg(test)]
mod tests {
    use proto::tetra::render::v1::{AuditedTile, AuditorPart, NodeId, UnitId};

    use super::*;

    #[test]
    fn an_audit_is_shown_with_its_evidence() {
        let node = |byte: u8| Some(NodeId { owner: format!("tetra1owner{byte}"), host_key: vec![byte; 33] });
        let tile = AuditedTile { index: 5, hash: vec![9; 32], elapsed_ms: 120, ..AuditedTile::default() };
        let agreeing = AuditorPart {
            auditor: node(2),
            commitment: vec![8; 32],
            tiles: vec![tile],
            finding: "agrees".to_owned(),
            round: 1,
            ..AuditorPart::default()
        };
        let silent = AuditorPart { auditor: node(3), round: 1, ..AuditorPart::default() };
        let audit = Audit {
            unit: Some(UnitId { creator: "tetra1alice".to_owned(), jseq: 7, index: 3 }),
            attempt: 1,
            node: node(1),
            stage: AuditStage::Closed.into(),
            verdict: Verdict::Honest.into(),
            reason: "somebody agrees".to_owned(),
            beacon_height: 44,
            beacon: vec![1; 32],
            root: vec![2; 32],
            tiles: vec![5],
            auditors: vec![agreeing, silent],
            measured_work_milli: 8_000,
            required: true,
            ..Audit::default()
        };
        insta::assert_snapshot!(text(&audit));
        insta::assert_snapshot!(serde_json::to_string(&data(&audit)).unwrap());
    }
}
