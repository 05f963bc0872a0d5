//! What a transaction goes through.
//!
//! Admission (the same in the mempool and in a block): time-out, signers, keys, sequences, signatures, fee. A failure
//! there costs nothing and changes nothing. Then the messages run in order on a layer of their own; if one fails, all
//! of their writes are discarded, while the fee and the sequences stay taken. Gas is a function of the work done on the
//! state and of the transaction's size, so that a simulation and the real run agree.

use ledger::accounts::keys::PublicKey;
use ledger::fees::{GasSchedule, TxShape};
use ledger::{Context, Event, Failure, Rejection, accounts, fees};
use primitives::Address;
use proto::cosmos::base::abci::v1beta1::TxMsgData;
use proto::{Any, Message};
use store::Work;

use crate::App;
use crate::routing::route_outcomes;
use crate::tx::{SignForm, SignatureCheck, SignedTx, Verdicts};

/// What became of a transaction: CometBFT's `ExecTxResult`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxResult {
    /// Zero when it succeeded.
    pub code: u32,
    /// Whose code it is; empty on success.
    pub codespace: String,
    /// What went wrong, in words; on success empty, or the events as the older Akash API tells them.
    pub log: String,
    /// Encoded `TxMsgData` with one response a message; empty on failure.
    pub data: Vec<u8>,
    /// The gas limit that it carried.
    pub gas_wanted: u64,
    /// The gas that it used.
    pub gas_used: u64,
    /// What it announced.
    pub events: Vec<Event>,
}

/// What the mempool learns of an admissible transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The account whose sequence orders it.
    pub sender: Address,
    /// That account's sequence in the transaction.
    pub sequence: u64,
    /// The next sequence that the chain expects of the account.
    pub expected_sequence: u64,
    /// The gas that it may use.
    pub gas_limit: u64,
    /// Fee per unit of gas in the first priced denom, in millionths of a base unit, rounded down.
    pub priority: u128,
}

/// Of either kind of key.
const SIGNATURE_BYTES: usize = 64;

/// Which checks of admission apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All of them; sequences must be exactly the next.
    Execute,
    /// All of them; sequences may lie ahead, behind transactions that still wait.
    Admit,
    /// No signatures and no fee.
    Simulate,
}

struct SigningAccount {
    address: Address,
    key: PublicKey,
    number: u64,
    sequence: u64,
    form: SignForm,
    expected: u64,
    new_key: bool,
    signature: Vec<u8>,
}

fn sequence_mismatch(expected: u64, got: u64) -> Rejection {
    let text = format!("account sequence mismatch, expected {expected}, got {got}: incorrect account sequence");
    Rejection::new("sdk", 32, text)
}

impl App {
    /// The accounts that must sign, in the order in which the messages name them.
    fn required_signers(&self, context: &Context, tx: &SignedTx) -> Result<Vec<Address>, Failure> {
        let mut required = Vec::new();
        for message in &tx.messages {
            let signer = context.address(&self.call(message)?.signer()?)?;
            if !required.contains(&signer) {
                required.push(signer);
            }
        }
        if !tx.payer.is_empty() {
            let payer = context.address(&tx.payer)?;
            if !required.contains(&payer) {
                required.push(payer);
            }
        }
        Ok(required)
    }

    fn signing_accounts(&self, context: &Context, tx: &SignedTx) -> Result<Vec<SigningAccount>, Failure> {
        let required = self.required_signers(context, tx)?;
        if required.len() != tx.signers.len() {
            let text = format!("{} accounts must sign, {} did", required.len(), tx.signers.len());
            return Err(Rejection::unauthorized(format!("wrong number of signers: {text}")).into());
        }
        let mut accounts = Vec::with_capacity(required.len());
        for (address, signer) in required.into_iter().zip(&tx.signers) {
            let text = context.text(&address);
            let account = accounts::get(context, &address)?.ok_or_else(|| {
                Rejection::new("sdk", 9, format!("account {text} does not exist: send it some coins first"))
            })?;
            let stored = accounts::public_key(&account)?;
            let key = signer.key.or(stored).ok_or_else(|| {
                let text = format!("account {text} has not shown its public key yet: put it into the transaction");
                Rejection::new("sdk", 8, text)
            })?;
            if key.address() != address {
                let text = format!("the public key does not belong to account {text}");
                return Err(Rejection::new("sdk", 8, text).into());
            }
            accounts.push(SigningAccount {
                address,
                key,
                number: account.number,
                sequence: signer.sequence,
                form: signer.form,
                expected: account.sequence,
                new_key: stored.is_none(),
                signature: signer.signature.clone(),
            });
        }
        Ok(accounts)
    }

