//! Around every request: whose token is it, and does it open the directory that the URL names?

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderMap, USER_AGENT},
    },
    middleware::Next,
};
use rollcall_access::{Authenticated, Denial, DirectoryState, Origin};
use rollcall_runtime::{ClientAddress, http::BaseUrl};
use rollcall_tokens::{Caller, DirectoryRecord, Source};
use tracing::Span;

use crate::{
    Api, base_url, bearer,
    effect::may_change,
    gateway::Inner,
    limit::Refused,
    refusal::Refusal,
    uses::{GoodUse, RefusedKey},
};

/// Lets a request through with who it is from in its extensions, or answers it.
pub(crate) async fn authenticate<B: MessageBody>(
    gateway: Arc<Inner>,
    api: Api,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match gateway.admit(&request).await {
        Ok((authenticated, directory)) => {
            let base_url = base_url(&gateway.public_url, &directory);
            request.extensions_mut().insert(authenticated.clone());
            request.extensions_mut().insert(directory.settings());
            request.extensions_mut().insert(directory);
            request.extensions_mut().insert(BaseUrl(base_url.into()));
            // An admin who looks up how to set a client up is not the client: the token that this one takes the place of would
            // retire though the client still has it.
            let used = (api != Api::Guide).then(|| gateway.good_use(request.request(), &authenticated));
            let answer = next.call(request).await;
            // What was turned away at once is no use. What was begun and given up is one.
            if let Some(used) = used
                && !answer.as_ref().is_ok_and(|answer| TURNED_AWAY.contains(&answer.status()))
            {
                gateway.uses.good(used, gateway.clock.now());
            }
            Ok(answer?.map_into_left_body())
        }
        Err(refusal) => {
            refusal.log();
            gateway.note_refusal(&request, &refusal);
            if matches!(refusal, Refusal::Throttled(_)) {
                gateway.limiter.refused(Refused::Authentication, api.name());
            }
            Ok(request.into_response(refusal.to_response(api)).map_into_right_body())
        }
    }
}

impl Inner {
    async fn admit(&self, request: &ServiceRequest) -> Result<(Authenticated, Arc<DirectoryRecord>), Refusal> {
        let token = bearer::read(request.headers())?;
        Span::current().record("rollcall.credential", tracing::field::display(token.id()));
        let from = ClientAddress::of_request(request.request()).0;
        let authenticated = self.tokens.verify(&token, from).await?;
        if authenticated.admit_from(from)? == Origin::Observed {
            tracing::info!("the token was used from outside its networks, which is only observed");
        }
        let directory = self.tokens.directory(authenticated.directory()).await?.ok_or(Denial::OtherDirectory)?;
        Span::current().record("rollcall.directory", tracing::field::display(directory.id));
        let place = request.match_info();
        if let (Some(tenant), Some(key)) = (place.get("tenant"), place.get("directory"))
            && !self.names(tenant, key, &directory, from).await?
        {
            return Err(Denial::OtherDirectory.into());
        }
        match directory.life.state() {
            DirectoryState::Archived => Err(Denial::Archived.into()),
            DirectoryState::Disabled => Err(Refusal::Disabled),
            DirectoryState::Frozen if may_change(request.request()) => Err(Refusal::Frozen),
            _ => Ok((authenticated, directory)),
        }
    }

    fn good_use(&self, request: &HttpRequest, authenticated: &Authenticated) -> GoodUse {
        let from = ClientAddress::of_request(request).0;
        GoodUse {
            tenant: authenticated.tenant(),
            directory: authenticated.directory(),
            credential: authenticated.credential(),
            from: Source::new(from, agent(request.headers())),
            outside: authenticated.admit_from(from) != Ok(Origin::Inside),
            changes: may_change(request),
        }
    }

    fn note_refusal(&self, request: &ServiceRequest, refusal: &Refusal) {
        let Some(reason) = refusal.reason() else { return };
        let place = request.match_info();
        let url = place.get("tenant").zip(place.get("directory"));
        let url = url.filter(|(tenant, key)| is_name(tenant, LONGEST_SLUG) && is_name(key, LONGEST_KEY));
        let refused = RefusedKey {
            reason,
            credential: bearer::read(request.headers()).ok().map(|token| token.id()),
            client: None,
            url: url.map(|(tenant, key)| (tenant.to_ascii_lowercase(), key.to_ascii_lowercase())),
            address: Source::of_stranger(ClientAddress::of_request(request.request()).0, "").address,
        };
        self.uses.refused(refused, agent(request.headers()), self.clock.now());
    }

    /// Whether a URL's tenant and key name `directory`: by its present ID or Name, or by one that it had before.
    async fn names(&self, tenant: &str, key: &str, directory: &DirectoryRecord, from: IpAddr) -> Result<bool, Refusal> {
        // All of these are ASCII by rule. A tenant's slug never changes, so that a URL with another one is another tenant's.
        if !tenant.eq_ignore_ascii_case(&directory.tenant_slug) || !is_name(key, LONGEST_KEY) {
            return Ok(false);
        }
        if [&directory.directory_id, &directory.directory_name].iter().any(|name| key.eq_ignore_ascii_case(name)) {
            return Ok(true);
        }
        let caller = Caller { directory: directory.id, from };
        let named = self.tokens.resolve(tenant, key, Some(caller)).await?;
        Ok(named.is_some_and(|named| named.id == directory.id))
    }
}

const TURNED_AWAY: [StatusCode; 3] =
    [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE];

fn agent(headers: &HeaderMap) -> &str {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// Whether a part of a URL can name something: what else a stranger writes there is not kept.
fn is_name(part: &str, longest: usize) -> bool {
    part.len() <= longest && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// A tenant's slug has at most 40 characters, a Directory ID or Name at most 253.
const LONGEST_SLUG: usize = 40;
const LONGEST_KEY: usize = 253;

#[cfg(test)]
pub(crate) mod tests;
