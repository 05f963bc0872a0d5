//! Messages of `akash.provider.v1beta4`.

use primitives::Address;
use proto::akash::base::attributes::v1::Attribute;
use proto::akash::provider::v1beta4::{
    EventProviderCreated, EventProviderDeleted, EventProviderUpdated, Info, MsgCreateProvider,
    MsgCreateProviderResponse, MsgDeleteProvider, MsgDeleteProviderResponse, MsgUpdateProvider,
    MsgUpdateProviderResponse, Provider,
};

use super::state::PROVIDERS;
use super::{attributes, events, get, leases, refusals, uri};
use crate::capacity;
use crate::context::Context;
use crate::failure::Failure;

/// A provider whose fields keep the rules.
pub(super) struct CheckedProvider {
    pub(super) owner: Address,
    pub(super) provider: Provider,
}

impl CheckedProvider {
    pub(super) fn parse(
        ctx: &Context,
        owner: &str,
        host_uri: String,
        attributes: Vec<Attribute>,
        info: Option<Info>,
    ) -> Result<Self, Failure> {
        let owner = ctx.address(owner)?;
        uri::check_host_uri(&host_uri)?;
        attributes::check(&attributes)?;
        let info = info.unwrap_or_default();
        uri::check_website(&info.website)?;
        let provider = Provider { owner: ctx.text(&owner), host_uri, attributes, info: Some(info) };
        Ok(Self { owner, provider })
    }
}

/// Registers the signer as a provider.
///
/// # Errors
/// `sdk` 7 for a malformed address; `provider` 1, 2, 6, 8 for malformed fields, 4 when it is registered.
pub fn create_provider(ctx: &mut Context, msg: MsgCreateProvider) -> Result<MsgCreateProviderResponse, Failure> {
    let checked = CheckedProvider::parse(ctx, &msg.owner, msg.host_uri, msg.attributes, msg.info)?;
    let CheckedProvider { owner, provider } = checked;
    if get(ctx, &owner)?.is_some() {
        return Err(refusals::exists(&provider.owner).into());
    }
    PROVIDERS.set(&mut ctx.state, &owner, &provider);
    events::announce::<EventProviderCreated>(ctx, &owner);
    Ok(MsgCreateProviderResponse {})
}

/// Replaces what a provider says of itself, leases or not.
///
/// # Errors
/// `sdk` 7 for a malformed address; `provider` 1, 2, 6, 8 for malformed fields, 3 when it is not registered.
pub fn update_provider(ctx: &mut Context, msg: MsgUpdateProvider) -> Result<MsgUpdateProviderResponse, Failure> {
    let checked = CheckedProvider::parse(ctx, &msg.owner, msg.host_uri, msg.attributes, msg.info)?;
    let CheckedProvider { owner, provider } = checked;
    if get(ctx, &owner)?.is_none() {
        return Err(refusals::not_found(&provider.owner).into());
    }
    PROVIDERS.set(&mut ctx.state, &owner, &provider);
    events::announce::<EventProviderUpdated>(ctx, &owner);
    Ok(MsgUpdateProviderResponse {})
}

/// Removes a provider.
///
/// # Errors
/// `sdk` 7 for a malformed address; `provider` 3 when it is not registered, 24 while it has active leases, 25 while it
/// has registered hosts.
pub fn delete_provider(ctx: &mut Context, msg: MsgDeleteProvider) -> Result<MsgDeleteProviderResponse, Failure> {
    let owner = ctx.address(&msg.owner)?;
    if get(ctx, &owner)?.is_none() {
        return Err(refusals::not_found(&msg.owner).into());
    }
    let (leases, hosts) = (leases::count(ctx, &owner)?, capacity::hosts(ctx, &owner)?);
    if leases > 0 {
        return Err(refusals::has_active_leases(&msg.owner, leases).into());
    }
    if hosts > 0 {
        return Err(refusals::has_hosts(&msg.owner, hosts).into());
    }
    PROVIDERS.remove(&mut ctx.state, &owner);
    events::announce::<EventProviderDeleted>(ctx, &owner);
    Ok(MsgDeleteProviderResponse {})
}
