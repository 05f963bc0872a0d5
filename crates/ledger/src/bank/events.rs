//! What money announces: the events of the Cosmos SDK (`x/bank/types/events.go`), which wallets and explorers read.
//! `coinbase` and `burn` say the reason as well, `coinbase` also the policy.

use primitives::{Address, Coin, Coins};

use super::Policy;
use crate::context::{Context, Event};

pub(super) fn spent(ctx: &mut Context, spender: &Address, amount: String) {
    let spender = ctx.text(spender);
    ctx.announce(Event::new("coin_spent", [("spender", spender), ("amount", amount)]));
}

pub(super) fn received(ctx: &mut Context, receiver: &Address, amount: String) {
    let receiver = ctx.text(receiver);
    ctx.announce(Event::new("coin_received", [("receiver", receiver), ("amount", amount)]));
}

pub(super) fn transferred(ctx: &mut Context, from: &Address, to: &Address, coins: &Coins) {
    let (sender, recipient, amount) = (ctx.text(from), ctx.text(to), coins.to_string());
    let attributes = [("recipient", recipient), ("sender", sender.clone()), ("amount", amount)];
    ctx.announce(Event::new("transfer", attributes));
    ctx.announce(Event::new("message", [("sender", sender)]));
}

pub(super) fn minted(ctx: &mut Context, policy: Policy, reason: &str, to: &Address, coin: &Coin) {
    let (minter, amount) = (ctx.text(to), coin.to_string());
    let (policy, reason) = (policy.to_string(), reason.to_owned());
    let attributes = [("minter", minter), ("amount", amount), ("policy", policy), ("reason", reason)];
    ctx.announce(Event::new("coinbase", attributes));
}

pub(super) fn burned(ctx: &mut Context, reason: &str, from: &Address, coin: &Coin) {
    let (burner, amount) = (ctx.text(from), coin.to_string());
    ctx.announce(Event::new("burn", [("burner", burner), ("amount", amount), ("reason", reason.to_owned())]));
}
