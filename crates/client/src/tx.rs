//! Building and signing transactions (`SIGN_MODE_DIRECT`).

use primitives::Coins;
use proto::cosmos::base::v1beta1::Coin;
use proto::cosmos::crypto::secp256k1::PubKey;
use proto::cosmos::tx::signing::v1beta1::SignMode;
use proto::cosmos::tx::v1beta1::{AuthInfo, Fee, ModeInfo, SignDoc, SignerInfo, TxBody, TxRaw, mode_info};
use proto::{Any, Message, ToAny};

use crate::keys::SigningKey;

/// What a transaction says, before it is signed.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// What it asks for, in order.
    pub messages: Vec<Any>,
    /// A note.
    pub memo: String,
    /// What it pays.
    pub fee: Coins,
    /// Gas that it may use.
    pub gas_limit: u64,
    /// The last height at which it may be executed; zero is no limit.
    pub timeout_height: u64,
}

/// Protobuf coins of [`Coins`].
pub fn wire_coins(coins: &Coins) -> Vec<Coin> {
    let wire = |coin: primitives::Coin| Coin { denom: coin.denom.to_string(), amount: coin.amount.to_string() };
    coins.iter().map(wire).collect()
}

impl Draft {
    fn body(&self) -> Vec<u8> {
        let body = TxBody {
            messages: self.messages.clone(),
            memo: self.memo.clone(),
            timeout_height: self.timeout_height,
            ..TxBody::default()
        };
        body.encode_to_vec()
    }

    fn auth_info(&self, public_key: [u8; 33], sequence: u64) -> Vec<u8> {
        let direct = mode_info::Single { mode: SignMode::Direct as i32 };
        let signer = SignerInfo {
            public_key: Some(PubKey { key: public_key.to_vec() }.to_any()),
            mode_info: Some(ModeInfo { sum: Some(mode_info::Sum::Single(direct)) }),
            sequence,
        };
        let fee = Fee { amount: wire_coins(&self.fee), gas_limit: self.gas_limit, ..Fee::default() };
        AuthInfo { signer_infos: vec![signer], fee: Some(fee) }.encode_to_vec()
    }

    /// The bytes of the signed transaction.
    pub fn sign(&self, key: &SigningKey, chain_id: &str, account_number: u64, sequence: u64) -> Vec<u8> {
        let document = SignDoc {
            body_bytes: self.body(),
            auth_info_bytes: self.auth_info(key.public_key(), sequence),
            chain_id: chain_id.to_owned(),
            account_number,
        };
        let signature = key.sign(&document.encode_to_vec());
        let SignDoc { body_bytes, auth_info_bytes, .. } = document;
        TxRaw { body_bytes, auth_info_bytes, signatures: vec![signature.to_vec()] }.encode_to_vec()
    }

    /// The bytes for a simulation: everything but the signature.
    pub fn unsigned(&self, public_key: [u8; 33], sequence: u64) -> Vec<u8> {
        let (body_bytes, auth_info_bytes) = (self.body(), self.auth_info(public_key, sequence));
        TxRaw { body_bytes, auth_info_bytes, signatures: vec![Vec::new()] }.encode_to_vec()
    }
}
