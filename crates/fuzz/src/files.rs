//! What tenants write.

use sdl::{ReceivedManifest, Sdl};

pub(crate) fn sdl(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(file) = Sdl::parse(text) else { return };
    let _ = file.lint();
    let summary = file.summary();
    assert!(!summary.groups.is_empty() || file.groups().is_empty(), "a summary leaves out groups");
    let manifest = file.manifest();
    let received = ReceivedManifest::parse(manifest.canonical_json().as_bytes());
    let received = received.unwrap_or_else(|error| panic!("its own manifest is refused: {error}"));
    assert_eq!(received.manifest, manifest, "a manifest changes on the way");
    assert!(received.digests.contains(&manifest.hash()), "a manifest's hash changes on the way");
    if file.validate().is_ok() {
        let groups = file.group_messages();
        sdl::limits::validate_groups(&groups).unwrap_or_else(|error| panic!("the chain would refuse it: {error}"));
        manifest.validate().unwrap_or_else(|error| panic!("a provider would refuse it: {error}"));
        let fits = manifest.matches_deployment(&groups);
        fits.unwrap_or_else(|error| panic!("groups and manifest of one file do not fit: {error}"));
    }
}

pub(crate) fn manifest(bytes: &[u8]) {
    let Ok(received) = ReceivedManifest::parse(bytes) else { return };
    let _ = received.manifest.validate();
    let again = ReceivedManifest::parse(received.manifest.canonical_json().as_bytes());
    let again = again.unwrap_or_else(|error| panic!("its canonical form is refused: {error}"));
    assert_eq!(again.manifest, received.manifest, "the canonical form says something else");
    assert_eq!(again.digests.typed, received.digests.typed);
}
