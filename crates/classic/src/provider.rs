//! `akash.provider.v1beta3` over `akash.provider.v1beta4`.

use proto::akash::provider::{v1beta3 as old, v1beta4 as new};

use crate::message::OldMessage;
use crate::query::OldQuery;

pub(crate) fn messages() -> Vec<OldMessage> {
    vec![
        OldMessage::new::<_, _, old::MsgCreateProviderResponse>(|msg: old::MsgCreateProvider| {
            let old::MsgCreateProvider { owner, host_uri, attributes, info } = msg;
            new::MsgCreateProvider { owner, host_uri, attributes, info }
        }),
        OldMessage::new::<_, _, old::MsgUpdateProviderResponse>(|msg: old::MsgUpdateProvider| {
            let old::MsgUpdateProvider { owner, host_uri, attributes, info } = msg;
            new::MsgUpdateProvider { owner, host_uri, attributes, info }
        }),
        OldMessage::new::<_, _, old::MsgDeleteProviderResponse>(|msg: old::MsgDeleteProvider| new::MsgDeleteProvider {
            owner: msg.owner,
        }),
    ]
}

pub(crate) fn queries() -> Vec<OldQuery> {
    vec![
        OldQuery::new(
            "/akash.provider.v1beta3.Query/Providers",
            "/akash.provider.v1beta4.Query/Providers",
            |asked: old::QueryProvidersRequest| Ok(new::QueryProvidersRequest { pagination: asked.pagination }),
            |_, found: new::QueryProvidersResponse| {
                Ok(old::QueryProvidersResponse { providers: found.providers, pagination: found.pagination })
            },
        ),
        OldQuery::new(
            "/akash.provider.v1beta3.Query/Provider",
            "/akash.provider.v1beta4.Query/Provider",
            |asked: old::QueryProviderRequest| Ok(new::QueryProviderRequest { owner: asked.owner }),
            |_, found: new::QueryProviderResponse| Ok(old::QueryProviderResponse { provider: found.provider }),
        ),
    ]
}
