//! What the service says of itself.

use serde_json::json;

use super::directory;
use crate::directory::{ENTERPRISE, GROUP, USER, ids};

#[tokio::test]
async fn the_configuration_tells_what_runs() {
    let directory = directory();
    let config = directory.get("/ServiceProviderConfig").await.ok(200);
    for feature in ["patch", "bulk", "filter", "sort", "etag"] {
        assert_eq!(config[feature]["supported"], json!(true), "{feature}");
    }
    assert_eq!(config["changePassword"]["supported"], json!(false));
    assert_eq!(
        (&config["bulk"]["maxOperations"], &config["bulk"]["maxPayloadSize"]),
        (&json!(1000), &json!(1_048_576))
    );
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
    assert!(!config.to_string().contains("null"), "{config}");
}

#[tokio::test]
async fn types_and_schemas_are_listed_and_had_by_name() {
    let directory = directory();
    let types = directory.get("/ResourceTypes").await.ok(200);
    assert_eq!(types["totalResults"], types["Resources"].as_array().unwrap().len());
    for name in ["User", "Group"] {
        let one = directory.get(&format!("/ResourceTypes/{name}")).await.ok(200);
        assert!(types["Resources"].as_array().unwrap().contains(&one), "{name}");
        assert_eq!(one["meta"]["location"], directory.url(&format!("/ResourceTypes/{name}")));
    }
    let schemas = ids(&directory.get("/Schemas").await.ok(200));
    for urn in [USER, GROUP, ENTERPRISE, "urn:ietf:params:scim:schemas:core:2.0:Schema"] {
        assert!(schemas.contains(&urn.to_owned()), "{urn} in {schemas:?}");
        assert_eq!(directory.get(&format!("/Schemas/{urn}")).await.ok(200)["id"], urn);
    }
    directory.get("/Schemas/urn:nothing:here").await.error(404, None);
    directory.get("/ResourceTypes/Nothing").await.error(404, None);
}

#[tokio::test]
async fn discovery_takes_no_filter_and_no_writes() {
    let directory = directory();
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"] {
        directory.get(&format!("{path}?filter=id+eq+%22x%22")).await.error(403, None);
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer = directory.send(method, path, None).await;
            answer.error(405, None);
            assert!(answer.header("allow").contains("GET"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_is_nobody() {
    let directory = directory();
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        directory.send(method, "/Me", None).await.error(501, None);
    }
}
