//! Long work, away from where tasks wait.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does work that takes long or waits for a disk. On a runtime with several threads, the other tasks of this one move
/// elsewhere meanwhile; where there is one thread alone, as in a simulation, they wait.
pub(crate) fn block_in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
