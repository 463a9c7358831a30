//! The HTTP server: what surrounds every request, whatever it asks for.

mod base_url;
mod body;
mod certificate;
mod client_address;
mod drain;
mod error;
mod health;
mod metrics;
mod observe;
mod problem;
mod request_id;
mod server;
mod tls;
mod tolerated;
mod unread;

pub use base_url::BaseUrl;
pub use body::{BodyError, SharedBody, read_body};
pub use client_address::ClientAddress;
pub use error::ServeError;
pub use health::ReadinessCheck;
pub use metrics::Metrics;
pub use problem::problem_json;
pub use request_id::RequestId;
pub use server::{Server, ServerSettings, stop_signal};
pub use tls::install_crypto_provider;
pub use tolerated::Tolerated;
