//! Where interfaces are mounted.

use std::sync::Arc;

use actix_web::{
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use rollcall_base::{Clock, Id, SystemEntropy};
use rollcall_runtime::PublicUrl;
use rollcall_tokens::Tokens;

use crate::{
    Api, Limiter,
    authenticate::authenticate,
    headers,
    limit::{self, limit},
    uses::UseLog,
};

/// The edge. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) tokens: Arc<dyn Tokens>,
    pub(crate) public_url: PublicUrl,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) uses: UseLog,
    pub(crate) limiter: Limiter,
}

impl Gateway {
    /// A gateway that asks `tokens`, builds Base URLs from `public_url`, and takes what `limiter` lets it take.
    pub fn new(tokens: Arc<dyn Tokens>, public_url: PublicUrl, clock: Arc<dyn Clock>, limiter: Limiter) -> Self {
        // Only that no other process has the same one matters.
        let uses = UseLog::new(Id::new(clock.now(), &SystemEntropy));
        Self(Arc::new(Inner { tokens, public_url, clock, uses, limiter }))
    }

    /// Tells the token service from time to time what tokens were used for. Runs until it is dropped.
    pub async fn report_uses(self) {
        self.0.uses.report_to(&*self.0.tokens).await;
    }

    /// Tells what was not told yet: at the end.
    pub async fn report_last_uses(self) {
        self.0.uses.report_once(&*self.0.tokens).await;
    }

    /// Mounts `routes` under both forms of the URLs of `api`, with authentication and limits around them. What gets through
    /// carries `rollcall_access::Authenticated`, `Arc<rollcall_tokens::DirectoryRecord>` and
    /// `rollcall_runtime::http::BaseUrl` in its extensions.
    pub fn mount(&self, config: &mut ServiceConfig, api: Api, routes: impl Fn(&mut ServiceConfig)) {
        // A version is no tenant's slug, so the shorter form, mounted first, takes nothing from the longer.
        for prefix in std::iter::once(api.prefix()).chain(api.pattern()) {
            let [limited, known, headed, guarded] = std::array::from_fn(|_| Arc::clone(&self.0));
            config.service(
                web::scope(prefix)
                    .configure(&routes)
                    .wrap(from_fn(move |request, next| limit(Arc::clone(&limited), api, request, next)))
                    .wrap(from_fn(move |request, next| authenticate(Arc::clone(&known), api, request, next)))
                    .wrap(from_fn(move |request, next| limit::head(Arc::clone(&headed), api, request, next)))
                    .wrap(from_fn(move |request, next| headers::guard(guarded.is_secure(), request, next))),
            );
        }
    }
}

impl Inner {
    /// Whether clients reach the service by TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.public_url.as_str().starts_with("https:")
    }
}
