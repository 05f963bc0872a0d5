//! How lists are filtered and paged (spec/akash.md 1.16).

use ledger::pages::Paging;
use ledger::{Context, QueryError};
use primitives::Address;
use prost::Message;
use proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use store::Key;

use crate::ids::{BidId, DeploymentId, OrderId};

/// The filters of a list. A number of zero and a missing part admit all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The tenant.
    pub owner: Option<Address>,
    /// The deployment's number.
    pub dseq: u64,
    /// The group's number.
    pub gseq: u32,
    /// The order's number.
    pub oseq: u32,
    /// The bidder.
    pub provider: Option<Address>,
    /// The number of the state.
    pub state: Option<i32>,
}

fn admits<T: PartialEq + Default>(wanted: &T, found: &T) -> bool {
    *wanted == T::default() || wanted == found
}

impl Selection {
    /// An address of a filter; empty text admits all.
    ///
    /// # Errors
    /// `InvalidArgument` when the text is no address.
    pub fn address(ctx: &Context, text: &str) -> Result<Option<Address>, QueryError> {
        if text.is_empty() { Ok(None) } else { Ok(Some(ctx.address(text)?)) }
    }

    /// A state of a filter by its enum's name; empty text admits all.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no such state.
    pub fn state(text: &str, by_name: fn(&str) -> Option<i32>) -> Result<Option<i32>, QueryError> {
        if text.is_empty() {
            return Ok(None);
        }
        let number = by_name(text).filter(|number| *number != 0);
        number.map(Some).ok_or_else(|| QueryError::invalid(format!("invalid state value: there is no state {text:?}")))
    }

    /// The bytes with which the keys of all admitted ids begin.
    pub(crate) fn id_beginning(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(owner) = self.owner else { return out };
        owner.write(&mut out);
        if self.dseq == 0 {
            return out;
        }
        self.dseq.write(&mut out);
        if self.gseq == 0 {
            return out;
        }
        self.gseq.write(&mut out);
        if self.oseq > 0 {
            self.oseq.write(&mut out);
        }
        out
    }

    pub(crate) fn fits_deployment(&self, id: &DeploymentId) -> bool {
        self.owner.is_none_or(|owner| owner == id.owner) && admits(&self.dseq, &id.dseq)
    }

    pub(crate) fn fits_order(&self, id: &OrderId) -> bool {
        let numbers = admits(&self.gseq, &id.group.gseq) && admits(&self.oseq, &id.oseq);
        numbers && self.fits_deployment(&id.group.deployment)
    }

    pub(crate) fn fits_bid(&self, id: &BidId) -> bool {
        self.provider.is_none_or(|provider| provider == id.provider) && self.fits_order(&id.order)
    }
}

/// Where a list goes on: the page key of an answer. It carries the filters, because on the next request it overrides
/// those of the message.
#[derive(Clone, PartialEq, Message)]
struct Bookmark {
    #[prost(bytes = "vec", tag = "1")]
    filters: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    from: Vec<u8>,
}

/// A checked list request.
pub(crate) struct Listing<F> {
    pub(crate) filters: F,
    pub(crate) paging: Paging,
}

impl<F: Message + Default> Listing<F> {
    /// Checks a request. `state` tells the state filter.
    ///
    /// # Errors
    /// `InvalidArgument` for a page key that is none of ours, and for an offset without a state filter: without one,
    /// several states are walked, and upstream counts offsets within one.
    pub(crate) fn open(
        filters: Option<F>,
        pagination: Option<PageRequest>,
        state: fn(&F) -> &str,
    ) -> Result<Self, QueryError> {
        let mut filters = filters.unwrap_or_default();
        let mut request = pagination.unwrap_or_default();
        if !request.key.is_empty() {
            let foreign = |_| QueryError::invalid("invalid pagination key: send the next_key of an earlier answer");
            let bookmark = Bookmark::decode(request.key.as_slice()).map_err(foreign)?;
            filters = F::decode(bookmark.filters.as_slice()).map_err(foreign)?;
            request.key = bookmark.from;
        }
        if request.offset > 0 && state(&filters).is_empty() {
            return Err(QueryError::invalid(
                "invalid request parameters: an offset needs a state filter; use the page key instead",
            ));
        }
        Ok(Self { filters, paging: Paging::parse(Some(request))? })
    }

    /// The `pagination` of the answer, whose key carries the filters.
    pub(crate) fn seal(&self, found: Option<PageResponse>) -> Option<PageResponse> {
        found.map(|PageResponse { next_key, total }| {
            let last = next_key.is_empty();
            let bookmark = Bookmark { filters: self.filters.encode_to_vec(), from: next_key };
            PageResponse { next_key: if last { Vec::new() } else { bookmark.encode_to_vec() }, total }
        })
    }
}
