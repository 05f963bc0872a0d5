//! What is deployed for a device: one service of one replica.

use sdl::Sdl;
use serde_json::json;

use super::slots::Shape;
use crate::cluster::config::LeaseConfig;
use crate::cluster::pods::SERVICE;
use crate::inventory::TUN;

/// Names what runs in a lease, for programs in it: a lease that was told of something else may still run what it ran before.
pub(super) const EDITION: &str = "TETRA_EDITION";
/// A port that nothing of ours listens at: the network wants one that is open to the world.
const PORT: u16 = 8_080;

/// What runs in a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) image: String,
    pub(super) command: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) edition: u64,
}

impl Content {
    /// What runs while nothing is hired.
    pub(super) fn idle(lease: &LeaseConfig, edition: u64) -> Self {
        let wait = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";
        let command = ["/bin/sh", "-c", wait].map(str::to_owned).to_vec();
        Self { image: lease.image.clone(), command, env: Vec::new(), edition }
    }

    /// The file that deploys it with what comes with a device. The order is the same whatever the content.
    ///
    /// # Errors
    /// What the network would not take.
    pub(super) fn file(&self, shape: &Shape) -> Result<Sdl, String> {
        let edition = (EDITION.to_owned(), self.edition.to_string());
        let env: Vec<String> =
            self.env.iter().chain([&edition]).map(|(name, value)| format!("{name}={value}")).collect();
        let resources = json!({
            "cpu": { "units": format!("{}m", shape.cpu_milli) },
            "memory": { "size": shape.memory.to_string() },
            "storage": { "size": shape.storage.to_string() },
        });
        let service = json!({
            "image": self.image, "command": self.command, "env": env,
            "expose": [{ "port": PORT, "as": PORT, "to": [{ "global": true }] }],
        });
        let price = json!({ "denom": shape.denom, "amount": shape.most.0.to_string() });
        let mut placement = json!({ "pricing": { SERVICE: price } });
        if shape.tun {
            placement["attributes"] = json!({ TUN: "true" });
        }
        // JSON is YAML.
        let text = json!({
            "version": "2.0",
            "services": { SERVICE: service },
            "profiles": {
                "compute": { SERVICE: { "resources": resources } },
                "placement": { "lease": placement },
            },
            "deployment": { SERVICE: { "lease": { "profile": SERVICE, "count": 1 } } },
        })
        .to_string();
        let file = Sdl::parse(&text).map_err(|error| error.to_string())?;
        file.validate().map_err(|error| error.to_string())?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::config::ClusterConfig;

    fn lease() -> LeaseConfig {
        let text = r#"{"node":"http://127.0.0.1:1","prefix":"akash","gas_price":"0.0025","gas_denom":"uakt","denom":"uact",
            "most":"100","deposit":5000000,"rate":"1","margin_bp":2000,"image":"debian:stable-slim"}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_order_stays_whatever_runs_and_every_edition_has_a_hash_of_its_own() {
        let lease = lease();
        let shape = Shape::of(&ClusterConfig::default(), &lease);
        let idle = Content::idle(&lease, 1);
        let hired = Content {
            image: "ray:latest".to_owned(),
            command: vec!["sh".to_owned(), "-c".to_owned(), "echo \"a\": {b}\nc".to_owned()],
            env: vec![("A".to_owned(), "b=c: \"d\"".to_owned())],
            edition: 2,
        };
        let [idle, again, hired] =
            [&idle, &Content { edition: 3, ..idle.clone() }, &hired].map(|content| content.file(&shape).unwrap());
        assert_eq!(idle.group_messages(), hired.group_messages());
        assert_ne!(idle.manifest().hash(), again.manifest().hash());
        let service = hired.manifest().canonical_json();
        assert!(service.contains(r#"A=b=c: \"d\""#) && service.contains("TETRA_EDITION=2"), "{service}");
        assert!(Content { image: String::new(), ..Content::idle(&lease, 1) }.file(&shape).is_err());
    }

    #[test]
    fn providers_that_permit_network_devices_are_asked_for_by_their_attribute() {
        let required = |lease: &LeaseConfig| {
            let shape = Shape::of(&ClusterConfig::default(), lease);
            let file = Content::idle(lease, 1).file(&shape).unwrap();
            file.group_messages()
                .iter()
                .flat_map(|group| group.requirements.clone().unwrap().attributes)
                .collect::<Vec<_>>()
        };
        assert!(required(&lease()).is_empty());
        let asked = required(&LeaseConfig { tun: true, ..lease() });
        assert_eq!((asked[0].key.as_str(), asked[0].value.as_str()), ("feat-tun", "true"));
    }
}
