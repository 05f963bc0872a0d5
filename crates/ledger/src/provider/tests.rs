use insta::assert_snapshot;
use proto::akash::base::attributes::v1::Attribute;
use proto::akash::provider::v1beta4::{Info, QueryProviderRequest, QueryProvidersRequest};
use proto::cosmos::base::query::v1beta1::PageRequest;

use super::*;
use crate::failure::QueryStatus;
use crate::testing::{self, ALICE, BOB, CAROL, PROVIDER, announced, refusal, stored};

const URI: &str = "https://provider.example.com:8443";

fn attribute(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: value.to_owned() }
}

fn create_msg(ctx: &Context, owner: &Address) -> MsgCreateProvider {
    MsgCreateProvider {
        owner: ctx.text(owner),
        host_uri: URI.to_owned(),
        attributes: vec![
            attribute("region", "eu-west"),
            attribute("capabilities/gpu/vendor/nvidia/model/a100", "true"),
        ],
        info: Some(Info { email: "ops@example.com".to_owned(), website: "https://example.com".to_owned() }),
    }
}

fn update_msg(ctx: &Context, owner: &Address, host_uri: &str) -> MsgUpdateProvider {
    let host_uri = host_uri.to_owned();
    MsgUpdateProvider { owner: ctx.text(owner), host_uri, attributes: Vec::new(), info: None }
}

fn create(ctx: &mut Context, owner: &Address) -> Result<(), Failure> {
    let msg = create_msg(ctx, owner);
    messages::create_provider(ctx, msg).map(|_| ())
}

fn delete(ctx: &mut Context, owner: &Address) -> Result<(), Failure> {
    let msg = MsgDeleteProvider { owner: ctx.text(owner) };
    messages::delete_provider(ctx, msg).map(|_| ())
}

#[test]
fn a_provider_registers_updates_and_goes() {
    let mut ctx = testing::context();
    create(&mut ctx, &PROVIDER).unwrap();
    assert_eq!(get(&ctx, &PROVIDER).unwrap().unwrap().attributes.len(), 2);
    let msg = update_msg(&ctx, &PROVIDER, "https://other.example.com:8443");
    messages::update_provider(&mut ctx, msg).unwrap();
    let updated = get(&ctx, &PROVIDER).unwrap().unwrap();
    assert_eq!((updated.host_uri.as_str(), updated.attributes.len()), ("https://other.example.com:8443", 0));
    delete(&mut ctx, &PROVIDER).unwrap();
    assert_eq!(get(&ctx, &PROVIDER).unwrap(), None);
    create(&mut ctx, &PROVIDER).unwrap();
    assert_snapshot!(announced(&ctx));
}

#[test]
fn refusals_carry_upstreams_codes() {
    let mut ctx = testing::context();
    let code = |result| {
        let refused = refusal(result);
        (refused.codespace, refused.code)
    };
    let update = |ctx: &mut Context| {
        let msg = update_msg(ctx, &PROVIDER, URI);
        messages::update_provider(ctx, msg).map(|_| ())
    };
    assert_eq!(code(update(&mut ctx)), ("provider", 3));
    assert_eq!(code(delete(&mut ctx, &PROVIDER)), ("provider", 3));
    create(&mut ctx, &PROVIDER).unwrap();
    assert_eq!(code(create(&mut ctx, &PROVIDER)), ("provider", 4));
    let foreign = MsgDeleteProvider { owner: "akash1x".to_owned() };
    assert_eq!(code(messages::delete_provider(&mut ctx, foreign).map(|_| ())), ("sdk", 7));
}

#[test]
fn a_provider_stays_while_it_has_active_leases() {
    let mut ctx = testing::context();
    create(&mut ctx, &PROVIDER).unwrap();
    leases::increment(&mut ctx, &PROVIDER).unwrap();
    leases::increment(&mut ctx, &PROVIDER).unwrap();
    leases::decrement(&mut ctx, &PROVIDER).unwrap();
    let refused = refusal(delete(&mut ctx, &PROVIDER));
    assert_eq!(refused.code, 24);
    assert!(refused.message.contains("has 1 active leases; close them first"));
    leases::decrement(&mut ctx, &PROVIDER).unwrap();
    assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
    delete(&mut ctx, &PROVIDER).unwrap();
    assert_eq!(stored(&ctx, MODULE), "");

    assert_eq!(refusal(leases::increment(&mut ctx, &PROVIDER)).code, 3);
    assert!(matches!(leases::decrement(&mut ctx, &PROVIDER), Err(Failure::Broken(_))));
}

