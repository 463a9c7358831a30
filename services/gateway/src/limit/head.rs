//! How long the head of a request may be.

use std::sync::Arc;

use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::Next,
};

use super::{Limiter, Refused};
use crate::{Api, gateway::Inner};

/// Lets a request through whose head is not too long, or answers it.
pub(crate) async fn head<B: MessageBody>(
    gateway: Arc<Inner>,
    api: Api,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Err(TooLong { bytes, most }) = gateway.limiter.check_head(&request, api.name()) else {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    };
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    let detail = format!(
        "The request's target and headers have {bytes} bytes; {most} are the most. Nothing was changed. Send fewer or shorter \
         headers, and what makes the query long as a body of POST /.search."
    );
    let response = actix_web::HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, api.error_type()))
        .body(api.error_body(status, &detail));
    Ok(request.into_response(response).map_into_right_body())
}

/// A head of so many bytes, where so many are the most.
#[derive(Debug)]
pub(crate) struct TooLong {
    bytes: usize,
    most: usize,
}

impl Limiter {
    /// Whether a request on `surface` may have so long a head.
    pub(crate) fn check_head(&self, request: &ServiceRequest, surface: &str) -> Result<(), TooLong> {
        let (bytes, most) = (length(request), self.limits().header_bytes);
        if bytes <= most {
            return Ok(());
        }
        self.refused(Refused::Head, surface);
        tracing::info!(bytes, "refused: the head is too long");
        Err(TooLong { bytes, most })
    }
}

/// Bytes of the target, and of all headers' names and values.
fn length(request: &ServiceRequest) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() + target
}
