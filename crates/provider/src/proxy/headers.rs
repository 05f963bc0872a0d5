//! What a proxy changes in a message.

use std::net::IpAddr;

use hyper::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// The host that a request is for, lower-case and without port; none when it names none or several.
pub(super) fn host_of(parts: &request::Parts) -> Option<String> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = match (parts.uri.authority(), hosts.next(), hosts.next()) {
        (_, _, Some(_)) => return None,
        (Some(authority), ..) => authority.host().to_owned(),
        (None, Some(host), None) => host.to_str().ok()?.parse::<hyper::http::uri::Authority>().ok()?.host().to_owned(),
        (None, None, None) => return None,
    };
    Some(host.strip_suffix('.').unwrap_or(&host).to_ascii_lowercase())
}

/// The protocol that a message changes to, if it does.
pub(super) fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let tokens = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = tokens.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    headers.get(UPGRADE).filter(|_| named).cloned()
}

/// Removes what concerns one connection only (RFC 9110, 7.6.1), but for a change of protocol where it is passed on.
pub(super) fn end_to_end(headers: &mut HeaderMap, upgrades: bool) {
    let upgrade = upgrade_of(headers).filter(|_| upgrades);
    let values: Vec<HeaderValue> = headers.get_all(CONNECTION).iter().cloned().collect();
    let tokens = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for name in tokens.filter_map(|token| HeaderName::try_from(token.trim()).ok()) {
        headers.remove(name);
    }
    let own = [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER];
    for name in own.into_iter().chain([TRANSFER_ENCODING, UPGRADE]) {
        headers.remove(name);
    }
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

/// Tells the service who asked. What the client itself says of earlier proxies is kept before it.
pub(super) fn forwarded(headers: &mut HeaderMap, client: IpAddr, host: &str) {
    let earlier = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let all: Vec<String> = earlier.map(str::to_owned).chain([client.to_string()]).collect();
    if let Ok(value) = HeaderValue::try_from(all.join(", ")) {
        headers.insert(FORWARDED_FOR, value);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
    if let Ok(value) = HeaderValue::try_from(host) {
        headers.insert(FORWARDED_HOST, value);
    }
}
