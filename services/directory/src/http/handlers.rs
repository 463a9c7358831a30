//! One function for each thing that a route does.

use std::sync::Arc;

use actix_web::{
    HttpResponse, Resource,
    http::{
        Method, StatusCode,
        header::{CONTENT_LOCATION, ETAG, LOCATION},
    },
    web,
};
use rollcall_scim::{
    Projection, ScimError,
    messages::{BulkRequest, SearchRequest},
    schema::{GROUP, ResourceType},
};
use rollcall_store::StoredResource;
use serde_json::Value;

use crate::{list::ListRequest, represent::shows_groups};

use super::{
    answer::{self, Answer, Refusal, builder, json},
    discovery, etag,
    incoming::Incoming,
    stream::{self, BigGroup},
};

/// Puts the handlers of `path` on `resource`.
pub(super) fn mount(path: &str, resource: Resource) -> Resource {
    match path {
        "" => resource.route(web::get().to(list_everything)),
        "/.search" => resource.route(web::post().to(search_everything)),
        "/Bulk" => resource.route(web::post().to(bulk)),
        "/Me" => resource.route(web::route().to(me)),
        "/ServiceProviderConfig" => resource.route(web::get().to(discovery::service_provider_config)),
        "/ResourceTypes" => resource.route(web::get().to(discovery::resource_types)),
        "/ResourceTypes/{name}" => resource.route(web::get().to(discovery::resource_type)),
        "/Schemas" => resource.route(web::get().to(discovery::schemas)),
        "/Schemas/{urn}" => resource.route(web::get().to(discovery::schema)),
        "/{endpoint}" => resource.route(web::get().to(list)).route(web::post().to(create)),
        "/{endpoint}/.search" => resource.route(web::post().to(search)),
        _ => resource
            .route(web::get().to(read))
            .route(web::put().to(replace))
            .route(web::patch().to(patch))
            .route(web::delete().to(delete)),
    }
}

async fn create(incoming: Incoming, payload: web::Payload) -> Answer {
    let kind = incoming.kind()?;
    let projection = incoming.projection(&kind)?;
    let body = incoming.body(payload, incoming.service.limits.body_bytes).await?;
    let resource = incoming.service.create(&incoming.call, &kind, body, false).await?;
    shown(&incoming, StatusCode::CREATED, resource, projection).await.map_err(after_the_change)
}

async fn read(incoming: Incoming) -> Answer {
    let kind = incoming.kind()?;
    let projection = incoming.projection(&kind)?;
    let groups = shows_groups(&kind, &projection);
    let resource = incoming.service.read(&incoming.call, &kind, incoming.segment("id"), groups).await?;
    shown(&incoming, StatusCode::OK, resource, projection).await
}

async fn replace(incoming: Incoming, payload: web::Payload) -> Answer {
    let kind = incoming.kind()?;
    let projection = incoming.projection(&kind)?;
    let precondition = etag::precondition(incoming.request.headers());
    let body = incoming.body(payload, incoming.service.limits.body_bytes).await?;
    let (id, groups) = (incoming.segment("id"), shows_groups(&kind, &projection));
    let updated = incoming.service.replace(&incoming.call, &kind, id, precondition, body, groups).await?;
    shown(&incoming, StatusCode::OK, updated.resource, projection).await.map_err(after_the_change)
}

async fn patch(incoming: Incoming, payload: web::Payload) -> Answer {
    let kind = incoming.kind()?;
    let projection = incoming.projection(&kind)?;
    let precondition = etag::precondition(incoming.request.headers());
    let body = incoming.body(payload, incoming.service.limits.body_bytes).await?;
    let (id, groups) = (incoming.segment("id"), shows_groups(&kind, &projection));
    let updated = incoming.service.patch(&incoming.call, &kind, id, precondition, body, groups).await?;
    if kind.kind == GROUP && projection.is_default() {
        // A group's representation can be of any size; who changed a member did not ask for it.
        let mut response = HttpResponse::NoContent().finish();
        answer::set(&mut response, ETAG, &format!("W/\"{}\"", updated.resource.version));
        return Ok(response);
    }
    shown(&incoming, StatusCode::OK, updated.resource, projection).await.map_err(after_the_change)
}

