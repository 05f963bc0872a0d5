//! Answers cut down to the services that a token names.

use client::claims::Services;
use serde_json::Value;

/// The state of a lease, without services that the token does not name.
pub(super) fn status(mut status: Value, services: &Services) -> Value {
    for part in ["services", "forwarded_ports", "ips"] {
        if let Some(by_service) = status.get_mut(part).and_then(Value::as_object_mut) {
            by_service.retain(|name, _| services.contain(name));
        }
    }
    status
}

/// A manifest, without services that the token does not name.
pub(super) fn manifest(mut manifest: Value, services: &Services) -> Value {
    for group in manifest.as_array_mut().into_iter().flatten() {
        if let Some(list) = group.get_mut("services").and_then(Value::as_array_mut) {
            let name = |service: &Value| service.get("name").and_then(Value::as_str).map(str::to_owned);
            list.retain(|service| name(service).is_some_and(|name| services.contain(&name)));
        }
    }
    manifest
}

/// The services whose logs are sent: those that were asked for, or all that the token names; none when one was asked
/// for that the token does not name.
pub(super) fn asked(asked: Vec<String>, services: &Services) -> Result<Vec<String>, String> {
    match (services, asked.iter().find(|name| !services.contain(name))) {
        (_, Some(foreign)) => Err(foreign.clone()),
        (Services::Only(names), None) if asked.is_empty() => Ok(names.iter().cloned().collect()),
        _ => Ok(asked),
    }
}

/// A service of a manifest that the token does not name; none when it names them all, or the body is no manifest.
pub(super) fn foreign(body: &[u8], services: &Services) -> Option<String> {
    if *services == Services::All {
        return None;
    }
    let groups: Value = serde_json::from_slice(body).ok()?;
    let listed = groups.as_array()?.iter().filter_map(|group| group.get("services")?.as_array()).flatten();
    let names = listed.filter_map(|service| service.get("name")?.as_str());
    names.into_iter().find(|name| !services.contain(name)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn only_web() -> Services {
        Services::Only(["web".to_owned()].into())
    }

    #[test]
    fn answers_hold_only_what_the_token_names() {
        let full = json!({
            "services": { "web": 1, "db": 2 }, "forwarded_ports": { "db": [] }, "ips": null
        });
        assert_eq!(status(full.clone(), &only_web())["services"], json!({ "web": 1 }));
        assert_eq!(status(full.clone(), &only_web())["forwarded_ports"], json!({}));
        assert_eq!(status(full.clone(), &Services::All), full);
        let groups = json!([{ "name": "g", "services": [{ "name": "web" }, { "name": "db" }, {}] }]);
        let body = groups.to_string();
        assert_eq!(foreign(body.as_bytes(), &only_web()), Some("db".to_owned()));
        assert_eq!(foreign(body.as_bytes(), &Services::All), None);
        assert_eq!(foreign(b"[", &only_web()), None);
        assert_eq!(manifest(groups, &only_web()), json!([{ "name": "g", "services": [{ "name": "web" }] }]));
    }

    #[test]
    fn logs_of_services_that_the_token_does_not_name_are_refused() {
        assert_eq!(asked(vec![], &only_web()), Ok(vec!["web".to_owned()]));
        assert_eq!(asked(vec![], &Services::All), Ok(vec![]));
        assert_eq!(asked(vec!["db".to_owned()], &only_web()), Err("db".to_owned()));
    }
}
