//! Queries of nodes.

use ledger::pages::Paging;
use ledger::{Context, QueryError, QueryRoute};
use proto::tetra::render::v1::{QueryNodeRequest, QueryNodeResponse, QueryNodesRequest, QueryNodesResponse};

use super::state::{BY_SCENE, NODES};
use crate::ids::NodeId;

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.render.v1.NodeQuery/Node", node),
        QueryRoute::new("/tetra.render.v1.NodeQuery/Nodes", nodes),
    ]
}

/// One node.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn node(ctx: &Context, request: QueryNodeRequest) -> Result<QueryNodeResponse, QueryError> {
    let id = NodeId::from_wire(ctx, request.node.as_ref())?;
    let node = NODES.get(&ctx.state, &id)?.ok_or_else(|| QueryError::not_found("render node not found"))?;
    Ok(QueryNodeResponse { node: Some(node) })
}

/// Nodes of an owner, of everybody, or of those that hold a scene.
///
/// # Errors
/// `InvalidArgument` for a malformed owner, scene or page.
pub fn nodes(ctx: &Context, request: QueryNodesRequest) -> Result<QueryNodesResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let owner = if request.owner.is_empty() { None } else { Some(ctx.address(&request.owner)?) };
    let fits = |id: &NodeId| owner.is_none_or(|owner| owner == id.owner);
    let (nodes, pagination) = if !request.scene.is_empty() {
        let scene: Result<[u8; 32], _> = request.scene.as_slice().try_into();
        let scene = scene.map_err(|_| QueryError::invalid("a scene is named by the 32 bytes of its manifest"))?;
        let show = |(_, id): ([u8; 32], NodeId), ()| Ok(if fits(&id) { NODES.get(&ctx.state, &id)? } else { None });
        paging.pick(&ctx.state, &BY_SCENE, &scene, show)?
    } else {
        match owner {
            Some(owner) => paging.pick(&ctx.state, &NODES, &owner, |_, node| Ok(Some(node)))?,
            None => paging.pick(&ctx.state, &NODES, &(), |_, node| Ok(Some(node)))?,
        }
    };
    Ok(QueryNodesResponse { nodes, pagination })
}
