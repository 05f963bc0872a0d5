//! The one table behind every transport.

use std::collections::BTreeSet;

use prost_reflect::DescriptorPool;
use rpc::services::{PATHS, answer, answered};

use crate::fake::Fake;

#[tokio::test]
async fn every_listed_method_is_answered_and_stands_in_the_descriptors() {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let node = Fake::new(5);
    for path in PATHS {
        let (service, method) = path[1..].split_once('/').unwrap();
        let service = pool.get_service_by_name(service).unwrap_or_else(|| panic!("{service} is described nowhere"));
        assert!(service.methods().any(|known| known.name() == method), "{path} is described nowhere");
        if let Err(error) = answer(node.as_ref(), path, &[], 0, false).await {
            assert_ne!(error.status, ledger::QueryStatus::Unimplemented, "{path}: {error}");
        }
    }
    let listed: BTreeSet<&str> = PATHS.into_iter().collect();
    assert_eq!(listed.len(), PATHS.len());
    assert!(answered(node.as_ref()).is_superset(&listed));
}

#[tokio::test]
async fn abci_query_asks_the_same_table() {
    use proto::Message;
    use proto::cosmos::base::tendermint::v1beta1::{AbciQueryRequest, AbciQueryResponse};

    let node = Fake::new(5);
    let path = "/cosmos.base.tendermint.v1beta1.Service/ABCIQuery";
    let ask = async |inner: &str, data: &[u8]| {
        let request = AbciQueryRequest { path: inner.into(), data: data.to_vec(), ..AbciQueryRequest::default() };
        let answer = answer(node.as_ref(), path, &request.encode_to_vec(), 0, false).await.unwrap();
        AbciQueryResponse::decode(answer.value.as_slice()).unwrap()
    };
    assert_eq!(ask("/echo", b"hello").await.value, b"hello");
    let missing = ask("/missing", b"").await;
    assert_eq!((missing.code, missing.codespace.as_str()), (22, "sdk"));
    assert!(missing.log.contains("code = NotFound"), "{}", missing.log);
}

#[tokio::test]
async fn abci_query_does_not_ask_itself() {
    use proto::Message;
    use proto::cosmos::base::tendermint::v1beta1::AbciQueryRequest;

    let path = "/cosmos.base.tendermint.v1beta1.Service/ABCIQuery";
    let request = AbciQueryRequest { path: path.into(), ..AbciQueryRequest::default() };
    let refused = answer(Fake::new(5).as_ref(), path, &request.encode_to_vec(), 0, false).await.unwrap_err();
    assert_eq!(refused.status, ledger::QueryStatus::InvalidArgument, "{refused}");
}
