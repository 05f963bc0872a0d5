//! The log of the older generation, for everything that its modules announced.

use classic::log::{Event, write};

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn typed_events_become_the_one_type_of_the_time() {
    let id = r#"{"owner":"akash1o","dseq":"7","gseq":1,"oseq":2,"provider":"akash1p","bseq":0}"#;
    let price = r#"{"denom":"uakt","amount":"1.500000000000000000"}"#;
    let events: &[(&str, &[(&str, &str)])] = &[
        // Of the fee: no message.
        ("tx", &[("fee", "5uakt")]),
        ("message", &[("action", "/akash.X"), ("msg_index", "0")]),
        ("akash.deployment.v1.EventDeploymentCreated", &[("id", id), ("hash", "\"CQk=\""), ("msg_index", "0")]),
        ("akash.market.v1.EventBidCreated", &[("id", id), ("price", price), ("msg_index", "0")]),
        ("message", &[("sender", "akash1o"), ("msg_index", "0")]),
        ("akash.provider.v1beta4.EventProviderUpdated", &[("owner", "\"akash1p\""), ("msg_index", "1")]),
        (
            "akash.audit.v1.EventTrustedAuditorDeleted",
            &[("owner", "\"akash1p\""), ("auditor", "\"akash1a\""), ("msg_index", "1")],
        ),
        // What did not exist then.
        ("akash.market.v1.EventLeaseReclaimStarted", &[("id", id), ("msg_index", "1")]),
        ("tetra.capacity.v1.EventHeld", &[("host", "\"h\""), ("msg_index", "1")]),
        // Of no message that there is.
        ("transfer", &[("amount", "1uakt"), ("msg_index", "2")]),
    ];
    let events: Vec<_> = events.iter().map(|(kind, attributes)| (*kind, pairs(attributes))).collect();
    let log = write(2, events.iter().map(|(kind, attributes)| Event { kind, attributes }));
    let log: serde_json::Value = serde_json::from_str(&log).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}
