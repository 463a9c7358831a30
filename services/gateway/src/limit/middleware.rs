//! Around every request whose sender is known: it is taken or refused, it counts until its answer is sent, and it is given
//! up when it takes too long.

use std::sync::Arc;

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::{ErrorInternalServerError, InternalError},
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    middleware::Next,
};
use rollcall_access::Authenticated;
use rollcall_runtime::RequestId;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::{Refused, body, reason::Reason, ticket::Ticket};
use crate::{
    Api,
    effect::{is_bulk, may_change},
    gateway::Inner,
    headers,
    refusal::{PATIENCE, later},
};

/// Takes a request that authentication let through, or answers it.
pub(crate) async fn limit<B: MessageBody + 'static>(
    gateway: Arc<Inner>,
    api: Api,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let limiter = &gateway.limiter;
    let who = request.extensions().get::<Authenticated>().cloned();
    let who = who.ok_or_else(|| ErrorInternalServerError("limited before it was authenticated"))?;
    let due = Instant::now() + limiter.limits().answer_within;
    let (late, version) = (Late::of(&request), request.version());
    let ticket = match timeout_at(due, limiter.admit(api, &who, is_bulk(request.request()))).await {
        Ok(Ok(ticket)) => Arc::new(ticket),
        Err(_) => return Err(late.before_it_began().give_up(&gateway, api)),
        Ok(Err(reason)) => {
            limiter.metrics().limited(reason, api);
            tracing::info!(reason = reason.name(), "refused: limited");
            return Ok(request.into_response(reason.to_response(api, limiter.limits())));
        }
    };
    body::wait_without_a_turn(&mut request, &ticket);
    match timeout_at(due, work(next, request, Arc::clone(&ticket), late.changes)).await {
        Ok(response) => {
            let response = response?;
            let room = match body::room(response.response().body().size(), &ticket, limiter.limits()) {
                Ok(room) => room,
                // It is made: nobody is told that it is not.
                Err(_) if late.changes => None,
                Err(_) => {
                    limiter.metrics().limited(Reason::Unsent, api);
                    return Ok(response.into_response(Reason::Unsent.to_response(api, limiter.limits())));
                }
            };
            let limits = limiter.limits();
            Ok(response.map_body(|_, answer| body::answer(version, answer.boxed(), ticket, room, limits)))
        }
        Err(_) => Err(late.give_up(&gateway, api)),
    }
}

/// Works on a request until its answer begins: what then is to be sent costs others nothing. A change goes on, and counts, even
/// if its client goes away or nobody waits any longer: it cannot be called back, and who sends changes and leaves would else
/// have as many worked on at once as he likes.
async fn work<B: MessageBody + 'static>(
    next: Next<B>,
    request: ServiceRequest,
    ticket: Arc<Ticket>,
    changes: bool,
) -> Result<ServiceResponse<B>, Error> {
    let working = async move {
        let response = next.call(request).await;
        ticket.pause();
        response
    };
    if !changes {
        return working.await;
    }
    let done = actix_web::rt::spawn(working.in_current_span()).await;
    // It panicked: whoever is outside says so.
    done.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => Err(ErrorInternalServerError(error)),
    })
}

/// What the answer to a request that took too long is made of: the request itself is gone by then.
struct Late {
    changes: bool,
    request_id: RequestId,
}

impl Late {
    fn of(request: &ServiceRequest) -> Self {
        let request = request.request();
        Self { changes: may_change(request), request_id: RequestId::of_request(request) }
    }

    /// It waited all the time: nothing was begun.
    fn before_it_began(self) -> Self {
        Self { changes: false, ..self }
    }

    fn give_up(&self, gateway: &Inner, api: Api) -> Error {
        gateway.limiter.refused(Refused::Time, api.name());
        tracing::warn!("given up: it took longer than limits.requests.seconds");
        InternalError::from_response("a request took too long", self.to_response(gateway, api)).into()
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
