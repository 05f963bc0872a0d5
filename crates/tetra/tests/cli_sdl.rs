//! `tetra sdl` as people run it: what stands on stdout, what on stderr, and the exit code.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const HELLO: &str = include_str!("../../sdl/tests/data/hello.yaml");

/// A folder with one file, so that messages name the same file wherever the tests run.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(name: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        Self(folder)
    }

    fn sdl(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tetra"));
        command.arg("sdl").args(arguments).current_dir(self.0.path()).env("TETRA_HOME", self.0.path());
        // No node is there, and none is needed.
        command.env("TETRA_NODE", "http://127.0.0.1:1").env_remove("RUST_LOG");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    format!("exit {code}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}

fn hello(arguments: &[&str]) -> Output {
    Folder::with("hello.yaml", HELLO).sdl(arguments, "")
}

/// The refusal of a file that has one line of `hello.yaml` written another way.
fn with_mistake(from: &str, to: &str) -> String {
    assert!(HELLO.contains(from), "{from:?} is not in the file");
    let output = Folder::with("bad.yaml", &HELLO.replacen(from, to, 1)).sdl(&["check", "bad.yaml"], "");
    assert!(output.stdout.is_empty(), "a refused file has no data");
    shown(&output)
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

#[test]
fn check_says_what_a_file_asks_for() {
    insta::assert_snapshot!(shown(&hello(&["check", "hello.yaml"])));
    insta::assert_snapshot!(shown(&hello(&["check", "hello.yaml", "-o", "json"])));
}

#[test]
fn the_steps_to_the_hash_are_shown() {
    insta::assert_snapshot!(shown(&hello(&["groups", "hello.yaml"])));
    insta::assert_snapshot!(shown(&hello(&["manifest", "hello.yaml"])));
    insta::assert_snapshot!(shown(&hello(&["hash", "hello.yaml"])));
    insta::assert_snapshot!(shown(&hello(&["hash", "hello.yaml", "-o", "json"])));
}

#[test]
fn the_manifest_is_what_is_hashed_in_either_form() {
    let plain = hello(&["manifest", "hello.yaml"]).stdout;
    assert_eq!(plain, hello(&["manifest", "hello.yaml", "-o", "json"]).stdout);
    let text = String::from_utf8(plain).unwrap();
    let digest = sdl::canonical::sha256(text.trim_end());
    let hash = String::from_utf8(hello(&["hash", "hello.yaml"]).stdout).unwrap();
    assert_eq!(hash.trim_end(), hex::encode(digest));
}

#[test]
fn groups_are_json_in_either_form() {
    let parsed = |arguments| serde_json::from_slice::<Value>(&hello(arguments).stdout).unwrap();
    assert_eq!(parsed(&["groups", "hello.yaml"]), parsed(&["groups", "hello.yaml", "-o", "json"]));
}

#[test]
fn a_file_is_read_from_stdin() {
    let output = Folder::with("unused", "").sdl(&["hash", "-"], HELLO);
    assert_eq!(shown(&output), shown(&hello(&["hash", "hello.yaml"])));
    let refused = Folder::with("unused", "").sdl(&["hash", "-"], "services: {}\n");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().starts_with("error: stdin: "));
}

#[test]
fn mistakes_are_refused_with_their_place_and_the_remedy() {
    insta::assert_snapshot!("a_syntax_error", with_mistake("services:", "services: ["));
    insta::assert_snapshot!("a_wrong_value", with_mistake("units: 0.5", "units: many"));
    insta::assert_snapshot!("an_unknown_profile", with_mistake("profile: small", "profile: smal"));
    insta::assert_snapshot!("nothing_to_reach", with_mistake("global: true", "global: false"));
}

#[test]
fn a_file_that_is_no_deployment_file_is_refused() {
    insta::assert_snapshot!(shown(&hello(&["check", "missing.yaml"])));
    let output = Folder::with("big.yaml", &" ".repeat(2 << 20)).sdl(&["check", "big.yaml"], "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn strict_makes_warnings_errors() {
    let warned = HELLO.replacen("image: nginx:1.27", "image: nginx:1.27\n    imagePull: always", 1);
    let folder = Folder::with("warned.yaml", &warned);
    assert_eq!(folder.sdl(&["check", "warned.yaml"], "").status.code(), Some(0));
    let strict = folder.sdl(&["check", "warned.yaml", "--strict"], "");
    assert!(strict.stdout.is_empty());
    insta::assert_snapshot!(shown(&strict));
    assert_eq!(hello(&["check", "hello.yaml", "--strict"]).status.code(), Some(0));
}

#[test]
fn our_examples_can_be_deployed() {
    let folder = Folder::with("unused", "");
    for name in ["hello-web", "two-services", "env-command"] {
        let path = examples().join(name).join("deploy.yaml");
        let output = folder.sdl(&["check", path.to_str().unwrap()], "");
        assert!(output.status.success(), "{name}: {}", shown(&output));
    }
}
