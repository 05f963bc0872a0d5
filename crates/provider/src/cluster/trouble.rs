//! What goes wrong with nodes of clusters and proofs.

use client::NodeError;
use client::cluster::manifest::ManifestError;
use mesh::MeshError;
use thiserror::Error;

use crate::home::HomeError;

/// The longest reason that the chain is told, in bytes.
const LONGEST: usize = 200;

/// Why something does not go on.
#[derive(Debug, Error)]
pub(crate) enum Trouble {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] NodeError),
    /// The disk.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The container runtime.
    #[error(transparent)]
    Runtime(#[from] workload::Error),
    /// The overlay.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Another agent.
    #[error("{0}")]
    Fetch(String),
    /// Something is not there yet.
    #[error("{0}")]
    Waits(String),
    /// Something does not fit.
    #[error("{0}")]
    Odd(String),
}

impl Trouble {
    /// Whether it is by the tenant's image or command that a node does not start.
    pub(crate) fn is_the_askers(&self) -> bool {
        use workload::Error as E;
        match self {
            Self::Manifest(ManifestError::Malformed(_)) => true,
            Self::Runtime(error) => {
                matches!(
                    error,
                    E::ImageMissing { .. } | E::ImageInvalid { .. } | E::HostileLayer { .. } | E::InvalidSpec { .. }
                ) || matches!(error, E::ContainerStart { reason, .. } if of_the_image(reason))
            }
            _ => false,
        }
    }

    /// What the chain is told: one line, not too long.
    pub(crate) fn reason(&self) -> String {
        reason(&self.to_string())
    }
}

/// Whether the runtime could not start a container for what its image or its command are; all else is the machine's.
fn of_the_image(reason: &str) -> bool {
    let theirs = ["exec: \"", "exec /", "unable to find user", "unable to find group", "chdir to cwd"];
    theirs.iter().any(|words| reason.contains(words))
}

/// One line, not too long.
pub(crate) fn reason(text: &str) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let end = (0..=line.len().min(LONGEST)).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
    line[..end].trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_pay_for_what_their_image_lacks_and_not_for_what_the_machine_does() {
        let failed = |reason: &str| {
            let (container, reason) = ("c".to_owned(), reason.to_owned());
            Trouble::Runtime(workload::Error::ContainerStart { container, reason }).is_the_askers()
        };
        let init = "runc run failed: unable to start container process: ";
        assert!(failed(&format!("{init}exec: \"train\": executable file not found in $PATH")));
        assert!(failed(&format!("{init}error during container init: unable to find user bob")));
        assert!(!failed(&format!("{init}error during container init: error preparing rootfs: permission denied")));
        assert!(!failed("it does not run, so that nothing can be run in it"));
    }

    #[test]
    fn reasons_are_one_short_line() {
        assert_eq!(reason("a\nb"), "a b");
        assert!(reason(&"ä".repeat(500)).len() <= LONGEST);
    }
}
