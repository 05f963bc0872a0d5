//! GPUs on the PCI bus, and what they are called in deployment files.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ProbeRoots, read, value_of};

/// One GPU on the PCI bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// PCI address, such as `0000:01:00.0`.
    pub pci_address: String,
    /// `nvidia`, `amd`, `intel`, or the vendor id as four hex digits.
    pub vendor: String,
    /// PCI device id as four hex digits.
    pub device_id: String,
    /// Model name, where a driver tells it.
    pub model: Option<String>,
    /// The driver's own id of the device, such as `GPU-5f2e…`, where it tells one.
    pub uuid: Option<String>,
    /// The file by which programs reach it, such as `/dev/nvidia0`; none where no driver made one.
    pub node: Option<String>,
    /// What deployment files call it, `vendor/nvidia/model/a100/ram/80Gi/interface/sxm`; none where its PCI id is not known
    /// here. Memory and interface are left out where they are not known.
    pub kind: Option<String>,
}

/// Device id, model, memory in GiB and interface (empty: not known) of cards that are rented out. Ids and names are those
/// of `devices/pcie/gpus.json` in akash-network/provider-configs, for which the field's deployment files are written;
/// others are shown by their id.
const NVIDIA: [(&str, &str, u32, &str); 24] = [
    ("15f8", "p100", 16, "pcie"),
    ("1b38", "p40", 24, "pcie"),
    ("1db1", "v100", 16, "sxm"),
    ("1db5", "v100", 32, "sxm"),
    ("1eb8", "t4", 16, "pcie"),
    ("20b0", "a100", 40, "sxm"),
    ("20b1", "a100", 40, "pcie"),
    ("20b2", "a100", 80, "sxm"),
    ("20b3", "a100", 64, "sxm"),
    ("20b5", "a100", 80, "pcie"),
    ("20f1", "a100", 40, "pcie"),
    ("20f3", "a800", 80, "sxm"),
    ("2203", "rtx3090ti", 24, "pcie"),
    ("2204", "rtx3090", 24, "pcie"),
    ("2216", "rtx3080", 10, "pcie"),
    ("2230", "rtxa6000", 48, "pcie"),
    ("2235", "a40", 48, "pcie"),
    ("2330", "h100", 80, "sxm"),
    ("2331", "h100", 80, "pcie"),
    ("2335", "h200", 141, ""),
    ("2684", "rtx4090", 24, "pcie"),
    ("2704", "rtx4080", 16, "pcie"),
    ("2782", "rtx4070ti", 12, "pcie"),
    ("1e30", "rtx8000", 48, "pcie"),
];
const AMD: [(&str, &str, u32, &str); 2] = [("66a1", "mi60", 32, "pcie"), ("738c", "mi100", 32, "pcie")];

/// Display controllers on the PCI bus, named by NVIDIA's driver where it is loaded.
pub(super) fn find(roots: &ProbeRoots) -> Vec<Gpu> {
    let devices = fs::read_dir(roots.sys.join("bus/pci/devices")).into_iter().flatten().flatten();
    let mut gpus: Vec<Gpu> = devices
        .filter_map(|device| {
            let path = device.path();
            let id = |name: &str| Some(read(&path.join(name)).trim().strip_prefix("0x")?.to_owned());
            // Class 03: display; server cards without an output are 0302, AMD's accelerators 0380.
            id("class")?.starts_with("03").then_some(())?;
            let pci_address = device.file_name().into_string().ok()?;
            let (vendor, device_id) = (id("vendor")?, id("device")?);
            let driver = read(&roots.proc.join("driver/nvidia/gpus").join(&pci_address).join("information"));
            let minor = value_of(&driver, "Device Minor").map(|minor| format!("/dev/nvidia{minor}"));
            Some(Gpu {
                model: value_of(&driver, "Model"),
                uuid: value_of(&driver, "GPU UUID"),
                node: minor.or_else(|| render_node(&path)),
                kind: kind(&vendor, &device_id, vram(&path)),
                vendor: vendor_name(&vendor).to_owned(),
                device_id,
                pci_address,
            })
        })
        .collect();
    gpus.sort_by(|a, b| a.pci_address.cmp(&b.pci_address));
    gpus
}

