//! The internal surface: requests that the gateway forwards, each with a grant that says whose it is.

use std::sync::Arc;

use actix_web::{
    Error, HttpMessage,
    body::{EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::{Next, from_fn},
    web::{self, ServiceConfig},
};
use futures_util::Stream;
use rollcall_access::{ForwardedRequest, GrantError, Granted, InternalKeys};
use rollcall_base::Clock;
use rollcall_runtime::{
    RequestId,
    http::{BaseUrl, SharedBody, Tolerated},
};
use rollcall_scim::ScimError;
use std::pin::Pin;
use tracing::Span;

use super::{answer, configure, lookup};

/// Carries the grant.
const GRANT: &str = "x-rollcall-grant";
/// Tells the gateway that its grant was refused: no fault of the client's.
const REFUSED: HeaderName = HeaderName::from_static("x-rollcall-refused");
/// Grants are made out to this service.
const AUDIENCE: &str = "directory";
/// The routes for requests with a grant, and nothing for anybody else. Cheap to clone.
#[derive(Clone)]
pub struct GrantedSurface(Arc<Inner>);

struct Inner {
    keys: InternalKeys,
    clock: Arc<dyn Clock>,
}

impl GrantedSurface {
    /// Believes grants that are signed with `keys`.
    pub fn new(keys: InternalKeys, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { keys, clock }))
    }

    /// Mounts all routes, as the gateway forwards to them: the grant says which directory it is. They need a [`crate::DirectoryService`] as application data.
    pub fn mount(&self, config: &mut ServiceConfig) {
        for (prefix, routes) in [("/scim/v2", configure as fn(&mut ServiceConfig)), ("/lookup/v1", lookup::configure)] {
            let inner = Arc::clone(&self.0);
            config.service(
                web::scope(prefix)
                    .configure(routes)
                    .wrap(from_fn(move |request, next| admit(Arc::clone(&inner), request, next))),
            );
        }
    }
}

/// Lets a request with a good grant through, with what the gateway's own authentication would have put into it.
async fn admit<B: MessageBody>(
    inner: Arc<Inner>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let granted = match inner.redeem(&request) {
        Ok(granted) => granted,
        Err(error) => {
            tracing::warn!(reason = %error, "refused: no good grant");
            let mut response = answer::error_response(&ScimError::status(401, "This surface is not open here."));
            response.headers_mut().insert(REFUSED, HeaderValue::from_static("grant"));
            return Ok(request.into_response(response).map_into_right_body());
        }
    };
    let span = Span::current();
    span.record("rollcall.directory", tracing::field::display(granted.authenticated.directory()));
    span.record("rollcall.credential", tracing::field::display(granted.authenticated.credential()));
    request.extensions_mut().insert(granted.authenticated);
    request.extensions_mut().insert(granted.settings);
    request.extensions_mut().insert(BaseUrl(granted.base_url.into()));
    request.extensions_mut().insert(RequestId::of_edge(granted.request_id));
    let body = SharedBody::new(request.take_payload());
    request.set_payload(Payload::from(Box::pin(body.clone()) as Pin<Box<dyn Stream<Item = _>>>));
    let response = next.call(request).await;
    // The gateway sends the whole body before it reads an answer; to close the connection on it would lose the answer.
    body.drain().await;
    let mut response = response?;
    // The handler is done and has left it there; the gateway's line of this request shows it too.
    let tolerated = response.request().extensions().get::<Tolerated>().and_then(Tolerated::to_header);
    if let Some(tolerated) = tolerated {
        response.headers_mut().insert(Tolerated::HEADER, tolerated);
    }
    Ok(response.map_into_left_body())
}

impl Inner {
    fn redeem(&self, request: &ServiceRequest) -> Result<Granted, GrantError> {
        let mut sent = request.headers().get_all(GRANT);
        let grant = sent.next().and_then(|value| value.to_str().ok()).ok_or(GrantError::Missing)?;
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let forwarded = ForwardedRequest { audience: AUDIENCE, method: request.method().as_str(), target };
        self.keys.redeem(grant, &forwarded, self.clock.now())
    }
}
