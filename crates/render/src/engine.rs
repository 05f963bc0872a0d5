//! What makes the same pixels: engine, build and device class, and how they are compared.

use proto::tetra::render::v1::Engine;
use sha2::{Digest, Sha256};

/// The longest name of an engine, a build or a device class.
const LONGEST: usize = 128;

/// Names a set of nodes or a kind of job in keys: a digest over the three names.
pub type Class = [u8; 32];

/// SHA-256 over the names, each after its length in four bytes.
pub fn class(engine: &Engine) -> Class {
    digest(&engine.name, &engine.build, &engine.device_class)
}

fn digest(name: &str, build: &str, device_class: &str) -> Class {
    let mut hash = Sha256::new();
    for part in [name, build, device_class] {
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// The wishes that a node of this engine meets: a job may leave build and device class open.
pub fn wishes(engine: &Engine) -> [Class; 4] {
    let (name, build, device) = (&engine.name, &engine.build, &engine.device_class);
    [digest(name, build, device), digest(name, build, ""), digest(name, "", device), digest(name, "", "")]
}

/// Whether a node of this engine meets a job's wish.
pub fn meets(node: &Engine, wish: &Engine) -> bool {
    let open = |wish: &str, has: &str| wish.is_empty() || wish == has;
    node.name == wish.name && open(&wish.build, &node.build) && open(&wish.device_class, &node.device_class)
}

/// Whether all three names are there and well formed; a wish may leave build and device class empty.
///
/// # Errors
/// Says which is not.
pub fn check(engine: Option<&Engine>, wish: bool) -> Result<Engine, String> {
    let engine = engine.ok_or("the engine is missing")?;
    let parts = [("name", &engine.name), ("build", &engine.build), ("device class", &engine.device_class)];
    for (place, (what, text)) in parts.into_iter().enumerate() {
        if text.is_empty() && !(wish && place > 0) {
            return Err(format!("the engine's {what} is missing"));
        }
        if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(format!("the engine's {what} has more than {LONGEST} or other than plain characters"));
        }
    }
    Ok(engine.clone())
}

/// `name build on device class`.
pub fn text(engine: &Engine) -> String {
    format!("{} {} on {}", engine.name, engine.build, engine.device_class)
}