async fn delete(incoming: Incoming) -> Answer {
    let kind = incoming.kind()?;
    let precondition = etag::precondition(incoming.request.headers());
    incoming.service.delete(&incoming.call, &kind, incoming.segment("id"), precondition).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn list(incoming: Incoming) -> Answer {
    let kind = incoming.kind()?;
    listed(&incoming, &[kind], incoming.list_request()?).await
}

async fn search(incoming: Incoming, payload: web::Payload) -> Answer {
    let kind = incoming.kind()?;
    let body = incoming.body(payload, incoming.service.limits.body_bytes).await?;
    listed(&incoming, &[kind], SearchRequest::parse(body)?.into()).await
}

async fn list_everything(incoming: Incoming) -> Answer {
    let kinds = incoming.service.registry.resource_types.clone();
    listed(&incoming, &kinds, incoming.list_request()?).await
}

async fn search_everything(incoming: Incoming, payload: web::Payload) -> Answer {
    let body = incoming.body(payload, incoming.service.limits.body_bytes).await?;
    let kinds = incoming.service.registry.resource_types.clone();
    listed(&incoming, &kinds, SearchRequest::parse(body)?.into()).await
}

async fn bulk(incoming: Incoming, payload: web::Payload) -> Answer {
    let limits = &incoming.service.limits.scim;
    let body = incoming.body(payload, limits.bulk_bytes).await?;
    let request = BulkRequest::parse(body, limits)?;
    let response = incoming.service.bulk(&incoming.call, request).await?;
    Ok(json(StatusCode::OK, incoming.media_type, &response))
}

/// `/Me` needs a user behind the token; ours stand for a directory (RFC 7644 §3.11).
async fn me(_: Incoming) -> Answer {
    Err(ScimError::status(501, "A directory's token belongs to no user, so /Me has nothing to show. Use /Users.")
        .into())
}

async fn listed(incoming: &Incoming, kinds: &[Arc<ResourceType>], request: ListRequest) -> Answer {
    let page = incoming.service.list(&incoming.call, kinds, &request).await?;
    Ok(json(StatusCode::OK, incoming.media_type, &page))
}

fn after_the_change(Refusal(failure): Refusal) -> Refusal {
    Refusal(failure.after_the_change())
}

async fn shown(
    incoming: &Incoming,
    status: StatusCode,
    resource: StoredResource,
    projection: Projection,
) -> Result<HttpResponse, Refusal> {
    let (service, call, kind) = (&incoming.service, &incoming.call, incoming.kind()?);
    let store = service.store.directory(&call.authenticated.answer());
    let presented = service.present_one(call, &store, &kind, &resource, &projection).await?;
    let whole = presented.members_continue_after.is_none();
    let mut response = builder(status, incoming.media_type);
    response.insert_header((ETAG, presented.etag.clone()));
    if status == StatusCode::CREATED {
        response.insert_header((LOCATION, presented.location.clone()));
    } else {
        response.insert_header((CONTENT_LOCATION, presented.location.clone()));
    }
    let is_read = incoming.request.method() == Method::GET;
    if is_read && whole && etag::client_has(incoming.request.headers(), &presented.etag) {
        let mut unchanged = HttpResponse::NotModified().finish();
        answer::set(&mut unchanged, ETAG, &presented.etag);
        return Ok(unchanged);
    }
    if whole {
        return Ok(response.body(Value::Object(presented.body).to_string()));
    }
    let group = BigGroup { service: service.clone(), call: call.clone(), resource, projection };
    Ok(stream::send(response, group, presented))
}
