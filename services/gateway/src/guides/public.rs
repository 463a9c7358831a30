//! What is the same for everybody: which clients there are, what is known of each, its guide without a directory's values,
//! and checks of what somebody types.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    http::{
        Method, StatusCode,
        header::{CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, VARY},
    },
    web,
};
use rollcall_clients::{Profile, Values, profile, profiles};
use rollcall_runtime::http::read_body;
use serde::Deserialize;
use serde_json::json;

use super::{JSON, Known, problem, read_only, written};

/// Gives `resource` the handlers of `path`.
pub(super) fn mount(path: &str, resource: Resource) -> Resource {
    match path {
        "/api/v1/clients" => read_only(resource, list),
        "/api/v1/clients/{name}" => read_only(resource, show),
        "/api/v1/clients/{name}/guide" => read_only(resource, guide),
        _ => resource.route(web::post().to(check)),
    }
}

/// What is told of a client in the list.
fn brief(profile: &Profile) -> serde_json::Value {
    json!({
        "name": profile.name,
        "title": profile.title,
        "kind": profile.kind.as_str(),
        "summary": profile.summary,
    })
}

async fn list(request: HttpRequest) -> HttpResponse {
    let clients: Vec<_> = profiles().iter().map(brief).collect();
    tagged(&request, (JSON, json!({ "clients": clients }).to_string()))
}

async fn show(request: HttpRequest) -> HttpResponse {
    match named(&request) {
        Some(profile) => tagged(&request, (JSON, serde_json::to_string(profile).unwrap_or_default())),
        None => problem::no_client(),
    }
}

async fn guide(known: web::Data<Known>, request: HttpRequest) -> HttpResponse {
    match named(&request) {
        Some(profile) => {
            let values = Values::examples(known.public_url.as_str());
            tagged(&request, written(&request, &profile.guide_for(&values)))
        }
        None => problem::no_client(),
    }
}

/// What somebody typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    directory_id: String,
    directory_name: String,
}

/// The most bytes of what somebody typed.
const LARGEST: usize = 4 * 1024;

async fn check(known: web::Data<Known>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let Some(profile) = named(&request) else { return problem::no_client() };
    let body = match read_body(payload, LARGEST).await {
        Ok(body) => body,
        Err(error) => return problem::of(error.status(), &format!("Nothing was checked: {error}.")),
    };
    let Ok(typed) = serde_json::from_slice::<Typed>(&body) else {
        return problem::of(
            StatusCode::BAD_REQUEST,
            "The body is a JSON object with the texts directory_id and directory_name, and nothing else.",
        );
    };
    HttpResponse::Ok().json(profile.check(&typed.directory_id, &typed.directory_name, known.longest_name))
}

fn named(request: &HttpRequest) -> Option<&'static Profile> {
    profile(request.match_info().query("name"))
}

/// With a tag; without a body for whoever has it already.
fn tagged(request: &HttpRequest, (media_type, body): (&'static str, String)) -> HttpResponse {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let is_known = request.headers().get_all(IF_NONE_MATCH).any(|value| matches(value, &tag));
    let mut response = if is_known && matches!(*request.method(), Method::GET | Method::HEAD) {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response.insert_header((ETAG, tag)).insert_header((VARY, "accept"));
    if is_known {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, media_type)).body(body)
}

/// RFC 9110 §13.1.2: a list, compared weakly.
fn matches(value: &HeaderValue, tag: &str) -> bool {
    let listed = value.to_str().unwrap_or_default();
    listed.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}
