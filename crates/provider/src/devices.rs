//! GPUs that this agent sells, and who gets which.
//!
//! No GPU of the machine can be passed into a container yet, so that only simulated ones are sold: on networks whose genesis
//! says `dev`, and marked as such everywhere. Their paths end in `/simulated/true`, on the chain as in bids.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ledger::capacity::GpuRequest;
use ledger::capacity::devices::split;
use proto::tetra::capacity::v1::Device;
use sdl::manifest::Group;
use sdl::resources::{Attribute, Gpu};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The attribute that tells whether something that the provider sells is simulated: `true` or `false`.
pub const SIMULATED: &str = "simulated";
/// What the path of a simulated device ends in.
const MARK: &str = "/simulated/true";
/// The variable by which a container learns of its simulated GPUs.
pub(crate) const VARIABLE: &str = "TETRA_SIMULATED_GPUS";
/// Where providers announce GPUs.
const CAPABILITY: &str = "capabilities/gpu/";

/// A kind of GPU, `nvidia/a100/80Gi/sxm`; memory and interface may be left out from the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GpuModel {
    /// `nvidia` or `amd`.
    pub vendor: String,
    /// Such as `a100`.
    pub model: String,
    /// Whole gibibytes, such as `80Gi`.
    pub ram: Option<String>,
    /// `pcie` or `sxm`.
    pub interface: Option<String>,
}

impl GpuModel {
    /// The capability path, `vendor/nvidia/model/a100/ram/80Gi/interface/sxm`.
    pub fn path(&self) -> String {
        let mut path = format!("vendor/{}/model/{}", self.vendor, self.model);
        for (key, value) in [("ram", &self.ram), ("interface", &self.interface)] {
            if let Some(value) = value {
                path.push_str(&format!("/{key}/{value}"));
            }
        }
        path
    }

    /// Keys of attributes under which orders find it: whatever of memory and interface they name.
    pub fn capabilities(&self) -> Vec<String> {
        let bare = Self { ram: None, interface: None, ..self.clone() };
        let some = [
            bare.clone(),
            Self { ram: self.ram.clone(), ..bare.clone() },
            Self { interface: self.interface.clone(), ..bare },
            self.clone(),
        ];
        let mut keys: Vec<String> = some.iter().map(|model| format!("{CAPABILITY}{}", model.path())).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

impl fmt::Display for GpuModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.vendor, self.model)?;
        [&self.ram, &self.interface].into_iter().flatten().try_for_each(|part| write!(f, "/{part}"))
    }
}

impl FromStr for GpuModel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| format!("{text:?} is no GPU: {why}, such as nvidia/a100/80Gi or nvidia/a100/80Gi/sxm");
        let mut parts = text.split('/');
        let vendor = parts.next().filter(|vendor| matches!(*vendor, "nvidia" | "amd"));
        let vendor = vendor.ok_or_else(|| refuse("it begins with nvidia/ or amd/"))?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let model = parts.next().filter(|model| (1..=32).contains(&model.len()) && model.bytes().all(plain));
        let model = model.ok_or_else(|| refuse("a model of a-z and 0-9 follows"))?;
        let (mut ram, mut interface) = (None, None);
        for part in parts {
            let digits = part.strip_suffix("Gi").unwrap_or_default();
            let is_ram = (1..=5).contains(&digits.len()) && !digits.starts_with('0');
            match part {
                "pcie" | "sxm" if interface.is_none() => interface = Some(part.to_owned()),
                _ if is_ram
                    && digits.bytes().all(|byte| byte.is_ascii_digit())
                    && ram.is_none()
                    && interface.is_none() =>
                {
                    ram = Some(part.to_owned());
                }
                _ => return Err(refuse("memory in whole Gi and then pcie or sxm may follow")),
            }
        }
        Ok(Self { vendor: vendor.to_owned(), model: model.to_owned(), ram, interface })
    }
}

impl TryFrom<String> for GpuModel {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<GpuModel> for String {
    fn from(model: GpuModel) -> Self {
        model.to_string()
    }
}

/// Simulated devices of a host. Ids have the host's key in them, for they are unique on the whole chain, and stay when
/// others are declared or taken away.
pub fn simulated(models: &[GpuModel], host_key: &[u8; 32]) -> Vec<Device> {
    let host = hex::encode(host_key);
    let host = host.get(..16).unwrap_or_default();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let device = |model: &GpuModel| {
        let name = model.to_string().replace('/', "-");
        let count = counts.entry(name.clone()).or_insert(0);
        *count += 1;
        Device { id: format!("simulated-{host}-{name}-{count}"), model: format!("{}{MARK}", model.path()) }
    };
    models.iter().map(device).collect()
}

/// Whether a capability path is that of a simulated device.
pub fn is_simulated(path: &str) -> bool {
    path.ends_with(MARK)
}

/// `nvidia/a100/80Gi/sxm (simulated)` of a capability path.
pub fn show(path: &str) -> String {
    let mark = if is_simulated(path) { " (simulated)" } else { "" };
    format!("{}{mark}", short(path))
}

/// `nvidia/a100/80Gi/sxm` of a capability path, without the mark.
fn short(path: &str) -> String {
    let parts: Vec<&str> = path.strip_suffix(MARK).unwrap_or(path).split('/').collect();
    parts.chunks(2).map(|pair| pair.last().copied().unwrap_or_default()).collect::<Vec<_>>().join("/")
}

/// A device in answers of the gateway.
pub(crate) fn document(device: &Device) -> Value {
    json!({ "id": device.id, "model": device.model, "name": show(&device.model), "simulated": is_simulated(&device.model) })
}

/// What one replica asks for, as the chain counts it; none where it asks for no GPU.
pub(crate) fn request(gpu: &Gpu) -> Option<GpuRequest> {
    let count = u32::try_from(gpu.units.0).unwrap_or(u32::MAX);
    let accepts = gpu.attributes.iter().map(|attribute| attribute.key.clone()).collect();
    (count > 0).then_some(GpuRequest { count, accepts })
}

/// What a bid offers in place of the models that were asked for: those that it really takes.
pub(crate) fn offered(devices: &[Device]) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = devices.iter().map(|device| Attribute::new(&device.model, "true")).collect();
    attributes.sort();
    attributes.dedup();
    attributes
}

