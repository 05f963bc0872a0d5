//! What must hold for any input.

mod common;

use common::{SHARED_PROFILE, vector_b};
use proptest::prelude::*;
use sdl::manifest::Manifest;
use sdl::{ReceivedManifest, Sdl};

/// Manifests with arbitrary texts and numbers in the places where an author may write them.
fn manifest() -> impl Strategy<Value = Manifest> {
    let text = || proptest::option::of(proptest::collection::vec(".*", 0..3));
    (text(), text(), text(), ".*", any::<u32>(), any::<u64>()).prop_map(|(command, args, env, image, count, size)| {
        let mut manifest = Sdl::parse(&SHARED_PROFILE.replace("VERSION", "2.1")).unwrap().manifest();
        let service = &mut manifest.0[0].services[0];
        service.command = command;
        service.args = args;
        service.env = env;
        service.image = image;
        service.count = count;
        service.resources.memory.size.0 = size;
        service.expose[0].port = count;
        manifest
    })
}

proptest! {
    #[test]
    fn canonical_json_reads_back_as_the_same_manifest(manifest in manifest()) {
        let text = manifest.canonical_json();
        let received = ReceivedManifest::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(&received.manifest, &manifest);
        prop_assert_eq!(received.digests.as_received, manifest.hash());
        prop_assert_eq!(received.digests.typed, manifest.hash());
    }

    #[test]
    fn spacing_and_key_order_do_not_change_the_digests(manifest in manifest()) {
        let received = ReceivedManifest::parse(manifest.pretty_json().as_bytes()).unwrap();
        prop_assert!(received.digests.contains(&manifest.hash()));
    }

    #[test]
    fn any_text_is_answered(text in "\\PC*") {
        let _ = Sdl::parse(&text);
    }

    #[test]
    fn any_yaml_like_text_is_answered(text in "([a-z&*!|>'\"{}\\[\\],:#<-]|\\n|  |: |- |null|0){0,80}") {
        let _ = Sdl::parse(&text);
    }

    /// A file with a piece cut out or doubled is refused or read, and what is read can be built and checked.
    #[test]
    fn any_damaged_file_is_answered(start in 0usize..900, length in 0usize..40, double: bool) {
        for text in [vector_b(), SHARED_PROFILE.replace("VERSION", "2.0")] {
            let characters: Vec<char> = text.chars().collect();
            let start = start.min(characters.len());
            let end = (start + length).min(characters.len());
            let kept = if double { characters.len() } else { start };
            let (head, tail) = if double { (&characters[..end], &characters[start..]) } else {
                (&characters[..kept], &characters[end..])
            };
            let damaged: String = head.iter().chain(tail).collect();
            if let Ok(sdl) = Sdl::parse(&damaged) {
                let _ = (sdl.validate(), sdl.lint(), sdl.summary());
            }
        }
    }
}

#[test]
fn deep_and_growing_documents_are_refused() {
    let deep = format!("version: {}", "[".repeat(100_000));
    assert!(Sdl::parse(&deep).is_err());
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
    }
    let error = Sdl::parse(&bomb).unwrap_err();
    assert!(error.to_string().contains("grows beyond"), "{error}");
}
