//! Which URLs lead to a directory.

use super::directory;
use crate::{
    directory::{Directory, send},
    server::Server,
};

async fn status(directory: &Directory, path: &str) -> u16 {
    let url = format!("http://{}{path}", Server::shared().address);
    let bearer = format!("Bearer {}", directory.token);
    send("GET", &url, &[("authorization", &bearer)], None).await.unwrap().status
}

#[tokio::test]
async fn a_directory_is_known_by_id_and_name_in_any_case_and_by_its_token_alone() {
    let directory = directory();
    let (tenant, id, name) = (&directory.tenant, &directory.id, &directory.name);
    for path in [
        format!("/scim/{tenant}/{id}/v2/Users"),
        format!("/scim/{tenant}/{}/v2/Users", id.to_uppercase()),
        format!("/scim/{tenant}/{}/v2/Users", id.to_lowercase()),
        format!("/scim/{tenant}/{name}/v2/Users"),
        format!("/scim/{tenant}/{}/v2/Users", name.to_uppercase()),
        format!("/scim/{tenant}/{id}/v2/Users/"),
        format!("/scim/{tenant}/{id}/v2//Users"),
        format!("/scim/{tenant}/{id}/v2/Users?aadOptscim062020"),
        format!("/scim/{tenant}/{id}/v2/Users?aadOptscim062020=true&count=1"),
        "/scim/v2/Users".to_owned(),
        "/scim/v2/Users/".to_owned(),
    ] {
        assert_eq!(status(&directory, &path).await, 200, "{path}");
    }
}

#[tokio::test]
async fn a_base_url_has_no_underscore_and_locations_come_from_the_configured_address() {
    let directory = directory();
    assert!(!directory.base_url.contains('_'), "{}", directory.base_url);
    let id = directory.user("anna@urls.example").await;
    let bearer = format!("Bearer {}", directory.token);
    let headers = [("authorization", bearer.as_str()), ("host", "evil.example"), ("x-forwarded-host", "evil.example")];
    let answer = send("GET", &directory.url(&format!("/Users/{id}")), &headers, None).await.unwrap();
    assert_eq!(answer.body["meta"]["location"], directory.url(&format!("/Users/{id}")));
    assert!(!answer.text.contains("evil.example"));
}

#[tokio::test]
async fn the_scheme_word_has_no_case_and_a_token_in_the_query_opens_nothing() {
    let directory = directory();
    let url = directory.url("/Users");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} {}", directory.token);
        assert_eq!(send("GET", &url, &[("authorization", &value)], None).await.unwrap().status, 200, "{scheme}");
    }
    let url = directory.url(&format!("/Users?access_token={}", directory.token));
    assert_eq!(send("GET", &url, &[], None).await.unwrap().status, 401);
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_a_scim_error() {
    let directory = directory();
    directory.get("/Nothing").await.error(404, None);
    directory.get("/Users/1/2/3").await.error(404, None);
}