/// Devices of each replica of each service that asks for some.
pub(crate) type Shares = BTreeMap<String, Vec<Vec<Device>>>;

/// Splits what a lease holds among its replicas; `None` where it does not suffice for what its manifest asks.
pub(crate) fn share(group: &Group, held: &[Device]) -> Option<Shares> {
    let wanting = group.services.iter().filter_map(|service| Some((service, request(&service.resources.gpu)?)));
    let wanting: Vec<_> = wanting.collect();
    let requests = wanting.iter().flat_map(|(service, one)| std::iter::repeat_n(one.clone(), service.count as usize));
    let free: Vec<&Device> = held.iter().collect();
    let mut given = split(&requests.collect::<Vec<_>>(), &free)?.into_iter();
    let device = |id: String| held.iter().find(|device| device.id == id).cloned();
    let mut shares = Shares::new();
    for (service, _) in &wanting {
        let replicas = given.by_ref().take(service.count as usize);
        let replicas = replicas.map(|ids| ids.into_iter().filter_map(device).collect()).collect();
        shares.insert(service.name.clone(), replicas);
    }
    Some(shares)
}

/// What a replica is told of its devices, beside which it gets nothing: there is no device behind them.
pub(crate) fn told(devices: &[Device]) -> Vec<(String, String)> {
    let simulated = devices.iter().filter(|device| is_simulated(&device.model));
    let names: Vec<String> = simulated.map(|device| short(&device.model)).collect();
    if names.is_empty() { Vec::new() } else { vec![(VARIABLE.to_owned(), names.join(","))] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(text: &str) -> GpuModel {
        text.parse().unwrap()
    }

    #[test]
    fn kinds_are_written_as_they_were_read_and_mistakes_are_named() {
        for text in ["nvidia/a100", "nvidia/a100/80Gi", "nvidia/a100/80Gi/sxm", "nvidia/h100/pcie", "amd/mi100/32Gi"] {
            assert_eq!(model(text).to_string(), text);
            let json = serde_json::to_string(&model(text)).unwrap();
            assert_eq!(serde_json::from_str::<GpuModel>(&json).unwrap(), model(text));
        }
        let wrong =
            ["", "a100", "intel/arc", "nvidia", "nvidia/", "nvidia/A100", "nvidia/a100/80G", "nvidia/a100/080Gi"];
        let more = ["nvidia/a100/sxm/80Gi", "nvidia/a100/80Gi/40Gi", "nvidia/a100/80Gi/nvlink", "nvidia/a*"];
        let said: Vec<String> = wrong.iter().chain(&more).map(|text| text.parse::<GpuModel>().unwrap_err()).collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn every_way_to_ask_for_a_kind_is_announced() {
        insta::assert_snapshot!(model("nvidia/a100/80Gi/sxm").capabilities().join("\n"), @r"
        capabilities/gpu/vendor/nvidia/model/a100
        capabilities/gpu/vendor/nvidia/model/a100/interface/sxm
        capabilities/gpu/vendor/nvidia/model/a100/ram/80Gi
        capabilities/gpu/vendor/nvidia/model/a100/ram/80Gi/interface/sxm
        ");
        assert_eq!(model("nvidia/a100").capabilities().len(), 1);
    }

    #[test]
    fn simulated_devices_say_so_and_keep_their_ids() {
        let (a100, t4) = (model("nvidia/a100/80Gi"), model("nvidia/t4"));
        let devices = simulated(&[a100.clone(), t4, a100.clone()], &[7; 32]);
        let lines: Vec<String> =
            devices.iter().map(|device| format!("{} {} {}", device.id, device.model, show(&device.model))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        simulated-0707070707070707-nvidia-a100-80Gi-1 vendor/nvidia/model/a100/ram/80Gi/simulated/true nvidia/a100/80Gi (simulated)
        simulated-0707070707070707-nvidia-t4-1 vendor/nvidia/model/t4/simulated/true nvidia/t4 (simulated)
        simulated-0707070707070707-nvidia-a100-80Gi-2 vendor/nvidia/model/a100/ram/80Gi/simulated/true nvidia/a100/80Gi (simulated)
        ");
        let fewer = simulated(&[a100.clone(), a100], &[7; 32]);
        assert!(fewer.iter().all(|device| devices.contains(device)));
        assert_ne!(simulated(&[model("nvidia/t4")], &[8; 32])[0].id, devices[1].id);
        assert!(devices.iter().all(|device| is_simulated(&device.model) && device.id.len() <= 128));
        assert_eq!(show("vendor/nvidia/model/a100/ram/80Gi"), "nvidia/a100/80Gi");
        let names = told(&devices);
        assert_eq!(names, [(VARIABLE.to_owned(), "nvidia/a100/80Gi,nvidia/t4,nvidia/a100/80Gi".to_owned())]);
        assert_eq!(told(&[Device { id: "GPU-1".into(), model: "vendor/nvidia/model/t4".into() }]), []);
    }
}
