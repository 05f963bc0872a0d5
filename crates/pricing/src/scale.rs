//! A provider's price.
