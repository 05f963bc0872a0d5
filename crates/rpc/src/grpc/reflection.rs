//! gRPC reflection, v1 and v1alpha, of what is answered and nothing else.

use std::collections::BTreeSet;

use axum::Router;
use prost_types::FileDescriptorSet;
use proto::Message;
use tonic_reflection::server::Builder;

use super::ServeError;
use crate::descriptors::{Catalog, path_of};

/// The descriptor set without the methods that nobody answers, and without services that have none left.
fn answered_only(answered: &BTreeSet<&'static str>) -> Result<FileDescriptorSet, ServeError> {
    let decoded = FileDescriptorSet::decode(proto::DESCRIPTORS);
    let mut set = decoded.map_err(|error| ServeError::Reflection(error.to_string()))?;
    for file in &mut set.file {
        let package = file.package.clone().unwrap_or_default();
        for service in &mut file.service {
            let name = service.name.clone().unwrap_or_default();
            let path = |method: &str| format!("/{package}.{name}/{method}");
            service.method.retain(|method| answered.contains(path(method.name()).as_str()));
        }
        file.service.retain(|service| !service.method.is_empty());
    }
    Ok(set)
}

/// The two services.
pub(super) fn router(catalog: &Catalog, answered: &BTreeSet<&'static str>) -> Result<Router, ServeError> {
    let set = answered_only(answered)?;
    let methods = catalog.methods().filter(|method| answered.contains(path_of(method).as_str()));
    let services: BTreeSet<String> = methods.map(|method| method.parent_service().full_name().to_owned()).collect();
    let builder = |own: &str| {
        let builder = Builder::configure().register_file_descriptor_set(set.clone()).with_service_name(own);
        services.iter().fold(builder, |builder, name| builder.with_service_name(name))
    };
    let refused = |error: tonic_reflection::server::Error| ServeError::Reflection(error.to_string());
    let v1 = builder("grpc.reflection.v1.ServerReflection").build_v1().map_err(refused)?;
    let v1alpha = builder("grpc.reflection.v1alpha.ServerReflection").build_v1alpha().map_err(refused)?;
    Ok(Router::new()
        .route_service("/grpc.reflection.v1.ServerReflection/{*method}", v1)
        .route_service("/grpc.reflection.v1alpha.ServerReflection/{*method}", v1alpha))
}
