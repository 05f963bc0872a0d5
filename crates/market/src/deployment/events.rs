//! What deployments announce (spec/akash.md 1.14). Bytes are base64 in JSON.

use ledger::Context;
use proto::akash::deployment::v1 as wire;
use serde_json::{Value, json};

use crate::ids::{DeploymentId, GroupId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn id_json(ctx: &Context, id: &DeploymentId) -> Value {
    json!({ "owner": ctx.text(&id.owner), "dseq": id.dseq.to_string() })
}

fn group_json(ctx: &Context, id: &GroupId) -> Value {
    let DeploymentId { owner, dseq } = id.deployment;
    json!({ "owner": ctx.text(&owner), "dseq": dseq.to_string(), "gseq": id.gseq })
}

pub(crate) fn deployment_created(ctx: &mut Context, id: &DeploymentId, hash: &[u8]) {
    let id = id_json(ctx, id);
    ctx.announce_typed::<wire::EventDeploymentCreated, _>([("id", id), ("hash", STANDARD.encode(hash).into())]);
}

pub(crate) fn deployment_updated(ctx: &mut Context, id: &DeploymentId, hash: &[u8]) {
    let id = id_json(ctx, id);
    ctx.announce_typed::<wire::EventDeploymentUpdated, _>([("id", id), ("hash", STANDARD.encode(hash).into())]);
}

pub(crate) fn deployment_closed(ctx: &mut Context, id: &DeploymentId) {
    let id = id_json(ctx, id);
    ctx.announce_typed::<wire::EventDeploymentClosed, _>([("id", id)]);
}

pub(crate) fn group_started(ctx: &mut Context, id: &GroupId) {
    let id = group_json(ctx, id);
    ctx.announce_typed::<wire::EventGroupStarted, _>([("id", id)]);
}

pub(crate) fn group_paused(ctx: &mut Context, id: &GroupId) {
    let id = group_json(ctx, id);
    ctx.announce_typed::<wire::EventGroupPaused, _>([("id", id)]);
}

pub(crate) fn group_closed(ctx: &mut Context, id: &GroupId) {
    let id = group_json(ctx, id);
    ctx.announce_typed::<wire::EventGroupClosed, _>([("id", id)]);
}
