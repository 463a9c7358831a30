//! What goes wrong here, as RFC 9457 has it.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{ALLOW, CONTENT_TYPE},
    },
};
use rollcall_clients::profiles;
use rollcall_runtime::http::problem_json;

use crate::Api;

/// Any problem.
pub(super) fn of(status: StatusCode, detail: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, Api::Guide.error_type()))
        .body(problem_json(status, detail))
}

/// Another method than the route takes.
pub(super) fn method(methods: &[&str]) -> HttpResponse {
    let allow = methods.join(", ");
    let mut response = of(StatusCode::METHOD_NOT_ALLOWED, &format!("This URL takes {allow} and no other method."));
    if let Ok(allow) = allow.parse() {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// A profile that there is not. What was asked for is not repeated.
pub(super) fn no_client() -> HttpResponse {
    let names: Vec<&str> = profiles().iter().map(|profile| profile.name.as_str()).collect();
    of(StatusCode::NOT_FOUND, &format!("There is no client of this name. There are {}.", names.join(", ")))
}

/// A path below the guide.
pub(super) fn nothing_here() -> HttpResponse {
    of(StatusCode::NOT_FOUND, "There is nothing at this URL. A directory's guide is GET /api/v1/guide.")
}
