//! What every handler needs of a request.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use rollcall_access::{Authenticated, DirectorySettings};
use rollcall_runtime::http::{BaseUrl, RequestId, Tolerated, read_body};
use rollcall_scim::{Projection, ScimError, parse_json, quirks::Leniency, schema::ResourceType};
use serde_json::Value;
use tracing::Span;

use crate::{Call, DirectoryService, failure::Failure, list::ListRequest};

use super::{
    answer::Refusal,
    media_type::{self, MediaType},
};

/// A request that the gateway let through.
pub(super) struct Incoming {
    pub(super) service: DirectoryService,
    pub(super) call: Call,
    pub(super) media_type: MediaType,
    pub(super) request: HttpRequest,
    /// The request's, in whose line of the log it is said what was tolerated.
    span: Span,
}

impl FromRequest for Incoming {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

impl Incoming {
    fn read(request: &HttpRequest) -> Result<Self, Refusal> {
        let extensions = request.extensions();
        let (Some(service), Some(authenticated), Some(settings), Some(base_url), Some(request_id)) = (
            request.app_data::<web::Data<DirectoryService>>(),
            extensions.get::<Authenticated>(),
            extensions.get::<DirectorySettings>(),
            extensions.get::<BaseUrl>(),
            extensions.get::<RequestId>(),
        ) else {
            // Mounted without the gateway in front: nothing is served rather than served to anybody.
            return Err(ScimError::status(401, "This surface is not open here.").into());
        };
        Ok(Self {
            service: service.get_ref().clone(),
            call: Call {
                authenticated: authenticated.clone(),
                settings: *settings,
                base_url: Arc::clone(&base_url.0),
                request_id: request_id.to_string(),
                leniency: if settings.policies.strict { Leniency::strict() } else { Leniency::lenient() },
            },
            media_type: MediaType::negotiate(request.headers())?,
            request: request.clone(),
            span: Span::current(),
        })
    }

    /// The resource type that the path names.
    pub(super) fn kind(&self) -> Result<Arc<ResourceType>, Refusal> {
        Ok(Arc::clone(self.service.resource_type(&self.call, self.segment("endpoint"))?))
    }

    /// A placeholder's value in the path, decoded.
    pub(super) fn segment(&self, name: &str) -> &str {
        self.request.match_info().query(name)
    }

    /// The decoded query: `+` is a space, as clients that build it as a form send it.
    pub(super) fn parameters(&self) -> Result<Vec<(String, String)>, ScimError> {
        let parameters = web::Query::<Vec<(String, String)>>::from_query(self.request.query_string());
        parameters
            .map(web::Query::into_inner)
            .map_err(|_| ScimError::status(400, "The query string is not well-formed. Percent-encode it as UTF-8."))
    }

    /// The parameters of a list or of a single answer.
    pub(super) fn list_request(&self) -> Result<ListRequest, ScimError> {
        ListRequest::from_parameters(&self.parameters()?)
    }

    /// What of the resource the client wants to see.
    pub(super) fn projection(&self, kind: &ResourceType) -> Result<Projection, ScimError> {
        self.list_request()?.projection(&self.call, kind)
    }

    /// The body as JSON, of at most `limit` bytes.
    pub(super) async fn body(&self, payload: web::Payload, limit: usize) -> Result<Value, Failure> {
        media_type::check_body(self.request.headers())?;
        let bytes = read_body(payload, limit).await.map_err(|error| {
            let advice = match error.status().as_u16() {
                413 => "Send the change in several requests.",
                _ => "Send it again.",
            };
            ScimError::status(error.status().as_u16(), format!("The request was not taken: {error}. {advice}"))
        })?;
        Ok(parse_json(&bytes)?)
    }
}

impl Drop for Incoming {
    /// What a request needed of leniency is counted and said, on its own line of the log, when it is done with: without
    /// it nobody could correct the client's mapping.
    fn drop(&mut self) {
        let (directory, now) = (self.call.authenticated.directory(), self.service.clock.now());
        if let Some(text) = self.service.tolerated.used(directory, &self.call.leniency, now) {
            let tolerated = Tolerated::new(&text);
            tolerated.record(&self.span);
            self.request.extensions_mut().insert(tolerated);
        }
    }
}