#[test]
fn host_uris_are_https_a_host_and_perhaps_a_port() {
    let cases = [
        ("https://provider.example.com:8443", None),
        ("https://provider.example.com", None),
        ("HTTPS://Provider.Example.com.:1", None),
        ("https://localhost:65535", None),
        ("https://127.0.0.1:8443", None),
        ("https://[::1]:8443", None),
        ("https://[2001:db8::1]", None),
        ("", Some(2)),
        ("provider.example.com:8443", Some(2)),
        ("//provider.example.com", Some(2)),
        ("://provider.example.com", Some(2)),
        ("1https://provider.example.com", Some(2)),
        ("http://provider.example.com:8443", Some(1)),
        ("https://", Some(1)),
        ("https://:8443", Some(1)),
        ("https://provider.example.com/", Some(1)),
        ("https://provider.example.com/path", Some(1)),
        ("https://provider.example.com?q=1", Some(1)),
        ("https://provider.example.com#top", Some(1)),
        ("https://user@provider.example.com", Some(1)),
        ("https://provider.example.com:", Some(1)),
        ("https://provider.example.com:0", Some(1)),
        ("https://provider.example.com:65536", Some(1)),
        ("https://provider.example.com:+1", Some(1)),
        ("https://provider.example.com:84:43", Some(1)),
        ("https://provider..example.com", Some(1)),
        ("https://-provider.example.com", Some(1)),
        ("https://pro vider.example.com", Some(1)),
        ("https://prövider.example.com", Some(1)),
        ("https://1.2.3", Some(1)),
        ("https://256.1.1.1", Some(1)),
        ("https://[::1", Some(1)),
        ("https://[::1]8443", Some(1)),
        ("https://[nonsense]:1", Some(1)),
        ("https://.", Some(1)),
    ];
    for (text, code) in cases {
        assert_eq!(uri::check_host_uri(text).err().map(|refused| refused.code), code, "{text:?}");
    }
    let long = format!("https://{}.example.com", "a".repeat(64));
    assert!(uri::check_host_uri(&long).is_err());
}

#[test]
fn attribute_keys_keep_upstreams_rule() {
    let longest = "a".repeat(127);
    for key in ["ab", "region", "capabilities/gpu/vendor/nvidia/model/a100", "a_b-c.d", longest.as_str()] {
        assert!(attributes::check(&[attribute(key, "")]).is_ok(), "{key:?}");
    }
    let too_long = "a".repeat(128);
    for key in ["", "a", "1a", "_a", "region*", "a b", "regiön", too_long.as_str()] {
        assert_eq!(attributes::check(&[attribute(key, "x")]).unwrap_err().code, 6, "{key:?}");
    }
    let twice = [attribute("region", "a"), attribute("region", "b")];
    assert!(attributes::check(&twice).unwrap_err().message.contains("twice"));
}

#[test]
fn malformed_fields_never_reach_the_state() {
    let mut ctx = testing::context();
    let good = create_msg(&ctx, &PROVIDER);
    let info = Info { website: "https://exam ple.com".to_owned(), ..Info::default() };
    let cases = [
        (1, MsgCreateProvider { host_uri: "http://example.com".to_owned(), ..good.clone() }),
        (6, MsgCreateProvider { attributes: vec![attribute("*", "x")], ..good.clone() }),
        (8, MsgCreateProvider { info: Some(info), ..good.clone() }),
        (7, MsgCreateProvider { owner: "nobody".to_owned(), ..good.clone() }),
    ];
    for (code, msg) in cases {
        assert_eq!(refusal(messages::create_provider(&mut ctx, msg)).code, code);
    }
    assert_eq!(stored(&ctx, MODULE), "");
}

fn lived_in() -> Context {
    let mut ctx = testing::context();
    for owner in [PROVIDER, ALICE] {
        create(&mut ctx, &owner).unwrap();
    }
    leases::increment(&mut ctx, &PROVIDER).unwrap();
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
    let twice = Genesis { providers: vec![exported.providers[0].clone(), exported.providers[0].clone()] };
    assert_eq!(refusal(genesis::import(&mut testing::empty(), &twice)).code, 18);
}

#[test]
fn a_lease_of_nobody_is_found() {
    let mut ctx = lived_in();
    state::ACTIVE_LEASES.set(&mut ctx.state, &CAROL, &1);
    assert_eq!(invariants::check(&ctx).unwrap().len(), 1);
}

#[test]
fn providers_are_found_and_listed_in_pages() {
    let mut ctx = lived_in();
    create(&mut ctx, &BOB).unwrap();
    let one = queries::provider(&ctx, QueryProviderRequest { owner: ctx.text(&BOB) }).unwrap().provider.unwrap();
    assert_eq!(one.host_uri, URI);
    let missing = queries::provider(&ctx, QueryProviderRequest { owner: ctx.text(&CAROL) }).unwrap_err();
    assert_eq!(missing.status, QueryStatus::NotFound);

    let owners = |request: PageRequest| {
        let answer = queries::providers(&ctx, QueryProvidersRequest { pagination: Some(request) }).unwrap();
        let owners: Vec<String> = answer.providers.into_iter().map(|provider| provider.owner).collect();
        (owners, answer.pagination.unwrap())
    };
    let (first, page) = owners(PageRequest { limit: 2, count_total: true, ..PageRequest::default() });
    assert_eq!((first, page.total), (vec![ctx.text(&PROVIDER), ctx.text(&ALICE)], 3));
    let (second, page) = owners(PageRequest { key: page.next_key, limit: 2, ..PageRequest::default() });
    assert_eq!((second, page.next_key), (vec![ctx.text(&BOB)], Vec::new()));
}
