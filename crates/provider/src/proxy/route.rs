//! What is to be reached, and where it can be reached then.

use std::fmt;
use std::net::SocketAddr;

use sdl::model::{HttpOptions, Protocol};

/// One exposed port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Name of the service.
    pub service: String,
    /// How it is exposed.
    pub exposure: Exposure,
    /// The port of each running replica; may be empty while none runs.
    pub replicas: Vec<SocketAddr>,
}

/// How a port is exposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// By host name, as TCP port 80.
    Http {
        /// The host names that the tenant wants beside the provider's own.
        hosts: Vec<String>,
        /// Limits and time-outs.
        options: HttpOptions,
    },
    /// By a port of the provider.
    Port {
        /// The container's port.
        port: u16,
        /// The port that the deployment file names.
        external: u16,
        /// Transport.
        protocol: Protocol,
        /// The provider's port that it had before the agent was restarted; it gets this one or none.
        assigned: Option<u16>,
    },
}

/// Where a service can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// By URL.
    Http {
        /// Name of the service.
        service: String,
        /// URLs, the provider's own first.
        urls: Vec<String>,
    },
    /// By port.
    Port {
        /// Name of the service.
        service: String,
        /// The provider's host.
        host: String,
        /// The container's port.
        port: u16,
        /// The port that the deployment file names.
        external: u16,
        /// The provider's port, to be kept as [`Exposure::Port::assigned`].
        assigned: u16,
        /// Transport.
        protocol: Protocol,
    },
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { urls, .. } => f.write_str(&urls.join(" ")),
            Self::Port { host, assigned, .. } => write!(f, "{host}:{assigned}"),
        }
    }
}

impl Published {
    /// The service.
    pub fn service(&self) -> &str {
        match self {
            Self::Http { service, .. } | Self::Port { service, .. } => service,
        }
    }
}
