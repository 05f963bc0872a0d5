//! How messages and queries are found by name. Each part lists its routes; `app` gathers them into one table, which
//! every transport uses.

use proto::{Any, Message, Name, ToAny, type_url};

use crate::context::Context;
use crate::failure::{Failure, QueryError, Rejection};

type Signer = Box<dyn Fn(&[u8]) -> Result<String, Failure> + Send + Sync>;
type Run = Box<dyn Fn(&mut Context, &[u8]) -> Result<Any, Failure> + Send + Sync>;
type Answer = Box<dyn Fn(&Context, &[u8]) -> Result<Vec<u8>, QueryError> + Send + Sync>;

/// A message that transactions may carry.
pub struct MessageRoute {
    /// The type URL, `/package.Message`.
    pub url: String,
    /// The bech32 text of the account that must sign an encoded message.
    pub signer: Signer,
    /// Decodes and applies an encoded message, and packs the response.
    pub run: Run,
}

/// Decodes a message, in its one canonical form only.
fn decode<M: Message + Name + Default>(bytes: &[u8]) -> Result<M, Failure> {
    proto::canonical(bytes).map_err(|error| Rejection::new("sdk", 2, format!("{} {error}", type_url::<M>())).into())
}

impl MessageRoute {
    /// A route for message `M`: `signer` names the field that holds the signer, `run` is the module's function.
    pub fn new<M, R>(signer: fn(&M) -> String, run: fn(&mut Context, M) -> Result<R, Failure>) -> Self
    where
        M: Message + Name + Default + 'static,
        R: Message + Name + 'static,
    {
        Self {
            url: type_url::<M>(),
            signer: Box::new(move |bytes| Ok(signer(&decode::<M>(bytes)?))),
            run: Box::new(move |context, bytes| Ok(run(context, decode::<M>(bytes)?)?.to_any())),
        }
    }
}

/// A query, named as gRPC names it.
pub struct QueryRoute {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// Decodes a request, answers it, and encodes the response.
    pub answer: Answer,
}

impl QueryRoute {
    /// A route for the gRPC method at `path`.
    pub fn new<Q, R>(path: &'static str, answer: fn(&Context, Q) -> Result<R, QueryError>) -> Self
    where
        Q: Message + Default + 'static,
        R: Message + 'static,
    {
        Self {
            path,
            answer: Box::new(move |context, bytes| {
                let request = Q::decode(bytes);
                let request = request.map_err(|error| QueryError::invalid(format!("{path}: {error}")))?;
                Ok(answer(context, request)?.encode_to_vec())
            }),
        }
    }
}
