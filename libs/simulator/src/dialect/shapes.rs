//! Shapes that several clients share.

use serde_json::{Value, json};

use super::Member;
use crate::{company::Person, http::Call};

pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What most clients map by default.
pub(super) fn profile(person: &Person) -> Value {
    let mut user = core_profile(person);
    user["schemas"] = json!([USER, ENTERPRISE]);
    user["title"] = json!(person.title);
    user[ENTERPRISE] = json!({ "department": person.department, "employeeNumber": person.employee_number() });
    user
}

/// The core schema's part of it.
pub(super) fn core_profile(person: &Person) -> Value {
    json!({
        "schemas": [USER],
        "userName": person.user_name,
        "name": { "givenName": person.given, "familyName": person.family },
        "displayName": person.display_name(),
        "emails": [{ "value": person.user_name, "type": "work", "primary": true }],
        "active": person.active,
    })
}

/// Members by id alone.
pub(super) fn list_of(members: &[Member]) -> Value {
    members.iter().map(|member| json!({ "value": member.id })).collect()
}

/// Members with what they are called.
pub(super) fn displayed(members: &[Member]) -> Value {
    members.iter().map(|member| json!({ "value": member.id, "display": member.display })).collect()
}

pub(super) fn patch(endpoint: &str, id: &str, operations: Value) -> Call {
    Call::send("PATCH", format!("/{endpoint}/{id}"), json!({ "schemas": [PATCH_OP], "Operations": operations }))
}

/// A GUID, the external id of Microsoft and of others who copy it.
pub(super) fn guid(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// So many hexadecimal digits.
pub(super) fn hex(bits: u128, digits: usize) -> String {
    format!("{bits:032x}")[..digits.min(32)].to_owned()
}
