//! What one unit of a group consists of, in the form that groups and manifests share (spec/akash.md 2.5, 2.7).
//!
//! The `serde` forms are the Go JSON of the manifest: integers as `{"val":"100"}`, attributes left out when empty.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A key and a value, on hardware or on a placement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// The key, such as `vendor/nvidia/model/a100`.
    pub key: String,
    /// The value, such as `true`.
    pub value: String,
}

impl Attribute {
    /// An attribute of these texts.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// An integer amount of a resource, `{"val":"100"}` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(pub u64);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireQuantity {
    val: String,
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WireQuantity { val: self.0.to_string() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WireQuantity { val } = WireQuantity::deserialize(deserializer)?;
        let plain = !val.is_empty() && val.bytes().all(|byte| byte.is_ascii_digit());
        plain
            .then(|| val.parse().ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("{val:?} is not a whole number of at most 64 bits")))
    }
}

/// Processor time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// Thousandths of a core.
    pub units: Quantity,
    /// `arch`, if the tenant asks for one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

/// Graphics processors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gpu {
    /// Whole devices.
    pub units: Quantity,
    /// `vendor/nvidia/model/...` keys, any of which will do, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

impl Gpu {
    /// No GPU.
    pub fn none() -> Self {
        Self { units: Quantity(0), attributes: Vec::new() }
    }
}

/// Main memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Bytes.
    pub size: Quantity,
    /// None are defined today.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Its name, `default` for the root file system.
    pub name: String,
    /// Bytes.
    pub size: Quantity,
    /// `class` and `persistent`, sorted by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

impl Storage {
    /// The text of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.key == key).map(|attribute| attribute.value.as_str())
    }

    /// Whether the volume outlives the container.
    pub fn is_persistent(&self) -> bool {
        self.attribute("persistent") == Some("true")
    }
}

/// How an exposed port is reached from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointKind {
    /// By host name through the shared HTTP proxy.
    #[default]
    SharedHttp,
    /// By a port that the provider chooses.
    RandomPort,
    /// By an address that is leased for the deployment.
    LeasedIp,
}

impl EndpointKind {
    /// The number of the protobuf enum.
    pub fn number(self) -> i32 {
        match self {
            Self::SharedHttp => 0,
            Self::RandomPort => 1,
            Self::LeasedIp => 2,
        }
    }

    /// The kind of a protobuf number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::SharedHttp, Self::RandomPort, Self::LeasedIp].into_iter().find(|kind| kind.number() == number)
    }

    /// The name of the protobuf enum's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::SharedHttp => "SHARED_HTTP",
            Self::RandomPort => "RANDOM_PORT",
            Self::LeasedIp => "LEASED_IP",
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::SharedHttp
    }
}

impl Serialize for EndpointKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(self.number())
    }
}

impl<'de> Deserialize<'de> for EndpointKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i32::deserialize(deserializer)?;
        Self::from_number(number)
            .ok_or_else(|| serde::de::Error::custom(format!("{number} is not an endpoint kind (0, 1 or 2)")))
    }
}

/// One way in that a unit offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// How it is reached; left out of JSON when it is 0, the shared HTTP proxy.
    #[serde(default, skip_serializing_if = "EndpointKind::is_default")]
    pub kind: EndpointKind,
    /// Which leased address, from 1; 0 for the other kinds.
    #[serde(default)]
    pub sequence_number: u32,
}

/// All that one replica of a unit needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// The unit's number in its group, from 1.
    pub id: u32,
    /// Processor time.
    pub cpu: Cpu,
    /// Main memory.
    pub memory: Memory,
    /// Volumes, in canonical order.
    pub storage: Vec<Storage>,
    /// Graphics processors; none is 0 units.
    #[serde(default = "Gpu::none")]
    pub gpu: Gpu,
    /// Ways in.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub endpoints: Vec<Endpoint>,
}

/// Go writes a slice that was never made as `null`.
pub(crate) fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
