//! Classes of devices: within one class and one engine build, honest renders are the same to the bit.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Which of its kernels Cycles runs on this processor, and whether the denoiser has wider ones. Names are those of instruction
/// sets, not of vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CpuKernel {
    /// x86-64 with AVX2, FMA3, BMI1, BMI2, LZCNT and F16C.
    Avx2,
    /// x86-64 with SSE4.2, the least that Blender starts on.
    Sse42,
    /// 64-bit ARM.
    Neon,
    /// Anything else; comparable with itself only.
    Other,
}

/// A graphics processor that this machine has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuClass {
    /// The vendor by its PCI number, as `10de`.
    pub vendor: String,
    /// The model: the driver's name of it, else its PCI number.
    pub model: String,
    /// Version of the driver, where it tells one.
    pub driver: String,
}

/// What computed pixels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DeviceClass {
    /// The processor.
    Cpu {
        /// Cycles' kernel.
        kernel: CpuKernel,
        /// Whether it has AVX-512 (F, BW, DQ, VL), which the denoiser uses and Cycles does not.
        avx512: bool,
    },
    /// A graphics processor.
    Gpu(GpuClass),
}

impl fmt::Display for DeviceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu { kernel, avx512 } => {
                let kernel = match kernel {
                    CpuKernel::Avx2 => "avx2",
                    CpuKernel::Sse42 => "sse42",
                    CpuKernel::Neon => "neon",
                    CpuKernel::Other => "other",
                };
                write!(f, "cpu/{kernel}{}", if *avx512 { "+avx512" } else { "" })
            }
            Self::Gpu(GpuClass { vendor, model, driver }) => {
                let word =
                    |text: &str| text.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
                write!(f, "gpu/{vendor}/{}/{}", word(model), word(driver))
            }
        }
    }
}

/// Why renders cannot use the graphics processors of a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoGpu {
    /// The kernel shows none.
    #[error("this machine shows no GPU")]
    None,
    /// Their renders are not the same to the bit, so that no class holds for both.
    #[error("this machine has GPUs of several classes, which render differently: {}", .0.join(", "))]
    Mixed(Vec<String>),
}

impl DeviceClass {
    /// The class of a machine's graphics processors, all of which render together. `root` is as in [`gpus`].
    ///
    /// # Errors
    /// When there is none, or they are of several classes.
    pub fn of_gpus(root: &Path) -> Result<Self, NoGpu> {
        let mut found = gpus(root);
        found.dedup();
        match found.as_slice() {
            [] => Err(NoGpu::None),
            [one] => Ok(one.clone()),
            several => Err(NoGpu::Mixed(several.iter().map(Self::to_string).collect())),
        }
    }

    /// The class of this machine's processor.
    pub fn of_cpu() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            let avx2 = has!("avx2")
                && has!("avx")
                && has!("fma")
                && has!("bmi1")
                && has!("bmi2")
                && has!("lzcnt")
                && has!("f16c");
            let kernel = match (avx2, has!("sse4.2")) {
                (true, _) => CpuKernel::Avx2,
                (false, true) => CpuKernel::Sse42,
                (false, false) => CpuKernel::Other,
            };
            let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl");
            Self::Cpu { kernel, avx512 }
        }
        #[cfg(target_arch = "aarch64")]
        {
            Self::Cpu { kernel: CpuKernel::Neon, avx512: false }
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            Self::Cpu { kernel: CpuKernel::Other, avx512: false }
        }
    }

    /// Whether honest renders of both, by one engine build, are the same to the bit before denoising.
    pub fn renders_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cpu { kernel: CpuKernel::Other, .. }, _) => false,
            (Self::Cpu { kernel: a, .. }, Self::Cpu { kernel: b, .. }) => a == b,
            _ => self == other,
        }
    }
}

