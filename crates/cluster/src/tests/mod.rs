mod attack;
mod faults;
mod proofs;
mod story;
mod support;
