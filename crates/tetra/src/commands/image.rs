//! `tetra image`: images in the store of a provider on this machine, for workloads that need no registry.

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use provider::Home;
use serde::Serialize;
use workload::image::ImageLimits;
use workload::{ImageStore, ImageSummary};

use super::up;
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::output;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Load the images of an OCI layout (folder or tar) or of a `docker save` archive
    Load(Load),
    /// The images that are there
    List(Where),
}

/// Whose store.
#[derive(Debug, clap::Args)]
pub struct Where {
    /// A provider's folder; once for each [default: all providers of the local network]
    #[arg(long = "provider", value_name = "DIR")]
    providers: Vec<PathBuf>,
}

/// Arguments of `load`.
#[derive(Debug, clap::Args)]
pub struct Load {
    /// OCI layout or archive
    path: PathBuf,
    /// Name of the image, where the archive does not name it or should not
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    place: Where,
}

/// An image in a provider's store.
#[derive(Debug, Serialize)]
struct Stored {
    provider: PathBuf,
    #[serde(flatten)]
    image: ImageSummary,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Load(args) => load(context, args).await,
        Verb::List(place) => list(context, &place),
    }
}

/// The stores of the providers that are named, or of all of the local network.
fn stores(context: &Context, place: &Where) -> Result<Vec<(PathBuf, ImageStore)>> {
    let homes = match place.providers.is_empty() {
        false => place.providers.clone(),
        true => up::folder_of(context, None)?.providers()?,
    };
    if homes.is_empty() {
        return Err(CliError::new(Class::NotFound, "no provider of a local network is here")
            .hint("`tetra up --providers 1` starts one; --provider DIR names the folder of another"));
    }
    homes.into_iter().map(|home| store(&home).map(|store| (home, store))).collect()
}

fn store(dir: &Path) -> Result<ImageStore> {
    let home = Home::new(dir);
    let config = home.config().map_err(|error| {
        CliError::new(Class::NotFound, error).hint("a provider's folder is wanted, which holds provider.json")
    })?;
    let registries = config.plain_http_registries;
    ImageStore::open(&home.data().join("images"), ImageLimits::default(), registries).map_err(|error| {
        CliError::new(Class::Machine, error).hint("the stores of providers belong to root: run this as root")
    })
}

async fn load(context: &Context, args: Load) -> Result {
    let stores = stores(context, &args.place)?;
    let bar = if output::watched() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.enable_steady_tick(up::processes::POLL);
    let mut loaded = Vec::new();
    for (provider, store) in stores {
        bar.set_message(format!("{} into {}", args.path.display(), provider.display()));
        let images = store.load(&args.path, args.name.as_deref()).await;
        let images = images.map_err(|error| CliError::new(Class::Usage, error))?;
        loaded.extend(images.into_iter().map(|image| Stored { provider: provider.clone(), image }));
    }
    bar.finish_and_clear();
    show(context, &loaded)
}

fn list(context: &Context, place: &Where) -> Result {
    let mut images = Vec::new();
    for (provider, store) in stores(context, place)? {
        let here = store.list().class(Class::Machine)?;
        images.extend(here.into_iter().map(|image| Stored { provider: provider.clone(), image }));
    }
    show(context, &images)
}

fn show(context: &Context, images: &[Stored]) -> Result {
    output::show(context.format(), &images, |images| {
        let head = ["IMAGE", "SIZE", "MANIFEST", "PROVIDER"].map(str::to_owned).to_vec();
        let row = |stored: &Stored| {
            let digest = stored.image.manifest.get(..19).unwrap_or(&stored.image.manifest).to_owned();
            let size = format!("{} KiB", stored.image.size_bytes.div_ceil(1024));
            vec![stored.image.name.clone(), size, digest, stored.provider.display().to_string()]
        };
        output::table(&std::iter::once(head).chain(images.iter().map(row)).collect::<Vec<_>>())
    })
}
