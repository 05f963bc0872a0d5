//! Whether this provider is what an order asks for (spec/akash.md 1.7): the same rule by which the chain judges a bid,
//! so that no fee is paid for one that it would refuse.

use sdl::GroupSpec;
use sdl::resources::{Attribute, Storage};

const STORAGE: &str = "capabilities/storage/";

/// The first wish of a group's placement that the provider's attributes do not meet.
pub(crate) fn unmet<'a>(group: &'a GroupSpec, provider: &[Attribute]) -> Option<&'a Attribute> {
    group.attributes.iter().find(|wanted| !provider.iter().any(|found| meets(wanted, &found.key, &found.value)))
}

/// Whether one of the provider's kinds of storage has all that a volume asks for.
pub(crate) fn has_storage(volume: &Storage, provider: &[Attribute]) -> bool {
    let kinds = || {
        let storage = |attribute: &'_ Attribute| -> Option<(String, String)> {
            let (number, key) = attribute.key.strip_prefix(STORAGE)?.split_once('/')?;
            Some((number.to_owned(), key.to_owned()))
        };
        provider.iter().filter_map(move |attribute| Some((storage(attribute)?, attribute.value.as_str())))
    };
    let has =
        |number: &str, wanted: &Attribute| kinds().any(|((of, key), value)| of == number && meets(wanted, &key, value));
    volume.attributes.is_empty()
        || kinds().any(|((number, _), _)| volume.attributes.iter().all(|wanted| has(&number, wanted)))
}

fn meets(wanted: &Attribute, key: &str, value: &str) -> bool {
    wanted.value == value && glob(&wanted.key, key)
}

/// Shell patterns in which `*` does not cross a slash.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            let reach = rest.find('/').unwrap_or(rest.len());
            (0..=reach).filter(|end| rest.is_char_boundary(*end)).any(|end| glob(after, &rest[end..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sdl::resources::Quantity;

    #[test]
    fn a_star_stops_at_a_slash() {
        for (pattern, text, matches) in [
            ("region", "region", true),
            ("region", "regions", false),
            ("vendor/nvidia/model/*", "vendor/nvidia/model/a100", true),
            ("vendor/nvidia/model/*", "vendor/nvidia/model/a100/ram/80Gi", false),
            ("vendor/*/model/a100", "vendor/nvidia/model/a100", true),
            ("vendor*", "vendor", true),
            ("*a*b", "xaxb", true),
            ("*a*b", "xax/b", false),
            ("a*ab", "ab", false),
            ("é*", "éé", true),
        ] {
            assert_eq!(glob(pattern, text), matches, "{pattern} against {text}");
        }
    }

    #[test]
    fn a_volume_needs_all_of_its_attributes_in_one_kind() {
        let provider = [
            Attribute::new("capabilities/storage/1/class", "default"),
            Attribute::new("capabilities/storage/1/persistent", "true"),
            Attribute::new("capabilities/storage/2/class", "ram"),
            Attribute::new("capabilities/storage/2/persistent", "false"),
        ];
        let volume = |class: &str, persistent: &str| Storage {
            name: "data".into(),
            size: Quantity(1),
            attributes: vec![Attribute::new("class", class), Attribute::new("persistent", persistent)],
        };
        assert!(has_storage(&volume("default", "true"), &provider));
        assert!(has_storage(&volume("ram", "false"), &provider));
        assert!(!has_storage(&volume("ram", "true"), &provider));
        assert!(!has_storage(&volume("beta3", "true"), &provider));
    }
}
