//! Profiles of clients and setup guides over HTTP. What is the same for everybody is open to everybody; a directory's own
//! guide wants its token. All of it is answered from memory.

mod own;
mod problem;
mod public;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    http::header::{Accept, CONTENT_TYPE, Header, VARY},
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use rollcall_clients::{Guide, Profile, TokenState, Values, profile};
use rollcall_runtime::PublicUrl;
use rollcall_tokens::DirectoryRecord;

use crate::{Api, Gateway, base_url, headers, limit};

/// A path of this interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuideRoute {
    /// With placeholders in braces.
    pub path: &'static str,
    /// What it takes; everything else is 405.
    pub methods: &'static [&'static str],
    /// Whether it wants a directory's token.
    pub needs_token: bool,
}

/// Every route, for the sweep that tries each one with every wrong credential.
pub const GUIDE_ROUTES: &[GuideRoute] = &[
    GuideRoute { path: "/api/v1/clients", methods: READ, needs_token: false },
    GuideRoute { path: "/api/v1/clients/{name}", methods: READ, needs_token: false },
    GuideRoute { path: "/api/v1/clients/{name}/check", methods: &["POST"], needs_token: false },
    GuideRoute { path: "/api/v1/clients/{name}/guide", methods: READ, needs_token: false },
    GuideRoute { path: "/api/v1/guide", methods: READ, needs_token: true },
];

const READ: &[&str] = &["GET", "HEAD"];

/// What the handlers know.
struct Known {
    public_url: PublicUrl,
    longest_name: usize,
}

/// What a directory's guide is filled with.
pub fn guide_values(public: &PublicUrl, directory: &DirectoryRecord, token: TokenState) -> Values {
    Values {
        tenant: directory.tenant_slug.clone(),
        directory_id: directory.directory_id.clone(),
        directory_name: directory.directory_name.clone(),
        base_url: base_url(public, directory),
        shared_url: format!("{public}{}", Api::Scim.prefix()),
        token_endpoint: crate::token_endpoint(public),
        token,
    }
}

/// The profile of a directory: the one of its client; any other client's, if a newer version named one that is not known here.
#[allow(clippy::expect_used)] // it is embedded, and a test asks for it
pub fn profile_of_directory(directory: &DirectoryRecord) -> &'static Profile {
    let chosen = directory.client_profile.as_deref().and_then(profile);
    chosen
        .or_else(|| profile(&directory.client_kind))
        .or_else(|| profile("other"))
        .expect("there is a profile for any other client")
}

impl Gateway {
    /// Mounts every route of [`GUIDE_ROUTES`]. `longest_name` is the most characters of a Directory Name.
    pub fn mount_guides(&self, config: &mut ServiceConfig, longest_name: usize) {
        let known = web::Data::new(Known { public_url: self.0.public_url.clone(), longest_name });
        self.mount(config, Api::Guide, |routes| {
            routes.service(
                web::resource("")
                    .app_data(web::Data::clone(&known))
                    .route(web::get().to(own::guide))
                    .route(web::head().to(own::guide))
                    .default_service(web::to(|| async { problem::method(READ) })),
            );
            routes.default_service(web::to(|| async { problem::nothing_here() }));
        });
        for route in GUIDE_ROUTES.iter().filter(|route| !route.needs_token) {
            let [headed, guarded] = std::array::from_fn(|_| Arc::clone(&self.0));
            let methods = route.methods;
            let resource = public::mount(route.path, web::resource(route.path))
                .app_data(web::Data::clone(&known))
                .default_service(web::to(move || async move { problem::method(methods) }));
            config.service(
                resource
                    .wrap(from_fn(move |request, next| limit::head(Arc::clone(&headed), Api::Guide, request, next)))
                    .wrap(from_fn(move |request, next| headers::guard_public(guarded.is_secure(), request, next))),
            );
        }
    }
}

/// Where a handler gets an answer's form from.
fn read_only<F, Args>(resource: Resource, handler: F) -> Resource
where
    F: actix_web::Handler<Args> + Copy,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    resource.route(web::get().to(handler)).route(web::head().to(handler))
}

/// A guide in the form that is asked for, and its media type.
fn written(request: &HttpRequest, guide: &Guide) -> (&'static str, String) {
    if wants_markdown(request) {
        (MARKDOWN, guide.to_markdown())
    } else {
        (JSON, serde_json::to_string(guide).unwrap_or_default())
    }
}

fn answer((media_type, body): (&'static str, String)) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, media_type)).insert_header((VARY, "accept")).body(body)
}

const MARKDOWN: &str = "text/markdown; charset=utf-8";
const JSON: &str = "application/json";

/// JSON unless Markdown is liked better.
fn wants_markdown(request: &HttpRequest) -> bool {
    let Ok(accept) = Accept::parse(request) else { return false };
    accept
        .ranked()
        .iter()
        .find_map(|mime| match mime.essence_str() {
            "text/markdown" | "text/*" => Some(true),
            "application/json" | "application/*" | "*/*" => Some(false),
            _ => None,
        })
        .unwrap_or(false)
}

#[cfg(test)]
mod tests;
