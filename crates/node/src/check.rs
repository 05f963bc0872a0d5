//! What the mempool asks: admission. Sequences ahead of the account's pass here, since peers deliver out of order and a
//! block never takes a gap; what clients hand in must follow what waits, which the pool sees to.

use std::sync::Arc;

use app::SignedTx;
use async_trait::async_trait;
use bytes::Bytes;
use ledger::Failure;
use mempool::{CheckKind, CheckTx, Checked, Fault, Rejection};

use crate::chain::Chain;

pub(crate) struct Admissions {
    pub(crate) chain: Arc<Chain>,
}

fn rejected(rejection: ledger::Rejection, gas_wanted: u64, fault: Fault) -> Rejection {
    Rejection {
        code: rejection.code,
        codespace: rejection.codespace.to_owned(),
        log: rejection.message,
        gas_wanted,
        fault,
    }
}

/// Admits a transaction as the next block would: form, limits, signatures, sequence, fee.
///
/// # Errors
/// Why the next block would refuse it.
pub fn admit(chain: &Chain, raw: &[u8]) -> Result<Checked, Rejection> {
    let tx = SignedTx::decode(raw).map_err(|why| rejected(why, 0, Fault::Malformed))?;
    let gas_wanted = tx.gas_limit;
    let state_fault = |why: ledger::Rejection| rejected(why, gas_wanted, Fault::State);
    let broken = |error: &dyn std::fmt::Display| {
        state_fault(ledger::Rejection::new("sdk", 1, format!("the node cannot read its state: {error}")))
    };
    let limits = chain.limits();
    if gas_wanted > limits.max_block_gas {
        let text = format!("a gas limit of {gas_wanted}: a block holds {}", limits.max_block_gas);
        return Err(state_fault(ledger::Rejection::new("sdk", 11, text)));
    }
    let reader = chain.latest().map_err(|error| broken(&error))?;
    let context = chain.app().next(&reader).map_err(|error| broken(&error))?;
    let checks = chain.app().signature_checks(&context, &tx);
    let verdicts = chain.signatures().answer(checks);
    let admission = chain.app().check(&reader, &tx, &verdicts).map_err(|failure| match failure {
        Failure::Rejected(why) => state_fault(why),
        Failure::Broken(error) => broken(&error),
    })?;
    Ok(Checked {
        sender: Bytes::copy_from_slice(admission.sender.as_bytes()),
        sequence: admission.sequence,
        expected: admission.expected_sequence,
        gas_wanted,
        priority: admission.priority,
    })
}

#[async_trait]
impl CheckTx for Admissions {
    async fn check(&self, tx: &[u8], _: CheckKind) -> Result<Checked, Rejection> {
        admit(&self.chain, tx)
    }
}
