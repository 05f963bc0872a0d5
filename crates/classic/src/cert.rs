//! `akash.cert.v1beta3` over `akash.cert.v1`.

use proto::akash::cert::{v1 as new, v1beta3 as old};

use crate::message::OldMessage;
use crate::query::OldQuery;

pub(crate) fn messages() -> Vec<OldMessage> {
    vec![
        OldMessage::new::<_, _, old::MsgCreateCertificateResponse>(|msg: old::MsgCreateCertificate| {
            new::MsgCreateCertificate { owner: msg.owner, cert: msg.cert, pubkey: msg.pubkey }
        }),
        OldMessage::new::<_, _, old::MsgRevokeCertificateResponse>(|msg: old::MsgRevokeCertificate| {
            new::MsgRevokeCertificate { id: msg.id }
        }),
    ]
}

pub(crate) fn queries() -> Vec<OldQuery> {
    vec![OldQuery::new(
        "/akash.cert.v1beta3.Query/Certificates",
        "/akash.cert.v1.Query/Certificates",
        |asked: old::QueryCertificatesRequest| {
            Ok(new::QueryCertificatesRequest { filter: asked.filter, pagination: asked.pagination })
        },
        |_, found: new::QueryCertificatesResponse| {
            Ok(old::QueryCertificatesResponse { certificates: found.certificates, pagination: found.pagination })
        },
    )]
}
