mod appeals;
mod attack;
mod economy;
mod faults;
mod proofs;
mod slices;
mod story;
mod support;
