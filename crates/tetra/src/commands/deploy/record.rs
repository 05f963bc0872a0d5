//! The files that were deployed, kept at home: `deployments/CHAIN/DSEQ.yaml`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sdl::Sdl;

use crate::context::Context;
use crate::error::{Class, CliError, Result};

fn path(context: &Context, chain_id: &str, dseq: u64) -> PathBuf {
    context.home.join("deployments").join(chain_id).join(format!("{dseq}.yaml"))
}

/// Keeps the text of a deployment's file.
///
/// # Errors
/// When it cannot be written.
pub(super) fn keep(context: &Context, chain_id: &str, dseq: u64, text: &str) -> Result {
    let path = path(context, chain_id, dseq);
    let failed = |path: &Path, error: io::Error| CliError::new(Class::Machine, format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    }
    fs::write(&path, text).map_err(|error| failed(&path, error))
}

/// The file of a deployment that was made here.
///
/// # Errors
/// When it was deployed from elsewhere.
pub fn read(context: &Context, chain_id: &str, dseq: u64) -> Result<(String, Sdl)> {
    let path = path(context, chain_id, dseq);
    if !path.exists() {
        return Err(CliError::new(Class::NotFound, format!("the file of deployment {dseq} is not kept here"))
            .hint(format!("name it: tetra deploy --resume {dseq} FILE")));
    }
    crate::commands::sdl::read(&path)
}
