//! Clients and guides over HTTP, in every shape of the service.

use serde_json::json;

use crate::{
    directory::send,
    oauth::Client,
    server::{Place, Server},
};

fn url(place: &Place, path: &str) -> String {
    format!("http://{}/api/v1{path}", place.address)
}

#[tokio::test]
async fn a_directory_gets_its_own_guide_with_its_token_and_everybody_the_general_one() {
    let place = Server::shared();
    let (ours, theirs) = (place.directory_of("guides", "okta"), place.directory_of("guides", "entra-id"));
    for (directory, field) in [(&ours, "API Token"), (&theirs, "Secret Token")] {
        let bearer = format!("Bearer {}", directory.token);
        let headers = [("authorization", bearer.as_str()), ("accept", "text/markdown")];
        let page = send("GET", &url(place, "/guide"), &headers, None).await.unwrap();
        assert_eq!((page.status, page.header("content-type")), (200, "text/markdown; charset=utf-8"));
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(page.text.contains(&format!("`{}`", directory.base_url)) && page.text.contains(field), "{}", page.text);
        assert!(!page.text.contains(&directory.token) && !page.text.contains("rct_"));
        let general = send("GET", &url(place, "/clients/okta/guide"), &headers, None).await.unwrap();
        assert!(!general.text.contains(&directory.id), "a token changes nothing of what is everybody's");
    }
    let bearer = format!("Bearer {}", ours.token);
    let guide = send("GET", &url(place, "/guide?client=okta-custom-app"), &[("authorization", &bearer)], None).await;
    assert_eq!(guide.unwrap().ok(200)["client"], "okta-custom-app");
}

#[tokio::test]
async fn an_access_token_gets_the_guide_too_and_is_not_taken_for_the_directorys_token() {
    let place = Server::shared();
    let directory = place.directory_of("guides", "cyberark");
    let access = Client::of(place, &directory, &[]).token().await;
    let bearer = format!("Bearer {access}");
    let guide = send("GET", &url(place, "/guide"), &[("authorization", &bearer)], None).await.unwrap().ok(200);
    assert_eq!(guide["client"], "cyberark");
    assert!(!guide.to_string().contains("ends at"), "its hour is not the directory's token's");
}

#[tokio::test]
async fn what_is_open_to_everybody_is_kept_by_its_tag_and_checks_what_is_typed() {
    let place = Server::shared();
    let listed = send("GET", &url(place, "/clients"), &[], None).await.unwrap();
    assert_eq!(listed.header("cache-control"), "public, max-age=300");
    let tag = listed.header("etag").to_owned();
    assert_eq!(listed.ok(200)["clients"].as_array().unwrap().len(), 15);
    let again = send("GET", &url(place, "/clients"), &[("if-none-match", &tag)], None).await.unwrap();
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    let typed = json!({ "directory_id": "{8f14e45fceea467fa8d21c9f0b6d3e11}", "directory_name": "Contoso.Example" });
    let body = Some(typed.to_string().into_bytes());
    let checked = send("POST", &url(place, "/clients/entra-id/check"), &[], body).await.unwrap().ok(200);
    assert_eq!(checked["directory_id"], "8f14e45f-ceea-467f-a8d2-1c9f0b6d3e11");
    assert_eq!(checked["changes"].as_array().unwrap().len(), 2);
}
