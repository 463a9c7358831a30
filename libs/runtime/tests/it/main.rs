//! The HTTP server, over real connections.

mod limits;
mod log;
mod operations;
mod running;
mod stop;
mod tls;
