//! What Cosmos clients ask for and this chain does not have, with the reason.

/// Packages, by the beginning of their names.
const ABSENT: [(&str, &str); 17] = [
    ("akash.bme", "there is no burn-and-mint of compute credits; every registered denom pays"),
    ("akash.oracle", "there is no price oracle; rates are what tenants and providers agree on"),
    ("akash.provider.v1", "it is asked of a provider's gateway, on its gRPC port"),
    ("akash.wasm", "there are no contracts"),
    ("cosmos.authz", "there are no grants to act for others"),
    ("cosmos.distribution", "there is no staking, so nothing is distributed; fees and takes lie in module accounts"),
    ("cosmos.evidence", "blocks carry no evidence yet"),
    ("cosmos.feegrant", "there are no fee grants; every transaction pays for itself"),
    ("cosmos.gov", "there is no governance yet; the genesis authority changes parameters"),
    ("cosmos.group", "there are no groups"),
    ("cosmos.mint", "nothing is minted; supply is what genesis says"),
    ("cosmos.nft", "there are no collectibles"),
    ("cosmos.params", "parameters are asked of each module"),
    ("cosmos.slashing", "there is no staking, so nothing is slashed"),
    ("cosmos.staking", "there is no staking yet; the genesis authority changes validators"),
    ("cosmwasm", "there are no contracts"),
    ("ibc", "there are no connections to other chains"),
];

/// Why a method or REST path, written with dots, is not answered, where its package is known.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    let within = |package: &str| name.strip_prefix(package).is_some_and(|rest| rest.starts_with('.'));
    ABSENT.iter().find(|(package, _)| within(package)).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn packages_are_told_apart_from_names_that_begin_alike() {
        assert!(reason("cosmos.staking.v1beta1.Query/Validators").is_some_and(|why| why.contains("staking")));
        assert!(reason("ibc.apps.transfer.v1.params").is_some());
        assert!(reason("akash.provider.v1.ProviderRPC/GetStatus").is_some());
        assert_eq!(reason("akash.provider.v1beta4.Query/Provider"), None);
        assert_eq!(reason("ibcx.v1.Query/A"), None);
        assert_eq!(reason("cosmos.bank.v1beta1.Query/Nothing"), None);
    }
}
