//! Which routes a process has on which surface.

use actix_web::web::{self, ServiceConfig};
use rollcall_directory::{DirectoryService, GrantedSurface};
use rollcall_gateway::{Api, Forwarder, Gateway};
use rollcall_runtime::{Surface, Surfaces};
use rollcall_tokens::InternalSurface;

/// The routes of a process. Health and metrics are the server's own.
#[derive(Clone, Default)]
pub(super) struct Routes {
    /// For identity providers, and for what enforces access.
    pub(super) scim: Option<Scim>,
    /// The token service, for the gateway.
    pub(super) tokens: Option<InternalSurface>,
    /// The directory service, for the gateway.
    pub(super) directory: Option<(GrantedSurface, DirectoryService)>,
    /// The most characters of a Directory Name, for checks of what somebody types.
    pub(super) longest_name: usize,
}

/// What stands behind the gateway.
#[derive(Clone)]
pub(super) enum Scim {
    /// The directory service in this process.
    Here(Gateway, DirectoryService),
    /// The one in another process.
    Forwarded(Gateway, Forwarder),
}

impl Scim {
    fn gateway(&self) -> &Gateway {
        match self {
            Self::Here(gateway, _) | Self::Forwarded(gateway, _) => gateway,
        }
    }

    /// Mounts `api`, whose routes in this process are `routes`.
    fn mount(&self, config: &mut ServiceConfig, api: Api, routes: fn(&mut ServiceConfig)) {
        match self {
            Self::Here(gateway, directory) => {
                config.app_data(web::Data::new(directory.clone()));
                gateway.mount(config, api, routes);
            }
            Self::Forwarded(gateway, forwarder) => {
                gateway.mount(config, api, |routes| forwarder.configure(api, routes));
            }
        }
    }
}

impl Routes {
    /// Mounts what belongs to `surfaces`.
    pub(super) fn configure(&self, config: &mut ServiceConfig, surfaces: &Surfaces) {
        if let Some(behind) = &self.scim {
            if surfaces.serves(Surface::Scim) {
                behind.mount(config, Api::Scim, rollcall_directory::configure);
                behind.gateway().mount_guides(config, self.longest_name);
            }
            if surfaces.serves(Surface::Lookup) {
                behind.mount(config, Api::Lookup, rollcall_directory::configure_lookup);
            }
            if surfaces.serves(Surface::Oauth) {
                behind.gateway().mount_oauth(config);
            }
        }
        if surfaces.serves(Surface::Internal) {
            if let Some(tokens) = &self.tokens {
                tokens.mount(config);
            }
            if let Some((granted, directory)) = &self.directory {
                config.app_data(web::Data::new(directory.clone()));
                granted.mount(config);
            }
        }
    }
}
