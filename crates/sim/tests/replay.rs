//! A seed that fails is played again by the command that it prints, and fails at the same thing after the same trace.

use std::process::Command;

/// Exit code, output and errors of `chaos` with these arguments.
fn chaos(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_chaos")).args(arguments).env_remove("RUST_LOG").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_printed_command_plays_a_failing_seed_again() {
    // With nobody honest no block comes, whatever the seed.
    let (held, _, said) = chaos(&["--seeds", "2", "--from", "7", "--liars", "4"]);
    assert!(!held, "{said}");
    let lines: Vec<&str> = said.lines().collect();
    let [why, again] = *lines.windows(2).find(|pair| pair[1].contains("again: ")).unwrap() else { unreachable!() };
    assert!(!said.contains("two runs differ"), "{said}");

    let command = again.trim().strip_prefix("again: cargo xtask chaos ").unwrap();
    let arguments: Vec<&str> = command.split(' ').collect();
    let (held, trace, said) = chaos(&arguments);
    assert!(!held && said.contains(why), "first: {why}\nagain: {said}");

    // `…; at SECONDS s, after COUNT happenings of trace HASH`: each is a line of the printed trace.
    let count: usize = why.split(" after ").last().unwrap().split(' ').next().unwrap().parse().unwrap();
    let happenings = |trace: &str| trace.lines().filter(|line| !line.contains(" seeds from ")).count();
    assert_eq!(happenings(&trace), count, "{why}");
    // The last line tells how long it took.
    let without_time = |trace: &str| trace.rsplit_once(" seeds from ").unwrap().0.to_owned();
    let (_, second, _) = chaos(&arguments);
    assert!(without_time(&trace) == without_time(&second), "the same trace twice");
}

#[test]
fn a_seed_that_holds_prints_the_same_trace_twice() {
    let play = || {
        let (held, trace, said) = chaos(&["--seed", "3", "--trace"]);
        assert!(held, "{said}");
        trace.rsplit_once(" seeds from ").unwrap().0.to_owned()
    };
    let trace = play();
    assert!(trace.contains("has block 3") && trace.contains("happenings: "), "{trace:.2000}");
    assert!(trace == play());
}