    /// The signature checks that a transaction needs, as far as the state can tell; none if it fails admission
    /// for another reason.
    pub fn signature_checks(&self, context: &Context, tx: &SignedTx) -> Vec<SignatureCheck> {
        let accounts = self.signing_accounts(context, tx).unwrap_or_default();
        accounts.into_iter().map(|account| self.check_of(tx, &account)).collect()
    }

    fn check_of(&self, tx: &SignedTx, account: &SigningAccount) -> SignatureCheck {
        SignatureCheck {
            tx: tx.hash,
            key: account.key,
            account_number: account.number,
            sign_bytes: tx.sign_bytes(&self.chain.id, account.number, account.form, account.sequence),
            signature: account.signature.clone(),
        }
    }

    /// Admission: checks a transaction and, when it passes, takes its fee and its sequences.
    pub(crate) fn admit(
        &self,
        context: &mut Context,
        tx: &SignedTx,
        verdicts: &Verdicts,
        mode: Mode,
    ) -> Result<Admission, Failure> {
        if tx.timeout_height != 0 && context.block.height > tx.timeout_height {
            let text = format!("it was valid up to height {}, this is {}", tx.timeout_height, context.block.height);
            return Err(Rejection::new("sdk", 30, text).into());
        }
        check_limits(accounts::params(context)?, tx)?;
        let accounts = self.signing_accounts(context, tx)?;
        for account in &accounts {
            let behind = account.sequence < account.expected;
            let ahead = account.sequence > account.expected;
            if behind || (ahead && mode != Mode::Admit) {
                return Err(sequence_mismatch(account.expected, account.sequence).into());
            }
            if mode != Mode::Simulate && !verdicts.answer(&self.check_of(tx, account)) {
                let text = format!(
                    "signature verification failed for {}: check chain id ({}), account number ({}) and sequence ({})",
                    context.text(&account.address),
                    self.chain.id,
                    account.number,
                    account.expected
                );
                return Err(Rejection::unauthorized(text).into());
            }
        }
        let sender = accounts.first().ok_or_else(|| Rejection::unauthorized("nobody signed"))?;
        let admission = Admission {
            sender: sender.address,
            sequence: sender.sequence,
            expected_sequence: sender.expected,
            gas_limit: tx.gas_limit,
            priority: fees::params(context)?.priority(&tx.fee, tx.gas_limit),
        };
        if mode != Mode::Simulate {
            let payer = if tx.payer.is_empty() { sender.address } else { context.address(&tx.payer)? };
            fees::charge(context, &payer, &tx.fee, tx.gas_limit)?;
        }
        for account in &accounts {
            if account.new_key {
                accounts::set_public_key(context, &account.address, &account.key)?;
            }
            accounts::bump_sequence(context, &account.address)?;
        }
        Ok(admission)
    }

    /// Runs a transaction on the block's state.
    ///
    /// # Errors
    /// Only when the state itself fails; a refused transaction is a result.
    pub(crate) fn run(
        &self,
        context: &mut Context,
        bytes: &[u8],
        verdicts: &Verdicts,
        mode: Mode,
    ) -> Result<TxResult, store::Error> {
        context.events.clear();
        let tx = match SignedTx::decode(bytes) {
            Ok(tx) => tx,
            Err(rejection) => return Ok(refused(&rejection, 0, 0, Vec::new())),
        };
        let admitted = context.attempt(|context| self.admit(context, &tx, verdicts, mode));
        if let Err(failure) = admitted {
            return Ok(refused(&rejection_of(failure)?, tx.gas_limit, 0, Vec::new()));
        }
        // Admission is covered by the flat part of the gas schedule, so that a simulation, which skips some of it,
        // comes to the same sum.
        let schedule = match fees::params(context) {
            Ok(params) => params.gas,
            Err(failure) => return Ok(refused(&rejection_of(failure)?, tx.gas_limit, 0, Vec::new())),
        };
        let meter = Meter::start(schedule, &tx, context.state.work());
        let paid = std::mem::take(&mut context.events);
        let limit = if mode == Mode::Simulate { u64::MAX } else { tx.gas_limit };
        let outcome = context.attempt(|context| self.run_messages(context, &tx, &meter, limit));
        let used = meter.used(context.state.work());
        let mut events = paid;
        match outcome {
            Ok(responses) => {
                events.append(&mut context.events);
                let data = TxMsgData { data: Vec::new(), msg_responses: responses }.encode_to_vec();
                let log = self.success_log(&tx, &events);
                Ok(TxResult { log, data, gas_wanted: tx.gas_limit, gas_used: used, events, ..TxResult::default() })
            }
            Err(failure) => {
                context.outcomes.clear();
                Ok(refused(&rejection_of(failure)?, tx.gas_limit, used, events))
            }
        }
    }

