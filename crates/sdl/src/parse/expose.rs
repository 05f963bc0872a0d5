//! `services.<name>.expose[]`.

use crate::error::{ErrorKind, SdlError};
use crate::field::Field;
use crate::model::{Expose, ExposeTo, HttpOptions, Protocol};

const MAX_BODY: u32 = 104_857_600;
const MAX_BUFFER: u32 = 1_048_576;
const MAX_TIMEOUT: u32 = 60_000;
const NEXT_CASES: [&str; 10] = ["error", "timeout", "500", "502", "503", "504", "403", "404", "429", "off"];

pub(super) fn expose(field: &Field<'_>) -> Result<Expose, SdlError> {
    Ok(Expose {
        port: field.uint32_of("port")?,
        external: field.uint32_of("as")?,
        protocol: protocol(field)?,
        accept: accept(field)?,
        to: match field.get("to")? {
            Some(list) => list.items()?.iter().map(direction).collect::<Result<_, _>>()?,
            None => Vec::new(),
        },
        http_options: match field.get("http_options")? {
            Some(options) => http_options(&options)?,
            None => HttpOptions::default(),
        },
    })
}

fn protocol(field: &Field<'_>) -> Result<Protocol, SdlError> {
    let Some(given) = field.get("proto")? else {
        return Ok(Protocol::Tcp);
    };
    match given.text()?.to_ascii_uppercase().as_str() {
        "TCP" | "" => Ok(Protocol::Tcp),
        "UDP" => Ok(Protocol::Udp),
        _ => Err(given.invalid("tcp or udp", "write `proto: tcp` or `proto: udp`")),
    }
}

/// Names that could not stand in a URL at all are refused here; the rules of DNS belong to the manifest.
fn accept(field: &Field<'_>) -> Result<Option<Vec<String>>, SdlError> {
    if let Some(list) = field.get("accept")? {
        for item in list.items()? {
            if item.text()?.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c)) {
                return Err(item.invalid("a host name", "write the bare name, such as `www.example.com`"));
            }
        }
    }
    field.texts_of("accept")
}

fn direction(field: &Field<'_>) -> Result<ExposeTo, SdlError> {
    Ok(ExposeTo { service: field.text_of("service")?, global: field.boolean_of("global")?, ip: field.text_of("ip")? })
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            max_body_size: 1_048_576,
            read_timeout: MAX_TIMEOUT,
            send_timeout: MAX_TIMEOUT,
            next_tries: 3,
            next_timeout: 0,
            next_cases: vec!["error".to_owned(), "timeout".to_owned()],
            proxy_buffer_size: 0,
        }
    }
}

/// Zero means the default, as in the Go parser.
fn http_options(field: &Field<'_>) -> Result<HttpOptions, SdlError> {
    let default = HttpOptions::default();
    Ok(HttpOptions {
        max_body_size: bounded(field, "max_body_size", default.max_body_size, MAX_BODY)?,
        read_timeout: bounded(field, "read_timeout", default.read_timeout, MAX_TIMEOUT)?,
        send_timeout: bounded(field, "send_timeout", default.send_timeout, MAX_TIMEOUT)?,
        next_tries: bounded(field, "next_tries", default.next_tries, u32::MAX)?,
        next_timeout: field.uint32_of("next_timeout")?,
        next_cases: next_cases(field)?.unwrap_or(default.next_cases),
        proxy_buffer_size: bounded(field, "proxy_buffer_size", 0, MAX_BUFFER)?,
    })
}

fn bounded(field: &Field<'_>, key: &str, default: u32, limit: u32) -> Result<u32, SdlError> {
    let Some(given) = field.get(key)? else {
        return Ok(default);
    };
    match given.uint32()? {
        0 => Ok(default),
        value if value <= limit => Ok(value),
        value => {
            Err(given.error(ErrorKind::Value, format!("`{key}` is {value}, at most {limit} is allowed"), "lower it"))
        }
    }
}

fn next_cases(field: &Field<'_>) -> Result<Option<Vec<String>>, SdlError> {
    let Some(list) = field.get("next_cases")? else {
        return Ok(None);
    };
    let items = list.items()?;
    for item in &items {
        let case = item.text()?;
        if !NEXT_CASES.contains(&case) {
            return Err(item.invalid("a known case", format!("choose from {}", NEXT_CASES.join(", "))));
        }
        if case == "off" && items.len() > 1 {
            return Err(item.error(
                ErrorKind::Rule,
                "`off` stands beside other cases",
                "write `next_cases: [\"off\"]` alone, or remove it",
            ));
        }
    }
    Ok(field.texts_of("next_cases")?.filter(|cases| !cases.is_empty()))
}
