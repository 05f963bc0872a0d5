//! gRPC reflection, v1 and v1alpha, of what is answered and nothing else.

use std::collections::BTreeSet;

use axum::Router;
use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use proto::Message;
use tonic_reflection::server::Builder;

use super::ServeError;
use crate::descriptors::{Catalog, path_of};

/// The message that the descriptor set is.
const SET: &str = "google.protobuf.FileDescriptorSet";

/// The encoded descriptor set without the methods that nobody answers, and without services that have none left. It is
/// cut as a message that its own descriptors describe, so that options such as `google.api.http` stay.
fn answered_only(catalog: &Catalog, answered: &BTreeSet<&str>) -> Result<Vec<u8>, ServeError> {
    let odd = |what: &str| ServeError::Reflection(format!("the descriptor set {what}"));
    let kind = catalog.pool().get_message_by_name(SET).ok_or_else(|| odd("does not describe itself"))?;
    let decoded = DynamicMessage::decode(kind, proto::DESCRIPTORS);
    let mut set = decoded.map_err(|error| ServeError::Reflection(error.to_string()))?;
    for file in list(&mut set, "file").ok_or_else(|| odd("has no files"))? {
        let Value::Message(file) = file else { return Err(odd("holds a file that is none")) };
        let package = text(file, "package");
        let Some(services) = list(file, "service") else { continue };
        services.retain_mut(|service| {
            let Value::Message(service) = service else { return false };
            let name = text(service, "name");
            let Some(methods) = list(service, "method") else { return false };
            methods.retain(|method| {
                let method = method.as_message().map(|method| text(method, "name")).unwrap_or_default();
                answered.contains(format!("/{package}.{name}/{method}").as_str())
            });
            !methods.is_empty()
        });
    }
    Ok(set.encode_to_vec())
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A list of a message, where it is not empty.
fn list<'a>(message: &'a mut DynamicMessage, field: &str) -> Option<&'a mut Vec<Value>> {
    let field = message.descriptor().get_field_by_name(field)?;
    if !message.has_field(&field) {
        return None;
    }
    message.get_field_mut(&field).as_list_mut()
}

/// The two services, which tell of the methods at `answered`, paths such as `/cosmos.bank.v1beta1.Query/Balance`.
///
/// # Errors
/// When the descriptors of this program do not hold together.
pub fn reflection(answered: &BTreeSet<&str>) -> Result<Router, ServeError> {
    let catalog = Catalog::load()?;
    let set = answered_only(&catalog, answered)?;
    let methods = catalog.methods().filter(|method| answered.contains(path_of(method).as_str()));
    let services: BTreeSet<String> = methods.map(|method| method.parent_service().full_name().to_owned()).collect();
    let builder = |own: &str| {
        let builder = Builder::configure().register_encoded_file_descriptor_set(&set).with_service_name(own);
        services.iter().fold(builder, |builder, name| builder.with_service_name(name))
    };
    let refused = |error: tonic_reflection::server::Error| ServeError::Reflection(error.to_string());
    let v1 = builder("grpc.reflection.v1.ServerReflection").build_v1().map_err(refused)?;
    let v1alpha = builder("grpc.reflection.v1alpha.ServerReflection").build_v1alpha().map_err(refused)?;
    Ok(Router::new()
        .route_service("/grpc.reflection.v1.ServerReflection/{*method}", v1)
        .route_service("/grpc.reflection.v1alpha.ServerReflection/{*method}", v1alpha))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_reflect::DescriptorPool;

    #[test]
    fn what_is_told_is_what_is_answered_with_its_options() {
        let catalog = Catalog::load().unwrap();
        let answered = BTreeSet::from([
            "/cosmos.bank.v1beta1.Query/DenomOwners",
            "/cosmos.bank.v1beta1.Query/Params",
            "/akash.provider.v1.ProviderRPC/GetStatus",
        ]);
        let set = answered_only(&catalog, &answered).unwrap();
        let pool = DescriptorPool::decode(set.as_slice()).unwrap();
        let told: Vec<_> = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
        assert_eq!(told.iter().map(path_of).collect::<BTreeSet<_>>().len(), 3);
        for method in told {
            assert!(answered.contains(path_of(&method).as_str()), "{}", method.full_name());
            let before = catalog.methods().find(|other| other.full_name() == method.full_name()).unwrap();
            assert!(!method.options().encode_to_vec().is_empty(), "{} has no path in REST", method.full_name());
            assert_eq!(method.options().encode_to_vec(), before.options().encode_to_vec());
        }
        // Nothing else changes: with all methods the set stays what it is.
        let all: Vec<String> = catalog.methods().map(|method| path_of(&method)).collect();
        let all = answered_only(&catalog, &all.iter().map(String::as_str).collect()).unwrap();
        assert_eq!(all.len(), proto::DESCRIPTORS.len());
    }
}
