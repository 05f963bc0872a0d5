//! The container shim as a program of its own, for tests and for agents that prefer it to
//! re-executing themselves.

fn main() {
    workload::shim::run_if_asked();
    eprintln!(
        "workload-shim is started by the provider agent, with `{}` and a job file",
        workload::shim::SHIM_ARGUMENT
    );
    std::process::exit(2);
}
