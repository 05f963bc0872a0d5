//! What the unmodified clients of the older generation send, as they encode it. `vectors/pypi.py` and `vectors/akashjs.cjs`
//! print the vectors with the real packages.

use std::collections::BTreeSet;

use classic::Classic;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use proto::cosmos::tx::v1beta1::{TxBody, TxRaw};
use proto::{Any, canonical};
use serde_json::Value;

const PYPI: &str = include_str!("vectors/pypi.json");
const AKASHJS: &str = include_str!("vectors/akashjs.json");

fn pool() -> DescriptorPool {
    DescriptorPool::decode(proto::DESCRIPTORS).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    document[name].as_array().unwrap()
}

fn json(name: &str, bytes: &[u8]) -> String {
    let descriptor = pool().get_message_by_name(name).unwrap();
    let message = DynamicMessage::decode(descriptor, bytes).unwrap();
    assert!(message.unknown_fields().next().is_none(), "{name}");
    serde_json::to_string(&message).unwrap()
}

/// The messages that a package sends.
fn messages(document: &str) -> Vec<Any> {
    let document: Value = serde_json::from_str(document).unwrap();
    if document["transactions"].is_null() {
        let message = |one: &Value| Any { type_url: text(&one["url"]), value: bytes(&one["value"]) };
        return list(&document, "messages").iter().map(message).collect();
    }
    let message = |one: &Value| {
        let raw: TxRaw = canonical(&bytes(&one["tx"])).unwrap();
        let body: TxBody = canonical(&raw.body_bytes).unwrap();
        body.messages.into_iter().next().unwrap()
    };
    list(&document, "transactions").iter().map(message).collect()
}

fn translated(document: &str) -> String {
    let classic = Classic::new();
    let mut said = String::new();
    for message in messages(document) {
        let old = classic.message(&message.type_url).unwrap();
        let value = old.translate(&message.value).unwrap_or_else(|error| panic!("{error}"));
        let successor = old.successor();
        said.push_str(&format!("{}\n  {successor}\n  {}\n", old.url(), json(&successor[1..], &value)));
    }
    said
}

#[test]
fn the_messages_of_pypi_akash_are_canonical_and_mean_their_successors() {
    insta::assert_snapshot!(translated(PYPI));
}

#[test]
fn the_messages_of_akashjs_are_canonical_and_mean_their_successors() {
    insta::assert_snapshot!(translated(AKASHJS));
}

fn method(path: &str) -> MethodDescriptor {
    let (service, method) = path[1..].split_once('/').unwrap();
    let service = pool().get_service_by_name(service).unwrap_or_else(|| panic!("{path}"));
    service.methods().find(|one| one.name() == method).unwrap_or_else(|| panic!("{path}"))
}

fn asked(document: &str) -> String {
    let classic = Classic::new();
    let document: Value = serde_json::from_str(document).unwrap();
    let mut said = String::new();
    for query in list(&document, "queries") {
        let old = classic.query(query["path"].as_str().unwrap()).unwrap();
        let request = old.ask(&bytes(&query["data"])).unwrap();
        let input = method(old.successor()).input();
        said.push_str(&format!("{}\n  {}\n  {}\n", old.path(), old.successor(), json(input.full_name(), &request)));
    }
    said
}

#[test]
fn the_queries_of_both_ask_their_successors() {
    insta::assert_snapshot!(format!("{}{}", asked(PYPI), asked(AKASHJS)));
}

#[test]
fn there_is_a_vector_of_every_message() {
    let sent = messages(PYPI).into_iter().chain(messages(AKASHJS)).map(|message| message.type_url);
    let sent: BTreeSet<String> = sent.collect();
    let known: BTreeSet<String> = Classic::new().message_urls().map(str::to_owned).collect();
    assert_eq!(sent, known);
}

#[test]
fn every_method_of_the_older_services_is_translated_into_one_that_exists() {
    let classic = Classic::new();
    let old = |package: &str| package.ends_with(".v1beta3") || package == "akash.market.v1beta4";
    let services = pool().services().filter(|service| old(service.package_name())).collect::<Vec<_>>();
    assert_eq!(services.len(), 11, "of escrow the queries alone");
    let (mut messages, mut queries) = (BTreeSet::new(), BTreeSet::new());
    for method in services.iter().flat_map(|service| service.methods()) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        if method.parent_service().name() == "Query" {
            let successor = classic.query(&path).unwrap_or_else(|| panic!("{path}")).successor();
            assert_eq!(self::method(successor).name(), method.name());
            queries.insert(path);
        } else {
            let url = format!("/{}", method.input().full_name());
            let old = classic.message(&url).unwrap_or_else(|| panic!("{url}"));
            assert!(pool().get_message_by_name(&old.successor()[1..]).is_some(), "{}", old.successor());
            assert_eq!(old.response().type_url, format!("/{}", method.output().full_name()));
            messages.insert(url);
        }
    }
    assert_eq!(classic.message_urls().map(str::to_owned).collect::<BTreeSet<_>>(), messages);
    assert_eq!(classic.query_paths().map(str::to_owned).collect::<BTreeSet<_>>(), queries);
}
