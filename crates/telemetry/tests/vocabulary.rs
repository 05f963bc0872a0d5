//! Log fields have the names of the vocabulary, in all of the tree, and the docs show them.

use std::fs;
use std::path::{Path, PathBuf};

use telemetry::fields::{self, is_known};

const MACROS: [&str; 10] = [
    "trace!(",
    "debug!(",
    "info!(",
    "warn!(",
    "error!(",
    "trace_span!(",
    "debug_span!(",
    "info_span!(",
    "warn_span!(",
    "error_span!(",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The text up to the bracket that closes the one before it, and whether strings in it end.
fn arguments(text: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return &text[..at];
                }
            }
            _ => {}
        }
    }
    panic!("a macro without an end: {}", &text[..text.len().min(80)]);
}

/// Split at commas that stand in no brackets and no string.
fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut escaped, mut from, mut parts) = (0, false, false, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts
}

/// The fields of a call of a macro of `tracing`; none for other macros of these names.
fn names(arguments: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in parts(arguments) {
        if part.starts_with("target:") || part.starts_with("parent:") || part.starts_with("name:") {
            continue;
        }
        // The message; what follows is formatted into it. A span's name comes first, and fields after it.
        if part.starts_with('"') {
            if names.is_empty() && !part.contains(' ') && parts(arguments).len() > 1 {
                continue;
            }
            break;
        }
        let name = part.split('=').next().unwrap_or(part).trim().trim_start_matches(['%', '?']);
        // `%backend.service` alone would be named after its path.
        names.push(name.to_owned());
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn fields_are_read_out_of_calls() {
    let read = |text: &str| names(arguments(text));
    assert_eq!(read(r#"lease = %lease, %error, "a, b {}", x); more"#), ["lease", "error"]);
    assert_eq!(read(r#"height, txs = a.len(), hash = %f(x, "y"), "text")"#), ["height", "txs", "hash"]);
    assert_eq!(read(r#""request", trace = Empty, route)"#), ["trace", "route"]);
    assert_eq!(read(r#""only a message")"#), [""; 0]);
    assert_eq!(read(r#"?proof, "x")"#), ["proof"]);
}

#[test]
fn no_other_names_are_used() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for name in ["client", "disk", "engine", "mempool", "node", "provider", "rpc", "tetra", "workload"] {
        sources(&crates.join(name).join("src"), &mut files);
    }
    let (mut calls, mut foreign) = (0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("!(") {
            let name_at =
                text[..at].rfind(|letter: char| !letter.is_alphanumeric() && letter != '_').map_or(0, |at| at + 1);
            let called = &text[name_at..at + 2];
            if !MACROS.contains(&called) {
                continue;
            }
            calls += 1;
            let unknown = names(arguments(&text[at + 2..])).into_iter().filter(|name| !is_known(name));
            let line = text[..at].lines().count();
            foreign.extend(unknown.map(|name| format!("{}:{line}: {name}", file.display())));
        }
    }
    assert!(calls > 80, "{calls} calls: the reader of sources is broken");
    let hint = "use a name of crates/telemetry/src/fields.rs, or put a new one there";
    assert!(foreign.is_empty(), "{hint}:\n{}", foreign.join("\n"));
}

#[test]
fn the_docs_show_the_vocabulary() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
    let docs = fs::read_to_string(path).unwrap();
    let (head, rest) = docs.split_once("<!-- fields: generated -->\n").unwrap();
    let (shown, tail) = rest.split_once("<!-- end of fields -->\n").unwrap();
    let table = fields::table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{head}<!-- fields: generated -->\n{table}<!-- end of fields -->\n{tail}");
        fs::write(path, text).unwrap();
        return;
    }
    assert_eq!(shown, table, "UPDATE_DOCS=1 cargo test -p telemetry writes the table anew");
}
