//! What a token says, and what it permits (spec/akash.md 3.2). Read strictly: a field that is not understood could be
//! a restriction that is then not enforced.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The claims of a token, as its owner wrote them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The owner, bech32.
    pub iss: String,
    /// Issued at, seconds since 1970.
    pub iat: u64,
    /// Not before.
    pub nbf: u64,
    /// Expires at.
    pub exp: u64,
    /// A name of the token, for its owner's use; gateways keep no list of names that were seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// `v1`.
    pub version: String,
    /// What it permits.
    pub leases: Access,
}

/// What a token permits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "access", rename_all = "lowercase", deny_unknown_fields)]
pub enum Access {
    /// Everything the owner may do.
    Full {},
    /// These actions, with every provider.
    Scoped {
        /// The actions.
        scope: Vec<Scope>,
    },
    /// Each provider has its own permission.
    Granular {
        /// The permissions.
        permissions: Vec<Permission>,
    },
}

/// What a token permits with one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "access", rename_all = "lowercase", deny_unknown_fields)]
pub enum Permission {
    /// Everything.
    Full {
        /// The provider, bech32.
        provider: String,
    },
    /// These actions, on every lease.
    Scoped {
        /// The provider, bech32.
        provider: String,
        /// The actions.
        scope: Vec<Scope>,
    },
    /// Each deployment has its own actions.
    Granular {
        /// The provider, bech32.
        provider: String,
        /// The deployments.
        deployments: Vec<DeploymentGrant>,
    },
}

/// What a token permits with one deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentGrant {
    /// The deployment.
    pub dseq: u64,
    /// The actions.
    pub scope: Vec<Scope>,
    /// The services that they apply to.
    pub services: Vec<String>,
    /// Only this group; 0 for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gseq: Option<u32>,
    /// Only this order; 0 for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oseq: Option<u32>,
}

/// An action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names of spec/akash.md 3.2")]
pub enum Scope {
    SendManifest,
    GetManifest,
    Logs,
    Shell,
    Events,
    Status,
    Restart,
    HostnameMigrate,
    IpMigrate,
    Attestation,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::SendManifest,
        Self::GetManifest,
        Self::Logs,
        Self::Shell,
        Self::Events,
        Self::Status,
        Self::Restart,
        Self::HostnameMigrate,
        Self::IpMigrate,
        Self::Attestation,
    ];

    /// Its name in tokens.
    pub fn name(self) -> &'static str {
        match self {
            Self::SendManifest => "send-manifest",
            Self::GetManifest => "get-manifest",
            Self::Logs => "logs",
            Self::Shell => "shell",
            Self::Events => "events",
            Self::Status => "status",
            Self::Restart => "restart",
            Self::HostnameMigrate => "hostname-migrate",
            Self::IpMigrate => "ip-migrate",
            Self::Attestation => "attestation",
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.name() == text);
        known.ok_or_else(|| format!("no scope {text:?}; there are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// What is to be done to which deployment or lease.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The deployment; none for actions on several.
    pub dseq: Option<u64>,
    /// The lease within it; none for the whole deployment.
    pub lease: Option<(u32, u32)>,
}

/// The services that an action is permitted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Services {
    /// Every one.
    All,
    /// Only these.
    Only(BTreeSet<String>),
}

impl Services {
    /// Whether a service is among them.
    pub fn contain(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }
}

impl Claims {
    /// Reads claims.
    ///
    /// # Errors
    /// With the reason.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let claims: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        claims.check().map(|()| claims)
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    /// With the reason.
    pub fn check(&self) -> Result<(), String> {
        if self.version != "v1" {
            return Err(format!("version {:?} is not known; it must be \"v1\"", self.version));
        }
        if self.jti.as_deref() == Some("") {
            return Err("jti is empty; leave it out".to_owned());
        }
        if self.nbf > self.iat || self.iat > self.exp {
            return Err("times must be in the order nbf, iat, exp".to_owned());
        }
        self.leases.check()
    }

