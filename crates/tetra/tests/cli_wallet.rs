//! `tetra wallet` without a node: keys are made, imported, listed and shown in a folder of the test.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use client::{Keystore, SigningKey};
use serde_json::Value;

/// Known to everybody; the address under the prefix `cosmos` is the one that every Cosmos wallet shows.
const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
const COSMOS_ADDRESS: &str = "cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn wallet(&self, arguments: &[&str], stdin: &str, passphrase: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tetra"));
        command.arg("wallet").args(arguments).env("TETRA_HOME", self.0.path()).env("TETRA_NODE", "http://127.0.0.1:1");
        for variable in ["TETRA_PASSPHRASE", "TETRA_FROM", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command.envs(passphrase.map(|text| ("TETRA_PASSPHRASE", text)));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses before it reads closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn json(&self, arguments: &[&str], passphrase: Option<&str>) -> Value {
        let output = self.wallet(&[arguments, &["-o", "json"]].concat(), "", passphrase);
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn keystore(&self) -> Keystore {
        Keystore::new(self.0.path().join("keys"))
    }

    /// What people see, without the folder of the test.
    fn shown(&self, output: &Output) -> String {
        let text = format!("{}{}", String::from_utf8(output.stdout.clone()).unwrap(), stderr(output));
        let text = text.replace(self.0.path().to_str().unwrap(), "HOME");
        format!("exit {}\n{text}", output.status.code().unwrap())
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The line of 24 words on stderr, if there is one.
fn words_of(output: &Output) -> Option<String> {
    let text = stderr(output);
    text.lines().find(|line| SigningKey::from_mnemonic(line, 0).is_ok()).map(str::to_owned)
}

#[test]
fn a_new_key_comes_back_from_its_words() {
    let (first, second) = (Home::new(), Home::new());
    let made = first.wallet(&["new", "mine", "--show-mnemonic", "-o", "json"], "", Some("horse"));
    assert!(made.status.success(), "{}", stderr(&made));
    let words = words_of(&made).expect("the words are shown");
    assert_eq!(words.split(' ').count(), 24);
    assert!(!String::from_utf8(made.stdout.clone()).unwrap().contains(&words), "words never go to stdout");
    let imported = second.wallet(&["import", "same", "-o", "json"], &format!("{words}\n"), Some("mule"));
    assert!(imported.status.success(), "{}", stderr(&imported));
    let address = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap()["address"].clone();
    assert_eq!(address(&made), address(&imported));
    assert_eq!(
        first.keystore().open("mine", Some("horse")).unwrap().public_key(),
        second.keystore().open("same", Some("mule")).unwrap().public_key()
    );
}

#[test]
fn the_words_do_not_reach_a_log_unasked() {
    let home = Home::new();
    let made = home.wallet(&["new", "mine"], "", Some("horse"));
    assert!(made.status.success());
    assert_eq!(words_of(&made), None);
    assert!(stderr(&made).contains("--show-mnemonic"), "{}", stderr(&made));
}

#[test]
fn an_imported_key_is_listed_and_shown() {
    let home = Home::new();
    let imported = home.wallet(&["import", "known", "--dev"], WORDS, None);
    insta::assert_snapshot!(home.shown(&imported));
    let secret = home.0.path().join("secret");
    std::fs::write(&secret, format!("{}\n", "07".repeat(32))).unwrap();
    let file = secret.to_str().unwrap();
    let imported = home.wallet(&["import", "sealed", "--private-key-file", file], "", Some("horse"));
    assert!(imported.status.success(), "{}", stderr(&imported));
    insta::assert_snapshot!(home.shown(&home.wallet(&["list"], "", None)));
    insta::assert_snapshot!(home.shown(&home.wallet(&["show", "known", "--prefix", "cosmos"], "", None)));
    assert_eq!(home.json(&["show", "known", "--prefix", "cosmos"], None)["address"], COSMOS_ADDRESS);
}

#[test]
fn a_locked_key_shows_its_public_key_only_with_the_passphrase() {
    let home = Home::new();
    assert!(home.wallet(&["import", "sealed"], WORDS, Some("horse")).status.success());
    let public_key = |passphrase| home.json(&["show", "sealed"], passphrase)["public_key"].clone();
    let wanted = hex::encode(SigningKey::from_mnemonic(WORDS, 0).unwrap().public_key());
    assert_eq!(public_key(None), Value::Null);
    assert_eq!(public_key(Some("mule")), Value::Null);
    assert_eq!(public_key(Some("horse")), wanted);
}

#[test]
fn what_cannot_be_a_key_is_refused_and_nothing_is_stored() {
    let home = Home::new();
    let refused = |arguments: &[&str], stdin: &str, passphrase| {
        let output = home.wallet(arguments, stdin, passphrase);
        assert!(output.stdout.is_empty(), "no data of a failure");
        home.shown(&output)
    };
    insta::assert_snapshot!("a_mistyped_word", refused(&["import", "a"], &WORDS.replace("about", "abuot"), Some("x")));
    insta::assert_snapshot!("no_words", refused(&["import", "a"], "", Some("x")));
    insta::assert_snapshot!("no_passphrase", refused(&["import", "a"], WORDS, Some("")));
    insta::assert_snapshot!(
        "no_secret_file",
        refused(&["import", "a", "--private-key-file", "/no/file"], "", Some("x"))
    );
    insta::assert_snapshot!("a_bad_name", refused(&["new", "../a"], "", Some("x")));
    insta::assert_snapshot!("an_unknown_key", refused(&["show", "a"], "", None));
    insta::assert_snapshot!("no_key_named", refused(&["show"], "", None));
    assert_eq!(home.keystore().list().unwrap(), Vec::new());
}

#[test]
fn a_key_is_never_overwritten() {
    let home = Home::new();
    assert!(home.wallet(&["import", "mine", "--dev"], WORDS, None).status.success());
    let before = home.keystore().info("mine").unwrap();
    let again = home.wallet(&["new", "mine", "--dev"], "", None);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("a key is named \"mine\" already"), "{}", stderr(&again));
    assert_eq!(home.keystore().info("mine").unwrap(), before);
}
