//! Addresses on the web: where a provider is reached.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::refusals;
use crate::failure::Rejection;

/// Checks where a provider is reached: `https`, a host, perhaps a port, and nothing else.
///
/// # Errors
/// `provider` 2 when there is no scheme, `provider` 1 when anything else is wrong.
pub fn check_host_uri(text: &str) -> Result<(), Rejection> {
    let invalid = |why: &str| Err(refusals::invalid_uri(&format!("{why} in {text:?}; write https://host:port")));
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return Err(refusals::not_absolute_uri(&format!("no scheme in {text:?}; write https://host:port")));
    };
    if !scheme.eq_ignore_ascii_case("https") {
        return invalid("the scheme is not https");
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if !tail.is_empty() {
        return invalid("there is a path, query or fragment");
    }
    if authority.contains('@') {
        return invalid("there is a user name");
    }
    let Some((host, port)) = split_port(authority) else {
        return invalid("the host is malformed");
    };
    if !is_host(host) {
        return invalid("the host is missing or malformed");
    }
    if port.is_some_and(|port| !is_port(port)) {
        return invalid("the port is not 1 to 65535");
    }
    Ok(())
}

/// Checks a website that people read: empty, or without characters that no URI has.
///
/// # Errors
/// `provider` 8.
pub fn check_website(text: &str) -> Result<(), Rejection> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(refusals::invalid_website(&format!("{text:?} is no URI: it has spaces, control or other characters")))
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Host and port; the host of an IPv6 address keeps its brackets. None when brackets do not match.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if !authority.starts_with('[') {
        return Some(match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        });
    }
    let (host, rest) = authority.split_at(authority.find(']')? + 1);
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None => rest.is_empty().then_some((host, None)),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    let looks_numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if looks_numeric {
        return text.parse::<Ipv4Addr>().is_ok();
    }
    // A host name (RFC 1123): labels of letters, digits and hyphens, none longer than 63, 253 in all.
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
