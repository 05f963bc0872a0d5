//! `services.<name>`.

use std::collections::BTreeMap;

use super::{each, expose};
use crate::error::{ErrorKind, SdlError};
use crate::field::Field;
use crate::model::{Credentials, Mount, Service, ServiceParams, Tee};

pub(super) fn service(field: &Field<'_>) -> Result<Service, SdlError> {
    const IMAGE: &str = "name a container image, such as `image: nginx:1.27`";
    let image = field.require("image", IMAGE)?;
    if image.text()?.is_empty() {
        return Err(image.error(ErrorKind::Value, "the image is empty", IMAGE));
    }
    Ok(Service {
        image: image.text()?.to_owned(),
        command: field.texts_of("command")?,
        args: field.texts_of("args")?,
        env: field.texts_of("env")?,
        expose: match field.get("expose")? {
            Some(list) => list.items()?.iter().map(expose::expose).collect::<Result<_, _>>()?,
            None => Vec::new(),
        },
        dependencies: dependencies(field)?,
        params: field.get("params")?.map(|params| service_params(&params)).transpose()?,
        credentials: field.get("credentials")?.map(|given| credentials(&given)).transpose()?,
    })
}

fn dependencies(field: &Field<'_>) -> Result<Vec<String>, SdlError> {
    let Some(list) = field.get("dependencies")? else {
        return Ok(Vec::new());
    };
    list.items()?.iter().map(|item| item.text_of("service")).collect()
}

fn service_params(field: &Field<'_>) -> Result<ServiceParams, SdlError> {
    Ok(ServiceParams {
        storage: match field.get("storage")? {
            Some(storage) => each(&storage, mount)?,
            None => BTreeMap::new(),
        },
        permissions: match field.get("permissions")? {
            Some(permissions) => Some(permissions.texts_of("read")?.unwrap_or_default()),
            None => None,
        },
        tee: field.get("tee")?.map(|given| tee(&given)).transpose()?,
    })
}

fn mount(field: &Field<'_>) -> Result<Mount, SdlError> {
    const ABSOLUTE: &str = "write where the volume should appear, such as `mount: /data`";
    let path = field.require("mount", ABSOLUTE)?;
    if !path.text()?.starts_with('/') {
        return Err(path.invalid("an absolute path", ABSOLUTE));
    }
    Ok(Mount { path: path.text()?.to_owned(), read_only: field.boolean_of("readOnly")? })
}

fn tee(field: &Field<'_>) -> Result<Tee, SdlError> {
    match field.text()? {
        "cpu" => Ok(Tee::Cpu),
        "cpu-gpu" => Ok(Tee::CpuGpu),
        _ => Err(field.invalid("`cpu` or `cpu-gpu`", "write one of the two, or remove `tee`")),
    }
}

fn credentials(field: &Field<'_>) -> Result<Credentials, SdlError> {
    for key in ["host", "username", "password"] {
        if field.text_of(key)?.trim().is_empty() {
            return Err(field.error(
                ErrorKind::Value,
                format!("`{key}` is missing or blank"),
                "give host, username and password of the registry, or remove `credentials`",
            ));
        }
    }
    Ok(Credentials {
        host: field.text_of("host")?,
        email: field.text_of("email")?,
        username: field.text_of("username")?,
        password: field.text_of("password")?,
    })
}
