//! The `.proto` files as data: which methods there are, how REST names them, and which texts are decimals.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage, FieldDescriptor, MethodDescriptor, Value};
use thiserror::Error;

/// The option of fields that says what a text holds.
const SCALAR: &str = "cosmos_proto.scalar";
/// Its value for decimals: an integer in binary, a decimal in JSON (spec/foundations.md 3e).
const DECIMAL: &str = "cosmos.Dec";
/// The option of methods that says how REST names them.
const HTTP: &str = "google.api.http";

/// The descriptors that this program was built with do not hold together.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// They do not decode.
    #[error("the descriptor set does not decode: {0}")]
    Malformed(#[from] DescriptorError),
    /// An option's definition is missing.
    #[error("the descriptor set does not define {0}")]
    Undefined(&'static str),
    /// A method's path in REST is malformed.
    #[error("{method}: {why}")]
    Route {
        /// The method.
        method: String,
        /// What is wrong.
        why: String,
    },
}

/// How REST names a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpRule {
    /// `GET`, `POST` and so on.
    pub(crate) verb: &'static str,
    /// The path with `{field}` in it.
    pub(crate) template: String,
    /// The field that the body holds; `*` for the whole request, empty for none.
    pub(crate) body: String,
}

/// The descriptor set of all packages.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    pool: DescriptorPool,
    decimals: BTreeSet<String>,
}

impl Catalog {
    /// Reads the descriptor set that `proto` was built with.
    pub(crate) fn load() -> Result<Self, CatalogError> {
        let pool = DescriptorPool::decode(proto::DESCRIPTORS)?;
        let scalar = pool.get_extension_by_name(SCALAR).ok_or(CatalogError::Undefined(SCALAR))?;
        let is_decimal = |field: &FieldDescriptor| field.options().get_extension(&scalar).as_str() == Some(DECIMAL);
        let fields = pool.all_messages().flat_map(|message| message.fields().collect::<Vec<_>>());
        let decimals = fields.filter(is_decimal).map(|field| field.full_name().to_owned()).collect();
        Ok(Self { pool, decimals })
    }

    pub(crate) fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// Whether a text field holds a decimal.
    pub(crate) fn is_decimal(&self, field: &FieldDescriptor) -> bool {
        self.decimals.contains(field.full_name())
    }

    /// Every method of every service.
    pub(crate) fn methods(&self) -> impl Iterator<Item = MethodDescriptor> + '_ {
        self.pool.services().flat_map(|service| service.methods().collect::<Vec<_>>())
    }

    /// How REST names a method; empty when it does not.
    pub(crate) fn http_rules(&self, method: &MethodDescriptor) -> Result<Vec<HttpRule>, CatalogError> {
        let extension = self.pool.get_extension_by_name(HTTP).ok_or(CatalogError::Undefined(HTTP))?;
        let options = method.options();
        if !options.has_extension(&extension) {
            return Ok(Vec::new());
        }
        let option = options.get_extension(&extension);
        let Some(rule) = option.as_message() else { return Ok(Vec::new()) };
        let more = rule.get_field_by_name("additional_bindings");
        let more = more.as_ref().and_then(|more| more.as_list()).unwrap_or_default().iter();
        let rules = std::iter::once(Some(rule)).chain(more.map(Value::as_message));
        rules.flatten().map(|rule| http_rule(rule, &path_of(method))).collect()
    }
}

/// The gRPC path of a method, `/package.Service/Method`.
pub(crate) fn path_of(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

fn http_rule(rule: &DynamicMessage, method: &str) -> Result<HttpRule, CatalogError> {
    let text = |name: &str| {
        rule.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let verbs = [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("delete", "DELETE"), ("patch", "PATCH")];
    let found = verbs.into_iter().map(|(field, verb)| (verb, text(field))).find(|(_, template)| !template.is_empty());
    let missing = || CatalogError::Route { method: method.to_owned(), why: "its http rule has no path".to_owned() };
    let (verb, template) = found.ok_or_else(missing)?;
    Ok(HttpRule { verb, template, body: text("body") })
}
