//! Registries into the store, by the OCI distribution protocol.

use std::fs;
use std::io::Write;

use futures::TryStreamExt;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use sha2::{Digest as _, Sha256};

use super::format::{Digest, Manifest};
use super::store::{HashingWriter, ImageStore};
use crate::error::{Error, IoContext, Result};
use crate::spec::Credentials;

/// Pulls an image and returns its manifest's digest.
pub(super) async fn pull(
    store: &ImageStore,
    reference: &Reference,
    credentials: Option<&Credentials>,
    plain_http_registries: &[String],
) -> Result<Digest> {
    // The HTTP client is built without a TLS provider of its own; one that was installed before stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::new(ClientConfig {
        protocol: ClientProtocol::HttpsExcept(plain_http_registries.to_vec()),
        ..ClientConfig::default()
    });
    let auth = match credentials {
        Some(Credentials { username, password }) => RegistryAuth::Basic(username.clone(), password.clone()),
        None => RegistryAuth::Anonymous,
    };
    let failed = |error| Error::image(reference.to_string(), error);
    // Resolves an index to this machine's platform.
    let (parsed, digest, config) = client.pull_manifest_and_config(reference, &auth).await.map_err(failed)?;
    let by_digest = reference.clone_with_digest(digest.clone());
    let accepted = [oci_client::manifest::OCI_IMAGE_MEDIA_TYPE, oci_client::manifest::IMAGE_MANIFEST_MEDIA_TYPE];
    let (raw, _) = client.pull_manifest_raw(&by_digest, &auth, &accepted).await.map_err(failed)?;
    let digest: Digest = digest.parse()?;
    store.add_blob(raw.as_ref(), Some(&digest))?;
    let manifest: Manifest = store.manifest(&digest)?;
    store.add_blob(config.as_bytes(), Some(&manifest.config.digest))?;
    for layer in &parsed.layers {
        pull_layer(store, &client, reference, layer).await?;
    }
    store.name(&reference.whole(), &digest)?;
    Ok(digest)
}

async fn pull_layer(store: &ImageStore, client: &Client, reference: &Reference, layer: &OciDescriptor) -> Result<()> {
    let expected: Digest = layer.digest.parse()?;
    if store.has_blob(&expected) {
        return Ok(());
    }
    let draft = store.draft_path();
    let outcome = download(store, client, reference, layer, &draft, &expected).await;
    if outcome.is_err() {
        let _ = fs::remove_file(&draft);
    }
    outcome
}

async fn download(
    store: &ImageStore,
    client: &Client,
    reference: &Reference,
    layer: &OciDescriptor,
    draft: &std::path::Path,
    expected: &Digest,
) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| Error::image(format!("{reference} layer {expected}"), error);
    let limit = store.limits_now()?.unpacked_bytes;
    let file = fs::File::create(draft).at("creating", draft)?;
    let mut sink = HashingWriter { inner: file, hash: Sha256::new(), length: 0 };
    let mut body = client.pull_blob_stream(reference, layer).await.map_err(|error| failed(&error))?.stream;
    while let Some(chunk) = body.try_next().await.map_err(|error| failed(&error))? {
        sink.write_all(&chunk).at("writing", draft)?;
        if sink.length > limit {
            return Err(failed(&format!("it is longer than {limit} bytes")));
        }
    }
    let digest = Digest::from_hash(&sink.hash.finalize());
    store.keep_blob(draft, digest, Some(expected)).map(drop)
}
