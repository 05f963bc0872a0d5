//! The table of messages that have an amino form: those that people sign with wallets.
//!
//! Names: `cosmos-sdk/…` of the Cosmos SDK; `akash-sdk/x/<module>/…` of Akash's legacy codec, with its slip of an empty
//! name for the deposit (spec/akash.md 1.1). JSON names: appendix A there.

use ledger::Rejection;
use proto::akash::base::deposit::v1::Deposit;
use proto::akash::deployment::v1::{DeploymentId, GroupId};
use proto::akash::deployment::v1beta4 as deployment;
use proto::akash::escrow::v1::MsgAccountDeposit;
use proto::akash::market::v1::{BidId, LeaseId};
use proto::akash::market::v1beta5 as market;
use proto::cosmos::bank::v1beta1::{Input, MsgMultiSend, MsgSend, Output};
use proto::{Any, Message, Name, type_url};
use serde_json::{Value, json};

use super::object::Object;
use super::{coin, coins, resources, unsupported};

type Result<T> = std::result::Result<T, Rejection>;

/// A message with its amino name.
pub(super) fn value(message: &Any) -> Result<Value> {
    let named = |name: &str, value: Object| json!({ "type": name, "value": value.value() });
    let url = message.type_url.as_str();
    let value = if let Some(send) = read::<MsgSend>(message)? {
        named("cosmos-sdk/MsgSend", bank_send(&send))
    } else if let Some(send) = read::<MsgMultiSend>(message)? {
        named("cosmos-sdk/MsgMultiSend", bank_multi_send(&send))
    } else if let Some(create) = read::<deployment::MsgCreateDeployment>(message)? {
        named("akash-sdk/x/deployment/MsgCreateDeployment", create_deployment(&create)?)
    } else if let Some(update) = read::<deployment::MsgUpdateDeployment>(message)? {
        let value = Object::default().object("id", deployment_id(update.id.as_ref())).bytes("hash", &update.hash);
        named("akash-sdk/x/deployment/MsgUpdateDeployment", value)
    } else if let Some(close) = read::<deployment::MsgCloseDeployment>(message)? {
        let value = Object::default().object("id", deployment_id(close.id.as_ref()));
        named("akash-sdk/x/deployment/MsgCloseDeployment", value)
    } else if let Some(close) = read::<deployment::MsgCloseGroup>(message)? {
        named("akash-sdk/x/deployment/MsgCloseGroup", of_group(close.id.as_ref()))
    } else if let Some(pause) = read::<deployment::MsgPauseGroup>(message)? {
        named("akash-sdk/x/deployment/MsgPauseGroup", of_group(pause.id.as_ref()))
    } else if let Some(start) = read::<deployment::MsgStartGroup>(message)? {
        named("akash-sdk/x/deployment/MsgStartGroup", of_group(start.id.as_ref()))
    } else if let Some(create) = read::<market::MsgCreateLease>(message)? {
        // The Go type calls the bid `id`.
        named("akash-sdk/x/market/MsgCreateLease", Object::default().object("id", bid_id(create.bid_id.as_ref())))
    } else if let Some(close) = read::<market::MsgCloseLease>(message)? {
        let value = Object::default().object("id", lease_id(close.id.as_ref())).choice("reason", close.reason);
        named("akash-sdk/x/market/MsgCloseLease", value)
    } else if let Some(withdraw) = read::<market::MsgWithdrawLease>(message)? {
        let value = Object::default().object("id", lease_id(withdraw.id.as_ref()));
        named("akash-sdk/x/market/MsgWithdrawLease", value)
    } else if let Some(close) = read::<market::MsgCloseBid>(message)? {
        let value = Object::default().object("id", bid_id(close.id.as_ref())).choice("reason", close.reason);
        named("akash-sdk/x/market/MsgCloseBid", value)
    } else if let Some(add) = read::<MsgAccountDeposit>(message)? {
        named("akash-sdk/x/escrow/v1/", account_deposit(&add))
    } else {
        return Err(unsupported(url));
    };
    Ok(value)
}

/// The message if it is of this type.
fn read<M: Message + Name + Default>(message: &Any) -> Result<Option<M>> {
    if message.type_url != type_url::<M>() {
        return Ok(None);
    }
    let decoded = M::decode(message.value.as_slice());
    decoded.map(Some).map_err(|error| Rejection::new("sdk", 2, format!("{}: {error}", message.type_url)))
}

fn bank_send(send: &MsgSend) -> Object {
    Object::default()
        .text("from_address", &send.from_address)
        .text("to_address", &send.to_address)
        .put("amount", coins(&send.amount))
}

fn bank_multi_send(send: &MsgMultiSend) -> Object {
    let input = |Input { address, coins: of }: &Input| json!({ "address": address, "coins": coins(of) });
    let output = |Output { address, coins: of }: &Output| json!({ "address": address, "coins": coins(of) });
    Object::default()
        .put("inputs", send.inputs.iter().map(input).collect())
        .put("outputs", send.outputs.iter().map(output).collect())
}

fn create_deployment(create: &deployment::MsgCreateDeployment) -> Result<Object> {
    if create.reclamation.is_some() {
        return Err(unsupported("a deployment with a reclamation window"));
    }
    let groups = create.groups.iter().map(|group| resources::group(group).map(Object::value));
    Ok(Object::default()
        .object("id", deployment_id(create.id.as_ref()))
        .list("groups", groups.collect::<Result<_>>()?)
        .bytes("hash", &create.hash)
        .object("deposit", deposit(create.deposit.as_ref())))
}

fn account_deposit(add: &MsgAccountDeposit) -> Object {
    let id = add.id.as_ref();
    let id = id.map(|id| Object::default().choice("scope", id.scope).text("xid", &id.xid));
    Object::default()
        .text("signer", &add.signer)
        .object("id", id.unwrap_or_default())
        .object("deposit", deposit(add.deposit.as_ref()))
}

/// The Go type calls the sources `deposit_sources`.
fn deposit(deposit: Option<&Deposit>) -> Object {
    let Some(deposit) = deposit else { return Object::default() };
    let sources = deposit.sources.iter().map(|source| Value::from(*source)).collect();
    let object = Object::default().list("deposit_sources", sources);
    match &deposit.amount {
        Some(amount) => object.put("amount", coin(amount)),
        None => object,
    }
}

fn deployment_id(id: Option<&DeploymentId>) -> Object {
    id.map(|id| Object::default().text("owner", &id.owner).number64("dseq", id.dseq)).unwrap_or_default()
}

fn of_group(id: Option<&GroupId>) -> Object {
    let fields =
        |id: &GroupId| Object::default().text("owner", &id.owner).number64("dseq", id.dseq).number("gseq", id.gseq);
    Object::default().object("id", id.map(fields).unwrap_or_default())
}

fn bid_id(id: Option<&BidId>) -> Object {
    let Some(id) = id else { return Object::default() };
    Object::default()
        .text("owner", &id.owner)
        .number64("dseq", id.dseq)
        .number("gseq", id.gseq)
        .number("oseq", id.oseq)
        .text("provider", &id.provider)
        .number("bseq", id.bseq)
}

fn lease_id(id: Option<&LeaseId>) -> Object {
    let Some(id) = id else { return Object::default() };
    Object::default()
        .text("owner", &id.owner)
        .number64("dseq", id.dseq)
        .number("gseq", id.gseq)
        .number("oseq", id.oseq)
        .text("provider", &id.provider)
        .number("bseq", id.bseq)
}