    /// The providers that it names, bech32; none where it is for all of them.
    pub fn providers(&self) -> Vec<&str> {
        match &self.leases {
            Access::Full {} | Access::Scoped { .. } => Vec::new(),
            Access::Granular { permissions } => permissions.iter().map(Permission::provider).collect(),
        }
    }

    /// Whether everything is permitted with `provider`, leases or not.
    pub fn is_full_with(&self, provider: &str) -> bool {
        match &self.leases {
            Access::Full {} => true,
            Access::Scoped { .. } => false,
            Access::Granular { permissions } => {
                permissions.iter().any(|one| matches!(one, Permission::Full { provider: of } if of == provider))
            }
        }
    }

    /// The services of `target` for which `provider` may do `action`; none when it may not.
    pub fn permit(&self, provider: &str, action: Scope, target: Target) -> Option<Services> {
        match &self.leases {
            Access::Full {} => Some(Services::All),
            Access::Scoped { scope } => scope.contains(&action).then_some(Services::All),
            Access::Granular { permissions } => {
                let own = permissions.iter().find(|permission| permission.provider() == provider)?;
                own.permit(action, target)
            }
        }
    }
}

impl Access {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Full {} => Ok(()),
            Self::Scoped { scope } => check_list("leases.scope", scope),
            Self::Granular { permissions } => {
                let providers: Vec<_> = permissions.iter().map(Permission::provider).collect();
                check_list("leases.permissions (by provider)", &providers)?;
                permissions.iter().try_for_each(Permission::check)
            }
        }
    }
}

impl Permission {
    /// The provider, bech32.
    pub fn provider(&self) -> &str {
        match self {
            Self::Full { provider } | Self::Scoped { provider, .. } | Self::Granular { provider, .. } => provider,
        }
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Full { .. } => Ok(()),
            Self::Scoped { scope, .. } => check_list("scope", scope),
            Self::Granular { deployments, .. } if deployments.is_empty() => Err("deployments is empty".to_owned()),
            Self::Granular { deployments, .. } => deployments.iter().try_for_each(DeploymentGrant::check),
        }
    }

    fn permit(&self, action: Scope, target: Target) -> Option<Services> {
        match self {
            Self::Full { .. } => Some(Services::All),
            Self::Scoped { scope, .. } => scope.contains(&action).then_some(Services::All),
            Self::Granular { deployments, .. } => {
                let granted = deployments.iter().filter(|grant| grant.covers(action, target));
                let services: BTreeSet<_> = granted.flat_map(|grant| grant.services.iter().cloned()).collect();
                (!services.is_empty()).then_some(Services::Only(services))
            }
        }
    }
}

impl DeploymentGrant {
    fn check(&self) -> Result<(), String> {
        if self.dseq == 0 {
            return Err("dseq must be at least 1".to_owned());
        }
        if self.oseq.is_some() && self.gseq.is_none() {
            return Err("oseq needs gseq".to_owned());
        }
        if self.services.iter().any(String::is_empty) {
            return Err("the name of a service is empty".to_owned());
        }
        check_list("scope", &self.scope)?;
        check_list("services", &self.services)
    }

    /// A grant for one group does not cover the deployment as a whole.
    fn covers(&self, action: Scope, target: Target) -> bool {
        let within = |wanted: Option<u32>, actual: Option<u32>| match wanted.filter(|number| *number > 0) {
            Some(wanted) => actual == Some(wanted),
            None => true,
        };
        let (gseq, oseq) = target.lease.unzip();
        self.scope.contains(&action)
            && target.dseq == Some(self.dseq)
            && within(self.gseq, gseq)
            && within(self.oseq, oseq)
    }
}

fn check_list<T: PartialEq>(name: &str, list: &[T]) -> Result<(), String> {
    if list.is_empty() {
        return Err(format!("{name} is empty"));
    }
    // Lists are as short as a request head, so that the square of their length is small.
    let twice = list.iter().enumerate().any(|(index, item)| list[..index].contains(item));
    if twice { Err(format!("{name} has an entry twice")) } else { Ok(()) }
}
