//! What agents say of their end of an overlay, checked.

/// The most addresses of a node, and the longest of them in bytes.
const MOST_ENDPOINTS: usize = 8;
const LONGEST_ENDPOINT: usize = 128;

/// Refuses what is no key of WireGuard.
pub(crate) fn check_key(key: &[u8]) -> Result<(), String> {
    if key.len() == 32 { Ok(()) } else { Err("a key of the overlay has 32 bytes".to_owned()) }
}

/// Refuses too many addresses, and unreadable ones.
pub(crate) fn check_endpoints(endpoints: &[String]) -> Result<(), String> {
    let readable = |text: &String| text.len() <= LONGEST_ENDPOINT && text.bytes().all(|byte| byte.is_ascii_graphic());
    match endpoints.len() <= MOST_ENDPOINTS && endpoints.iter().all(readable) {
        true => Ok(()),
        false => Err(format!("a node has at most {MOST_ENDPOINTS} addresses, host:port")),
    }
}
