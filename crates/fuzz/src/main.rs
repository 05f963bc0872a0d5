//! libFuzzer's entry: the target that the environment names.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// Set by `cargo xtask fuzz`.
const CHOICE: &str = "TETRA_FUZZ_TARGET";

static TARGET: LazyLock<&'static fuzz::Target> = LazyLock::new(|| {
    let names = || fuzz::TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    let name = std::env::var(CHOICE).unwrap_or_default();
    let found = fuzz::target(&name);
    found.unwrap_or_else(|| panic!("{CHOICE}={name:?} is no target; they are {}", names()))
});

fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
