use insta::assert_snapshot;
use primitives::Prefix;
use proto::cosmos::auth::v1beta1::{
    BaseAccount, ModuleAccount, QueryAccountInfoRequest, QueryAccountRequest, QueryAccountsRequest,
    QueryModuleAccountByNameRequest, QueryModuleAccountsRequest, QueryParamsRequest,
};
use proto::cosmos::base::query::v1beta1::PageRequest;
use proto::{Any, FromAny};

use super::keys::KeyError;
use super::*;
use crate::failure::QueryStatus;
use crate::testing::{self, ALICE, BOB, nobody, refusal, stored};

/// The first key of the mnemonic "abandon … about" (BIP-39) on the path of Cosmos wallets.
const KNOWN_KEY: &str = "024f4e2ad99c34d60b9ba6283c9431a8418af8673212961f97a77b6377fcd05b62";
const KNOWN_ADDRESS: &str = "cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4";

fn known_key() -> PublicKey {
    PublicKey::secp256k1(&hex::decode(KNOWN_KEY).unwrap()).unwrap()
}

#[test]
fn addresses_follow_from_keys_as_in_every_wallet() {
    let cosmos = Prefix::new("cosmos").unwrap();
    assert_eq!(cosmos.text(&known_key().address()), KNOWN_ADDRESS);
    // SHA-256 of 32 zero bytes begins with 66687aad.
    let zero = PublicKey::ed25519(&[0; 32]).unwrap();
    assert_eq!(hex::encode(zero.address().as_bytes()), "66687aadf862bd776c8fc18b8e9f8e2008971485");
}

#[test]
fn keys_are_packed_as_cosmos_packs_them() {
    for key in [known_key(), PublicKey::ed25519(&[7; 32]).unwrap()] {
        assert_eq!(PublicKey::from_any(&key.to_any()), Ok(key));
    }
    assert_eq!(known_key().to_any().type_url, "/cosmos.crypto.secp256k1.PubKey");
    assert_eq!(hex::encode(known_key().to_any().value), format!("0a21{KNOWN_KEY}"));
}

#[test]
fn other_keys_are_refused() {
    let multisig = Any { type_url: "/cosmos.crypto.multisig.LegacyAminoPubKey".to_owned(), value: Vec::new() };
    assert!(matches!(PublicKey::from_any(&multisig), Err(KeyError::Unsupported(_))));
    assert!(matches!(PublicKey::secp256k1(&[4; 33]), Err(KeyError::NotCompressed(4))));
    assert!(matches!(PublicKey::secp256k1(&[2; 65]), Err(KeyError::Length { .. })));
    let mut garbled = known_key().to_any();
    garbled.value = vec![0xff];
    assert!(matches!(PublicKey::from_any(&garbled), Err(KeyError::Malformed(_))));
}

#[test]
fn accounts_are_numbered_in_order_of_birth_and_keep_their_number() {
    let mut ctx = testing::empty();
    assert_eq!(ensure(&mut ctx, &BOB).unwrap().number, 0);
    assert_eq!(ensure(&mut ctx, &ALICE).unwrap().number, 1);
    assert_eq!(ensure(&mut ctx, &BOB).unwrap().number, 0);
    assert_eq!(bump_sequence(&mut ctx, &BOB).unwrap(), 1);
    assert_eq!(bump_sequence(&mut ctx, &BOB).unwrap(), 2);
    assert_eq!(get(&ctx, &BOB).unwrap().unwrap().sequence, 2);
    assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
}

#[test]
fn an_account_that_was_never_born_cannot_sign() {
    let mut ctx = testing::context();
    assert_eq!(refusal(bump_sequence(&mut ctx, &nobody(1))).code, 9);
    assert_eq!(refusal(set_public_key(&mut ctx, &nobody(1), &known_key())).code, 9);
}

#[test]
fn a_key_is_noted_once_and_only_for_its_own_address() {
    let mut ctx = testing::context();
    let owner = known_key().address();
    ensure(&mut ctx, &owner).unwrap();
    assert_eq!(refusal(set_public_key(&mut ctx, &ALICE, &known_key())).code, 8);
    set_public_key(&mut ctx, &owner, &known_key()).unwrap();
    set_public_key(&mut ctx, &owner, &known_key()).unwrap();
    assert_eq!(get(&ctx, &owner).unwrap().unwrap().public_key, Some(known_key().to_any()));
    assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
}

