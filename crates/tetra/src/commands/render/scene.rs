//! A scene on its way to nodes: looked at, packed, cut into chunks, uploaded where it is missing.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use client::Gateway;
use farm::chunks::{Manifest, cut, manifest_of};
use farm::engine::{Blender, Fault, Options, RenderEngine, SceneReport, Stage};
use futures::TryStreamExt;
use proto::tetra::render::v1::{Node, NodeState, Tier};
use tempfile::TempDir;

use crate::chain::Chain;
use crate::error::{Class, Classify, CliError, Result};
use crate::gateways::Caller;
use crate::output::{self, Talk};

/// Chunks that are under way to a node at a time.
const AT_ONCE: usize = 8;

/// A scene, ready to be uploaded.
pub struct Prepared {
    /// The file with all that it needs inside.
    pub file: PathBuf,
    /// What it consists of.
    pub manifest: Manifest,
    /// What it is; none where this machine has no Blender to look with.
    pub report: Option<SceneReport>,
    /// Files that were packed into it.
    pub packed: Vec<PathBuf>,
    /// Holds the packed file.
    _folder: Option<TempDir>,
}

/// Blender on this machine, if there is one.
///
/// # Errors
/// When there is one that does not start.
pub async fn engine() -> Result<Option<Blender>> {
    match Blender::find().await {
        Ok(engine) => Ok(Some(engine)),
        Err(Fault::MissingEngine(_)) => Ok(None),
        Err(fault) => Err(explain(&fault)),
    }
}

/// A failure of an engine, with what to do.
pub fn explain(fault: &Fault) -> CliError {
    match fault {
        Fault::MissingFile { paths } => {
            let error =
                CliError::new(Class::Usage, format!("the scene needs {} files that are not there", paths.len()));
            let error = paths.iter().fold(error, |error, path| error.hint(path.display()));
            error.hint("put them there, or name folders with --assets; nothing was uploaded or paid")
        }
        Fault::MissingEngine(_) | Fault::MissingLibrary(_) => {
            CliError::new(Class::Machine, fault).hint("Debian has `blender`; bpy 5.0.1 of PyPI in a virtual environment that TETRA_RENDER_VENV names does as well")
        }
        Fault::Sandbox(_) | Fault::NoRoom(_) | Fault::Io { .. } => CliError::new(Class::Machine, fault),
        Fault::BadScene(_) | Fault::Unsupported(_) | Fault::MissingCamera(_) => CliError::new(Class::Usage, fault),
        _ => CliError::new(Class::Internal, fault),
    }
}

/// Looks at a scene and packs what lies outside of it.
///
/// # Errors
/// When it cannot be taken, or files are missing; every reason is named.
pub async fn prepare(
    engine: Option<&Blender>,
    scene: &Path,
    assets: &[PathBuf],
    options: &Options,
    talk: &Talk,
) -> Result<Prepared> {
    let there = std::path::absolute(scene).class(Class::Usage)?;
    if !there.is_file() {
        return Err(CliError::new(Class::NotFound, format!("{} is no file", there.display())));
    }
    let Some(engine) = engine else {
        talk.line(
            "note: this machine has no Blender: nobody looks for files outside of the scene before it is uploaded",
        );
        let manifest = manifest(&there)?;
        return Ok(Prepared { file: there, manifest, report: None, packed: Vec::new(), _folder: None });
    };
    talk.step("looking at the scene");
    let report = engine.inspect(&there, assets, &|_| {}).await.map_err(|fault| explain(&fault))?;
    check(&report, options)?;
    if report.dependencies.is_empty() {
        let manifest = manifest(&there)?;
        return Ok(Prepared { file: there, manifest, report: Some(report), packed: Vec::new(), _folder: None });
    }
    talk.step(&format!("packing {} files into the scene", report.dependencies.len()));
    let folder = tempfile::tempdir().class(Class::Machine)?;
    let file = folder.path().join("scene.blend");
    let watch = |progress: farm::engine::Progress| {
        if progress.stage == Stage::Packing {
            talk.step(&format!("packing {}", progress.text));
        }
    };
    let packed = engine.pack(&there, assets, &file, &watch).await.map_err(|fault| explain(&fault))?;
    let manifest = manifest(&file)?;
    let packed = packed.into_iter().map(|one| one.path).collect();
    Ok(Prepared { file, manifest, report: Some(report), packed, _folder: Some(folder) })
}

fn manifest(file: &Path) -> Result<Manifest> {
    let opened =
        File::open(file).map_err(|error| CliError::new(Class::Machine, format!("{}: {error}", file.display())))?;
    manifest_of(opened).map_err(|error| CliError::new(Class::Usage, format!("{}: {error}", file.display())))
}

