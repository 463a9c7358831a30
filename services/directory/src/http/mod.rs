//! The SCIM surface over HTTP. Mounted under a Base URL; authentication has happened before.

mod answer;
mod discovery;
mod etag;
mod granted;
pub(crate) use etag::version as version_of_tag;
pub use granted::GrantedSurface;
pub use lookup::{LOOKUP_ROUTES, configure as configure_lookup};
mod handlers;
mod incoming;
mod lookup;
mod media_type;
mod stream;

use actix_web::{
    HttpResponse, Resource,
    http::header::{ALLOW, HeaderValue},
    web,
};
use rollcall_scim::ScimError;

/// A path under the Base URL and the methods it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// With placeholders in braces.
    pub path: &'static str,
    /// What it takes; everything else is 405.
    pub methods: &'static [&'static str],
}

/// Every route of the SCIM surface, for the sweep that tries each one with every wrong credential.
pub const ROUTES: &[Route] = &[
    Route { path: "", methods: &["GET"] },
    Route { path: "/.search", methods: &["POST"] },
    Route { path: "/Bulk", methods: &["POST"] },
    Route { path: "/Me", methods: &["GET", "POST", "PUT", "PATCH", "DELETE"] },
    Route { path: "/ServiceProviderConfig", methods: &["GET"] },
    Route { path: "/ResourceTypes", methods: &["GET"] },
    Route { path: "/ResourceTypes/{name}", methods: &["GET"] },
    Route { path: "/Schemas", methods: &["GET"] },
    Route { path: "/Schemas/{urn}", methods: &["GET"] },
    Route { path: "/{endpoint}", methods: &["GET", "POST"] },
    Route { path: "/{endpoint}/.search", methods: &["POST"] },
    Route { path: "/{endpoint}/{id}", methods: &["GET", "PUT", "PATCH", "DELETE"] },
];

/// Mounts every route of [`ROUTES`]. Needs a [`crate::DirectoryService`] as application data, and the gateway's
/// authentication around it.
pub fn configure(config: &mut web::ServiceConfig) {
    for route in ROUTES {
        let resource = handlers::mount(route.path, web::resource(route.path));
        config.service(refuse_other_methods(resource, route.methods));
    }
    config.default_service(web::to(nothing_here));
}

fn refuse_other_methods(resource: Resource, methods: &'static [&'static str]) -> Resource {
    resource.default_service(web::to(move || async move {
        let allow = methods.join(", ");
        let error = ScimError::status(405, format!("This URL takes {allow} and no other method."));
        let mut response = answer::error_response(&error);
        if let Ok(allow) = HeaderValue::from_str(&allow) {
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }))
}

async fn nothing_here() -> HttpResponse {
    answer::error_response(&ScimError::status(
        404,
        "There is nothing at this URL. Check the Base URL and the path after it; GET /ResourceTypes lists the endpoints.",
    ))
}
