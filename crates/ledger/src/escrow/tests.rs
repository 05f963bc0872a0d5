//! What escrow does, room by room; the model of all of it together is in `model_tests`.

mod accounts;
mod exhaustion;
mod genesis;
mod milliseconds;
mod payments;
mod queries;
mod refusals;
mod stored;
mod support;