/// Graphics processors of this machine, from what the kernel shows; none where it shows none. `root` is `/`, or a folder that
/// looks like it.
pub fn gpus(root: &Path) -> Vec<DeviceClass> {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let number = |path: &Path| read(path).trim_start_matches("0x").to_owned();
    let nvidia = read(&root.join("proc/driver/nvidia/version"));
    let mut found = Vec::new();
    let devices = std::fs::read_dir(root.join("sys/bus/pci/devices")).into_iter().flatten().flatten();
    for device in devices {
        let folder = device.path();
        // Base class 3: display controllers.
        if !number(&folder.join("class")).starts_with("03") {
            continue;
        }
        let vendor = number(&folder.join("vendor"));
        let mut model = number(&folder.join("device"));
        let mut driver = String::new();
        if vendor == "10de" {
            let card = root.join("proc/driver/nvidia/gpus").join(device.file_name()).join("information");
            let card = read(&card);
            let named = card.lines().find_map(|line| line.strip_prefix("Model:"));
            model = named.map_or(model, |name| name.trim().to_owned());
            // As in "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 …".
            let is_version = |word: &&str| word.contains('.') && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            driver = nvidia.split_whitespace().find(is_version).unwrap_or_default().to_owned();
        } else if let Ok(module) = std::fs::read_link(folder.join("driver")) {
            let name = module.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let version = read(&root.join("sys/module").join(&name).join("version"));
            driver = if version.is_empty() { name } else { format!("{name}-{version}") };
        }
        found.push(DeviceClass::Gpu(GpuClass { vendor, model, driver }));
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_processor_has_a_class() {
        let class = DeviceClass::of_cpu();
        let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        if cfg!(target_arch = "x86_64") {
            let has = |flag: &str| flags.split_whitespace().any(|word| word == flag);
            let DeviceClass::Cpu { kernel, avx512 } = &class else { panic!("{class}") };
            assert_eq!((*kernel == CpuKernel::Avx2, *avx512), (has("avx2"), has("avx512vl")));
        }
        assert!(class.renders_as(&class) && class.to_string().starts_with("cpu/"));
    }

    #[test]
    fn denoisers_alone_tell_processors_with_avx512_apart() {
        let of = |kernel, avx512| DeviceClass::Cpu { kernel, avx512 };
        assert!(of(CpuKernel::Avx2, true).renders_as(&of(CpuKernel::Avx2, false)));
        assert!(!of(CpuKernel::Avx2, true).renders_as(&of(CpuKernel::Sse42, true)));
        assert!(!of(CpuKernel::Other, false).renders_as(&of(CpuKernel::Other, false)));
        assert_ne!(of(CpuKernel::Avx2, true), of(CpuKernel::Avx2, false));
    }

    #[test]
    fn graphics_processors_are_read_from_what_the_kernel_shows() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(gpus(root.path()), []);
        assert_eq!(DeviceClass::of_gpus(root.path()), Err(NoGpu::None));
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let pci = |slot: &str, class: &str, vendor: &str, device: &str| {
            for (name, value) in [("class", class), ("vendor", vendor), ("device", device)] {
                write(&format!("sys/bus/pci/devices/{slot}/{name}"), &format!("{value}\n"));
            }
        };
        pci("0000:00:01.0", "0x020000", "0x8086", "0x100e");
        pci("0000:01:00.0", "0x030000", "0x10de", "0x2684");
        pci("0000:02:00.0", "0x038000", "0x1002", "0x744c");
        write("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22\n");
        write("proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ: 1\n");
        let names: Vec<String> = gpus(root.path()).iter().map(DeviceClass::to_string).collect();
        assert_eq!(names, ["gpu/1002/744c/", "gpu/10de/nvidia-geforce-rtx-4090/550.54.14"]);
        assert_eq!(DeviceClass::of_gpus(root.path()), Err(NoGpu::Mixed(names.clone())));
        std::fs::remove_dir_all(root.path().join("sys/bus/pci/devices/0000:02:00.0")).unwrap();
        assert_eq!(DeviceClass::of_gpus(root.path()).unwrap().to_string(), names[1]);
    }
}
