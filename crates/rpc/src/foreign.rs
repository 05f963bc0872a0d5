//! Doors to the decoders of foreign bytes, for fuzz targets and audits: the same that REST uses.

use prost_reflect::{DynamicMessage, MessageDescriptor};
use proto::Message;
use serde_json::Value;

use crate::CatalogError;
use crate::descriptors::Catalog;
use crate::json::Json;
use crate::rest::routes::Routes;
use crate::rest::{request, written};

/// REST without a network and a node.
#[derive(Debug)]
pub struct Rest {
    catalog: Catalog,
    routes: Routes,
    messages: Vec<MessageDescriptor>,
}

impl Rest {
    /// Of this program's descriptors.
    ///
    /// # Errors
    /// When they do not hold together.
    pub fn load() -> Result<Self, CatalogError> {
        let catalog = Catalog::load()?;
        let routes = Routes::of(&catalog)?;
        let messages = catalog.methods().flat_map(|method| [method.input(), method.output()]).collect();
        Ok(Self { catalog, routes, messages })
    }

    /// How many kinds of messages there are: requests and answers of all methods.
    pub fn kinds(&self) -> usize {
        self.messages.len()
    }

    /// What a request asks: a gRPC path and an encoded message. None where no method has its verb and path.
    ///
    /// # Errors
    /// The refusal, as clients read it.
    pub fn asks(&self, verb: &str, path: &str, query: &str, body: &[u8]) -> Option<Result<(String, Vec<u8>), String>> {
        let found = self.routes.find(verb, path)?;
        let asked = request(&self.catalog, &found, query, body).map_err(|status| status.message().to_owned());
        Some(asked.map(|request| (found.route.path.clone(), request.encode_to_vec())))
    }

    /// How an encoded answer of a request is shown.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn shows(&self, verb: &str, path: &str, answer: &[u8]) -> Option<Result<String, String>> {
        let found = self.routes.find(verb, path)?;
        Some(written(&self.catalog, &found, answer).map_err(|status| status.message().to_owned()))
    }

    /// Reads JSON as a message of a kind, and writes it; the message, encoded, with its JSON.
    ///
    /// # Errors
    /// Why it is not read.
    pub fn reads(&self, kind: usize, text: &[u8]) -> Result<(Vec<u8>, String), String> {
        let descriptor = self.messages.get(kind % self.messages.len().max(1)).ok_or("there are no messages")?;
        let given: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let (json, mut message) = (Json(&self.catalog), DynamicMessage::new(descriptor.clone()));
        json.merge(&mut message, &given).map_err(|error| error.to_string())?;
        Ok((message.encode_to_vec(), json.write(&message).to_string()))
    }
}
