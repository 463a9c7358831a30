//! What a client is told whose list would need a scan without bound.

use rollcall_scim::{
    ScimError, ScimType,
    schema::{GROUP, ResourceType},
};

use crate::filter::Context;
use crate::{ListQuery, StoreError};

/// The page is too large, whatever its number of resources.
pub(super) fn bytes(most: usize) -> StoreError {
    let detail = format!(
        "The resources of this page have more than {most} bytes. Ask for fewer at a time with a smaller count."
    );
    ScimError::bad_request(ScimType::TooMany, detail).into()
}

pub(super) fn error(context: Context<'_>, query: &ListQuery, order: Option<String>, scan_rows: u32) -> StoreError {
    let unserved = query.condition.as_ref().and_then(|condition| context.unserved(condition));
    let name = &query.resource_type.name;
    let served = examples(&query.resource_type);
    let detail = match (unserved, order) {
        (Some(attribute), _) => format!(
            "The filter on {attribute} is served by no index, and more than {scan_rows} {name} resources would have to be \
             looked at. Filter by {served} with eq, or add such a condition with \"and\"."
        ),
        (None, Some(attribute)) => format!(
            "Sorting by {attribute} is served by no index, and more than {scan_rows} {name} resources would have to be \
             sorted. Sort by id, meta.created or meta.lastModified, or filter by {served} with eq."
        ),
        (None, None) => format!(
            "More than {scan_rows} {name} resources would have to be looked at for this filter. Filter by {served} with eq, \
             or add such a condition with \"and\"."
        ),
    };
    ScimError::bad_request(ScimType::TooMany, detail).into()
}

fn examples(resource_type: &ResourceType) -> &'static str {
    if resource_type.kind == GROUP {
        "id, externalId, displayName or members.value"
    } else {
        "id, externalId, userName or emails.value"
    }
}
