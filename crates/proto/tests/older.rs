//! The older Akash API as our descriptors say it, against what its clients carry.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

include!("../shared.rs");

/// Printed by `older_fields.py` from the descriptors inside the Python package `akash` 0.6.0.
const FIELDS: &str = include_str!("older_fields.txt");

fn pool() -> DescriptorPool {
    DescriptorPool::decode(proto::DESCRIPTORS).unwrap()
}

fn is_old(package: &str) -> bool {
    package.starts_with("akash.") && (package.ends_with(".v1beta3") || package == "akash.market.v1beta4")
}

fn kind(field: &FieldDescriptor) -> String {
    match field.kind() {
        Kind::Message(message) => format!("message {}", message.full_name()),
        Kind::Enum(one) => format!("enum {}", one.full_name()),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn lines_of_enum(one: &EnumDescriptor, lines: &mut BTreeSet<String>) {
    for value in one.values() {
        lines.insert(format!("{} = {} {}", one.full_name(), value.number(), value.name()));
    }
}

fn lines_of_message(message: &MessageDescriptor, lines: &mut BTreeSet<String>) {
    if message.fields().len() == 0 {
        lines.insert(format!("{} -", message.full_name()));
    }
    for field in message.fields() {
        let repeated = if field.is_list() { "repeated " } else { "" };
        let (number, name) = (field.number(), field.name());
        lines.insert(format!("{} {number} {name} {repeated}{}", message.full_name(), kind(&field)));
    }
    message.child_messages().for_each(|child| lines_of_message(&child, lines));
    message.child_enums().for_each(|child| lines_of_enum(&child, lines));
}

#[test]
fn every_field_enum_and_method_is_the_clients() {
    let (pool, mut ours) = (pool(), BTreeSet::new());
    for file in pool.files().filter(|file| is_old(file.package_name())) {
        file.messages().for_each(|message| lines_of_message(&message, &mut ours));
        file.enums().for_each(|one| lines_of_enum(&one, &mut ours));
        for method in file.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let (service, name) = (method.parent_service().full_name().to_owned(), method.name().to_owned());
            let (input, output) = (method.input(), method.output());
            ours.insert(format!("{service}/{name} {} -> {}", input.full_name(), output.full_name()));
        }
    }
    let theirs: BTreeSet<String> = FIELDS.lines().map(str::to_owned).collect();
    assert!(ours.len() > 250, "{}", ours.len());
    assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), [""; 0]);

    // Of a message that we have, all fields; and all methods.
    let known: BTreeSet<&str> = ours.iter().filter_map(|line| line.split(' ').next()).collect();
    let missing = theirs.difference(&ours).filter(|line| {
        let name = line.split(' ').next().unwrap_or_default();
        known.contains(name) || name.contains('/')
    });
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
}

/// The wire form, with the names of fields.
fn form(message: &MessageDescriptor) -> String {
    let fields = message.fields().map(|field| {
        let kind = match field.kind() {
            Kind::Message(inner) => format!("{{{}}}", form(&inner)),
            Kind::Enum(one) => one.values().map(|value| format!("{}={}|", value.name(), value.number())).collect(),
            other => format!("{other:?}"),
        };
        format!("{} {} {} {kind};", field.number(), field.name(), field.is_list())
    });
    fields.collect()
}

#[test]
fn messages_that_share_a_type_have_the_same_form() {
    let pool = pool();
    for (package, module, messages) in SHARED {
        for (name, shared) in messages {
            let old = pool.get_message_by_name(&format!("{package}.{name}")).unwrap();
            let successor = pool
                .all_messages()
                .find(|one| one.package_name() == module.replace("::", ".") && one.name().eq_ignore_ascii_case(shared))
                .unwrap_or_else(|| panic!("{module}::{shared}"));
            assert_eq!(form(&old), form(&successor), "{package}.{name}");
        }
    }
}