    fn run_messages(
        &self,
        context: &mut Context,
        tx: &SignedTx,
        meter: &Meter,
        limit: u64,
    ) -> Result<Vec<Any>, Failure> {
        let mut responses = Vec::with_capacity(tx.messages.len());
        for (index, message) in tx.messages.iter().enumerate() {
            let first_event = context.events.len();
            let call = self.call(message)?;
            let sender = call.signer()?;
            let module = message.type_url.trim_start_matches('/').split('.').nth(1).unwrap_or_default();
            context.announce(Event::new(
                "message",
                [("action", message.type_url.clone()), ("sender", sender), ("module", module.to_owned())],
            ));
            let response = call.run(context).and_then(|response| {
                route_outcomes(context)?;
                Ok(response)
            });
            responses.push(response.map_err(|failure| at_message(failure, index))?);
            for event in context.events.iter_mut().skip(first_event) {
                event.attributes.push(("msg_index".to_owned(), index.to_string()));
            }
            let used = meter.used(context.state.work());
            if used > limit {
                let text = format!("out of gas: {used} used after message {index}, the limit is {limit}");
                return Err(Rejection::new("sdk", 11, text).into());
            }
        }
        Ok(responses)
    }
}

/// Gas of one transaction: its shape, and the work done on the state since admission.
struct Meter {
    schedule: GasSchedule,
    shape: TxShape,
    before: Work,
}

impl Meter {
    fn start(schedule: GasSchedule, tx: &SignedTx, before: Work) -> Self {
        // A simulation has its signatures still to come.
        let unsigned = tx.signers.iter().filter(|signer| signer.signature.is_empty()).count();
        let bytes = (tx.size + unsigned * SIGNATURE_BYTES) as u64;
        let shape = TxShape { bytes, signatures: tx.signers.len() as u64 };
        Self { schedule, shape, before }
    }

    fn used(&self, now: Work) -> u64 {
        let done = Work {
            reads: now.reads - self.before.reads,
            read_bytes: now.read_bytes - self.before.read_bytes,
            writes: now.writes - self.before.writes,
            written_bytes: now.written_bytes - self.before.written_bytes,
        };
        self.schedule.gas_of(self.shape, done)
    }
}

fn check_limits(limits: accounts::Params, tx: &SignedTx) -> Result<(), Rejection> {
    let (memo, signatures) = (tx.memo.len() as u64, tx.signers.len() as u64);
    if memo > limits.max_memo_characters {
        let text = format!("a memo of {memo} bytes: at most {} are allowed", limits.max_memo_characters);
        return Err(Rejection::new("sdk", 12, text));
    }
    if signatures > limits.tx_sig_limit {
        let text = format!("{signatures} signatures: at most {} are allowed", limits.tx_sig_limit);
        return Err(Rejection::new("sdk", 14, text));
    }
    Ok(())
}

fn at_message(failure: Failure, index: usize) -> Failure {
    match failure {
        Failure::Rejected(mut rejection) => {
            rejection.message = format!("failed to execute message; message index: {index}: {}", rejection.message);
            rejection.into()
        }
        broken @ Failure::Broken(_) => broken,
    }
}

fn rejection_of(failure: Failure) -> Result<Rejection, store::Error> {
    match failure {
        Failure::Rejected(rejection) => Ok(rejection),
        Failure::Broken(error) => Err(error),
    }
}

fn refused(rejection: &Rejection, gas_wanted: u64, gas_used: u64, events: Vec<Event>) -> TxResult {
    TxResult {
        code: rejection.code,
        codespace: rejection.codespace.to_owned(),
        log: rejection.message.clone(),
        data: Vec::new(),
        gas_wanted,
        gas_used,
        events,
    }
}
