//! The public edge: who is asking, for which directory, and nothing else gets through; and where OAuth clients get their
//! access tokens.

mod api;
mod authenticate;
mod base_url;
mod bearer;
mod diagnosis;
mod effect;
mod forward;
mod gateway;
mod guides;
mod headers;
mod limit;
mod oauth;
mod refusal;
mod uses;

pub use api::Api;
pub use base_url::base_url;
pub use forward::{Forwarder, ForwarderConfig};
pub use gateway::Gateway;
pub use guides::{GUIDE_ROUTES, GuideRoute, guide_values, profile_of_directory};
pub use limit::{Limiter, Limits};
pub use oauth::token_endpoint;
