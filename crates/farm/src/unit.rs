//! The unit of work: everything that decides pixels, under one digest.

use serde::{Deserialize, Serialize};

use crate::class::DeviceClass;
use crate::digest::Digest;
use crate::engine::{EngineBuild, Options};
use crate::pixels::Rect;

/// First line of what is hashed.
const TAG: &str = "tetra.work/v1\n";

/// What a node is asked to compute, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkUnit {
    /// The scene: the [id of its manifest](crate::chunks::Manifest::id).
    pub scene: Digest,
    /// Number of the frame.
    pub frame: u32,
    /// A region of it, where it is not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Rect>,
    /// What differs from the scene's own settings; samples and seed are the scene's where this says nothing.
    #[serde(default)]
    pub options: Options,
    /// Which build renders.
    pub engine: EngineBuild,
    /// Which class of devices computes.
    pub device: DeviceClass,
}

impl WorkUnit {
    /// The exact encoding: one line `tetra.work/v1`, then JSON without spaces, fields in the order of the types, what is not said
    /// left out.
    ///
    /// # Errors
    /// Never with these types; the encoder's signature has them.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        Ok([TAG.as_bytes(), &serde_json::to_vec(self)?].concat())
    }

    /// SHA-256 of the encoding.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn id(&self) -> Result<Digest, serde_json::Error> {
        Ok(Digest::of(&self.encode()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::CpuKernel;

    #[test]
    fn the_encoding_is_exact() {
        let engine = EngineBuild {
            name: "blender".into(),
            version: "5.0.1".into(),
            hash: "a3db93c5b259".into(),
            platform: "Linux".into(),
        };
        let unit = WorkUnit {
            scene: Digest::of(b"scene"),
            frame: 12,
            region: Some(Rect { x: 0, y: 64, width: 64, height: 26 }),
            options: Options { samples: Some(8), denoise: Some(false), ..Options::default() },
            engine,
            device: DeviceClass::Cpu { kernel: CpuKernel::Avx2, avx512: false },
        };
        let encoded = unit.encode().unwrap();
        insta::assert_snapshot!(format!("{}\n{}", String::from_utf8_lossy(&encoded), unit.id().unwrap()));
        assert_eq!(serde_json::from_slice::<WorkUnit>(&encoded[TAG.len()..]).unwrap(), unit);
        let other = WorkUnit { frame: 13, ..unit.clone() };
        assert_ne!(other.id().unwrap(), unit.id().unwrap());
    }
}
