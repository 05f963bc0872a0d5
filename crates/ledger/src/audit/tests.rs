use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::prelude::*;
use proto::akash::audit::v1::{
    QueryAllProvidersAttributesRequest, QueryAuditorAttributesRequest, QueryProviderAttributesRequest,
    QueryProviderAuditorRequest, QueryProvidersResponse,
};
use proto::cosmos::base::query::v1beta1::PageRequest;

use super::*;
use crate::failure::{QueryError, QueryStatus};
use crate::testing::{self, ALICE, BOB, CAROL, PROVIDER, announced, refusal, stored};

fn attributes(pairs: &[(&str, &str)]) -> Vec<Attribute> {
    pairs.iter().map(|(key, value)| Attribute { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
}

fn sign(ctx: &mut Context, owner: &Address, auditor: &Address, pairs: &[(&str, &str)]) -> Result<(), Failure> {
    let (owner, auditor) = (ctx.text(owner), ctx.text(auditor));
    let msg = MsgSignProviderAttributes { owner, auditor, attributes: attributes(pairs) };
    messages::sign_provider_attributes(ctx, msg).map(|_| ())
}

fn delete(ctx: &mut Context, owner: &Address, auditor: &Address, keys: &[&str]) -> Result<(), Failure> {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let msg = MsgDeleteProviderAttributes { owner: ctx.text(owner), auditor: ctx.text(auditor), keys };
    messages::delete_provider_attributes(ctx, msg).map(|_| ())
}

fn code(result: Result<(), Failure>) -> (&'static str, u32) {
    let refused = refusal(result);
    (refused.codespace, refused.code)
}

#[test]
fn signatures_are_merged_and_taken_back() {
    let mut ctx = testing::context();
    sign(&mut ctx, &PROVIDER, &ALICE, &[("tier", "gold"), ("region", "eu")]).unwrap();
    sign(&mut ctx, &PROVIDER, &ALICE, &[("region", "eu-west"), ("dc", "fra")]).unwrap();
    let now = |ctx: &Context| signed(ctx, &PROVIDER, &ALICE).unwrap();
    assert_eq!(now(&ctx), attributes(&[("dc", "fra"), ("region", "eu-west"), ("tier", "gold")]));
    delete(&mut ctx, &PROVIDER, &ALICE, &["dc", "tier"]).unwrap();
    assert_eq!(now(&ctx), attributes(&[("region", "eu-west")]));
    sign(&mut ctx, &PROVIDER, &BOB, &[("region", "eu")]).unwrap();
    delete(&mut ctx, &PROVIDER, &ALICE, &["region"]).unwrap();
    assert_eq!(now(&ctx), []);
    delete(&mut ctx, &PROVIDER, &BOB, &[]).unwrap();
    assert_eq!(stored(&ctx, MODULE), "");
    assert_snapshot!(announced(&ctx));
}

#[test]
fn refusals_carry_upstreams_codes() {
    let mut ctx = testing::context();
    assert_eq!(code(delete(&mut ctx, &PROVIDER, &ALICE, &[])), ("audit", 1));
    assert_eq!(code(sign(&mut ctx, &PROVIDER, &ALICE, &[])), ("sdk", 18));
    assert_eq!(code(sign(&mut ctx, &PROVIDER, &ALICE, &[("1", "x")])), ("provider", 6));
    assert_eq!(code(sign(&mut ctx, &PROVIDER, &ALICE, &[("region", "a"), ("region", "b")])), ("provider", 6));
    assert_eq!(stored(&ctx, MODULE), "");
    sign(&mut ctx, &PROVIDER, &ALICE, &[("region", "eu")]).unwrap();
    assert_eq!(code(delete(&mut ctx, &PROVIDER, &BOB, &[])), ("audit", 1));
    assert_eq!(code(delete(&mut ctx, &PROVIDER, &ALICE, &["tier"])), ("audit", 3));
    assert_eq!(code(delete(&mut ctx, &PROVIDER, &ALICE, &["region", "region"])), ("audit", 3));
    let (owner, auditor) = ("nobody".to_owned(), ctx.text(&ALICE));
    let msg = MsgSignProviderAttributes { owner, auditor, attributes: attributes(&[("region", "eu")]) };
    assert_eq!(code(messages::sign_provider_attributes(&mut ctx, msg).map(|_| ())), ("sdk", 7));
}

fn lived_in() -> Context {
    let mut ctx = testing::context();
    sign(&mut ctx, &PROVIDER, &ALICE, &[("region", "eu-west"), ("tier", "gold")]).unwrap();
    sign(&mut ctx, &PROVIDER, &BOB, &[("region", "eu-west")]).unwrap();
    sign(&mut ctx, &CAROL, &BOB, &[("region", "us"), ("empty", "")]).unwrap();
    ctx
}

#[test]
fn stored_keys_and_values() {
    assert_snapshot!(stored(&lived_in(), MODULE));
}

#[test]
fn genesis_export_and_import_are_inverse() {
    let lived_in = lived_in();
    let exported = genesis::export(&lived_in).unwrap();
    let text = serde_json::to_string_pretty(&exported).unwrap();
    assert_snapshot!(text);
    let mut again = testing::empty();
    genesis::import(&mut again, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(stored(&again, MODULE), stored(&lived_in, MODULE));
    assert_eq!(genesis::export(&again).unwrap(), exported);

    let entry = &exported.signed[0];
    let import = |signed| refusal(genesis::import(&mut testing::empty(), &Genesis { signed })).code;
    assert_eq!(import(vec![entry.clone(), entry.clone()]), 18);
    assert_eq!(import(vec![genesis::Entry { attributes: Vec::new(), ..entry.clone() }]), 18);
}

#[test]
fn signatures_are_listed_for_all_by_provider_and_by_auditor() {
    let ctx = lived_in();
    let [alice, bob, carol, provider] = [ALICE, BOB, CAROL, PROVIDER].map(|address| ctx.text(&address));
    let pairs = |answer: Result<QueryProvidersResponse, QueryError>| -> Vec<(String, String, usize)> {
        let found = answer.unwrap().providers.into_iter();
        found.map(|found| (found.owner, found.auditor, found.attributes.len())).collect()
    };
    let [p_alice, p_bob, c_bob] = [(&provider, &alice, 2), (&provider, &bob, 1), (&carol, &bob, 2)]
        .map(|(owner, auditor, count)| (owner.clone(), auditor.clone(), count));
    let all = queries::all_providers_attributes(&ctx, QueryAllProvidersAttributesRequest::default());
    assert_eq!(pairs(all), [p_alice.clone(), p_bob.clone(), c_bob.clone()]);

    let of_provider = |owner: &str, pagination| {
        let owner = owner.to_owned();
        queries::provider_attributes(&ctx, QueryProviderAttributesRequest { owner, pagination })
    };
    assert_eq!(pairs(of_provider(&provider, None)), [p_alice.clone(), p_bob.clone()]);
    assert_eq!(of_provider(&alice, None).unwrap_err().status, QueryStatus::NotFound);
    let first = of_provider(&provider, Some(PageRequest { limit: 1, ..PageRequest::default() })).unwrap();
    let key = first.pagination.clone().unwrap().next_key;
    assert_eq!(pairs(Ok(first)), vec![p_alice.clone()]);
    assert_eq!(pairs(of_provider(&provider, Some(PageRequest { key, ..PageRequest::default() }))), vec![p_bob.clone()]);

    let one = |owner: &str, auditor: &str| {
        let (owner, auditor) = (owner.to_owned(), auditor.to_owned());
        queries::provider_auditor_attributes(&ctx, QueryProviderAuditorRequest { auditor, owner })
    };
    assert_eq!(pairs(one(&provider, &alice)), [p_alice]);
    assert_eq!(one(&alice, &provider).unwrap_err().status, QueryStatus::NotFound);
    assert_eq!(one("x", &provider).unwrap_err().status, QueryStatus::InvalidArgument);

    let by = |auditor: &str| {
        let auditor = auditor.to_owned();
        pairs(queries::auditor_attributes(&ctx, QueryAuditorAttributesRequest { auditor, pagination: None }))
    };
    assert_eq!(by(&bob), [p_bob, c_bob]);
    assert_eq!(by(&carol), []);
}

#[test]
fn what_breaks_a_promise_is_found() {
    let mut ctx = lived_in();
    assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
    state::BY_AUDITOR.remove(&mut ctx.state, &(ALICE, PROVIDER));
    let unordered =
        proto::akash::audit::v1::AuditedAttributesStore { attributes: attributes(&[("bb", ""), ("aa", "")]) };
    state::SIGNED.set(&mut ctx.state, &(CAROL, BOB), &unordered);
    assert_eq!(invariants::check(&ctx).unwrap().len(), 3);
}

const KEYS: [&str; 3] = ["dc", "region", "tier"];

#[derive(Clone, Debug)]
enum Step {
    Sign { owner: usize, auditor: usize, pairs: Vec<(usize, u8)> },
    Delete { owner: usize, auditor: usize, keys: Vec<usize> },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..2, 0usize..2, proptest::collection::vec((0usize..3, 0u8..3), 0..4))
            .prop_map(|(owner, auditor, pairs)| Step::Sign { owner, auditor, pairs }),
        (0usize..2, 0usize..2, proptest::collection::vec(0usize..3, 0..3))
            .prop_map(|(owner, auditor, keys)| Step::Delete { owner, auditor, keys }),
    ]
}

type Model = BTreeMap<(usize, usize), BTreeMap<usize, u8>>;

/// The model after a step, if the step is allowed.
fn after(model: &Model, step: &Step) -> Option<Model> {
    let mut next = model.clone();
    match step {
        Step::Sign { owner, auditor, pairs } => {
            let given: BTreeMap<usize, u8> = pairs.iter().copied().collect();
            if given.is_empty() || given.len() != pairs.len() {
                return None;
            }
            next.entry((*owner, *auditor)).or_default().extend(given);
        }
        Step::Delete { owner, auditor, keys } => {
            let mut left = next.remove(&(*owner, *auditor))?;
            for key in keys {
                left.remove(key)?;
            }
            if !keys.is_empty() && !left.is_empty() {
                next.insert((*owner, *auditor), left);
            }
        }
    }
    Some(next)
}

proptest! {
    #[test]
    fn signatures_follow_a_model(steps in proptest::collection::vec(step(), 0..40)) {
        let mut ctx = testing::context();
        let mut model = Model::new();
        let (owners, auditors) = ([PROVIDER, CAROL], [ALICE, PROVIDER]);
        for step in steps {
            let done = match &step {
                Step::Sign { owner, auditor, pairs } => {
                    let values: Vec<(usize, String)> = pairs.iter().map(|(key, v)| (*key, v.to_string())).collect();
                    let pairs: Vec<(&str, &str)> = values.iter().map(|(key, v)| (KEYS[*key], v.as_str())).collect();
                    sign(&mut ctx, &owners[*owner], &auditors[*auditor], &pairs)
                }
                Step::Delete { owner, auditor, keys } => {
                    let keys: Vec<&str> = keys.iter().map(|key| KEYS[*key]).collect();
                    delete(&mut ctx, &owners[*owner], &auditors[*auditor], &keys)
                }
            };
            match after(&model, &step) {
                Some(next) => {
                    prop_assert!(done.is_ok(), "{step:?} was refused: {done:?}");
                    model = next;
                }
                None => prop_assert!(done.is_err(), "{step:?} was allowed"),
            }
            for (o, owner) in owners.iter().enumerate() {
                for (a, auditor) in auditors.iter().enumerate() {
                    let wanted = model.get(&(o, a)).cloned().unwrap_or_default();
                    let wanted: Vec<(String, String)> =
                        wanted.into_iter().map(|(key, value)| (KEYS[key].to_owned(), value.to_string())).collect();
                    let found = signed(&ctx, owner, auditor).unwrap();
                    prop_assert_eq!(found.into_iter().map(|a| (a.key, a.value)).collect::<Vec<_>>(), wanted);
                }
            }
            prop_assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
        }
    }
}
