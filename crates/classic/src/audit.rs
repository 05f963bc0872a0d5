//! `akash.audit.v1beta3` over `akash.audit.v1`.

use proto::akash::audit::{v1 as new, v1beta3 as old};

use crate::message::OldMessage;
use crate::query::{OldQuery, QueryError};

pub(crate) fn messages() -> Vec<OldMessage> {
    vec![
        OldMessage::new::<_, _, old::MsgSignProviderAttributesResponse>(|msg: old::MsgSignProviderAttributes| {
            let old::MsgSignProviderAttributes { owner, auditor, attributes } = msg;
            new::MsgSignProviderAttributes { owner, auditor, attributes }
        }),
        OldMessage::new::<_, _, old::MsgDeleteProviderAttributesResponse>(|msg: old::MsgDeleteProviderAttributes| {
            let old::MsgDeleteProviderAttributes { owner, auditor, keys } = msg;
            new::MsgDeleteProviderAttributes { owner, auditor, keys }
        }),
    ]
}

pub(crate) fn queries() -> Vec<OldQuery> {
    vec![
        OldQuery::new(
            "/akash.audit.v1beta3.Query/AllProvidersAttributes",
            "/akash.audit.v1.Query/AllProvidersAttributes",
            |asked: old::QueryAllProvidersAttributesRequest| {
                Ok(new::QueryAllProvidersAttributesRequest { pagination: asked.pagination })
            },
            |_, found| shown(found),
        ),
        OldQuery::new(
            "/akash.audit.v1beta3.Query/ProviderAttributes",
            "/akash.audit.v1.Query/ProviderAttributes",
            |asked: old::QueryProviderAttributesRequest| {
                Ok(new::QueryProviderAttributesRequest { owner: asked.owner, pagination: asked.pagination })
            },
            |_, found| shown(found),
        ),
        OldQuery::new(
            "/akash.audit.v1beta3.Query/ProviderAuditorAttributes",
            "/akash.audit.v1.Query/ProviderAuditorAttributes",
            |asked: old::QueryProviderAuditorRequest| {
                Ok(new::QueryProviderAuditorRequest { auditor: asked.auditor, owner: asked.owner })
            },
            |_, found| shown(found),
        ),
        OldQuery::new(
            "/akash.audit.v1beta3.Query/AuditorAttributes",
            "/akash.audit.v1.Query/AuditorAttributes",
            |asked: old::QueryAuditorAttributesRequest| {
                Ok(new::QueryAuditorAttributesRequest { auditor: asked.auditor, pagination: asked.pagination })
            },
            |_, found| shown(found),
        ),
    ]
}

fn shown(found: new::QueryProvidersResponse) -> Result<old::QueryProvidersResponse, QueryError> {
    Ok(old::QueryProvidersResponse { providers: found.providers, pagination: found.pagination })
}