fn vendor_name(id: &str) -> &str {
    match id {
        "10de" => "nvidia",
        "1002" => "amd",
        "8086" => "intel",
        other => other,
    }
}

/// Of a driver that registers with the kernel's DRM, as AMD's does: `/dev/dri/renderD128`.
fn render_node(device: &Path) -> Option<String> {
    let entries = fs::read_dir(device.join("drm")).ok()?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with("renderD")).min().map(|name| format!("/dev/dri/{name}"))
}

/// Memory in whole GiB, rounded to the nearest, for cards keep some of theirs; `amdgpu` tells it.
fn vram(device: &Path) -> Option<u64> {
    let bytes: u64 = read(&device.join("mem_info_vram_total")).trim().parse().ok()?;
    Some(bytes.saturating_add(1 << 29) >> 30)
}

fn kind(vendor: &str, device: &str, vram: Option<u64>) -> Option<String> {
    let table: &[_] = match vendor_name(vendor) {
        "nvidia" => &NVIDIA,
        "amd" => &AMD,
        _ => return None,
    };
    let (_, model, ram, interface) = table.iter().find(|(id, ..)| *id == device)?;
    let ram = vram.unwrap_or(u64::from(*ram));
    let mut kind = format!("vendor/{}/model/{model}/ram/{ram}Gi", vendor_name(vendor));
    if !interface.is_empty() {
        kind.push_str("/interface/");
        kind.push_str(interface);
    }
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn gpus_are_found_on_a_made_up_bus() {
        let root = tempfile::tempdir().unwrap();
        for (address, class, vendor, device) in [
            ("0000:00:02.0", "0x020000", "0x8086", "0x100e"),
            ("0000:01:00.0", "0x030200", "0x10de", "0x2330"),
            ("0000:02:00.0", "0x030000", "0x1002", "0x744c"),
            ("0000:03:00.0", "0x038000", "0x1002", "0x738c"),
        ] {
            let dir = format!("bus/pci/devices/{address}");
            for (name, text) in [("class", class), ("vendor", vendor), ("device", device)] {
                write(root.path(), &format!("{dir}/{name}"), &format!("{text}\n"));
            }
        }
        let information = "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t 1\nGPU UUID: \t GPU-5f2e\nDevice Minor: \t 1\n";
        write(root.path(), "driver/nvidia/gpus/0000:01:00.0/information", information);
        write(root.path(), "bus/pci/devices/0000:03:00.0/mem_info_vram_total", "34342961152\n");
        write(root.path(), "bus/pci/devices/0000:03:00.0/drm/renderD129/dev", "226:129\n");
        let roots = ProbeRoots { sys: root.path().into(), proc: root.path().into() };
        let line = |gpu: Gpu| {
            let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            let (model, uuid, node, kind) = (text(gpu.model), text(gpu.uuid), text(gpu.node), text(gpu.kind));
            format!("{} {} {model} {uuid} {node} {kind}", gpu.vendor, gpu.device_id)
        };
        let found: Vec<_> = find(&roots).into_iter().map(line).collect();
        insta::assert_snapshot!(found.join("\n"), @r"
        nvidia 2330 NVIDIA H100 80GB HBM3 GPU-5f2e /dev/nvidia1 vendor/nvidia/model/h100/ram/80Gi/interface/sxm
        amd 744c - - - -
        amd 738c - - /dev/dri/renderD129 vendor/amd/model/mi100/ram/32Gi/interface/pcie
        ");
    }

    #[test]
    fn no_bus_is_no_gpu() {
        let root = tempfile::tempdir().unwrap();
        let roots = ProbeRoots { sys: root.path().into(), proc: root.path().into() };
        assert_eq!(find(&roots), []);
    }
}
