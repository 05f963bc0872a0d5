//! Named points at which a test ends the process as a crash would, so that each phase of a lease can be cut off and not
//! only those that a killer happens to hit. Only debug builds have them: in a release build [`at`] is empty.

/// Name of the environment variable that holds the name of one point.
pub const CRASH_AT: &str = "TETRA_CRASH_AT";

/// Kills this process, without any cleaning, if the environment names this point.
#[cfg(debug_assertions)]
pub fn at(point: &str) {
    if std::env::var_os(CRASH_AT).is_some_and(|wanted| wanted == point) {
        // What a machine out of memory or an operator's `kill -9` does: nothing of this program runs any more.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Nothing: this is a release build.
#[cfg(not(debug_assertions))]
pub fn at(_: &str) {}
