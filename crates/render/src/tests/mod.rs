//! Tests of the market as a whole.
