//! Canonical decoding.

use ledger::Rejection;
use ledger::accounts::keys::PublicKey;
use primitives::Coins;
use proto::cosmos::tx::signing::v1beta1::SignMode;
use proto::cosmos::tx::v1beta1::{AuthInfo, Fee, SignDoc, SignerInfo, TxBody, TxRaw, mode_info};
use proto::{Any, Message};
use serde_json::Value;

use super::amino::{self, Document};
use super::{TxHash, hash};

const MOST_MESSAGES: usize = 100;

/// A transaction that decodes canonically and has the shape that the chain accepts. Signatures are not verified yet.
#[derive(Clone, Debug)]
pub struct SignedTx {
    /// SHA-256 of its bytes.
    pub hash: TxHash,
    /// Bytes that it takes in a block.
    pub size: usize,
    /// What it asks for, in order; at least one.
    pub messages: Vec<Any>,
    /// A note.
    pub memo: String,
    /// The last height at which it may be executed; zero is no limit.
    pub timeout_height: u64,
    /// What it pays, whether it succeeds or not.
    pub fee: Coins,
    /// Bech32 text of who pays, empty for the first signer.
    pub payer: String,
    /// Gas that it may use.
    pub gas_limit: u64,
    /// Who signs, in order.
    pub signers: Vec<Signer>,
    body_bytes: Vec<u8>,
    auth_info_bytes: Vec<u8>,
    /// What amino signatures cover beside the fee's checked coins; `None` where nobody signs so.
    amino: Option<Amino>,
}

/// The parts of a transaction as amino JSON signs them.
#[derive(Clone, Debug)]
struct Amino {
    messages: Vec<Value>,
    fee: Fee,
}

/// What of a transaction a signature covers, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignForm {
    /// `SIGN_MODE_DIRECT`: the bytes themselves.
    Direct,
    /// `SIGN_MODE_LEGACY_AMINO_JSON`: a JSON text, for wallets that show what they sign.
    AminoJson,
}

/// One signature of a transaction.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The key, if the transaction carries it.
    pub key: Option<PublicKey>,
    /// How many transactions the account has signed before.
    pub sequence: u64,
    /// What the signature covers.
    pub form: SignForm,
    /// 64 bytes; empty in a simulation.
    pub signature: Vec<u8>,
}

impl SignedTx {
    /// Decodes a transaction.
    ///
    /// # Errors
    /// `sdk` 2 when the bytes do not decode or are not canonical, or another `sdk` code that says which rule of
    /// the shape is broken.
    pub fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let raw: TxRaw = canonical(bytes, "the transaction")?;
        let body: TxBody = canonical(&raw.body_bytes, "its body")?;
        let auth: AuthInfo = canonical(&raw.auth_info_bytes, "its auth info")?;
        refuse_unsupported(&body)?;
        if body.messages.is_empty() {
            return Err(Rejection::invalid_request("the transaction carries no message"));
        }
        if body.messages.len() > MOST_MESSAGES {
            let text = format!("{} messages: a transaction carries at most {MOST_MESSAGES}", body.messages.len());
            return Err(Rejection::invalid_request(text));
        }
        let fee = auth.fee.unwrap_or_default();
        if !fee.granter.is_empty() {
            return Err(Rejection::invalid_request("this chain has no fee grants yet: leave the granter empty"));
        }
        if auth.signer_infos.len() != raw.signatures.len() {
            let text = format!("{} signers, {} signatures", auth.signer_infos.len(), raw.signatures.len());
            return Err(Rejection::unauthorized(format!("wrong number of signatures: {text}")));
        }
        let pairs = auth.signer_infos.into_iter().zip(raw.signatures);
        let signers: Vec<Signer> = pairs.map(|(info, signature)| signer(info, signature)).collect::<Result<_, _>>()?;
        let amino = match signers.iter().any(|signer| signer.form == SignForm::AminoJson) {
            true => Some(Amino { messages: amino::messages(&body.messages)?, fee: fee.clone() }),
            false => None,
        };
        let coins = fee.amount.iter().map(|coin| (coin.denom.as_str(), coin.amount.as_str()));
        let coins = Coins::from_wire(coins).map_err(|error| Rejection::invalid_coins(error.to_string()))?;
        Ok(Self {
            hash: hash(bytes),
            size: bytes.len(),
            messages: body.messages,
            memo: body.memo,
            timeout_height: body.timeout_height,
            fee: coins,
            payer: fee.payer,
            gas_limit: fee.gas_limit,
            signers,
            body_bytes: raw.body_bytes,
            auth_info_bytes: raw.auth_info_bytes,
            amino,
        })
    }

    /// The bytes that one of its signers signs.
    pub fn sign_bytes(&self, chain_id: &str, account_number: u64, form: SignForm, sequence: u64) -> Vec<u8> {
        if let (SignForm::AminoJson, Some(Amino { messages, fee })) = (form, &self.amino) {
            let (timeout_height, memo) = (self.timeout_height, self.memo.as_str());
            let document = Document { chain_id, account_number, sequence, timeout_height, memo, fee };
            return document.text(messages.clone()).into_bytes();
        }
        let document = SignDoc {
            body_bytes: self.body_bytes.clone(),
            auth_info_bytes: self.auth_info_bytes.clone(),
            chain_id: chain_id.to_owned(),
            account_number,
        };
        document.encode_to_vec()
    }
}

fn canonical<M: Message + Default>(bytes: &[u8], what: &str) -> Result<M, Rejection> {
    proto::canonical(bytes).map_err(|error| Rejection::new("sdk", 2, format!("{what} {error}")))
}

fn refuse_unsupported(body: &TxBody) -> Result<(), Rejection> {
    if body.unordered || body.timeout_timestamp.is_some() {
        let text = "unordered transactions are not supported: use the account's sequence and timeout_height";
        return Err(Rejection::invalid_request(text));
    }
    if !body.extension_options.is_empty() || !body.non_critical_extension_options.is_empty() {
        return Err(Rejection::new("sdk", 29, "extension options are not supported"));
    }
    Ok(())
}

fn signer(info: SignerInfo, signature: Vec<u8>) -> Result<Signer, Rejection> {
    let mode = match info.mode_info.and_then(|mode| mode.sum) {
        Some(mode_info::Sum::Single(single)) => single.mode,
        Some(mode_info::Sum::Multi(_)) => {
            return Err(Rejection::unauthorized("multi-signature accounts are not supported yet"));
        }
        None => SignMode::Unspecified as i32,
    };
    let form = match SignMode::try_from(mode) {
        Ok(SignMode::Direct) => SignForm::Direct,
        Ok(SignMode::LegacyAminoJson) => SignForm::AminoJson,
        // Simulations leave the mode out; they carry no signature to interpret.
        Ok(SignMode::Unspecified) if signature.is_empty() => SignForm::Direct,
        _ => {
            return Err(Rejection::unauthorized(format!(
                "sign mode {mode} is not supported: sign with SIGN_MODE_DIRECT ({}) or SIGN_MODE_LEGACY_AMINO_JSON ({})",
                SignMode::Direct as i32,
                SignMode::LegacyAminoJson as i32
            )));
        }
    };
    let key = info.public_key.as_ref().map(PublicKey::from_any).transpose();
    let key = key.map_err(|error| Rejection::new("sdk", 8, error.to_string()))?;
    if key.map(|key| key.to_any()) != info.public_key {
        return Err(Rejection::new("sdk", 8, "the public key is not canonical protobuf"));
    }
    Ok(Signer { key, sequence: info.sequence, form, signature })
}
