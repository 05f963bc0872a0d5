//! The gateway over real TLS, with a desk that only remembers.

mod auth;
mod desk;
mod grpc;
mod http;
mod logs;
mod matrix;
mod names;
mod render;
mod shell;
