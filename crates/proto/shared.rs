/// An older package, the module of newer types, and messages by their older name and the newer type's.
type Shared = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Messages of the older Akash API whose wire form is that of a newer one, package by package. They share its Rust types,
/// so that nothing needs to be translated; the descriptors keep their own names. `tests/older.rs` compares the forms.
const SHARED: [Shared; 9] = [
    (
        "akash.base.v1beta3",
        "akash::base::attributes::v1",
        &[("Attribute", "Attribute"), ("SignedBy", "SignedBy"), ("PlacementRequirements", "PlacementRequirements")],
    ),
    (
        "akash.base.v1beta3",
        "akash::base::resources::v1beta4",
        &[
            ("ResourceValue", "ResourceValue"),
            ("CPU", "Cpu"),
            ("GPU", "Gpu"),
            ("Memory", "Memory"),
            ("Storage", "Storage"),
            ("Endpoint", "Endpoint"),
            ("Resources", "Resources"),
        ],
    ),
    ("akash.deployment.v1beta3", "akash::deployment::v1", &[("DeploymentID", "DeploymentId"), ("GroupID", "GroupId")]),
    (
        "akash.deployment.v1beta3",
        "akash::deployment::v1beta4",
        &[("DeploymentFilters", "DeploymentFilters"), ("GroupSpec", "GroupSpec"), ("ResourceUnit", "ResourceUnit")],
    ),
    ("akash.market.v1beta4", "akash::market::v1", &[("OrderID", "OrderId")]),
    ("akash.market.v1beta4", "akash::market::v1beta5", &[("OrderFilters", "OrderFilters")]),
    (
        "akash.cert.v1beta3",
        "akash::cert::v1",
        &[
            ("CertificateID", "Id"),
            ("Certificate", "Certificate"),
            ("CertificateFilter", "CertificateFilter"),
            ("CertificateResponse", "CertificateResponse"),
        ],
    ),
    ("akash.provider.v1beta3", "akash::provider::v1beta4", &[("ProviderInfo", "Info"), ("Provider", "Provider")]),
    ("akash.audit.v1beta3", "akash::audit::v1", &[("Provider", "AuditedProvider")]),
];
