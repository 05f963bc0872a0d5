//! Image names.

use oci_client::Reference;

use crate::error::{Error, Result};

/// One spelling for each image: registry, repository, and tag or digest.
pub(crate) fn parse(name: &str) -> Result<Reference> {
    name.parse().map_err(|error| Error::image(format!("name `{name}`"), error))
}

/// The short spelling that people use: Docker Hub's registry and library left out.
pub(crate) fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_meet() {
        let whole = |name: &str| parse(name).unwrap().whole();
        assert_eq!(whole("hello-web"), whole("docker.io/library/hello-web:latest"));
        assert_eq!(familiar(&whole("hello-web")), "hello-web:latest");
        assert_eq!(familiar(&whole("ghcr.io/a/b:1")), "ghcr.io/a/b:1");
        assert!(parse("Hello Web").is_err());
    }
}