/// Refuses what no node could render, before anything is uploaded.
fn check(report: &SceneReport, options: &Options) -> Result {
    let missing = report.missing();
    if !missing.is_empty() {
        let paths = missing.iter().map(|file| file.path.clone()).collect();
        return Err(explain(&Fault::MissingFile { paths }));
    }
    let mut obstacles = report.obstacles.clone();
    if options.format.is_some() {
        obstacles.retain(|_| !report.movie);
    }
    if report.movie && options.format.is_none() {
        obstacles = vec!["its output is a movie; choose a format for frames with --format".to_owned()];
    }
    if obstacles.is_empty() {
        return Ok(());
    }
    let error = CliError::new(Class::Usage, "this scene cannot be rendered here; nothing was uploaded or paid");
    Err(obstacles.iter().fold(error, CliError::hint))
}

/// Where a scene can be uploaded: ready nodes that take jobs of a tier, one for each gateway.
///
/// # Errors
/// When there is none.
pub async fn targets(chain: &Chain, tier: Tier, most: usize) -> Result<Vec<Node>> {
    let nodes = chain.render_nodes("").await?;
    let known = nodes.len();
    let mut gateways = BTreeSet::new();
    let takes = |node: &Node| node.state() == NodeState::Ready && i32::from(node.tier()) <= i32::from(tier);
    let mut found: Vec<Node> =
        nodes.into_iter().filter(takes).filter(|node| gateways.insert(node.endpoint.clone())).collect();
    if found.is_empty() {
        let what = format!("no render node is ready that takes jobs of this tier; the network knows {known}");
        return Err(CliError::new(Class::NotFound, what)
            .hint("a provider offers one with `tetra provider render enable`; `tetra up --render` has some"));
    }
    // Those with the best name first.
    found.sort_by_key(|node| std::cmp::Reverse((node.reputation_bp, node.power_milli)));
    found.truncate(most);
    Ok(found)
}

/// What an upload moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Chunks that were missing.
    pub chunks: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Uploads what nodes lack. Done again after it was cut off, it goes on where it was.
///
/// # Errors
/// When no node took all of it.
pub async fn upload(
    chain: &Chain,
    caller: &Caller,
    prepared: &Prepared,
    nodes: &[Node],
    talk: &Talk,
) -> Result<(Vec<String>, Moved)> {
    let (mut origins, mut moved, mut last) = (Vec::new(), Moved::default(), None);
    for node in nodes {
        let owner = node.id.clone().unwrap_or_default().owner;
        match upload_to(chain, caller, prepared, &owner, &node.endpoint, talk).await {
            Ok(more) => {
                origins.push(node.endpoint.clone());
                moved = Moved { chunks: moved.chunks + more.chunks, bytes: moved.bytes + more.bytes };
            }
            Err(error) => {
                talk.line(&format!("note: {} did not take the scene: {error}", node.endpoint));
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if origins.is_empty() => {
            Err(error.hint("nothing was paid; the upload goes on with the same command"))
        }
        _ => Ok((origins, moved)),
    }
}

async fn upload_to(
    chain: &Chain,
    caller: &Caller,
    prepared: &Prepared,
    owner: &str,
    endpoint: &str,
    talk: &Talk,
) -> Result<Moved> {
    let gateway: Gateway = caller.gateway(chain, owner, endpoint).await?;
    let name = prepared.manifest.id().to_string();
    let offered = gateway.offer_scene(prepared.manifest.encode()).await?;
    if offered.manifest != name {
        let what = format!("{endpoint} calls the scene {}, which is {name}", offered.manifest);
        return Err(CliError::new(Class::Provider, what));
    }
    let missing: BTreeSet<String> = offered.missing.into_iter().collect();
    let file = File::open(&prepared.file).class(Class::Machine)?;
    let total = missing.len();
    let mut sent = BTreeSet::new();
    let wanted = cut(file).filter_map(|cut| match cut {
        Ok((chunk, bytes)) => {
            let id = chunk.id.to_string();
            (missing.contains(&id) && sent.insert(id.clone())).then_some(Ok((id, bytes)))
        }
        Err(error) => Some(Err(CliError::new(Class::Machine, format!("{}: {error}", prepared.file.display())))),
    });
    let put = |(id, bytes): (String, Vec<u8>)| {
        let (gateway, name) = (gateway.clone(), name.clone());
        async move {
            let length = bytes.len() as u64;
            gateway.put_chunk(&name, &id, bytes).await?;
            Ok::<u64, CliError>(length)
        }
    };
    let mut puts = std::pin::pin!(futures::stream::iter(wanted).map_ok(put).try_buffer_unordered(AT_ONCE));
    let mut moved = Moved::default();
    while let Some(length) = puts.try_next().await? {
        moved = Moved { chunks: moved.chunks + 1, bytes: moved.bytes + length };
        // A line for each would drown the rest where nobody watches.
        if output::watched() || moved.chunks == total {
            talk.step(&format!("uploading to {endpoint}: {} of {total} chunks", moved.chunks));
        }
    }
    Ok(moved)
}
