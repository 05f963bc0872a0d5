//! What the strict schema of the TypeScript tools refuses although the Go parser takes it (spec/akash.md 2, 6.1).
//!
//! Most of it is keys that have no effect: a misspelled or unknown key is worth a warning even where it is allowed.

use std::fmt;

use crate::error::Place;
use crate::model::Sdl;
use crate::place::{Step, place, steps};
use crate::yaml::{Node, Value};

/// One finding of the lint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintWarning {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for LintWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.problem, self.remedy)
    }
}

/// Which keys a mapping may have. `*` in a path stands for any key or index.
const KEYS: [(&[&str], &[&str]); 16] = [
    (&["services", "*"], &["image", "command", "args", "env", "expose", "dependencies", "params", "credentials"]),
    (&["services", "*", "dependencies", "*"], &["service"]),
    (&["services", "*", "expose", "*"], &["port", "as", "proto", "accept", "to", "http_options"]),
    (&["services", "*", "expose", "*", "to", "*"], &["service", "global", "ip"]),
    (&["services", "*", "expose", "*", "http_options"], &HTTP_OPTIONS),
    (&["services", "*", "params"], &["storage", "permissions", "tee"]),
    (&["services", "*", "params", "storage", "*"], &["mount", "readOnly"]),
    (&["services", "*", "params", "permissions"], &["read"]),
    (&["services", "*", "credentials"], &["host", "email", "username", "password"]),
    (&["profiles"], &["compute", "placement"]),
    (&["profiles", "compute", "*"], &["resources"]),
    (&["profiles", "compute", "*", "resources"], &["cpu", "memory", "storage", "gpu"]),
    (&["profiles", "placement", "*"], &["attributes", "signedBy", "pricing"]),
    (&["profiles", "placement", "*", "signedBy"], &["allOf", "anyOf"]),
    (&["profiles", "placement", "*", "pricing", "*"], &["denom", "amount"]),
    (&["deployment", "*", "*"], &["profile", "count"]),
];

const HTTP_OPTIONS: [&str; 7] =
    ["max_body_size", "proxy_buffer_size", "read_timeout", "send_timeout", "next_tries", "next_timeout", "next_cases"];

impl Sdl {
    /// What the strict schema would refuse, in order of the file's sections.
    pub fn lint(&self) -> Vec<LintWarning> {
        let mut lint = Lint { root: &self.source, warnings: Vec::new() };
        lint.version();
        for (pattern, known) in KEYS {
            lint.keys(pattern, known);
        }
        lint.ports();
        lint.gpu_models();
        lint.placements();
        lint.credentials(self);
        lint.reclamation();
        lint.undeployed(self);
        lint.unmounted(self);
        lint.warnings
    }
}

struct Lint<'a> {
    root: &'a Node,
    warnings: Vec<LintWarning>,
}

