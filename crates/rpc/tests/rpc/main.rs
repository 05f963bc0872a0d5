//! The server over a small made-up chain, asked over HTTP and websockets.

mod calls;
mod chain;
mod fake;
mod fuzz;
mod grpc;
mod rest;
mod services;
mod sockets;
