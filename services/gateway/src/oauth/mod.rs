//! OAuth 2.0 for clients that speak for themselves (RFC 6749 §4.4): the token endpoint and what describes it.

mod client;
mod error;
mod form;
mod metadata;
mod resource;

use std::{sync::Arc, time::Duration};

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{PRAGMA, USER_AGENT},
    middleware::{Next, from_fn},
    web::{self, ServiceConfig},
};
use rollcall_access::{ClientId, Scopes};
use rollcall_runtime::{ClientAddress, PublicUrl, http::read_body};
use rollcall_tokens::{GrantDenial, GrantDenialReason, GrantError, GrantedToken, RefusedReason, Source, TokenRequest};
use serde_json::json;
use tokio::time::timeout;
use tracing::{Instrument, Span};
use zeroize::Zeroizing;

use self::{error::OAuthError, form::Form};
use crate::{
    Gateway,
    gateway::Inner,
    headers,
    limit::{OAUTH, Refused},
    refusal::chain,
    uses::RefusedKey,
};

const TOKEN_PATH: &str = "/oauth2/v1/token";
/// The largest body that is read, in bytes.
const LARGEST: usize = 16 * 1024;

/// Where OAuth clients get their access tokens.
pub fn token_endpoint(public: &PublicUrl) -> String {
    format!("{public}{TOKEN_PATH}")
}

impl Gateway {
    /// Mounts the token endpoint and the metadata.
    pub fn mount_oauth(&self, config: &mut ServiceConfig) {
        let public = &self.0.public_url;
        let secure = public.as_str().starts_with("https:");
        let guard = move || from_fn(move |request, next| headers::guard(secure, request, next));
        let bounded = Arc::clone(&self.0);
        config.service(
            web::resource(TOKEN_PATH)
                .app_data(web::Data::new(self.clone()))
                .route(web::post().to(token))
                .default_service(web::to(error::post_only))
                .wrap(from_fn(move |request, next| head(Arc::clone(&bounded), request, next)))
                .wrap(guard()),
        );
        for path in metadata::paths(public) {
            config.service(metadata::resource(public, &path).wrap(guard()));
        }
    }
}

async fn token(gateway: web::Data<Gateway>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let limiter = &gateway.0.limiter;
    match timeout(limiter.limits().answer_within, gateway.0.token(&request, payload)).await {
        Ok(Ok(granted)) => answer(&granted),
        Ok(Err(refusal)) => refusal.to_response(),
        Err(_) => {
            limiter.refused(Refused::Time, OAUTH);
            tracing::warn!("given up: it took longer than limits.requests.seconds");
            error::TOO_LATE.to_response()
        }
    }
}

/// Lets a request through whose head is not too long, or answers it.
async fn head<B: MessageBody + 'static>(
    gateway: Arc<Inner>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match gateway.limiter.check_head(&request, OAUTH) {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Err(_) => Ok(request.into_response(error::HEAD_TOO_LARGE.to_response())),
    }
}

/// RFC 6749 §5.1. The scope is always told; the time that is left to the nearest second.
fn answer(granted: &GrantedToken) -> HttpResponse {
    let expires_in = (granted.lifetime + Duration::from_millis(500)).as_secs();
    HttpResponse::Ok().insert_header((PRAGMA, "no-cache")).json(json!({
        "access_token": granted.token.expose(),
        "token_type": "Bearer",
        "expires_in": expires_in,
        "scope": granted.scopes.to_string(),
    }))
}

