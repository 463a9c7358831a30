//! Answers of the same shape and size as the service's, put together as text.

use actix_web::{HttpResponse, HttpResponseBuilder};
use rollcall_base::Timestamp;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// What of a row is shown.
pub(super) struct Shown {
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) created_at: i64,
    pub(super) modified_at: i64,
    pub(super) document: String,
    /// A JSON list, where the statement asked for it.
    pub(super) groups: Option<String>,
}

impl Shown {
    pub(super) fn read(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            version: row.try_get("version")?,
            created_at: row.try_get("created_at")?,
            modified_at: row.try_get("modified_at")?,
            document: row.try_get("document")?,
            groups: row.try_get("groups").unwrap_or_default(),
        })
    }

    pub(super) fn text(&self, kind: &str) -> String {
        let Self { id, version, created_at, modified_at, document, groups } = self;
        let (created, modified) = (Timestamp::from_micros(*created_at), Timestamp::from_micros(*modified_at));
        let attributes = document.trim_start_matches('{').trim_end_matches('}');
        let closing = &document[document.trim_end_matches('}').len()..document.len() - 1];
        let groups = groups.as_ref().map(|groups| format!(",\"groups\":{groups}")).unwrap_or_default();
        format!(
            "{{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:{kind}\",\
             \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:{kind}\"],\"id\":\"{id}\",\
             {attributes}{closing}{groups},\"meta\":{{\"resourceType\":\"{kind}\",\"created\":\"{created}\",\
             \"lastModified\":\"{modified}\",\"location\":\"http://127.0.0.1:10000/scim/bench/people/v2/{kind}s/{id}\",\
             \"version\":\"W/\\\"{version}\\\"\"}}}}"
        )
    }
}

/// One resource.
pub(super) fn one(mut response: HttpResponseBuilder, kind: &str, shown: &Shown) -> HttpResponse {
    let place = format!("http://127.0.0.1:10000/scim/bench/people/v2/{kind}s/{}", shown.id);
    response.insert_header(("etag", format!("W/\"{}\"", shown.version))).insert_header(("location", place));
    response.content_type("application/scim+json").body(shown.text(kind))
}

/// A page.
pub(super) fn list(kind: &str, shown: &[Shown]) -> HttpResponse {
    let resources: Vec<String> = shown.iter().map(|one| one.text(kind)).collect();
    let count = resources.len();
    HttpResponse::Ok().content_type("application/scim+json").body(format!(
        "{{\"schemas\":[\"{LIST}\"],\"totalResults\":{count},\"itemsPerPage\":{count},\"startIndex\":1,\"Resources\":[{}]}}",
        resources.join(",")
    ))
}