impl<'a> Lint<'a> {
    fn warn(&mut self, path: &[Step<'_>], problem: impl Into<String>, remedy: impl Into<String>) {
        let place = place(self.root, path);
        self.warnings.push(LintWarning { place, problem: problem.into(), remedy: remedy.into() });
    }

    /// All values at a path with wildcards, each with its own path.
    fn at(&self, pattern: &[&'a str]) -> Vec<(Vec<Step<'a>>, &'a Node)> {
        let mut found = vec![(Vec::new(), self.root)];
        for key in pattern {
            found = found.into_iter().flat_map(|(path, node)| children(&path, node, key)).collect();
        }
        found
    }

    fn version(&mut self) {
        let version = self.root.entry("version").map(|entry| &entry.node.value);
        let exact = |text: &str| text == "2.0" || text == "2.1";
        if !matches!(version, Some(Value::Scalar { text, plain: false }) if exact(text)) {
            self.warn(
                steps!["version"],
                "the version is not the text 2.0 or 2.1",
                "write `version: \"2.0\"` with quotes",
            );
        }
    }

    fn keys(&mut self, pattern: &[&'a str], known: &[&str]) {
        for (path, node) in self.at(pattern) {
            let Value::Mapping(entries) = &node.value else {
                continue;
            };
            for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
                let path: Vec<Step<'_>> = path.iter().copied().chain([Step::Key(&entry.key)]).collect();
                let problem = format!("the key {:?} has no meaning here and is ignored", entry.key);
                self.warn(&path, problem, format!("remove it; known here: {}", known.join(", ")));
            }
        }
    }

    fn ports(&mut self) {
        for (path, node) in self.at(&["services", "*", "expose", "*"]) {
            if node.entry("port").is_none_or(|entry| entry.node.is_null()) {
                self.warn(&path, "no port is given", "write the container's port, such as `port: 80`");
            }
        }
    }

    fn gpu_models(&mut self) {
        let pattern = ["profiles", "compute", "*", "resources", "gpu", "attributes", "vendor", "nvidia", "*", "model"];
        for (path, node) in self.at(&pattern) {
            if matches!(&node.value, Value::Scalar { text, plain: true } if text.parse::<u64>().is_ok()) {
                self.warn(&path, "the model looks like a number", "put it in quotes");
            }
        }
    }

    fn placements(&mut self) {
        for (path, node) in self.at(&["profiles", "placement", "*", "attributes"]) {
            if node.is_null() {
                self.warn(&path, "`attributes` is empty", "list attributes below it, or remove the key");
            }
        }
        for (path, node) in self.at(&["profiles", "placement", "*", "pricing", "*", "denom"]) {
            let Value::Scalar { text, .. } = &node.value else {
                continue;
            };
            if text != "uakt" && text != "uact" && !text.starts_with("ibc/") {
                let problem = format!("the denom {text:?} is not one of Akash");
                self.warn(&path, problem, "keep it on a network that has it; Akash tools want uakt or uact");
            }
        }
    }

    fn credentials(&mut self, sdl: &Sdl) {
        for (name, service) in &sdl.services {
            let Some(credentials) = &service.credentials else {
                continue;
            };
            let path = |key| [Step::Key("services"), Step::Key(name), Step::Key("credentials"), Step::Key(key)];
            if !credentials.email.is_empty() && credentials.email.chars().count() < 5 {
                self.warn(&path("email"), "the email address has fewer than 5 characters", "complete it");
            }
            if credentials.password.chars().count() < 6 {
                self.warn(&path("password"), "the password has fewer than 6 characters", "use a longer one");
            }
        }
    }

    /// `^[1-9][0-9]*(s|m|h)$`
    fn reclamation(&mut self) {
        for (path, node) in self.at(&["reclamation", "min_window"]) {
            let Value::Scalar { text, .. } = &node.value else {
                continue;
            };
            let number = text.strip_suffix(['s', 'm', 'h']).unwrap_or_default();
            let simple = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
            if number.is_empty() || !simple {
                self.warn(&path, "the window is not one number with s, m or h", "write it as `24h` or `90m`");
            }
        }
    }

    fn undeployed(&mut self, sdl: &Sdl) {
        for name in sdl.services.keys().filter(|name| !sdl.deployment.contains_key(*name)) {
            self.warn(
                steps!["services", name],
                format!("the service {name:?} is deployed nowhere"),
                "add it under `deployment`, or remove it",
            );
        }
    }

    fn unmounted(&mut self, sdl: &Sdl) {
        for (name, placements) in &sdl.deployment {
            let Some(service) = sdl.services.get(name) else {
                continue;
            };
            let mounted =
                |volume: &str| service.params.as_ref().is_some_and(|params| params.storage.contains_key(volume));
            let volumes = placements.values().filter_map(|instances| sdl.compute.get(&instances.profile));
            for volume in volumes.flat_map(|compute| &compute.storage) {
                if volume.is_persistent() && !mounted(&volume.name) {
                    self.warn(
                        steps!["services", name, "params", "storage"],
                        format!("the persistent volume {:?} is mounted nowhere", volume.name),
                        format!("add `params.storage.{}.mount` with an absolute path", volume.name),
                    );
                }
            }
        }
    }
}

fn children<'a>(path: &[Step<'a>], node: &'a Node, key: &str) -> Vec<(Vec<Step<'a>>, &'a Node)> {
    let extend = |step: Step<'a>| path.iter().copied().chain([step]).collect::<Vec<_>>();
    match &node.value {
        Value::Mapping(entries) => entries
            .iter()
            .filter(|entry| key == "*" || entry.key == key)
            .map(|entry| (extend(Step::Key(&entry.key)), &entry.node))
            .collect(),
        Value::Sequence(items) if key == "*" => {
            items.iter().enumerate().map(|(index, item)| (extend(Step::Index(index)), item)).collect()
        }
        Value::Sequence(_) | Value::Scalar { .. } => Vec::new(),
    }
}