impl Inner {
    async fn token(self: &Arc<Self>, request: &HttpRequest, payload: web::Payload) -> Result<GrantedToken, OAuthError> {
        let asked = self.read(request, payload).await.inspect_err(|error| {
            tracing::info!(error = error.code(), "refused: the request for an access token is not in order");
        })?;
        let client = asked.client;
        let tokens = Arc::clone(&self.tokens);
        // It goes on, and counts, if the client goes away.
        let granting = tokio::spawn(async move { tokens.grant_token(asked).await }.in_current_span());
        match granting.await.unwrap_or_else(|cut_off| Err(GrantError::Unavailable(Arc::new(cut_off)))) {
            Ok(granted) => {
                Span::current().record("rollcall.directory", tracing::field::display(granted.directory));
                Span::current().record("rollcall.credential", tracing::field::display(granted.credential));
                Ok(granted)
            }
            Err(error) => {
                log(client, &error);
                match &error {
                    GrantError::Throttled { .. } => self.limiter.refused(Refused::Authentication, OAUTH),
                    GrantError::TooMany { .. } => self.limiter.refused(Refused::OAuthClient, OAUTH),
                    _ => {}
                }
                if let GrantError::Denied(denial) = &error {
                    self.note(request, client, *denial);
                }
                Err(OAuthError::from(&error))
            }
        }
    }

    /// Reads a request as far as it can be understood without asking anybody.
    async fn read(&self, request: &HttpRequest, payload: web::Payload) -> Result<TokenRequest, OAuthError> {
        form::check_place(request)?;
        let body = Zeroizing::new(Vec::from(read_body(payload, LARGEST).await?));
        let form = Form::parse(&body)?;
        let presented = client::read(request.headers(), &form)?;
        match form.grant_type.as_deref() {
            Some("client_credentials") => {}
            Some(_) => return Err(error::UNSUPPORTED_GRANT_TYPE),
            None => return Err(error::invalid_request("grant_type is missing; send grant_type=client_credentials.")),
        }
        let resources = form.resources.iter().map(|text| resource::read(&self.public_url, text));
        Ok(TokenRequest {
            client: presented.client,
            secret: presented.secret,
            scopes: form.scope.as_deref().map(scopes).transpose()?,
            resources: resources.collect::<Option<_>>().ok_or(error::INVALID_TARGET)?,
            from: ClientAddress::of_request(request).0,
        })
    }

    /// Has the client's directory's admin know, if there is such a client.
    fn note(&self, request: &HttpRequest, client: ClientId, denial: GrantDenial) {
        let Some(reason) = reported(denial.reason).filter(|_| denial.directory.is_some()) else { return };
        let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
        let address = Source::of_stranger(ClientAddress::of_request(request).0, "").address;
        let refused = RefusedKey { reason, credential: None, client: Some(client.0), url: None, address };
        self.uses.refused(refused, agent, self.clock.now());
    }
}

/// RFC 6749 §3.3: scopes are set apart by spaces and nothing else.
fn scopes(text: &str) -> Result<Scopes, OAuthError> {
    if text.contains(',') {
        return Err(error::UNKNOWN_SCOPE);
    }
    text.parse().map_err(|_| error::UNKNOWN_SCOPE)
}

/// What a directory's admin should know of.
const fn reported(reason: GrantDenialReason) -> Option<RefusedReason> {
    match reason {
        GrantDenialReason::WrongSecret => Some(RefusedReason::ClientSecret),
        GrantDenialReason::Expired => Some(RefusedReason::ClientExpired),
        GrantDenialReason::Revoked => Some(RefusedReason::ClientRevoked),
        GrantDenialReason::OutsideNetworks => Some(RefusedReason::ClientNetworks),
        GrantDenialReason::Archived => Some(RefusedReason::Archived),
        GrantDenialReason::Scope => Some(RefusedReason::ClientScope),
        GrantDenialReason::Resource => Some(RefusedReason::ClientResource),
        GrantDenialReason::UnknownClient => None,
    }
}

/// Writes the reason down, once, for the operator.
fn log(client: ClientId, error: &GrantError) {
    match error {
        GrantError::Denied(denial) => tracing::info!(%client, reason = %denial.reason, "refused: no access token"),
        GrantError::Throttled { .. } | GrantError::TooMany { .. } | GrantError::Busy { .. } => {
            tracing::warn!(%client, reason = %error, "refused: throttled");
        }
        GrantError::Unavailable(source) => tracing::error!(%client, error = %chain(&**source), "refused: {error}"),
    }
}

#[cfg(test)]
mod tests;
