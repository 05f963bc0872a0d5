//! The market of renders, with real Blender; says so where it is not installed.

mod faults;
mod market;
mod review;
mod split;
mod stage;
mod store;
