//! The lookup surface over HTTP: `GET /users/{id}`, `GET /users?userName=…`, `GET /users?externalId=…`. Mounted as the
//! SCIM surface is.

use std::{fmt, str::FromStr};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    web,
};
use rollcall_access::{Action, Authenticated, DirectoryScope, DirectorySettings, Permission, Read, Subject};
use rollcall_base::Id;
use rollcall_runtime::http::problem_json;
use rollcall_scim::ScimError;
use rollcall_store::UserKey;
use serde_json::{Value, json};

use super::{Route, answer};
use crate::{
    DirectoryService,
    failure::Failure,
    lookup::{FoundUser, KnownAs},
};

/// Every route of the lookup surface, for the sweep that tries each one with every wrong credential.
pub const LOOKUP_ROUTES: &[Route] =
    &[Route { path: "/users", methods: &["GET"] }, Route { path: "/users/{id}", methods: &["GET"] }];

/// Mounts every route of [`LOOKUP_ROUTES`]. Needs a [`DirectoryService`] as application data, and the gateway's
/// authentication around it.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource("/users").route(web::get().to(by_name)).default_service(web::to(only_get)));
    config.service(web::resource("/users/{id}").route(web::get().to(by_id)).default_service(web::to(only_get)));
    config.default_service(web::to(nothing_here));
}

async fn by_id(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (service, scope, settings) = admitted(&request)?;
    let id = request.match_info().query("id");
    let found = match Id::from_str(id) {
        // A draft's users are nobody's yet.
        Ok(_) if settings.is_draft() => None,
        Ok(id) => service.look_up(&scope, &UserKey::Id(id)).await?.pop(),
        // What is not even an id is nobody's.
        Err(_) => None,
    };
    let (user, _) = found.ok_or_else(|| ScimError::not_found("User", id))?;
    Ok(HttpResponse::Ok().json(user.to_json()))
}

async fn by_name(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (service, scope, settings) = admitted(&request)?;
    let key = asked_for(&request)?;
    let users = if settings.is_draft() { Vec::new() } else { service.look_up(&scope, &key).await? };
    let users: Vec<_> = users.iter().map(|(user, known_as)| shown(user, *known_as)).collect();
    Ok(HttpResponse::Ok().json(json!({ "users": users })))
}

/// A user who was found by a former name has another one since, which the answer says.
fn shown(user: &FoundUser, known_as: KnownAs) -> Value {
    let mut shown = user.to_json();
    if known_as == KnownAs::Before {
        shown["renamed"] = true.into();
    }
    shown
}

/// The one question of a query string.
fn asked_for(request: &HttpRequest) -> Result<UserKey, ScimError> {
    let told = || ScimError::status(400, "Ask with exactly one of ?userName=… and ?externalId=…, or for /users/{id}.");
    let parameters = web::Query::<Vec<(String, String)>>::from_query(request.query_string()).map_err(|_| told())?;
    match parameters.into_inner().as_mut_slice() {
        [(name, value)] if name == "userName" => Ok(UserKey::UserName(std::mem::take(value))),
        [(name, value)] if name == "externalId" => Ok(UserKey::ExternalId(std::mem::take(value))),
        _ => Err(told()),
    }
}

fn admitted(request: &HttpRequest) -> Result<(DirectoryService, DirectoryScope<Read>, DirectorySettings), Problem> {
    let extensions = request.extensions();
    let service = request.app_data::<web::Data<DirectoryService>>();
    match (service, extensions.get::<Authenticated>(), extensions.get::<DirectorySettings>()) {
        (Some(service), Some(authenticated), Some(settings)) => {
            let scope = authenticated.read(Permission::new(Subject::Lookups, Action::Read))?;
            Ok((service.get_ref().clone(), scope, *settings))
        }
        // Mounted without the gateway in front: nothing is served rather than served to anybody.
        _ => Err(ScimError::status(401, "This surface is not open here.").into()),
    }
}

async fn only_get() -> HttpResponse {
    let mut response = Problem(ScimError::status(405, "This URL takes GET and no other method.").into()).to_response();
    response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static("GET"));
    response
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(ScimError::status(404, "There is nothing at this URL. Lookups are GET /users/{id} and GET /users?userName=….")
        .into())
}

/// A failure, as RFC 9457 has it.
#[derive(Debug)]
pub(super) struct Problem(Failure);

impl<E: Into<Failure>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl Problem {
    fn to_response(&self) -> HttpResponse {
        let told = self.0.to_scim();
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, answer::RETRY_AFTER));
        }
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if let Failure::Forbidden(forbidden) = &self.0 {
            response.insert_header((WWW_AUTHENTICATE, answer::insufficient_scope(forbidden)));
        }
        response.body(problem_json(status, &told.detail))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.to_scim().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        answer::log(&self.0);
        self.to_response()
    }
}
