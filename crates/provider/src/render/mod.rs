//! The render node: this machine renders frames of Blender scenes for creators, beside its leases, and audits what others
//! rendered (docs/protocol.md, "Renders"; docs/operations.md, "Render nodes").
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`] | what a node is told |
//! | [`desk`] | what creators and auditors may ask, behind a trait; the gateway speaks to nothing else |
//! | `counter`, `rights` | the answers, and who may have them by the chain's word |
//! | `node` | the node at work: window, signs of life, what is in hand |
//! | `tools` | the engine on this machine and its benchmark |
//! | `scenes`, `fetch` | scenes on disk, and how they come from others |
//! | `work`, `audits` | a unit from assignment to commitment; auditing and being audited |
//! | `cut` | what a unit is of its frame, in tiles |
//! | `trial` | a few tiles for an estimate |
//! | `records` | what must be on disk before a message that needs it later |
//! | `chain`, `trouble`, `board` | queries; failures and their codes; what the node says of itself |
//!
//! ```text
//! benchmark ─▶ EnableNode ─▶ Beat …
//!              Work ─▶ fetch ─▶ render ─▶ finish ─▶ disk ─▶ CommitFrame ─▶ (drawn) OpenFrame
//!              Duties ─▶ fetch ─▶ render tiles ─▶ disk ─▶ CommitAudit ─▶ (opened) RevealAudit
//! ```
//!
//! One render runs at a time; the next scene is fetched meanwhile. When the chain takes the window away, everything ends at once
//! with all of its processes, and the window is offered again when there is room.

mod audits;
mod board;
mod chain;
pub mod config;
mod counter;
mod cut;
pub mod desk;
mod fetch;
pub(crate) mod node;
mod records;
mod rights;
mod scenes;
mod tools;
mod trial;
mod trouble;
mod work;

use client::render::RenderStatus;
use client::{Auth, Gateway, GatewayError};

use crate::home::{Home, HomeError};

pub use config::{RenderConfig, RenderTier};

/// Writes into `provider.json` that this machine is a render node. An agent that runs follows within seconds: it measures the
/// machine and offers the window. `options.enabled` does not matter.
///
/// # Errors
/// When the folder is no agent's, or cannot be written.
pub fn enable(home: &Home, options: RenderConfig) -> Result<RenderConfig, HomeError> {
    let mut config = home.config()?;
    let render = RenderConfig { enabled: true, leave: false, ..options };
    config.render = Some(render.clone());
    home.rewrite(&config)?;
    Ok(render)
}

/// Writes into `provider.json` that this machine is a render node no more. An agent that runs follows within seconds: what it
/// renders ends, and goes back at nobody's fault. One that leaves for good is paid what is kept back of it, as soon as the chain
/// lets it, if the agent runs then.
///
/// # Errors
/// As [`enable`].
pub fn disable(home: &Home, leave: bool) -> Result<(), HomeError> {
    let mut config = home.config()?;
    if let Some(render) = &mut config.render {
        (render.enabled, render.leave) = (false, leave);
    }
    home.rewrite(&config)
}

/// What the node of a folder says of itself, asked of its gateway, which must show its own certificate. `auth` names the
/// provider's account.
///
/// # Errors
/// [`GatewayError`] when the agent does not run or renders nothing.
pub async fn status(gateway: &str, trust: client::Trust, auth: Auth) -> Result<RenderStatus, GatewayError> {
    Gateway::new(gateway, trust, auth)?.render_status().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProviderConfig;

    #[test]
    fn a_node_is_enabled_and_disabled_by_its_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let (gateway, proxy) = ("127.0.0.1:8443".parse().unwrap(), "127.0.0.1:8080".parse().unwrap());
        let config = ProviderConfig::new("http://127.0.0.1:1", "provider", "/keys", "agent", gateway, proxy);
        home.init(&config).unwrap();
        disable(&home, false).unwrap();
        assert_eq!(home.config().unwrap(), config);
        let options = RenderConfig { cpu_milli: 3000, ..RenderConfig::default() };
        let enabled = enable(&home, options.clone()).unwrap();
        assert_eq!(enabled, RenderConfig { enabled: true, ..options.clone() });
        assert_eq!(home.config().unwrap().render, Some(enabled));
        disable(&home, true).unwrap();
        assert_eq!(home.config().unwrap().render, Some(RenderConfig { leave: true, ..options.clone() }));
        assert_eq!(enable(&home, options.clone()).unwrap(), RenderConfig { enabled: true, ..options });
    }
}