/// Two users, one of them with a key and transactions, and a module account.
fn lived_in() -> Context {
    let mut ctx = testing::empty();
    genesis::import(&mut ctx, &Genesis::default()).unwrap();
    let owner = known_key().address();
    for address in [ALICE, owner, Address::of_module(modules::ESCROW)] {
        ensure(&mut ctx, &address).unwrap();
    }
    set_public_key(&mut ctx, &owner, &known_key()).unwrap();
    bump_sequence(&mut ctx, &owner).unwrap();
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
}

#[test]
fn a_contradictory_genesis_is_refused() {
    let good = genesis::export(&lived_in()).unwrap();
    let refused = |change: fn(&mut Genesis)| {
        let mut bad = good.clone();
        change(&mut bad);
        refusal(genesis::import(&mut testing::empty(), &bad)).message
    };
    assert!(refused(|g| g.next_number = 2).contains("below next_number"));
    assert!(refused(|g| g.accounts[0].number = g.accounts[1].number).contains("unique"));
    assert!(refused(|g| g.accounts.push(g.accounts[0].clone())).contains("twice"));
    assert!(refused(|g| g.accounts[0].address = "tetra1x".to_owned()).contains("not a bech32 address"));
    assert!(refused(|g| g.params.tx_sig_limit = 0).contains("tx_sig_limit"));
    assert!(
        refused(|g| {
            let key = g.accounts.iter().find_map(|account| account.public_key.clone());
            let other = g.accounts.iter_mut().find(|account| account.public_key.is_none()).unwrap();
            other.public_key = key;
        })
        .contains("another address")
    );
}

#[test]
fn queries_pack_accounts_as_clients_know_them() {
    let ctx = lived_in();
    let user = queries::account(&ctx, QueryAccountRequest { address: ctx.text(&ALICE) }).unwrap();
    let user: BaseAccount = user.account.unwrap().unpack().unwrap();
    assert_eq!((user.address, user.account_number), (ctx.text(&ALICE), 0));

    let owner = ctx.text(&known_key().address());
    let info = queries::account_info(&ctx, QueryAccountInfoRequest { address: owner }).unwrap().info.unwrap();
    assert_eq!((info.account_number, info.sequence, info.pub_key), (1, 1, Some(known_key().to_any())));

    let name = "escrow".to_owned();
    let module = queries::module_account_by_name(&ctx, QueryModuleAccountByNameRequest { name }).unwrap();
    let module: ModuleAccount = module.account.unwrap().unpack().unwrap();
    assert_eq!((module.name.as_str(), module.base_account.unwrap().account_number), ("escrow", 2));

    let all = queries::module_accounts(&ctx, QueryModuleAccountsRequest {}).unwrap().accounts;
    let names: Vec<String> = all.iter().map(|one| one.unpack::<ModuleAccount>().unwrap().name).collect();
    assert_eq!(names, ["escrow"], "those that were paid");

    let params = queries::params(&ctx, QueryParamsRequest {}).unwrap().params.unwrap();
    assert_eq!((params.max_memo_characters, params.tx_size_cost_per_byte), (256, 10));
}

#[test]
fn unknown_accounts_are_not_found_in_the_words_that_clients_look_for() {
    let ctx = testing::context();
    let address = ctx.text(&nobody(1));
    let error = queries::account(&ctx, QueryAccountRequest { address: address.clone() }).unwrap_err();
    assert_eq!(error.status, QueryStatus::NotFound);
    assert_eq!(error.message, format!("account {address} not found: key not found"));

    let malformed = queries::account(&ctx, QueryAccountRequest { address: "x".to_owned() }).unwrap_err();
    assert_eq!(malformed.status, QueryStatus::InvalidArgument);
    for name in ["mint", "community_pool"] {
        let name = name.to_owned();
        let error = queries::module_account_by_name(&ctx, QueryModuleAccountByNameRequest { name }).unwrap_err();
        assert_eq!(error.status, QueryStatus::NotFound);
    }
}

#[test]
fn accounts_are_listed_in_pages() {
    let ctx = testing::context();
    let first = PageRequest { limit: 3, count_total: true, ..PageRequest::default() };
    let first = queries::accounts(&ctx, QueryAccountsRequest { pagination: Some(first) }).unwrap();
    let page = first.pagination.unwrap();
    assert_eq!((first.accounts.len(), page.total), (3, 4));
    let second = PageRequest { key: page.next_key, ..PageRequest::default() };
    let second = queries::accounts(&ctx, QueryAccountsRequest { pagination: Some(second) }).unwrap();
    assert_eq!(second.accounts.len(), 1);
    assert!(second.pagination.unwrap().next_key.is_empty());
}
