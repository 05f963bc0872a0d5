//! YAML text to a tree that keeps the text and the place of every scalar.
//!
//! Nothing is resolved to a number here: `0.1` stays the text `0.1`, so that amounts and sizes can be read
//! exactly. Aliases and merge keys (`<<`) are expanded within a budget, so that a small text cannot grow into a
//! large tree.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::error::{ErrorKind, Location, Place, SdlError};

/// The largest text that is read, in bytes. Real files are a hundred times smaller.
const MAX_TEXT: usize = 1 << 20;
/// The most nodes that a tree may have after aliases are expanded.
const MAX_NODES: usize = 100_000;
/// The deepest nesting. The grammar itself needs nine levels.
const MAX_DEPTH: usize = 64;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) location: Location,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text as written; `plain` tells whether it may mean something else than text (a number, a boolean, null).
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) location: Location,
    pub(crate) node: Node,
}

impl Entry {
    /// Where a reader should look: the value if it is a text, otherwise the key.
    pub(crate) fn spot(&self) -> Location {
        match self.node.value {
            Value::Scalar { .. } if !self.node.is_null() => self.node.location,
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => self.location,
        }
    }
}

impl Node {
    /// YAML's null: nothing, `~` or `null`, unquoted.
    pub(crate) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain } => *plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"),
            Value::Sequence(_) | Value::Mapping(_) => false,
        }
    }

    /// The entry of a mapping under `key`.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            Value::Scalar { .. } | Value::Sequence(_) => None,
        }
    }

    fn measure(&self) -> Measure {
        let children: Box<dyn Iterator<Item = &Node> + '_> = match &self.value {
            Value::Scalar { .. } => Box::new(std::iter::empty()),
            Value::Sequence(items) => Box::new(items.iter()),
            Value::Mapping(entries) => Box::new(entries.iter().map(|entry| &entry.node)),
        };
        children.map(Node::measure).fold(Measure { nodes: 1, depth: 1 }, |whole, child| Measure {
            nodes: whole.nodes.saturating_add(child.nodes),
            depth: whole.depth.max(child.depth.saturating_add(1)),
        })
    }
}

#[derive(Clone, Copy)]
struct Measure {
    nodes: usize,
    depth: usize,
}

/// Reads the one document of a text.
pub(crate) fn load(text: &str) -> Result<Node, SdlError> {
    if text.len() > MAX_TEXT {
        return Err(syntax(
            None,
            format!("the file has {} bytes, at most {MAX_TEXT} are read", text.len()),
            "move data out of the deployment file",
        ));
    }
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            syntax(
                Some(Location { line: marker.line(), column: marker.col() + 1 }),
                format!("the text is not valid YAML: {}", error.info()),
                "correct the indentation, quotes or brackets near this place",
            )
        })?;
        builder.take(event, location_of(span))?;
    }
    builder.root.ok_or_else(|| {
        syntax(None, "the file is empty".to_owned(), "write at least version, services, profiles and deployment")
    })
}

fn location_of(span: Span) -> Location {
    Location { line: span.start.line(), column: span.start.col() + 1 }
}

fn syntax(location: Option<Location>, problem: String, remedy: &str) -> SdlError {
    SdlError {
        kind: ErrorKind::Syntax,
        place: Place { path: String::new(), location },
        problem,
        remedy: remedy.to_owned(),
    }
}

/// A collection that is still open.
enum Frame {
    Sequence {
        location: Location,
        anchor: usize,
        items: Vec<Node>,
    },
    Mapping {
        location: Location,
        anchor: usize,
        entries: Vec<Entry>,
        seen: BTreeMap<String, Location>,
        key: Option<(String, Location)>,
    },
}

