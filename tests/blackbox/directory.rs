//! A client of one directory.

use std::sync::OnceLock;

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub(crate) const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
pub(crate) const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub(crate) const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
pub(crate) const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// A directory, and a token for it.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    pub(crate) tenant: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) base_url: String,
    pub(crate) token: String,
    pub(crate) token_id: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null if there is none or it is no JSON.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts the status and gives the body.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// Asserts a SCIM error (RFC 7644 §3.12) and gives its detail.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, scim_type: Option<&str>) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.body["schemas"], json!([ERROR]), "{}", self.text);
        assert_eq!(self.body["status"], json!(status.to_string()), "{}", self.text);
        assert_eq!(self.body["scimType"].as_str(), scim_type, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/scim+json");
        self.body["detail"].as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) fn http() -> reqwest::Client {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
    // One client a test: a connection must not outlive the runtime that drives it.
    reqwest::Client::builder().tls_certs_only(std::iter::empty()).no_proxy().build().unwrap()
}

/// Sends a request as it is.
pub(crate) async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<Vec<u8>>,
) -> Result<Answer, reqwest::Error> {
    let mut request = http().request(Method::from_bytes(method.as_bytes()).unwrap(), url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.body(body);
    }
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, text, body })
}

impl Directory {
    pub(crate) fn new(tenant: &str, id: &str, name: &str, issued: &Value) -> Self {
        let text = |field: &str| issued[field].as_str().unwrap().to_owned();
        Self {
            tenant: tenant.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            base_url: text("base_url"),
            token: text("token"),
            token_id: text("token_id"),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// Of the lookup surface.
    pub(crate) fn lookup_url(&self, path: &str) -> String {
        let base = self.base_url.replace("/scim/", "/lookup/");
        format!("{}/v1{path}", base.strip_suffix("/v2").unwrap())
    }

    /// A lookup, with the token.
    pub(crate) async fn look_up(&self, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        send("GET", &self.lookup_url(path), &[("authorization", &bearer)], None).await.unwrap()
    }

    /// With the token, and JSON as SCIM clients send it.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            all.push(("content-type", "application/scim+json"));
        }
        send(method, &self.url(path), &all, body.map(|body| body.to_string().into_bytes())).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.try_send(method, path, &[], body).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.send("PATCH", path, Some(&json!({ "schemas": [PATCH_OP], "Operations": operations }))).await
    }

    /// A list with a filter.
    pub(crate) async fn find(&self, endpoint: &str, filter: &str) -> Answer {
        self.get(&format!("{endpoint}?filter={}", encoded(filter))).await
    }

    /// Makes a user and gives the id.
    pub(crate) async fn user(&self, user_name: &str) -> String {
        id_of(&self.post("/Users", json!({ "schemas": [USER], "userName": user_name })).await.ok(201))
    }

    /// Makes a group and gives the id.
    pub(crate) async fn group(&self, display_name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let group = json!({ "schemas": [GROUP], "displayName": display_name, "members": members });
        id_of(&self.post("/Groups", group).await.ok(201))
    }

    /// The ids in a group, in order.
    pub(crate) async fn members(&self, group: &str) -> Vec<String> {
        values(&self.get(&format!("/Groups/{group}")).await.ok(200)["members"])
    }
}

pub(crate) fn id_of(resource: &Value) -> String {
    resource["id"].as_str().unwrap().to_owned()
}

/// The `value`s of a multi-valued attribute, sorted.
pub(crate) fn values(list: &Value) -> Vec<String> {
    let elements = list.as_array().into_iter().flatten();
    let mut values: Vec<String> = elements.filter_map(|element| Some(element["value"].as_str()?.to_owned())).collect();
    values.sort();
    values
}

/// The ids of a list's resources, in its order.
pub(crate) fn ids(list: &Value) -> Vec<String> {
    list["Resources"].as_array().into_iter().flatten().map(id_of).collect()
}

/// For a query.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
