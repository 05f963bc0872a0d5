//! The reverse proxy in front of real sockets.

mod by_name;
mod by_port;
mod replica;
