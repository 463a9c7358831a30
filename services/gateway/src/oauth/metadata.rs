//! What this authorization server supports (RFC 8414), and where that is told.

use actix_web::{
    HttpResponse,
    http::header::{ALLOW, CONTENT_TYPE},
    web,
};
use rollcall_access::Scopes;
use rollcall_runtime::PublicUrl;
use serde_json::{Value, json};

use super::TOKEN_PATH;

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

/// The path of `public`, which stands behind the well-known part and not before it (RFC 8414 §3.1); empty if it has none.
fn path(public: &PublicUrl) -> &str {
    let text = public.as_str();
    let host = text.find("://").map_or(0, |at| at + 3);
    text[host..].find('/').map_or("", |at| &text[host + at..])
}

/// Where the metadata is asked for: where RFC 8414 says, and, for proxies that take the public path away, without it.
pub(super) fn paths(public: &PublicUrl) -> Vec<String> {
    let path = path(public);
    let mut paths = vec![WELL_KNOWN.to_owned()];
    if !path.is_empty() {
        paths.push(format!("{WELL_KNOWN}{path}"));
    }
    paths
}

/// Only what there is: response types and an authorization endpoint are for grants that this service does not have.
fn document(public: &PublicUrl) -> Value {
    let scopes = Scopes::ALL.to_string();
    json!({
        "issuer": public.as_str(),
        "token_endpoint": format!("{public}{TOKEN_PATH}"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": scopes.split(' ').collect::<Vec<_>>(),
    })
}

/// The route of the metadata at one path.
pub(super) fn resource(public: &PublicUrl, path: &str) -> actix_web::Resource {
    let document = document(public).to_string();
    let answer = move || {
        let document = document.clone();
        async move { HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(document) }
    };
    web::resource(path).route(web::get().to(answer.clone())).route(web::head().to(answer)).default_service(web::to(
        || async { HttpResponse::MethodNotAllowed().insert_header((ALLOW, "GET, HEAD")).finish() },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_path_stands_behind_the_well_known_part() {
        let of = |url: &str| paths(&url.parse().unwrap());
        assert_eq!(of("https://id.example"), [WELL_KNOWN]);
        assert_eq!(of("https://id.example:8443/tenants/a"), [WELL_KNOWN, &format!("{WELL_KNOWN}/tenants/a")]);
    }

    #[test]
    fn what_is_told_is_what_there_is() {
        let told = document(&"https://id.example/base".parse().unwrap());
        assert_eq!(told["issuer"], "https://id.example/base");
        assert_eq!(told["token_endpoint"], "https://id.example/base/oauth2/v1/token");
        assert_eq!(told["response_types_supported"], json!([]));
        let scopes: Vec<&str> = told["scopes_supported"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(scopes.join(" ").parse(), Ok(Scopes::ALL));
    }
}
