//! Governed parameters of proofs: how values of different device classes may differ.

use ledger::{Context, Failure, Rejection};
use pricing::render::audit::{Classes, Limits};
use proto::tetra::render::v1::{ClassPair, Engine, ProofParams};

use super::state::PARAMS;
use crate::refusal::proof as refusal;

/// The most pairs of classes.
const MOST_PAIRS: usize = 256;

/// The limits of spec/render_ionet.md C2, and no pair of classes: nobody has measured one.
pub fn default() -> ProofParams {
    let limits = Limits::default();
    ProofParams {
        pairs: Vec::new(),
        same_values_micros: limits.accept,
        wrong_values_micros: limits.reject,
        same_error_micros: limits.error,
    }
}

/// Checks parameters of a message or of genesis.
///
/// # Errors
/// `render_proof` 8.
pub fn check(params: &ProofParams) -> Result<(), Rejection> {
    let named = |pair: &ClassPair| !pair.left.is_empty() && !pair.right.is_empty() && pair.left != pair.right;
    if params.pairs.len() > MOST_PAIRS || !params.pairs.iter().all(named) {
        return Err(refusal::invalid_param(format!("at most {MOST_PAIRS} pairs of two different classes are wanted")));
    }
    if params.same_values_micros >= params.wrong_values_micros || params.wrong_values_micros > 1_000_000 {
        return Err(refusal::invalid_param(
            "same_values_micros must be below wrong_values_micros, and that at most 10^6",
        ));
    }
    Ok(())
}

/// The parameters in force.
///
/// # Errors
/// When the state fails.
pub fn load(ctx: &Context) -> Result<ProofParams, Failure> {
    Ok(PARAMS.get(&ctx.state)?.unwrap_or_else(default))
}

/// The limits for the rule of verdicts.
pub fn limits(params: &ProofParams) -> Limits {
    Limits { accept: params.same_values_micros, error: params.same_error_micros, reject: params.wrong_values_micros }
}

/// How two devices relate: one class, or two that were measured against each other with the same engine and build.
pub fn classes(params: &ProofParams, left: &Engine, right: &Engine) -> Classes {
    if left == right {
        return Classes::Same;
    }
    let (a, b) = (&left.device_class, &right.device_class);
    let measured = |pair: &ClassPair| (&pair.left, &pair.right) == (a, b) || (&pair.left, &pair.right) == (b, a);
    let same_build = left.name == right.name && left.build == right.build;
    if same_build && params.pairs.iter().any(measured) { Classes::Measured } else { Classes::Unmeasured }
}

/// The classes that were measured against this one.
pub fn partners<'a>(params: &'a ProofParams, class: &'a str) -> impl Iterator<Item = &'a str> {
    params.pairs.iter().filter_map(move |pair| {
        let (left, right) = (pair.left.as_str(), pair.right.as_str());
        if left == class { Some(right) } else { (right == class).then_some(left) }
    })
}
