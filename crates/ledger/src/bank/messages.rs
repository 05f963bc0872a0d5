//! Messages of `cosmos.bank.v1beta1`.

use primitives::{Address, Coin, CoinError, Coins};
use proto::cosmos::bank::v1beta1::{MsgMultiSend, MsgMultiSendResponse, MsgSend, MsgSendResponse};
use proto::cosmos::base::v1beta1::Coin as WireCoin;

use super::denoms::require_sendable;
use super::transfer;
use crate::accounts::modules;
use crate::context::Context;
use crate::failure::{Failure, Rejection};

struct CheckedSend {
    from: Address,
    to: Address,
    coins: Coins,
}

struct CheckedMultiSend {
    from: Address,
    total: Coins,
    outputs: Vec<(Address, Coins)>,
}

/// Sends coins from one user to another account.
///
/// # Errors
/// `sdk` 7 for a malformed address, 10 for malformed coins, 4 for a receiver that belongs to the chain, 5 when the
/// sender has not enough; `bank` 5 for a denom that may not be sent.
pub fn send(ctx: &mut Context, msg: MsgSend) -> Result<MsgSendResponse, Failure> {
    let CheckedSend { from, to, coins } = CheckedSend::parse(ctx, &msg)?;
    require_sendable(ctx, &coins)?;
    require_user(ctx, &to)?;
    transfer::send(ctx, &from, &to, &coins)?;
    Ok(MsgSendResponse {})
}

/// Sends coins from one user to several accounts.
///
/// # Errors
/// As [`send`]; `bank` 2, 3, 4, 9 when the inputs are not one, there are no outputs, or both do not sum to the same.
pub fn multi_send(ctx: &mut Context, msg: MsgMultiSend) -> Result<MsgMultiSendResponse, Failure> {
    let CheckedMultiSend { from, total, outputs } = CheckedMultiSend::parse(ctx, &msg)?;
    require_sendable(ctx, &total)?;
    for (to, _) in &outputs {
        require_user(ctx, to)?;
    }
    for coin in total.iter() {
        transfer::require_spendable(ctx, &from, &coin)?;
    }
    for (to, coins) in &outputs {
        transfer::send(ctx, &from, to, coins)?;
    }
    Ok(MsgMultiSendResponse {})
}

/// The signer of a multi-send: the first input.
pub(super) fn multi_send_signer(msg: &MsgMultiSend) -> String {
    msg.inputs.first().map(|input| input.address.clone()).unwrap_or_default()
}

impl CheckedSend {
    fn parse(ctx: &Context, msg: &MsgSend) -> Result<Self, Failure> {
        let from = ctx.address(&msg.from_address)?;
        let to = ctx.address(&msg.to_address)?;
        Ok(Self { from, to, coins: some_coins(&msg.amount)? })
    }
}

impl CheckedMultiSend {
    fn parse(ctx: &Context, msg: &MsgMultiSend) -> Result<Self, Failure> {
        let refuse = |code, why: &str| Err(Rejection::new("bank", code, why).into());
        let input = match msg.inputs.as_slice() {
            [] => return refuse(2, "no inputs to send transaction"),
            [input] => input,
            _ => return refuse(9, "multiple senders not allowed"),
        };
        if msg.outputs.is_empty() {
            return refuse(3, "no outputs to send transaction");
        }
        let from = ctx.address(&input.address)?;
        let total = some_coins(&input.coins)?;
        let mut outputs = Vec::new();
        let mut sum = Coins::new();
        for output in &msg.outputs {
            let to = ctx.address(&output.address)?;
            let coins = some_coins(&output.coins)?;
            for coin in coins.iter() {
                sum.add(&coin).ok_or_else(|| Rejection::overflow("the sum of the outputs"))?;
            }
            outputs.push((to, coins));
        }
        if sum != total {
            return refuse(4, &format!("sum inputs != sum outputs: {total} goes in, {sum} comes out"));
        }
        Ok(Self { from, total, outputs })
    }
}

fn some_coins(wire: &[WireCoin]) -> Result<Coins, Failure> {
    let malformed = |error: CoinError| Rejection::invalid_coins(format!("{error}: invalid coins"));
    let coins = Coins::from_wire(wire.iter().map(|coin| (coin.denom.as_str(), coin.amount.as_str())));
    let coins = coins.map_err(malformed)?;
    if coins.is_empty() {
        return Err(Rejection::invalid_coins("no amount: invalid coins; send at least one base unit").into());
    }
    Ok(coins)
}

fn require_user(ctx: &Context, to: &Address) -> Result<(), Failure> {
    match modules::name_of(to) {
        None => Ok(()),
        Some(name) => {
            let to = ctx.text(to);
            let why = format!("{to} is not allowed to receive funds: unauthorized; it is the chain's {name} account");
            Err(Rejection::unauthorized(why).into())
        }
    }
}

/// A coin as protobuf writes it.
pub fn to_wire(coin: &Coin) -> WireCoin {
    WireCoin { denom: coin.denom.to_string(), amount: coin.amount.to_string() }
}
