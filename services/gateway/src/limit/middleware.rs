//! Around every request whose sender is known: it is taken or refused, it counts until its answer is sent, and it is given
//! up when it takes too long.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::{ErrorInternalServerError, InternalError},
    http::{
        Method, StatusCode,
        header::{HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Bytes,
};
use rollcall_access::Authenticated;
use rollcall_runtime::RequestId;
use tokio::time::timeout;

use super::{flight::Ticket, metrics};
use crate::{
    Api,
    gateway::Inner,
    headers,
    refusal::{PATIENCE, later},
};

/// Takes a request that authentication let through, or answers it.
pub(crate) async fn limit<B: MessageBody + 'static>(
    gateway: Arc<Inner>,
    api: Api,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let limiter = &gateway.limiter;
    let who = request.extensions().get::<Authenticated>().cloned();
    let who = who.ok_or_else(|| ErrorInternalServerError("limited before it was authenticated"))?;
    let ticket = match limiter.admit(api, &who).await {
        Ok(ticket) => ticket,
        Err(reason) => {
            limiter.metrics().refused(reason.name(), api);
            tracing::info!(reason = reason.name(), "refused: limited");
            return Ok(request.into_response(reason.to_response(api, limiter.limits())));
        }
    };
    let late = Late::of(&request);
    match timeout(limiter.limits().answer_within, next.call(request)).await {
        Ok(response) => Ok(response?.map_body(|_, body| BoxBody::new(Held { body: body.boxed(), _ticket: ticket }))),
        Err(_) => {
            limiter.metrics().refused(metrics::TIME, api);
            tracing::warn!("given up: it took longer than limits.requests.seconds");
            Err(InternalError::from_response("a request took too long", late.to_response(&gateway, api)).into())
        }
    }
}

/// What the answer to a request that took too long is made of: the request itself is gone by then.
struct Late {
    changes: bool,
    request_id: RequestId,
}

impl Late {
    fn of(request: &ServiceRequest) -> Self {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD) || request.path().ends_with("/.search");
        Self { changes: !reads, request_id: RequestId::of_request(request.request()) }
    }

    fn to_response(&self, gateway: &Inner, api: Api) -> HttpResponse {
        let seconds = gateway.limiter.limits().answer_within.as_secs();
        let outcome = if self.changes {
            "The change may have been made, of a Bulk request each operation by itself: read the resource, or send the request \
             again, in smaller parts if you can."
        } else {
            "Nothing was changed. Ask for less at a time, or send the request again."
        };
        let detail = format!("The request took longer than {seconds} seconds and was given up. {outcome}");
        let mut response = later(api, StatusCode::SERVICE_UNAVAILABLE, &detail, PATIENCE);
        // It leaves as an error, past those who would set these.
        headers::set(gateway.is_secure(), response.headers_mut());
        if let Ok(value) = HeaderValue::from_str(self.request_id.as_str()) {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
        }
        response
    }
}

/// An answer's body that is under way until its last byte, or until nobody wants it any more.
struct Held {
    body: BoxBody,
    _ticket: Ticket,
}

impl MessageBody for Held {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
