//! Errors of the interfaces that are not SCIM.

use actix_web::http::StatusCode;
use serde_json::json;

/// The body of an `application/problem+json` answer (RFC 9457).
pub fn problem_json(status: StatusCode, detail: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail }).to_string()
}