#[derive(Default)]
struct Builder {
    open: Vec<Frame>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, location: Location) -> Result<(), SdlError> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = plainness(tag.as_deref(), style, location)?;
                let value = Value::Scalar { text: text.into_owned(), plain };
                self.complete(Node { location, value }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(Frame::Sequence { location, anchor, items: Vec::new() }),
            Event::MappingStart(anchor, _) => {
                self.begin(Frame::Mapping { location, anchor, entries: Vec::new(), seen: BTreeMap::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, location),
        }
    }

    fn begin(&mut self, frame: Frame) -> Result<(), SdlError> {
        let location = match &frame {
            Frame::Sequence { location, .. } | Frame::Mapping { location, .. } => *location,
        };
        if self.open.len() >= MAX_DEPTH {
            return Err(too_large(location));
        }
        self.open.push(frame);
        Ok(())
    }

    fn end(&mut self) -> Result<(), SdlError> {
        match self.open.pop() {
            None => Ok(()),
            Some(Frame::Sequence { location, anchor, items }) => {
                self.complete(Node { location, value: Value::Sequence(items) }, anchor)
            }
            Some(Frame::Mapping { location, anchor, entries, .. }) => {
                self.complete(Node { location, value: Value::Mapping(merged(entries)?) }, anchor)
            }
        }
    }

    fn alias(&mut self, anchor: usize, location: Location) -> Result<(), SdlError> {
        let Some(target) = self.anchors.get(&anchor) else {
            return Err(syntax(
                Some(location),
                "an alias (*name) points at an anchor that is still open".to_owned(),
                "write the value out",
            ));
        };
        let measure = target.measure();
        if self.nodes.saturating_add(measure.nodes) > MAX_NODES
            || self.open.len().saturating_add(measure.depth) > MAX_DEPTH
        {
            return Err(too_large(location));
        }
        let node = target.clone();
        self.nodes = self.nodes.saturating_add(measure.nodes);
        self.complete(node, 0)
    }

    /// Puts a finished node into the collection around it, or makes it the root.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), SdlError> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > MAX_NODES {
            return Err(too_large(node.location));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(Frame::Sequence { items, .. }) => items.push(node),
            Some(Frame::Mapping { entries, seen, key, .. }) => match key.take() {
                None => *key = Some(key_text(node)?),
                Some((key, location)) => {
                    if let Some(first) = seen.insert(key.clone(), location) {
                        return Err(syntax(
                            Some(location),
                            format!("the key {key:?} was already given at {first}"),
                            "keep one of the two",
                        ));
                    }
                    entries.push(Entry { key, location, node });
                }
            },
            None if self.root.is_some() => {
                return Err(syntax(
                    Some(node.location),
                    "the file holds more than one YAML document".to_owned(),
                    "split it at the `---` into one file per deployment",
                ));
            }
            None => self.root = Some(node),
        }
        Ok(())
    }
}

fn too_large(location: Location) -> SdlError {
    syntax(
        Some(location),
        format!("the document grows beyond {MAX_NODES} values or {MAX_DEPTH} levels"),
        "use fewer nested values and aliases",
    )
}

fn key_text(node: Node) -> Result<(String, Location), SdlError> {
    match node.value {
        Value::Scalar { text, .. } => Ok((text, node.location)),
        Value::Sequence(_) | Value::Mapping(_) => Err(syntax(
            Some(node.location),
            "a list or a mapping stands where a key is expected".to_owned(),
            "use a text as key; quote it if it begins with [ or {",
        )),
    }
}

/// Whether a scalar may mean something else than its text. The tag `!!str` forces text.
fn plainness(tag: Option<&Tag>, style: ScalarStyle, location: Location) -> Result<bool, SdlError> {
    match tag {
        None => Ok(style == ScalarStyle::Plain),
        Some(tag) if tag.is_yaml_core_schema() => match tag.suffix.as_str() {
            "str" => Ok(false),
            "int" | "float" | "bool" | "null" => Ok(true),
            _ => Err(unknown_tag(tag, location)),
        },
        Some(tag) => Err(unknown_tag(tag, location)),
    }
}

fn unknown_tag(tag: &Tag, location: Location) -> SdlError {
    syntax(
        Some(location),
        format!("the YAML tag {tag} has no meaning in a deployment file"),
        "remove the tag, or quote the value if it begins with !",
    )
}

/// Expands merge keys: keys given in place win over merged ones, and earlier merged mappings over later ones.
fn merged(entries: Vec<Entry>) -> Result<Vec<Entry>, SdlError> {
    if entries.iter().all(|entry| entry.key != "<<") {
        return Ok(entries);
    }
    let (merges, mut own): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.key == "<<");
    let mut known: BTreeSet<String> = own.iter().map(|entry| entry.key.clone()).collect();
    for merge in merges {
        let sources = match merge.node.value {
            Value::Sequence(items) => items,
            Value::Mapping(_) | Value::Scalar { .. } => vec![merge.node],
        };
        for source in sources {
            let Value::Mapping(inherited) = source.value else {
                return Err(syntax(
                    Some(source.location),
                    "the merge key << needs a mapping or a list of mappings".to_owned(),
                    "merge an alias of a mapping, such as <<: *common",
                ));
            };
            for entry in inherited {
                if known.insert(entry.key.clone()) {
                    own.push(entry);
                }
            }
        }
    }
    Ok(own)
}
