//! `SIGN_MODE_LEGACY_AMINO_JSON`: what hardware wallets show and sign.
//!
//! The signed text is canonical JSON (sorted keys, no white space, Go's escapes) of chain id, account number, sequence,
//! fee, memo and messages (Cosmos SDK, `x/auth/migrations/legacytx`, `StdSignDoc`). A message stands there under its
//! amino name, with the JSON names of its Go type. What is at its default is left out, but for an endpoint's
//! `sequence_number` and coins; everything else is there, so that nothing is executed that was not signed. Messages
//! without an entry in the table are refused: they want `SIGN_MODE_DIRECT`.
//!
//! | module | what it holds |
//! |---|---|
//! | `messages` | the table: amino names and the fields of each message |
//! | `resources` | groups, resources and prices within them |
//! | `object` | a JSON object that leaves defaults out |

mod messages;
mod object;
mod resources;
#[cfg(test)]
mod tests;

use ledger::Rejection;
use proto::Any;
use proto::cosmos::base::v1beta1::Coin;
use proto::cosmos::tx::v1beta1::Fee;
use sdl::canonical;
use serde_json::{Value, json};

use object::Object;

/// What is signed beside the messages.
pub(super) struct Document<'t> {
    pub(super) chain_id: &'t str,
    pub(super) account_number: u64,
    pub(super) sequence: u64,
    pub(super) timeout_height: u64,
    pub(super) memo: &'t str,
    pub(super) fee: &'t Fee,
}

impl Document<'_> {
    /// The text of the document over messages that [`messages`] made.
    pub(super) fn text(&self, messages: Vec<Value>) -> String {
        let fee = Object::default()
            .text("granter", &self.fee.granter)
            .text("payer", &self.fee.payer)
            .put("amount", coins(&self.fee.amount))
            .put("gas", Value::from(self.fee.gas_limit.to_string()));
        let document = Object::default()
            .put("account_number", Value::from(self.account_number.to_string()))
            .put("chain_id", Value::from(self.chain_id))
            .put("fee", fee.value())
            .put("memo", Value::from(self.memo))
            .put("msgs", Value::Array(messages))
            .put("sequence", Value::from(self.sequence.to_string()))
            .number64("timeout_height", self.timeout_height);
        canonical::text(&document.value())
    }
}

/// Messages as they stand in the document: type and value.
///
/// # Errors
/// A message that has no amino form here, or a part of one.
pub(super) fn messages(messages: &[Any]) -> Result<Vec<Value>, Rejection> {
    messages.iter().map(messages::value).collect()
}

fn coins(coins: &[Coin]) -> Value {
    coins.iter().map(coin).collect()
}

fn coin(coin: &Coin) -> Value {
    json!({ "denom": coin.denom, "amount": coin.amount })
}

/// A part of a message that only `SIGN_MODE_DIRECT` covers.
fn unsupported(what: &str) -> Rejection {
    Rejection::unauthorized(format!("{what} cannot be signed as amino JSON on this chain: sign with SIGN_MODE_DIRECT"))
}
