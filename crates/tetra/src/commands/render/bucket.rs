//! Object stores as the place where frames go: S3 and what speaks it, Google's and Azure's.

use std::path::Path;

use farm::Digest;
use futures::TryStreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::{Attribute, AttributeValue, Attributes, GetOptions, ObjectStore, ObjectStoreExt};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

use crate::error::{Class, CliError, Result};

/// The attribute of an object that names its digest.
const DIGEST: &str = "tetra-sha256";
/// Schemes that are known, and where each takes its rights from.
const SCHEMES: [(&[&str], &str); 3] = [
    (&["s3", "s3a"], "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and AWS_ENDPOINT for others than Amazon"),
    (&["gs"], "GOOGLE_SERVICE_ACCOUNT, the path of a key file"),
    (&["az", "azure", "abfs", "abfss"], "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"),
];

/// Whether this names an object store rather than a folder.
pub(super) fn is_url(target: &str) -> bool {
    target.contains("://")
}

/// A prefix in an object store.
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    url: String,
    rights: &'static str,
}

impl Bucket {
    /// Opens what a URL such as `s3://bucket/prefix` names, with rights from the environment's variables.
    ///
    /// # Errors
    /// [`Class::Usage`] when it names none that is known, or lacks what it needs.
    pub(super) fn open(url: &str) -> Result<Self> {
        let scheme = url.split("://").next().unwrap_or_default();
        let known = SCHEMES.iter().find(|(names, _)| names.contains(&scheme));
        let (_, rights) = known.ok_or_else(|| {
            CliError::new(Class::Usage, format!("{scheme}:// is no object store that is known"))
                .hint("name a folder, or s3://, gs:// or az:// with a bucket and a prefix")
        })?;
        let usage = |error: &dyn std::fmt::Display| CliError::new(Class::Usage, format!("{url}: {error}"));
        let parsed = url.parse().map_err(|error| usage(&error))?;
        // Names of variables are names of settings, in capitals.
        let variables = std::env::vars().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let opened = object_store::parse_url_opts(&parsed, variables);
        let (store, prefix) = opened.map_err(|error| usage(&error).hint(format!("rights come from {rights}")))?;
        Ok(Self { store: store.into(), prefix, url: url.trim_end_matches('/').to_owned(), rights })
    }

    /// What an object of this name is called outside.
    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    fn key(&self, name: &str) -> Key {
        name.split('/').fold(self.prefix.clone(), |key, part| key.join(part))
    }

    fn refused(&self, what: &str, error: &object_store::Error) -> CliError {
        let text = error.to_string();
        // Stores answer with a document; what went wrong is in its code.
        let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
        let short = code.unwrap_or_else(|| text.lines().next().unwrap_or_default());
        let refused = CliError::new(Class::Unreachable, format!("{what}: {short}"));
        match (error, code) {
            (object_store::Error::NotFound { .. }, _) | (_, Some("NoSuchBucket")) => {
                refused.hint("is there such a bucket?")
            }
            _ => refused.hint(format!("rights come from {}; the same command goes on", self.rights)),
        }
    }

    /// The object that is there already under this name with any ending, by its digest.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn whole(&self, stem: &str, digest: &Digest) -> Result<Option<String>> {
        let key = self.key(stem);
        let folder: Key = key.parts().take(key.parts().count().saturating_sub(1)).collect();
        let beginning = format!("{}.", key.filename().unwrap_or_default());
        let told = |error| self.refused("listing what is there", &error);
        let mut found = self.store.list(Some(&folder));
        while let Some(object) = found.try_next().await.map_err(told)? {
            let name = object.location.filename().unwrap_or_default();
            if !name.starts_with(&beginning) || object.location.parts().count() != key.parts().count() {
                continue;
            }
            let head = GetOptions { head: true, ..GetOptions::default() };
            let head = self.store.get_opts(&object.location, head).await.map_err(told)?;
            let known = head.attributes.get(&Attribute::Metadata(DIGEST.into()));
            if known.is_some_and(|known| known.as_ref() == digest.to_string()) {
                let ending = name.strip_prefix(&beginning).unwrap_or_default();
                return Ok(Some(self.name(&format!("{stem}.{ending}"))));
            }
        }
        Ok(None)
    }

    /// Writes a file, in parts where it is large. What is cut off leaves no object behind.
    ///
    /// # Errors
    /// When the file cannot be read, or the store refuses.
    pub(super) async fn put(&self, name: &str, file: &Path, digest: &Digest) -> Result<String> {
        let machine = |error: std::io::Error| CliError::new(Class::Machine, format!("{}: {error}", file.display()));
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::Metadata(DIGEST.into()), AttributeValue::from(digest.to_string()));
        attributes.insert(Attribute::ContentType, content_type(file).into());
        let mut writer = BufWriter::new(Arc::clone(&self.store), self.key(name)).with_attributes(attributes);
        let mut source = tokio::fs::File::open(file).await.map_err(machine)?;
        let copied = match tokio::io::copy(&mut source, &mut writer).await {
            Ok(_) => writer.shutdown().await,
            Err(error) => Err(error),
        };
        if let Err(error) = copied {
            // What it answers is of no matter: the failure is told.
            let _ = writer.abort().await;
            let error = error.downcast::<object_store::Error>();
            return Err(match error {
                Ok(error) => self.refused(&format!("writing {}", self.name(name)), &error),
                Err(error) => machine(error),
            });
        }
        Ok(self.name(name))
    }

    /// Asks the store something, so that wrong rights show before anything is fetched.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn answers(&self) -> Result {
        match self.store.head(&self.key("tetra-is-it-there")).await {
            Ok(_) => Ok(()),
            // Of a bucket that is there; one that is not says so at the first list.
            Err(object_store::Error::NotFound { .. }) => {
                let told = |error| self.refused(&format!("listing {}", self.url), &error);
                self.store.list(Some(&self.key("tetra-is-it-there"))).try_next().await.map(|_| ()).map_err(told)
            }
            Err(error) => Err(self.refused(&self.url, &error)),
        }
    }
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("exr") => "image/x-exr",
        Some("tif" | "tiff") => "image/tiff",
        Some("webp") => "image/webp",
        Some("tar") => "application/x-tar",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn bucket() -> Bucket {
        let (store, prefix) = (Arc::new(InMemory::new()), Key::from("films/one"));
        Bucket { store, prefix, url: "s3://films/one".to_owned(), rights: "nothing" }
    }

    #[tokio::test]
    async fn what_is_there_is_known_by_its_digest() {
        let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket());
        let file = folder.path().join("0001.png");
        std::fs::write(&file, "pixels").unwrap();
        let digest = Digest::of(b"pixels");
        assert_eq!(bucket.whole("shot/0001", &digest).await.unwrap(), None);
        let name = bucket.put("shot/0001.png", &file, &digest).await.unwrap();
        assert_eq!(name, "s3://films/one/shot/0001.png");
        assert_eq!(bucket.whole("shot/0001", &digest).await.unwrap(), Some(name));
        assert_eq!(bucket.whole("shot/0001", &Digest::of(b"other")).await.unwrap(), None);
        assert_eq!(bucket.whole("shot/000", &digest).await.unwrap(), None);
        bucket.answers().await.unwrap();
    }

    #[test]
    fn urls_that_name_no_store_are_refused() {
        let refused = |url| Bucket::open(url).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused("ftp://host/files").contains("ftp:// is no object store that is known"));
        assert!(refused("file:///tmp").contains("no object store"));
        assert!(is_url("s3://bucket") && !is_url("frames"));
    }
}
