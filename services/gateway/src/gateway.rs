//! Where the SCIM surface is mounted.

use std::sync::Arc;

use actix_web::{
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use rollcall_runtime::PublicUrl;
use rollcall_tokens::Tokens;

use crate::{authenticate::authenticate, headers};

/// The edge of the SCIM surface. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) tokens: Arc<dyn Tokens>,
    pub(crate) public_url: PublicUrl,
}

impl Gateway {
    /// A gateway that asks `tokens` and builds Base URLs from `public_url`.
    pub fn new(tokens: Arc<dyn Tokens>, public_url: PublicUrl) -> Self {
        Self(Arc::new(Inner { tokens, public_url }))
    }

    /// Mounts `routes` under both forms of the Base URL, with authentication around them. What gets through carries
    /// `rollcall_access::Authenticated`, `Arc<rollcall_tokens::DirectoryRecord>` and `rollcall_runtime::http::BaseUrl` in
    /// its extensions.
    pub fn mount(&self, config: &mut ServiceConfig, routes: impl Fn(&mut ServiceConfig)) {
        // `v2` is no tenant's slug, so the shorter form, mounted first, takes nothing from the longer.
        for prefix in ["/scim/v2", "/scim/{tenant}/{directory}/v2"] {
            let inner = Arc::clone(&self.0);
            let secure = self.0.public_url.as_str().starts_with("https:");
            config.service(
                web::scope(prefix)
                    .configure(&routes)
                    .wrap(from_fn(move |request, next| authenticate(Arc::clone(&inner), request, next)))
                    .wrap(from_fn(move |request, next| headers::guard(secure, request, next))),
            );
        }
    }
}
