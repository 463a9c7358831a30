//! What the service can do, generated from what runs (RFC 7644 §4).

use actix_web::http::StatusCode;
use rollcall_scim::{
    ScimError,
    messages::{Capabilities, ListResponse, service_provider_config as describe},
};
use serde_json::Value;

use super::{
    answer::{Answer, Refusal, json},
    incoming::Incoming,
};

/// Filters are refused here, so that a client does not take the whole list for what fits (RFC 7644 §4).
fn refuse_filter(incoming: &Incoming) -> Result<(), Refusal> {
    let filtered = incoming.parameters()?.iter().any(|(name, _)| name.eq_ignore_ascii_case("filter"));
    if filtered {
        return Err(ScimError::status(403, "Discovery takes no filter. Read the whole list, it is short.").into());
    }
    Ok(())
}

pub(super) async fn service_provider_config(incoming: Incoming) -> Answer {
    refuse_filter(&incoming)?;
    let limits = &incoming.service.limits;
    let capabilities = Capabilities {
        bulk_operations: limits.scim.bulk_operations,
        bulk_bytes: limits.scim.bulk_bytes,
        default_page: limits.page.default,
        max_page: limits.page.max,
        cursor_seconds: limits.cursor_lifetime.as_secs(),
    };
    one(&incoming, &describe(&capabilities, &incoming.call.base_url))
}

pub(super) async fn resource_types(incoming: Incoming) -> Answer {
    refuse_filter(&incoming)?;
    let base_url = &incoming.call.base_url;
    all(&incoming, incoming.service.registry.resource_types.iter().map(|kind| kind.to_json(base_url)).collect())
}

pub(super) async fn resource_type(incoming: Incoming) -> Answer {
    refuse_filter(&incoming)?;
    let name = incoming.segment("name");
    let kind = incoming.service.registry.by_name(name).ok_or_else(|| {
        ScimError::status(404, format!("There is no resource type \"{name}\". GET /ResourceTypes lists them."))
    })?;
    one(&incoming, &kind.to_json(&incoming.call.base_url))
}

pub(super) async fn schemas(incoming: Incoming) -> Answer {
    refuse_filter(&incoming)?;
    let base_url = &incoming.call.base_url;
    all(&incoming, incoming.service.registry.schemas().iter().map(|schema| schema.to_json(base_url)).collect())
}

pub(super) async fn schema(incoming: Incoming) -> Answer {
    refuse_filter(&incoming)?;
    let urn = incoming.segment("urn");
    let schemas = incoming.service.registry.schemas();
    let schema = schemas
        .iter()
        .find(|schema| schema.id.eq_ignore_ascii_case(urn))
        .ok_or_else(|| ScimError::status(404, format!("There is no schema \"{urn}\". GET /Schemas lists them.")))?;
    one(&incoming, &schema.to_json(&incoming.call.base_url))
}

fn all(incoming: &Incoming, resources: Vec<Value>) -> Answer {
    let total_results = resources.len() as u64;
    let list = ListResponse { total_results, start_index: Some(1), resources, ..ListResponse::default() };
    one(incoming, &list.to_json())
}

fn one(incoming: &Incoming, body: &Value) -> Answer {
    Ok(json(StatusCode::OK, incoming.media_type, body))
}
